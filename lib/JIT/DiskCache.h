//===- DiskCache.h - Compiled code kept on disk -----------------*- C++ -*-===//
//
// A folder of entries, one file each, named by the hash of what the entry
// depends on. Entries are data from disk that become code, so nothing is taken
// on trust: the folder must be the user's own and writable by nobody else, and
// an entry's mark, key, size and checksum must fit. What does not fit counts as
// missing and is written again. A folder that was opened never fails: what cannot
// be read is not found, and what cannot be written is not kept.
//
// Entries appear whole (a temporary file, renamed), so any number of processes
// may share a folder. The oldest go when it grows beyond its limit; an entry
// that is found becomes young again.
//
//===----------------------------------------------------------------------===//

#ifndef DL_LIB_JIT_DISKCACHE_H
#define DL_LIB_JIT_DISKCACHE_H

#include "dl/Error.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SHA256.h"

#include <array>
#include <memory>
#include <string>

namespace dl {

/// What an entry depends on, hashed. Each part is hashed with its length, so
/// that no two lists of parts run into each other.
class CacheKey {
public:
  CacheKey &add(llvm::StringRef part);
  CacheKey &add(const char *part) { return add(llvm::StringRef(part)); }
  CacheKey &add(int64_t part);
  CacheKey &add(double part);
  /// The hash of the parts so far.
  std::array<uint8_t, 32> digest() const;

private:
  llvm::SHA256 hash;
};

class DiskCache {
public:
  static constexpr uint64_t kDefaultLimit = uint64_t(256) << 20;

  /// $XDG_CACHE_HOME/dlc, else ~/.cache/dlc; empty where there is neither.
  static std::string userFolder();
  /// Uses a folder, which is made where it does not exist. Error: it cannot be
  /// used, or is not safe to use.
  static Result<std::unique_ptr<DiskCache>> open(const std::string &folder,
                                                 uint64_t limit = kDefaultLimit);
  ~DiskCache();

  /// The bytes that were put under a key. Null: there are none, or what is there
  /// is damaged.
  std::unique_ptr<llvm::MemoryBuffer> find(const CacheKey &key) const;
  /// Keeps bytes under a key. From any thread.
  void put(const CacheKey &key, llvm::StringRef payload) const;
  /// Removes the oldest entries until the rest is within the limit, and what
  /// processes that died left behind.
  void trim() const;

private:
  DiskCache(int folder, uint64_t limit) : folder(folder), limit(limit) {}

  int folder; // descriptor
  uint64_t limit;
};

} // namespace dl

#endif // DL_LIB_JIT_DISKCACHE_H
