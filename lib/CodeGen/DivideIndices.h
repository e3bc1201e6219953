//===- DivideIndices.h - Indices are divided by products --------*- C++ -*-===//

#ifndef DL_LIB_CODEGEN_DIVIDEINDICES_H
#define DL_LIB_CODEGEN_DIVIDEINDICES_H

#include "mlir/IR/BuiltinOps.h"

#include <optional>

namespace dl {

/// n / divisor as (n * multiplier) >> shift, in 64 bits.
struct ProductQuotient {
  int64_t multiplier;
  unsigned shift;
};

/// For all n from 0 to `most`; none where the numbers are too large.
std::optional<ProductQuotient> divideByProduct(int64_t divisor, int64_t most);

/// Replaces divisions of indices by constants, and their remainders: by powers of two, and where a
/// range is known.
void divideIndices(mlir::ModuleOp module);

} // namespace dl

#endif // DL_LIB_CODEGEN_DIVIDEINDICES_H
