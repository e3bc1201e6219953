//===- SplitProductStaging.cpp - Operands as bf16 parts -------------------===//

#include "SplitProductEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numeric>

using namespace mlir;

namespace dl {

/// Tasks of a staging phase, where the operand allows.
static constexpr int64_t kStagingTasks = 32;
static constexpr int64_t kLanes = 16;

static Value splatBits(ImplicitLocOpBuilder &b, uint32_t bits) {
  auto type = VectorType::get({kLanes}, b.getI32Type());
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(
             type, static_cast<Attribute>(b.getI32IntegerAttr(static_cast<int32_t>(bits)))));
}

static Value bitsOf(ImplicitLocOpBuilder &b, Value floats) {
  return vector::BitCastOp::create(b, VectorType::get({kLanes}, b.getI32Type()), floats);
}

/// The lanes of `first`, `first` + 1, ... that are below `limit`; unsigned, so
/// that what is below zero is not.
static Value lanesBelow(ImplicitLocOpBuilder &b, Value first, int64_t limit, int64_t lanes) {
  SmallVector<int32_t> numbers(lanes);
  std::iota(numbers.begin(), numbers.end(), 0);
  Value start = splat(b, arith::IndexCastOp::create(b, b.getI32Type(), first), lanes);
  Value indices =
      arith::AddIOp::create(b, start, arith::ConstantOp::create(b, b.getI32VectorAttr(numbers)));
  SmallVector<int32_t> limits(lanes, static_cast<int32_t>(limit));
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ult, indices,
                               arith::ConstantOp::create(b, b.getI32VectorAttr(limits)));
}

static Value bothMasks(ImplicitLocOpBuilder &b, Value x, Value y) {
  if (!x || !y)
    return x ? x : y;
  return arith::AndIOp::create(b, x, y);
}

/// What is off is zero. h is rounded, but never to more than the largest bf16; m
/// is truncated, so that infinities and NaN stay; l is what is left, exact.
SplitProductEmitter::Parts SplitProductEmitter::split(ImplicitLocOpBuilder &b,
                                                      Expression &expression, Value source,
                                                      const Position &position) {
  Value x = expression.vectorAt(source, position);
  Value zero = numberLike(b, x.getType(), 0);
  if (position.mask)
    x = arith::SelectOp::create(b, position.mask, x, zero);
  auto bounded = [&](Value value, uint32_t bits, arith::CmpFPredicate predicate) -> Value {
    Value bound = vector::BitCastOp::create(b, x.getType(), splatBits(b, bits));
    Value isInside = arith::CmpFOp::create(b, predicate, value, bound);
    return arith::SelectOp::create(b, isInside, value, bound);
  };
  Value near = bounded(x, 0x7f7f7fff, arith::CmpFPredicate::OLT);
  near = bounded(near, 0xff7f7fff, arith::CmpFPredicate::OGT);
  Value high = splatBits(b, 0xffff0000);
  Value h = arith::AndIOp::create(
      b, arith::AddIOp::create(b, bitsOf(b, near), splatBits(b, 0x8000)), high);
  Value rest = arith::SubFOp::create(b, x, vector::BitCastOp::create(b, x.getType(), h));
  Value m = arith::AndIOp::create(b, bitsOf(b, rest), high);
  Value last = arith::SubFOp::create(b, rest, vector::BitCastOp::create(b, x.getType(), m));
  return {h, m, bitsOf(b, last)};
}

/// 32 successive elements as bf16, from the parts of the first and the second 16.
static Value joinHalves(ImplicitLocOpBuilder &b, Value first, Value second) {
  auto type = VectorType::get({2 * kLanes}, b.getI16Type());
  SmallVector<int64_t> odd;
  for (int64_t i = 0; i < 2 * kLanes; ++i)
    odd.push_back(2 * i + 1);
  return vector::ShuffleOp::create(b, vector::BitCastOp::create(b, type, first),
                                   vector::BitCastOp::create(b, type, second), odd);
}

