//===- LoopNest.cpp - Vectorised loops over an iteration shape ------------===//

#include "LoopNest.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace dl {

/// Lanes of a vector that is worth it to bring values of several rows together.
static constexpr int64_t kFewestLanes = 4;

//===----------------------------------------------------------------------===//
// Choices
//===----------------------------------------------------------------------===//

/// 64 where any value of the kernel has 64-bit floats, else 32. Those of one element are
/// the same in all lanes.
static int elementBits(KernelModule &module) {
  bool hasDouble = false;
  auto look = [&](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    hasDouble |= tensor && tensor.getElementType().isF64() && tensor.getNumElements() != 1;
  };
  for (Type type : module.body().getArgumentTypes())
    look(type);
  for (Operation &op : module.body())
    for (Type type : op.getResultTypes())
      look(type);
  return hasDouble ? 64 : 32;
}

LoopNest::LoopNest(KernelModule &module, const LoopAnalysis &analysis)
    : analysis(analysis), module(module) {
  lanes = module.machine().lanes(elementBits(module));
  chooseTiles();
}

/// Elements of a row that a task streams.
static constexpr int64_t kStreamedElements = 4096;

/// Whether results may be stored past the caches, and should.
bool LoopNest::canBypass() const {
  const Machine &machine = module.machine();
  bool isAlone = rows || streamed ? !analysis.lastLevelWrites : analysis.levels.empty();
  int64_t largest = 0, vectorBytes = machine.vectorBits / 8;
  // Rows of a block that is turned are far apart: memory takes a part of a line no faster than all.
  if (!isAlone || (transposed && !(turns && vectorBytes == Machine::lineBytes)))
    return false;
  for (unsigned result : analysis.fullResults) {
    auto type = cast<RankedTensorType>(module.yield().getOperand(result).getType());
    int64_t bytes = storageBytes(type.getElementType());
    // Rows begin at multiples of a vector.
    bool isAligned = type.getRank() == 1 || type.getShape().back() * bytes % vectorBytes == 0;
    if (bytes * lanes != vectorBytes || !isAligned)
      return false;
    largest = std::max(largest, type.getNumElements() * bytes);
  }
  return isLargeResult(machine, largest);
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
    chooseGroup();
    chooseAhead();
    bypasses = rows && canBypass();
    distance = distanceAhead();
    rowsPerTask = llvm::alignTo(std::max<int64_t>(kTaskWork / elementWork, 1), group);
    rowsPerTask = std::min(rowsPerTask, std::max<int64_t>(rowCount, 1));
    taskCount = llvm::divideCeil(rowCount, rowsPerTask);
    return;
  }
  chooseTranspose();
  if (turns)
    rowCount = rowCount / shape[lastDim - 1] * llvm::divideCeil(shape[lastDim - 1], lanes);
  tileVectors = transposed ? 1 : chooseTileVectors();
  int64_t tile = tileVectors * lanes;
  fullTiles = last / tile;
  restElements = last % tile;
  int64_t tiles = fullTiles + (restElements ? 1 : 0);
  tilesPerBlock = std::max<int64_t>(1, kTaskWork / (elementWork * tile));
  blocks = llvm::divideCeil(tiles, tilesPerBlock);
  if (blocks <= 1 || transposed) {
    blocks = 1;
    double rowWork = elementWork * std::max<int64_t>(last, 1);
    rowsPerTask = std::max<int64_t>(kTaskWork / rowWork, transposed ? transposedRows() : 1);
    if (turns)
      rowsPerTask = llvm::divideCeil(rowsPerTask, lanes);
    rowsPerTask = std::min(rowsPerTask, std::max<int64_t>(rowCount, 1));
  }
  streamed = tiles > 1 && canStream();
  if (streamed) {
    // Accumulators of a task stay in the first-level cache.
    tilesPerBlock = std::max<int64_t>(1, kStreamedElements / tile);
    blocks = llvm::divideCeil(tiles, tilesPerBlock);
    rowsPerTask = 1;
  }
  bypasses = canBypass();
  distance = distanceAhead();
  taskCount = last == 0 ? 0 : llvm::divideCeil(rowCount, rowsPerTask) * blocks;
}

/// As many vectors as registers allow; half as many where passes leave values for later ones
/// and the first-level cache holds those.
int64_t LoopNest::chooseTileVectors() const {
  int64_t most = module.machine().vectorRegisters >= 32 ? 4 : 2;
  int64_t bytes = 0;
  for (ArrayRef<Operation *> ofLevel : analysis.reused)
    for (Operation *op : ofLevel)
      bytes += storageBytes(elementTypeOf(op));
  for (int64_t axis : analysis.reducedAxes)
    bytes *= analysis.shape[axis];
  bool fits = bytes * lanes * most / 2 <= module.machine().l1Bytes;
  return bytes > 0 && fits && !canStream() ? most / 2 : most;
}

/// Walks over a row: one for each level of reductions, and a sweep where the last one
/// does not write.
size_t LoopNest::passes() const {
  bool sweeps = !analysis.fullResults.empty() && !analysis.lastLevelWrites;
  return analysis.levels.size() + (sweeps ? 1 : 0);
}

