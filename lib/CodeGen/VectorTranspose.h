//===- VectorTranspose.h - Transpositions in registers ----------*- C++ -*-===//

#ifndef DL_LIB_CODEGEN_VECTORTRANSPOSE_H
#define DL_LIB_CODEGEN_VECTORTRANSPOSE_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace dl {

/// Transposes, in registers, n vectors of n lanes; of longer vectors each piece of n
/// lanes for itself. n: a power of two.
llvm::SmallVector<mlir::Value> transposeVectors(mlir::ImplicitLocOpBuilder &b,
                                                llvm::ArrayRef<mlir::Value> rows);

/// Transposes as many rows as lanes, row i of which is load(i), and stores the first `columns`
/// columns, `pitch` apart, from target[at] on: all in registers; or, where that is to be short
/// rather than fast, in a loop over a few rows, with a third of the code.
void storeTransposed(mlir::ImplicitLocOpBuilder &b, int64_t lanes, int64_t columns, bool isShort,
                     llvm::function_ref<mlir::Value(mlir::Value)> load, mlir::Value target,
                     mlir::Value at, int64_t pitch);

} // namespace dl

#endif // DL_LIB_CODEGEN_VECTORTRANSPOSE_H
