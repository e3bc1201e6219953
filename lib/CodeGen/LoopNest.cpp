//===- LoopNest.cpp - Vectorised loops over an iteration shape ------------===//

#include "LoopNest.h"

#include "ContractionEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace dl {

/// Accumulators (of vectors) that hide the latency of an addition.
static constexpr int64_t kAccumulators = 4;
/// Up to this many steps are emitted without a loop; values are then computed
/// once for all passes.
static constexpr int64_t kStraightLine = 8;
/// Rows whose elements share a cache line of an operand that is read across.
static constexpr int64_t kTransposedRows = 16;

//===----------------------------------------------------------------------===//
// Choices
//===----------------------------------------------------------------------===//

/// 64 where any value of the kernel has 64-bit floats, else 32.
static int elementBits(KernelModule &module) {
  bool hasDouble = false;
  auto look = [&](Type type) { hasDouble |= getElementTypeOrSelf(type).isF64(); };
  for (Type type : module.body().getArgumentTypes())
    look(type);
  for (Operation &op : module.body())
    for (Type type : op.getResultTypes())
      look(type);
  return hasDouble ? 64 : 32;
}

/// Whether the last dimension of a value is another one of its operand's.
static bool movesLastDim(KernelModule &module) {
  return llvm::any_of(module.body().getOps<TransposeOp>(), [](TransposeOp op) {
    ArrayRef<int64_t> permutation = op.getPermutation();
    return !permutation.empty() &&
           permutation.back() + 1 != static_cast<int64_t>(permutation.size());
  });
}

/// Whether all transposes bring the last dimension of an argument to the one before
/// the last, so that a block of rows is a transposed block of the argument.
static bool canTurn(KernelModule &module, ArrayRef<int64_t> shape) {
  int64_t before = static_cast<int64_t>(shape.size()) - 2;
  return llvm::all_of(module.body().getOps<TransposeOp>(), [&](TransposeOp op) {
    RankedTensorType type = op.getType();
    return before >= 0 && type.getShape() == shape && isa<BlockArgument>(op.getInput()) &&
           op.getPermutation()[before] == before + 1 && type.getElementTypeBitWidth() >= 32;
  });
}

LoopNest::LoopNest(KernelModule &module, const LoopAnalysis &analysis)
    : analysis(analysis), module(module) {
  lanes = module.machine().lanes(elementBits(module));
  chooseTiles();
}

void LoopNest::chooseTiles() {
  ArrayRef<int64_t> shape = analysis.shape;
  int64_t lastDim = static_cast<int64_t>(shape.size()) - 1;
  rows = lastDim >= 0 && analysis.isReduced(lastDim);
  // No more lanes than elements.
  int64_t last = shape.empty() ? 1 : shape.back();
  lanes = std::min<int64_t>(lanes, llvm::PowerOf2Ceil(std::max<int64_t>(last, 1)));
  int64_t reduced = 1;
  for (auto [dim, extent] : llvm::enumerate(shape)) {
    if (analysis.isReduced(dim))
      reduced *= extent;
    else if (rows || static_cast<int64_t>(dim) != lastDim)
      rowCount *= extent;
  }
  double elementWork = std::max<double>(reduced, 1) * analysis.weight;
  if (rows || shape.empty()) {
    fullTiles = 1;
    rowsPerTask = std::clamp<int64_t>(kTaskWork / elementWork, 1, std::max<int64_t>(rowCount, 1));
    taskCount = llvm::divideCeil(rowCount, rowsPerTask);
    return;
  }
  transposed = movesLastDim(module) && analysis.levels.empty();
  turns = transposed && lanes > 1 && !llvm::is_contained(shape, 0) && canTurn(module, shape);
  if (turns)
    rowCount = rowCount / shape[lastDim - 1] * llvm::divideCeil(shape[lastDim - 1], lanes);
  tileVectors = transposed ? 1 : module.machine().vectorRegisters >= 32 ? 4 : 2;
  int64_t tile = tileVectors * lanes;
  fullTiles = last / tile;
  restElements = last % tile;
  int64_t tiles = fullTiles + (restElements ? 1 : 0);
  tilesPerBlock = std::max<int64_t>(1, kTaskWork / (elementWork * tile));
  blocks = llvm::divideCeil(tiles, tilesPerBlock);
  if (blocks <= 1 || transposed) {
    blocks = 1;
    double rowWork = elementWork * std::max<int64_t>(last, 1);
    rowsPerTask = std::max<int64_t>(kTaskWork / rowWork, transposed ? kTransposedRows : 1);
    if (turns)
      rowsPerTask = llvm::divideCeil(rowsPerTask, lanes);
    rowsPerTask = std::min(rowsPerTask, std::max<int64_t>(rowCount, 1));
  }
  taskCount = last == 0 ? 0 : llvm::divideCeil(rowCount, rowsPerTask) * blocks;
}

