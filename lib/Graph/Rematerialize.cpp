//===- Rematerialize.cpp - Cheap ops beside each of their users -----------===//
//
// Before: a mask, a one-hot row or a broadcast has several users. After: each
// user has its own, so that it fuses with the user instead of passing through
// memory: its operand is smaller or is in memory anyway.
//
//   %m = compare %y, 0           %m1 = compare %y, 0
//   %a = select %m, %da, 0   ~>  %a = select %m1, %da, 0
//   %b = select %m, %db, 0       %m2 = compare %y, 0
//                                %b = select %m2, %db, 0
//
// So is what a normalisation makes of a product that is in memory, as its moments
// are taken from there: the backward pass reads the product, not a second tensor.
//
//   %c = conv2d                  %c = conv2d
//   %n = mul (sub %c, %m), %r    %n1 = mul (sub %c, %m), %r
//   %y = add %n, %b          ~>  %y = add %n1, %b
//   %s = sum (mul %g, %n)        %n2 = mul (sub %c, %m), %r
//                                %s = sum (mul %g, %n2)
//
//===----------------------------------------------------------------------===//

#include "dl/Graph/Kernels.h"
#include "dl/Graph/Passes.h"
#include "dl/IR/Inference.h"

#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace dl {

/// True for reductions, and for distances from a guess that reductions read.
static bool reduces(Operation *op) {
  return isReduction(op) || (isa<SubOp>(op) && llvm::any_of(op->getUsers(), isReduction));
}

/// True for results of products that reductions read, which takes memory.
static bool isReduced(Value value) {
  Operation *op = value.getDefiningOp();
  return op && (isContraction(op) || isWindow(op)) && llvm::any_of(op->getUsers(), reduces);
}

/// True for sums and products of a reduced value with smaller ones, and of those
/// again, for loops alone.
static bool isCheapOfReduced(Operation *op) {
  bool goesToLoops = llvm::all_of(
      op->getUsers(), [](Operation *user) { return isElementwise(user) || isReduction(user); });
  if (!isa<AddOp, SubOp, MulOp>(op) || !goesToLoops)
    return false;
  int64_t elements = tensorType(op->getResult(0)).getNumElements();
  bool readsReduced = false;
  for (Value operand : op->getOperands()) {
    if (tensorType(operand).getNumElements() < elements)
      continue;
    Operation *def = operand.getDefiningOp();
    if (!isReduced(operand) && !(def && isCheapOfReduced(def)))
      return false;
    readsReduced = true;
  }
  return readsReduced;
}

/// Gives each user a copy; the first one takes the original.
static void rematerialize(Operation *op, RewriterBase &rewriter) {
  llvm::SmallDenseMap<Operation *, Operation *> copies;
  for (OpOperand &use : llvm::make_early_inc_range(op->getUses())) {
    Operation *user = use.getOwner(), *&copy = copies[user];
    if (!copy && copies.size() == 1)
      copy = op;
    if (!copy) {
      rewriter.setInsertionPoint(user);
      copy = rewriter.clone(*op);
    }
    if (copy != op)
      rewriter.modifyOpInPlace(user, [&] { use.set(copy->getResult(0)); });
  }
}

/// From the last op to the first: a copy's operands have one user more.
static void rematerialize(ModelOp model) {
  IRRewriter rewriter(model.getContext());
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(model.getBody().front())))
    if (isRematerializable(&op) || isCheapOfReduced(&op))
      rematerialize(&op, rewriter);
}

#define GEN_PASS_DEF_REMATERIALIZEPASS
#include "dl/Graph/Passes.h.inc"

namespace {
struct RematerializePass : impl::RematerializePassBase<RematerializePass> {
  void runOnOperation() override { rematerialize(getOperation()); }
};
} // namespace

} // namespace dl
