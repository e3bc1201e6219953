//===- FusePrologues.cpp - What precedes a contraction or window ----------===//
//
// Before: an elementwise kernel computes an operand of a contraction or pooling
// kernel, or of its epilogue, and nobody else reads it. After: one kernel; an
// operand of the anchor is computed while it is loaded. Only cheap ops stand
// before an anchor, which may load an element more than once.
//
// Runs after dl-fuse-epilogues and dl-fuse-loops: an op is best computed where
// its operand is.
//
//===----------------------------------------------------------------------===//

#include "dl/Graph/Fusion.h"
#include "dl/Graph/Passes.h"

using namespace mlir;

namespace dl {

static bool canFusePrologue(KernelOp producer, KernelOp consumer) {
  return isElementwiseKernel(producer) && anchorOf(consumer);
}

static void fusePrologues(ModelOp model, bool explain) {
  Fusion fusion(model, explain);
  fuseAlongEdges(fusion, [&](KernelOp producer, KernelOp consumer) {
    return canFusePrologue(producer, consumer)
               ? fusion.merge(producer, consumer, "with operands from")
               : KernelOp();
  });
}

#define GEN_PASS_DEF_FUSEPROLOGUESPASS
#include "dl/Graph/Passes.h.inc"

namespace {
struct FuseProloguesPass : impl::FuseProloguesPassBase<FuseProloguesPass> {
  using FuseProloguesPassBase::FuseProloguesPassBase;
  void runOnOperation() override { fusePrologues(getOperation(), explain); }
};
} // namespace

} // namespace dl