int64_t LoopNest::setsFor(size_t chunks) const {
  if (analysis.reducedAxes.empty())
    return 1;
  int64_t inner = analysis.shape[analysis.reducedAxes.back()];
  int64_t steps = rows ? llvm::divideCeil(inner, lanes) : inner;
  int64_t sets = std::max<int64_t>(1, kAccumulators / static_cast<int64_t>(chunks));
  return std::clamp<int64_t>(steps, 1, sets);
}

std::optional<Split> LoopNest::split() const {
  constexpr int64_t fewTasks = 4, maxParts = 64;
  double work = static_cast<double>(ShapedType::getNumElements(analysis.shape)) * analysis.weight;
  if (analysis.levels.empty() || taskCount == 0 || taskCount > fewTasks || work < 4 * kTaskWork)
    return std::nullopt;
  for (const auto &level : analysis.levels)
    if (llvm::any_of(level, llvm::IsaPred<ArgmaxOp>))
      return std::nullopt;
  Split split{analysis.reducedAxes.front(), 0, 0, Value()};
  for (int64_t axis : analysis.reducedAxes)
    if (analysis.shape[axis] > analysis.shape[split.dim])
      split.dim = axis;
  int64_t extent = analysis.shape[split.dim];
  int64_t parts = std::clamp<int64_t>(work / kTaskWork / taskCount, 1, maxParts);
  // A part of the innermost dimension is whole steps of all accumulators.
  int64_t unit = split.dim == analysis.reducedAxes.back() ? kAccumulators * (rows ? lanes : 1) : 1;
  split.length = llvm::alignTo(llvm::divideCeil(extent, parts), unit);
  split.parts = llvm::divideCeil(extent, split.length);
  if (split.parts < 2)
    return std::nullopt;
  return split;
}

//===----------------------------------------------------------------------===//
// Points
//===----------------------------------------------------------------------===//

/// Vectors that cover `elements`: full ones, then one for the rest, masked
/// where the machine can, else short.
SmallVector<Chunk> LoopNest::chunksOf(int64_t elements) const {
  SmallVector<Chunk> chunks;
  for (int64_t offset = 0; offset < elements; offset += lanes) {
    int64_t active = std::min(lanes, elements - offset);
    chunks.push_back({offset, active, module.machine().hasMaskedMemory ? lanes : active});
  }
  return chunks;
}

static Value minimum(ImplicitLocOpBuilder &b, Value x, int64_t limit) {
  return arith::MinSIOp::create(b, x, arith::ConstantIndexOp::create(b, limit));
}

static Value times(ImplicitLocOpBuilder &b, Value x, int64_t factor) {
  return linearIndex(b, {x}, {factor});
}

void LoopNest::forEachPoint(PhaseBuilder &phase, Value task,
                            function_ref<void(Point &)> emit) const {
  ImplicitLocOpBuilder &b = phase.b;
  int64_t tile = tileVectors * lanes;
  if (blocks == 1) {
    Value first = times(b, task, rowsPerTask);
    Value last = linearIndex(b, {first, phase.index(rowsPerTask)}, {1, 1});
    if (rowCount % rowsPerTask != 0)
      last = minimum(b, last, rowCount);
    if (rowCount == rowsPerTask) {
      first = phase.index(0);
      last = phase.index(rowCount);
    }
    if (transposed)
      return emitTransposed(phase, first, last, emit);
    buildLoop(b, first, last, 1, [&](Value row) {
      emitRow(phase, row, phase.index(0), phase.index(fullTiles * tile), Value(), emit);
    });
    return;
  }
  Value count = phase.index(blocks);
  Value row = arith::DivUIOp::create(b, task, count);
  Value block = arith::RemUIOp::create(b, task, count);
  Value lower = times(b, block, tilesPerBlock * tile);
  Value upper = linearIndex(b, {lower, phase.index(tilesPerBlock * tile)}, {1, 1});
  upper = minimum(b, upper, fullTiles * tile);
  Value isLast = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, block, phase.index(blocks - 1));
  emitRow(phase, row, lower, upper, isLast, emit);
}

