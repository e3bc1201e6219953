//===- ImageFiles.cpp - MNIST's and CIFAR-10's files ----------------------===//
//
// IDX (yann.lecun.com/exdb/mnist): a magic number (two zeros, the type, the
// rank), the extents, the elements, all big endian. CIFAR-10's binary version
// (cs.toronto.edu/~kriz/cifar.html): records of a label and 3072 pixels.
//
//===----------------------------------------------------------------------===//

#include "dl/Support/File.h"
#include "dl/Train/Data.h"

#include <cstring>
#include <filesystem>
#include <fmt/format.h>

namespace dl {

namespace {
/// The expanded bytes of a file and the path they come from.
struct Contents {
  std::string path, bytes;
};
} // namespace

/// Reads FOLDER/NAME or FOLDER/NAME.gz.
static Result<Contents> readPlainOrGzip(const std::string &folder, const std::string &name) {
  constexpr uint64_t limit = 4ull << 30;
  std::string plain = folder + "/" + name, packed = plain + ".gz";
  std::error_code ignored;
  if (std::filesystem::exists(plain, ignored)) {
    auto bytes = readFile(plain);
    if (!bytes)
      return bytes.error();
    return Contents{plain, std::move(*bytes)};
  }
  if (!std::filesystem::exists(packed, ignored))
    return fileError(plain, "no such file, nor one with .gz");
  auto bytes = readFile(packed);
  if (!bytes)
    return bytes.error();
  auto expanded = inflateBytes(*bytes, /*raw=*/false, limit);
  if (!expanded)
    return fileError(packed, expanded.error().message);
  return Contents{packed, std::move(*expanded)};
}

//===----------------------------------------------------------------------===//
// MNIST
//===----------------------------------------------------------------------===//

static uint32_t bigEndian32(const std::string &bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i)
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

/// Reads an IDX file of bytes with the given rank.
static Result<Tensor> readIdx(const std::string &folder, const std::string &name, size_t rank) {
  auto file = readPlainOrGzip(folder, name);
  if (!file)
    return file.error();
  const std::string &bytes = file->bytes;
  size_t start = 4 + 4 * rank;
  if (bytes.size() < start)
    return fileError(file->path, fmt::format("truncated: expected a header of {} bytes, got {}",
                                             start, bytes.size()));
  uint32_t magic = bigEndian32(bytes, 0), expected = 0x800 | static_cast<uint32_t>(rank);
  if (magic != expected)
    return fileError(file->path, fmt::format("byte 0: expected the magic number {:#010x} of an IDX "
                                             "file of bytes of rank {}, got {:#010x}",
                                             expected, rank, magic));
  Shape shape;
  for (size_t d = 0; d < rank; ++d)
    shape.push_back(bigEndian32(bytes, 4 + 4 * d));
  auto count = countElements(shape, DType::U8);
  if (!count)
    return fileError(file->path, fmt::format("byte 4: {}", count.error().message));
  if (bytes.size() - start != static_cast<uint64_t>(*count))
    return fileError(
        file->path,
        fmt::format("{}: expected {} bytes from byte {} on, got {}",
                    bytes.size() - start < static_cast<uint64_t>(*count) ? "truncated" : "too long",
                    *count, start, bytes.size() - start));
  Tensor tensor(DType::U8, shape);
  if (*count != 0)
    std::memcpy(tensor.raw(), bytes.data() + start, static_cast<size_t>(*count));
  return tensor;
}

static Result<Examples> readMnistSplit(const std::string &folder, const std::string &prefix) {
  std::string labelFile = prefix + "-labels-idx1-ubyte";
  auto images = readIdx(folder, prefix + "-images-idx3-ubyte", 3);
  if (!images)
    return images.error();
  auto labels = readIdx(folder, labelFile, 1);
  if (!labels)
    return labels.error();
  if (labels->size() != images->shape()[0])
    return fileError(folder + "/" + labelFile,
                     fmt::format("expected {} labels, one for each image, got {}",
                                 images->shape()[0], labels->size()));
  Examples examples;
  examples.targets = Tensor(DType::I32, {labels->size()});
  for (int64_t i = 0; i < labels->size(); ++i) {
    uint8_t label = labels->data<uint8_t>()[i];
    if (label > 9)
      return fileError(folder + "/" + labelFile,
                       fmt::format("byte {}: expected a label from 0 to 9, got {}", 8 + i, label));
    examples.targets.data<int32_t>()[i] = label;
  }
  examples.inputs.push_back({"x", std::move(*images)});
  return examples;
}

Result<DataSet> loadMnist(const std::string &folder) {
  auto train = readMnistSplit(folder, "train");
  if (!train)
    return train.error();
  auto test = readMnistSplit(folder, "t10k");
  if (!test)
    return test.error();
  return DataSet{"mnist", std::move(*train), std::move(*test), 10};
}

//===----------------------------------------------------------------------===//
// CIFAR-10
//===----------------------------------------------------------------------===//

static constexpr int64_t kPixels = 3 * 32 * 32, kRecord = 1 + kPixels;

static Result<Examples> readCifarFiles(const std::string &folder,
                                       const std::vector<std::string> &names) {
  std::vector<Contents> files;
  int64_t count = 0;
  for (const std::string &name : names) {
    auto file = readPlainOrGzip(folder, name);
    if (!file)
      return file.error();
    int64_t size = static_cast<int64_t>(file->bytes.size());
    if (size == 0 || size % kRecord != 0)
      return fileError(file->path, fmt::format("truncated: expected records of {} bytes, the last "
                                               "one at byte {} has {}",
                                               kRecord, size - size % kRecord, size % kRecord));
    count += size / kRecord;
    files.push_back(std::move(*file));
  }
  Examples examples{{{"x", Tensor(DType::U8, {count, 3, 32, 32})}}, Tensor(DType::I32, {count})};
  uint8_t *pixels = examples.inputs[0].values.data<uint8_t>();
  int32_t *labels = examples.targets.data<int32_t>();
  for (const Contents &file : files)
    for (size_t at = 0; at < file.bytes.size(); at += kRecord) {
      uint8_t label = static_cast<uint8_t>(file.bytes[at]);
      if (label > 9)
        return fileError(file.path,
                         fmt::format("byte {}: expected a label from 0 to 9, got {}", at, label));
      *labels++ = label;
      std::memcpy(pixels, file.bytes.data() + at + 1, kPixels);
      pixels += kPixels;
    }
  return examples;
}

Result<DataSet> loadCifar10(const std::string &folder) {
  // The original has five files for training; a subset may have fewer.
  std::vector<std::string> names = {"data_batch_1.bin"};
  for (int i = 2; i <= 5; ++i) {
    std::string name = fmt::format("data_batch_{}.bin", i);
    std::error_code ignored;
    if (std::filesystem::exists(folder + "/" + name, ignored) ||
        std::filesystem::exists(folder + "/" + name + ".gz", ignored))
      names.push_back(name);
  }
  auto train = readCifarFiles(folder, names);
  if (!train)
    return train.error();
  auto test = readCifarFiles(folder, {"test_batch.bin"});
  if (!test)
    return test.error();
  return DataSet{"cifar10", std::move(*train), std::move(*test), 10};
}

} // namespace dl
