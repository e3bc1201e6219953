//===- Npz.cpp - Archives of NumPy arrays ---------------------------------===//
//
// A zip archive (PKWARE's APPNOTE.TXT): members, then a central directory, then
// an end record. Read through the central directory, as unzip does; zip64 sizes
// are understood, encryption and several disks are not.
//
//===----------------------------------------------------------------------===//

#include "dl/Support/File.h"
#include "dl/Support/Npy.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <zlib.h>

namespace dl {

namespace {

/// One member as the central directory describes it.
struct Member {
  std::string name;
  uint32_t method = 0, flags = 0, checksum = 0;
  uint64_t compressed = 0, expanded = 0, offset = 0;
};

class Archive {
public:
  Archive(std::string_view bytes, const std::string &path) : bytes(bytes), path(path) {}
  Result<std::map<std::string, Tensor>> read();

private:
  bool inside(uint64_t at, uint64_t count) const {
    return at <= bytes.size() && count <= bytes.size() - at;
  }
  /// A little-endian number. Precondition: it lies inside the file.
  uint64_t number(uint64_t at, int width) const {
    uint64_t value = 0;
    for (int i = width - 1; i >= 0; --i)
      value = value << 8 | static_cast<unsigned char>(bytes[at + static_cast<uint64_t>(i)]);
    return value;
  }
  Error error(const std::string &what) const { return fileError(path, what); }

  Status findDirectory();
  Result<Member> readMember();
  void applyZip64(Member &member, uint64_t at, uint64_t count) const;
  Result<Tensor> readTensor(const Member &member) const;

  std::string_view bytes;
  const std::string &path;
  uint64_t cursor = 0, members = 0;
};

} // namespace

/// Sets `cursor` to the central directory.
Status Archive::findDirectory() {
  constexpr uint64_t endSize = 22, maxComment = 65535;
  constexpr std::string_view endMark("PK\5\6", 4);
  size_t at = bytes.rfind(endMark, bytes.size() < endSize ? 0 : bytes.size() - endSize);
  if (bytes.size() < endSize || at == bytes.npos || bytes.size() - at > endSize + maxComment)
    return error("expected a zip archive (.npz), found no end record: truncated or another format");
  members = number(at + 10, 2);
  cursor = number(at + 16, 4);
  // A zip64 locator stands right before the end record.
  if (at >= 20 && bytes.substr(at - 20, 4) == std::string_view("PK\6\7", 4)) {
    uint64_t end64 = number(at - 20 + 8, 8);
    if (!inside(end64, 56) || bytes.substr(end64, 4) != std::string_view("PK\6\6", 4))
      return error(fmt::format("byte {}: expected a zip64 end record", end64));
    members = number(end64 + 32, 8);
    cursor = number(end64 + 48, 8);
  }
  return {};
}

/// Sizes that do not fit 32 bits stand in an extra field, in this order.
void Archive::applyZip64(Member &member, uint64_t at, uint64_t count) const {
  for (uint64_t end = at + count; at + 4 <= end;) {
    uint64_t id = number(at, 2), size = std::min(number(at + 2, 2), end - at - 4);
    uint64_t field = at + 4, fieldEnd = field + size;
    if (id == 1)
      for (uint64_t *value : {&member.expanded, &member.compressed, &member.offset})
        if (*value == 0xffffffff && field + 8 <= fieldEnd) {
          *value = number(field, 8);
          field += 8;
        }
    at = fieldEnd;
  }
}

Result<Member> Archive::readMember() {
  constexpr uint64_t fixed = 46;
  if (!inside(cursor, fixed) || bytes.substr(cursor, 4) != std::string_view("PK\1\2", 4))
    return error(fmt::format("byte {}: expected an entry of the zip directory", cursor));
  Member member;
  member.flags = static_cast<uint32_t>(number(cursor + 8, 2));
  member.method = static_cast<uint32_t>(number(cursor + 10, 2));
  member.checksum = static_cast<uint32_t>(number(cursor + 16, 4));
  member.compressed = number(cursor + 20, 4);
  member.expanded = number(cursor + 24, 4);
  member.offset = number(cursor + 42, 4);
  uint64_t nameSize = number(cursor + 28, 2), extraSize = number(cursor + 30, 2),
           commentSize = number(cursor + 32, 2);
  if (!inside(cursor + fixed, nameSize + extraSize + commentSize))
    return error(fmt::format("byte {}: an entry of the zip directory is truncated", cursor));
  member.name = bytes.substr(cursor + fixed, nameSize);
  applyZip64(member, cursor + fixed + nameSize, extraSize);
  cursor += fixed + nameSize + extraSize + commentSize;
  return member;
}

Result<Tensor> Archive::readTensor(const Member &member) const {
  auto fail = [&](const std::string &what) {
    return error(fmt::format("member '{}': {}", member.name, what));
  };
  constexpr uint64_t fixed = 30, deflateRatio = 1032, slack = 1024;
  if (!inside(member.offset, fixed) ||
      bytes.substr(member.offset, 4) != std::string_view("PK\3\4", 4))
    return fail(fmt::format("expected its header at byte {}", member.offset));
  // The local header may have extra fields that the directory lacks.
  uint64_t start =
      member.offset + fixed + number(member.offset + 26, 2) + number(member.offset + 28, 2);
  if (!inside(start, member.compressed))
    return fail(
        fmt::format("truncated: expected {} bytes from byte {} on", member.compressed, start));
  if (member.flags & 1)
    return fail("is encrypted");
  std::string_view data = bytes.substr(start, member.compressed);
  std::string expanded;
  if (member.method == 8) {
    // Deflate cannot expand further than this: a larger claim is a lie.
    if (member.expanded / deflateRatio > member.compressed + slack)
      return fail(fmt::format("expected at most {} bytes after expansion, got a claim of {}",
                              (member.compressed + slack) * deflateRatio, member.expanded));
    auto result = inflateBytes(data, /*raw=*/true, member.expanded);
    if (!result)
      return fail(result.error().message);
    expanded = std::move(*result);
    data = expanded;
  } else if (member.method != 0) {
    return fail(fmt::format("expected compression method 0 or 8, got {}", member.method));
  }
  if (data.size() != member.expanded)
    return fail(fmt::format("expected {} bytes, got {}", member.expanded, data.size()));
  if (crc32_z(0, reinterpret_cast<const Bytef *>(data.data()), data.size()) != member.checksum)
    return fail("wrong checksum: damaged");
  return parseNpy(data, fmt::format("{}({})", path, member.name));
}

Result<std::map<std::string, Tensor>> Archive::read() {
  if (Status status = findDirectory(); !status)
    return status.error();
  std::map<std::string, Tensor> arrays;
  for (uint64_t i = 0; i < members; ++i) {
    auto member = readMember();
    if (!member)
      return member.error();
    if (!member->name.ends_with(".npy"))
      continue;
    auto tensor = readTensor(*member);
    if (!tensor)
      return tensor.error();
    std::string name = member->name.substr(0, member->name.size() - 4);
    if (!arrays.emplace(name, std::move(*tensor)).second)
      return error(fmt::format("member '{}' is there twice", member->name));
  }
  return arrays;
}

Result<std::map<std::string, Tensor>> readNpz(const std::string &path) {
  auto bytes = readFile(path);
  if (!bytes)
    return bytes.error();
  return Archive(*bytes, path).read();
}

} // namespace dl
