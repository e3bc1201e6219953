//===- Decompose.h - Composites in terms of primitives ----------*- C++ -*-===//
//
// Each composite op has one decomposition. Its gradient, its lowering and, in
// tests, its reference follow from it.
//
//===----------------------------------------------------------------------===//

#ifndef DL_IR_DECOMPOSE_H
#define DL_IR_DECOMPOSE_H

#include "dl/IR/DLOps.h"

namespace dl {

/// The op's results, built by `builder` from other dl ops (which may be
/// composites themselves). One specialisation for each op with IsComposite; a
/// missing one is a link error.
template <typename Op> llvm::SmallVector<mlir::Value> decompose(Op op, mlir::OpBuilder &builder);

/// True where the op has a decomposition.
bool isComposite(mlir::Operation *op);
/// Dispatches to the op's decomposition. Precondition: isComposite(op), static
/// shapes.
llvm::SmallVector<mlir::Value> decomposeOp(mlir::Operation *op, mlir::OpBuilder &builder);

} // namespace dl

#endif // DL_IR_DECOMPOSE_H
