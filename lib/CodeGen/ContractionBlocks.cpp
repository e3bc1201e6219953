//===- ContractionBlocks.cpp - Panels packed in tasks, chunks of K --------===//
//
// Where the loops reach the level that a strategy says, a task packs what the
// loops inside need of an operand: one panel, or, where the loop over panels is
// inside, one after the other. Between chunks of K, sums wait in scratch or in the
// task's partial results; the epilogue sees the sums of the last chunk alone.
//
//===----------------------------------------------------------------------===//

#include "ContractionEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace dl {

bool ContractionStrategy::isChunked(int dim) const {
  return dims[dim].role == DimRole::K && llvm::is_contained(loops, dim);
}

/// The dimension whose indices lie side by side in an operand's panels.
int ContractionEmitter::panelDim(OperandIndex operand) const {
  int part = s.operands[operand].panelPart;
  for (auto [index, dim] : llvm::enumerate(s.dims))
    if (llvm::is_contained(dim.parts, part))
      return static_cast<int>(index);
  llvm_unreachable("a panel has a dimension of the strategy");
}

//===----------------------------------------------------------------------===//
// Panels
//===----------------------------------------------------------------------===//

/// Whether a tile is one of those that are alike along rows, or along columns.
bool ContractionEmitter::isCommon(const TileShape &shape, DimRole role) const {
  if (role == DimRole::N)
    return shape.vectors * s.lanes == s.columns() && shape.tailLanes == s.lanes;
  return llvm::all_of(llvm::zip_equal(shape.tile, s.dims), [](auto tile) {
    auto [number, dim] = tile;
    return number < 0 || dim.tiles() == 1;
  });
}

void ContractionEmitter::packInTask(PhaseBuilder &phase, OperandIndex operand, const Place &place) {
  ImplicitLocOpBuilder &b = phase.b;
  const StagedOperand &staged = s.operands[operand];
  int panel = panelDim(operand);
  const PlanDim &dim = s.dims[panel];
  // A narrower panel is not worth tiles of its own that pack it, nor is the first, whose tiles
  // pack A.
  SmallVector<int64_t, 2> apart;
  if (s.operands[kA].level >= 0)
    apart.push_back(0);
  if (dim.lastTile() != dim.tile)
    apart.push_back(dim.tiles() - 1);
  if (staged.withFirstRows && apart.empty())
    return;
  OpBuilder::InsertionGuard guard(b);
  if (staged.withFirstRows) {
    Value isApart;
    for (int64_t number : apart) {
      Value isHere = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, place.tile[panel],
                                           phase.index(number));
      isApart = isApart ? arith::OrIOp::create(b, isApart, isHere).getResult() : isHere;
    }
    auto branch = scf::IfOp::create(b, isApart, /*withElseRegion=*/false);
    b.setInsertionPointToStart(branch.thenBlock());
  }
  SmallVector<ReductionLoop> loops = reductionLoops(b, place, TileShape());
  for (auto [loop, number] : llvm::zip_equal(loops, s.reductionLoops)) {
    loop.strides[0] = s.dims[number].source[operand];
    loop.strides[1] = s.dims[number].strides[operand];
  }
  Value extent = phase.index(dim.extent), zero = phase.index(0);
  if (dim.tileStrides[operand] == 0) {
    Value left = arith::SubIOp::create(b, extent, place.index[panel]);
    return packTaskPanel(phase, operand, loops, place.source[operand], zero, left);
  }
  buildLoop(b, 0, dim.tiles(), 1, [&](Value tile) {
    Value left = arith::SubIOp::create(b, extent, advance(b, zero, tile, dim.tile));
    packTaskPanel(phase, operand, loops,
                  advance(b, place.source[operand], tile, dim.source[operand] * dim.tile),
                  advance(b, zero, tile, staged.panel), left);
  });
}

/// Lets a tile read an operand where it lies, instead of its panel.
void ContractionEmitter::readInPlace(PhaseBuilder &phase, OperandIndex operand, const Place &place,
                                     MicroKernel &kernel) const {
  kernel.memory[operand] = phase.argument(cast<BlockArgument>(d.operands[operand].value));
  kernel.base[operand] = place.source[operand];
  for (auto [loop, number] : llvm::zip_equal(kernel.loops, s.reductionLoops))
    loop.strides[operand] = s.dims[number].source[operand];
}

