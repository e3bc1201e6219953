//===- SplitProductImage.cpp - A as an image of bf16 parts ----------------===//

#include "SplitProductEmitter.h"
#include "SplitProductParts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace dl {

void SplitProductEmitter::clearImage(PhaseBuilder &phase, Value at, int64_t count) {
  ImplicitLocOpBuilder &b = phase.b;
  auto type = VectorType::get({kTileK}, b.getI16Type());
  Value zero = numberLike(b, type, 0), memory = image(phase);
  int64_t whole = count / kTileK * kTileK;
  for (int64_t part = 0; part < kSplitParts; ++part) {
    Value start = offsetBy(b, at, part * p.plane);
    buildLoop(b, 0, whole, kTileK, [&](Value index) {
      vector::StoreOp::create(b, zero, memory, advance(b, start, index, 1));
    });
    if (whole < count)
      vector::MaskedStoreOp::create(b, memory, offsetBy(b, start, whole),
                                    leadingMask(b, count - whole, kTileK), zero);
  }
}

/// Indices of the tensor's dimensions `dims` (outer to inner) from their number.
Value SplitProductEmitter::imagePosition(PhaseBuilder &phase, Value row, ArrayRef<int> dims,
                                         Position &position) const {
  ImplicitLocOpBuilder &b = phase.b;
  ArrayRef<int64_t> shape = d.operands[kA].shape;
  Value isInside;
  for (int dim : llvm::reverse(dims)) {
    const IndexRange &range = p.ranges[dim];
    Value extent = phase.index(range.extent());
    Value own = dim == dims.front() ? row : arith::RemUIOp::create(b, row, extent).getResult();
    row = arith::DivUIOp::create(b, row, extent);
    position.indices[dim] = movedBy(b, kA, dim, offsetBy(b, own, range.low));
    if (!leaves(kA, dim))
      continue;
    Value fits = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, position.indices[dim],
                                       phase.index(shape[dim]));
    isInside = both(b, isInside, fits);
  }
  return isInside;
}

/// A row of the image, which lies along the vectors of the tensor.
void SplitProductEmitter::copyImageRow(PhaseBuilder &phase, Expression &expression, Value row) {
  ImplicitLocOpBuilder &b = phase.b;
  int last = p.order.back();
  Value memory = image(phase), at = advance(b, phase.index(0), row, p.rowLength);
  Position position;
  position.indices.assign(p.order.size(), phase.index(0));
  position.vectorDim = last;
  position.lanes = kSplitLanes;
  Value isInside = imagePosition(phase, row, ArrayRef<int>(p.order).drop_back(), position);
  int64_t count = p.ranges[last].extent();
  // Rows that follow each other in the image.
  constexpr int64_t kRowsAhead = 8;
  int rowBefore = p.order.size() > 1 ? p.order[p.order.size() - 2] : -1;
  auto store = [&](Value column, int64_t active, int64_t stored) {
    Parts halves[2];
    for (int64_t half : {0, 1}) {
      int64_t lanes = std::clamp<int64_t>(active - half * kSplitLanes, 0, kSplitLanes);
      position.indices[last] =
          movedBy(b, kA, last, offsetBy(b, column, p.ranges[last].low + half * kSplitLanes));
      position.mask = lanes == kSplitLanes ? Value() : leadingMask(b, lanes, kSplitLanes);
      if (leaves(kA, last))
        position.mask =
            both(b, position.mask,
                 lanesInside(b, position.indices[last], d.operands[kA].shape[last], kSplitLanes));
      if (lanes > 0) {
        fetchAhead(phase, position, rowBefore, kRowsAhead);
        halves[half] = split(b, expression, d.operands[kA].value, position);
      } else
        halves[half].fill(splatBits(b, 0));
    }
    for (int64_t part = 0; part < kSplitParts; ++part) {
      Value joined = joinHalves(b, halves[0][part], halves[1][part]);
      Value to = offsetBy(b, advance(b, at, column, 1), part * p.plane);
      if (stored == kTileK)
        vector::StoreOp::create(b, joined, memory, to);
      else
        vector::MaskedStoreOp::create(b, memory, to, leadingMask(b, stored, kTileK), joined);
    }
  };
  auto copy = [&] {
    int64_t whole = count / kTileK * kTileK;
    buildLoop(b, 0, whole, kTileK, [&](Value column) { store(column, kTileK, kTileK); });
    if (whole < count)
      store(phase.index(whole), count - whole, std::min(kTileK, p.rowLength - whole));
    int64_t done = llvm::alignTo(count, kTileK);
    if (done < p.rowLength)
      clearImage(phase, offsetBy(b, at, done), p.rowLength - done);
  };
  if (!isInside)
    return copy();
  buildIf(b, isInside, copy, [&] { clearImage(phase, at, p.rowLength); });
}

