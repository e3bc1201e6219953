//===- AtomicFile.cpp - Files that are whole or absent --------------------===//

#include "dl/Support/AtomicFile.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dl {

AtomicFile::AtomicFile(std::string path, std::string temporary, int descriptor)
    : path(std::move(path)), temporary(std::move(temporary)), descriptor(descriptor) {}

AtomicFile::AtomicFile(AtomicFile &&other) noexcept
    : path(std::move(other.path)), temporary(std::move(other.temporary)),
      descriptor(std::exchange(other.descriptor, -1)) {}

AtomicFile::~AtomicFile() {
  if (descriptor < 0)
    return;
  close(descriptor);
  if (!temporary.empty())
    unlink(temporary.c_str());
}

Error AtomicFile::failure(const char *what) const {
  return {path + ": error: " + what + ": " + std::strerror(errno)};
}

/// The mode of the file at `path`, or of a new one.
static mode_t modeFor(const std::string &path) {
  struct stat status;
  if (stat(path.c_str(), &status) == 0)
    return status.st_mode & 0777;
  mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

/// True for a device, a pipe or the like: to be written to, never replaced.
static bool isSpecial(const std::string &path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

/// The file that a symbolic link leads to: it is what gets replaced, not the link.
static std::string followLinks(const std::string &path) {
  struct stat status;
  if (lstat(path.c_str(), &status) != 0 || !S_ISLNK(status.st_mode))
    return path;
  std::unique_ptr<char, decltype(&std::free)> target(realpath(path.c_str(), nullptr), std::free);
  return target ? target.get() : path;
}

Result<AtomicFile> AtomicFile::create(const std::string &name) {
  std::string path = followLinks(name);
  if (isSpecial(path)) {
    int descriptor = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor < 0)
      return Error{path + ": error: cannot be written: " + std::strerror(errno)};
    return AtomicFile(path, /*temporary=*/"", descriptor);
  }
  std::string temporary = path + ".XXXXXX";
  int descriptor = mkostemp(temporary.data(), O_CLOEXEC);
  if (descriptor < 0)
    return Error{path + ": error: cannot be written: " + std::strerror(errno)};
  AtomicFile file(path, std::move(temporary), descriptor);
  // mkostemp makes a file that its owner alone may read.
  if (fchmod(descriptor, modeFor(path)) != 0)
    return file.failure("cannot set the access rights");
  return Result<AtomicFile>(std::move(file));
}

Status AtomicFile::write(const void *data, size_t size) {
  const char *bytes = static_cast<const char *>(data);
  while (size != 0) {
    ssize_t written = ::write(descriptor, bytes, size);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return failure("cannot be written");
    bytes += written;
    size -= static_cast<size_t>(written);
  }
  return {};
}

Status AtomicFile::commit() {
  if (temporary.empty()) {
    close(std::exchange(descriptor, -1));
    return {};
  }
  if (fsync(descriptor) != 0)
    return failure("cannot be written to the disk");
  if (rename(temporary.c_str(), path.c_str()) != 0)
    return failure("cannot be put in its place");
  close(std::exchange(descriptor, -1));
  // The rename itself must survive a power failure; file systems that cannot
  // sync a folder are none of the caller's business.
  size_t slash = path.rfind('/');
  std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  int handle = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (handle >= 0) {
    fsync(handle);
    close(handle);
  }
  return {};
}

} // namespace dl