/// Likewise, and lets it store the panel.
void ContractionEmitter::packAlongside(PhaseBuilder &phase, OperandIndex operand,
                                       const Place &place, MicroKernel &kernel) const {
  kernel.panel[operand] = kernel.memory[operand];
  kernel.panelAt[operand] = kernel.base[operand];
  for (ReductionLoop &loop : kernel.loops)
    loop.panelStrides[operand] = loop.strides[operand];
  readInPlace(phase, operand, place, kernel);
}

/// The first tile of rows, which is a common one, may pack B.
SmallVector<Value> ContractionEmitter::emitAndPackB(PhaseBuilder &phase, const Place &place,
                                                    const TileShape &shape,
                                                    const MicroKernel &kernel,
                                                    ArrayRef<Value> sums) {
  ImplicitLocOpBuilder &b = phase.b;
  // Beside sums of B, those rows have a tile of their own.
  bool isOther = body.side && !sideAlone && !shape.sumsB && s.rowParts == 1;
  if (!s.operands[kB].withFirstRows || !isCommon(shape, DimRole::M) ||
      !isCommon(shape, DimRole::N) || isOther)
    return kernel.emit(b, sums);
  MicroKernel packing = kernel;
  packAlongside(phase, kB, place, packing);
  packing.prefetchFrom = nullptr;
  packing.isRare = true;
  if (shape.sumsB)
    return packing.emit(b, sums);
  return buildChoice(
      b, place.isFirstRows, ValueRange(sums).getTypes(), [&] { return packing.emit(b, sums); },
      [&] { return kernel.emit(b, sums); });
}

/// The tiles of the first columns, which are common ones, pack A where tasks do; those of rows
/// that are not read it where it lies.
SmallVector<Value> ContractionEmitter::emitProducts(PhaseBuilder &phase, const Place &place,
                                                    const TileShape &shape,
                                                    const MicroKernel &kernel,
                                                    ArrayRef<Value> sums) {
  ImplicitLocOpBuilder &b = phase.b;
  if (s.isDot())
    return kernel.emitDot(b, sums);
  if (s.operands[kA].level < 0)
    return emitAndPackB(phase, place, shape, kernel, sums);
  MicroKernel other = kernel;
  if (!isCommon(shape, DimRole::M)) {
    readInPlace(phase, kA, place, other);
    return emitAndPackB(phase, place, shape, other, sums);
  }
  if (!isCommon(shape, DimRole::N))
    return emitAndPackB(phase, place, shape, kernel, sums);
  packAlongside(phase, kA, place, other);
  other.pieceAhead = s.rows() + s.lanes;
  other.isRare = true;
  Value isFirst =
      arith::CmpIOp::create(b, arith::CmpIPredicate::eq, place.tile[s.vectorDim], phase.index(0));
  return buildChoice(
      b, isFirst, ValueRange(sums).getTypes(), [&] { return other.emit(b, sums); },
      [&] { return emitAndPackB(phase, place, shape, kernel, sums); });
}

/// The loops' strides are those of the source and of the panel.
void ContractionEmitter::packTaskPanel(PhaseBuilder &phase, OperandIndex operand,
                                       ArrayRef<ReductionLoop> loops, Value source, Value target,
                                       Value columnsLeft) {
  ImplicitLocOpBuilder &b = phase.b;
  const ReductionLoop &loop = loops.front();
  if (loops.size() == 1)
    return s.dims[panelDim(operand)].source[operand] == 1
               ? packTaskRows(phase, operand, loop, source, target, columnsLeft)
               : packTaskTransposed(phase, operand, loop, source, target, columnsLeft);
  Value lower = loop.upper ? loop.lower : phase.index(0);
  Value upper = loop.upper ? loop.upper : phase.index(loop.extent);
  buildLoop(b, lower, upper, 1, [&](Value k) {
    packTaskPanel(phase, operand, loops.drop_front(), advance(b, source, k, loop.strides[0]),
                  advance(b, target, k, loop.strides[1]), columnsLeft);
  });
}

