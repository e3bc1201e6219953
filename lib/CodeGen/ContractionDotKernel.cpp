//===- ContractionDotKernel.cpp - The innermost loops of dot products -----===//

#include "ContractionMicroKernel.h"

#include "Expression.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace dl {

/// Vectors of K in one iteration of the innermost loop.
static constexpr int64_t kDotUnroll = 2;

/// One vector of K; lanes that the mask turns off add nothing.
void MicroKernel::emitDotStep(ImplicitLocOpBuilder &b, Value baseA, Value baseB, int64_t offset,
                              Value mask, SmallVectorImpl<Value> &sums) const {
  auto loadAt = [&](Value from, Value at) -> Value {
    if (!mask)
      return vector::LoadOp::create(b, vector, from, at);
    return vector::MaskedLoadOp::create(b, vector, from, at, mask, numberLike(b, vector, 0));
  };
  SmallVector<Value> right;
  for (int64_t column : columns)
    right.push_back(loadAt(memory[1], offsetBy(b, baseB, offset + column)));
  for (Value column : columnsAhead)
    fetchLine(b, memory[1], offsetBy(b, arith::AddIOp::create(b, baseB, column), offset));
  size_t sum = 0;
  for (int64_t row : rows) {
    Value left = loadAt(memory[0], offsetBy(b, baseA, offset + row));
    for (Value column : right) {
      sums[sum] = multiplyAdd(b, left, column, sums[sum]);
      ++sum;
    }
  }
}

SmallVector<Value> MicroKernel::emitDotInnermost(ImplicitLocOpBuilder &b, const ReductionLoop &loop,
                                                 Value baseA, Value baseB,
                                                 ValueRange initial) const {
  int64_t lanes = vector.getNumElements();
  auto steps = [&](Value k, ValueRange sums, int64_t first, int64_t end) {
    SmallVector<Value> next(sums);
    Value atA = advance(b, baseA, k, 1), atB = advance(b, baseB, k, 1);
    for (int64_t at = first; at < end; at += lanes) {
      bool isTail = at + lanes > loop.extent;
      Value mask = isTail ? leadingMask(b, loop.extent - at, lanes) : Value();
      emitDotStep(b, atA, atB, at, mask, next);
    }
    return next;
  };
  int64_t step = kDotUnroll * lanes, whole = loop.extent / step * step;
  Value zero = arith::ConstantIndexOp::create(b, 0);
  SmallVector<Value> sums =
      buildReduceLoop(b, zero, arith::ConstantIndexOp::create(b, whole), step, initial,
                      [&](Value k, ValueRange carried) { return steps(k, carried, 0, step); });
  return steps(zero, sums, whole, loop.extent);
}

/// Of pairs of runs of so many lanes, what is to be added: x0 x1 x2 x3, y0 y1 y2 y3  ~>  x0+x1
/// y0+y1 x2+x3 y2+y3. Lanes that stay in their place need no port that only shuffles have.
static Value addPairs(ImplicitLocOpBuilder &b, Value x, Value y, int64_t run) {
  int64_t lanes = cast<VectorType>(x.getType()).getNumElements();
  SmallVector<int64_t> own, other;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    int64_t from = lane & run && x != y ? lanes : 0;
    own.push_back(from + lane);
    other.push_back(from + (lane ^ run));
  }
  Value kept = x == y ? x : vector::ShuffleOp::create(b, x, y, own).getResult();
  return arith::AddFOp::create(b, kept, vector::ShuffleOp::create(b, x, y, other));
}

/// Lane i: the sum of all lanes of vectors[i]; lanes past them are whatever.
static Value sumLanes(ImplicitLocOpBuilder &b, SmallVector<Value> vectors, int64_t lanes) {
  for (int64_t run = 1; run < lanes; run *= 2) {
    SmallVector<Value> next;
    for (size_t i = 0; i < vectors.size(); i += 2)
      next.push_back(addPairs(b, vectors[i], vectors[std::min(i + 1, vectors.size() - 1)], run));
    vectors = std::move(next);
  }
  return vectors.front();
}

SmallVector<Value> MicroKernel::emitDot(ImplicitLocOpBuilder &b, ValueRange initial) const {
  SmallVector<Value> zeros(rows.size() * columns.size(), numberLike(b, vector, 0));
  SmallVector<Value> sums = emitLoop(b, 0, base[0], base[1], zeros), results;
  for (size_t row = 0; row < rows.size(); ++row) {
    ArrayRef<Value> own = ArrayRef<Value>(sums).slice(row * columns.size(), columns.size());
    Value sum = sumLanes(b, SmallVector<Value>(own), vector.getNumElements());
    results.push_back(arith::AddFOp::create(b, initial[row], sum));
  }
  return results;
}

} // namespace dl
