//===- AtomicFile.h - Files that are whole or absent ------------*- C++ -*-===//

#ifndef DL_SUPPORT_ATOMICFILE_H
#define DL_SUPPORT_ATOMICFILE_H

#include "dl/Error.h"

#include <cstddef>
#include <string>

namespace dl {

/// Writes a file under a temporary name beside its place and puts it there in
/// one step. Whoever reads the path sees the old file or the new one, never a
/// part. Not committed: the temporary file is removed and the old file stays.
/// Devices and pipes (`/dev/null`) are written to directly; of a symbolic link
/// the file that it leads to is replaced.
class AtomicFile {
public:
  /// Error: the folder of `name` does not exist or may not be written.
  static Result<AtomicFile> create(const std::string &name);

  AtomicFile(AtomicFile &&other) noexcept;
  AtomicFile &operator=(AtomicFile &&) = delete;
  ~AtomicFile();

  /// Appends bytes. Error: the disk is full, or another failure of the system.
  Status write(const void *data, size_t size);
  /// fsync, rename, fsync of the folder. No more writes after it.
  Status commit();

private:
  AtomicFile(std::string path, std::string temporary, int descriptor);
  Error failure(const char *what) const;

  std::string path, temporary;
  int descriptor = -1;
};

} // namespace dl

#endif // DL_SUPPORT_ATOMICFILE_H
