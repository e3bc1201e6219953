//===- CodeCache.h - Programs and kernels from the cache --------*- C++ -*-===//
//
// Whole programs, so that an unchanged model is only linked, and single
// kernels, so that a changed one compiles what is new. An entry depends on the
// model (or the kernel), the options and the machine, and on the very build of
// the compiler and of LLVM.
//
//===----------------------------------------------------------------------===//

#ifndef DL_LIB_JIT_CODECACHE_H
#define DL_LIB_JIT_CODECACHE_H

#include "DiskCache.h"
#include "ProgramImage.h"

#include "llvm/ADT/StringMap.h"

namespace dl {

class CodeCache : public KernelSource {
public:
  /// Null: the options turn it off, or name no folder and the user's cannot be
  /// used. Tuning needs one: without a folder it keeps choices in memory. Error:
  /// the folder that they name cannot be used.
  static Result<std::unique_ptr<CodeCache>> open(const CompileOptions &options,
                                                 const Machine &machine);

  std::optional<ProgramImage> findProgram(ModelOp model, const ProgramRequest &request) const;
  void keepProgram(ModelOp model, const ProgramRequest &request, const ProgramImage &image) const;

  /// A kernel's code without a module; takeObject has its object.
  std::optional<KernelCode> find(llvm::StringRef key, size_t choice) override;
  /// What tuning found, now or in an earlier process.
  size_t choiceOf(llvm::StringRef key) override;
  /// A choice from now on, in this process.
  void setChoice(llvm::StringRef key, size_t choice);
  /// Notes the choice that was set, for later processes.
  void keepChoice(llvm::StringRef key) const;
  /// Programs and kernels are neither found nor kept from now on.
  void useChoicesAlone() { choicesAlone = true; }
  bool hasObjects() const override { return !choicesAlone; }
  /// One choice for all kernels, until it is taken back.
  void setTrial(std::optional<size_t> choice) { trial = choice; }
  /// Null where the kernel was not found.
  ObjectFile takeObject(const KernelCode &kernel);
  /// From any thread.
  void keepKernel(const KernelCode &kernel, const llvm::MemoryBuffer &object) const;

private:
  CodeCache(std::unique_ptr<DiskCache> disk, const CompileOptions &options, const Machine &machine);

  std::unique_ptr<DiskCache> disk;
  CacheKey common;
  bool isProfiled, choicesAlone = false;
  llvm::StringMap<ObjectFile> objects;
  llvm::StringMap<size_t> choices;
  std::optional<size_t> trial;
};

} // namespace dl

#endif // DL_LIB_JIT_CODECACHE_H
