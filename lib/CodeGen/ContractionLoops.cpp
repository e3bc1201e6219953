//===- ContractionLoops.cpp - The loops around the micro-kernel -----------===//

#include "ContractionEmitter.h"
#include "ContractionTile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace dl {

void buildIf(ImplicitLocOpBuilder &b, Value condition, function_ref<void()> then,
             function_ref<void()> otherwise) {
  auto branch = scf::IfOp::create(b, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  then();
  b.setInsertionPointToStart(branch.elseBlock());
  otherwise();
}

Value ContractionEmitter::memoryOf(PhaseBuilder &phase, OperandIndex operand) const {
  const StagedOperand &staged = s.operands[operand];
  bool isScratch =
      s.accumulation == Accumulation::Scatter || s.accumulation == Accumulation::Chunks;
  if (operand == kC && isScratch)
    return phase.scratch(stagedOffset[kC], d.element, staged.count);
  if (operand == kC)
    return phase.workspace(stagedOffset[kC], d.element, staged.count * s.parts);
  if ((operand == kA && s.copiesInTask) || staged.level >= 0)
    return phase.scratch(stagedOffset[operand], d.element, staged.count);
  if (staged.staging != Staging::None)
    return phase.workspace(stagedOffset[operand], d.element, staged.count);
  return phase.argument(cast<BlockArgument>(d.operands[operand].value));
}

void ContractionEmitter::emitMultiply() {
  module.addPhase(s.tasks(), [&](PhaseBuilder &phase) {
    Expression expression(phase);
    expression.bind(body.anchor->getResult(0),
                    [&](ImplicitLocOpBuilder &, const Position &) { return sum; });
    if (body.side)
      expression.bind(body.side->getResult(0),
                      [&](ImplicitLocOpBuilder &, const Position &) { return sideSum; });
    emitTask(phase, expression);
  });
}

/// The number of a task, taken apart: part of K, then the task loops' tiles.
void ContractionEmitter::emitTask(PhaseBuilder &phase, Expression &expression) {
  ImplicitLocOpBuilder &b = phase.b;
  Place place;
  Value zero = phase.index(0);
  place.index.assign(s.dims.size(), zero);
  place.tile.assign(s.dims.size(), zero);
  for (int operand : {kA, kB, kC})
    place.base[operand] = phase.index(s.operands[operand].origin);
  for (int operand : {kA, kB})
    place.source[operand] = phase.index(s.operands[operand].source);
  Value rest = phase.task;
  for (unsigned level = s.taskLoops; level-- > 0;) {
    int loop = s.loops[level];
    int64_t tiles = s.dims[loop].tiles();
    if (tiles == 1)
      continue;
    Value count = phase.index(tiles);
    place = enter(b, place, loop, arith::RemUIOp::create(b, rest, count));
    rest = arith::DivUIOp::create(b, rest, count);
  }
  if (s.accumulation == Accumulation::Partials) {
    place.part = rest;
    place.base[kC] = advance(b, place.base[kC], rest, s.operands[kC].count);
  }
  if (s.accumulation == Accumulation::Scatter)
    clearScratch(phase);
  if (s.copiesInTask) {
    SmallVector<Value> indices = {place.index[s.loops[0]]};
    copyBlock(phase, expression, kA, indices, memoryOf(phase, kA), zero);
  }
  emitLoops(phase, expression, s.taskLoops, place);
  if (s.accumulation == Accumulation::Scatter)
    sweepScratch(phase, expression, place);
}

/// The place in tile number `tile` of a loop.
ContractionEmitter::Place ContractionEmitter::enter(ImplicitLocOpBuilder &b, const Place &place,
                                                    int loop, Value tile) const {
  const PlanDim &dim = s.dims[loop];
  Place inner = place;
  inner.tile[loop] = tile;
  inner.index[loop] = advance(b, arith::ConstantIndexOp::create(b, 0), tile, dim.tile);
  for (int operand : {kA, kB, kC})
    inner.base[operand] = advance(b, inner.base[operand], tile, dim.tileStrides[operand]);
  for (int operand : {kA, kB})
    inner.source[operand] = advance(b, inner.source[operand], tile, dim.source[operand] * dim.tile);
  return inner;
}

/// Tiles of a loop: all, or, where it goes over chunks of a split K, its part's.
std::pair<Value, Value> ContractionEmitter::boundsOf(ImplicitLocOpBuilder &b, const Place &place,
                                                     int loop) const {
  auto index = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(b, value); };
  Value tiles = index(s.dims[loop].tiles());
  if (loop != s.splitDim)
    return {index(0), tiles};
  Value chunks = index(s.chunk / s.dims[loop].tile);
  Value lower = arith::MulIOp::create(b, place.part, chunks);
  return {lower, arith::MinUIOp::create(b, arith::AddIOp::create(b, lower, chunks), tiles)};
}