/// 16 vectors of the tensor's last dimension (`across`) times 32 indices along
/// the rows of the image.
void SplitProductEmitter::transposeBlock(PhaseBuilder &phase, Expression &expression,
                                         const Position &outer, Value at, Value across,
                                         Value along) {
  ImplicitLocOpBuilder &b = phase.b;
  int last = p.order.back(), vectors = static_cast<int>(p.order.size()) - 1;
  const IndexRange &range = p.ranges[last];
  int64_t width = p.ranges[vectors].extent(), length = d.operands[kA].shape[last];
  Position position = outer;
  position.vectorDim = vectors;
  position.lanes = kSplitLanes;
  position.indices[vectors] = movedBy(b, kA, vectors, offsetBy(b, across, p.ranges[vectors].low));
  Value inWidth = width % kSplitLanes == 0 ? Value() : lanesInside(b, across, width, kSplitLanes);
  Value inTensor = inWidth;
  if (leaves(kA, vectors))
    inTensor =
        both(b, inWidth,
             lanesInside(b, position.indices[vectors], d.operands[kA].shape[vectors], kSplitLanes));
  bool isWhole = !leaves(kA, last) && range.extent() % kTileK == 0;
  auto load = [&](Value step) {
    position.indices[last] =
        movedBy(b, kA, last, offsetBy(b, arith::AddIOp::create(b, along, step), range.low));
    position.mask = inTensor;
    if (!isWhole) {
      Value fits = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, position.indices[last],
                                         phase.index(length));
      position.indices[last] =
          arith::SelectOp::create(b, fits, position.indices[last], phase.index(0));
      position.mask = maskWhere(b, inTensor, fits, kSplitLanes);
    }
    return split(b, expression, d.operands[kA].value, position);
  };
  buildLoop(b, 0, kTileK / 2, 1, [&](Value pair) {
    Parts even = load(advance(b, phase.index(0), pair, 2));
    Parts odd = load(offsetBy(b, advance(b, phase.index(0), pair, 2), 1));
    for (int64_t part = 0; part < kSplitParts; ++part)
      storeForTranspose(phase, part, pair, joinPairs(b, even[part], odd[part]));
  });
  Value memory = image(phase);
  Value inRow;
  if (p.rowLength % kTileK != 0)
    inRow = lanesInside(b, along, p.rowLength, kTileK);
  transposeParts(phase, [&](Value part, int64_t lane, Value row) {
    Value stored = vector::BitCastOp::create(b, VectorType::get({kTileK}, b.getI16Type()), row);
    Value to = offsetBy(b, advance(b, at, part, p.plane), lane * p.imageStrides[vectors]);
    Value mask = inRow;
    if (inWidth) {
      Value fits = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, offsetBy(b, across, lane),
                                         phase.index(width));
      mask = maskWhere(b, mask, fits, kTileK);
    }
    if (mask)
      vector::MaskedStoreOp::create(b, memory, to, mask, stored);
    else
      vector::StoreOp::create(b, stored, memory, to);
  });
}

