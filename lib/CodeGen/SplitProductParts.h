//===- SplitProductParts.h - Vectors of bf16 parts --------------*- C++ -*-===//

#ifndef DL_LIB_CODEGEN_SPLITPRODUCTPARTS_H
#define DL_LIB_CODEGEN_SPLITPRODUCTPARTS_H

#include "TileProduct.h"

#include <array>

namespace dl {

/// Elements that are split at a time, and tasks of a phase that does it, where the operand allows.
inline constexpr int64_t kSplitLanes = 16, kSplitTasks = 32;

/// All bits of 16 lanes.
mlir::Value splatBits(mlir::ImplicitLocOpBuilder &b, uint32_t bits);
mlir::Value bitsOf(mlir::ImplicitLocOpBuilder &b, mlir::Value floats);
/// The lanes of `first`, `first` + 1, ... that are below `limit`; unsigned, so that what is
/// below zero is not.
mlir::Value lanesInside(mlir::ImplicitLocOpBuilder &b, mlir::Value first, int64_t limit,
                        int64_t lanes);
/// Conditions or masks, both; null: true.
mlir::Value both(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Value y);
/// The same of a mask and a condition for all its lanes.
mlir::Value maskWhere(mlir::ImplicitLocOpBuilder &b, mlir::Value mask, mlir::Value condition,
                      int64_t lanes);
/// Each lane: an even element in the low half, the next one in the high half.
mlir::Value joinPairs(mlir::ImplicitLocOpBuilder &b, mlir::Value even, mlir::Value odd);
/// h, m and l of 16 elements, each in the high half of 32 bits. h is rounded, m truncated, l what
/// is left, exact. Of an infinity, NaN, or what rounds to an infinity a part is no number, and so
/// is each sum that it is in.
using SplitParts = std::array<mlir::Value, kSplitParts>;
SplitParts splitVector(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
/// The parts of two vectors, lane by lane side by side; of 32 successive elements.
SplitParts splitPairs(mlir::ImplicitLocOpBuilder &b, mlir::Value even, mlir::Value odd);
SplitParts splitRun(mlir::ImplicitLocOpBuilder &b, mlir::Value first, mlir::Value second);
/// Of an index.
mlir::Value quotient(mlir::ImplicitLocOpBuilder &b, mlir::Value number, int64_t divisor);
mlir::Value remainder(mlir::ImplicitLocOpBuilder &b, mlir::Value number, int64_t divisor);

} // namespace dl

#endif // DL_LIB_CODEGEN_SPLITPRODUCTPARTS_H
