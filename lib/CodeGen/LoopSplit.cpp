//===- LoopSplit.cpp - Reductions in parts --------------------------------===//
//
// The reduced dimensions are split into a fixed number of parts: a phase for the partial
// results of each level, a phase that combines them in order, and a sweep. The same where
// columns are streamed.
//
// A sum of exponentials below a maximum (softmax, log_softmax) is streamed beside it, so that
// its operand is read once for both:
//
//   for some rows   m' = max(m, rows),  t' = t exp(m - m') + sum of exp(row - m')
//   of parts        m = max of m_p,     t = sum of t_p exp(m_p - m)
//
//===----------------------------------------------------------------------===//

#include "LoopNest.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <limits>

using namespace mlir;

namespace dl {

namespace {
/// The sum of exponentials of what lies below a maximum.
struct ScaledSum {
  Operation *largest, *exponential, *sum;
};
} // namespace

/// Where that is all that a kernel reduces.
static std::optional<ScaledSum> findScaledSum(const LoopAnalysis &analysis) {
  bool writes = analysis.lastLevelWrites && !analysis.fullResults.empty();
  if (writes || analysis.levels.size() != 2 || analysis.levels[0].size() != 1 ||
      analysis.levels[1].size() != 1)
    return std::nullopt;
  auto largest = dyn_cast<MaxOp>(analysis.levels[0][0]);
  auto sum = dyn_cast<SumOp>(analysis.levels[1][0]);
  auto exponential = sum ? sum.getInput().getDefiningOp<ExpOp>() : ExpOp();
  auto below = exponential ? exponential->getOperand(0).getDefiningOp<SubOp>() : SubOp();
  if (!largest || !below || below->getOperand(0) != largest.getInput())
    return std::nullopt;
  Value top = below->getOperand(1);
  if (auto broadcast = top.getDefiningOp<BroadcastOp>())
    top = broadcast.getInput();
  if (top != largest.getResult())
    return std::nullopt;
  return ScaledSum{largest, exponential, sum};
}

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
  using PointFn = function_ref<void(PhaseBuilder &, Point &, const Split &)>;

  void emitPartials(ArrayRef<Operation *> ops, PointFn add);
  void emitCombine(size_t level);
  void emitSweep();
  /// Phases have a task for each part and each task of the nest. Every other one takes
  /// them from the last to the first: what the one before read last is in the caches still.
  void forEachPoint(PhaseBuilder &phase, PointFn emit);
  /// The same where columns are streamed, for some rows of the part after others.
  void forEachBlock(PhaseBuilder &phase, PointFn emit);
  std::pair<Value, Split> partOfTask(PhaseBuilder &phase);
  /// Whether the phase that reads all operands after `levels` levels goes backwards.
  void turn(size_t levels) { backwards = levels % 2 == 1; }
  void addPartials(PhaseBuilder &phase, Point &point, const Split &here, size_t level);
  void addScaled(PhaseBuilder &phase, Point &point, const Split &here);
  Value scaled(PhaseBuilder &phase, Value sum, Value from, Value to);
  Value partial(PhaseBuilder &phase, const Point &point, size_t chunk, Operation *op, Value part);
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
  std::optional<ScaledSum> together;      // streamed together
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
  nest.forEachPoint(phase, task, [&, here = here](Point &point) { emit(phase, point, here); });
}

