//===- LoopKernel.cpp - Kernels of elementwise ops and reductions ---------===//
//
// Usually one phase: each task finishes its points, or groups of them. Where reductions leave too
// few points for the work (the sum of a large tensor), or columns are streamed, there are
// several (LoopSplit.cpp).
//
//===----------------------------------------------------------------------===//

#include "KernelForm.h"
#include "LoopNest.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace dl {

SmallVector<Reducer> reducersOf(KernelModule &module, ArrayRef<Operation *> level) {
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
    emitSplit(module, nest, *split);
  else if (nest.groupRows() > 1)
    GroupEmitter(module, nest).emit();
  else
    emitWhole(module, nest);
  addBodyWork(module);
  return success();
}

} // namespace dl
