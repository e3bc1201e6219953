//===- LoopKernel.cpp - Kernels of elementwise ops and reductions ---------===//
//
// Usually one phase: each task finishes its points, or groups of them. Where reductions leave too
// few points for the work (the sum of a large tensor), the reduced dimensions
// are split into a fixed number of parts: a phase for the partial results of
// each level, a phase that combines them in order, and a sweep. The same where
// columns are streamed.
//
//===----------------------------------------------------------------------===//

#include "KernelForm.h"
#include "LoopNest.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace dl {

static SmallVector<Reducer> reducersOf(KernelModule &module, ArrayRef<Operation *> level) {
  return llvm::map_to_vector(level, [&](Operation *op) { return Reducer(op, module.machine()); });
}

/// Binds what a level reduced to its results, chunk by chunk.
static void bindResults(PhaseBuilder &phase, Point &point, ArrayRef<Reducer> reducers,
                        const LoopNest::Accumulators &totals) {
  for (auto [c, expression] : llvm::enumerate(point.expressions))
    for (auto [r, reducer] : llvm::enumerate(reducers)) {
      Value result = reducer.finish(phase.b, totals[c][r]);
      expression.bind(reducer.result(),
                      [result](ImplicitLocOpBuilder &, const Position &) { return result; });
    }
}

//===----------------------------------------------------------------------===//
// One phase
//===----------------------------------------------------------------------===//

static void emitWhole(KernelModule &module, const LoopNest &nest) {
  const LoopAnalysis &analysis = nest.analysis;
  SmallVector<SmallVector<KeptValue>> kept;
  for (ArrayRef<Operation *> reused : analysis.reused)
    kept.push_back(nest.keep(reused));
  module.addPhase(nest.tasks(), [&](PhaseBuilder &phase) {
    nest.forEachPoint(phase, phase.task, [&](Point &point) {
      for (auto [number, level] : llvm::enumerate(analysis.levels)) {
        SmallVector<Reducer> reducers = reducersOf(module, level);
        point.readsAhead = nest.readsAhead(number);
        bool write = analysis.lastLevelWrites && number + 1 == analysis.levels.size() &&
                     !analysis.fullResults.empty();
        bindResults(phase, point, reducers,
                    nest.reduce(phase, point, reducers, write, nullptr, kept[number]));
        nest.bindKept(phase, point, kept[number]);
      }
      point.readsAhead = nest.readsAhead(analysis.levels.size());
      if (!analysis.fullResults.empty() && !analysis.lastLevelWrites)
        nest.sweep(phase, point, nullptr);
      nest.storeReduced(phase, point);
    });
  });
}

//===----------------------------------------------------------------------===//
// Groups of rows
//===----------------------------------------------------------------------===//

namespace {
/// One phase, in which the rows of a group make each pass before any makes the next.
/// Finished reductions lie in the worker's scratch, and what follows from them and takes long:
/// [rows of a group] for each.
class GroupEmitter {
public:
  GroupEmitter(KernelModule &module, const LoopNest &nest)
      : module(module), nest(nest), analysis(nest.analysis) {}

  void emit();

private:
  void bindLevels(PhaseBuilder &phase, Point &point, size_t count);
  void bindMemory(PhaseBuilder &phase, Expression &expression, ArrayRef<Operation *> ops,
                  const Position &inGroup);
  void reduceLevel(PhaseBuilder &phase, Point &point, size_t number);
  void computeKept(PhaseBuilder &phase, Value first, Value end, size_t number);
  using PositionFn = function_ref<Position(ArrayRef<int64_t>)>;
  void computeKept(PhaseBuilder &phase, Expression &expression, size_t number, PositionFn at,
                   const Position &inGroup);
  Value memory(PhaseBuilder &phase, Operation *op) {
    return phase.scratch(offsets.at(op), elementTypeOf(op), nest.groupRows());
  }

  static Position positionOf(const Point &point) {
    Position position;
    position.indices = {point.number};
    return position;
  }

