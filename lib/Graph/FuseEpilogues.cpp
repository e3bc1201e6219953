//===- FuseEpilogues.cpp - What follows a contraction or window -----------===//
//
// Before: an elementwise kernel reads what a contraction or pooling kernel
// computes. After: one kernel, in which the op is applied to the result before
// it leaves the registers.
//
//   %1 = dl.kernel "conv2d"(%x, %w)      ~>  dl.kernel "conv2d+add+relu"(%x, %w, %b)
//   %2 = dl.kernel "add+relu"(%1, %b)
//
// Bias, activation, residual addition, relu's mask in a backward pass and the
// optimiser's update behind a weight gradient all enter here.
//
//===----------------------------------------------------------------------===//

#include "dl/Graph/Fusion.h"
#include "dl/Graph/Passes.h"

using namespace mlir;

namespace dl {

static bool canFuseEpilogue(KernelOp producer, KernelOp consumer) {
  return anchorOf(producer) && isElementwiseKernel(consumer);
}

static void fuseEpilogues(ModelOp model, bool explain) {
  Fusion fusion(model, explain);
  fuseAlongEdges(fusion, [&](KernelOp producer, KernelOp consumer) {
    return canFuseEpilogue(producer, consumer)
               ? fusion.merge(producer, consumer, "into the epilogue of")
               : KernelOp();
  });
}

#define GEN_PASS_DEF_FUSEEPILOGUESPASS
#include "dl/Graph/Passes.h.inc"

namespace {
struct FuseEpiloguesPass : impl::FuseEpiloguesPassBase<FuseEpiloguesPass> {
  using FuseEpiloguesPassBase::FuseEpiloguesPassBase;
  void runOnOperation() override { fuseEpilogues(getOperation(), explain); }
};
} // namespace

} // namespace dl
