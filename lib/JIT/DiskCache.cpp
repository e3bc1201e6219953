//===- DiskCache.cpp - Compiled code kept on disk -------------------------===//

#include "DiskCache.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/xxhash.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace llvm;

namespace dl {

//===----------------------------------------------------------------------===//
// Keys
//===----------------------------------------------------------------------===//

CacheKey &CacheKey::add(StringRef part) {
  add(static_cast<int64_t>(part.size()));
  hash.update(part);
  return *this;
}

CacheKey &CacheKey::add(int64_t part) {
  uint8_t bytes[8];
  support::endian::write64le(bytes, static_cast<uint64_t>(part));
  hash.update(bytes);
  return *this;
}

CacheKey &CacheKey::add(double part) { return add(bit_cast<int64_t>(part)); }

std::array<uint8_t, 32> CacheKey::digest() const {
  // Asking for the result ends a hash.
  SHA256 copy = hash;
  return copy.final();
}

//===----------------------------------------------------------------------===//
// Entries
//===----------------------------------------------------------------------===//

namespace {
/// What stands before the payload.
struct Header {
  char mark[8];
  uint8_t key[32];
  uint64_t size;
  uint64_t checksum[2];
};
} // namespace

static constexpr char kMark[8] = {'d', 'l', 'c', 'c', 'o', 'd', 'e', '1'};
static constexpr StringLiteral kSuffix = ".entry", kTemporary = ".new";
/// Larger entries are nobody's code.
static constexpr int64_t kLargest = int64_t(1) << 30;

static Header headerOf(const CacheKey &key, StringRef payload) {
  Header header;
  std::memcpy(header.mark, kMark, sizeof kMark);
  std::array<uint8_t, 32> digest = key.digest();
  std::memcpy(header.key, digest.data(), digest.size());
  header.size = payload.size();
  XXH128_hash_t checksum = xxh3_128bits(arrayRefFromStringRef(payload));
  header.checksum[0] = checksum.low64;
  header.checksum[1] = checksum.high64;
  return header;
}

static std::string nameOf(const CacheKey &key) {
  return toHex(key.digest(), /*LowerCase=*/true) + kSuffix.str();
}

namespace {
/// A descriptor, closed with this object.
class File {
public:
  explicit File(int fd) : fd(fd) {}
  File(const File &) = delete;
  ~File() {
    if (fd >= 0)
      close(fd);
  }
  explicit operator bool() const { return fd >= 0; }

  bool read(char *to, size_t count) {
    while (count != 0) {
      ssize_t got = ::read(fd, to, count);
      if (got <= 0 && !(got < 0 && errno == EINTR))
        return false;
      to += std::max<ssize_t>(got, 0);
      count -= static_cast<size_t>(std::max<ssize_t>(got, 0));
    }
    return true;
  }
  bool write(const char *from, size_t count) {
    while (count != 0) {
      ssize_t put = ::write(fd, from, count);
      if (put < 0 && errno != EINTR)
        return false;
      from += std::max<ssize_t>(put, 0);
      count -= static_cast<size_t>(std::max<ssize_t>(put, 0));
    }
    return true;
  }

