//===- Tune.h - Measuring other ways to compute a kernel --------*- C++ -*-===//

#ifndef DL_LIB_JIT_TUNE_H
#define DL_LIB_JIT_TUNE_H

#include "dl/JIT/Compiler.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace dl {

/// A program whose contractions are computed by one of kKernelChoices, compiled
/// for profiling. Null: it cannot be compiled.
using CompileTrial = llvm::function_ref<std::shared_ptr<LoadedProgram>(size_t choice)>;

/// What was found for a kernel.
struct TunedKernel {
  size_t choice = 0;
  /// Seconds of all its calls in a run, before and after.
  double before = 0, after = 0;
};

/// Runs a program with each choice in turns, all kernels where they stand, and
/// returns the fastest choice for each kernel: the model's, where no other is
/// clearly faster. Error: no memory, no threads.
Result<std::vector<TunedKernel>> tuneKernels(CompileTrial compile, const CompileOptions &options);

} // namespace dl

#endif // DL_LIB_JIT_TUNE_H