  KernelModule &module;
  const LoopNest &nest;
  const LoopAnalysis &analysis;
  SmallVector<SmallVector<KeptValue>> kept;
  DenseMap<Operation *, int64_t> offsets; // in the scratch
};
} // namespace

void GroupEmitter::reduceLevel(PhaseBuilder &phase, Point &point, size_t number) {
  bool write = analysis.lastLevelWrites && number + 1 == analysis.levels.size() &&
               !analysis.fullResults.empty();
  SmallVector<Reducer> reducers = reducersOf(module, analysis.levels[number]);
  LoopNest::Accumulators totals = nest.reduce(phase, point, reducers, write, nullptr, kept[number]);
  for (auto [r, reducer] : llvm::enumerate(reducers))
    storeElement(phase.b, reducer.finish(phase.b, totals[0][r]), memory(phase, reducer.operation()),
                 {nest.groupRows()}, positionOf(point));
}

/// Binds values to what is in the memory of the group.
void GroupEmitter::bindMemory(PhaseBuilder &phase, Expression &expression,
                              ArrayRef<Operation *> ops, const Position &inGroup) {
  for (Operation *op : ops) {
    if (!offsets.contains(op))
      continue;
    Value result =
        loadElement(phase.b, memory(phase, op), {nest.groupRows()}, elementTypeOf(op), inGroup);
    expression.bind(op->getResult(0),
                    [result](ImplicitLocOpBuilder &, const Position &) { return result; });
  }
}

/// Binds what the passes of the first levels left for a row.
void GroupEmitter::bindLevels(PhaseBuilder &phase, Point &point, size_t count) {
  for (size_t level = 0; level < count; ++level) {
    bindMemory(phase, point.expressions[0], analysis.levels[level], positionOf(point));
    bindMemory(phase, point.expressions[0], analysis.keptValues[level], positionOf(point));
    nest.bindKept(phase, point, kept[level]);
  }
}

void GroupEmitter::computeKept(PhaseBuilder &phase, Expression &expression, size_t number,
                               PositionFn at, const Position &inGroup) {
  for (size_t level = 0; level <= number; ++level) {
    bindMemory(phase, expression, analysis.levels[level], inGroup);
    if (level < number)
      bindMemory(phase, expression, analysis.keptValues[level], inGroup);
  }
  for (Operation *op : analysis.keptValues[number]) {
    ArrayRef<int64_t> shape = cast<RankedTensorType>(op->getResult(0).getType()).getShape();
    storeElement(phase.b, expression.vectorAt(op->getResult(0), at(shape)), memory(phase, op),
                 {nest.groupRows()}, inGroup);
  }
}

/// What follows from a level and takes long: of all rows at once, or row by row where the group
/// has not got all of them.
void GroupEmitter::computeKept(PhaseBuilder &phase, Value first, Value end, size_t number) {
  if (nest.rowLanes() == 0 || analysis.keptValues[number].empty())
    return;
  auto computeRows = [&] {
    Expression expression(phase);
    Position inGroup;
    inGroup.indices = {phase.index(0)};
    inGroup.vectorDim = 0;
    inGroup.lanes = nest.rowLanes();
    auto at = [&](ArrayRef<int64_t> shape) { return nest.rowsPosition(phase, first, shape); };
    computeKept(phase, expression, number, at, inGroup);
  };
  auto computeEach = [&] {
    nest.forEachRow(phase, first, end, [&](Point &point) {
      auto at = [&](ArrayRef<int64_t> shape) { return nest.keptPosition(phase, point, 0, shape); };
      computeKept(phase, point.expressions[0], number, at, positionOf(point));
    });
  };
  if (!nest.hasShortGroup())
    return computeRows();
  Value rows = arith::SubIOp::create(phase.b, end, first), all = phase.index(nest.groupRows());
  buildIf(phase.b, arith::CmpIOp::create(phase.b, arith::CmpIPredicate::eq, rows, all), computeRows,
          computeEach);
}