/// Each lane: an even element in the low half, the next one in the high half.
static Value joinPairs(ImplicitLocOpBuilder &b, Value even, Value odd) {
  Value low = arith::ShRUIOp::create(b, even, splatBits(b, 16));
  return arith::OrIOp::create(b, low, arith::AndIOp::create(b, odd, splatBits(b, 0xffff0000)));
}

/// Vectors on their way to be transposed wait in scratch memory, so that there is
/// one transposition in the code.
void SplitProductEmitter::storeForTranspose(PhaseBuilder &phase, int64_t part, Value number,
                                            Value vector) {
  vector::StoreOp::create(phase.b, vector, transposeBuffer(phase),
                          advance(phase.b, phase.index(part * kLanes * kLanes), number, kLanes));
}

void SplitProductEmitter::transposeParts(PhaseBuilder &phase,
                                         llvm::function_ref<void(Value, int64_t, Value)> store) {
  ImplicitLocOpBuilder &b = phase.b;
  auto type = VectorType::get({kLanes}, b.getI32Type());
  buildLoop(b, 0, kSplitParts, 1, [&](Value part) {
    Value start = advance(b, phase.index(0), part, kLanes * kLanes);
    SmallVector<Value> rows;
    for (int64_t row = 0; row < kLanes; ++row)
      rows.push_back(vector::LoadOp::create(b, type, transposeBuffer(phase),
                                            offsetBy(b, start, row * kLanes)));
    for (auto [lane, row] : llvm::enumerate(transposeVectors(b, rows)))
      store(part, static_cast<int64_t>(lane), row);
  });
}

