//===- FuseMasks.cpp - Masks beside the op that reads them ----------------===//
//
// Before: a comparison, a one-hot row or a cast of one, or a normalised product
// (see Rematerialize.cpp) is a kernel. After: it stands in the kernel of its one
// user. This runs before all other fusion: the producer of an operand would take it
// as well, and then store it for the user, which has to read the operand anyway.
//
//===----------------------------------------------------------------------===//

#include "dl/Graph/Fusion.h"
#include "dl/Graph/Kernels.h"
#include "dl/Graph/Passes.h"
#include "dl/IR/Inference.h"

using namespace mlir;

namespace dl {

static bool isMask(KernelOp kernel) {
  return llvm::all_of(kernel.getBody().front().without_terminator(),
                      [](Operation &op) { return isa<ConstantOp>(op) || isRematerializable(&op); });
}

/// True for reductions, and for distances from a guess that reductions read.
static bool reduces(Operation *op) {
  auto kernel = dyn_cast<KernelOp>(op);
  return isReductionKernel(op) || (kernel && isa<SubOp>(kernel.getBody().front().front()) &&
                                   llvm::any_of(op->getUsers(), isReductionKernel));
}

/// True for sums and products of a contraction's result, which is in memory for a
/// reduction, with smaller tensors.
static bool isOfReduced(KernelOp kernel) {
  bool isSimple = llvm::all_of(kernel.getBody().front().without_terminator(),
                               llvm::IsaPred<ConstantOp, AddOp, SubOp, MulOp>);
  auto isReduced = [](Value value) {
    auto product = value.getDefiningOp<KernelOp>();
    return product && anchorOf(product) && llvm::any_of(value.getUsers(), reduces);
  };
  int64_t elements = tensorType(kernel.getResult(0)).getNumElements();
  auto large = llvm::make_filter_range(kernel.getOperands(), [&](Value operand) {
    return tensorType(operand).getNumElements() >= elements;
  });
  return isSimple && !large.empty() && llvm::all_of(large, isReduced);
}

static bool canFuseMask(KernelOp producer, KernelOp consumer) {
  bool computes = !producer.getBody().front().without_terminator().empty();
  return computes && (isMask(producer) || isOfReduced(producer)) && producer->hasOneUse() &&
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
