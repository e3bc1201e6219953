//===- Safetensors.cpp - Tensors in a file --------------------------------===//

#include "dl/Support/Safetensors.h"
#include "dl/Support/AtomicFile.h"
#include "dl/Support/File.h"

#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>

namespace dl {

using Json = nlohmann::json;

/// The format's own limit on the header.
static constexpr uint64_t kMaxHeader = 100'000'000;
static constexpr const char *kMetadata = "__metadata__";

static constexpr std::pair<std::string_view, DType> kTypes[] = {
    {"F32", DType::F32}, {"F64", DType::F64},   {"I32", DType::I32},
    {"I64", DType::I64}, {"BOOL", DType::Bool}, {"U8", DType::U8}};

static uint64_t littleEndian64(const unsigned char *bytes) {
  uint64_t value = 0;
  for (int i = 7; i >= 0; --i)
    value = value << 8 | bytes[i];
  return value;
}

namespace {

/// What the header says of one tensor.
struct Entry {
  std::string name;
  DType dtype;
  Shape shape;
  uint64_t begin, end;
};

/// Reads one file; errors carry its path.
class Reader {
public:
  explicit Reader(InputFile file) : file(std::move(file)) {}
  Result<TensorFile> read();

private:
  Result<Json> readHeader();
  Result<Entry> parseEntry(const std::string &name, const Json &value) const;
  Status parseMetadata(const Json &value);
  Status checkOffsets(std::vector<Entry> &entries) const;
  Error error(const std::string &what) const { return fileError(file.path(), what); }

  InputFile file;
  uint64_t dataStart = 0;
  TensorFile result;
};

} // namespace

Result<Json> Reader::readHeader() {
  unsigned char prefix[8];
  if (Status status = file.read(prefix, 0, 8); !status)
    return status.error();
  uint64_t length = littleEndian64(prefix);
  if (length > kMaxHeader)
    return error(fmt::format("byte 0: expected a header of at most {} bytes, got {}: not a "
                             "safetensors file",
                             kMaxHeader, length));
  if (length > file.size() - 8)
    return error(fmt::format("truncated: expected a header of {} bytes from byte 8 on, got {}",
                             length, file.size() - 8));
  std::string text(length, '\0');
  if (Status status = file.read(text.data(), 8, length); !status)
    return status.error();
  dataStart = 8 + length;
  Json header = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!header.is_object())
    return error("byte 8: expected a JSON object as header");
  return header;
}

Result<Entry> Reader::parseEntry(const std::string &name, const Json &value) const {
  auto fail = [&](const std::string &what) {
    return error(fmt::format("tensor '{}': {}", name, what));
  };
  if (!value.is_object() || !value.contains("dtype") || !value["dtype"].is_string() ||
      !value.contains("shape") || !value["shape"].is_array() || !value.contains("data_offsets") ||
      !value["data_offsets"].is_array())
    return fail("expected an object of dtype, shape and data_offsets");

  Entry entry{name, DType::F32, {}, 0, 0};
  const std::string &type = value["dtype"].get_ref<const std::string &>();
  const auto *known = std::ranges::find(kTypes, type, &std::pair<std::string_view, DType>::first);
  if (known == std::end(kTypes))
    return fail(fmt::format("expected dtype F32, F64, I32, I64, BOOL or U8, got {}", type));
  entry.dtype = known->second;

  for (const Json &extent : value["shape"]) {
    constexpr uint64_t most = std::numeric_limits<int64_t>::max();
    if (!extent.is_number_unsigned() || extent.get<uint64_t>() > most)
      return fail(fmt::format("expected extents of at least 0, got {}", extent.dump()));
    entry.shape.push_back(extent.get<int64_t>());
  }
  auto count = countElements(entry.shape, entry.dtype);
  if (!count)
    return fail(count.error().message);

  const Json &offsets = value["data_offsets"];
  if (offsets.size() != 2 || !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned())
    return fail("expected data_offsets of two integers of at least 0");
  entry.begin = offsets[0].get<uint64_t>();
  entry.end = offsets[1].get<uint64_t>();
  uint64_t available = file.size() - dataStart;
  if (entry.begin > entry.end || entry.end > available)
    return fail(fmt::format("expected data_offsets inside the {} bytes of data, got [{}, {}]: "
                            "truncated or damaged",
                            available, entry.begin, entry.end));
  uint64_t bytes = static_cast<uint64_t>(*count) * sizeOf(entry.dtype);
  if (entry.end - entry.begin != bytes)
    return fail(fmt::format("expected {} bytes of data for {}, got {}", bytes,
                            toString(entry.shape, entry.dtype), entry.end - entry.begin));
  return entry;
}

