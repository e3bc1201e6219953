//===- DataTests.cpp - Data sets ------------------------------------------===//

#include "dl/Train/Data.h"

#include "../Support/TempFile.h"

#include <set>

namespace {

using namespace dl;
using test::TempFolder;

std::string bigEndian(std::initializer_list<uint32_t> words) {
  std::string bytes;
  for (uint32_t word : words)
    for (int shift : {24, 16, 8, 0})
      bytes += static_cast<char>(word >> shift);
  return bytes;
}

std::string idxImages(uint32_t count) {
  return bigEndian({0x803, count, 2, 2}) + std::string(count * 4, '\x80');
}
std::string idxLabels(const std::string &labels) {
  return bigEndian({0x801, static_cast<uint32_t>(labels.size())}) + labels;
}

/// A folder in the form of MNIST, with 2 images a split.
struct MnistFolder : TempFolder {
  MnistFolder() {
    for (const char *split : {"train", "t10k"}) {
      write(std::string(split) + "-images-idx3-ubyte", idxImages(2));
      write(std::string(split) + "-labels-idx1-ubyte", idxLabels({"\3\7", 2}));
    }
  }
  std::string error() const {
    auto set = DataSet::load("mnist:" + path(""));
    return set ? "" : set.error().message;
  }
};

#define EXPECT_CONTAINS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST(Data, Digits) {
  auto set = DataSet::load("digits:train=300,test=50");
  ASSERT_TRUE(set);
  EXPECT_EQ(set->train.inputs[0].values.shape(), (Shape{300, 28, 28}));
  EXPECT_EQ(set->test.count(), 50);
  EXPECT_EQ(set->classes, 10);
  auto labels = set->train.targets.span<int32_t>();
  EXPECT_EQ(std::set<int32_t>(labels.begin(), labels.end()).size(), 10u);
  // Every image has ink, and not too much of it.
  for (int64_t i = 0; i < 300; ++i) {
    const uint8_t *image = set->train.inputs[0].values.data<uint8_t>() + i * 784;
    int64_t dark = std::count_if(image, image + 784, [](uint8_t pixel) { return pixel > 128; });
    EXPECT_GT(dark, 15);
    EXPECT_LT(dark, 300);
  }
}

TEST(Data, DigitsDoNotDependOnTheirNumber) {
  DataSet few = drawDigits(10, 1), many = drawDigits(20, 1);
  EXPECT_TRUE(std::equal(few.train.inputs[0].values.span<uint8_t>().begin(),
                         few.train.inputs[0].values.span<uint8_t>().end(),
                         many.train.inputs[0].values.span<uint8_t>().begin()));
}

TEST(Data, TruthTables) {
  for (auto [name, values] : {std::pair("and", std::vector<int32_t>{0, 0, 0, 1}),
                              std::pair("or", std::vector<int32_t>{0, 1, 1, 1}),
                              std::pair("xor", std::vector<int32_t>{0, 1, 1, 0})}) {
    auto set = DataSet::load(name);
    ASSERT_TRUE(set);
    auto targets = set->train.targets.span<int32_t>();
    EXPECT_EQ(std::vector<int32_t>(targets.begin(), targets.end()), values);
  }
}

TEST(Data, Specifications) {
  EXPECT_CONTAINS(DataSet::load("foo").error().message, "unknown data set 'foo': expected one of");
  EXPECT_CONTAINS(DataSet::load("mnist").error().message, "expected mnist:DIR");
  EXPECT_CONTAINS(DataSet::load("npz:").error().message, "expected npz:FILE");
  EXPECT_CONTAINS(DataSet::load("digits:train=0").error().message,
                  "expected a number from 1 to 10000000 as train, got '0'");
  EXPECT_CONTAINS(DataSet::load("digits:color=2").error().message,
                  "expected train=N or test=N, got 'color=2'");
  EXPECT_CONTAINS(DataSet::load("xor:1").error().message, "expected nothing after it");
}

TEST(Mnist, Reads) {
  MnistFolder folder;
  auto set = DataSet::load("mnist:" + folder.path(""));
  ASSERT_TRUE(set) << set.error().message;
  EXPECT_EQ(set->train.inputs[0].values.shape(), (Shape{2, 2, 2}));
  EXPECT_EQ(set->test.targets.data<int32_t>()[1], 7);
}

TEST(Mnist, Errors) {
  MnistFolder folder;
  folder.write("t10k-labels-idx1-ubyte", idxLabels({"\3", 1}));
  EXPECT_CONTAINS(folder.error(), "t10k-labels-idx1-ubyte: error: expected 2 labels");
  folder.write("t10k-labels-idx1-ubyte", idxLabels({"\3\12", 2}));
  EXPECT_CONTAINS(folder.error(), "byte 9: expected a label from 0 to 9, got 10");
  std::string images = idxImages(2);
  for (size_t size = 0; size < images.size(); ++size) {
    folder.write("t10k-images-idx3-ubyte", images.substr(0, size));
    EXPECT_CONTAINS(folder.error(), "t10k-images-idx3-ubyte: error: truncated");
  }
  folder.write("t10k-images-idx3-ubyte", images + "x");
  EXPECT_CONTAINS(folder.error(), "too long: expected 8 bytes from byte 16 on, got 9");
  folder.write("t10k-images-idx3-ubyte", bigEndian({0x803, 0xffffffff, 0xffffffff, 0xffffffff}));
  EXPECT_CONTAINS(folder.error(), "byte 4: ");
  folder.write("t10k-images-idx3-ubyte", idxLabels(std::string(20, '\1')));
  EXPECT_CONTAINS(folder.error(), "byte 0: expected the magic number 0x00000803");
  std::filesystem::remove(folder.path("t10k-images-idx3-ubyte"));
  EXPECT_CONTAINS(folder.error(), "t10k-images-idx3-ubyte: error: no such file, nor one with .gz");
  folder.write("t10k-images-idx3-ubyte.gz", "no gzip");
  EXPECT_CONTAINS(folder.error(), "t10k-images-idx3-ubyte.gz: error: damaged compressed data");
}

TEST(Cifar10, ReadsAndFails) {
  TempFolder folder;
  auto error = [&] {
    auto set = DataSet::load("cifar10:" + folder.path(""));
    return set ? "" : set.error().message;
  };
  std::string record = '\2' + std::string(3072, 'p');
  EXPECT_CONTAINS(std::string(error()), "data_batch_1.bin: error: no such file");
  folder.write("data_batch_1.bin", record);
  folder.write("data_batch_3.bin", record + record);
  folder.write("test_batch.bin", record);
  auto set = DataSet::load("cifar10:" + folder.path(""));
  ASSERT_TRUE(set) << set.error().message;
  EXPECT_EQ(set->train.inputs[0].values.shape(), (Shape{3, 3, 32, 32}));
  folder.write("test_batch.bin", record + "x");
  EXPECT_CONTAINS(std::string(error()),
                  "truncated: expected records of 3073 bytes, the last one at byte 3073 has 1");
  folder.write("test_batch.bin", record + '\x0a' + std::string(3072, 'p'));
  EXPECT_CONTAINS(std::string(error()), "byte 3073: expected a label from 0 to 9, got 10");
}

} // namespace
