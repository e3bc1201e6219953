//===- Kernels.h - Building and merging kernels -----------------*- C++ -*-===//

#ifndef DL_GRAPH_KERNELS_H
#define DL_GRAPH_KERNELS_H

#include "dl/IR/DLOps.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/PatternMatch.h"

namespace dl {

/// matmul, conv2d and its two adjoints.
bool isContraction(mlir::Operation *op);
/// max_pool2d, max_pool2d_backward, max_pool2d_gather.
bool isWindow(mlir::Operation *op);
/// sum, max, min, argmax.
bool isReduction(mlir::Operation *op);
/// True for ops that map each element alone.
bool isElementwise(mlir::Operation *op);
/// True for ops that are computed again rather than stored: masks, one-hot rows,
/// broadcasts.
bool isRematerializable(mlir::Operation *op);

/// The value behind reshapes, which are views.
mlir::Value lookThroughViews(mlir::Value value);
/// Bytes of a tensor. Precondition: static shape, checked for overflow when the
/// batch size was closed.
int64_t bytesOf(mlir::Type type);

/// `conv2d+add+relu`: what a kernel computes, for people.
std::string labelOf(mlir::Block &body);

/// Puts an op of a model's body into a kernel of its own.
KernelOp outline(mlir::RewriterBase &rewriter, mlir::Operation *op);
/// A kernel that copies its argument.
KernelOp createCopy(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value);

} // namespace dl

#endif // DL_GRAPH_KERNELS_H
