//===- Nesting.h - How deep a text may nest ---------------------*- C++ -*-===//

#ifndef DL_IR_NESTING_H
#define DL_IR_NESTING_H

#include "mlir/IR/MLIRContext.h"

namespace dl {

/// MLIR's parser calls itself for each bracket, and for each operator of an
/// affine expression: a text that nests without end would exhaust the stack. An
/// error, at its place in the text of this name, where one nests deeper than any
/// that is meant.
llvm::LogicalResult checkNesting(mlir::MLIRContext *context, llvm::StringRef text,
                                 llvm::StringRef name);

} // namespace dl

#endif // DL_IR_NESTING_H
