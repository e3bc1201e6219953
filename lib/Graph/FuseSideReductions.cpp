//===- FuseSideReductions.cpp - Bias gradients beside weight gradients ----===//
//
// Before: one kernel sums the cotangent of a layer over all but its last
// dimension (the bias gradient), another multiplies it with the layer's input
// (the weight gradient). After: one kernel, which sums what it loads anyway.
//
//   %1 = dl.kernel "sum"(%dy)            ~>  dl.kernel "matmul+sum"(%x, %dy)
//   %2 = dl.kernel "matmul"(%x, %dy)
//
//===----------------------------------------------------------------------===//

#include "dl/Graph/Fusion.h"
#include "dl/Graph/Kernels.h"
#include "dl/Graph/Passes.h"

using namespace mlir;

namespace dl {

static bool isLoneSum(KernelOp kernel) {
  return isa<SumOp>(kernel.getBody().front().front()) &&
         llvm::hasSingleElement(kernel.getBody().front().without_terminator());
}

static bool canFuseSideReduction(KernelOp contraction, KernelOp sum) {
  Operation *anchor = anchorOf(contraction);
  return anchor && isContraction(anchor) && isLoneSum(sum);
}

static void fuseSideReductions(ModelOp model, bool explain) {
  Fusion fusion(model, explain);
  // Found before contractions are replaced.
  SmallVector<KernelOp> sums = llvm::filter_to_vector(fusion.kernels(), isLoneSum);
  for (KernelOp sum : sums)
    for (Operation *user : llvm::to_vector(sum.getInputs()[0].getUsers())) {
      auto contraction = dyn_cast<KernelOp>(user);
      if (contraction && canFuseSideReduction(contraction, sum) &&
          fusion.merge(contraction, sum, "beside"))
        break;
    }
  fusion.sort();
}

#define GEN_PASS_DEF_FUSESIDEREDUCTIONSPASS
#include "dl/Graph/Passes.h.inc"

namespace {
struct FuseSideReductionsPass : impl::FuseSideReductionsPassBase<FuseSideReductionsPass> {
  using FuseSideReductionsPassBase::FuseSideReductionsPassBase;
  void runOnOperation() override { fuseSideReductions(getOperation(), explain); }
};
} // namespace

} // namespace dl
