//===- SplitProductImage.cpp - A as an image of bf16 parts ----------------===//

#include "SplitProductEmitter.h"
#include "SplitProductParts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace dl {

/// All of a vector where there is no mask.
static void store(PhaseBuilder &phase, Value vector, Value memory, Value at, Value mask) {
  if (mask)
    vector::MaskedStoreOp::create(phase.b, memory, at, mask, vector);
  else
    vector::StoreOp::create(phase.b, vector, memory, at);
}

Value SplitProductEmitter::inImage(ImplicitLocOpBuilder &b, Value at, int dim, Value index) const {
  auto found = p.taps.find(dim);
  if (found == p.taps.end())
    return advance(b, at, index, p.strides[dim]);
  const SplitTaps &taps = found->second;
  Value first = arith::ConstantIndexOp::create(b, taps.first);
  Value place = advance(b, first, index, taps.step);
  at = advance(b, at, quotient(b, place, taps.stride), p.imageStrides[taps.quotient]);
  return advance(b, at, quotient(b, remainder(b, place, taps.stride), taps.unit),
                 p.imageStrides[taps.residue]);
}

bool SplitProductEmitter::imageLeaves(int dim) const {
  return leaves(kA, dim) || llvm::is_contained(p.deinterleaved, dim);
}

/// Adds to the indices of the tensor those of the image's dimensions `dims` (outer to inner) from
/// their number, which may be too large where it is rounded. Returns whether they are inside; null:
/// always.
Value SplitProductEmitter::imagePosition(PhaseBuilder &phase, Value row, ArrayRef<int> dims,
                                         Position &position, bool isRounded) const {
  ImplicitLocOpBuilder &b = phase.b;
  ArrayRef<int64_t> shape = d.operands[kA].shape;
  Value isInside;
  auto check = [&](Value index, int64_t count) {
    isInside = both(b, isInside,
                    arith::CmpIOp::create(b, arith::CmpIPredicate::ult, index, phase.index(count)));
  };
  for (int dim : llvm::reverse(dims)) {
    const IndexRange &range = p.ranges[dim];
    int64_t length = dim == p.order.back() ? p.rowLength : range.extent();
    Value own = row;
    if (dim != dims.front()) {
      own = remainder(b, row, length);
      row = quotient(b, row, length);
    }
    int tensorDim = p.tensorDim(dim);
    Value &index = position.indices[tensorDim];
    index = advance(b, offsetBy(b, index, range.low), own, range.step);
    if (dim == tensorDim)
      index = movedBy(b, kA, dim, index);
    // A row may be longer than its elements, and the last block longer than what is there.
    if (length > range.extent() || (isRounded && dim == dims.front()))
      check(own, range.extent());
  }
  for (int dim : dims)
    if (dim < p.rank() && imageLeaves(dim))
      check(position.indices[dim], shape[dim]);
  // Nothing is read outside, not even what all lanes share.
  if (isInside)
    for (int dim : dims) {
      Value &index = position.indices[p.tensorDim(dim)];
      index = arith::SelectOp::create(b, isInside, index, phase.index(0));
    }
  return isInside;
}

