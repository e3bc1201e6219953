//===- Specialize.cpp - Close the open batch size -------------------------===//

#include "dl/IR/Specialize.h"
#include "dl/IR/Inference.h"
#include "dl/IR/Passes.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace dl {

/// The size in bytes of each tensor must be a number.
static LogicalResult checkSize(Location loc, Type type) {
  constexpr int64_t largestElement = 8;
  int64_t bytes = largestElement;
  // Extents of 0 last: a product that overflows before them is one all the same.
  for (int64_t extent : cast<RankedTensorType>(type).getShape())
    if (llvm::MulOverflow(bytes, std::max<int64_t>(extent, 1), bytes))
      return emitError(loc) << "expected a tensor of less than 2^63 bytes, got " << type;
  return success();
}

static LogicalResult inferAgain(Operation *op) {
  auto rule = dyn_cast<InferTypeOpInterface>(op);
  if (!rule)
    return success();
  SmallVector<Type> types;
  if (failed(rule.inferReturnTypes(op->getContext(), op->getLoc(), op->getOperands(),
                                   op->getAttrDictionary(), op->getPropertiesStorage(),
                                   op->getRegions(), types)))
    return failure();
  for (auto [result, type] : llvm::zip(op->getResults(), types)) {
    if (failed(checkSize(op->getLoc(), type)))
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
    if (failed(checkSize(argument.getLoc(), argument.getType())))
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
