//===- FenceShuffles.cpp - Transpositions as they are ---------------------===//

#include "FenceShuffles.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Intrinsics.h"

using namespace llvm;

namespace dl {

/// Fences are for floating-point values alone.
static bool mixesVectors(Value *value) {
  auto *shuffle = dyn_cast<ShuffleVectorInst>(value);
  return shuffle && !shuffle->isSingleSource() &&
         shuffle->getOperand(0) != shuffle->getOperand(1) &&
         (shuffle->getType()->getElementType()->isFloatTy() ||
          shuffle->getType()->getElementType()->isDoubleTy());
}

static void fence(Instruction &shuffle) {
  if (!mixesVectors(&shuffle) || none_of(shuffle.users(), mixesVectors))
    return;
  IRBuilder<> b(shuffle.getNextNode());
  Value *fenced = b.CreateIntrinsic(Intrinsic::arithmetic_fence, shuffle.getType(), &shuffle);
  shuffle.replaceUsesWithIf(fenced, [](Use &use) { return mixesVectors(use.getUser()); });
}

void fenceShuffles(Module &module) {
  for (Function &function : module)
    for (BasicBlock &block : function)
      for (Instruction &instruction : make_early_inc_range(block))
        fence(instruction);
}

} // namespace dl
