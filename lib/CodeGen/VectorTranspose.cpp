//===- VectorTranspose.cpp - Transpositions in registers ------------------===//

#include "VectorTranspose.h"

#include "ContractionMicroKernel.h"
#include "KernelModule.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numeric>

using namespace mlir;

namespace dl {

SmallVector<Value> transposeVectors(ImplicitLocOpBuilder &b, ArrayRef<Value> rows) {
  SmallVector<Value> x(rows);
  auto count = static_cast<int64_t>(rows.size());
  int64_t lanes = cast<VectorType>(rows[0].getType()).getNumElements();
  // Swaps ever larger off-diagonal blocks: [a b; c d] ~> [a c; b d].
  for (int64_t step = 1; step < count; step *= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      bool isHigh = lane & step;
      low.push_back(isHigh ? lanes + lane - step : lane);
      high.push_back(isHigh ? lanes + lane : lane + step);
    }
    for (int64_t i = 0; i < count; ++i) {
      if (i & step)
        continue;
      Value first = vector::ShuffleOp::create(b, x[i], x[i + step], low);
      x[i + step] = vector::ShuffleOp::create(b, x[i], x[i + step], high);
      x[i] = first;
    }
  }
  return x;
}

/// Of each piece of four lanes of two vectors half, a run of the first and one of the second in
/// turns: [a0 b0 a1 b1], of the other half [a2 b2 a3 b3]; for runs of two [a0 a1 b0 b1].
static Value interleave(ImplicitLocOpBuilder &b, Value x, Value y, int64_t run, bool isHigh) {
  int64_t lanes = cast<VectorType>(x.getType()).getNumElements();
  SmallVector<int64_t> order;
  for (int64_t piece = 0; piece < lanes; piece += 4)
    for (int64_t lane = 0; lane < 4; ++lane) {
      int64_t from = run == 2 ? lane % 2 : lane / 2;
      order.push_back(piece + (isHigh ? 2 : 0) + from + (lane / run % 2 == 1 ? lanes : 0));
    }
  return vector::ShuffleOp::create(b, x, y, order);
}

/// transposeVectors of four, by what machines do within 128 bits.
static SmallVector<Value> transposeFour(ImplicitLocOpBuilder &b, ArrayRef<Value> rows) {
  SmallVector<Value> columns;
  for (bool isHigh : {false, true}) {
    Value left = interleave(b, rows[0], rows[1], 1, isHigh);
    Value right = interleave(b, rows[2], rows[3], 1, isHigh);
    columns.push_back(interleave(b, left, right, 2, false));
    columns.push_back(interleave(b, left, right, 2, true));
  }
  return columns;
}

/// A few rows at a time: each makes a piece of every column.
static void storeInPieces(ImplicitLocOpBuilder &b, int64_t lanes, int64_t columns,
                          function_ref<Value(Value)> load, Value target, Value at, int64_t pitch) {
  int64_t together = std::min<int64_t>(lanes, 4);
  buildLoop(b, 0, lanes, together, [&](Value first) {
    SmallVector<Value> rows;
    for (int64_t row = 0; row < together; ++row)
      rows.push_back(load(offsetBy(b, first, row)));
    rows = together == 4 ? transposeFour(b, rows) : transposeVectors(b, rows);
    Value to = advance(b, at, first, 1);
    for (int64_t column = 0; column < columns; ++column) {
      SmallVector<int64_t> piece(together);
      std::iota(piece.begin(), piece.end(), column / together * together);
      Value from = rows[column % together];
      vector::StoreOp::create(b, vector::ShuffleOp::create(b, from, from, piece), target,
                              offsetBy(b, to, column * pitch));
    }
  });
}

void storeTransposed(ImplicitLocOpBuilder &b, int64_t lanes, int64_t columns, bool isShort,
                     function_ref<Value(Value)> load, Value target, Value at, int64_t pitch) {
  if (isShort)
    return storeInPieces(b, lanes, columns, load, target, at, pitch);
  SmallVector<Value> rows;
  for (int64_t row = 0; row < lanes; ++row)
    rows.push_back(load(arith::ConstantIndexOp::create(b, row)));
  rows = transposeVectors(b, rows);
  for (int64_t column = 0; column < columns; ++column)
    vector::StoreOp::create(b, rows[column], target, offsetBy(b, at, column * pitch));
}

} // namespace dl
