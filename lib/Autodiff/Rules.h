//===- Rules.h - The table of gradient rules --------------------*- C++ -*-===//

#ifndef DL_AUTODIFF_RULES_H
#define DL_AUTODIFF_RULES_H

#include "dl/Autodiff/Gradient.h"

namespace dl {

/// Composites whose gradient rule is written by hand, because that is faster or
/// more stable than the gradient of the decomposition.
template <typename Op> inline constexpr bool hasOwnGradient = !Op::template hasTrait<IsComposite>();
template <> inline constexpr bool hasOwnGradient<SoftmaxOp> = true;
template <> inline constexpr bool hasOwnGradient<LogSoftmaxOp> = true;
template <> inline constexpr bool hasOwnGradient<LogSumExpOp> = true;
template <> inline constexpr bool hasOwnGradient<LayerNormOp> = true;
template <> inline constexpr bool hasOwnGradient<BatchNormTrainOp> = true;
template <> inline constexpr bool hasOwnGradient<CrossEntropyOp> = true;
template <> inline constexpr bool hasOwnGradient<MSEOp> = true;
template <> inline constexpr bool hasOwnGradient<BCEOp> = true;
template <> inline constexpr bool hasOwnGradient<BCEWithLogitsOp> = true;

using GradientRule = llvm::SmallVector<mlir::Value> (*)(mlir::Operation *, mlir::ValueRange,
                                                        mlir::OpBuilder &);

/// The rule of an op, or null where it has none.
GradientRule findRule(mlir::Operation *op);
/// True where the op is declared to let no gradient pass: its derivative is
/// zero. (An optimiser's update is not: it merely has no rule.)
bool isDiscrete(mlir::Operation *op);

/// The cotangents of the operands of a composite, through its decomposition.
llvm::SmallVector<mlir::Value> differentiateDecomposition(mlir::Operation *op,
                                                          mlir::ValueRange cotangents,
                                                          mlir::OpBuilder &builder);

} // namespace dl

#endif // DL_AUTODIFF_RULES_H