/// The indices of a row: those of the kept dimensions but a tiled last one.
SmallVector<Value> LoopNest::rowIndices(PhaseBuilder &phase, Value row) const {
  ImplicitLocOpBuilder &b = phase.b;
  ArrayRef<int64_t> shape = analysis.shape;
  SmallVector<Value> indices(shape.size());
  int64_t lastDim = static_cast<int64_t>(shape.size()) - 1;
  SmallVector<int64_t> kept;
  for (int64_t dim = 0; dim <= lastDim; ++dim)
    if (!analysis.isReduced(dim) && (rows || dim != lastDim))
      kept.push_back(dim);
  for (int64_t dim : llvm::reverse(kept)) {
    if (dim == kept.front()) {
      indices[dim] = row;
      break;
    }
    Value extent = phase.index(shape[dim]);
    indices[dim] = arith::RemUIOp::create(b, row, extent);
    row = arith::DivUIOp::create(b, row, extent);
  }
  return indices;
}

/// A tile of columns for all rows of a task, then the next: what one row leaves
/// of an operand's cache lines, the next ones use.
void LoopNest::emitTransposed(PhaseBuilder &phase, Value firstRow, Value lastRow,
                              function_ref<void(Point &)> emit) const {
  int64_t tile = tileVectors * lanes;
  auto emitColumn = [&](Value column, int64_t elements) {
    buildLoop(phase.b, firstRow, lastRow, 1, [&](Value row) {
      if (turns)
        return emitBlocks(phase, row, column, elements, emit);
      SmallVector<Value> indices = rowIndices(phase, row);
      indices.back() = column;
      emitPoint(phase, indices, chunksOf(elements), emit);
    });
  };
  buildLoop(phase.b, 0, fullTiles * tile, tile, [&](Value column) { emitColumn(column, tile); });
  if (restElements != 0)
    emitColumn(phase.index(fullTiles * tile), restElements);
}

/// The columns of block number `block`, which is shorter where it is the last one
/// of its dimension.
void LoopNest::emitBlocks(PhaseBuilder &phase, Value block, Value column, int64_t columns,
                          function_ref<void(Point &)> emit) const {
  ImplicitLocOpBuilder &b = phase.b;
  int64_t dim = static_cast<int64_t>(analysis.shape.size()) - 2, extent = analysis.shape[dim];
  int64_t perOuter = llvm::divideCeil(extent, lanes), rest = extent % lanes;
  Value count = phase.index(perOuter);
  Value outer = arith::DivUIOp::create(b, block, count);
  Value number = arith::RemUIOp::create(b, block, count);
  Value row = linearIndex(b, {outer, number}, {extent, lanes});
  SmallVector<Value> indices = rowIndices(phase, row);
  indices.back() = column;
  if (rest == 0)
    return emitBlock(phase, indices, lanes, columns, emit);
  if (perOuter == 1)
    return emitBlock(phase, indices, rest, columns, emit);
  Value isWhole =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ne, number, phase.index(perOuter - 1));
  auto branch = scf::IfOp::create(b, isWhole, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  emitBlock(phase, indices, lanes, columns, emit);
  b.setInsertionPointToStart(branch.elseBlock());
  emitBlock(phase, indices, rest, columns, emit);
}

/// The rows of a transposed block of an argument: vectors along the columns.
SmallVector<Value> LoopNest::turn(PhaseBuilder &phase, TransposeOp op, ArrayRef<Value> indices,
                                  int64_t blockRows, int64_t columns) const {
  RankedTensorType type = op.getInput().getType();
  Position source;
  source.indices.resize(type.getRank());
  for (auto [index, dim] : llvm::zip(indices, op.getPermutation()))
    source.indices[dim] = index;
  source.vectorDim = static_cast<int>(type.getRank()) - 1;
  source.lanes = lanes;
  if (blockRows < lanes)
    source.mask = leadingMask(phase.b, blockRows, lanes);
  Value &column = source.indices[op.getPermutation().back()];
  SmallVector<Value> vectors;
  for (int64_t number = 0; number < columns; ++number) {
    column = linearIndex(phase.b, {indices.back(), phase.index(number)}, {1, 1});
    vectors.push_back(loadElement(phase.b, phase.argument(cast<BlockArgument>(op.getInput())),
                                  type.getShape(), type.getElementType(), source));
  }
  vectors.resize(lanes, vectors.front());
  return transposeVectors(phase.b, vectors);
}

