//===- KernelHarness.h - Compiles and runs single kernels -------*- C++ -*-===//

#ifndef DL_TEST_UNIT_CODEGEN_KERNELHARNESS_H
#define DL_TEST_UNIT_CODEGEN_KERNELHARNESS_H

#include "dl/CodeGen/CodeGen.h"
#include "dl/Runtime/Runtime.h"
#include "dl/Tensor.h"

#include "mlir/IR/MLIRContext.h"

#include <memory>
#include <string>
#include <vector>

namespace llvm::orc {
class LLJIT;
}

namespace dl::test {

/// A kernel as text: `%a0`, `%a1`, ... are its arguments, of these types.
struct KernelText {
  std::vector<std::string> types;
  /// Ops, one a line.
  std::string body;
  /// Values that the kernel yields: `%r, %s`.
  std::vector<std::string> yields = {"%r"};
};

/// One compiled kernel, with memory to run it.
class CompiledKernel {
public:
  ~CompiledKernel();

  /// Compiles the kernel for a machine; null after a diagnostic.
  static std::unique_ptr<CompiledKernel> get(const KernelText &text, const Machine &machine,
                                             bool wantsAssembly = true,
                                             Winograd winograd = Winograd::WhereFaster,
                                             SplitProducts splitProducts = SplitProducts::Never);

  /// What the reference says.
  std::vector<Tensor> interpret(const std::vector<Tensor> &arguments);
  /// What it says of another kernel of the same types.
  std::vector<Tensor> interpret(const KernelText &text, const std::vector<Tensor> &arguments);
  /// Runs the kernel. Result `i` lies over argument `inPlace[i]` where that is
  /// not negative. Each task runs alone, the last one first, and workspace and
  /// scratch are NaN before: what depends on order or leftovers shows. Behind
  /// each argument, result, workspace and scratch lies a page that cannot be
  /// accessed, and arguments that are no results cannot be written.
  std::vector<Tensor> run(const std::vector<Tensor> &arguments,
                          const std::vector<int> &inPlace = {});
  /// Runs the kernel as a program does, on the workers of a pool. The page that
  /// cannot be accessed lies before all memory.
  std::vector<Tensor> run(dlrt_pool *pool, const std::vector<Tensor> &arguments,
                          const std::vector<int> &inPlace);
  /// Seconds of a run (the least of several), all tasks on this thread.
  double time(const std::vector<Tensor> &arguments, int repetitions);

  /// Arguments of the kernel's types with reproducible elements in [-1, 1).
  std::vector<Tensor> randomArguments(unsigned seed = 1) const;

  std::string strategy() const;
  double flops() const { return code.flops; }
  /// Seconds to emit the kernel, to lower it to LLVM and to make the object.
  double emitSeconds = 0, lowerSeconds = 0, objectSeconds = 0;
  std::string assembly;

private:
  CompiledKernel();
  bool build(const KernelText &text, const CodeGenOptions &options, bool wantsAssembly);
  std::vector<Tensor> makeResults() const;

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  ModelOp model;
  KernelOp kernel;
  KernelCode code;
  std::unique_ptr<llvm::orc::LLJIT> jit;
  std::vector<void (*)(int64_t, int64_t, int64_t, void *const *)> entries;
};

/// The largest difference, relative to the largest element of `expected`.
double relativeError(const Tensor &actual, const Tensor &expected);

} // namespace dl::test

#endif // DL_TEST_UNIT_CODEGEN_KERNELHARNESS_H
