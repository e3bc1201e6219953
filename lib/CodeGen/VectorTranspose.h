//===- VectorTranspose.h - Transpositions in registers ----------*- C++ -*-===//

#ifndef DL_LIB_CODEGEN_VECTORTRANSPOSE_H
#define DL_LIB_CODEGEN_VECTORTRANSPOSE_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace dl {

/// Transposes, in registers, n vectors of n lanes; of longer vectors each piece of n
/// lanes for itself. n: a power of two.
llvm::SmallVector<mlir::Value> transposeVectors(mlir::ImplicitLocOpBuilder &b,
                                                llvm::ArrayRef<mlir::Value> rows);

/// Stores the first `columns` columns of a few rows, `pitch` apart, from target[at] on: short
/// code for a loop over rows of which there are many.
void storeRowsTransposed(mlir::ImplicitLocOpBuilder &b, llvm::ArrayRef<mlir::Value> rows,
                         int64_t columns, mlir::Value target, mlir::Value at, int64_t pitch);
/// How many rows that takes.
int64_t rowsTransposedTogether(int64_t lanes);

} // namespace dl

#endif // DL_LIB_CODEGEN_VECTORTRANSPOSE_H
