//===- File.cpp - Reading files -------------------------------------------===//

#include "dl/Support/File.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

namespace dl {

Error fileError(const std::string &path, const std::string &what) {
  return Error{fmt::format("{}: error: {}", path, what)};
}

Result<InputFile> InputFile::open(const std::string &path) {
  // O_NONBLOCK: opening a named pipe must not wait for a writer.
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return fileError(path, fmt::format("cannot open: {}", std::strerror(errno)));
  struct stat status;
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(fd);
    return fileError(path, "expected a regular file");
  }
  return InputFile(path, fd, static_cast<uint64_t>(status.st_size));
}

InputFile::InputFile(InputFile &&other) noexcept
    : name(std::move(other.name)), fd(std::exchange(other.fd, -1)), bytes(other.bytes) {}

InputFile::~InputFile() {
  if (fd >= 0)
    ::close(fd);
}

Status InputFile::read(void *to, uint64_t offset, uint64_t count) const {
  if (offset > bytes || count > bytes - offset)
    return fileError(name, fmt::format("truncated: expected {} bytes from byte {} on, got {}",
                                       count, offset, bytes - std::min(offset, bytes)));
  char *out = static_cast<char *>(to);
  while (count != 0) {
    ssize_t got = ::pread(fd, out, std::min<uint64_t>(count, 1 << 30), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return fileError(name, fmt::format("cannot read byte {}: {}", offset, std::strerror(errno)));
    if (got == 0)
      return fileError(name, fmt::format("truncated: ends at byte {} while being read", offset));
    out += got, offset += static_cast<uint64_t>(got), count -= static_cast<uint64_t>(got);
  }
  return {};
}

Result<std::string> readFile(const std::string &path) {
  auto file = InputFile::open(path);
  if (!file)
    return file.error();
  std::string text(file->size(), '\0');
  if (Status status = file->read(text.data(), 0, text.size()); !status)
    return status.error();
  return text;
}

Result<std::string> inflateBytes(std::string_view compressed, bool raw, uint64_t limit) {
  z_stream stream = {};
  if (inflateInit2(&stream, raw ? -MAX_WBITS : MAX_WBITS + 16) != Z_OK)
    return Error{"out of memory"};
  std::string result;
  std::string chunk(1 << 18, '\0');
  auto fail = [&](const std::string &what) {
    inflateEnd(&stream);
    return Error{what};
  };
  // zlib counts its input in 32 bits: it gets the data piece by piece.
  size_t fed = 0;
  for (;;) {
    if (stream.avail_in == 0 && fed < compressed.size()) {
      size_t piece = std::min<size_t>(compressed.size() - fed, 1 << 30);
      stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(compressed.data() + fed));
      stream.avail_in = static_cast<uInt>(piece);
      fed += piece;
    }
    stream.next_out = reinterpret_cast<Bytef *>(chunk.data());
    stream.avail_out = static_cast<uInt>(chunk.size());
    int code = inflate(&stream, Z_NO_FLUSH);
    size_t got = chunk.size() - stream.avail_out;
    if (got > limit - result.size())
      return fail(fmt::format("expected at most {} bytes after expansion, got more", limit));
    result.append(chunk.data(), got);
    size_t at = fed - stream.avail_in;
    if (code == Z_STREAM_END) {
      // Bytes after a gzip member are another member, as gunzip reads them.
      if (raw || at == compressed.size())
        break;
      if (inflateReset(&stream) != Z_OK)
        return fail("cannot expand");
    } else if (code == Z_BUF_ERROR || (code == Z_OK && got == 0 && at == compressed.size())) {
      return fail(fmt::format("truncated: the compressed data end at byte {}", at));
    } else if (code != Z_OK) {
      return fail(fmt::format("damaged compressed data near byte {}", at));
    }
  }
  inflateEnd(&stream);
  return result;
}

} // namespace dl