/// Columns are contiguous: whole vectors, as far as the operand has columns.
void ContractionEmitter::packTaskRows(PhaseBuilder &phase, OperandIndex operand,
                                      const ReductionLoop &loop, Value source, Value target,
                                      Value columnsLeft) {
  ImplicitLocOpBuilder &b = phase.b;
  const StagedOperand &staged = s.operands[operand];
  const PlanDim &dim = s.dims[panelDim(operand)];
  Value from = phase.argument(cast<BlockArgument>(d.operands[operand].value));
  Value to = memoryOf(phase, operand);
  bool isRagged = dim.tiles() * dim.tile + staged.panelPitch - dim.tile > dim.extent;
  SmallVector<Value> masks;
  for (int64_t v = 0; isRagged && v < staged.panelPitch; v += s.lanes)
    masks.push_back(lanesBelow(b, offsetBy(b, columnsLeft, -v), s.lanes));
  Value upper = loop.upper ? loop.upper : phase.index(loop.extent);
  buildLoop(b, phase.index(0), upper, 1, [&](Value k) {
    Value at = advance(b, source, k, loop.strides[0]);
    Value there = advance(b, target, k, loop.strides[1]);
    for (int64_t v = 0; v < staged.panelPitch; v += s.lanes) {
      Value here = offsetBy(b, at, v), vector;
      if (isRagged)
        vector = vector::MaskedLoadOp::create(b, vectorType(), from, here, masks[v / s.lanes],
                                              numberLike(b, vectorType(), 0));
      else
        vector = vector::LoadOp::create(b, vectorType(), from, here);
      vector::StoreOp::create(b, vector, to, offsetBy(b, there, v));
    }
  });
}

/// K is contiguous: `lanes` columns are loaded as rows and transposed. The panel
/// has room for whole vectors of K.
void ContractionEmitter::packTaskTransposed(PhaseBuilder &phase, OperandIndex operand,
                                            const ReductionLoop &loop, Value source, Value target,
                                            Value columnsLeft) {
  ImplicitLocOpBuilder &b = phase.b;
  const StagedOperand &staged = s.operands[operand];
  const PlanDim &dim = s.dims[panelDim(operand)];
  int64_t stride = dim.source[operand], pitch = loop.strides[1];
  Value from = phase.argument(cast<BlockArgument>(d.operands[operand].value));
  Value to = memoryOf(phase, operand);
  bool isRagged = dim.tiles() * dim.tile + staged.panelPitch - dim.tile > dim.extent;
  Value last = offsetBy(b, columnsLeft, -1);
  Value upper = loop.upper ? loop.upper : phase.index(loop.extent);
  int64_t kExtent = s.dims[s.reductionLoops.back()].extent;
  // Whether vectors of columns are all there, or not at all.
  bool isWhole = dim.extent % s.lanes == 0 && dim.tile % s.lanes == 0;
  // A loop: the code of a transposition is long.
  buildLoop(b, 0, staged.panelPitch, s.lanes, [&](Value v) {
    // Past the end, any columns are as good as others.
    Value group = v;
    if (isRagged && isWhole)
      group = arith::MinUIOp::create(b, v, offsetBy(b, columnsLeft, -s.lanes));
    buildLoop(b, phase.index(0), upper, s.lanes, [&](Value k) {
      Value mask;
      if (kExtent % s.lanes != 0)
        mask = lanesBelow(b, arith::SubIOp::create(b, upper, k), s.lanes);
      auto load = [&](Value lane) -> Value {
        Value column = arith::AddIOp::create(b, group, lane);
        if (isRagged && !isWhole)
          column = arith::MinUIOp::create(b, column, last);
        Value at = arith::AddIOp::create(b, advance(b, source, column, stride), k);
        if (!mask)
          return vector::LoadOp::create(b, vectorType(), from, at);
        return vector::MaskedLoadOp::create(b, vectorType(), from, at, mask,
                                            numberLike(b, vectorType(), 0));
      };
      Value there = advance(b, arith::AddIOp::create(b, target, v), k, pitch);
      storeTransposed(b, s.lanes, s.lanes, isPackingRare(operand), load, to, there, pitch);
    });
  });
}

//===----------------------------------------------------------------------===//
// Prefetch
//===----------------------------------------------------------------------===//