/// 32 elements of rows of the image that lie across the vectors of the tensor, of all of them, so
/// that vectors are read side by side. `number` counts the other dimensions, then blocks of 32.
void SplitProductEmitter::transposeImageBlocks(PhaseBuilder &phase, Expression &expression,
                                               Value number) {
  ImplicitLocOpBuilder &b = phase.b;
  int last = p.order.back(), vectors = static_cast<int>(p.order.size()) - 1;
  SmallVector<int> others;
  for (int dim : ArrayRef<int>(p.order).drop_back())
    if (dim != vectors)
      others.push_back(dim);
  int64_t filled = llvm::alignTo(p.ranges[last].extent(), kTileK);
  Value blocks = phase.index(filled / kTileK);
  Value along = advance(b, phase.index(0), arith::RemUIOp::create(b, number, blocks), kTileK);
  Value rest = arith::DivUIOp::create(b, number, blocks);
  Position position;
  position.indices.assign(p.order.size(), phase.index(0));
  Value isInside = imagePosition(phase, rest, others, position);
  Value row = phase.index(0);
  for (int dim : llvm::reverse(others)) {
    Value extent = phase.index(p.ranges[dim].extent());
    row = advance(b, row, arith::RemUIOp::create(b, rest, extent), p.imageStrides[dim]);
    rest = arith::DivUIOp::create(b, rest, extent);
  }
  int64_t width = p.ranges[vectors].extent();
  // The first block clears for all what has no elements.
  auto clearFrom = [&](int64_t start) {
    Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, along, phase.index(0));
    auto clear = [&] {
      buildLoop(b, 0, width, 1, [&](Value lane) {
        clearImage(phase, offsetBy(b, advance(b, row, lane, p.imageStrides[vectors]), start),
                   p.rowLength - start);
      });
    };
    if (start < p.rowLength)
      buildIf(b, isFirst, clear, [] {});
  };
  auto copy = [&] {
    Value at = arith::AddIOp::create(b, row, along);
    buildLoop(b, 0, width, kSplitLanes, [&](Value across) {
      transposeBlock(phase, expression, position, advance(b, at, across, p.imageStrides[vectors]),
                     across, along);
    });
    clearFrom(filled);
  };
  if (!isInside)
    return copy();
  buildIf(b, isInside, copy, [&] { clearFrom(0); });
}

/// What the last tiles read behind the image.
void SplitProductEmitter::clearBehindImage(PhaseBuilder &phase) {
  if (p.plane != p.imageCount)
    clearImage(phase, phase.index(p.imageCount), p.plane - p.imageCount);
}

/// Rows of the image; where those lie across the vectors of the tensor, blocks of 32 elements of
/// all rows along these.
int64_t SplitProductEmitter::imageUnits() const {
  int64_t rows = p.imageCount / p.rowLength;
  return p.transposes ? rows / p.ranges.back().extent() *
                            llvm::divideCeil(p.ranges[p.order.back()].extent(), kTileK)
                      : rows;
}

void SplitProductEmitter::splitImageUnit(PhaseBuilder &phase, Expression &expression,
                                         Value number) {
  if (p.transposes)
    transposeImageBlocks(phase, expression, number);
  else
    copyImageRow(phase, expression, number);
}

/// All of a piece.
void SplitProductEmitter::splitImage(PhaseBuilder &phase, Expression &expression) {
  buildLoop(phase.b, 0, imageUnits(), 1,
            [&](Value number) { splitImageUnit(phase, expression, number); });
  clearBehindImage(phase);
}

void SplitProductEmitter::emitImage() {
  int64_t units = imageUnits();
  int64_t chunk = llvm::divideCeil(units, std::min(units, kSplitTasks));
  module.addPackingPhase(
      llvm::divideCeil(units, chunk), d.operands[kA].value, [&](PhaseBuilder &phase) {
        ImplicitLocOpBuilder &b = phase.b;
        Expression expression(phase);
        Value isFirst =
            arith::CmpIOp::create(b, arith::CmpIPredicate::eq, phase.task, phase.index(0));
        buildIf(b, isFirst, [&] { clearBehindImage(phase); }, [] {});
        Value start = advance(b, phase.index(0), phase.task, chunk);
        Value end = arith::MinUIOp::create(b, offsetBy(b, start, chunk), phase.index(units));
        buildLoop(b, start, end, 1,
                  [&](Value number) { splitImageUnit(phase, expression, number); });
      });
}

} // namespace dl
