//===- Gradient.h - Reverse-mode differentiation ----------------*- C++ -*-===//

#ifndef DL_AUTODIFF_GRADIENT_H
#define DL_AUTODIFF_GRADIENT_H

#include "dl/IR/DLOps.h"

namespace dl {

/// The gradient rule of an op: the cotangents of its operands from those of its
/// results, in dl ops, so that it can be differentiated again. A cotangent of a
/// result that nobody uses is null, and so is that of an operand that has none
/// (integers, or a derivative of zero). A cotangent may be larger than its operand
/// where NumPy's rule copied the operand: the caller sums it. Cotangents that turn
/// out to be unneeded are erased. One specialisation for each primitive op without
/// HasNoGradient; a missing one is a link error.
template <typename Op>
llvm::SmallVector<mlir::Value> gradient(Op op, mlir::ValueRange cotangents,
                                        mlir::OpBuilder &builder);

/// Cotangents of `inputs` for the given cotangents of `outputs`, built at the
/// insertion point of `builder` (after all ops of the forward pass). Inputs count
/// as independent: what one was computed from is not differentiated. An input on
/// which no output depends gets zeros, an integer one null. Fails after one
/// diagnostic, with a note at each op that blocks a gradient. Preconditions: all
/// in one block, the cotangents of their outputs' types.
mlir::FailureOr<llvm::SmallVector<mlir::Value>> buildGradients(mlir::OpBuilder &builder,
                                                               mlir::ValueRange outputs,
                                                               mlir::ValueRange cotangents,
                                                               mlir::ValueRange inputs);

/// Replaces the outputs of a model by the gradients of the sum of its first
/// output (by its product with a new input `cotangent`, where that is wanted)
/// with respect to the named inputs and parameters: `d_<name>`. No names: all
/// trainable parameters, then all float inputs. Precondition: static shapes.
llvm::LogicalResult differentiateModel(ModelOp model, llvm::ArrayRef<std::string> wrt,
                                       bool withCotangent);

} // namespace dl

#endif // DL_AUTODIFF_GRADIENT_H
