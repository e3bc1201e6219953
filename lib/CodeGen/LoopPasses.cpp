//===- LoopPasses.cpp - Passes over the reduced dimensions of a point -----===//

#include "LoopNest.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace dl {

/// Accumulators (of vectors) that hide the latency of an addition.
static constexpr int64_t kAccumulators = 4;
/// Up to this many steps are emitted without a loop; values are then computed
/// once for all passes.
static constexpr int64_t kStraightLine = 8;

//===----------------------------------------------------------------------===//
// Choices
//===----------------------------------------------------------------------===//

int64_t LoopNest::setsFor(size_t chunks, const Split *split) const {
  if (analysis.reducedAxes.empty() || (split && split->lower))
    return 1;
  int64_t inner = analysis.shape[analysis.reducedAxes.back()];
  int64_t steps = rows ? llvm::divideCeil(inner, lanes) : inner;
  int64_t sets = std::max<int64_t>(1, kAccumulators / static_cast<int64_t>(chunks));
  return std::clamp<int64_t>(steps, 1, sets);
}

std::optional<Split> LoopNest::split() const {
  constexpr int64_t fewTasks = 4, maxParts = 64;
  double work = static_cast<double>(ShapedType::getNumElements(analysis.shape)) * analysis.weight;
  if (analysis.levels.empty() || taskCount == 0 || work < 4 * kTaskWork ||
      (taskCount > fewTasks && !streamed))
    return std::nullopt;
  for (const auto &level : analysis.levels)
    if (llvm::any_of(level, llvm::IsaPred<ArgmaxOp>))
      return std::nullopt;
  Split split{analysis.reducedAxes.front(), 0, 0, Value(), Value(), Value()};
  // Streamed, rows follow each other along the first dimension.
  for (int64_t axis : analysis.reducedAxes)
    if (analysis.shape[axis] > analysis.shape[split.dim] && !streamed)
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
// Walks over the reduced dimensions
//===----------------------------------------------------------------------===//

std::pair<Value, Value> LoopNest::boundsOf(PhaseBuilder &phase, const Split &split,
                                           int64_t limit) const {
  if (split.lower)
    return {split.lower, split.upper};
  return partOf(phase, split.part, split.length, limit);
}

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
  if (split && split->dim == dim)
    std::tie(lower, upper) = boundsOf(phase, *split, analysis.shape[dim]);
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
  if (isSplit)
    std::tie(lower, upper) = boundsOf(phase, *split, mainEnd);
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
  position.bypasses = chunk.bypasses;
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
    parts += reducer.carriedParts();
  for (size_t c = 0; c < point.chunks.size(); ++c) {
    const Chunk &chunk = rows ? rowChunk : point.chunks[c];
    fetchStream(phase, indices, chunk);
    Position position = stepPosition(phase, indices, chunk);
    // Carried: for each set, for each chunk, what each reducer carries.
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
      ValueRange old = ValueRange(carried).slice(at, reducer.carriedParts());
      SmallVector<Value> taken = reducer.take(b, old, element, number);
      llvm::copy(taken, carried.begin() + at);
      at += reducer.carriedParts();
    }
  }
}

void LoopNest::writeStep(PhaseBuilder &phase, Point &point, ArrayRef<Value> indices,
                         const Chunk &rowChunk) const {
  for (size_t c = 0; c < point.chunks.size(); ++c) {
    const Chunk &chunk = rows ? rowChunk : point.chunks[c];
    fetchStream(phase, indices, chunk);
    point.expressions[c].store(analysis.fullResults, stepPosition(phase, indices, chunk));
  }
}

/// Computes the results of all chunks before it writes one: behind a store, what a reduction
/// has loaded and computed already would be once more.
void LoopNest::writeReduced(PhaseBuilder &phase, Point &point, ArrayRef<Value> indices,
                            const Chunk &rowChunk) const {
  SmallVector<std::pair<Position, SmallVector<Value>>> found;
  for (auto [chunk, expression] : llvm::zip(point.chunks, point.expressions)) {
    Position position = stepPosition(phase, indices, rows ? rowChunk : chunk);
    found.push_back({position, expression.resultsAt(analysis.fullResults, position)});
  }
  for (auto [expression, result] : llvm::zip(point.expressions, found))
    expression.store(analysis.fullResults, result.second, result.first);
}