/// 32 elements of a row of the image that lie along a vector of the tensor. `number` counts
/// them.
void SplitProductEmitter::copyBlock(PhaseBuilder &phase, Expression &expression, Value number) {
  ImplicitLocOpBuilder &b = phase.b;
  int last = p.order.back();
  int64_t blocks = p.imageBlocks();
  Value row = quotient(b, number, blocks);
  Value column = advance(b, phase.index(0), remainder(b, number, blocks), kTileK);
  Position position;
  position.indices.assign(p.rank(), phase.index(0));
  position.vectorDim = last;
  position.lanes = kSplitLanes;
  Value isInside = imagePosition(phase, row, ArrayRef<int>(p.order).drop_back(), position);
  int64_t count = p.ranges[last].extent();
  // Rows that follow each other in the image.
  constexpr int64_t kNextRows = 8;
  int rowBefore = p.order.size() > 1 ? p.tensorDim(p.order[p.order.size() - 2]) : -1;
  Value halves[2];
  for (int64_t half : {0, 1}) {
    Value own = offsetBy(b, column, half * kSplitLanes);
    position.indices[last] = movedBy(b, kA, last, offsetBy(b, own, p.ranges[last].low));
    position.mask =
        count == p.imageBlocks() * kTileK ? Value() : lanesInside(b, own, count, kSplitLanes);
    if (leaves(kA, last))
      position.mask =
          both(b, position.mask,
               lanesInside(b, position.indices[last], d.operands[kA].shape[last], kSplitLanes));
    position.mask = maskWhere(b, position.mask, isInside, kSplitLanes);
    fetchAhead(phase, d.operands[kA], position, rowBefore, kNextRows);
    halves[half] = load(b, expression, d.operands[kA].value, position);
  }
  Value at = arith::AddIOp::create(b, advance(b, imageStart(phase), row, p.rowLength), column);
  SplitParts parts = splitRun(b, halves[0], halves[1]);
  bool isFilled = p.rowLength >= p.imageBlocks() * kTileK, arePairs = p.rowLength % 2 == 0;
  for (auto [number, pairs] : llvm::enumerate(parts)) {
    Value to = offsetBy(b, at, static_cast<int64_t>(number) * p.plane);
    if (isFilled && arePairs) {
      store(phase, pairs, partsOf(phase, kA, b.getI32Type()), quotient(b, to, 2), nullptr);
      continue;
    }
    Value inRow = isFilled ? Value() : lanesInside(b, column, p.rowLength, kTileK);
    auto type = VectorType::get({kTileK}, b.getI16Type());
    store(phase, vector::BitCastOp::create(b, type, pairs), image(phase), to, inRow);
  }
}

