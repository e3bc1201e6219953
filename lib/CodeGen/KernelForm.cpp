//===- KernelForm.cpp - What kind of kernel it is -------------------------===//

#include "KernelForm.h"

using namespace mlir;

namespace dl {

/// What the expression evaluator follows from operand to result.
static bool isPointwise(Operation *op) {
  return op->hasTrait<IsElementwise>() ||
         isa<BroadcastOp, TransposeOp, SliceOp, OneHotOp, DropoutTrainOp, ConstantOp>(op);
}

static LogicalResult checkLayout(Operation *op) {
  auto layout = op->getAttrOfType<StringAttr>("layout");
  if (!layout || layout.getValue() == "nhwc")
    return success();
  return op->emitOpError() << "expected layout nhwc in a kernel, got " << layout.getValue();
}

FailureOr<KernelForm> classifyKernel(KernelOp kernel) {
  SmallVector<Operation *> anchors;
  bool hasReduction = false, hasConcat = false;
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    for (Type type : op.getResultTypes())
      if (!cast<RankedTensorType>(type).hasStaticShape())
        return op.emitOpError() << "expected a static shape in a kernel, got " << type;
    if (isContraction(&op) || isWindow(&op))
      anchors.push_back(&op);
    else if (isReduction(&op))
      hasReduction = true;
    else if (isa<ConcatOp>(op))
      hasConcat = true;
    else if (!isPointwise(&op))
      return op.emitOpError() << "expected a primitive op in a kernel";
    if (failed(checkLayout(&op)))
      return failure();
  }
  if (hasConcat)
    return KernelForm::Concat;
  if (anchors.empty())
    return KernelForm::Loops;
  if (anchors.size() > 1) {
    InFlightDiagnostic error = kernel.emitOpError()
                               << "expected at most one contraction or window, got "
                               << anchors.size();
    for (Operation *anchor : anchors)
      error.attachNote(anchor->getLoc()) << "here: " << anchor->getName();
    return failure();
  }
  if (isContraction(anchors.front()))
    return KernelForm::Contraction;
  if (hasReduction)
    return kernel.emitOpError() << "expected no reduction beside a window";
  return KernelForm::Window;
}

static double elements(Value value) {
  return static_cast<double>(cast<RankedTensorType>(value.getType()).getNumElements());
}

double memoryBytes(ValueRange values) {
  double sum = 0;
  for (Value value : values)
    sum += elements(value) * storageBytes(cast<RankedTensorType>(value.getType()).getElementType());
  return sum;
}

void addBodyWork(KernelModule &module) {
  double flops = 0;
  for (Operation &op : module.body().without_terminator()) {
    // A transcendental function costs about as much as 20 additions.
    double weight = op.hasTrait<IsTranscendental>() ? 20 : 1;
    if (isReduction(&op))
      flops += elements(op.getOperand(0));
    else if (op.hasTrait<IsElementwise>() || isa<OneHotOp>(op))
      flops += weight * elements(op.getResult(0));
  }
  module.addWork(flops,
                 memoryBytes(module.op().getOperands()) + memoryBytes(module.op().getResults()));
}

} // namespace dl