/// Those of the iteration shape.
SmallVector<BlockArgument> LoopNest::operands() const {
  return llvm::filter_to_vector(module.body().getArguments(), [&](BlockArgument argument) {
    return cast<RankedTensorType>(argument.getType()).getShape() == ArrayRef(analysis.shape);
  });
}

/// What an element of the iteration shape reads of all operands.
int64_t LoopNest::elementBytes() const {
  int64_t bytes = 0;
  for (BlockArgument operand : operands())
    bytes += storageBytes(cast<RankedTensorType>(operand.getType()).getElementType());
  return bytes;
}

/// What a row's passes read.
int64_t LoopNest::rowBytes() const {
  int64_t bytes = elementBytes();
  for (int64_t axis : analysis.reducedAxes)
    bytes *= analysis.shape[axis];
  return bytes;
}

/// As many rows as half of the first-level cache holds, and of those that come from
/// the second-level cache half as many, beside the next ones, where there is more than a
/// pass and more than a few steps: those are straight code, which keeps what it loaded
/// in registers. Where rows come from behind the second-level cache and results go back
/// there, a row goes through all of its passes: the writes of a group would come all at once,
/// with no arithmetic between them. What follows from reductions and takes long is worth a group
/// of any rows, as many as a vector has lanes.
void LoopNest::chooseGroup() {
  if (!rows || analysis.levels.empty() || analysis.reducedAxes.empty())
    return;
  const Machine &machine = module.machine();
  int64_t bytes = rowBytes(), most = 8;
  bool lanesAreRows = sharesLanes();
  if (passes() < 2 || bytes == 0 || (isShortRow() && !lanesAreRows))
    return;
  if (bytes * rowCount > machine.l2Bytes && !analysis.fullResults.empty())
    return;
  if (lanesAreRows)
    most = std::max<int64_t>(most, machine.lanes(32));
  int64_t room = machine.l1Bytes / (bytes * rowCount > machine.l1Bytes ? 4 : 2);
  group = std::clamp<int64_t>(room / bytes, 1, most);
  group = std::min(group, std::max<int64_t>(rowCount, 1));
  if (lanesAreRows)
    group = static_cast<int64_t>(llvm::bit_floor(static_cast<uint64_t>(group)));
}

/// Whether its passes are a few steps each.
bool LoopNest::isShortRow() const {
  constexpr int64_t fewSteps = 4;
  int64_t elements = 1;
  for (int64_t axis : analysis.reducedAxes)
    elements *= analysis.shape[axis];
  return elements <= fewSteps * lanes;
}

/// Whether values of neighbouring rows should be lanes of a vector: such that take long, which
/// a quotient does beside a short row alone.
bool LoopNest::sharesLanes() const {
  auto extents = llvm::seq<size_t>(0, analysis.shape.size());
  bool isLine = llvm::count_if(extents, [&](size_t dim) {
                  return !analysis.isReduced(static_cast<int64_t>(dim)) && analysis.shape[dim] != 1;
                }) == 1;
  return isLine && module.machine().lanes(32) >= kFewestLanes &&
         llvm::any_of(analysis.keptValues, [&](ArrayRef<Operation *> values) {
           return llvm::any_of(values, [&](Operation *op) {
             return isShortRow() || !isa<DivOp, ReciprocalOp>(op);
           });
         });
}

int64_t LoopNest::rowLanes() const { return sharesLanes() && group >= kFewestLanes ? group : 0; }

/// Whether rows follow each other.
bool LoopNest::reducesTrailing() const {
  int64_t first = static_cast<int64_t>(analysis.shape.size() - analysis.reducedAxes.size());
  return llvm::all_of(analysis.reducedAxes, [&](int64_t axis) { return axis >= first; });
}

/// The first pass over a row waits for outer memory, and the others compute, or write: one of
/// them asks for the row that its place is taken by next, where rows follow each other and a
/// cache has room for both. That is the first-level one for what the second-level one holds.
void LoopNest::chooseAhead() {
  const Machine &machine = module.machine();
  int64_t bytes = rowBytes();
  int64_t inner = bytes <= machine.l1Bytes / 4 ? machine.l1Bytes : machine.l2Bytes;
  if (!rows || !reducesTrailing() || passes() < 2 || bytes * rowCount <= inner ||
      bytes > machine.l2Bytes / 4)
    return;
  size_t sweep = passes() > analysis.levels.size() ? analysis.levels.size() : 1;
  ahead = analysis.computingPass.value_or(sweep);
}

