//===- Activity.h - Which ops a gradient passes -----------------*- C++ -*-===//

#ifndef DL_AUTODIFF_ACTIVITY_H
#define DL_AUTODIFF_ACTIVITY_H

#include "dl/IR/DLOps.h"

#include "llvm/ADT/DenseSet.h"

namespace dl {

/// An op that keeps a gradient from an input, and why.
struct Blocker {
  mlir::Operation *op;
  std::string reason;
};

/// What lies between inputs and outputs. Inputs count as independent: what one
/// was computed from is not looked at.
struct Activity {
  /// The ops on which the outputs depend, in block order.
  llvm::SmallVector<mlir::Operation *> ops;
  /// Float values through which a smooth path leads from an input to an output:
  /// those that need a cotangent.
  llvm::DenseSet<mlir::Value> active;
  /// Ops without a rule on such a path, and ops that round or compare where an
  /// input has no other path to the outputs. What a comparison selects is
  /// piecewise smooth and no obstacle (relu, its gradient).
  llvm::SmallVector<Blocker> blockers;
};

Activity analyzeActivity(mlir::ValueRange outputs, mlir::ValueRange inputs);

/// True for tensors of f32 or f64.
bool isFloat(mlir::Value value);

} // namespace dl

#endif // DL_AUTODIFF_ACTIVITY_H