//===----------------------------------------------------------------------===//
// The image
//===----------------------------------------------------------------------===//

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
    position.indices[dim] = offsetBy(b, own, range.low);
    if (range.low >= 0 && range.high < shape[dim])
      continue;
    Value fits = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, position.indices[dim],
                                       phase.index(shape[dim]));
    isInside = isInside ? arith::AndIOp::create(b, isInside, fits).getResult() : fits;
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
  position.lanes = kLanes;
  Value isInside = imagePosition(phase, row, ArrayRef<int>(p.order).drop_back(), position);
  int64_t count = p.ranges[last].extent();
  auto store = [&](Value column, int64_t active, int64_t stored) {
    Parts halves[2];
    for (int64_t half : {0, 1}) {
      int64_t lanes = std::clamp<int64_t>(active - half * kLanes, 0, kLanes);
      position.indices[last] = offsetBy(b, column, p.ranges[last].low + half * kLanes);
      position.mask = lanes == kLanes ? Value() : leadingMask(b, lanes, kLanes);
      if (lanes > 0)
        halves[half] = split(b, expression, d.operands[kA].value, position);
      else
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
  position.lanes = kLanes;
  position.indices[vectors] = offsetBy(b, across, p.ranges[vectors].low);
  Value inWidth = width % kLanes == 0 ? Value() : lanesBelow(b, across, width, kLanes);
  bool isWhole = range.low >= 0 && range.high < length && range.extent() % kTileK == 0;
  auto load = [&](Value step) {
    position.indices[last] = offsetBy(b, arith::AddIOp::create(b, along, step), range.low);
    position.mask = inWidth;
    if (!isWhole) {
      Value fits = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, position.indices[last],
                                         phase.index(length));
      position.indices[last] =
          arith::SelectOp::create(b, fits, position.indices[last], phase.index(0));
      position.mask =
          bothMasks(b, inWidth,
                    vector::BroadcastOp::create(b, VectorType::get({kLanes}, b.getI1Type()), fits));
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
    inRow = lanesBelow(b, along, p.rowLength, kTileK);
  transposeParts(phase, [&](Value part, int64_t lane, Value row) {
    Value stored = vector::BitCastOp::create(b, VectorType::get({kTileK}, b.getI16Type()), row);
    Value to = offsetBy(b, advance(b, at, part, p.plane), lane * p.imageStrides[vectors]);
    Value mask = inRow;
    if (inWidth) {
      Value fits = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, offsetBy(b, across, lane),
                                         phase.index(width));
      mask = bothMasks(
          b, mask, vector::BroadcastOp::create(b, VectorType::get({kTileK}, b.getI1Type()), fits));
    }
    if (mask)
      vector::MaskedStoreOp::create(b, memory, to, mask, stored);
    else
      vector::StoreOp::create(b, stored, memory, to);
  });
}

/// 16 rows of the image, which lie across the vectors of the tensor. `row` counts
/// the other dimensions, then blocks of 16 vectors.
void SplitProductEmitter::transposeImageRow(PhaseBuilder &phase, Expression &expression,
                                            Value row) {
  ImplicitLocOpBuilder &b = phase.b;
  int last = p.order.back(), vectors = static_cast<int>(p.order.size()) - 1;
  SmallVector<int> others;
  for (int dim : ArrayRef<int>(p.order).drop_back())
    if (dim != vectors)
      others.push_back(dim);
  Value blocks = phase.index(llvm::divideCeil(p.ranges[vectors].extent(), kLanes));
  Value across = advance(b, phase.index(0), arith::RemUIOp::create(b, row, blocks), kLanes);
  Value rest = arith::DivUIOp::create(b, row, blocks);
  Position position;
  position.indices.assign(p.order.size(), phase.index(0));
  Value isInside = imagePosition(phase, rest, others, position);
  Value at = advance(b, phase.index(0), across, p.imageStrides[vectors]);
  for (int dim : others)
    at = advance(b, offsetBy(b, at, -p.ranges[dim].low * p.imageStrides[dim]),
                 position.indices[dim], p.imageStrides[dim]);
  auto copy = [&] {
    buildLoop(b, 0, llvm::alignTo(p.ranges[last].extent(), kTileK), kTileK, [&](Value along) {
      transposeBlock(phase, expression, position, advance(b, at, along, 1), across, along);
    });
    int64_t done = llvm::alignTo(p.ranges[last].extent(), kTileK);
    if (done < p.rowLength) {
      Value end = arith::MinUIOp::create(b, offsetBy(b, across, kLanes),
                                         phase.index(p.ranges[vectors].extent()));
      buildLoop(b, across, end, 1, [&](Value lane) {
        Value start =
            advance(b, at, arith::SubIOp::create(b, lane, across), p.imageStrides[vectors]);
        clearImage(phase, offsetBy(b, start, done), p.rowLength - done);
      });
    }
  };
  if (!isInside)
    return copy();
  buildIf(b, isInside, copy, [&] {
    Value end = arith::MinUIOp::create(b, offsetBy(b, across, kLanes),
                                       phase.index(p.ranges[vectors].extent()));
    buildLoop(b, across, end, 1, [&](Value lane) {
      clearImage(phase,
                 advance(b, at, arith::SubIOp::create(b, lane, across), p.imageStrides[vectors]),
                 p.rowLength);
    });
  });
}

/// What the last tiles read behind the image.
void SplitProductEmitter::clearBehindImage(PhaseBuilder &phase) {
  if (p.plane == p.imageCount)
    return;
  ImplicitLocOpBuilder &b = phase.b;
  Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, phase.task, phase.index(0));
  buildIf(
      b, isFirst, [&] { clearImage(phase, phase.index(p.imageCount), p.plane - p.imageCount); },
      [] {});
}

void SplitProductEmitter::emitImage() {
  int last = p.order.back(), vectors = static_cast<int>(p.order.size()) - 1;
  int64_t rows = p.imageCount / p.rowLength;
  if (p.transposes)
    rows = rows / p.ranges[vectors].extent() * llvm::divideCeil(p.ranges[vectors].extent(), kLanes);
  (void)last;
  int64_t chunk = llvm::divideCeil(rows, std::min(rows, kStagingTasks));
  module.addPhase(llvm::divideCeil(rows, chunk), [&](PhaseBuilder &phase) {
    ImplicitLocOpBuilder &b = phase.b;
    Expression expression(phase);
    clearBehindImage(phase);
    Value start = advance(b, phase.index(0), phase.task, chunk);
    Value end = arith::MinUIOp::create(b, offsetBy(b, start, chunk), phase.index(rows));
    buildLoop(b, start, end, 1, [&](Value row) {
      if (p.transposes)
        transposeImageRow(phase, expression, row);
      else
        copyImageRow(phase, expression, row);
    });
  });
}