void ContractionEmitter::emitLoops(PhaseBuilder &phase, Expression &expression, unsigned level,
                                   Place place) {
  for (OperandIndex operand : {kA, kB})
    if (s.operands[operand].level == static_cast<int>(level))
      packInTask(phase, operand, place);
  if (s.prefetchLevel == static_cast<int>(level))
    place.nextPanel = nextPanel(phase.b, place, level);
  if (level == s.loops.size())
    return emitTiles(phase, expression, place);
  int loop = s.loops[level];
  auto [lower, upper] = boundsOf(phase.b, place, loop);
  buildLoop(phase.b, lower, upper, 1, [&, lower = lower, upper = upper](Value tile) {
    Place inner = enter(phase.b, place, loop, tile);
    if (s.isChunked(loop))
      inner = enterChunk(phase.b, inner, tile, lower, upper);
    emitLoops(phase, expression, level + 1, inner);
  });
}

ContractionEmitter::TileShape ContractionEmitter::tileShape(bool lastRows, bool lastColumns,
                                                            bool sumsB) const {
  TileShape shape;
  shape.sumsB = sumsB;
  shape.rows.push_back(SmallVector<int64_t>(s.dims.size(), 0));
  for (auto [index, dim] : llvm::enumerate(s.dims)) {
    if (dim.role != DimRole::M || dim.tile == 1)
      continue;
    int64_t extent = lastRows ? dim.lastTile() : dim.tile;
    SmallVector<SmallVector<int64_t>> rows;
    for (const SmallVector<int64_t> &row : shape.rows)
      for (int64_t i = 0; i < extent; ++i) {
        rows.push_back(row);
        rows.back()[index] = i;
      }
    shape.rows = std::move(rows);
  }
  int64_t columns = s.vectorDim < 0 ? 1 : s.dims[s.vectorDim].tile;
  if (lastColumns)
    columns = s.dims[s.vectorDim].lastTile();
  shape.vectors = llvm::divideCeil(columns, s.lanes);
  shape.tailLanes = columns - (shape.vectors - 1) * s.lanes;
  return shape;
}

/// Whole tiles, and those at the end of the rows and of the columns, each with
/// code of its own.
void ContractionEmitter::emitTiles(PhaseBuilder &phase, Expression &expression,
                                   const Place &place) {
  ImplicitLocOpBuilder &b = phase.b;
  auto isTile = [&](int dim, int64_t number) -> Value {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, place.tile[dim], phase.index(number));
  };
  int partialRows = -1;
  bool partialColumns = s.vectorDim >= 0 && s.dims[s.vectorDim].lastTile() != s.columns();
  SmallVector<int> rowLoops;
  for (auto [index, dim] : llvm::enumerate(s.dims)) {
    if (dim.role != DimRole::M || dim.tiles() <= 1)
      continue;
    rowLoops.push_back(index);
    if (dim.lastTile() != dim.tile)
      partialRows = index;
  }
  // The rows of the first tile bring the side reduction along.
  auto withSide = [&](bool lastRows, bool lastColumns) {
    auto tile = [&](bool sumsB) {
      emitTile(phase, expression, place, tileShape(lastRows, lastColumns, sumsB));
    };
    bool hasSide = body.side && !sideAlone && !lastRows;
    if (!hasSide || rowLoops.empty())
      return tile(hasSide);
    Value isFirst = isTile(rowLoops[0], 0);
    for (int loop : ArrayRef<int>(rowLoops).drop_front())
      isFirst = arith::AndIOp::create(b, isFirst, isTile(loop, 0));
    buildIf(b, isFirst, [&] { tile(true); }, [&] { tile(false); });
  };
  auto withRows = [&](bool lastColumns) {
    if (partialRows < 0)
      return withSide(false, lastColumns);
    buildIf(
        b, isTile(partialRows, s.dims[partialRows].tiles() - 1),
        [&] { withSide(true, lastColumns); }, [&] { withSide(false, lastColumns); });
  };
  if (!partialColumns)
    return withRows(false);
  int64_t tiles = s.dims[s.vectorDim].tiles();
  if (tiles == 1)
    return withRows(true);
  buildIf(b, isTile(s.vectorDim, tiles - 1), [&] { withRows(true); }, [&] { withRows(false); });
}

