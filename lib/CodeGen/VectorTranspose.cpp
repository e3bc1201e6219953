//===- VectorTranspose.cpp - Transpositions in registers ------------------===//

#include "VectorTranspose.h"

#include "ContractionMicroKernel.h"
#include "KernelModule.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numeric>

using namespace mlir;

namespace dl {

/// Of each piece of so many lanes of two vectors every second run of lanes, those of x first:
/// of runs of one in pieces of four [x0 x2 y0 y2], or [x1 x3 y1 y3]. One instruction for
/// pieces within 128 bits, and for runs of 128 bits.
static Value takeHalves(ImplicitLocOpBuilder &b, Value x, Value y, int64_t run, int64_t piece,
                        bool isOdd) {
  int64_t lanes = cast<VectorType>(x.getType()).getNumElements();
  SmallVector<int64_t> order;
  for (int64_t begin = 0; begin < lanes; begin += piece)
    for (int64_t from : {begin, lanes + begin})
      for (int64_t at = isOdd ? run : 0; at < piece; at += 2 * run)
        for (int64_t lane = 0; lane < run; ++lane)
          order.push_back(from + at + lane);
  return vector::ShuffleOp::create(b, x, y, order);
}

static int64_t lanesWithin128(VectorType type) {
  return std::min<int64_t>(128 / type.getElementTypeBitWidth(), type.getNumElements());
}

/// Transposes n vectors of n runs; of longer ones each piece of n runs for itself.
static SmallVector<Value> transposeRuns(ImplicitLocOpBuilder &b, ArrayRef<Value> rows, int64_t run,
                                        int64_t piece) {
  if (rows.size() == 1)
    return {rows[0]};
  SmallVector<Value> columns(rows.size());
  for (bool isOdd : {false, true}) {
    SmallVector<Value> half;
    for (size_t i = 0; i < rows.size(); i += 2)
      half.push_back(takeHalves(b, rows[i], rows[i + 1], run, piece, isOdd));
    for (auto [index, column] : llvm::enumerate(transposeRuns(b, half, run, piece)))
      columns[2 * index + isOdd] = column;
  }
  return columns;
}

/// Transposes blocks of so many lanes that are diagonal, for ever larger ones:
/// [a b; c d] ~> [a c; b d].
static void swapBlocks(ImplicitLocOpBuilder &b, MutableArrayRef<Value> x, int64_t step) {
  auto count = static_cast<int64_t>(x.size());
  int64_t lanes = cast<VectorType>(x[0].getType()).getNumElements();
  for (; step < count; step *= 2) {
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
}

/// By what machines do in one instruction: within 128 bits first, then between pieces of 128
/// bits, where there are as many as rows of them.
SmallVector<Value> transposeVectors(ImplicitLocOpBuilder &b, ArrayRef<Value> rows) {
  SmallVector<Value> x(rows);
  auto type = cast<VectorType>(rows[0].getType());
  int64_t lanes = type.getNumElements(), within = lanesWithin128(type);
  auto count = static_cast<int64_t>(rows.size());
  if (count < within) {
    swapBlocks(b, x, 1);
    return x;
  }
  for (int64_t i = 0; i < count; i += within) {
    ArrayRef<Value> block = ArrayRef<Value>(x).slice(i, within);
    llvm::copy(transposeRuns(b, block, 1, within), x.begin() + i);
  }
  if (count != lanes) {
    swapBlocks(b, x, within);
    return x;
  }
  for (int64_t column = 0; column < within; ++column) {
    SmallVector<Value> pieces;
    for (int64_t i = column; i < count; i += within)
      pieces.push_back(x[i]);
    for (auto [index, whole] : llvm::enumerate(transposeRuns(b, pieces, within, lanes)))
      x[column + static_cast<int64_t>(index) * within] = whole;
  }
  return x;
}

/// A few rows at a time: each makes a piece of every column.
static void storeInPieces(ImplicitLocOpBuilder &b, int64_t lanes, int64_t columns,
                          function_ref<Value(Value)> load, Value target, Value at, int64_t pitch) {
  int64_t together = std::min<int64_t>(lanes, 4);
  buildLoop(b, 0, lanes, together, [&](Value first) {
    SmallVector<Value> rows;
    for (int64_t row = 0; row < together; ++row)
      rows.push_back(load(offsetBy(b, first, row)));
    rows = transposeVectors(b, rows);
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