void LoopNest::emitBlock(PhaseBuilder &phase, ArrayRef<Value> indices, int64_t blockRows,
                         int64_t columns, function_ref<void(Point &)> emit) const {
  SmallVector<std::pair<TransposeOp, SmallVector<Value>>> turned;
  // Where memory cannot be masked, short blocks go element by element.
  bool isWhole = blockRows == lanes && columns == lanes;
  if (isWhole || module.machine().hasMaskedMemory)
    for (auto op : module.body().getOps<TransposeOp>())
      turned.push_back({op, turn(phase, op, indices, blockRows, columns)});
  SmallVector<Value> here(indices);
  for (int64_t row = 0; row < blockRows; ++row) {
    here[here.size() - 2] =
        linearIndex(phase.b, {indices[here.size() - 2], phase.index(row)}, {1, 1});
    emitPoint(phase, here, chunksOf(columns), [&](Point &point) {
      for (auto &[op, rowsOfOp] : turned) {
        Value vector = rowsOfOp[row];
        point.expressions[0].bind(
            op, [vector](ImplicitLocOpBuilder &, const Position &) { return vector; });
      }
      emit(point);
    });
  }
}

/// `hasRest`: whether the elements behind the full tiles belong to it; null: they do.
void LoopNest::emitRow(PhaseBuilder &phase, Value row, Value lower, Value upper, Value hasRest,
                       function_ref<void(Point &)> emit) const {
  ImplicitLocOpBuilder &b = phase.b;
  SmallVector<Value> indices = rowIndices(phase, row);
  if (rows || indices.empty())
    return emitPoint(phase, indices, Chunk(), emit);

  int64_t tile = tileVectors * lanes;
  buildLoop(b, lower, upper, tile, [&](Value column) {
    indices.back() = column;
    emitPoint(phase, indices, chunksOf(tile), emit);
  });
  if (restElements == 0)
    return;
  OpBuilder::InsertionGuard guard(b);
  if (hasRest) {
    auto branch = scf::IfOp::create(b, hasRest, /*withElseRegion=*/false);
    b.setInsertionPointToStart(branch.thenBlock());
  }
  indices.back() = phase.index(fullTiles * tile);
  emitPoint(phase, indices, chunksOf(restElements), emit);
}

void LoopNest::emitPoint(PhaseBuilder &phase, ArrayRef<Value> indices, ArrayRef<Chunk> chunks,
                         function_ref<void(Point &)> emit) const {
  Point point;
  point.indices.assign(indices.begin(), indices.end());
  point.chunks.assign(chunks.begin(), chunks.end());
  for (size_t i = 0; i < chunks.size(); ++i)
    point.expressions.emplace_back(phase);
  emit(point);
}

//===----------------------------------------------------------------------===//
// Walks over the reduced dimensions
//===----------------------------------------------------------------------===//

void LoopNest::walk(PhaseBuilder &phase, SmallVector<Value> indices, size_t depth,
                    const Split *split, int64_t sets, SmallVector<Value> &carried,
                    Step step) const {
  if (analysis.reducedAxes.empty())
    return step(indices, Chunk(), 0, carried);
  if (depth + 1 == analysis.reducedAxes.size())
    return walkInner(phase, indices, split, sets, carried, step);
  ImplicitLocOpBuilder &b = phase.b;
  int64_t dim = analysis.reducedAxes[depth];
  Value lower = phase.index(0), upper = phase.index(analysis.shape[dim]);
  if (split && split->dim == dim) {
    lower = times(b, split->part, split->length);
    upper = minimum(b, linearIndex(b, {lower, phase.index(split->length)}, {1, 1}),
                    analysis.shape[dim]);
  }
  carried = buildReduceLoop(b, lower, upper, 1, carried, [&](Value index, ValueRange values) {
    indices[dim] = index;
    SmallVector<Value> inner(values);
    walk(phase, indices, depth + 1, split, sets, inner, step);
    return inner;
  });
}