/// Asks for what all operands have `elements` behind a step's place.
void LoopNest::prefetch(PhaseBuilder &phase, ArrayRef<Value> indices, const Chunk &chunk,
                        int64_t elements, unsigned locality) const {
  SmallVector<int64_t> strides = stridesOf(analysis.shape);
  Value here = linearIndex(phase.b, stepPosition(phase, indices, chunk).indices, strides);
  Value next = linearIndex(phase.b, {here, phase.index(elements)}, {1, 1});
  for (BlockArgument operand : operands()) {
    int64_t bytes = storageBytes(cast<RankedTensorType>(operand.getType()).getElementType());
    if (chunk.offset * bytes % Machine::lineBytes == 0)
      fetchLine(phase.b, phase.argument(operand), next, locality);
  }
}

/// Asks for the operands of the row that comes after this one, or takes its place in the
/// next group, at a step's place.
void LoopNest::readAhead(PhaseBuilder &phase, const Point &point, ArrayRef<Value> indices,
                         const Chunk &rowChunk) const {
  if (!point.readsAhead)
    return;
  bool fits = rowBytes() <= module.machine().l1Bytes / 4;
  int64_t first = analysis.reducedAxes.front();
  prefetch(phase, indices, rowChunk,
           group * stridesOf(analysis.shape)[first] * analysis.shape[first], fits ? 3 : 2);
}

/// The same at the distance that a pass keeps, where it does.
void LoopNest::fetchStream(PhaseBuilder &phase, ArrayRef<Value> indices, const Chunk &chunk) const {
  if (distance > 0)
    prefetch(phase, indices, chunk, distance, /*locality=*/2);
}

//===----------------------------------------------------------------------===//
// Values kept from pass to pass
//===----------------------------------------------------------------------===//

SmallVector<int64_t> LoopNest::keptShape() const {
  SmallVector<int64_t> shape;
  if (group > 1)
    shape.push_back(group);
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
  bool isStraight = group == 1 && analysis.reducedAxes.size() == 1 &&
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
Position LoopNest::inScratch(PhaseBuilder &phase, const Position &position, Value number,
                             const Chunk &chunk) const {
  Position inner = position;
  inner.indices.clear();
  if (group > 1)
    inner.indices.push_back(number);
  for (int64_t axis : analysis.reducedAxes)
    inner.indices.push_back(position.indices[axis]);
  if (!rows)
    inner.indices.push_back(phase.index(chunk.offset));
  inner.vectorDim = position.isVector() ? static_cast<int>(inner.indices.size()) - 1 : -1;
  return inner;
}

void LoopNest::keepStep(PhaseBuilder &phase, Point &point, ArrayRef<Value> indices,
                        const Chunk &rowChunk, ArrayRef<KeptValue> kept) const {
  // All are computed before one is stored (writeReduced).
  SmallVector<Value> elements;
  for (const KeptValue &value : kept)
    for (auto [chunk, expression] : llvm::zip(point.chunks, point.expressions))
      elements.push_back(expression.vectorAt(
          value.op->getResult(0), stepPosition(phase, indices, rows ? rowChunk : chunk)));
  const Value *element = elements.begin();
  for (const KeptValue &value : kept)
    for (const Chunk &chunk : point.chunks) {
      Position position = stepPosition(phase, indices, rows ? rowChunk : chunk);
      storeElement(phase.b, *element++, keptMemory(phase, value), keptShape(),
                   inScratch(phase, position, point.number, chunk));
    }
}

void LoopNest::bindKept(PhaseBuilder &phase, Point &point, ArrayRef<KeptValue> kept) const {
  for (const KeptValue &value : kept) {
    Value memory = keptMemory(phase, value);
    Type type = elementTypeOf(value.op);
    for (auto [chunk, expression] : llvm::zip(point.chunks, point.expressions))
      expression.bind(
          value.op->getResult(0), [this, &phase, memory, type, number = point.number,
                                   chunk = chunk](ImplicitLocOpBuilder &b, const Position &at) {
            return loadElement(b, memory, keptShape(), type, inScratch(phase, at, number, chunk));
          });
  }
}

/// Lanes of the accumulators of a chunk; 0: a scalar.
int64_t LoopNest::accumulatorLanes(const Chunk &chunk) const {
  return analysis.shape.empty() ? 0 : rows ? lanes : chunk.width;
}

/// The element of a row that a one_hot leaves of its sum; 0 where the index is outside.
Value LoopNest::picked(PhaseBuilder &phase, Point &point, Reducer::Pick pick) const {
  ImplicitLocOpBuilder &b = phase.b;
  Position outer;
  outer.indices.assign(point.indices.begin(), std::prev(point.indices.end()));
  Expression &expression = point.expressions[0];
  Value wanted = expression.at(pick.oneHot.getIndices(), outer);
  wanted = arith::IndexCastOp::create(b, b.getIndexType(), wanted);
  Value isInside = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, wanted,
                                         phase.index(analysis.shape.back()));
  Position position = outer;
  Value inside = arith::SelectOp::create(b, isInside, wanted, phase.index(0));
  position.indices.push_back(inside);
  Type type = pick.oneHot.getType().getElementType();
  Value element = pick.factor ? expression.at(pick.factor, position) : numberLike(b, type, 1);
  return arith::SelectOp::create(b, isInside, element, numberLike(b, type, 0));
}

