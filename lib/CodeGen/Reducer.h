//===- Reducer.h - Accumulators of reductions -------------------*- C++ -*-===//

#ifndef DL_LIB_CODEGEN_REDUCER_H
#define DL_LIB_CODEGEN_REDUCER_H

#include "KernelModule.h"

namespace dl {

/// What a reduction accumulates: one value, or for argmax the largest element
/// and its index. Each is a scalar, or a vector whose lanes are apart.
class Reducer {
public:
  Reducer(mlir::Operation *op, bool hasFMA) : op(op), hasFMA(hasFMA) {}

  mlir::Operation *operation() const { return op; }
  mlir::Value input() const { return op->getOperand(0); }
  mlir::Value result() const { return op->getResult(0); }
  unsigned parts() const { return llvm::isa<ArgmaxOp>(op) ? 2 : 1; }
  /// Element type of a part in memory.
  mlir::Type partType(unsigned part) const;

  /// The accumulator of nothing. `lanes` 0: a scalar.
  llvm::SmallVector<mlir::Value> identity(mlir::ImplicitLocOpBuilder &b, int64_t lanes) const;
  /// Takes in `element`. `index`: its number along the axis (i32, for argmax).
  llvm::SmallVector<mlir::Value> take(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange accumulator,
                                      mlir::Value element, mlir::Value index) const;
  /// The accumulator of what either has seen; argmax takes the lower index of
  /// equal elements.
  llvm::SmallVector<mlir::Value> combine(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange left,
                                         mlir::ValueRange right) const;
  /// All lanes of an accumulator combined, in a fixed tree: a scalar.
  llvm::SmallVector<mlir::Value> combineLanes(mlir::ImplicitLocOpBuilder &b,
                                              mlir::ValueRange accumulator) const;
  /// What the reduction gives.
  mlir::Value finish(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange accumulator) const;

  /// A sum along the classes of a one_hot, or of its product with `factor` (null: there
  /// is none), is one element of it.
  struct Pick {
    OneHotOp oneHot;
    mlir::Value factor;
  };
  std::optional<Pick> pick() const;

private:
  mlir::Operation *op;
  bool hasFMA;
};

} // namespace dl

#endif // DL_LIB_CODEGEN_REDUCER_H
