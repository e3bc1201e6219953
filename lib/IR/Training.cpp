//===- Training.cpp - Shape rules of losses and updates -------------------===//

#include "dl/IR/DLOps.h"
#include "dl/IR/Inference.h"
#include "dl/IR/Window.h"

using namespace mlir;

namespace dl {

LogicalResult inferPairwiseLoss(OptionalLoc loc, Value prediction, Value target,
                                InferredTypes &results) {
  if (failed(checkSameElementType(loc, {prediction, target})))
    return failure();
  ArrayRef<int64_t> p = tensorType(prediction).getShape(), t = tensorType(target).getShape();
  bool agree = p.size() == t.size() && llvm::all_of(llvm::zip(p, t), [](auto pair) {
                 return extentsAgree(std::get<0>(pair), std::get<1>(pair));
               });
  if (!agree)
    return emitOptionalError(loc, "expected a target of the prediction's shape ", formatShape(p),
                             ", got ", formatShape(t));
  results.push_back(RankedTensorType::get({}, tensorType(prediction).getElementType()));
  return success();
}

LogicalResult inferCrossEntropy(OptionalLoc loc, Value logits, Value labels,
                                InferredTypes &results) {
  RankedTensorType type = tensorType(logits);
  ArrayRef<int64_t> shape = tensorType(labels).getShape();
  if (type.getRank() != 2)
    return emitOptionalError(loc, "expected logits of 2 dimensions, got ", type.getRank());
  if (shape.size() != 1 || !extentsAgree(shape[0], type.getDimSize(0)))
    return emitOptionalError(loc, "expected labels of shape ", formatShape(type.getShape()[0]),
                             ", got ", formatShape(shape));
  results.push_back(RankedTensorType::get({}, type.getElementType()));
  return success();
}

static LogicalResult checkState(OptionalLoc loc, Value parameter, ValueRange others) {
  for (Value other : others)
    if (failed(checkSameType(loc, parameter, other)))
      return failure();
  return success();
}

LogicalResult SGDOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor adaptor,
                                      InferredTypes &results) {
  if (failed(checkState(loc, adaptor.getParameter(), adaptor.getOperands().drop_front())))
    return failure();
  bool needsVelocity = !adaptor.getMomentum().isZero();
  if (needsVelocity != static_cast<bool>(adaptor.getVelocity()))
    return emitOptionalError(loc, needsVelocity ? "expected a velocity, as momentum is not 0"
                                                : "expected no velocity, as momentum is 0");
  if (adaptor.getNesterov() && !needsVelocity)
    return emitOptionalError(loc, "expected a momentum other than 0 with nesterov");
  results.append(needsVelocity ? 2 : 1, adaptor.getParameter().getType());
  return success();
}

LogicalResult AdamOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor adaptor,
                                       InferredTypes &results) {
  if (failed(checkState(loc, adaptor.getParameter(), adaptor.getOperands().slice(1, 3))))
    return failure();
  RankedTensorType step = tensorType(adaptor.getStep());
  if (step.getRank() != 0 ||
      step.getElementType() != tensorType(adaptor.getParameter()).getElementType())
    return emitOptionalError(
        loc, "expected the step as a scalar of the parameter's element type, got ", step);
  results.append(3, adaptor.getParameter().getType());
  return success();
}

} // namespace dl