void GroupEmitter::emit() {
  for (const auto &level : analysis.levels)
    for (Operation *op : level)
      offsets[op] = module.reserveScratch(nest.groupRows() * storageBytes(elementTypeOf(op)));
  if (nest.rowLanes() > 0)
    for (const auto &values : analysis.keptValues)
      for (Operation *op : values)
        offsets[op] = module.reserveScratch(nest.groupRows() * storageBytes(elementTypeOf(op)));
  for (ArrayRef<Operation *> reused : analysis.reused)
    kept.push_back(nest.keep(reused));
  size_t levels = analysis.levels.size();
  module.addPhase(nest.tasks(), [&](PhaseBuilder &phase) {
    nest.forEachGroup(phase, [&](Value first, Value end) {
      for (size_t level = 0; level < levels; ++level) {
        nest.forEachRow(phase, first, end, [&](Point &point) {
          bindLevels(phase, point, level);
          point.readsAhead = nest.readsAhead(level);
          reduceLevel(phase, point, level);
        });
        computeKept(phase, first, end, level);
      }
      bool sweeps = !analysis.fullResults.empty() && !analysis.lastLevelWrites;
      if (!sweeps && analysis.reducedResults.empty())
        return;
      nest.forEachRow(phase, first, end, [&](Point &point) {
        bindLevels(phase, point, levels);
        point.readsAhead = nest.readsAhead(levels);
        if (sweeps)
          nest.sweep(phase, point, nullptr);
        nest.storeReduced(phase, point);
      });
    });
  });
}

//===----------------------------------------------------------------------===//
// Split
//===----------------------------------------------------------------------===//

namespace {
/// Results of a level in the workspace: [parts + 1][kept elements] for each
/// reducer; the last row holds the finished ones.
class SplitEmitter {
public:
  SplitEmitter(KernelModule &module, const LoopNest &nest, Split split)
      : module(module), nest(nest), analysis(nest.analysis), split(split),
        kept(analysis.keptElements()) {}

  void emit();

private:
  void emitPartials(size_t level);
  void emitCombine(size_t level);
  void emitSweep();
  /// Phases have a task for each part and each task of the nest. Every other one takes
  /// them from the last to the first: what the one before read last is in the caches still.
  using PointFn = function_ref<void(Point &, const Split &)>;
  void forEachPoint(PhaseBuilder &phase, PointFn emit);
  /// The same where columns are streamed, for some rows of the part after others.
  void forEachBlock(PhaseBuilder &phase, PointFn emit);
  std::pair<Value, Split> partOfTask(PhaseBuilder &phase);
  /// Whether the phase that reads all operands after `levels` levels goes backwards.
  void turn(size_t levels) { backwards = levels % 2 == 1; }
  void addPartials(PhaseBuilder &phase, Point &point, const Split &here, size_t level);
  Value memory(PhaseBuilder &phase, Operation *op);
  Position rowPosition(PhaseBuilder &phase, const Point &point, size_t chunk, Value row);
  Value load(PhaseBuilder &phase, const Point &point, size_t chunk, Operation *op, Value row);
  void store(PhaseBuilder &phase, const Point &point, size_t chunk, Operation *op, Value row,
             Value value);
  void bindFinished(PhaseBuilder &phase, Point &point, size_t levels);

  KernelModule &module;
  const LoopNest &nest;
  const LoopAnalysis &analysis;
  Split split;
  int64_t kept;
  bool backwards = false;
  DenseMap<Operation *, int64_t> offsets; // in the workspace
};
} // namespace

/// The task of the nest, and the part.
std::pair<Value, Split> SplitEmitter::partOfTask(PhaseBuilder &phase) {
  Value tasks = phase.index(nest.tasks()), task = phase.task;
  if (backwards) {
    // Of those that come one after the other on a worker: each keeps what it read.
    Value last = arith::SubIOp::create(phase.b, phase.function.getArgument(1), phase.index(1));
    Value done = arith::SubIOp::create(phase.b, task, phase.function.getArgument(0));
    task = arith::SubIOp::create(phase.b, last, done);
  }
  Split here = split;
  here.part = arith::DivUIOp::create(phase.b, task, tasks);
  return {arith::RemUIOp::create(phase.b, task, tasks), here};
}

