//===- Kernels.cpp - Building kernels -------------------------------------===//

#include "dl/Graph/Kernels.h"
#include "dl/IR/Inference.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace dl {

//===----------------------------------------------------------------------===//
// Kinds of ops
//===----------------------------------------------------------------------===//

bool isContraction(Operation *op) {
  return isa<MatmulOp, Conv2DOp, Conv2DBackwardDataOp, Conv2DBackwardWeightsOp>(op);
}

bool isWindow(Operation *op) {
  return isa<MaxPool2DOp, MaxPool2DBackwardOp, MaxPool2DGatherOp, AvgPool2DOp, AvgPool2DBackwardOp>(
      op);
}

bool isReduction(Operation *op) { return isa<SumOp, MaxOp, MinOp, ArgmaxOp>(op); }

bool isElementwise(Operation *op) { return op->hasTrait<IsElementwise>(); }

bool isRematerializable(Operation *op) {
  if (auto cast = dyn_cast<CastOp>(op))
    return cast.getInput().getType().getElementType().isInteger();
  return isa<CompareOp, OneHotOp, BroadcastOp>(op);
}

Value lookThroughViews(Value value) {
  while (auto view = value.getDefiningOp<ReshapeOp>())
    value = view.getInput();
  return value;
}

int64_t bytesOf(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  int64_t element = std::max<int64_t>(1, tensor.getElementTypeBitWidth() / 8);
  return tensor.getNumElements() * element;
}

//===----------------------------------------------------------------------===//
// Labels
//===----------------------------------------------------------------------===//

std::string labelOf(Block &body) {
  constexpr size_t most = 6;
  SmallVector<StringRef> words;
  for (Operation &op : body.without_terminator()) {
    StringRef word = op.getName().stripDialect();
    if (isContraction(&op) || isWindow(&op))
      words.insert(words.begin(), word);
    else if (!isa<ConstantOp>(op))
      words.push_back(word);
  }
  if (words.empty())
    return "copy";
  // Each word once: what a kernel does to its elements matters more than how often.
  llvm::SetVector<StringRef> distinct(words.begin(), words.end());
  size_t shown = distinct.size() > most ? most - 1 : distinct.size();
  std::string label = llvm::join(distinct.getArrayRef().take_front(shown), "+");
  return shown < distinct.size() ? label + "+..." : label;
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

/// A constant that a kernel holds itself: one value for all elements, read by an
/// elementwise op. Anything else is an argument.
static bool isCarriedInside(Value operand, Operation *reader) {
  auto constant = operand.getDefiningOp<ConstantOp>();
  auto elements = constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : nullptr;
  return elements && elements.isSplat() && (isElementwise(reader) || isa<ConcatOp>(reader));
}

KernelOp outline(RewriterBase &rewriter, Operation *op) {
  rewriter.setInsertionPoint(op);
  SmallVector<Value> inputs;
  for (Value operand : op->getOperands())
    if (!isCarriedInside(operand, op) && !llvm::is_contained(inputs, operand))
      inputs.push_back(operand);

  auto kernel = KernelOp::create(rewriter, op->getLoc(), op->getResultTypes(), inputs,
                                 op->getName().stripDialect());
  SmallVector<Location> locations =
      llvm::map_to_vector(inputs, [](Value value) { return value.getLoc(); });
  Block *body =
      rewriter.createBlock(&kernel.getBody(), {}, ValueRange(inputs).getTypes(), locations);
  IRMapping mapping;
  mapping.map(inputs, body->getArguments());
  for (Value operand : op->getOperands())
    if (!mapping.contains(operand))
      mapping.map(operand, rewriter.clone(*operand.getDefiningOp())->getResult(0));
  Operation *clone = rewriter.clone(*op, mapping);
  YieldOp::create(rewriter, op->getLoc(), clone->getResults());
  rewriter.replaceOp(op, kernel);
  return kernel;
}

KernelOp createCopy(OpBuilder &builder, Location loc, Value value) {
  auto kernel = KernelOp::create(builder, loc, value.getType(), value, "copy");
  OpBuilder::InsertionGuard guard(builder);
  Block *body = builder.createBlock(&kernel.getBody(), {}, value.getType(), loc);
  YieldOp::create(builder, loc, body->getArguments());
  return kernel;
}

} // namespace dl
