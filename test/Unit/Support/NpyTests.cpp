//===- NpyTests.cpp - NumPy's array files ---------------------------------===//

#include "dl/Support/Npy.h"

#include "TempFile.h"

#include <cstring>
#include <optional>
#include <zlib.h>

namespace {

using namespace dl;
using test::TempFolder;

std::string npy(const std::string &header, const std::string &data = "", char major = 1) {
  std::string bytes = std::string("\x93NUMPY") + major + '\0';
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i)
    bytes += static_cast<char>(header.size() >> (8 * i));
  return bytes + header + data;
}

std::string dict(const std::string &type, const std::string &shape, const char *order = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

std::string errorOf(const std::string &bytes) {
  auto result = parseNpy(bytes, "x.npy");
  return result ? "" : result.error().message;
}

#define EXPECT_ERROR(bytes, part)                                                                  \
  EXPECT_NE(errorOf(bytes).find(part), std::string::npos) << errorOf(bytes)

TEST(Npy, RoundTrip) {
  TempFolder folder;
  Tensor values[] = {Tensor::from<float>({2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6}),
                     Tensor::from<int32_t>({2}, std::vector<int32_t>{-1, 7}),
                     Tensor::from<double>({}, std::vector<double>{0.5}), Tensor(DType::U8, {3, 0})};
  for (const Tensor &value : values) {
    ASSERT_TRUE(writeNpy(folder.path("x.npy"), value).ok());
    EXPECT_EQ(TempFolder::read(folder.path("x.npy")).size() % 64, value.bytes());
    auto read = readNpy(folder.path("x.npy"));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->dtype(), value.dtype());
    EXPECT_EQ(read->shape(), value.shape());
    EXPECT_EQ(std::memcmp(read->raw(), value.raw(), value.bytes()), 0);
  }
}

TEST(Npy, VersionsAndOrders) {
  std::string data("\1\2\3\4\5\6", 6);
  for (char major : {1, 2, 3}) {
    auto read = parseNpy(npy(dict("|u1", "(2, 3)"), data, major), "x");
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->data<uint8_t>()[1], 2);
  }
  auto fortran = parseNpy(npy(dict("|u1", "(2, 3)", "True"), data), "x");
  ASSERT_TRUE(fortran);
  EXPECT_EQ(std::vector<uint8_t>(fortran->span<uint8_t>().begin(), fortran->span<uint8_t>().end()),
            (std::vector<uint8_t>{1, 3, 5, 2, 4, 6}));
}

TEST(Npy, EveryTruncationIsAnError) {
  std::string whole = npy(dict("<f4", "(2,)"), std::string(8, 'x'));
  EXPECT_EQ(errorOf(whole), "");
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_NE(errorOf(whole.substr(0, size)), "") << size;
  EXPECT_ERROR(whole + "x", "too long: expected 8 bytes of data for 2xf32, got 9");
  EXPECT_ERROR(whole.substr(0, whole.size() - 1), "truncated: expected 8 bytes of data");
}

TEST(Npy, HostileHeaders) {
  EXPECT_ERROR("hello", "x.npy: error: byte 0: expected a NumPy array file");
  EXPECT_ERROR(npy(dict("<f4", "(0,)"), "", 9), "byte 6: expected format 1, 2 or 3, got 9");
  EXPECT_ERROR(npy(dict(">f4", "(1,)")), "expected type <f4, <f8, <i4, <i8, |b1 or |u1, got >f4");
  EXPECT_ERROR(npy(dict("|O", "(1,)")), "got |O");
  EXPECT_ERROR(npy(dict("<f4", "(-1,)")), "expected an extent of at least 0 at byte");
  EXPECT_ERROR(npy(dict("<f4", "(99999999999999999999,)")), "expected an extent of at least 0");
  EXPECT_NE(errorOf(npy(dict("<f8", "(4611686018427387904, 4)"))), "");
  EXPECT_ERROR(npy("{'descr': '<f4'}"), "expected descr, fortran_order and shape");
  EXPECT_ERROR(npy("{'descr': [('a', '<f4')]}"), "expected a string at byte 10");
  EXPECT_ERROR(npy("{'x': 1}"), "unknown key 'x'");
  EXPECT_ERROR(npy("{"), "expected a string at byte 1");
  EXPECT_ERROR(npy(dict("<f4", "(1 2)")), "expected ',' or ')'");
  EXPECT_ERROR(npy(dict("<f4", "(1,)") + "import os", "abcd"), "expected nothing more");
}

