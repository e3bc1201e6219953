//===- FuseSiblings.cpp - Loops over the same operand ---------------------===//
//
// Before: two kernels of loops over the same space, neither needs the other, and
// both read a tensor of that space, or are so small that starting them costs
// more than running them. After: one kernel, which reads it once.
//
//===----------------------------------------------------------------------===//

#include "dl/Graph/Form.h"
#include "dl/Graph/Fusion.h"
#include "dl/Graph/Passes.h"

using namespace mlir;

namespace dl {

/// Below so many elements a kernel is small.
constexpr int64_t kSmall = 2048;

static bool readBothWhole(KernelOp a, KernelOp b, RankedTensorType space) {
  return llvm::any_of(a.getInputs(), [&](Value input) {
    return cast<RankedTensorType>(input.getType()).getShape() == space.getShape() &&
           llvm::is_contained(b.getInputs(), input);
  });
}

static bool canFuseSiblings(KernelOp a, KernelOp b) {
  if (a == b || anchorOf(a) || anchorOf(b))
    return false;
  IterationSpace spaceA = iterationSpaceOf(a.getBody().front());
  IterationSpace spaceB = iterationSpaceOf(b.getBody().front());
  if (spaceA.type.getShape() != spaceB.type.getShape() || spaceA.axes != spaceB.axes)
    return false;
  return spaceA.type.getNumElements() <= kSmall || readBothWhole(a, b, spaceA.type);
}

static bool fuseFirstSiblings(Fusion &fusion) {
  SmallVector<KernelOp> kernels = fusion.kernels();
  for (auto [index, a] : llvm::enumerate(kernels))
    for (KernelOp b : ArrayRef(kernels).drop_front(index + 1))
      if (canFuseSiblings(a, b) && fusion.merge(a, b, "beside"))
        return true;
  return false;
}

static void fuseSiblings(ModelOp model, bool explain) {
  Fusion fusion(model, explain);
  while (fuseFirstSiblings(fusion))
    fusion.sort();
}

#define GEN_PASS_DEF_FUSESIBLINGSPASS
#include "dl/Graph/Passes.h.inc"

namespace {
struct FuseSiblingsPass : impl::FuseSiblingsPassBase<FuseSiblingsPass> {
  using FuseSiblingsPassBase::FuseSiblingsPassBase;
  void runOnOperation() override { fuseSiblings(getOperation(), explain); }
};
} // namespace

} // namespace dl