void LoopNest::walkInner(PhaseBuilder &phase, SmallVector<Value> indices, const Split *split,
                         int64_t sets, SmallVector<Value> &carried, Step step) const {
  ImplicitLocOpBuilder &b = phase.b;
  int64_t dim = analysis.reducedAxes.back(), extent = analysis.shape[dim];
  bool isSplit = split && split->dim == dim;
  int64_t unit = rows ? lanes : 1, stride = unit * sets;
  auto steps = [&](Value base, int64_t elements, SmallVector<Value> &values) {
    SmallVector<Chunk> chunks;
    if (rows)
      chunks = chunksOf(elements);
    else
      for (int64_t offset = 0; offset < elements; ++offset)
        chunks.push_back({offset, 1, 1});
    for (auto [number, chunk] : llvm::enumerate(chunks)) {
      indices[dim] = linearIndex(b, {base, phase.index(chunk.offset)}, {1, 1});
      step(indices, {0, chunk.active, chunk.width}, number % sets, values);
    }
  };
  if (!isSplit && static_cast<int64_t>(llvm::divideCeil(extent, unit)) <= kStraightLine)
    return steps(phase.index(0), extent, carried);

  int64_t mainEnd = extent / stride * stride;
  Value lower = phase.index(0), upper = phase.index(mainEnd);
  if (isSplit) {
    lower = times(b, split->part, split->length);
    upper = minimum(b, linearIndex(b, {lower, phase.index(split->length)}, {1, 1}), mainEnd);
  }
  carried = buildReduceLoop(b, lower, upper, stride, carried, [&](Value base, ValueRange values) {
    SmallVector<Value> inner(values);
    steps(base, stride, inner);
    return inner;
  });
  if (mainEnd == extent)
    return;
  if (!isSplit)
    return steps(phase.index(mainEnd), extent - mainEnd, carried);
  // The elements behind the last whole step belong to the last part.
  Value isLast = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, split->part,
                                       phase.index(split->parts - 1));
  auto branch = scf::IfOp::create(b, ValueRange(carried).getTypes(), isLast, /*addThenBlock=*/true,
                                  /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  SmallVector<Value> inner(carried);
  steps(phase.index(mainEnd), extent - mainEnd, inner);
  scf::YieldOp::create(b, inner);
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(b, carried);
  carried.assign(branch.result_begin(), branch.result_end());
}

/// Where a step works: the lanes of a row, or a chunk of the tile.
Position LoopNest::stepPosition(PhaseBuilder &phase, ArrayRef<Value> indices,
                                const Chunk &chunk) const {
  Position position;
  position.indices.assign(indices.begin(), indices.end());
  if (indices.empty())
    return position;
  position.vectorDim = static_cast<int>(indices.size()) - 1;
  position.lanes = chunk.width;
  if (chunk.active != chunk.width)
    position.mask = leadingMask(phase.b, chunk.active, chunk.width);
  Value &last = position.indices.back();
  last = linearIndex(phase.b, {last, phase.index(chunk.offset)}, {1, 1});
  return position;
}

//===----------------------------------------------------------------------===//
// Passes
//===----------------------------------------------------------------------===//

/// The elements a row's step adds: lanes that are off hold the identity.
static Value fillLanes(ImplicitLocOpBuilder &b, Value element, const Position &position,
                       Value identity) {
  if (position.mask)
    return arith::SelectOp::create(b, position.mask, element, identity);
  int64_t width = cast<VectorType>(identity.getType()).getDimSize(0), have = position.lanes;
  if (have == width)
    return element;
  // A short vector, then the identity's first lane over and over.
  Value filler = vector::ShuffleOp::create(b, identity, identity, SmallVector<int64_t>(have, 0));
  auto chosen = llvm::to_vector(llvm::seq<int64_t>(0, width));
  for (int64_t lane = have; lane < width; ++lane)
    chosen[lane] = have;
  return vector::ShuffleOp::create(b, element, filler, chosen);
}

/// Numbers of a position's lanes along the axis of an argmax, as i32.
static Value laneNumbers(ImplicitLocOpBuilder &b, Value first, bool alongLanes, int64_t width) {
  Value number = splat(b, arith::IndexCastOp::create(b, b.getI32Type(), first), width);
  if (!alongLanes)
    return number;
  auto steps = llvm::to_vector(llvm::seq<int32_t>(0, static_cast<int32_t>(width)));
  return arith::AddIOp::create(b, number, arith::ConstantOp::create(b, b.getI32VectorAttr(steps)));
}

