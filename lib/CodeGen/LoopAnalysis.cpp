//===- LoopAnalysis.cpp - What a loop kernel computes, in order -----------===//

#include "LoopAnalysis.h"

#include "KernelForm.h"
#include "dl/IR/Inference.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace dl {

Type elementTypeOf(Operation *op) {
  return cast<RankedTensorType>(op->getResult(0).getType()).getElementType();
}

static SmallVector<int64_t> axesOf(Operation *op) {
  if (auto argmax = dyn_cast<ArgmaxOp>(op)) {
    int64_t rank = argmax.getInput().getType().getRank(), axis = argmax.getAxis();
    return {axis < 0 ? axis + rank : axis};
  }
  return TypeSwitch<Operation *, SmallVector<int64_t>>(op).Case<SumOp, MaxOp, MinOp>(
      [](auto reduction) { return reduction.getReducedAxes(); });
}

/// All reductions walk the same axes of one shape, which become the analysis'.
static LogicalResult readReductions(KernelModule &module, LoopAnalysis &analysis) {
  Operation *first = nullptr;
  for (Operation &op : module.body().without_terminator()) {
    if (!isReduction(&op))
      continue;
    ArrayRef<int64_t> shape = tensorType(op.getOperand(0)).getShape();
    if (!first) {
      first = &op;
      analysis.shape.assign(shape.begin(), shape.end());
      analysis.reducedAxes = axesOf(&op);
    } else if (shape != ArrayRef(analysis.shape) || axesOf(&op) != analysis.reducedAxes) {
      InFlightDiagnostic error =
          op.emitOpError() << "expected all reductions of a kernel over the same axes of one shape";
      error.attachNote(first->getLoc())
          << "the first one is over axes of " << formatShape(analysis.shape);
      return failure();
    }
  }
  return success();
}

/// The number of levels of reductions that each value needs.
static DenseMap<Value, unsigned> computeDepths(KernelModule &module, LoopAnalysis &analysis) {
  DenseMap<Value, unsigned> depths;
  for (Operation &op : module.body().without_terminator()) {
    unsigned depth = 0;
    for (Value operand : op.getOperands())
      depth = std::max(depth, depths.lookup(operand));
    if (isReduction(&op)) {
      analysis.levels.resize(std::max<size_t>(analysis.levels.size(), depth + 1));
      analysis.levels[depth++].push_back(&op);
    }
    for (Value result : op.getResults())
      depths[result] = depth;
    if (depth > 0 && op.hasTrait<IsTranscendental>() && !analysis.computingPass &&
        tensorType(op.getResult(0)).getShape() == ArrayRef(analysis.shape))
      analysis.computingPass = depth;
    bool isExpensive = op.hasTrait<IsTranscendental>() || isa<DivOp, SqrtOp>(op);
    analysis.weight += op.hasTrait<IsElementwise>() ? (isExpensive ? 10 : 1) : 0;
  }
  return depths;
}

namespace {
/// In which passes a value is used: each level of reductions is one, then a sweep
/// where the last level does not write the results.
struct Uses {
  bool here = false, later = false;
};
} // namespace

/// Uses of a value that is known before the pass of level `pass`. `known`: those of
/// values met before, each of which may be reached on many ways.
static Uses usesOf(Value value, size_t pass, const LoopAnalysis &analysis,
                   const DenseMap<Value, unsigned> &depths, DenseMap<Value, Uses> &known) {
  if (auto found = known.find(value); found != known.end())
    return found->second;
  size_t writingPass = analysis.levels.size() - (analysis.lastLevelWrites ? 1 : 0);
  Uses uses;
  auto add = [&](size_t at) { (at == pass ? uses.here : uses.later) = true; };
  for (Operation *user : value.getUsers()) {
    if (isa<YieldOp>(user)) {
      add(writingPass);
    } else if (isReduction(user)) {
      add(depths.lookup(user->getResult(0)) - 1);
    } else if (depths.lookup(user->getResult(0)) > pass) {
      uses.later = true;
    } else {
      Uses inner = usesOf(user->getResult(0), pass, analysis, depths, known);
      uses.here |= inner.here;
      uses.later |= inner.later;
    }
  }
  return known[value] = uses;
}