/// Elements between what a pass reads and what it prefetches, where it goes through outer memory
/// from one end to the other; 0: it does not. Streamed columns ask for the rows to come.
int64_t LoopNest::distanceAhead() const {
  bool isLinear = rows ? passes() == 1 && reducesTrailing() : analysis.levels.empty();
  int64_t elements = ShapedType::getNumElements(analysis.shape);
  if (!(isLinear || streamed) || transposed || lanes == 1 ||
      elements * elementBytes() <= module.machine().l2Bytes)
    return 0;
  if (!streamed)
    return kStreamAhead;
  return kStreams * stridesOf(analysis.shape)[analysis.reducedAxes.front()];
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

std::pair<Value, Value> partOf(PhaseBuilder &phase, Value number, int64_t length, int64_t limit) {
  Value first = linearIndex(phase.b, {number}, {length});
  Value last = linearIndex(phase.b, {first, phase.index(length)}, {1, 1});
  return {first, arith::MinSIOp::create(phase.b, last, phase.index(limit))};
}

void LoopNest::forEachPoint(PhaseBuilder &phase, Value task, function_ref<void(Point &)> emit,
                            RowFn around) const {
  ImplicitLocOpBuilder &b = phase.b;
  auto emitPoints = [&](Value row, Value lower, Value upper, Value hasRest) {
    auto points = [&] { emitRow(phase, row, lower, upper, hasRest, emit); };
    if (around)
      around(points);
    else
      points();
  };
  int64_t tile = tileVectors * lanes;
  if (blocks == 1) {
    auto [first, last] = partOf(phase, task, rowsPerTask, rowCount);
    if (rowCount == rowsPerTask) {
      first = phase.index(0);
      last = phase.index(rowCount);
    }
    if (transposed)
      return emitTransposed(phase, first, last, emit);
    buildLoop(b, first, last, 1, [&](Value row) {
      emitPoints(row, phase.index(0), phase.index(fullTiles * tile), Value());
    });
    return;
  }
  Value count = phase.index(blocks);
  Value row = arith::DivUIOp::create(b, task, count);
  Value block = arith::RemUIOp::create(b, task, count);
  auto [lower, upper] = partOf(phase, block, tilesPerBlock * tile, fullTiles * tile);
  Value isLast = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, block, phase.index(blocks - 1));
  emitPoints(row, lower, upper, isLast);
}

/// What is between two elements of a column, all columns together, is more than the
/// second-level cache holds.
bool LoopNest::canStream() const {
  constexpr int64_t fewSteps = 64;
  if (analysis.levels.empty() || analysis.reducedAxes.empty() ||
      analysis.shape[analysis.reducedAxes.front()] < fewSteps)
    return false;
  for (const auto &level : analysis.levels)
    if (llvm::any_of(level, llvm::IsaPred<ArgmaxOp>))
      return false;
  ArrayRef<int64_t> walked = ArrayRef(analysis.shape).drop_front(analysis.reducedAxes.front());
  return ShapedType::getNumElements(walked) * elementBytes() > module.machine().l2Bytes;
}

void LoopNest::forEachGroup(PhaseBuilder &phase, function_ref<void(Value, Value)> emit) const {
  auto [first, last] = partOf(phase, phase.task, rowsPerTask, rowCount);
  buildLoop(phase.b, first, last, group, [&, last = last](Value row) {
    Value end = linearIndex(phase.b, {row, phase.index(group)}, {1, 1});
    emit(row, hasShortGroup() ? arith::MinSIOp::create(phase.b, end, last).getResult() : end);
  });
}

void LoopNest::forEachRow(PhaseBuilder &phase, Value first, Value end,
                          function_ref<void(Point &)> emit) const {
  buildLoop(phase.b, first, end, 1, [&](Value row) {
    emitPoint(phase, rowIndices(phase, row), Chunk(), [&](Point &point) {
      point.number = arith::SubIOp::create(phase.b, row, first);
      emit(point);
    });
  });
}

Position LoopNest::rowsPosition(PhaseBuilder &phase, Value first, ArrayRef<int64_t> shape) const {
  Position position;
  bool keepsDims = shape.size() == analysis.shape.size();
  for (auto [dim, index] : llvm::enumerate(rowIndices(phase, first))) {
    if (index && analysis.shape[dim] != 1)
      position.vectorDim = static_cast<int>(position.indices.size());
    if (index || keepsDims)
      position.indices.push_back(index ? index : phase.index(0));
  }
  position.lanes = group;
  return position;
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

/// The full tiles of a row.
void LoopNest::emitTiles(PhaseBuilder &phase, SmallVector<Value> indices, Value lower, Value upper,
                         function_ref<void(Point &)> emit) const {
  int64_t tile = tileVectors * lanes;
  phase.emitStores(analysis.fullResults, bypasses && !streamed, [&](bool past) {
    SmallVector<Chunk> chunks = chunksOf(tile);
    for (Chunk &chunk : chunks)
      chunk.bypasses = past;
    buildLoop(phase.b, lower, upper, tile, [&](Value column) {
      indices.back() = column;
      emitPoint(phase, indices, chunks, emit);
    });
  });
}

/// `hasRest`: whether the elements behind the full tiles belong to it; null: they do.
void LoopNest::emitRow(PhaseBuilder &phase, Value row, Value lower, Value upper, Value hasRest,
                       function_ref<void(Point &)> emit) const {
  ImplicitLocOpBuilder &b = phase.b;
  SmallVector<Value> indices = rowIndices(phase, row);
  if (rows || indices.empty())
    return emitPoint(phase, indices, Chunk(), emit);

  int64_t tile = tileVectors * lanes;
  emitTiles(phase, indices, lower, upper, emit);
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

} // namespace dl
