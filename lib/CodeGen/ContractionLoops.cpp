//===- ContractionLoops.cpp - The loops around the micro-kernel -----------===//

#include "ContractionEmitter.h"
#include "ContractionTile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numeric>

using namespace mlir;

namespace dl {

Value ContractionEmitter::memoryOf(PhaseBuilder &phase, OperandIndex operand) const {
  const StagedOperand &staged = s.operands[operand];
  bool isScratch =
      s.accumulation == Accumulation::Scatter || s.accumulation == Accumulation::Chunks;
  if (operand == kC && isScratch)
    return phase.scratch(stagedOffset[kC], d.element, staged.count);
  if (operand == kC)
    return phase.workspace(stagedOffset[kC], d.element, staged.count * s.parts);
  if ((operand == kA && s.copiesInTask) || staged.level >= 0 || staged.byEachWorker)
    return phase.scratch(stagedOffset[operand], d.element, staged.count);
  if (staged.staging != Staging::None)
    return phase.workspace(stagedOffset[operand], d.element, staged.count);
  return phase.argument(cast<BlockArgument>(d.operands[operand].value));
}

void ContractionEmitter::emitMultiply() {
  module.addPhase(s.tasks(), [&](PhaseBuilder &phase) { multiply(phase); });
}

void ContractionEmitter::multiply(PhaseBuilder &phase) {
  Expression expression(phase);
  expression.bind(body.anchor->getResult(0),
                  [&](ImplicitLocOpBuilder &, const Position &) { return sum; });
  if (body.side)
    expression.bind(body.side->getResult(0),
                    [&](ImplicitLocOpBuilder &, const Position &) { return sideSum; });
  emitTask(phase, expression);
}

/// Turns of the first loop, if all residues have as many: in each, the residues come
/// one after the other, so that what they read is still near.
static int64_t commonTurns(ArrayRef<std::unique_ptr<ContractionEmitter>> residues) {
  std::optional<int64_t> turns;
  for (const auto &residue : residues) {
    const ContractionStrategy &s = residue->strategy();
    int64_t own = s.taskLoops == 0 ? 1 : std::max<int64_t>(s.dims[s.loops[0]].tiles(), 1);
    if (turns && *turns != own)
      return 1;
    turns = own;
  }
  return turns.value_or(1);
}

/// Whether few tasks hold nearly all work: others are of residues that no tap meets, so
/// there is nothing to multiply.
static bool isWorkInFew(ArrayRef<std::unique_ptr<ContractionEmitter>> residues) {
  constexpr int64_t kFew = 256;
  int64_t working = 0, idle = 0;
  for (const auto &residue : residues)
    (residue->flops() > 0 ? working : idle) += residue->strategy().tasks();
  return working < kFew && idle > working;
}

void ContractionEmitter::emitResidues(KernelModule &module,
                                      ArrayRef<std::unique_ptr<ContractionEmitter>> residues) {
  for (auto [index, residue] : llvm::enumerate(residues))
    residue->stage(residues.take_front(index));
  int64_t turns = commonTurns(residues), tasks = 0;
  for (const auto &residue : residues)
    tasks += residue->s.tasks() / turns;
  bool mixes = turns == 1 && isWorkInFew(residues);
  module.addPhase(tasks * turns, [&](PhaseBuilder &phase) {
    ImplicitLocOpBuilder &b = phase.b;
    Value turn = arith::DivUIOp::create(b, phase.task, phase.index(tasks));
    Value first = arith::RemUIOp::create(b, phase.task, phase.index(tasks));
    // The place among the `left` tasks of residues from one on: its own come first, or, mixed,
    // evenly among the others, so that any range of tasks has its share of each.
    std::function<void(size_t, Value, int64_t)> choose = [&](size_t index, Value place,
                                                             int64_t left) {
      int64_t own = residues[index]->s.tasks() / turns;
      auto multiply = [&](Value number) {
        phase.task = advance(b, number, turn, own);
        residues[index]->multiply(phase);
      };
      if (index + 1 == residues.size())
        return multiply(place);
      auto before = [&](Value end) -> Value {
        Value product = arith::MulIOp::create(b, end, phase.index(own));
        return arith::DivUIOp::create(b, product, phase.index(std::max<int64_t>(left, 1)));
      };
      Value count = mixes ? before(place) : phase.index(own);
      Value isHere = mixes ? arith::CmpIOp::create(b, arith::CmpIPredicate::ult, count,
                                                   before(offsetBy(b, place, 1)))
                           : arith::CmpIOp::create(b, arith::CmpIPredicate::ult, place, count);
      buildIf(
          b, isHere, [&] { multiply(mixes ? count : place); },
          [&] { choose(index + 1, arith::SubIOp::create(b, place, count), left - own); });
    };
    choose(0, first, tasks);
  });
  for (const auto &residue : residues)
    if (residue->sideAlone)
      residue->emitSideAlone();
}

/// The number of a task among those of all rows, column after column, where so many rows at a
/// time meet all columns.
Value ContractionEmitter::amongAllRows(PhaseBuilder &phase, Value task) const {
  ImplicitLocOpBuilder &b = phase.b;
  int64_t columns = s.dims[s.vectorDim].tiles(), rows = s.tasks() / columns;
  int64_t last = rows % s.rowsAtOnce;
  Value block = phase.index(s.rowsAtOnce * columns);
  Value part = arith::DivUIOp::create(b, task, block),
        rest = arith::RemUIOp::create(b, task, block);
  auto divide = [&](int64_t count) -> std::pair<Value, Value> {
    Value own = phase.index(count);
    return {arith::DivUIOp::create(b, rest, own), arith::RemUIOp::create(b, rest, own)};
  };
  auto [column, row] = divide(s.rowsAtOnce);
  if (last > 0) {
    Value isLast =
        arith::CmpIOp::create(b, arith::CmpIPredicate::uge, part, phase.index(rows / s.rowsAtOnce));
    auto [lastColumn, lastRow] = divide(last);
    column = arith::SelectOp::create(b, isLast, lastColumn, column);
    row = arith::SelectOp::create(b, isLast, lastRow, row);
  }
  return advance(b, advance(b, row, part, s.rowsAtOnce), column, rows);
}

/// The number of a task, taken apart: part of K, then the task loops' tiles.
void ContractionEmitter::emitTask(PhaseBuilder &phase, Expression &expression) {
  ImplicitLocOpBuilder &b = phase.b;
  Place place;
  Value zero = phase.index(0);
  place.index.assign(s.dims.size(), zero);
  place.tile.assign(s.dims.size(), zero);
  place.inside.resize(s.dims.size());
  for (int operand : {kA, kB, kC})
    place.base[operand] = phase.index(s.operands[operand].origin);
  for (int operand : {kA, kB})
    place.source[operand] = phase.index(s.operands[operand].source);
  Value rest = s.rowsAtOnce > 0 ? amongAllRows(phase, phase.task) : phase.task;
  for (unsigned level = s.taskLoops; level-- > 0;) {
    int loop = s.loops[level];
    int64_t tiles = s.dims[loop].tiles();
    if (tiles == 1)
      continue;
    Value count = phase.index(tiles);
    place = enter(b, place, loop, arith::RemUIOp::create(b, rest, count));
    rest = arith::DivUIOp::create(b, rest, count);
  }
  if (s.accumulation == Accumulation::Partials)
    place = enterPart(b, place, rest);
  else
    place = enterRowPart(b, place, rest);
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

/// The place in a part of the rows. Of a block of them, scratch has A and the sums.
ContractionEmitter::Place ContractionEmitter::enterRowPart(ImplicitLocOpBuilder &b, Place place,
                                                           Value part) const {
  place.rowPart = part;
  if (s.operands[kA].level < 0)
    return place;
  const PlanDim &rows = s.dims[s.rowDim];
  int64_t tiles = llvm::divideCeil(rows.tiles(), s.rowParts);
  for (int operand : {kA, kC})
    place.base[operand] = advance(b, place.base[operand], part, -tiles * rows.tileStrides[operand]);
  return place;
}

/// The place in a part of a split K.
ContractionEmitter::Place ContractionEmitter::enterPart(ImplicitLocOpBuilder &b, Place place,
                                                        Value part) const {
  place.part = part;
  place.base[kC] = advance(b, place.base[kC], part, s.operands[kC].count);
  auto takeOff = [&](int64_t count) {
    Value extent = arith::ConstantIndexOp::create(b, count);
    Value index = arith::RemUIOp::create(b, part, extent);
    part = arith::DivUIOp::create(b, part, extent);
    return index;
  };
  place.chunk = takeOff(llvm::divideCeil(s.dims[s.splitDim].extent, s.chunk));
  for (int dim : llvm::reverse(s.splitWhole)) {
    Value index = takeOff(s.dims[dim].extent);
    for (int operand : {kA, kB}) {
      place.base[operand] = advance(b, place.base[operand], index, s.dims[dim].strides[operand]);
      place.source[operand] = advance(b, place.source[operand], index, s.dims[dim].source[operand]);
    }
  }
  return place;
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
  if (dim.tile == 1)
    enterClips(b, loop, inner);
  return inner;
}

/// Tiles of a loop: all, or, where it goes over chunks of a split K or over rows that
/// tasks share, its part's.
std::pair<Value, Value> ContractionEmitter::boundsOf(ImplicitLocOpBuilder &b, const Place &place,
                                                     int loop) const {
  auto index = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(b, value); };
  Value tiles = index(s.dims[loop].tiles());
  auto part = [&](Value number, int64_t count) -> std::pair<Value, Value> {
    Value lower = arith::MulIOp::create(b, number, index(count));
    return {lower, arith::MinUIOp::create(b, offsetBy(b, lower, count), tiles)};
  };
  if (loop == s.rowDim)
    return part(place.rowPart, llvm::divideCeil(s.dims[loop].tiles(), s.rowParts));
  if (loop == s.splitDim)
    return part(place.chunk, s.chunk / s.dims[loop].tile);
  return {index(0), tiles};
}

void ContractionEmitter::emitLoops(PhaseBuilder &phase, Expression &expression, unsigned level,
                                   Place place) {
  if (s.operands[kB].level == static_cast<int>(level))
    packInTask(phase, kB, place);
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
    if (s.operands[kB].withFirstRows && s.dims[loop].role == DimRole::M)
      inner.isFirstRows = andEqual(phase.b, inner.isFirstRows, tile, lower);
    emitLoops(phase, expression, level + 1, inner);
  });
}