void LoopNest::takeStep(PhaseBuilder &phase, Point &point, ArrayRef<Reducer> reducers,
                        ArrayRef<Value> indices, const Chunk &rowChunk, int64_t set,
                        SmallVector<Value> &carried) const {
  ImplicitLocOpBuilder &b = phase.b;
  int64_t parts = 0;
  for (const Reducer &reducer : reducers)
    parts += reducer.parts();
  for (size_t c = 0; c < point.chunks.size(); ++c) {
    Position position = stepPosition(phase, indices, rows ? rowChunk : point.chunks[c]);
    // Carried: for each set, for each chunk, the parts of each reducer.
    int64_t at =
        (set * static_cast<int64_t>(point.chunks.size()) + static_cast<int64_t>(c)) * parts;
    for (const Reducer &reducer : reducers) {
      Value element = point.expressions[c].vectorAt(reducer.input(), position);
      int64_t width = rows ? lanes : point.chunks[c].width;
      if (rows)
        element = fillLanes(b, element, position, reducer.identity(b, lanes).front());
      Value number;
      if (reducer.parts() == 2)
        number = laneNumbers(b, indices[analysis.reducedAxes.back()], rows, width);
      ValueRange old = ValueRange(carried).slice(at, reducer.parts());
      SmallVector<Value> taken = reducer.take(b, old, element, number);
      llvm::copy(taken, carried.begin() + at);
      at += reducer.parts();
    }
  }
}

void LoopNest::writeStep(PhaseBuilder &phase, Point &point, ArrayRef<Value> indices,
                         const Chunk &rowChunk) const {
  for (size_t c = 0; c < point.chunks.size(); ++c)
    point.expressions[c].store(analysis.fullResults,
                               stepPosition(phase, indices, rows ? rowChunk : point.chunks[c]));
}

//===----------------------------------------------------------------------===//
// Values kept from pass to pass
//===----------------------------------------------------------------------===//

static Type elementTypeOf(Operation *op) {
  return cast<RankedTensorType>(op->getResult(0).getType()).getElementType();
}

SmallVector<int64_t> LoopNest::keptShape() const {
  SmallVector<int64_t> shape;
  for (int64_t axis : analysis.reducedAxes)
    shape.push_back(analysis.shape[axis]);
  if (!rows)
    shape.push_back(tileVectors * lanes);
  return shape;
}

SmallVector<KeptValue> LoopNest::keep(ArrayRef<Operation *> reused) const {
  // What the second-level cache holds beside the operands.
  constexpr int64_t mostBytes = 128 << 10;
  SmallVector<KeptValue> kept;
  if (reused.empty() || analysis.reducedAxes.empty())
    return kept;
  int64_t inner = analysis.shape[analysis.reducedAxes.back()];
  bool isStraight = analysis.reducedAxes.size() == 1 &&
                    llvm::divideCeil(inner, rows ? lanes : 1) <= kStraightLine;
  for (Operation *op : reused) {
    int64_t bytes = ShapedType::getNumElements(keptShape()) * storageBytes(elementTypeOf(op));
    if (!isStraight && bytes <= mostBytes)
      kept.push_back({op, module.reserveScratch(bytes)});
  }
  return kept;
}

Value LoopNest::keptMemory(PhaseBuilder &phase, const KeptValue &value) const {
  return phase.scratch(value.offset, elementTypeOf(value.op),
                       ShapedType::getNumElements(keptShape()));
}

/// Where the element at a position of the iteration shape is kept.
Position LoopNest::inScratch(PhaseBuilder &phase, const Position &position,
                             const Chunk &chunk) const {
  Position inner = position;
  inner.indices.clear();
  for (int64_t axis : analysis.reducedAxes)
    inner.indices.push_back(position.indices[axis]);
  if (!rows)
    inner.indices.push_back(phase.index(chunk.offset));
  inner.vectorDim = static_cast<int>(inner.indices.size()) - 1;
  return inner;
}

