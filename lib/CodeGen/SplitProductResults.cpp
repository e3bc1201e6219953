//===- SplitProductResults.cpp - From blocks of tiles to the result -------===//
//
// A block whose elements are all finite goes to the epilogue as it is. Otherwise
// an operand may have had an element that three parts do not make up (an infinity,
// NaN, what rounds to an infinity): the block is computed again by f32
// multiply-adds of the operands themselves, in the order of K.
//
//===----------------------------------------------------------------------===//

#include "SplitProductEmitter.h"
#include "SplitProductParts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace dl {

//===----------------------------------------------------------------------===//
// What tiles cannot compute
//===----------------------------------------------------------------------===//

/// Whether an element of the buffer is an infinity or NaN: times zero, that is NaN.
Value SplitProductEmitter::hasNonFinite(PhaseBuilder &phase, const Block &block) {
  ImplicitLocOpBuilder &b = phase.b;
  constexpr int64_t kVectors = 8;
  Value memory = buffer(phase), zero = numberLike(b, base.vectorType(), 0);
  SmallVector<Value> sums =
      buildReduceLoop(b, phase.index(0), phase.index(p.blockElements()), kVectors * kTileColumns,
                      SmallVector<Value>(kVectors, zero), [&](Value at, ValueRange carried) {
                        SmallVector<Value> next;
                        Value start = arith::AddIOp::create(b, block.sums, at);
                        for (auto [index, sum] : llvm::enumerate(carried)) {
                          Value x = vector::LoadOp::create(
                              b, base.vectorType(), memory,
                              offsetBy(b, start, static_cast<int64_t>(index) * kTileColumns));
                          next.push_back(vector::FMAOp::create(b, x, zero, sum));
                        }
                        return next;
                      });
  for (size_t step = kVectors / 2; step > 0; step /= 2)
    for (size_t i = 0; i < step; ++i)
      sums[i] = arith::AddFOp::create(b, sums[i], sums[i + step]);
  Value isNaN = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, sums[0], sums[0]);
  return vector::ReductionOp::create(b, vector::CombiningKind::OR, isNaN);
}

/// The sum and one more product, of an element of A and a vector of B.
Value SplitProductEmitter::recomputeStep(PhaseBuilder &phase, Expression &expression,
                                         ArrayRef<Value> index, Value sum) {
  ImplicitLocOpBuilder &b = phase.b;
  Position one = positionOf(b, kA, index);
  one.lanes = 1;
  Value isInside;
  for (auto [dim, extent] : llvm::enumerate(d.operands[kA].shape)) {
    if (!leaves(kA, static_cast<int>(dim)))
      continue;
    Value &own = one.indices[dim];
    Value fits = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, own, phase.index(extent));
    own = arith::SelectOp::create(b, fits, own, phase.index(0));
    isInside = both(b, isInside, fits);
  }
  Value x = expression.at(d.operands[kA].value, one);
  if (isInside)
    x = arith::SelectOp::create(b, isInside, x, numberLike(b, x.getType(), 0));
  Position vector = positionOf(b, kB, index);
  vector.vectorDim = d.dims[p.columnDim].terms[kB].dim;
  vector.mask = inColumns(b, index[p.columnDim]);
  Value meets = meetsB(b, index);
  if (meets)
    for (Value &own : vector.indices)
      own = arith::SelectOp::create(b, meets, own, phase.index(0));
  Value y = expression.vectorAt(d.operands[kB].value, vector);
  Value next = vector::FMAOp::create(b, splat(b, x, kTileColumns), y, sum);
  return meets ? arith::SelectOp::create(b, meets, next, sum).getResult() : next;
}

/// 16 columns of a row, whose indices are given.
Value SplitProductEmitter::recomputeVector(PhaseBuilder &phase, Expression &expression,
                                           SmallVectorImpl<Value> &index) {
  ImplicitLocOpBuilder &b = phase.b;
  SmallVector<int> dims = reductionDims();
  auto loop = [&](auto &self, size_t level, Value sum) -> Value {
    if (level == dims.size())
      return recomputeStep(phase, expression, index, sum);
    int dim = dims[level];
    Value end = phase.index(p.piece.dims[dim].extent);
    if (reached.dims[dim].extent != d.dims[dim].extent)
      end = arith::MinUIOp::create(
          b, end, arith::SubIOp::create(b, phase.index(d.dims[dim].extent), here.starts[dim]));
    return buildReduceLoop(b, phase.index(0), end, 1, sum, [&](Value k, ValueRange carried) {
      index[dim] = k;
      return SmallVector<Value>{self(self, level + 1, carried[0])};
    })[0];
  };
  auto [first, count] = chunksOfPart(phase, part);
  SmallVector<Value> zero = {numberLike(b, base.vectorType(), 0)};
  Value end = b.createOrFold<arith::AddIOp>(first, count);
  return buildReduceLoop(b, first, end, 1, zero, [&](Value chunk, ValueRange carried) {
    enterCuts(b, p.reductionCuts, chunk);
    return SmallVector<Value>{loop(loop, 0, carried[0])};
  })[0];
}