Status Reader::parseMetadata(const Json &value) {
  if (!value.is_object())
    return error("expected __metadata__ to be an object of strings");
  for (const auto &[key, text] : value.items()) {
    if (!text.is_string())
      return error(fmt::format("expected a string as metadata '{}'", key));
    result.metadata.emplace_back(key, text.get_ref<const std::string &>());
  }
  return {};
}

/// The tensors must cover the data exactly: no overlap and no hole, as the
/// format demands, so that nothing can hide in a file.
Status Reader::checkOffsets(std::vector<Entry> &entries) const {
  std::ranges::sort(entries, [](const Entry &a, const Entry &b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  uint64_t covered = 0;
  for (const Entry &entry : entries) {
    if (entry.begin != covered)
      return error(fmt::format("tensor '{}': expected data from byte {} of the data on, got {}: "
                               "tensors {}",
                               entry.name, covered, entry.begin,
                               entry.begin < covered ? "overlap" : "leave a hole"));
    covered = entry.end;
  }
  uint64_t available = file.size() - dataStart;
  if (covered != available)
    return error(fmt::format("expected {} bytes of data, got {}", covered, available));
  return {};
}

Result<TensorFile> Reader::read() {
  auto header = readHeader();
  if (!header)
    return header.error();
  std::vector<Entry> entries;
  for (const auto &[name, value] : header->items()) {
    if (name == kMetadata) {
      if (Status status = parseMetadata(value); !status)
        return status.error();
      continue;
    }
    auto entry = parseEntry(name, value);
    if (!entry)
      return entry.error();
    entries.push_back(std::move(*entry));
  }
  if (Status status = checkOffsets(entries); !status)
    return status.error();
  for (const Entry &entry : entries) {
    Tensor tensor(entry.dtype, entry.shape);
    if (Status status = file.read(tensor.raw(), dataStart + entry.begin, tensor.bytes()); !status)
      return status.error();
    if (entry.dtype == DType::Bool)
      for (bool &element : tensor.span<bool>())
        element = *reinterpret_cast<unsigned char *>(&element) != 0;
    result.tensors.emplace(entry.name, std::move(tensor));
  }
  return std::move(result);
}

Result<TensorFile> readSafetensors(const std::string &path) {
  auto file = InputFile::open(path);
  if (!file)
    return file.error();
  return Reader(std::move(*file)).read();
}

static std::string makeHeader(std::span<const std::pair<std::string, const Tensor *>> tensors,
                              const std::vector<std::pair<std::string, std::string>> &metadata) {
  Json header = Json::object();
  if (!metadata.empty())
    header[kMetadata] = Json::object();
  for (const auto &[key, text] : metadata)
    header[kMetadata][key] = text;
  uint64_t offset = 0;
  for (const auto &[name, tensor] : tensors) {
    const auto *type =
        std::ranges::find(kTypes, tensor->dtype(), &std::pair<std::string_view, DType>::second);
    header[name] = {{"dtype", type->first},
                    {"shape", tensor->shape()},
                    {"data_offsets", {offset, offset + tensor->bytes()}}};
    offset += tensor->bytes();
  }
  std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
  // Data start at a multiple of 8 bytes, for readers that map the file.
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
}

Status writeSafetensors(const std::string &path,
                        std::span<const std::pair<std::string, const Tensor *>> tensors,
                        const std::vector<std::pair<std::string, std::string>> &metadata) {
  std::string header = makeHeader(tensors, metadata);
  unsigned char prefix[8];
  for (int i = 0; i < 8; ++i)
    prefix[i] = static_cast<unsigned char>(header.size() >> (8 * i));
  auto file = AtomicFile::create(path);
  if (!file)
    return file.error();
  if (Status status = file->write(prefix, 8); !status)
    return status;
  if (Status status = file->write(header.data(), header.size()); !status)
    return status;
  for (const auto &[name, tensor] : tensors)
    if (Status status = file->write(tensor->raw(), tensor->bytes()); !status)
      return status;
  return file->commit();
}

} // namespace dl
