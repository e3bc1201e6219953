//===- Fusion.cpp - Merging kernels ---------------------------------------===//

#include "dl/Graph/Fusion.h"
#include "dl/Graph/Form.h"
#include "dl/Graph/Kernels.h"
#include "dl/IR/Inference.h"

#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/CSE.h"
#include "llvm/ADT/SetVector.h"

#include <fmt/format.h>

using namespace mlir;

namespace dl {

Fusion::Fusion(ModelOp model, bool explain)
    : model(model), rewriter(model.getContext()), explain(explain) {}

SmallVector<KernelOp> Fusion::kernels() {
  return llvm::to_vector(model.getBody().getOps<KernelOp>());
}

SmallVector<KernelOp> consumersOf(KernelOp kernel) {
  llvm::SetVector<Operation *> users;
  for (Operation *user : kernel->getUsers())
    if (isa<KernelOp>(user))
      users.insert(user);
  SmallVector<KernelOp> consumers;
  for (Operation *user : users)
    consumers.push_back(cast<KernelOp>(user));
  llvm::sort(consumers, [](KernelOp a, KernelOp b) { return a->isBeforeInBlock(b); });
  return consumers;
}

bool dependsIndirectly(KernelOp second, KernelOp first) {
  llvm::SetVector<Operation *> reached;
  for (Operation *user : first->getUsers())
    if (user != second)
      reached.insert(user);
  for (size_t i = 0; i < reached.size(); ++i)
    for (Operation *user : reached[i]->getUsers()) {
      if (user == second)
        return true;
      reached.insert(user);
    }
  return false;
}

Operation *anchorOf(KernelOp kernel) { return anchorOf(kernel.getBody().front()); }

bool isElementwiseKernel(KernelOp kernel) {
  return llvm::all_of(kernel.getBody().front().without_terminator(),
                      [](Operation &op) { return isElementwise(&op) || isa<ConstantOp>(op); });
}

bool isReductionKernel(Operation *op) {
  auto kernel = dyn_cast<KernelOp>(op);
  return kernel && !anchorOf(kernel) &&
         llvm::any_of(kernel.getBody().front(),
                      [](Operation &inner) { return isReduction(&inner); });
}

//===----------------------------------------------------------------------===//
// Merging
//===----------------------------------------------------------------------===//

/// Results of a kernel that someone else than `other` reads.
static SmallVector<OpResult> resultsBeside(KernelOp kernel, KernelOp other) {
  SmallVector<OpResult> results;
  for (OpResult result : kernel->getResults())
    if (llvm::any_of(result.getUsers(), [&](Operation *user) { return user != other; }))
      results.push_back(result);
  return results;
}

static void mapInputs(KernelOp kernel, IRMapping &values) {
  for (auto [argument, input] : llvm::zip(kernel.getBody().getArguments(), kernel.getInputs()))
    values.map(argument, values.lookup(input));
}

/// Builds the kernel of two before the later one, which both still stand beside.
KernelOp Fusion::build(KernelOp first, KernelOp second) {
  llvm::SetVector<Value> inputs(first.getInputs().begin(), first.getInputs().end());
  for (Value input : second.getInputs())
    if (input.getDefiningOp() != first)
      inputs.insert(input);
  SmallVector<OpResult> results = resultsBeside(first, second);
  results.append(second->result_begin(), second->result_end());

  rewriter.setInsertionPoint(first->isBeforeInBlock(second) ? second : first);
  Location loc = rewriter.getFusedLoc({first.getLoc(), second.getLoc()});
  SmallVector<Type> types = llvm::map_to_vector(results, [](OpResult r) { return r.getType(); });
  auto merged = KernelOp::create(rewriter, loc, types, inputs.getArrayRef(), "");
  SmallVector<Location> locations =
      llvm::map_to_vector(inputs, [](Value value) { return value.getLoc(); });
  Block *body = rewriter.createBlock(&merged.getBody(), {},
                                     ValueRange(inputs.getArrayRef()).getTypes(), locations);
  IRMapping values;
  values.map(inputs.getArrayRef(), body->getArguments());
  for (KernelOp kernel : {first, second}) {
    mapInputs(kernel, values);
    Block &old = kernel.getBody().front();
    for (Operation &op : old.without_terminator())
      rewriter.clone(op, values);
    for (auto [result, yielded] :
         llvm::zip(kernel.getResults(), old.getTerminator()->getOperands()))
      values.map(result, values.lookup(yielded));
  }
  YieldOp::create(rewriter, loc, llvm::map_to_vector(results, [&](OpResult result) {
                    return values.lookup(Value(result));
                  }));
  DominanceInfo dominance(merged);
  eliminateCommonSubExpressions(rewriter, dominance, merged);
  merged.setLabel(labelOf(merged.getBody().front()));
  return merged;
}

void Fusion::replace(KernelOp first, KernelOp second, KernelOp merged) {
  size_t index = 0;
  for (OpResult result : resultsBeside(first, second))
    rewriter.replaceUsesWithIf(result, merged.getResult(index++), [&](OpOperand &use) {
      return use.getOwner() != second.getOperation();
    });
  for (OpResult result : second->getResults())
    rewriter.replaceAllUsesWith(result, merged.getResult(index++));
  rewriter.eraseOp(second);
  rewriter.eraseOp(first);
}

//===----------------------------------------------------------------------===//
// What may be merged
//===----------------------------------------------------------------------===//

/// A prologue may run once for each tile that reads it, so it is kept cheap.
static bool isCheap(Operation *op) {
  return !op->hasTrait<IsTranscendental>() && !isa<SqrtOp, RsqrtOp, DivOp, ReciprocalOp>(op);
}

/// A value that is smaller than the loops that read it would be computed anew
/// for each of their elements, unless it belongs to a finished reduction.
static bool isRecomputed(Operation &op, const IterationSpace &space) {
  if (!isElementwise(&op))
    return false;
  auto shape = cast<RankedTensorType>(op.getResult(0).getType()).getShape();
  ArrayRef<int64_t> whole = space.type.getShape();
  bool isReduced = !space.axes.empty() &&
                   (shape == ArrayRef(reducedShape(whole, space.axes, /*keepdims=*/true)) ||
                    shape == ArrayRef(reducedShape(whole, space.axes, /*keepdims=*/false)));
  return shape != whole && !isReduced;
}

/// Why a body that has a form should not be one kernel all the same.
static std::string costError(Block &body) {
  if (Operation *anchor = anchorOf(body)) {
    for (Operation *op : prologueOf(anchor))
      if (!isCheap(op))
        return fmt::format("{} would be computed more than once for an element",
                           op->getName().stripDialect().str());
    return {};
  }
  IterationSpace space = iterationSpaceOf(body);
  for (Operation &op : body.without_terminator())
    if (isRecomputed(op, space))
      return fmt::format("{} would be computed again for each element of the loops",
                         op.getName().stripDialect().str());
  return {};
}

KernelOp Fusion::tryBuild(KernelOp first, KernelOp second, std::string &reason) {
  if (Operation *a = anchorOf(first), *b = anchorOf(second); a && b) {
    reason = fmt::format("{} and {} are both anchors", a->getName().stripDialect().str(),
                         b->getName().stripDialect().str());
    return {};
  }
  if (dependsIndirectly(second, first) || dependsIndirectly(first, second)) {
    reason = "one depends on the other through a third kernel";
    return {};
  }
  KernelOp merged = build(first, second);
  Block &body = merged.getBody().front();
  reason = formError(body);
  if (reason.empty())
    reason = costError(body);
  if (reason.empty())
    return merged;
  rewriter.eraseOp(merged);
  return {};
}

std::string Fusion::obstacle(KernelOp first, KernelOp second) {
  std::string reason;
  if (KernelOp merged = tryBuild(first, second, reason))
    rewriter.eraseOp(merged);
  return reason;
}

KernelOp Fusion::merge(KernelOp first, KernelOp second, StringRef what) {
  std::string reason;
  KernelOp merged = tryBuild(first, second, reason);
  if (!merged)
    return {};
  if (explain)
    merged.emitRemark() << "fused '" << second.getLabel() << "' " << what << " '"
                        << first.getLabel() << "'";
  replace(first, second, merged);
  return merged;
}

void Fusion::sort() { sortTopologically(&model.getBody().front()); }

//===----------------------------------------------------------------------===//
// Walks
//===----------------------------------------------------------------------===//

/// Merges a kernel with its consumers until none is left to merge.
static bool fuseConsumers(KernelOp kernel, llvm::DenseSet<Operation *> &gone,
                          llvm::function_ref<KernelOp(KernelOp, KernelOp)> fuse) {
  bool fusedAny = false;
  for (bool fused = true; fused;) {
    fused = false;
    for (KernelOp consumer : consumersOf(kernel)) {
      KernelOp merged = fuse(kernel, consumer);
      if (!merged)
        continue;
      gone.insert(consumer);
      kernel = merged;
      fused = fusedAny = true;
      break;
    }
  }
  return fusedAny;
}

void fuseAlongEdges(Fusion &fusion, llvm::function_ref<KernelOp(KernelOp, KernelOp)> fuse) {
  // A merge may clear the way for one that was refused before it.
  for (bool fused = true; fused;) {
    fused = false;
    llvm::DenseSet<Operation *> gone;
    for (KernelOp kernel : fusion.kernels())
      if (!gone.contains(kernel))
        fused |= fuseConsumers(kernel, gone, fuse);
    fusion.sort();
  }
}

} // namespace dl