void SplitEmitter::forEachPoint(PhaseBuilder &phase, PointFn emit) {
  auto [task, here] = partOfTask(phase);
  nest.forEachPoint(phase, task, [&, here = here](Point &point) { emit(point, here); });
}

void SplitEmitter::forEachBlock(PhaseBuilder &phase, PointFn emit) {
  // Each is a stream that the prefetcher follows, and they spare the accumulators ways
  // to memory.
  constexpr int64_t streams = 8;
  auto [task, part] = partOfTask(phase);
  Split here = part;
  auto [lower, upper] = partOf(phase, here.part, split.length, analysis.shape[split.dim]);
  nest.forEachPoint(
      phase, task, [&](Point &point) { emit(point, here); },
      [&, lower = lower, upper = upper](function_ref<void()> points) {
        buildLoop(phase.b, lower, upper, streams, [&](Value first) {
          here.lower = first;
          here.upper = linearIndex(phase.b, {first, phase.index(streams)}, {1, 1});
          here.upper = arith::MinSIOp::create(phase.b, here.upper, upper);
          points();
        });
      });
}

Value SplitEmitter::memory(PhaseBuilder &phase, Operation *op) {
  return phase.workspace(offsets.at(op), elementTypeOf(op), (split.parts + 1) * kept);
}

/// Of a kept position in row `row` of a reduction's partial results.
Position SplitEmitter::rowPosition(PhaseBuilder &phase, const Point &point, size_t chunk,
                                   Value row) {
  SmallVector<int64_t> shape;
  for (auto [dim, extent] : llvm::enumerate(analysis.shape))
    if (!analysis.isReduced(dim))
      shape.push_back(extent);
  Position position = nest.keptPosition(phase, point, chunk, shape);
  Value index = linearIndex(phase.b, position.indices, stridesOf(shape));
  position.indices = {row, index};
  position.vectorDim = position.isVector() ? 1 : -1;
  return position;
}

Value SplitEmitter::load(PhaseBuilder &phase, const Point &point, size_t chunk, Operation *op,
                         Value row) {
  return loadElement(phase.b, memory(phase, op), {split.parts + 1, kept}, elementTypeOf(op),
                     rowPosition(phase, point, chunk, row));
}

void SplitEmitter::store(PhaseBuilder &phase, const Point &point, size_t chunk, Operation *op,
                         Value row, Value value) {
  storeElement(phase.b, value, memory(phase, op), {split.parts + 1, kept},
               rowPosition(phase, point, chunk, row));
}

/// Binds the results of the levels before `levels` to what is in the workspace.
void SplitEmitter::bindFinished(PhaseBuilder &phase, Point &point, size_t levels) {
  for (const auto &level : ArrayRef(analysis.levels).take_front(levels))
    for (Operation *op : level)
      for (auto [c, expression] : llvm::enumerate(point.expressions)) {
        Value result = load(phase, point, c, op, phase.index(split.parts));
        expression.bind(op->getResult(0),
                        [result](ImplicitLocOpBuilder &, const Position &) { return result; });
      }
}

/// Adds what is `here` to the point's partial results, which are its first where
/// nothing is streamed.
void SplitEmitter::addPartials(PhaseBuilder &phase, Point &point, const Split &here, size_t level) {
  bool write = analysis.lastLevelWrites && level + 1 == analysis.levels.size() &&
               !analysis.fullResults.empty();
  SmallVector<Reducer> reducers = reducersOf(module, analysis.levels[level]);
  bindFinished(phase, point, level);
  LoopNest::Accumulators before(point.chunks.size());
  if (nest.streams())
    for (size_t c = 0; c < point.chunks.size(); ++c)
      for (const Reducer &reducer : reducers)
        before[c].push_back({load(phase, point, c, reducer.operation(), here.part)});
  LoopNest::Accumulators totals =
      nest.reduce(phase, point, reducers, write, &here, {}, nest.streams() ? &before : nullptr);
  for (size_t c = 0; c < point.chunks.size(); ++c)
    for (auto [r, reducer] : llvm::enumerate(reducers))
      store(phase, point, c, reducer.operation(), here.part, totals[c][r][0]);
}

