//===- Activity.cpp - Which ops a gradient passes -------------------------===//

#include "Activity.h"
#include "Rules.h"

#include "llvm/ADT/SetVector.h"

#include <fmt/format.h>

using namespace mlir;

namespace dl {

bool isFloat(Value value) {
  return isa<FloatType>(cast<RankedTensorType>(value.getType()).getElementType());
}

namespace {

/// The analysis of one set of inputs and outputs.
class Analysis {
public:
  Analysis(ValueRange outputs, ValueRange inputs)
      : outputs(outputs), inputs(inputs.begin(), inputs.end()) {}

  Activity run() {
    collectOps();
    propagateBackward();
    propagateForward();
    findRounding();
    return std::move(result);
  }

private:
  void collectOps();
  void propagateBackward();
  void propagateForward();
  void findRounding();

  ValueRange outputs;
  llvm::SetVector<Value> inputs;
  Activity result;
  /// Float values from which a smooth path leads to an output, and values that
  /// an output depends on in another way than by a smooth path.
  llvm::DenseSet<Value> smooth, rounded;
};

/// True where the op makes something discrete of a float: no gradient passes,
/// but the float matters to what follows.
bool rounds(Operation *op) {
  auto cast = dyn_cast<CastOp>(op);
  return isa<ArgmaxOp, CompareOp>(op) ||
         (cast && isFloat(cast.getInput()) && !isFloat(cast.getResult()));
}

/// The zero derivative of a step function is what is wanted where it only
/// chooses between pieces of a function, or is the derivative of such a piece.
bool choosesPiece(OpOperand &operand) {
  Operation *op = operand.getOwner();
  return isa<SignOp>(op) || (isa<SelectOp>(op) && operand.getOperandNumber() == 0);
}

} // namespace

void Analysis::collectOps() {
  llvm::SetVector<Operation *> reached;
  SmallVector<Value> worklist(outputs);
  while (!worklist.empty()) {
    Value value = worklist.pop_back_val();
    Operation *op = inputs.contains(value) ? nullptr : value.getDefiningOp();
    if (op && reached.insert(op))
      llvm::append_range(worklist, op->getOperands());
  }
  result.ops.assign(reached.begin(), reached.end());
  llvm::sort(result.ops, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
}

void Analysis::propagateBackward() {
  for (Value output : outputs)
    if (isFloat(output))
      smooth.insert(output);
  auto isIn = [](const llvm::DenseSet<Value> &set) {
    return [&set](Value value) { return set.contains(value); };
  };
  for (Operation *op : llvm::reverse(result.ops)) {
    bool isSmooth = llvm::any_of(op->getResults(), isIn(smooth));
    bool isRounded = llvm::any_of(op->getResults(), isIn(rounded));
    for (OpOperand &operand : op->getOpOperands()) {
      Value value = operand.get();
      bool differentiable = !isDiscrete(op) && isFloat(value);
      if (isSmooth && differentiable)
        smooth.insert(value);
      if (choosesPiece(operand))
        continue;
      if (isRounded || (isSmooth && !differentiable))
        rounded.insert(value);
    }
  }
}

void Analysis::propagateForward() {
  for (Value input : inputs)
    if (smooth.contains(input))
      result.active.insert(input);
  for (Operation *op : result.ops) {
    if (isDiscrete(op) ||
        llvm::none_of(op->getOperands(), [&](Value v) { return result.active.contains(v); }))
      continue;
    bool needed = false;
    for (Value value : op->getResults())
      if (smooth.contains(value) && !inputs.contains(value))
        needed |= result.active.insert(value).second;
    if (needed && !findRule(op))
      result.blockers.push_back(
          {op, fmt::format("'{}' has no gradient rule", op->getName().getStringRef().str())});
  }
}

/// Lists the rounding ops that follow an input without a smooth path.
void Analysis::findRounding() {
  llvm::DenseSet<Value> follows;
  for (Value input : inputs)
    if (isFloat(input) && rounded.contains(input) && !smooth.contains(input))
      follows.insert(input);
  if (follows.empty())
    return;
  for (Operation *op : result.ops) {
    bool depends = llvm::any_of(op->getOperands(), [&](Value v) { return follows.contains(v); });
    if (!depends || llvm::none_of(op->getResults(), [&](Value v) { return rounded.contains(v); }))
      continue;
    if (rounds(op))
      result.blockers.push_back({op, fmt::format("'{}' is constant between its steps: no gradient "
                                                 "passes it",
                                                 op->getName().getStringRef().str())});
    else
      follows.insert_range(op->getResults());
  }
}

Activity analyzeActivity(ValueRange outputs, ValueRange inputs) {
  return Analysis(outputs, inputs).run();
}

} // namespace dl
