//===- FuseMasks.cpp - Masks beside the op that reads them ----------------===//
//
// Before: a comparison, a one-hot row or a cast of one (see Rematerialize.cpp)
// is a kernel. After: it stands in the kernel of its one user. This runs before
// all other fusion: the producer of the mask's operand would take it as well,
// and then store the mask for the user, which has to read the operand anyway.
//
//===----------------------------------------------------------------------===//

#include "dl/Graph/Fusion.h"
#include "dl/Graph/Kernels.h"
#include "dl/Graph/Passes.h"

using namespace mlir;

namespace dl {

static bool canFuseMask(KernelOp producer, KernelOp consumer) {
  Block &body = producer.getBody().front();
  bool isMask = llvm::all_of(body.without_terminator(), [](Operation &op) {
    return isa<ConstantOp>(op) || isRematerializable(&op);
  });
  return isMask && !body.without_terminator().empty() && producer->hasOneUse() &&
         !anchorOf(consumer);
}

static void fuseMasks(ModelOp model, bool explain) {
  Fusion fusion(model, explain);
  fuseAlongEdges(fusion, [&](KernelOp producer, KernelOp consumer) {
    return canFuseMask(producer, consumer) ? fusion.merge(producer, consumer, "with the mask")
                                           : KernelOp();
  });
}

#define GEN_PASS_DEF_FUSEMASKSPASS
#include "dl/Graph/Passes.h.inc"

namespace {
struct FuseMasksPass : impl::FuseMasksPassBase<FuseMasksPass> {
  using FuseMasksPassBase::FuseMasksPassBase;
  void runOnOperation() override { fuseMasks(getOperation(), explain); }
};
} // namespace

} // namespace dl