void LoopNest::keepStep(PhaseBuilder &phase, Point &point, ArrayRef<Value> indices,
                        const Chunk &rowChunk, ArrayRef<KeptValue> kept) const {
  for (const KeptValue &value : kept)
    for (auto [chunk, expression] : llvm::zip(point.chunks, point.expressions)) {
      Position position = stepPosition(phase, indices, rows ? rowChunk : chunk);
      storeElement(phase.b, expression.vectorAt(value.op->getResult(0), position),
                   keptMemory(phase, value), keptShape(), inScratch(phase, position, chunk));
    }
}

void LoopNest::bindKept(PhaseBuilder &phase, Point &point, ArrayRef<KeptValue> kept) const {
  for (const KeptValue &value : kept) {
    Value memory = keptMemory(phase, value);
    Type type = elementTypeOf(value.op);
    for (auto [chunk, expression] : llvm::zip(point.chunks, point.expressions))
      expression.bind(value.op->getResult(0), [this, &phase, memory, type, chunk = chunk](
                                                  ImplicitLocOpBuilder &b, const Position &at) {
        return loadElement(b, memory, keptShape(), type, inScratch(phase, at, chunk));
      });
  }
}

/// Lanes of the accumulators of a chunk; 0: a scalar.
int64_t LoopNest::accumulatorLanes(const Chunk &chunk) const {
  return analysis.shape.empty() ? 0 : rows ? lanes : chunk.width;
}

LoopNest::Accumulators LoopNest::reduce(PhaseBuilder &phase, Point &point,
                                        ArrayRef<Reducer> reducers, bool write, const Split *split,
                                        ArrayRef<KeptValue> kept) const {
  ImplicitLocOpBuilder &b = phase.b;
  int64_t sets = setsFor(point.chunks.size());
  SmallVector<Value> carried;
  for (int64_t set = 0; set < sets; ++set)
    for (const Chunk &chunk : point.chunks)
      for (const Reducer &reducer : reducers)
        llvm::append_range(carried, reducer.identity(b, accumulatorLanes(chunk)));
  walk(phase, point.indices, 0, split, sets, carried,
       [&](ArrayRef<Value> indices, const Chunk &chunk, int64_t set, SmallVector<Value> &values) {
         takeStep(phase, point, reducers, indices, chunk, set, values);
         keepStep(phase, point, indices, chunk, kept);
         if (write)
           writeStep(phase, point, indices, chunk);
       });

  Accumulators totals(point.chunks.size());
  ValueRange rest(carried);
  for (int64_t set = 0; set < sets; ++set)
    for (auto &chunk : totals)
      for (auto [r, reducer] : llvm::enumerate(reducers)) {
        SmallVector<Value> part(rest.take_front(reducer.parts()));
        rest = rest.drop_front(reducer.parts());
        if (set == 0)
          chunk.push_back(part);
        else
          chunk[r] = reducer.combine(b, chunk[r], part);
      }
  if (rows)
    for (auto [r, reducer] : llvm::enumerate(reducers))
      totals[0][r] = reducer.combineLanes(b, totals[0][r]);
  return totals;
}

void LoopNest::sweep(PhaseBuilder &phase, Point &point, const Split *split) const {
  SmallVector<Value> nothing;
  walk(phase, point.indices, 0, split, setsFor(point.chunks.size()), nothing,
       [&](ArrayRef<Value> indices, const Chunk &chunk, int64_t, SmallVector<Value> &) {
         writeStep(phase, point, indices, chunk);
       });
}

Position LoopNest::keptPosition(PhaseBuilder &phase, const Point &point, size_t chunk,
                                ArrayRef<int64_t> shape) const {
  SmallVector<Value> indices;
  bool keepsDims = shape.size() == analysis.shape.size();
  for (auto [dim, index] : llvm::enumerate(point.indices))
    if (!analysis.isReduced(dim))
      indices.push_back(index);
    else if (keepsDims)
      indices.push_back(phase.index(0));
  if (!rows)
    return stepPosition(phase, indices, point.chunks[chunk]);
  Position position;
  position.indices.assign(indices.begin(), indices.end());
  return position;
}

void LoopNest::storeReduced(PhaseBuilder &phase, Point &point) const {
  for (size_t c = 0; c < point.chunks.size(); ++c)
    for (unsigned result : analysis.reducedResults) {
      Value value = phase.kernel.yield().getOperand(result);
      ArrayRef<int64_t> shape = cast<RankedTensorType>(value.getType()).getShape();
      point.expressions[c].store(result, keptPosition(phase, point, c, shape));
    }
}

} // namespace dl