/// The source of the panel after this one: the next chunk's; at the last chunk
/// (or without chunks) that of the next column of tiles.
Value ContractionEmitter::nextPanel(ImplicitLocOpBuilder &b, const Place &place,
                                    unsigned level) const {
  Value at = place.source[kB];
  int inner = -1, outer = -1;
  for (int loop : ArrayRef<int>(s.loops).take_front(level))
    if (s.dims[loop].source[kB] != 0 && s.dims[loop].tiles() > 1)
      outer = inner, inner = loop;
  if (inner < 0)
    return at;
  auto step = [&](int loop) { return s.dims[loop].source[kB] * s.dims[loop].tile; };
  Value next = offsetBy(b, at, step(inner));
  if (outer < 0)
    return next;
  Value back = advance(b, at, place.tile[inner], -step(inner));
  Value isLast =
      arith::CmpIOp::create(b, arith::CmpIPredicate::eq, place.tile[inner],
                            arith::ConstantIndexOp::create(b, s.dims[inner].tiles() - 1));
  return arith::SelectOp::create(b, isLast, offsetBy(b, back, step(outer)), next);
}

/// What panels are transposed from: each tile of rows that has a panel prefetches its share of
/// the next one's columns.
void ContractionEmitter::addColumnPrefetch(PhaseBuilder &phase, const Place &place,
                                           MicroKernel &kernel) const {
  ImplicitLocOpBuilder &b = phase.b;
  const PlanDim &columns = s.dims[s.vectorDim];
  Value number = phase.index(0);
  int64_t count = 1;
  for (int loop : ArrayRef<int>(s.loops).drop_front(s.prefetchLevel)) {
    int64_t tiles = s.dims[loop].tiles();
    Value tile = place.tile[loop];
    if (loop == s.rowDim) {
      tiles = llvm::divideCeil(tiles, s.rowParts);
      tile = arith::RemUIOp::create(b, tile, phase.index(tiles));
    }
    if (s.dims[loop].role != DimRole::M || tiles == 1)
      continue;
    count *= tiles;
    number = arith::AddIOp::create(b, arith::MulIOp::create(b, number, phase.index(tiles)), tile);
  }
  int64_t share = llvm::divideCeil(columns.tile, count);
  Value isEarly = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, number,
                                        phase.index(llvm::divideCeil(columns.tile, share)));
  kernel.prefetchColumns = share;
  kernel.prefetchFrom = phase.argument(cast<BlockArgument>(d.operands[kB].value));
  kernel.prefetchStride =
      arith::SelectOp::create(b, isEarly, phase.index(columns.source[kB]), phase.index(0));
  kernel.prefetchAt = arith::AddIOp::create(
      b, place.nextPanel,
      arith::SelectOp::create(b, isEarly,
                              advance(b, phase.index(0), number, share * columns.source[kB]),
                              phase.index(0)));
}

/// The tiles of rows that have a panel prefetch the next one: the first of them the first half of
/// its rows, each a piece, as short as there are tiles for, then others the second half. The rest
/// touch lines that they have.
void ContractionEmitter::addPrefetch(PhaseBuilder &phase, const Place &place,
                                     MicroKernel &kernel) const {
  ImplicitLocOpBuilder &b = phase.b;
  if (s.dims[s.vectorDim].source[kB] != 1)
    return addColumnPrefetch(phase, place, kernel);
  int inner = s.loops.back(), k = s.reductionLoops.back();
  for (int loop : ArrayRef<int>(s.loops).drop_front(s.prefetchLevel))
    if (s.dims[loop].tiles() > 1)
      inner = loop;
  const PlanDim &dim = s.dims[k];
  int64_t half = (s.isChunked(k) ? dim.tile : dim.extent) / 2;
  int64_t packing = s.operands[kB].withFirstRows ? 1 : 0;
  int64_t tiles = s.dims[inner].tiles() / (inner == s.rowDim ? s.rowParts : 1) - packing;
  int64_t line = Machine::lineBytes / bytes(1), lines = llvm::divideCeil(s.columns(), line);
  int64_t each = std::min<int64_t>(llvm::divideCeil(2 * lines, std::max<int64_t>(tiles, 1)), lines);
  int64_t pieces = llvm::divideCeil(lines, each);
  Value zero = phase.index(0), first = boundsOf(b, place, inner).first;
  Value number =
      offsetBy(b, arith::SubIOp::create(b, place.tile[inner], first).getResult(), -packing);
  Value isEarly =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ult, number, phase.index(2 * pieces));
  Value at = advance(b, zero, arith::RemUIOp::create(b, number, phase.index(pieces)), each * line);
  at =
      advance(b, at, arith::DivUIOp::create(b, number, phase.index(pieces)), half * dim.source[kB]);
  kernel.prefetchLines = each;
  kernel.prefetchFrom = phase.argument(cast<BlockArgument>(d.operands[kB].value));
  kernel.prefetchStride = arith::SelectOp::create(b, isEarly, phase.index(dim.source[kB]), zero);
  kernel.prefetchAt =
      arith::AddIOp::create(b, place.nextPanel, arith::SelectOp::create(b, isEarly, at, zero));
}