void SplitEmitter::emitPartials(size_t level) {
  auto add = [&](PhaseBuilder &phase) {
    return [&](Point &point, const Split &here) { addPartials(phase, point, here, level); };
  };
  module.addPhase(split.parts * nest.tasks(), [&](PhaseBuilder &phase) {
    if (!nest.streams())
      return forEachPoint(phase, add(phase));
    forEachPoint(phase, [&](Point &point, const Split &here) {
      for (const Reducer &reducer : reducersOf(module, analysis.levels[level]))
        for (auto [c, chunk] : llvm::enumerate(point.chunks))
          store(phase, point, c, reducer.operation(), here.part,
                reducer.identity(phase.b, chunk.width).front());
    });
    forEachBlock(phase, add(phase));
  });
}

void SplitEmitter::emitCombine(size_t level) {
  SmallVector<Reducer> reducers = reducersOf(module, analysis.levels[level]);
  bool isLast = level + 1 == analysis.levels.size();
  module.addPhase(nest.tasks(), [&](PhaseBuilder &phase) {
    nest.forEachPoint(phase, phase.task, [&](Point &point) {
      for (const Reducer &reducer : reducers)
        for (size_t c = 0; c < point.chunks.size(); ++c) {
          Operation *op = reducer.operation();
          Value first = load(phase, point, c, op, phase.index(0));
          auto total = buildReduceLoop(phase.b, phase.index(1), phase.index(split.parts), 1, first,
                                       [&](Value part, ValueRange sum) {
                                         return reducer.combine(phase.b, sum,
                                                                load(phase, point, c, op, part));
                                       });
          store(phase, point, c, op, phase.index(split.parts), total[0]);
        }
      if (!isLast || analysis.reducedResults.empty())
        return;
      bindFinished(phase, point, analysis.levels.size());
      nest.storeReduced(phase, point);
    });
  });
}

void SplitEmitter::emitSweep() {
  module.addPhase(split.parts * nest.tasks(), [&](PhaseBuilder &phase) {
    phase.emitStores(analysis.fullResults, nest.streamsPast(), [&](bool past) {
      auto sweep = [&](Point &point, const Split &here) {
        bindFinished(phase, point, analysis.levels.size());
        for (Chunk &chunk : point.chunks)
          chunk.bypasses = past;
        nest.sweep(phase, point, &here);
      };
      if (nest.streams())
        forEachBlock(phase, sweep);
      else
        forEachPoint(phase, sweep);
    });
  });
}

void SplitEmitter::emit() {
  for (const auto &level : analysis.levels)
    for (Operation *op : level)
      offsets[op] =
          module.reserveWorkspace((split.parts + 1) * kept * storageBytes(elementTypeOf(op)));
  for (size_t level = 0; level < analysis.levels.size(); ++level) {
    turn(level);
    emitPartials(level);
    emitCombine(level);
  }
  turn(analysis.levels.size());
  if (!analysis.fullResults.empty() && !analysis.lastLevelWrites)
    emitSweep();
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

LogicalResult emitLoopKernel(KernelModule &module) {
  FailureOr<LoopAnalysis> analysis = LoopAnalysis::get(module);
  if (failed(analysis))
    return failure();
  for (ArrayRef<unsigned> group : analysis->otherResults) {
    LoopAnalysis other;
    Value first = module.yield().getOperand(group.front());
    llvm::append_range(other.shape, cast<RankedTensorType>(first.getType()).getShape());
    other.fullResults.assign(group.begin(), group.end());
    other.weight = analysis->weight;
    emitWhole(module, LoopNest(module, other));
  }
  LoopNest nest(module, *analysis);
  if (std::optional<Split> split = nest.split())
    SplitEmitter(module, nest, *split).emit();
  else if (nest.groupRows() > 1)
    GroupEmitter(module, nest).emit();
  else
    emitWhole(module, nest);
  addBodyWork(module);
  return success();
}

} // namespace dl