LoopNest::Accumulators LoopNest::reduce(PhaseBuilder &phase, Point &point,
                                        ArrayRef<Reducer> reducers, bool write, const Split *split,
                                        ArrayRef<KeptValue> kept,
                                        const Accumulators *initial) const {
  auto isPicked = [&](const Reducer &reducer) { return rows && !split && reducer.pick(); };
  SmallVector<Reducer> walked(llvm::make_filter_range(reducers, std::not_fn(isPicked)));
  if (walked.size() == reducers.size())
    return reduceByWalk(phase, point, walked, write, split, kept, initial);
  Accumulators totals(point.chunks.size());
  if (!walked.empty() || write || !kept.empty())
    totals = reduceByWalk(phase, point, walked, write, split, kept, initial);
  for (auto [r, reducer] : llvm::enumerate(reducers))
    if (isPicked(reducer))
      totals[0].insert(totals[0].begin() + static_cast<std::ptrdiff_t>(r),
                       {picked(phase, point, *reducer.pick())});
  return totals;
}

LoopNest::Accumulators LoopNest::reduceByWalk(PhaseBuilder &phase, Point &point,
                                              ArrayRef<Reducer> reducers, bool write,
                                              const Split *split, ArrayRef<KeptValue> kept,
                                              const Accumulators *initial) const {
  ImplicitLocOpBuilder &b = phase.b;
  int64_t sets = setsFor(point.chunks.size(), split);
  SmallVector<Value> carried;
  for (int64_t set = 0; set < sets; ++set)
    for (auto [c, chunk] : llvm::enumerate(point.chunks))
      for (auto [r, reducer] : llvm::enumerate(reducers))
        llvm::append_range(carried,
                           reducer.carried(b, initial && set == 0
                                                  ? (*initial)[c][r]
                                                  : reducer.identity(b, accumulatorLanes(chunk))));
  walk(phase, point.indices, 0, split, sets, carried,
       [&](ArrayRef<Value> indices, const Chunk &chunk, int64_t set, SmallVector<Value> &values) {
         readAhead(phase, point, indices, chunk);
         takeStep(phase, point, reducers, indices, chunk, set, values);
         keepStep(phase, point, indices, chunk, kept);
         if (write)
           writeReduced(phase, point, indices, chunk);
       });

  Accumulators totals(point.chunks.size());
  ValueRange rest(carried);
  for (int64_t set = 0; set < sets; ++set)
    for (auto &chunk : totals)
      for (auto [r, reducer] : llvm::enumerate(reducers)) {
        SmallVector<Value> part(rest.take_front(reducer.carriedParts()));
        rest = rest.drop_front(reducer.carriedParts());
        if (set == 0)
          chunk.push_back(part);
        else
          chunk[r] = reducer.join(b, chunk[r], part);
      }
  for (auto &chunk : totals)
    for (auto [r, reducer] : llvm::enumerate(reducers))
      chunk[r] = rows ? reducer.settleLanes(b, chunk[r]) : reducer.settle(b, chunk[r]);
  return totals;
}

void LoopNest::sweep(PhaseBuilder &phase, Point &point, const Split *split) const {
  auto emit = [&](bool past) {
    SmallVector<Value> nothing;
    walk(phase, point.indices, 0, split, setsFor(point.chunks.size(), split), nothing,
         [&](ArrayRef<Value> indices, Chunk chunk, int64_t, SmallVector<Value> &) {
           chunk.bypasses = past && chunk.active == chunk.width;
           readAhead(phase, point, indices, chunk);
           writeStep(phase, point, indices, chunk);
         });
  };
  // The tiles of columns have been told already.
  phase.emitStores(analysis.fullResults, rows && bypasses, emit);
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
  // Results of one shape are stored together, after all of them are computed: one may
  // lie over an operand that the others read.
  llvm::MapVector<ArrayRef<int64_t>, SmallVector<unsigned>> results;
  for (unsigned result : analysis.reducedResults) {
    Value value = phase.kernel.yield().getOperand(result);
    results[cast<RankedTensorType>(value.getType()).getShape()].push_back(result);
  }
  for (size_t c = 0; c < point.chunks.size(); ++c)
    for (auto &[shape, ofShape] : results)
      point.expressions[c].store(ofShape, keptPosition(phase, point, c, shape));
}

} // namespace dl