//===----------------------------------------------------------------------===//
// Panels
//===----------------------------------------------------------------------===//

Position SplitProductEmitter::positionOf(ImplicitLocOpBuilder &b, OperandIndex operand,
                                         ArrayRef<Value> index) const {
  Position position;
  for (int64_t base : d.operands[operand].base)
    position.indices.push_back(arith::ConstantIndexOp::create(b, base));
  for (auto [dim, value] : llvm::zip_equal(d.dims, index)) {
    const AddressTerm &term = dim.terms[operand];
    if (term.occurs())
      position.indices[term.dim] = advance(b, position.indices[term.dim], value, term.coefficient);
  }
  position.lanes = kLanes;
  return position;
}

/// Vectors along the columns: for each pair of k, one vector of each.
void SplitProductEmitter::packColumns(PhaseBuilder &phase, Expression &expression,
                                      SmallVectorImpl<Value> &index, Value firstK, Value column,
                                      Value at) {
  ImplicitLocOpBuilder &b = phase.b;
  const ContractionDim &columns = d.dims[p.columnDim];
  Value memory = panelsAs(phase, b.getI32Type());
  // The last block of columns may have panels past the last column.
  Value inColumns = columns.extent % (p.columnTiles * kTileColumns) == 0
                        ? Value()
                        : lanesBelow(b, column, columns.extent, kLanes);
  buildLoop(b, 0, kTileK / 2, 1, [&](Value pair) {
    Parts parts[2];
    for (int64_t odd : {0, 1}) {
      Value k = offsetBy(b, advance(b, firstK, pair, 2), odd);
      Value isPoint = decode(b, p.run, k, p.runBlocks() * kTileK, index);
      if (isPoint)
        for (int dim : p.run.dims)
          index[dim] = arith::SelectOp::create(b, isPoint, index[dim], phase.index(0));
      index[p.columnDim] = column;
      Position position = positionOf(b, kB, index);
      position.vectorDim = columns.terms[kB].dim;
      position.mask = inColumns;
      if (isPoint)
        position.mask = bothMasks(
            b, inColumns,
            vector::BroadcastOp::create(b, VectorType::get({kLanes}, b.getI1Type()), isPoint));
      parts[odd] = split(b, expression, d.operands[kB].value, position);
    }
    Value to = advance(b, at, pair, kTileColumns);
    for (int64_t part = 0; part < kSplitParts; ++part)
      vector::StoreOp::create(b, joinPairs(b, parts[0][part], parts[1][part]), memory,
                              offsetBy(b, to, part * kTileElements / 2));
  });
}

/// Vectors along k, 16 columns of them transposed.
void SplitProductEmitter::packTransposed(PhaseBuilder &phase, Expression &expression,
                                         SmallVectorImpl<Value> &index, Value firstK, Value column,
                                         Value at) {
  ImplicitLocOpBuilder &b = phase.b;
  int inner = p.run.dims.back();
  int64_t columns = d.dims[p.columnDim].extent;
  Value memory = panelsAs(phase, b.getI32Type());
  decode(b, p.run, firstK, p.runBlocks() * kTileK, index);
  Value start = index[inner];
  buildLoop(b, 0, kTileColumns, 1, [&](Value lane) {
    Value own = arith::AddIOp::create(b, column, lane);
    // Past the end, the last column is as good as any.
    if (columns % (p.columnTiles * kTileColumns) != 0)
      own = arith::MinUIOp::create(b, own, phase.index(columns - 1));
    index[p.columnDim] = own;
    Parts halves[2];
    for (int64_t half : {0, 1}) {
      index[inner] = offsetBy(b, start, half * kLanes);
      Position position = positionOf(b, kB, index);
      position.vectorDim = d.dims[inner].terms[kB].dim;
      if (d.dims[inner].extent % kTileK != 0)
        position.mask = lanesBelow(b, index[inner], d.dims[inner].extent, kLanes);
      halves[half] = split(b, expression, d.operands[kB].value, position);
    }
    for (int64_t part = 0; part < kSplitParts; ++part)
      storeForTranspose(phase, part, lane,
                        vector::BitCastOp::create(b, VectorType::get({kLanes}, b.getI32Type()),
                                                  joinHalves(b, halves[0][part], halves[1][part])));
  });
  transposeParts(phase, [&](Value part, int64_t pair, Value vector) {
    vector::StoreOp::create(
        b, vector, memory,
        offsetBy(b, advance(b, at, part, kTileElements / 2), pair * kTileColumns));
  });
}