  int fd;
};
} // namespace

std::unique_ptr<MemoryBuffer> DiskCache::find(const CacheKey &key) const {
  std::string name = nameOf(key);
  File file(openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat status;
  if (!file || fstat(file.fd, &status) != 0 || !S_ISREG(status.st_mode) ||
      status.st_uid != geteuid() || status.st_size < static_cast<off_t>(sizeof(Header)) ||
      status.st_size > kLargest)
    return nullptr;
  Header header;
  size_t size = static_cast<size_t>(status.st_size) - sizeof header;
  auto payload = WritableMemoryBuffer::getNewUninitMemBuffer(size);
  if (!payload || !file.read(reinterpret_cast<char *>(&header), sizeof header) ||
      !file.read(payload->getBufferStart(), size))
    return nullptr;
  Header expected = headerOf(key, toStringRef(payload->getBuffer()));
  if (std::memcmp(&header, &expected, sizeof header) != 0)
    return nullptr;
  // Young again. Where that is not allowed, the entry is good all the same.
  futimens(file.fd, nullptr);
  return payload;
}

void DiskCache::put(const CacheKey &key, StringRef payload) const {
  static std::atomic<unsigned> counter = 0;
  std::string name = nameOf(key);
  std::string temporary =
      name + "." + utostr(getpid()) + "." + utostr(counter++) + kTemporary.str();
  {
    File file(openat(folder, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file)
      return;
    Header header = headerOf(key, payload);
    if (file.write(reinterpret_cast<const char *>(&header), sizeof header) &&
        file.write(payload.data(), payload.size()) &&
        renameat(folder, temporary.c_str(), folder, name.c_str()) == 0)
      return;
  }
  unlinkat(folder, temporary.c_str(), 0);
}

//===----------------------------------------------------------------------===//
// The folder
//===----------------------------------------------------------------------===//

/// The value of a variable that must name an absolute path; else empty.
static std::string absolutePath(const char *variable) {
  const char *value = std::getenv(variable);
  return value && value[0] == '/' ? value : "";
}

std::string DiskCache::userFolder() {
  if (std::string cache = absolutePath("XDG_CACHE_HOME"); !cache.empty())
    return cache + "/dlc";
  if (std::string home = absolutePath("HOME"); !home.empty())
    return home + "/.cache/dlc";
  return "";
}

Result<std::unique_ptr<DiskCache>> DiskCache::open(const std::string &folder, uint64_t limit) {
  auto unusable = [&](const char *why) {
    return Error{folder + ": error: compiled code cannot be kept here: " + why};
  };
  // Where that fails, making the folder itself does and says why.
  std::error_code ignored;
  std::filesystem::path path(folder);
  std::filesystem::create_directories(path.parent_path(), ignored);
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return unusable(std::strerror(errno));
  int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return unusable(std::strerror(errno));
  std::unique_ptr<DiskCache> cache(new DiskCache(fd, limit));
  struct stat status;
  if (fstat(fd, &status) != 0 || faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) != 0)
    return unusable(std::strerror(errno));
  if (status.st_uid != geteuid())
    return unusable("it belongs to another user");
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return unusable("other users may write to it");
  return cache;
}

DiskCache::~DiskCache() { close(folder); }

namespace {
struct Listed {
  std::string name;
  uint64_t bytes;
  timespec time;
  bool operator<(const Listed &other) const {
    return std::tie(time.tv_sec, time.tv_nsec, name) <
           std::tie(other.time.tv_sec, other.time.tv_nsec, other.name);
  }
};
} // namespace

/// The files of the cache in a folder; others are none of its business.
static std::vector<Listed> list(int folder) {
  std::vector<Listed> entries;
  int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *directory = copy < 0 ? nullptr : fdopendir(copy);
  if (!directory) {
    if (copy >= 0)
      close(copy);
    return entries;
  }
  while (dirent *entry = readdir(directory)) {
    StringRef name = entry->d_name;
    struct stat status;
    if ((name.ends_with(kSuffix) || name.ends_with(kTemporary)) &&
        fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0)
      entries.push_back({name.str(), static_cast<uint64_t>(status.st_size), status.st_mtim});
  }
  closedir(directory);
  return entries;
}

void DiskCache::trim() const {
  constexpr time_t kAbandoned = 3600; // seconds
  std::vector<Listed> entries = list(folder);
  llvm::sort(entries);
  uint64_t total = 0;
  for (const Listed &entry : entries)
    total += entry.bytes;
  for (const Listed &entry : entries) {
    bool isAbandoned = StringRef(entry.name).ends_with(kTemporary) &&
                       entry.time.tv_sec < std::time(nullptr) - kAbandoned;
    bool isOldest = total > limit && StringRef(entry.name).ends_with(kSuffix);
    if ((isAbandoned || isOldest) && unlinkat(folder, entry.name.c_str(), 0) == 0)
      total -= entry.bytes;
  }
}

} // namespace dl