//===----------------------------------------------------------------------===//
// Chunks
//===----------------------------------------------------------------------===//

/// known && x == y.
Value andEqual(ImplicitLocOpBuilder &b, Value known, Value x, Value y) {
  Value here = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, x, y);
  return known ? arith::AndIOp::create(b, known, here).getResult() : here;
}

ContractionEmitter::Place ContractionEmitter::enterChunk(ImplicitLocOpBuilder &b, Place place,
                                                         Value tile, Value lower,
                                                         Value upper) const {
  Value one = arith::ConstantIndexOp::create(b, 1);
  Value next = arith::AddIOp::create(b, tile, one);
  place.isFirstChunk = andEqual(b, place.isFirstChunk, tile, lower);
  place.isLastChunk = andEqual(b, place.isLastChunk, next, upper);
  return place;
}

std::pair<Value, Value> ContractionEmitter::sideSums(PhaseBuilder &phase, const Place &place,
                                                     Value column) const {
  if (s.accumulation == Accumulation::Chunks)
    return {phase.scratch(sideOffset, d.element, sideColumns()), column};
  return {phase.workspace(sideOffset, d.element, sideColumns() * s.parts),
          advance(phase.b, column, place.part, sideColumns())};
}

/// Zeros, or what the taps or the chunks before have summed. (Sums that are stored transposed add
/// that where they go.)
SmallVector<Value> ContractionEmitter::startSums(PhaseBuilder &phase, const Place &place,
                                                 const TileShape &shape) {
  ImplicitLocOpBuilder &b = phase.b;
  size_t count = (shape.rows.size() + (shape.sumsB ? 1 : 0)) * shape.vectors;
  SmallVector<Value> zeros(count, numberLike(b, vectorType(), 0));
  bool isScatter = s.accumulation == Accumulation::Scatter;
  if (!isScatter && (!place.isFirstChunk || s.resultPart >= 0))
    return zeros;
  bool isMasked = s.accumulation == Accumulation::Partials;
  auto load = [&](Value memory, Value at, int64_t v, bool masked) -> Value {
    Value mask = masked && v == shape.vectors - 1 ? maskFor(b, shape.tailLanes) : Value();
    if (!mask)
      return vector::LoadOp::create(b, vectorType(), memory, at);
    return vector::MaskedLoadOp::create(b, vectorType(), memory, at, mask, zeros.front());
  };
  auto loadAll = [&] {
    SmallVector<Value> sums;
    Value memory = memoryOf(phase, kC);
    for (const SmallVector<int64_t> &row : shape.rows)
      for (int64_t v = 0; v < shape.vectors; ++v)
        sums.push_back(load(memory, offsetBy(b, place.base[kC], rowOffset(row, kC) + v * s.lanes),
                            v, isMasked));
    Value first = shape.sumsB ? tensorIndices(b, place, {}, kB).back() : Value();
    for (int64_t v = 0; shape.sumsB && v < shape.vectors; ++v) {
      auto [sideMemory, at] = sideSums(phase, place, offsetBy(b, first, v * s.lanes));
      sums.push_back(load(sideMemory, at, v, true));
    }
    return sums;
  };
  if (isScatter)
    return loadAll();
  SmallVector<Type> types(count, vectorType());
  return buildChoice(b, place.isFirstChunk, types, [&] { return zeros; }, loadAll);
}

} // namespace dl