/// The rows of the block that are points of the iteration: their number in the block, and their
/// indices.
void SplitProductEmitter::forEachRow(PhaseBuilder &phase, const Block &block,
                                     function_ref<void(Value, ArrayRef<Value>)> body) {
  ImplicitLocOpBuilder &b = phase.b;
  SmallVector<int> dims(p.outer);
  dims.append(p.rows.dims.begin(), p.rows.dims.end());
  buildLoop(b, 0, p.blockRows(), 1, [&](Value number) {
    SmallVector<Value> index(block.index);
    Value position = arith::AddIOp::create(b, block.row, number);
    Value isPoint = decode(b, p.rows, position, p.rowBlocks() * p.blockRows(), index);
    if (Value inside = isInside(b, dims, index))
      isPoint = both(b, isPoint, inside);
    if (isPoint)
      buildIf(b, isPoint, [&] { body(number, index); }, [] {});
    else
      body(number, index);
  });
}

bool fetchesResults(const ContractionBody &body, const ContractionDescriptor &d,
                    const SplitProduct &product, const KernelModule &module) {
  // Measured, results that are transposed gain nothing.
  if (product.parts > 1 || product.isSwapped)
    return false;
  // Measured, a result alone gains 1.25 to 1.4 where it is not in the caches and K has 128
  // elements, nothing from 256 on, and loses 0.95 where it is there; with fewer there is no room.
  constexpr int64_t kSteps = 4;
  int64_t steps = product.chunks() * product.panelBlocks();
  int64_t bytes = ShapedType::getNumElements(d.operands[kC].shape) * storageBytes(d.element);
  bool isFar = bytes >= module.machine().l2Bytes;
  return (isFar && steps >= kSteps && steps < 2 * kSteps) || fetchesResults(body, d, module);
}

/// What the epilogue reads and writes, before it does: a step's share of the block's rows.
void SplitProductEmitter::fetchRows(PhaseBuilder &phase, const Block &block, Value step,
                                    Value isLast) {
  if (!p.fetchesResults)
    return;
  ImplicitLocOpBuilder &b = phase.b;
  int64_t rows = llvm::divideCeil(p.blockRows(), p.panelBlocks());
  Value first = advance(b, phase.index(0), step, rows), isRow;
  if (rows * p.panelBlocks() > p.blockRows())
    isRow = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, first, phase.index(p.blockRows()));
  auto fetch = [&] {
    buildLoop(b, first, offsetBy(b, first, rows), 1, [&](Value row) {
      SmallVector<Value> index(block.index);
      Value position = arith::AddIOp::create(b, block.row, row);
      decode(b, p.rows, position, p.rowBlocks() * p.blockRows(), index);
      index[p.columnDim] = block.column;
      base.fetchRow(phase, positionOf(b, kC, index).indices, p.blockColumns());
    });
  };
  if (Value condition = both(b, isLast, isRow))
    buildIf(b, condition, fetch, [] {});
  else
    fetch();
}

