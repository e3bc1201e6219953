//===- SharedLoop.h - A loop that several places run ------------*- C++ -*-===//

#ifndef DL_LIB_CODEGEN_SHAREDLOOP_H
#define DL_LIB_CODEGEN_SHAREDLOOP_H

#include "KernelModule.h"

namespace dl {

/// A loop that is a function: what stands at several places of a kernel is compiled once, also
/// where each place builds a loop of its own. What it reads from around it, it takes as arguments,
/// of indices that are added one sum; so these values must dominate its calls.
///
/// A call costs what a dozen instructions do. Slots of tiles (SplitProductEmitter.h), at eight
/// places of a step: kernels take 3 % more time, measured, and 20 % less to compile.
class SharedLoop {
public:
  /// `body` builds what is done for an index.
  SharedLoop(PhaseBuilder &phase, llvm::StringRef name, llvm::function_ref<void(mlir::Value)> body);

  /// For all indices from `first` to before `end`.
  void call(mlir::ImplicitLocOpBuilder &b, mlir::Value first, mlir::Value end) const;

private:
  void takeArguments();
  void unite();

  mlir::func::FuncOp function;
  llvm::SmallVector<mlir::Value> captured;
};

/// Puts loops that are called once where they are called: a function more takes its time.
void inlineLoopsCalledOnce(mlir::ModuleOp module);

} // namespace dl

#endif // DL_LIB_CODEGEN_SHAREDLOOP_H
