//===- SplitProductParts.cpp - Vectors of bf16 parts ----------------------===//

#include "SplitProductParts.h"
#include "SplitProductEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numeric>

using namespace mlir;

namespace dl {

Value splatBits(ImplicitLocOpBuilder &b, uint32_t bits) {
  auto type = VectorType::get({kSplitLanes}, b.getI32Type());
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(
             type, static_cast<Attribute>(b.getI32IntegerAttr(static_cast<int32_t>(bits)))));
}

Value bitsOf(ImplicitLocOpBuilder &b, Value floats) {
  return vector::BitCastOp::create(b, VectorType::get({kSplitLanes}, b.getI32Type()), floats);
}

Value lanesInside(ImplicitLocOpBuilder &b, Value first, int64_t limit, int64_t lanes) {
  SmallVector<int32_t> numbers(lanes);
  std::iota(numbers.begin(), numbers.end(), 0);
  Value start = splat(b, arith::IndexCastOp::create(b, b.getI32Type(), first), lanes);
  Value indices =
      arith::AddIOp::create(b, start, arith::ConstantOp::create(b, b.getI32VectorAttr(numbers)));
  SmallVector<int32_t> limits(lanes, static_cast<int32_t>(limit));
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ult, indices,
                               arith::ConstantOp::create(b, b.getI32VectorAttr(limits)));
}

Value both(ImplicitLocOpBuilder &b, Value x, Value y) {
  if (!x || !y)
    return x ? x : y;
  return arith::AndIOp::create(b, x, y);
}

Value maskWhere(ImplicitLocOpBuilder &b, Value mask, Value condition, int64_t lanes) {
  if (!condition)
    return mask;
  auto type = VectorType::get({lanes}, b.getI1Type());
  return both(b, mask, vector::BroadcastOp::create(b, type, condition));
}

Value joinHalves(ImplicitLocOpBuilder &b, Value first, Value second) {
  auto type = VectorType::get({2 * kSplitLanes}, b.getI16Type());
  SmallVector<int64_t> odd;
  for (int64_t i = 0; i < 2 * kSplitLanes; ++i)
    odd.push_back(2 * i + 1);
  return vector::ShuffleOp::create(b, vector::BitCastOp::create(b, type, first),
                                   vector::BitCastOp::create(b, type, second), odd);
}

Value joinPairs(ImplicitLocOpBuilder &b, Value even, Value odd) {
  Value low = arith::ShRUIOp::create(b, even, splatBits(b, 16));
  return arith::OrIOp::create(b, low, arith::AndIOp::create(b, odd, splatBits(b, 0xffff0000)));
}

/// What is off is zero. h is rounded, m truncated, l what is left, exact. Of an infinity, NaN, or
/// what rounds to an infinity a part is no number, and so is each sum that it is in.
SplitProductEmitter::Parts SplitProductEmitter::split(ImplicitLocOpBuilder &b,
                                                      Expression &expression, Value source,
                                                      const Position &position) {
  Value x = expression.vectorAt(source, position);
  if (position.mask)
    x = arith::SelectOp::create(b, position.mask, x, numberLike(b, x.getType(), 0));
  Value high = splatBits(b, 0xffff0000);
  Value h =
      arith::AndIOp::create(b, arith::AddIOp::create(b, bitsOf(b, x), splatBits(b, 0x8000)), high);
  Value rest = arith::SubFOp::create(b, x, vector::BitCastOp::create(b, x.getType(), h));
  Value m = arith::AndIOp::create(b, bitsOf(b, rest), high);
  Value last = arith::SubFOp::create(b, rest, vector::BitCastOp::create(b, x.getType(), m));
  return {h, m, bitsOf(b, last)};
}

/// Fetches what lies `count` indices of a dimension further on than a vector of A that is read,
/// where A lies beyond the L2 cache: pieces of rows no hardware foresees.
void SplitProductEmitter::fetchAhead(PhaseBuilder &phase, const Position &position, int dim,
                                     int64_t count) {
  ImplicitLocOpBuilder &b = phase.b;
  const ContractionOperand &a = d.operands[kA];
  auto argument = dyn_cast<BlockArgument>(a.value);
  SmallVector<int64_t> strides = a.strides();
  if (!argument || dim < 0 || ShapedType::getNumElements(a.shape) * 4 < module.machine().l2Bytes)
    return;
  Value at = offsetBy(b, linearIndex(b, position.indices, strides), count * strides[dim]);
  memref::PrefetchOp::create(b, phase.argument(argument), at, /*isWrite=*/false,
                             /*localityHint=*/2, /*isDataCache=*/true);
}

/// Vectors on their way to be transposed wait in scratch memory, so that there is
/// one transposition in the code.
void SplitProductEmitter::storeForTranspose(PhaseBuilder &phase, int64_t part, Value number,
                                            Value vector) {
  vector::StoreOp::create(
      phase.b, vector, transposeBuffer(phase),
      advance(phase.b, phase.index(part * kSplitLanes * kSplitLanes), number, kSplitLanes));
}

void SplitProductEmitter::transposeParts(PhaseBuilder &phase,
                                         llvm::function_ref<void(Value, int64_t, Value)> store) {
  ImplicitLocOpBuilder &b = phase.b;
  auto type = VectorType::get({kSplitLanes}, b.getI32Type());
  buildLoop(b, 0, kSplitParts, 1, [&](Value part) {
    Value start = advance(b, phase.index(0), part, kSplitLanes * kSplitLanes);
    SmallVector<Value> rows;
    for (int64_t row = 0; row < kSplitLanes; ++row)
      rows.push_back(vector::LoadOp::create(b, type, transposeBuffer(phase),
                                            offsetBy(b, start, row * kSplitLanes)));
    for (auto [lane, row] : llvm::enumerate(transposeVectors(b, rows)))
      store(part, static_cast<int64_t>(lane), row);
  });
}

} // namespace dl
