//===- File.h - Reading files -----------------------------------*- C++ -*-===//

#ifndef DL_SUPPORT_FILE_H
#define DL_SUPPORT_FILE_H

#include "dl/Error.h"

#include <cstdint>
#include <string>

namespace dl {

/// `PATH: error: WHAT`.
Error fileError(const std::string &path, const std::string &what);

/// A regular file, open for reading at any offset.
class InputFile {
public:
  /// Error: the file does not exist, may not be read or is no regular file.
  static Result<InputFile> open(const std::string &path);
  InputFile(InputFile &&other) noexcept;
  InputFile &operator=(InputFile &&) = delete;
  ~InputFile();

  const std::string &path() const { return name; }
  uint64_t size() const { return bytes; }
  /// Reads `count` bytes from `offset`. Error: the file is shorter, or the
  /// system could not read it; the message names the byte.
  Status read(void *to, uint64_t offset, uint64_t count) const;

private:
  InputFile(std::string name, int fd, uint64_t bytes)
      : name(std::move(name)), fd(fd), bytes(bytes) {}

  std::string name;
  int fd;
  uint64_t bytes;
};

/// The whole of a regular file.
Result<std::string> readFile(const std::string &path);

/// Expands what zlib compressed: a gzip stream (several members included), or
/// with `raw` a bare deflate stream. Error (in words without a place): damaged,
/// truncated, or more than `limit` bytes.
Result<std::string> inflateBytes(std::string_view compressed, bool raw, uint64_t limit);

} // namespace dl

#endif // DL_SUPPORT_FILE_H