/// 16 elements of the tensor's last dimension times 32 of the dimensions inside it in the image,
/// taken as one. `number` counts the dimensions outside it, then blocks of those inside, then of
/// the last, so that vectors are read side by side.
SplitProductEmitter::Unit
SplitProductEmitter::transposedUnit(PhaseBuilder &phase, Expression &expression, Value number) {
  ImplicitLocOpBuilder &b = phase.b;
  int vectors = p.rank() - 1;
  const auto *place = llvm::find(p.order, vectors);
  SmallVector<int> outside(p.order.begin(), place), inside(std::next(place), p.order.end());
  auto take = [&](int64_t count) -> Value {
    Value own = remainder(b, number, count);
    number = quotient(b, number, count);
    return own;
  };
  int64_t width = p.ranges[vectors].extent(), length = p.strideAcross();
  Value across =
      advance(b, phase.index(0), take(llvm::divideCeil(width, kSplitLanes)), kSplitLanes);
  Value along = advance(b, phase.index(0), take(llvm::divideCeil(length, kTileK)), kTileK);
  Position position;
  position.indices.assign(p.rank(), phase.index(0));
  Value isInside = imagePosition(phase, number, outside, position);
  Value at = arith::AddIOp::create(b, imageStart(phase), along);
  at = advance(b, at, number, width * length);
  at = advance(b, at, across, length);
  position.vectorDim = vectors;
  position.lanes = kSplitLanes;
  position.indices[vectors] = movedBy(b, kA, vectors, offsetBy(b, across, p.ranges[vectors].low));
  Value inWidth = width % kSplitLanes == 0 ? Value() : lanesInside(b, across, width, kSplitLanes);
  Value inTensor = inWidth;
  if (leaves(kA, vectors))
    inTensor =
        both(b, inWidth,
             lanesInside(b, position.indices[vectors], d.operands[kA].shape[vectors], kSplitLanes));
  inTensor = maskWhere(b, inTensor, isInside, kSplitLanes);
  // Pairs of elements: both in one row, or of any two.
  int innermost = inside.back();
  bool isOneRow = p.rowLength % 2 == 0 && p.ranges[innermost].extent() % 2 == 0;
  // Between products, hardware does not foresee the next vectors of so many rows.
  bool isFetched = p.stepsOfUnit(kA) > 0;
  Unit unit;
  unit.slots.emplace(phase, "split_a", [&](Value pair) {
    Value index = arith::AddIOp::create(b, along, advance(b, phase.index(0), pair, 2));
    Value elements[2];
    Position own = position;
    Value isElement;
    for (int64_t odd : {0, 1}) {
      if (odd == 1 && isOneRow && !imageLeaves(innermost)) {
        own.indices[innermost] = offsetBy(b, own.indices[innermost], p.ranges[innermost].step);
      } else {
        own = position;
        isElement =
            imagePosition(phase, offsetBy(b, index, odd), inside, own, length % kTileK != 0);
      }
      own.mask = maskWhere(b, inTensor, isElement, kSplitLanes);
      if (isFetched)
        fetchAhead(phase, d.operands[kA], own, vectors, kSplitLanes);
      elements[odd] = load(b, expression, d.operands[kA].value, own);
    }
    for (auto [part, pairs] : llvm::enumerate(splitPairs(b, elements[0], elements[1])))
      storeForTranspose(phase, kA, static_cast<int64_t>(part), pair, pairs);
  });
  unit.transposes.emplace(phase, "transpose_a", [&](Value part) {
    Value start = advance(b, at, part, p.plane);
    // Pairs as one number, if no row starts between two.
    bool arePairs = length % kTileK == 0;
    Value memory = image(phase), inRow;
    int64_t lanes = kTileK;
    if (arePairs) {
      memory = partsOf(phase, kA, d.element);
      start = quotient(b, start, 2);
      lanes = kSplitLanes;
    } else {
      inRow = lanesInside(b, along, length, kTileK);
    }
    transposePart(phase, kA, part, [&](int64_t lane, Value row) {
      if (!arePairs)
        row = vector::BitCastOp::create(b, VectorType::get({kTileK}, b.getI16Type()), row);
      Value mask = inRow;
      if (inWidth) {
        Value fits = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, offsetBy(b, across, lane),
                                           phase.index(width));
        mask = maskWhere(b, mask, fits, lanes);
      }
      store(phase, row, memory, offsetBy(b, start, lane * length * lanes / kTileK), mask);
    });
  });
  return unit;
}

SplitProductEmitter::Unit SplitProductEmitter::imageUnit(PhaseBuilder &phase,
                                                         Expression &expression, Value number) {
  if (p.transposes)
    return transposedUnit(phase, expression, number);
  ImplicitLocOpBuilder &b = phase.b;
  Value first = advance(b, phase.index(0), number, kTileRows);
  int64_t blocks = p.imageCount / p.rowLength * p.imageBlocks();
  Unit unit;
  unit.slots.emplace(phase, "split_a", [&](Value slot) {
    Value own = arith::AddIOp::create(b, first, slot);
    // Past the end, the last block again.
    if (blocks % kTileRows != 0)
      own = arith::MinUIOp::create(b, own, phase.index(blocks - 1));
    copyBlock(phase, expression, own);
  });
  return unit;
}

/// What the last tiles read behind the image.
void SplitProductEmitter::clearBehindImage(PhaseBuilder &phase, Value start) {
  ImplicitLocOpBuilder &b = phase.b;
  Value zero = numberLike(b, VectorType::get({kTileK}, b.getI16Type()), 0);
  int64_t count = p.plane - p.imageCount, whole = count / kTileK * kTileK;
  for (int64_t part = 0; part < kSplitParts; ++part) {
    Value first = offsetBy(b, start, part * p.plane + p.imageCount);
    buildLoop(b, 0, whole, kTileK, [&](Value index) {
      vector::StoreOp::create(b, zero, image(phase), advance(b, first, index, 1));
    });
    if (whole < count)
      vector::MaskedStoreOp::create(b, image(phase), offsetBy(b, first, whole),
                                    leadingMask(b, count - whole, kTileK), zero);
  }
}

} // namespace dl
