//===- InPlace.cpp - What a kernel may overwrite --------------------------===//

#include "dl/Graph/InPlace.h"
#include "dl/Graph/Kernels.h"
#include "dl/IR/Inference.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace dl {

/// The shape over which a kernel with reductions iterates; its elements may be
/// read in several sweeps, so nothing of this shape is overwritten.
static std::optional<ArrayRef<int64_t>> sweptShape(Block &body) {
  bool hasContraction = llvm::any_of(body, [](Operation &op) { return isContraction(&op); });
  for (Operation &op : body)
    if (isReduction(&op) && !hasContraction)
      return tensorType(op.getOperand(0)).getShape();
  return std::nullopt;
}

/// Windows add up their result in its memory before the epilogue sweeps over it.
static bool accumulatesInMemory(Block &body) {
  return llvm::any_of(body, [](Operation &op) { return isWindow(&op); });
}

bool canOverwrite(KernelOp kernel, unsigned result, unsigned input) {
  Block &body = kernel.getBody().front();
  if (accumulatesInMemory(body))
    return false;
  Value argument = body.getArgument(input);
  RankedTensorType type = tensorType(argument);
  if (type != kernel.getResult(result).getType() || sweptShape(body) == type.getShape())
    return false;
  // Everything computed from the argument is computed at its index.
  llvm::SetVector<Value> computed;
  computed.insert(argument);
  for (size_t i = 0; i < computed.size(); ++i) {
    for (Operation *user : computed[i].getUsers()) {
      if (isa<YieldOp>(user))
        continue;
      if (!isElementwise(user) || tensorType(user->getResult(0)).getShape() != type.getShape())
        return false;
      computed.insert(user->getResult(0));
    }
  }
  return true;
}

bool canOverwrite(KernelOp kernel, unsigned result, Value tensor) {
  for (auto [index, operand] : llvm::enumerate(kernel.getInputs()))
    if (lookThroughViews(operand) == tensor && !canOverwrite(kernel, result, index))
      return false;
  return true;
}

} // namespace dl
