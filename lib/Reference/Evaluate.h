//===- Evaluate.h - What each op computes -----------------------*- C++ -*-===//
//
// One specialisation of `evaluate` for each op that is neither structure nor
// leaf, beside its family. Composites are written out from their formulas, not
// from their decompositions.
//
//===----------------------------------------------------------------------===//

#ifndef DL_LIB_REFERENCE_EVALUATE_H
#define DL_LIB_REFERENCE_EVALUATE_H

#include "Array.h"
#include "dl/IR/DLOps.h"

namespace dl {

using Arrays = llvm::ArrayRef<Array>;
using MutableArrays = llvm::MutableArrayRef<Array>;

/// Fills the results of an op from its operands. Preconditions: the shapes of
/// `in` and `out` are those of the op's operands and results, all static; `out`
/// holds zeros.
template <typename Op> void evaluate(Op op, Arrays in, MutableArrays out);

/// Dispatches to the op's specialisation.
void evaluateOp(mlir::Operation *op, Arrays in, MutableArrays out);

} // namespace dl

#endif // DL_LIB_REFERENCE_EVALUATE_H
