//===- SplitProductPanels.cpp - B as panels of bf16 parts -----------------===//

#include "SplitProductEmitter.h"
#include "SplitProductParts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numeric>

using namespace mlir;

namespace dl {

Position SplitProductEmitter::positionOf(ImplicitLocOpBuilder &b, OperandIndex operand,
                                         ArrayRef<Value> index) const {
  Position position;
  for (int64_t base : d.operands[operand].base)
    position.indices.push_back(arith::ConstantIndexOp::create(b, base));
  for (auto [number, dim] : llvm::enumerate(d.dims)) {
    const AddressTerm &term = dim.terms[operand];
    if (term.occurs())
      position.indices[term.dim] =
          advance(b, position.indices[term.dim],
                  indexOf(b, static_cast<int>(number), index[number]), term.coefficient);
  }
  position.lanes = kSplitLanes;
  return position;
}

/// Vectors along the columns: a pair of k.
void SplitProductEmitter::packColumns(PhaseBuilder &phase, Expression &expression,
                                      ArrayRef<Value> indexOfPanel, Value firstK, Value at,
                                      Value pair) {
  ImplicitLocOpBuilder &b = phase.b;
  Value inColumns = this->inColumns(b, indexOfPanel[p.columnDim]);
  Value rows[2];
  SmallVector<Value> index(indexOfPanel);
  int inner = p.run.dims.back();
  bool isOneRow = p.run.dims.size() == 1 || p.run.spans[p.run.dims.size() - 2] % 2 == 0;
  Value isPointOfRow;
  for (int64_t odd : {0, 1}) {
    Value isPoint;
    if (odd == 1 && isOneRow && p.piece.dims[inner].extent % 2 == 0) {
      // The next of the same row.
      index[inner] = offsetBy(b, index[inner], 1);
      isPoint = isPointOfRow;
    } else {
      Value k = offsetBy(b, advance(b, firstK, pair, 2), odd);
      isPoint = isPointOfRow = decode(b, p.run, k, p.runBlocks() * kTileK, index);
    }
    if (Value inside = isInside(b, reductionDims(), index))
      isPoint = both(b, isPoint, inside);
    SmallVector<Value> indexOfRow(index);
    if (isPoint)
      for (int dim : p.run.dims)
        indexOfRow[dim] = arith::SelectOp::create(b, isPoint, index[dim], phase.index(0));
    Position position = positionOf(b, kB, indexOfRow);
    position.vectorDim = d.dims[p.columnDim].terms[kB].dim;
    position.mask = maskWhere(b, inColumns, isPoint, kSplitLanes);
    // Those of the next unit: of rows further on, the first-level TLB holds no more.
    constexpr int64_t kRowsAhead = 8;
    fetchAhead(phase, d.operands[kB], position, d.dims[inner].terms[kB].dim, kRowsAhead);
    rows[odd] = load(b, expression, d.operands[kB].value, position);
  }
  Value to = advance(b, at, pair, kTileColumns), memory = panelsAs(phase, b.getI32Type());
  for (auto [part, pairs] : llvm::enumerate(splitPairs(b, rows[0], rows[1])))
    vector::StoreOp::create(b, pairs, memory,
                            offsetBy(b, to, static_cast<int64_t>(part) * kTileElements / 2));
}

/// Vectors along k, of one of 16 columns, to be transposed.
void SplitProductEmitter::packTransposed(PhaseBuilder &phase, Expression &expression,
                                         ArrayRef<Value> indexOfPanel, Value lane) {
  ImplicitLocOpBuilder &b = phase.b;
  int inner = p.run.dims.back();
  SmallVector<Value> index(indexOfPanel);
  Value own = arith::AddIOp::create(b, index[p.columnDim], lane), start = index[inner];
  // Past the end, the last column is as good as any.
  if (!fillsBlocks()) {
    Value last = phase.index(d.dims[p.columnDim].extent - 1);
    if (Value start = here.starts[p.columnDim])
      last = arith::SubIOp::create(b, last, start);
    own = arith::MinUIOp::create(b, own, last);
  }
  index[p.columnDim] = own;
  // Measured, between products, 1.1 with cold operands, 1.0 with warm ones; the next k of the
  // same columns instead, 1.07 and 0.99.
  bool isFetched = p.stepsOfUnit(kB) > 0;
  Value halves[2];
  for (int64_t half : {0, 1}) {
    index[inner] = offsetBy(b, start, half * kSplitLanes);
    Position position = positionOf(b, kB, index);
    position.vectorDim = d.dims[inner].terms[kB].dim;
    if (reached.dims[inner].extent % kTileK != 0 ||
        reached.dims[inner].extent != d.dims[inner].extent)
      position.mask =
          lanesInside(b, indexOf(b, inner, index[inner]), d.dims[inner].extent, kSplitLanes);
    if (isFetched)
      fetchAhead(phase, d.operands[kB], position, d.dims[p.columnDim].terms[kB].dim, kTileColumns);
    halves[half] = load(b, expression, d.operands[kB].value, position);
  }
  for (auto [part, pairs] : llvm::enumerate(splitRun(b, halves[0], halves[1])))
    storeForTranspose(phase, kB, static_cast<int64_t>(part), lane, pairs);
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
          p.run.spans[p.run.dims.size() - 2] == p.piece.dims[p.run.dims.back()].extent &&
          p.run.dims.size() == 2);
}

