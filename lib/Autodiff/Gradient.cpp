//===- Gradient.cpp - Reverse-mode differentiation ------------------------===//
//
// Ops are visited from the outputs to the inputs; each one's rule turns the
// cotangents of its results into cotangents of its operands, which add up per
// value. A rule need not care which operand needs a cotangent (dead ops are
// erased at the end) nor undo NumPy's broadcasting (a cotangent is summed to its
// operand's shape here).
//
//===----------------------------------------------------------------------===//

#include "dl/Autodiff/Gradient.h"
#include "Activity.h"
#include "Rules.h"
#include "dl/IR/Decompose.h"
#include "dl/IR/Formula.h"
#include "dl/IR/Inference.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace dl {

/// Cotangents of `inputs`, null where none arrives. Precondition: the activity
/// has no blockers.
static SmallVector<Value> pullBack(OpBuilder &builder, const Activity &activity, ValueRange outputs,
                                   ValueRange cotangents, ValueRange inputs) {
  llvm::DenseMap<Value, Value> sums;
  auto accumulate = [&](Location loc, Value value, Value cotangent) {
    Formula f(loc, builder);
    Expr term = sumTo(f(cotangent), tensorType(value).getShape());
    assert(term.type() == value.getType() && "a cotangent has its value's type");
    Value &total = sums[value];
    total = total ? Value(f(total) + term) : Value(term);
  };
  for (auto [output, cotangent] : llvm::zip(outputs, cotangents))
    if (cotangent && activity.active.contains(output))
      accumulate(output.getLoc(), output, cotangent);

  llvm::DenseSet<Value> leaves(inputs.begin(), inputs.end());
  for (Operation *op : llvm::reverse(activity.ops)) {
    SmallVector<Value> arriving;
    for (Value result : op->getResults())
      arriving.push_back(leaves.contains(result) ? Value() : sums.lookup(result));
    if (llvm::none_of(arriving, [](Value value) { return static_cast<bool>(value); }))
      continue;
    SmallVector<Value> leaving = findRule(op)(op, arriving, builder);
    assert(leaving.size() == op->getNumOperands() && "a rule returns one value an operand");
    for (auto [operand, cotangent] : llvm::zip(op->getOperands(), leaving))
      if (cotangent && activity.active.contains(operand))
        accumulate(op->getLoc(), operand, cotangent);
  }
  return llvm::map_to_vector(inputs, [&](Value input) { return sums.lookup(input); });
}

SmallVector<Value> differentiateDecomposition(Operation *op, ValueRange cotangents,
                                              OpBuilder &builder) {
  SmallVector<Value> results = decomposeOp(op, builder);
  return pullBack(builder, analyzeActivity(results, op->getOperands()), results, cotangents,
                  op->getOperands());
}

//===----------------------------------------------------------------------===//
// What keeps a gradient from being built
//===----------------------------------------------------------------------===//

static LogicalResult reportBlockers(Value output, const Activity &activity) {
  if (activity.blockers.empty())
    return success();
  size_t count = activity.blockers.size();
  InFlightDiagnostic diag = emitError(output.getLoc())
                            << "cannot differentiate this: " << count
                            << (count == 1 ? " op blocks" : " ops block") << " the gradient";
  for (const Blocker &blocker : activity.blockers)
    diag.attachNote(blocker.op->getLoc()) << blocker.reason;
  return diag;
}

static LogicalResult checkStatic(Value value) {
  if (tensorType(value).hasStaticShape())
    return success();
  return emitError(value.getLoc())
         << "expected a static shape to differentiate, got " << value.getType();
}

/// Rules use extents as numbers (to average, to sum): all must be known.
static LogicalResult checkTypes(ValueRange outputs, ValueRange inputs, const Activity &activity) {
  for (Value output : outputs)
    if (!isFloat(output))
      return emitError(output.getLoc())
             << "expected a value of f32 or f64 to differentiate, got " << output.getType();
  for (Value input : inputs)
    if (failed(checkStatic(input)))
      return failure();
  for (Operation *op : activity.ops)
    for (Value result : op->getResults())
      if (failed(checkStatic(result)))
        return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Entry
//===----------------------------------------------------------------------===//

/// Erases the ops without users between `first` (exclusive) and the insertion
/// point, but for those that define a value to be kept.
static void eraseDead(OpBuilder &builder, Operation *first, ValueRange kept) {
  llvm::DenseSet<Operation *> needed;
  for (Value value : kept)
    if (value)
      needed.insert(value.getDefiningOp());
  Operation *op = builder.getInsertionPoint() == builder.getBlock()->end()
                      ? &builder.getBlock()->back()
                      : builder.getInsertionPoint()->getPrevNode();
  while (op && op != first) {
    Operation *previous = op->getPrevNode();
    if (!needed.contains(op) && isOpTriviallyDead(op))
      op->erase();
    op = previous;
  }
}

static Value buildZeros(OpBuilder &builder, Value like) {
  RankedTensorType type = tensorType(like);
  Attribute zero = builder.getFloatAttr(type.getElementType(), 0.0);
  return ConstantOp::create(builder, like.getLoc(), DenseElementsAttr::get(type, zero));
}

/// The op before the insertion point; null at the start of the block.
static Operation *opBefore(OpBuilder &builder) {
  Block *block = builder.getBlock();
  if (builder.getInsertionPoint() == block->begin())
    return nullptr;
  return &*std::prev(builder.getInsertionPoint());
}

FailureOr<SmallVector<Value>> buildGradients(OpBuilder &builder, ValueRange outputs,
                                             ValueRange cotangents, ValueRange inputs) {
  assert(outputs.size() == cotangents.size() && "one cotangent an output");
  Activity activity = analyzeActivity(outputs, inputs);
  if (failed(checkTypes(outputs, inputs, activity)))
    return failure();
  if (!outputs.empty() && failed(reportBlockers(outputs[0], activity)))
    return failure();

  Operation *before = opBefore(builder);
  SmallVector<Value> gradients = pullBack(builder, activity, outputs, cotangents, inputs);
  for (auto [input, gradient] : llvm::zip(inputs, gradients))
    if (!gradient && isFloat(input))
      gradient = buildZeros(builder, input);
  eraseDead(builder, before, gradients);
  return gradients;
}

} // namespace dl
