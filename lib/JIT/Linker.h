//===- Linker.h - Objects become code in memory -----------------*- C++ -*-===//

#ifndef DL_LIB_JIT_LINKER_H
#define DL_LIB_JIT_LINKER_H

#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>
#include <vector>

namespace dl {

/// Code in memory, freed with this object.
class CodeImage {
public:
  /// Links objects with each other, the runtime and the C library's mathematics,
  /// and nothing else of the process.
  static llvm::Expected<std::unique_ptr<CodeImage>>
  link(std::vector<std::unique_ptr<llvm::MemoryBuffer>> objects);
  ~CodeImage();

  /// The address of a function.
  llvm::Expected<void *> find(llvm::StringRef symbol);

private:
  CodeImage();
  struct Session;
  std::unique_ptr<Session> session;
};

} // namespace dl

#endif // DL_LIB_JIT_LINKER_H