void SplitEmitter::forEachBlock(PhaseBuilder &phase, PointFn emit) {
  auto [task, part] = partOfTask(phase);
  Split here = part;
  auto [lower, upper] = partOf(phase, here.part, split.length, analysis.shape[split.dim]);
  nest.forEachPoint(
      phase, task, [&](Point &point) { emit(phase, point, here); },
      [&, lower = lower, upper = upper](function_ref<void()> points) {
        buildLoop(phase.b, lower, upper, kStreams, [&](Value first) {
          here.lower = first;
          here.upper = linearIndex(phase.b, {first, phase.index(kStreams)}, {1, 1});
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

static Value isLowest(PhaseBuilder &phase, Value top) {
  Value lowest = numberLike(phase.b, top.getType(), -std::numeric_limits<double>::infinity());
  return arith::CmpFOp::create(phase.b, arith::CmpFPredicate::OEQ, top, lowest);
}

/// The sum below `top`, which is no number where no element is above -infinity.
static Value orNone(PhaseBuilder &phase, Value sum, Value top) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  return arith::SelectOp::create(phase.b, isLowest(phase, top),
                                 numberLike(phase.b, top.getType(), none), sum);
}

/// A sum of exponentials below `from` as one below `to`, which is not less. They may be equal
/// where their difference is no number.
Value SplitEmitter::scaled(PhaseBuilder &phase, Value sum, Value from, Value to) {
  ImplicitLocOpBuilder &b = phase.b;
  Value distance = arith::SubFOp::create(b, from, to);
  Value factor = lowerElementwise(b, together->exponential, distance, module.machine());
  Value isSame = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, from, to);
  return arith::SelectOp::create(b, isSame, sum, arith::MulFOp::create(b, sum, factor));
}

/// The maximum of more rows, then the sum below that.
void SplitEmitter::addScaled(PhaseBuilder &phase, Point &point, const Split &here) {
  ImplicitLocOpBuilder &b = phase.b;
  Operation *largest = together->largest, *sum = together->sum;
  SmallVector<Reducer> tops = reducersOf(module, largest), sums = reducersOf(module, sum);
  LoopNest::Accumulators before(point.chunks.size()), starts(point.chunks.size());
  for (size_t c = 0; c < point.chunks.size(); ++c)
    before[c].push_back({load(phase, point, c, largest, here.part)});
  LoopNest::Accumulators found =
      nest.reduce(phase, point, tops, /*write=*/false, &here, {}, &before);
  for (size_t c = 0; c < point.chunks.size(); ++c) {
    Value top = tops[0].finish(b, found[c][0]);
    Value old = load(phase, point, c, sum, here.part);
    store(phase, point, c, largest, here.part, top);
    starts[c].push_back({scaled(phase, old, before[c][0][0], top)});
    // Where all is -infinity so far, the sum stays 0.
    Value below =
        arith::SelectOp::create(b, isLowest(phase, top), numberLike(b, top.getType(), 0), top);
    point.expressions[c].bind(largest->getResult(0),
                              [below](ImplicitLocOpBuilder &, const Position &) { return below; });
  }
  LoopNest::Accumulators totals =
      nest.reduce(phase, point, sums, /*write=*/false, &here, {}, &starts);
  for (size_t c = 0; c < point.chunks.size(); ++c)
    store(phase, point, c, sum, here.part, totals[c][0][0]);
}

void SplitEmitter::emitPartials(ArrayRef<Operation *> ops, PointFn add) {
  module.addPhase(split.parts * nest.tasks(), [&](PhaseBuilder &phase) {
    if (!nest.streams())
      return forEachPoint(phase, add);
    forEachPoint(phase, [&](PhaseBuilder &phase, Point &point, const Split &here) {
      for (const Reducer &reducer : reducersOf(module, ops))
        for (auto [c, chunk] : llvm::enumerate(point.chunks))
          store(phase, point, c, reducer.operation(), here.part,
                reducer.identity(phase.b, chunk.width).front());
    });
    forEachBlock(phase, add);
  });
}

/// What a part has of a reduction, as it goes into the whole.
Value SplitEmitter::partial(PhaseBuilder &phase, const Point &point, size_t chunk, Operation *op,
                            Value part) {
  Value value = load(phase, point, chunk, op, part);
  if (!together || op != together->sum)
    return value;
  Value here = load(phase, point, chunk, together->largest, part);
  return scaled(phase, value, here,
                load(phase, point, chunk, together->largest, phase.index(split.parts)));
}

void SplitEmitter::emitCombine(size_t level) {
  SmallVector<Reducer> reducers = reducersOf(module, analysis.levels[level]);
  bool isLast = level + 1 == analysis.levels.size();
  module.addPhase(nest.tasks(), [&](PhaseBuilder &phase) {
    nest.forEachPoint(phase, phase.task, [&](Point &point) {
      for (const Reducer &reducer : reducers)
        for (size_t c = 0; c < point.chunks.size(); ++c) {
          Operation *op = reducer.operation();
          Value first = partial(phase, point, c, op, phase.index(0));
          auto total = buildReduceLoop(phase.b, phase.index(1), phase.index(split.parts), 1, first,
                                       [&](Value part, ValueRange sum) {
                                         return reducer.combine(phase.b, sum,
                                                                partial(phase, point, c, op, part));
                                       });
          if (together && op == together->sum)
            total[0] = orNone(phase, total[0],
                              load(phase, point, c, together->largest, phase.index(split.parts)));
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
      auto sweep = [&](PhaseBuilder &phase, Point &point, const Split &here) {
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
  if (nest.streams())
    together = findScaledSum(analysis);
  size_t passes = 0;
  for (size_t level = 0; level < analysis.levels.size(); ++level) {
    if (!together || level == 0)
      turn(passes++);
    if (!together)
      emitPartials(analysis.levels[level],
                   [&](PhaseBuilder &phase, Point &point, const Split &here) {
                     addPartials(phase, point, here, level);
                   });
    else if (level == 0)
      emitPartials({together->largest, together->sum},
                   [&](PhaseBuilder &phase, Point &point, const Split &here) {
                     addScaled(phase, point, here);
                   });
    emitCombine(level);
  }
  turn(passes);
  if (!analysis.fullResults.empty() && !analysis.lastLevelWrites)
    emitSweep();
}

void emitSplit(KernelModule &module, const LoopNest &nest, const Split &split) {
  SplitEmitter(module, nest, split).emit();
}

} // namespace dl