ContractionEmitter::TileShape ContractionEmitter::tileShape(ArrayRef<int64_t> tile,
                                                            bool lastColumns, bool sumsB) const {
  TileShape shape;
  shape.tile.assign(tile.begin(), tile.end());
  shape.sumsB = sumsB;
  shape.rows.push_back(SmallVector<int64_t>(s.dims.size(), 0));
  for (auto [index, dim] : llvm::enumerate(s.dims)) {
    if (dim.role != DimRole::M || dim.tile == 1)
      continue;
    int64_t extent = tile[index] == dim.tiles() - 1 ? dim.lastTile() : dim.tile;
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

/// Common tiles, and those special by their rows or their columns, each with code
/// of its own.
void ContractionEmitter::emitTiles(PhaseBuilder &phase, Expression &expression,
                                   const Place &place) {
  ImplicitLocOpBuilder &b = phase.b;
  auto isTile = [&](int dim, int64_t number) -> Value {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, place.tile[dim], phase.index(number));
  };
  SmallVector<int> rowLoops;
  SmallVector<int64_t> known(s.dims.size(), -1);
  for (auto [index, dim] : llvm::enumerate(s.dims)) {
    if (dim.role != DimRole::M)
      continue;
    if (dim.tiles() == 1)
      known[index] = 0;
    else
      rowLoops.push_back(index);
  }
  // The rows of the first tile bring the side reduction along.
  auto withSide = [&](bool lastColumns) {
    auto tile = [&](bool sumsB) {
      emitTile(phase, expression, place, tileShape(known, lastColumns, sumsB));
    };
    bool hasSide = body.side && !sideAlone &&
                   llvm::all_of(rowLoops, [&](int loop) { return known[loop] <= 0; });
    Value isFirst;
    for (int loop : rowLoops) {
      if (!hasSide || known[loop] == 0)
        continue;
      Value isHere = isTile(loop, 0);
      isFirst = isFirst ? arith::AndIOp::create(b, isFirst, isHere).getResult() : isHere;
    }
    if (!isFirst)
      return tile(hasSide);
    buildIf(b, isFirst, [&] { tile(true); }, [&] { tile(false); });
  };
  std::function<void(ArrayRef<int>, bool)> withRows = [&](ArrayRef<int> loops, bool lastColumns) {
    if (loops.empty())
      return withSide(lastColumns);
    int dim = loops.front();
    SmallVector<int64_t> special = s.specialTiles(dim);
    bool hasOthers = static_cast<int64_t>(special.size()) < s.dims[dim].tiles();
    std::function<void(ArrayRef<int64_t>)> choose = [&](ArrayRef<int64_t> numbers) {
      known[dim] = numbers.empty() ? -1 : numbers.front();
      if (numbers.empty() || (numbers.size() == 1 && !hasOthers))
        return withRows(loops.drop_front(), lastColumns);
      buildIf(
          b, isTile(dim, numbers.front()), [&] { withRows(loops.drop_front(), lastColumns); },
          [&] { choose(numbers.drop_front()); });
    };
    choose(special);
    known[dim] = -1;
  };
  bool partialColumns = s.vectorDim >= 0 && s.dims[s.vectorDim].lastTile() != s.columns();
  if (!partialColumns)
    return withRows(rowLoops, false);
  int64_t tiles = s.dims[s.vectorDim].tiles();
  if (tiles == 1)
    return withRows(rowLoops, true);
  buildIf(
      b, isTile(s.vectorDim, tiles - 1), [&] { withRows(rowLoops, true); },
      [&] { withRows(rowLoops, false); });
}

SmallVector<ReductionLoop> ContractionEmitter::reductionLoops(ImplicitLocOpBuilder &b,
                                                              const Place &place,
                                                              const TileShape &shape) const {
  SmallVector<ReductionLoop> loops;
  for (int index : s.reductionLoops) {
    const PlanDim &dim = s.dims[index];
    if (s.accumulation == Accumulation::Partials && llvm::is_contained(s.splitWhole, index))
      continue;
    ReductionLoop loop{dim.extent, {dim.strides[kA], dim.strides[kB]}, nullptr, nullptr};
    if (s.isChunked(index) && s.sharedDim >= 0) {
      // Where the chunk is, counted from the image's edge, which clips are too.
      Value end = offsetBy(b, place.index[index], dim.tile);
      loop.lower = place.index[index];
      loop.upper =
          arith::MinUIOp::create(b, end, arith::ConstantIndexOp::create(b, dim.extent).getResult());
      loop.multiple = std::gcd(dim.tile, dim.extent);
    } else if (s.isChunked(index)) {
      loop.extent = dim.tile;
      if (dim.extent % dim.tile != 0) {
        Value left = arith::SubIOp::create(b, arith::ConstantIndexOp::create(b, dim.extent),
                                           place.index[index]);
        loop.lower = arith::ConstantIndexOp::create(b, 0);
        loop.upper = arith::MinUIOp::create(b, left, arith::ConstantIndexOp::create(b, dim.tile));
        loop.multiple = std::gcd(dim.tile, dim.extent);
      }
    } else if (index == s.splitDim) {
      Value chunk = arith::ConstantIndexOp::create(b, s.chunk);
      loop.lower = arith::MulIOp::create(b, place.chunk, chunk);
      Value end = arith::AddIOp::create(b, loop.lower, chunk);
      loop.upper =
          arith::MinUIOp::create(b, end, arith::ConstantIndexOp::create(b, dim.extent).getResult());
      loop.multiple = std::gcd(s.chunk, dim.extent);
    }
    if (place.inside[index].upper)
      place.inside[index].narrow(b, loop);
    for (const Clip &clip : s.clips)
      if (llvm::is_contained(dim.parts, clip.k))
        clipRows(clip, shape, loop);
    loops.push_back(loop);
  }
  return loops;
}

int64_t ContractionEmitter::rowOffset(ArrayRef<int64_t> row, OperandIndex operand) const {
  int64_t offset = 0;
  for (auto [dim, index] : llvm::zip_equal(s.dims, row))
    offset += dim.strides[operand] * index;
  return offset;
}

/// Whether at most a quarter of all tiles are of this shape.
bool ContractionEmitter::isRare(const TileShape &shape) const {
  int64_t tilesOfEach = 1;
  for (auto [number, dim] : llvm::zip_equal(shape.tile, s.dims))
    if (number >= 0)
      tilesOfEach *= dim.tiles();
  if (s.vectorDim >= 0 && (shape.vectors - 1) * s.lanes + shape.tailLanes < s.columns())
    tilesOfEach *= s.dims[s.vectorDim].tiles();
  return tilesOfEach >= 4;
}

/// Elements to the columns of the next tile that are fetched ahead: each tile of rows takes
/// as many as it needs for all of them to be taken; what is left over is taken again.
SmallVector<Value> ContractionEmitter::columnsAhead(ImplicitLocOpBuilder &b,
                                                    const Place &place) const {
  const PlanDim &columns = s.dims[s.vectorDim];
  auto constant = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(b, value); };
  Value number = constant(0);
  int64_t tiles = 1;
  for (auto [index, dim] : llvm::enumerate(s.dims)) {
    if (dim.role != DimRole::M || dim.tiles() == 1)
      continue;
    number = arith::AddIOp::create(b, arith::MulIOp::create(b, number, constant(dim.tiles())),
                                   place.tile[index]);
    tiles *= dim.tiles();
  }
  SmallVector<Value> ahead;
  for (int64_t taken = 0; taken < columns.tile; taken += tiles) {
    Value column = arith::RemUIOp::create(b, offsetBy(b, number, taken), constant(columns.tile));
    ahead.push_back(advance(b, constant(columns.tileStrides[kB]), column, columns.strides[kB]));
  }
  return ahead;
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
  kernel.sharedSteps = s.sharedSteps;
  kernel.groupColumns = s.groupColumns;
  kernel.groupStride = s.groupStride;
  kernel.tailLanes = shape.tailLanes;
  kernel.sumsB = shape.sumsB;
  kernel.ahead = s.fetchesAhead && !s.isDot() ? s.columns() : 0;
  if (s.fetchesAhead && s.isDot())
    kernel.columnsAhead = columnsAhead(b, place);
  kernel.rowsAhead = s.rowsAhead;
  if (s.fetchesPanels)
    fetchPanel(b, place, kernel);
  kernel.pieceAhead = s.fetchesPiecesAhead ? s.rows() + s.lanes : 0;
  kernel.hasFMA = module.machine().hasFMA;
  kernel.registers = module.machine().vectorRegisters;
  kernel.isRare = isRare(shape);
  kernel.loops = reductionLoops(b, place, shape);
  if (!s.isDot() && s.groupPart < 0 && s.sharedSteps == 0 && !kernel.loops.empty())
    kernel.chains = chainsFor(static_cast<int64_t>(shape.rows.size()) * shape.vectors,
                              kernel.loops.back().extent);

  if (place.nextPanel && !kernel.isRare)
    addPrefetch(phase, place, kernel);

  fetchResults(phase, place, shape);
  SmallVector<Value> sums = startSums(phase, place, shape);
  sums = emitProducts(phase, place, shape, kernel, sums);
  ArrayRef<Value> all = sums;
  size_t own = shape.rows.size() * shape.vectors;
  storeTile(phase, expression, place, shape, all.take_front(own));
  if (shape.sumsB)
    storeSide(phase, expression, place, shape, all.drop_front(own));
}

} // namespace dl