//===----------------------------------------------------------------------===//
// Archives
//===----------------------------------------------------------------------===//

std::string little(uint64_t value, int width) {
  std::string bytes;
  for (int i = 0; i < width; ++i)
    bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

std::string deflate(const std::string &data) {
  std::string out(compressBound(data.size()) + 64, '\0');
  z_stream stream = {};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef *>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  ::deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// An archive of one member; `claim`: its expanded size as the file tells it.
std::string zip(const std::string &data, bool compress, std::optional<uint64_t> claim = {}) {
  std::string stored = compress ? deflate(data) : data;
  uint64_t size = claim.value_or(data.size());
  std::string name = "x_train.npy";
  std::string common =
      little(20, 2) + little(0, 2) + little(compress ? 8 : 0, 2) + little(0, 4) +
      little(crc32_z(0, reinterpret_cast<const Bytef *>(data.data()), data.size()), 4) +
      little(stored.size(), 4) + little(size, 4) + little(name.size(), 2) + little(0, 2);
  std::string local = "PK\3\4" + common + name + stored;
  std::string directory =
      "PK\1\2" + little(20, 2) + common + little(0, 2) + little(0, 8) + little(0, 4) + name;
  return local + directory + "PK\5\6" + little(0, 4) + little(1, 2) + little(1, 2) +
         little(directory.size(), 4) + little(local.size(), 4) + little(0, 2);
}

std::string zipError(const std::string &bytes) {
  TempFolder folder;
  std::string path = folder.write("d.npz", bytes);
  auto result = readNpz(path);
  return result ? "" : result.error().message.substr(path.size());
}

TEST(Npz, StoredAndDeflated) {
  TempFolder folder;
  std::string member = npy(dict("<i4", "(1000,)"), std::string(4000, '\1'));
  for (bool compress : {false, true}) {
    auto read = readNpz(folder.write("d.npz", zip(member, compress)));
    ASSERT_TRUE(read) << read.error().message;
    ASSERT_TRUE(read->contains("x_train"));
    EXPECT_EQ(read->at("x_train").data<int32_t>()[999], 0x01010101);
  }
}

TEST(Npz, EveryTruncationAndEveryFlippedByteIsHandled) {
  std::string whole = zip(npy(dict("<i4", "(100,)"), std::string(400, '\1')), true);
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_NE(zipError(whole.substr(0, size)), "") << size;
  // A flipped byte may hit what nobody reads; it must not do harm.
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string bytes = whole;
    bytes[i] = static_cast<char>(bytes[i] ^ 0xff);
    zipError(bytes);
  }
}

TEST(Npz, HostileArchives) {
  std::string member = npy(dict("|u1", "(4,)"), "abcd");
  EXPECT_EQ(zipError("x"), ": error: expected a zip archive (.npz), found no end record: truncated "
                           "or another format");
  EXPECT_NE(zipError(zip(member, true, 0xfffffffe)).find("got a claim of 4294967294"),
            std::string::npos);
  EXPECT_NE(zipError(zip(member, true, 3)).find("expected at most 3 bytes after expansion"),
            std::string::npos);
  EXPECT_NE(zipError(zip(member, false, 3)).find("expected 3 bytes, got"), std::string::npos);
  std::string damaged = zip(member, false);
  damaged[damaged.find("abcd")] = 'X';
  EXPECT_EQ(zipError(damaged), ": error: member 'x_train.npy': wrong checksum: damaged");
  EXPECT_EQ(zipError(zip("hello", false)).find("(x_train.npy): error: byte 0: expected a NumPy"),
            0u);
}

} // namespace