SmallVector<ReductionLoop> ContractionEmitter::reductionLoops(ImplicitLocOpBuilder &b,
                                                              const Place &place) const {
  SmallVector<ReductionLoop> loops;
  for (int loop : s.reductionLoops) {
    const PlanDim &dim = s.dims[loop];
    ReductionLoop reduction{dim.extent, {dim.strides[kA], dim.strides[kB]}, nullptr, nullptr};
    if (s.isChunked(loop)) {
      reduction.extent = dim.tile;
      if (dim.extent % dim.tile != 0) {
        Value left = arith::SubIOp::create(b, arith::ConstantIndexOp::create(b, dim.extent),
                                           place.index[loop]);
        reduction.lower = arith::ConstantIndexOp::create(b, 0);
        reduction.upper =
            arith::MinUIOp::create(b, left, arith::ConstantIndexOp::create(b, dim.tile));
      }
    } else if (loop == s.splitDim) {
      Value chunk = arith::ConstantIndexOp::create(b, s.chunk);
      reduction.lower = arith::MulIOp::create(b, place.part, chunk);
      Value end = arith::AddIOp::create(b, reduction.lower, chunk);
      reduction.upper =
          arith::MinUIOp::create(b, end, arith::ConstantIndexOp::create(b, dim.extent).getResult());
    }
    loops.push_back(reduction);
  }
  return loops;
}

int64_t ContractionEmitter::rowOffset(ArrayRef<int64_t> row, OperandIndex operand) const {
  int64_t offset = 0;
  for (auto [dim, index] : llvm::zip_equal(s.dims, row))
    offset += dim.strides[operand] * index;
  return offset;
}

void ContractionEmitter::emitTile(PhaseBuilder &phase, Expression &expression, const Place &place,
                                  const TileShape &shape) {
  ImplicitLocOpBuilder &b = phase.b;
  MicroKernel kernel;
  kernel.vector = vectorType();
  for (OperandIndex operand : {kA, kB}) {
    kernel.memory[operand] = memoryOf(phase, operand);
    kernel.base[operand] = place.base[operand];
  }
  for (const SmallVector<int64_t> &row : shape.rows)
    kernel.rows.push_back(rowOffset(row, kA));
  kernel.vectors = shape.vectors;
  kernel.isDot = s.isDot();
  for (int64_t column = 0; s.isDot() && column < shape.tailLanes; ++column)
    kernel.columns.push_back(s.vectorDim < 0 ? 0 : column * s.dims[s.vectorDim].strides[kB]);
  kernel.tailMask = maskFor(b, shape.tailLanes);
  kernel.maskLoads = s.operands[kB].staging != Staging::Panels;
  kernel.vectorA = s.vectorA;
  kernel.sumsB = shape.sumsB;
  kernel.ahead = s.fetchesAhead ? s.columns() : 0;
  kernel.hasFMA = module.machine().hasFMA;
  kernel.loops = reductionLoops(b, place);
  if (!s.isDot() && !kernel.loops.empty())
    kernel.chains = chainsFor(static_cast<int64_t>(shape.rows.size()) * shape.vectors,
                              kernel.loops.back().extent);

  if (place.nextPanel)
    addPrefetch(phase, place, kernel);

  SmallVector<Value> sums = startSums(phase, place, shape);
  sums = s.isDot() ? kernel.emitDot(b, sums) : kernel.emit(b, sums);
  ArrayRef<Value> all = sums;
  size_t own = shape.rows.size() * shape.vectors;
  storeTile(phase, expression, place, shape, all.take_front(own));
  if (shape.sumsB)
    storeSide(phase, expression, place, shape, all.drop_front(own));
}

} // namespace dl