/// 32 k of a panel; where B's rows lie along the columns, less k of several panels, so that what is
/// read of a row is longer. `number` counts groups of panels, then panels and k in the order of B's
/// memory.
SplitProductEmitter::Unit SplitProductEmitter::panelUnit(PhaseBuilder &phase,
                                                         Expression &expression, Value number) {
  ImplicitLocOpBuilder &b = phase.b;
  auto take = [&](int64_t count) -> Value {
    Value own = remainder(b, number, count);
    number = quotient(b, number, count);
    return own;
  };
  SmallVector<Value> index(d.dims.size(), phase.index(0));
  constexpr int64_t kMostPanels = 4;
  int64_t width = packsTransposed() ? 1 : std::gcd(p.panels(), kMostPanels);
  Value panel, block, share = phase.index(0);
  if (packsTransposed()) {
    block = take(p.panelBlocks());
    panel = take(p.panels());
  } else {
    panel = advance(b, phase.index(0), take(p.panels() / width), width);
    share = take(width);
    block = take(p.panelBlocks());
  }
  Value at = advance(b, panelStart(phase), panel, p.panelElements() / 2);
  at = advance(b, at, block, kSplitParts * kTileElements / 2);
  at = advance(b, at, number, p.panels() * p.panelElements() / 2);
  for (int dim : llvm::reverse(p.outer))
    if (d.dims[dim].terms[kB].occurs())
      index[dim] = take(p.piece.dims[dim].extent);
  number = block;
  Value firstK = advance(b, phase.index(0), take(p.runBlocks()), kTileK);
  for (int dim : llvm::reverse(p.outerK))
    index[dim] = take(p.piece.dims[dim].extent);
  index[p.columnDim] = advance(b, phase.index(0), panel, kTileColumns);
  Unit unit;
  unit.isRead = meetsB(b, index);
  if (!packsTransposed()) {
    unit.slots.emplace(phase, "split_b", [&](Value slot) {
      Value panel = remainder(b, slot, width);
      Value pair = quotient(b, slot, width);
      SmallVector<Value> own(index);
      own[p.columnDim] = advance(b, index[p.columnDim], panel, kTileColumns);
      packColumns(phase, expression, own, firstK, advance(b, at, panel, p.panelElements() / 2),
                  advance(b, pair, share, kUnitSlots / width));
    });
    return unit;
  }
  decode(b, p.run, firstK, p.runBlocks() * kTileK, index);
  unit.slots.emplace(phase, "split_b",
                     [&](Value lane) { packTransposed(phase, expression, index, lane); });
  unit.transposes.emplace(phase, "transpose_b", [&](Value part) {
    Value memory = panelsAs(phase, d.element);
    Value start = advance(b, at, part, kTileElements / 2);
    transposePart(phase, kB, part, [&](int64_t pair, Value vector) {
      vector::StoreOp::create(b, vector, memory, offsetBy(b, start, pair * kTileColumns));
    });
  });
  return unit;
}

} // namespace dl