void SplitProductEmitter::recompute(PhaseBuilder &phase, Expression &expression,
                                    const Block &block) {
  ImplicitLocOpBuilder &b = phase.b;
  forEachRow(phase, block, [&](Value number, ArrayRef<Value> indexOfRow) {
    buildLoop(b, 0, p.blockColumns(), kTileColumns, [&](Value column) {
      SmallVector<Value> index(indexOfRow);
      index[p.columnDim] = arith::AddIOp::create(b, block.column, column);
      // Past the last column there is nothing to read.
      Value isAny = arith::CmpIOp::create(b, arith::CmpIPredicate::ult,
                                          indexOf(b, p.columnDim, index[p.columnDim]),
                                          phase.index(d.dims[p.columnDim].extent));
      buildIf(
          b, isAny,
          [&] {
            SmallVector<Value> saved(here.starts);
            Value vector = recomputeVector(phase, expression, index);
            here.starts = saved;
            Value at = advance(b, block.sums, number, p.blockColumns());
            vector::StoreOp::create(b, vector, buffer(phase),
                                    arith::AddIOp::create(b, at, column).getResult());
          },
          [] {});
    });
  });
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

/// Whether no block of tiles reaches past the last column.
bool SplitProductEmitter::fillsBlocks() const {
  return reached.dims[p.columnDim].extent == d.dims[p.columnDim].extent &&
         d.dims[p.columnDim].extent % p.blockColumns() == 0;
}

/// The lanes from a column of the piece on that are columns of the result; null: all.
Value SplitProductEmitter::inColumns(ImplicitLocOpBuilder &b, Value column) const {
  int64_t columns = d.dims[p.columnDim].extent;
  if (fillsBlocks())
    return nullptr;
  Value left = arith::SubIOp::create(b, arith::ConstantIndexOp::create(b, columns),
                                     indexOf(b, p.columnDim, column));
  return lanesBelow(b, left, kTileColumns);
}

/// A vector of sums to its place in the result, or in this part of it.
void SplitProductEmitter::storeVector(PhaseBuilder &phase, Expression &expression,
                                      const Position &position, Value sum) {
  ImplicitLocOpBuilder &b = phase.b;
  if (p.parts == 1)
    return base.writeResult(phase, expression, position, sum);
  Value to = linearIndex(b, position.indices, stridesOf(d.operands[kC].shape));
  to = advance(b, to, part, strategy.operands[kC].count);
  Value memory = base.memoryOf(phase, kC);
  if (position.mask)
    vector::MaskedStoreOp::create(b, memory, to, position.mask, sum);
  else
    vector::StoreOp::create(b, sum, memory, to);
}

/// A row of the buffer.
void SplitProductEmitter::storeRow(PhaseBuilder &phase, Expression &expression, const Block &block,
                                   Value number, ArrayRef<Value> indexOfRow) {
  ImplicitLocOpBuilder &b = phase.b;
  SmallVector<Value> index(indexOfRow);
  phase.emitStores(body.results, p.storesPast, [&](bool past) {
    for (int64_t tile = 0; tile < p.columnTiles; ++tile) {
      index[p.columnDim] = offsetBy(b, block.column, tile * kTileColumns);
      Position position = positionOf(b, kC, index);
      position.vectorDim = static_cast<int>(position.indices.size()) - 1;
      position.mask = inColumns(b, index[p.columnDim]);
      position.bypasses = past && !position.mask;
      Value at = offsetBy(b, advance(b, block.sums, number, p.blockColumns()), tile * kTileColumns);
      storeVector(phase, expression, position,
                  vector::LoadOp::create(b, base.vectorType(), buffer(phase), at));
    }
  });
}

/// A tile of the buffer, column by column, whose rows are contiguous in the result. It is
/// transposed in scratch, so that the epilogue is there once.
void SplitProductEmitter::storeTransposedTile(PhaseBuilder &phase, Expression &expression,
                                              const Block &block, Value row, Value column) {
  ImplicitLocOpBuilder &b = phase.b;
  Value turned = phase.scratch(turnedOffset, d.element, kTileRows * kTileColumns);
  Value from = arith::AddIOp::create(b, advance(b, block.sums, row, p.blockColumns()), column);
  storeTransposed(
      b, kTileRows, kTileColumns, /*isShort=*/true,
      [&](Value number) -> Value {
        return vector::LoadOp::create(b, base.vectorType(), buffer(phase),
                                      advance(b, from, number, p.blockColumns()));
      },
      turned, phase.index(0), kTileRows);
  int rowDim = p.rows.dims[0];
  auto leftOf = [&](int dim, Value index) -> Value {
    Value inPiece = arith::SubIOp::create(b, phase.index(p.piece.dims[dim].extent), index);
    if (reached.dims[dim].extent == d.dims[dim].extent)
      return inPiece;
    Value inAll = arith::SubIOp::create(b, phase.index(d.dims[dim].extent), indexOf(b, dim, index));
    return arith::MinSIOp::create(b, inPiece, inAll);
  };
  SmallVector<Value> index(block.index);
  index[rowDim] = arith::AddIOp::create(b, block.row, row);
  Value first = arith::AddIOp::create(b, block.column, column), mask;
  bool fillsRows = reached.dims[rowDim].extent == d.dims[rowDim].extent &&
                   p.piece.dims[rowDim].extent % p.blockRows() == 0;
  if (!fillsRows)
    mask = lanesBelow(b, leftOf(rowDim, index[rowDim]), kTileRows);
  Value end = phase.index(kTileColumns);
  if (!fillsBlocks())
    end = arith::MinSIOp::create(b, end, leftOf(p.columnDim, first));
  buildLoop(b, phase.index(0), end, 1, [&](Value number) {
    index[p.columnDim] = arith::AddIOp::create(b, first, number);
    Position position = positionOf(b, kC, index);
    position.vectorDim = static_cast<int>(position.indices.size()) - 1;
    position.mask = mask;
    storeVector(phase, expression, position,
                vector::LoadOp::create(b, base.vectorType(), turned,
                                       advance(b, phase.index(0), number, kTileRows)));
  });
}

void SplitProductEmitter::finishBlock(PhaseBuilder &phase, Expression &expression,
                                      const Block &block) {
  ImplicitLocOpBuilder &b = phase.b;
  buildIf(b, hasNonFinite(phase, block), [&] { recompute(phase, expression, block); }, [] {});
  if (!p.isSwapped)
    return forEachRow(phase, block, [&](Value number, ArrayRef<Value> index) {
      storeRow(phase, expression, block, number, index);
    });
  auto store = [&] {
    buildLoop(b, 0, p.blockRows(), kTileRows, [&](Value row) {
      buildLoop(b, 0, p.blockColumns(), kTileColumns,
                [&](Value column) { storeTransposedTile(phase, expression, block, row, column); });
    });
  };
  Value inside = isInside(b, p.outer, block.index);
  if (!inside)
    return store();
  buildIf(b, inside, store, [] {});
}

} // namespace dl
