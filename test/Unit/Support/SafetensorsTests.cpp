//===- SafetensorsTests.cpp - Tensors in a file ---------------------------===//

#include "dl/Support/Safetensors.h"

#include "TempFile.h"

namespace {

using namespace dl;
using test::TempFolder;

/// A file with the given header and data.
std::string file(const std::string &header, const std::string &data = "") {
  std::string bytes;
  for (int i = 0; i < 8; ++i)
    bytes += static_cast<char>(header.size() >> (8 * i));
  return bytes + header + data;
}

/// The error of reading a file of these bytes; empty where it reads.
std::string errorOf(const std::string &bytes) {
  TempFolder folder;
  std::string path = folder.write("w.safetensors", bytes);
  auto result = readSafetensors(path);
  if (result)
    return "";
  EXPECT_TRUE(result.error().message.starts_with(path + ": error: ")) << result.error().message;
  return result.error().message.substr(path.size());
}

#define EXPECT_ERROR(bytes, part)                                                                  \
  EXPECT_NE(errorOf(bytes).find(part), std::string::npos) << errorOf(bytes)

TEST(Safetensors, RoundTrip) {
  TempFolder folder;
  Tensor a = Tensor::from<float>({2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
  Tensor b = Tensor::from<int64_t>({}, std::vector<int64_t>{-7});
  Tensor c(DType::Bool, {0, 4});
  std::pair<std::string, const Tensor *> tensors[] = {{"layer.a", &a}, {"b \"q\"", &b}, {"c", &c}};
  ASSERT_TRUE(writeSafetensors(folder.path("f"), tensors, {{"epoch", "3"}}).ok());
  EXPECT_EQ(folder.count(), 1u);
  auto read = readSafetensors(folder.path("f"));
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->tensors.size(), 3u);
  EXPECT_EQ(read->tensors["layer.a"].shape(), (Shape{2, 3}));
  EXPECT_EQ(read->tensors["layer.a"].data<float>()[5], 6);
  EXPECT_EQ(read->tensors["b \"q\""].data<int64_t>()[0], -7);
  EXPECT_EQ(read->tensors["c"].shape(), (Shape{0, 4}));
  ASSERT_EQ(read->metadata.size(), 1u);
  EXPECT_EQ(read->metadata[0], (std::pair<std::string, std::string>("epoch", "3")));
}

TEST(Safetensors, EveryTruncationIsAnError) {
  TempFolder folder;
  Tensor a = Tensor::from<double>({2}, std::vector<double>{1, 2});
  std::pair<std::string, const Tensor *> tensors[] = {{"a", &a}};
  ASSERT_TRUE(writeSafetensors(folder.path("f"), tensors, {}).ok());
  std::string whole = TempFolder::read(folder.path("f"));
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_NE(errorOf(whole.substr(0, size)), "") << size;
  EXPECT_ERROR(whole + "x", "expected 16 bytes of data, got 17");
}

TEST(Safetensors, HostileHeaders) {
  EXPECT_ERROR("", "truncated: expected 8 bytes from byte 0 on, got 0");
  EXPECT_ERROR(std::string(8, '\xff'), "expected a header of at most 100000000 bytes");
  EXPECT_ERROR(std::string("\x10\0\0\0\0\0\0\0{}", 10), "truncated: expected a header of 16 bytes");
  EXPECT_ERROR(file("[1]"), "byte 8: expected a JSON object");
  EXPECT_ERROR(file("{\"a\":"), "byte 8: expected a JSON object");
  EXPECT_ERROR(file(std::string(100000, '[')), "byte 8: expected a JSON object");
  EXPECT_ERROR(file(R"({"a":3})"), "tensor 'a': expected an object of dtype");
  EXPECT_ERROR(file(R"({"__metadata__":{"k":1}})"), "expected a string as metadata 'k'");
  EXPECT_ERROR(file(R"({"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}})", "ab"),
               "tensor 'a': expected dtype F32, F64, I32, I64, BOOL or U8, got F16");
  EXPECT_ERROR(file(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", "abcd"),
               "tensor 'a': expected extents of at least 0, got -1");
  EXPECT_ERROR(file(R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", "abcd"),
               "expected extents of at least 0, got 1.5");
  EXPECT_NE(errorOf(file(
                R"({"a":{"dtype":"F64","shape":[4611686018427387904,4],"data_offsets":[0,0]}})")),
            "");
}

TEST(Safetensors, HostileOffsets) {
  auto one = [](const std::string &offsets) {
    return file(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + offsets + "}}", "abcd");
  };
  EXPECT_EQ(errorOf(one("[0,4]")), "");
  EXPECT_ERROR(one("[0,5]"), "expected data_offsets inside the 4 bytes of data, got [0, 5]");
  EXPECT_ERROR(one("[3,1]"), "expected data_offsets inside");
  EXPECT_ERROR(one("[0,3]"), "expected 4 bytes of data for 4xui8, got 3");
  EXPECT_ERROR(one("[0]"), "expected data_offsets of two integers");
  EXPECT_ERROR(one("[-4,0]"), "expected data_offsets of two integers");
  EXPECT_ERROR(one("[18446744073709551615,3]"), "expected data_offsets inside");
  auto two = [](const std::string &a, const std::string &b) {
    return file(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)" + a +
                    R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + b + "}}",
                "abcde");
  };
  EXPECT_ERROR(two("[0,2]", "[1,3]"),
               "tensor 'b': expected data from byte 2 of the data on, got 1");
  EXPECT_ERROR(two("[0,2]", "[3,5]"), "tensors leave a hole");
  EXPECT_ERROR(two("[0,2]", "[2,4]"), "expected 4 bytes of data, got 5");
}

TEST(Safetensors, BoolsAreZeroOrOne) {
  TempFolder folder;
  std::string path = folder.write(
      "f", file(R"({"a":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}})", {"\0\2\xff", 3}));
  auto read = readSafetensors(path);
  ASSERT_TRUE(read);
  const auto *bytes = static_cast<const unsigned char *>(read->tensors["a"].raw());
  EXPECT_EQ(bytes[0], 0);
  EXPECT_EQ(bytes[1], 1);
  EXPECT_EQ(bytes[2], 1);
}

TEST(Safetensors, NoFile) {
  EXPECT_EQ(readSafetensors("/no/such").error().message,
            "/no/such: error: cannot open: No such file or directory");
  EXPECT_EQ(readSafetensors("/").error().message, "/: error: expected a regular file");
  EXPECT_FALSE(writeSafetensors("/no/such/file", {}, {}).ok());
}

} // namespace
