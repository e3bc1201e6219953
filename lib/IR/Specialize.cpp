//===- Specialize.cpp - Close the open batch size -------------------------===//

#include "dl/IR/Specialize.h"
#include "dl/IR/Inference.h"
#include "dl/IR/Passes.h"

using namespace mlir;

namespace dl {

static LogicalResult inferAgain(Operation *op);

/// A kernel's results have the types of what its body yields for its operands.
static LogicalResult inferKernelAgain(KernelOp kernel) {
  Block &body = kernel.getBody().front();
  for (auto [argument, input] : llvm::zip(body.getArguments(), kernel.getInputs()))
    argument.setType(input.getType());
  for (Operation &op : body)
    if (failed(inferAgain(&op)))
      return failure();
  for (auto [result, type] : llvm::zip(kernel.getResults(), body.back().getOperandTypes()))
    result.setType(type);
  return success();
}

static LogicalResult inferAgain(Operation *op) {
  if (auto kernel = dyn_cast<KernelOp>(op))
    return inferKernelAgain(kernel);
  auto rule = dyn_cast<InferTypeOpInterface>(op);
  if (!rule)
    return success();
  SmallVector<Type> types;
  if (failed(rule.inferReturnTypes(op->getContext(), op->getLoc(), op->getOperands(),
                                   op->getAttrDictionary(), op->getPropertiesStorage(),
                                   op->getRegions(), types)))
    return failure();
  for (auto [result, type] : llvm::zip(op->getResults(), types)) {
    if (failed(checkTensorType(op->getLoc(), type)))
      return failure();
    result.setType(type);
  }
  return success();
}

LogicalResult specializeBatch(ModelOp model, int64_t batch) {
  if (batch < 0)
    return model.emitOpError() << "expected a batch size of at least 0, got " << batch;
  for (BlockArgument argument : model.getBody().getArguments()) {
    RankedTensorType type = tensorType(argument);
    SmallVector<int64_t> shape(type.getShape());
    llvm::replace(shape, ShapedType::kDynamic, batch);
    argument.setType(type.clone(shape));
    if (failed(checkTensorType(argument.getLoc(), argument.getType())))
      return failure();
  }
  for (Operation &op : model.getBody().front())
    if (failed(inferAgain(&op)))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

#define GEN_PASS_DEF_SPECIALIZEPASS
#include "dl/IR/Passes.h.inc"

namespace {
struct SpecializePass : impl::SpecializePassBase<SpecializePass> {
  using SpecializePassBase::SpecializePassBase;
  void runOnOperation() override {
    if (failed(specializeBatch(getOperation(), batch)))
      signalPassFailure();
  }
};
} // namespace

} // namespace dl
