//===- Form.h - What may stand in one kernel --------------------*- C++ -*-===//
//
// Code generation knows four forms of kernels:
//
//   contraction  one matmul or convolution (or a gradient of one).
//     prologue   elementwise ops of an operand's shape, from arguments of that
//                shape
//     epilogue   elementwise ops of the result's shape
//     side       the sum of the rhs (or cotangent) over all but its last
//                dimension, with elementwise ops of that shape: a bias gradient
//                beside the weight gradient
//   window       one pooling op, with a prologue and an epilogue
//   loops        elementwise ops, broadcasts, transposes of arguments, one_hot,
//                and reductions, all over the same axes of one shape: a row of
//                softmax and cross-entropy is one kernel
//   concat       one concat
//
// Fusion asks this file what a merged kernel would be.
//
//===----------------------------------------------------------------------===//

#ifndef DL_GRAPH_FORM_H
#define DL_GRAPH_FORM_H

#include "dl/IR/DLOps.h"

namespace dl {

/// Why a kernel's body has none of the forms; empty where it has one.
std::string formError(mlir::Block &body);

/// The contraction or window of a body; null for loops. Precondition: the body
/// has a form.
mlir::Operation *anchorOf(mlir::Block &body);

/// What a kernel of loops iterates over.
struct IterationSpace {
  mlir::RankedTensorType type;
  /// Empty where nothing is reduced.
  llvm::SmallVector<int64_t> axes;
};
/// Precondition: a body of loops that has a form.
IterationSpace iterationSpaceOf(mlir::Block &body);

/// The ops that compute operands of the anchor from arguments of the kernel.
llvm::SmallVector<mlir::Operation *> prologueOf(mlir::Operation *anchor);

} // namespace dl

#endif // DL_GRAPH_FORM_H
