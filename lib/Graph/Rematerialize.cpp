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
//===----------------------------------------------------------------------===//

#include "dl/Graph/Kernels.h"
#include "dl/Graph/Passes.h"

#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace dl {

static void rematerialize(Operation *op, RewriterBase &rewriter) {
  for (OpOperand &use : llvm::make_early_inc_range(llvm::drop_begin(op->getUses()))) {
    rewriter.setInsertionPoint(use.getOwner());
    Operation *copy = rewriter.clone(*op);
    rewriter.modifyOpInPlace(use.getOwner(), [&] { use.set(copy->getResult(0)); });
  }
}

/// From the last op to the first: a copy's operands have one user more.
static void rematerialize(ModelOp model) {
  IRRewriter rewriter(model.getContext());
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(model.getBody().front())))
    if (isRematerializable(&op))
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
