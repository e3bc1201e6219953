//===- Reducer.h - Accumulators of reductions -------------------*- C++ -*-===//

#ifndef DL_LIB_CODEGEN_REDUCER_H
#define DL_LIB_CODEGEN_REDUCER_H

#include "KernelModule.h"

namespace dl {

/// What a reduction accumulates: one value, or for argmax the largest element
/// and its index. Each is a scalar, or a vector whose lanes are apart.
///
/// A walk carries more of a maximum or minimum: the one of the numbers, and whether
/// all elements were numbers. That is a comparison for each of them, where a maximum that
/// keeps NaN is a comparison and a choice.
class Reducer {
public:
  Reducer(mlir::Operation *op, const Machine &machine) : op(op), machine(&machine) {}

  mlir::Operation *operation() const { return op; }
  mlir::Value input() const { return op->getOperand(0); }
  mlir::Value result() const { return op->getResult(0); }
  unsigned parts() const { return llvm::isa<ArgmaxOp>(op) ? 2 : 1; }
  /// Values that a walk carries.
  unsigned carriedParts() const { return isExtreme() ? 2 : parts(); }

  /// The accumulator of nothing. `lanes` 0: a scalar.
  llvm::SmallVector<mlir::Value> identity(mlir::ImplicitLocOpBuilder &b, int64_t lanes) const;
  /// What a walk carries that starts with an accumulator.
  llvm::SmallVector<mlir::Value> carried(mlir::ImplicitLocOpBuilder &b,
                                         mlir::ValueRange accumulator) const;
  /// Takes `element` into what is carried. `index`: its number along the axis (i32, for argmax).
  llvm::SmallVector<mlir::Value> take(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange carried,
                                      mlir::Value element, mlir::Value index) const;
  /// What either of two walks carries.
  llvm::SmallVector<mlir::Value> join(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange left,
                                      mlir::ValueRange right) const;
  /// The accumulator of what a walk carries.
  llvm::SmallVector<mlir::Value> settle(mlir::ImplicitLocOpBuilder &b,
                                        mlir::ValueRange carried) const;
  /// The same of all lanes, combined in a fixed tree: a scalar.
  llvm::SmallVector<mlir::Value> settleLanes(mlir::ImplicitLocOpBuilder &b,
                                             mlir::ValueRange carried) const;
  /// The accumulator of what either has seen; argmax takes the lower index of
  /// equal elements.
  llvm::SmallVector<mlir::Value> combine(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange left,
                                         mlir::ValueRange right) const;
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
  bool isExtreme() const { return llvm::isa<MaxOp, MinOp>(op); }
  mlir::Type partType(unsigned part) const;
  mlir::Value beyond(mlir::ImplicitLocOpBuilder &b, mlir::Value element, mlir::Value old) const;

  mlir::Operation *op;
  const Machine *machine;
};

} // namespace dl

#endif // DL_LIB_CODEGEN_REDUCER_H
