//===- FuseLoops.cpp - Elementwise ops and reductions in one loop nest ----===//
//
// Before: kernels of elementwise ops and of reductions over the same axes of one
// shape feed one another. After: one kernel that keeps what passes between them
// in registers, or in a row of cache. So softmax, cross-entropy and its gradient
// become one kernel over rows.
//
//===----------------------------------------------------------------------===//

#include "dl/Graph/Fusion.h"
#include "dl/Graph/Passes.h"

using namespace mlir;

namespace dl {

static bool canFuseLoops(KernelOp producer, KernelOp consumer) {
  return !anchorOf(producer) && !anchorOf(consumer);
}

static void fuseLoops(ModelOp model, bool explain) {
  Fusion fusion(model, explain);
  fuseAlongEdges(fusion, [&](KernelOp producer, KernelOp consumer) {
    return canFuseLoops(producer, consumer) ? fusion.merge(producer, consumer, "into the loops of")
                                            : KernelOp();
  });
}

#define GEN_PASS_DEF_FUSELOOPSPASS
#include "dl/Graph/Passes.h.inc"

namespace {
struct FuseLoopsPass : impl::FuseLoopsPassBase<FuseLoopsPass> {
  using FuseLoopsPassBase::FuseLoopsPassBase;
  void runOnOperation() override { fuseLoops(getOperation(), explain); }
};
} // namespace

} // namespace dl
