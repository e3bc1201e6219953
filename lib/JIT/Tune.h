//===- Tune.h - Measuring other ways to compute a kernel --------*- C++ -*-===//

#ifndef DL_LIB_JIT_TUNE_H
#define DL_LIB_JIT_TUNE_H

#include "CodeCache.h"
#include "dl/JIT/Compiler.h"

namespace dl {

/// Programs of one model, compiled for profiling, that compute its kernels by
/// different choices (numbers of kKernelChoices).
class Trials {
public:
  virtual ~Trials() = default;
  /// All kernels by one choice. Null: it cannot be compiled.
  virtual std::shared_ptr<LoadedProgram> compileAll(size_t choice) = 0;
  /// Each kernel by its own.
  virtual std::shared_ptr<LoadedProgram> compileEach(llvm::ArrayRef<size_t> choices) = 0;
  /// Whether a kernel has that choice, and then computes what it does by default,
  /// but for rounding.
  virtual bool agrees(size_t kernel, size_t choice) = 0;
};

/// What was found for a kernel.
struct TunedKernel {
  size_t choice = 0;
  /// Seconds of all its calls in a run, before and after.
  double before = 0, after = 0;
};

/// Finds the fastest choice for each kernel, where they stand in a program: first
/// all choices run in turns; then, in turns again, what won against the default. A
/// choice is kept where it is faster by much more than its times differ, and
/// agrees. Error: no memory, no threads.
Result<std::vector<TunedKernel>> tuneKernels(Trials &trials, const CompileOptions &options);

/// Tunes the kernels of a planned module, and notes the choices in the cache.
llvm::LogicalResult tuneModule(mlir::ModuleOp module, const CompileOptions &options,
                               CodeCache &cache);

} // namespace dl

#endif // DL_LIB_JIT_TUNE_H
