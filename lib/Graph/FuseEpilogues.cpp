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
// optimiser's update behind a weight gradient all enter here. What only reductions
// read does not, where the contraction's result is written anyway: they compute it
// from that instead of reading a second tensor.
//
//===----------------------------------------------------------------------===//

#include "dl/Graph/Fusion.h"
#include "dl/Graph/Passes.h"

using namespace mlir;

namespace dl {

/// True where the consumer's results go to reductions alone and what it reads of
/// the producer is written for others as well.
static bool belongsToReductions(KernelOp producer, KernelOp consumer) {
  bool isReadElsewhere = llvm::any_of(producer.getResults(), [&](Value result) {
    return llvm::is_contained(consumer.getOperands(), result) &&
           llvm::any_of(result.getUsers(), [&](Operation *user) { return user != consumer; });
  });
  return isReadElsewhere && llvm::all_of(consumer->getUsers(), isReductionKernel);
}

static bool canFuseEpilogue(KernelOp producer, KernelOp consumer) {
  return anchorOf(producer) && isElementwiseKernel(consumer) &&
         !belongsToReductions(producer, consumer);
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