/// Whether B is contiguous along the innermost dimension of the run, and 32
/// elements of that are 32 positions.
bool SplitProductEmitter::packsTransposed() const {
  SmallVector<int64_t> strides = d.operands[kB].strides();
  const AddressTerm &k = d.dims[p.run.dims.back()].terms[kB];
  const AddressTerm &columns = d.dims[p.columnDim].terms[kB];
  if (k.coefficient != 1 || strides[k.dim] != 1 || strides[columns.dim] == 1)
    return false;
  return p.run.dims.size() == 1 ||
         (d.dims[p.run.dims.back()].extent % kTileK == 0 &&
          p.run.spans[p.run.dims.size() - 2] == d.dims[p.run.dims.back()].extent &&
          p.run.dims.size() == 2);
}

void SplitProductEmitter::packBlock(PhaseBuilder &phase, Expression &expression,
                                    SmallVectorImpl<Value> &index, Value firstK, Value column,
                                    Value at) {
  if (packsTransposed())
    packTransposed(phase, expression, index, firstK, column, at);
  else
    packColumns(phase, expression, index, firstK, column, at);
}

/// A task is some blocks of 32 k of a panel.
void SplitProductEmitter::emitPanels() {
  int64_t panels = p.panels(d) * p.batches(d), blocks = p.panelBlocks(d);
  int64_t pieces = std::min<int64_t>(blocks, llvm::divideCeil(kStagingTasks, panels));
  int64_t chunk = llvm::divideCeil(blocks, pieces);
  pieces = llvm::divideCeil(blocks, chunk);
  module.addPhase(panels * pieces, [&](PhaseBuilder &phase) {
    ImplicitLocOpBuilder &b = phase.b;
    Expression expression(phase);
    Value panel = arith::DivUIOp::create(b, phase.task, phase.index(pieces));
    Value piece = arith::RemUIOp::create(b, phase.task, phase.index(pieces));
    SmallVector<Value> index(d.dims.size(), phase.index(0));
    Value count = phase.index(p.panels(d));
    Value column =
        advance(b, phase.index(0), arith::RemUIOp::create(b, panel, count), kTileColumns);
    Value batch = arith::DivUIOp::create(b, panel, count);
    for (int dim : llvm::reverse(p.outer))
      if (d.dims[dim].role == DimRole::Batch) {
        index[dim] = arith::RemUIOp::create(b, batch, phase.index(d.dims[dim].extent));
        batch = arith::DivUIOp::create(b, batch, phase.index(d.dims[dim].extent));
      }
    Value start = advance(b, phase.index(0), piece, chunk);
    Value end = arith::MinUIOp::create(b, offsetBy(b, start, chunk), phase.index(blocks));
    Value to = advance(b, phase.index(0), panel, p.panelElements(d) / 2);
    buildLoop(b, start, end, 1, [&](Value block) {
      SmallVector<Value> here(index);
      Value runs = phase.index(p.runBlocks());
      Value firstK = advance(b, phase.index(0), arith::RemUIOp::create(b, block, runs), kTileK);
      Value rest = arith::DivUIOp::create(b, block, runs);
      for (int dim : llvm::reverse(p.outerK)) {
        here[dim] = arith::RemUIOp::create(b, rest, phase.index(d.dims[dim].extent));
        rest = arith::DivUIOp::create(b, rest, phase.index(d.dims[dim].extent));
      }
      packBlock(phase, expression, here, firstK, column,
                advance(b, to, block, kSplitParts * kTileElements / 2));
    });
  });
}

} // namespace dl
