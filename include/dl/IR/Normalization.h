//===- Normalization.h - Formulas of normalisations -------------*- C++ -*-===//
//
// What the decompositions of layer_norm and batch_norm share with their gradient
// rules: built again there, these ops are merged with those of the forward pass.
//
//===----------------------------------------------------------------------===//

#ifndef DL_IR_NORMALIZATION_H
#define DL_IR_NORMALIZATION_H

#include "dl/IR/Formula.h"

namespace dl {

/// Mean and variance (of the population) over some axes, kept as extents of 1,
/// and x - mean.
struct Moments {
  Expr mean, centred, variance;
};
Moments momentsOf(Expr x, llvm::ArrayRef<int64_t> axes);
/// The same, and in one pass over x where that is larger than second-level caches.
Moments momentsOfMany(Expr x, llvm::ArrayRef<int64_t> axes);

/// Number of elements along some axes.
int64_t countOf(Expr x, llvm::ArrayRef<int64_t> axes);

/// A vector as values along an axis of x, which broadcast along the others.
Expr alongAxis(Expr values, Expr x, int64_t axis);

} // namespace dl

#endif // DL_IR_NORMALIZATION_H