static void findReused(KernelModule &module, LoopAnalysis &analysis,
                       const DenseMap<Value, unsigned> &depths) {
  analysis.reused.resize(analysis.levels.size());
  for (Operation &op : module.body().without_terminator()) {
    if (!op.hasTrait<IsTranscendental>() ||
        tensorType(op.getResult(0)).getShape() != ArrayRef(analysis.shape))
      continue;
    size_t pass = depths.lookup(op.getResult(0));
    if (pass >= analysis.levels.size())
      continue;
    DenseMap<Value, Uses> known;
    Uses uses = usesOf(op.getResult(0), pass, analysis, depths, known);
    if (uses.here && uses.later)
      analysis.reused[pass].push_back(&op);
  }
}

static void findKeptValues(KernelModule &module, LoopAnalysis &analysis,
                           const DenseMap<Value, unsigned> &depths) {
  analysis.keptValues.resize(analysis.levels.size());
  for (Operation &op : module.body().without_terminator()) {
    unsigned depth = op.getNumResults() == 1 ? depths.lookup(op.getResult(0)) : 0;
    bool takesLong =
        op.hasTrait<IsTranscendental>() || isa<DivOp, SqrtOp, RsqrtOp, ReciprocalOp>(op);
    if (depth == 0 || !takesLong)
      continue;
    RankedTensorType type = tensorType(op.getResult(0));
    if (type.getElementType().isF32() && type.getShape() != ArrayRef(analysis.shape) &&
        type.getNumElements() == analysis.keptElements())
      analysis.keptValues[depth - 1].push_back(&op);
  }
}

int64_t LoopAnalysis::keptElements() const {
  int64_t count = 1;
  for (auto [dim, extent] : llvm::enumerate(shape))
    count *= isReduced(dim) ? 1 : extent;
  return count;
}

FailureOr<LoopAnalysis> LoopAnalysis::get(KernelModule &module) {
  LoopAnalysis analysis;
  if (failed(readReductions(module, analysis)))
    return failure();
  DenseMap<Value, unsigned> depths = computeDepths(module, analysis);

  YieldOp yield = module.yield();
  if (analysis.levels.empty())
    for (Value result : yield.getOperands()) {
      RankedTensorType type = tensorType(result);
      if (analysis.shape.empty() ||
          type.getNumElements() > ShapedType::getNumElements(analysis.shape))
        analysis.shape.assign(type.getShape().begin(), type.getShape().end());
    }

  analysis.lastLevelWrites = !analysis.levels.empty();
  for (auto [index, result] : llvm::enumerate(yield.getOperands())) {
    unsigned depth = depths.lookup(result);
    ArrayRef<int64_t> shape = tensorType(result).getShape();
    if (shape == ArrayRef(analysis.shape)) {
      analysis.fullResults.push_back(index);
      analysis.lastLevelWrites &= depth < analysis.levels.size();
    } else if (depth > 0) {
      if (tensorType(result).getNumElements() != analysis.keptElements())
        return module.op().emitOpError()
               << "expected result " << index << " to have the iteration shape "
               << formatShape(analysis.shape) << " or its reduction, got " << formatShape(shape);
      analysis.reducedResults.push_back(index);
    } else {
      auto *group = llvm::find_if(analysis.otherResults, [&](auto &known) {
        return tensorType(yield.getOperand(known.front())).getShape() == shape;
      });
      if (group == analysis.otherResults.end())
        group = &analysis.otherResults.emplace_back();
      group->push_back(index);
    }
  }
  findReused(module, analysis, depths);
  findKeptValues(module, analysis, depths);
  return analysis;
}

} // namespace dl
