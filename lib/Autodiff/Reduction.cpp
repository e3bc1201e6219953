//===- Reduction.cpp - Gradient rules of reductions and normalisations ----===//

#include "dl/Autodiff/Gradient.h"
#include "dl/IR/Formula.h"
#include "dl/IR/Inference.h"

using namespace mlir;

namespace dl {

/// A value of the reduced shape with the reduced axes kept as extents of 1.
template <typename Op> static Expr keepAxes(Op op, Expr reduced) {
  return reshape(reduced, reducedShape(tensorType(op.getInput()).getShape(), op.getReducedAxes(),
                                       /*keepdims=*/true));
}

// y = sum(x): d(x) = g, copied along the reduced axes
template <> SmallVector<Value> gradient(SumOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  return {broadcast(keepAxes(op, f(cotangents[0])), tensorType(op.getInput()).getShape())};
}

/// Of max and min: the elements that equal the result share its cotangent.
template <typename Op>
static SmallVector<Value> shareAmongTies(Op op, Value cotangent, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr x = f(op.getInput()), y = keepAxes(op, f(op.getResult()));
  Expr isBest = compare(x, y, "eq");
  Expr one = constantLike(x, 1.0);
  Expr ties = sum(select(isBest, one, 0.0), op.getReducedAxes(), /*keepdims=*/true);
  return {select(isBest, keepAxes(op, f(cotangent)) / ties, 0.0)};
}

// y = max(x): d(x) = g / n where x = y, n: the number of such elements
template <> SmallVector<Value> gradient(MaxOp op, ValueRange cotangents, OpBuilder &builder) {
  return shareAmongTies(op, cotangents[0], builder);
}

// y = min(x): as max
template <> SmallVector<Value> gradient(MinOp op, ValueRange cotangents, OpBuilder &builder) {
  return shareAmongTies(op, cotangents[0], builder);
}

//===----------------------------------------------------------------------===//
// Normalisations: composites with rules of their own
//===----------------------------------------------------------------------===//

static int64_t normalizedAxis(int64_t axis, Value input) {
  return axis < 0 ? axis + tensorType(input).getRank() : axis;
}

// y = softmax(x): d(x) = y (g - sum(g y))
template <> SmallVector<Value> gradient(SoftmaxOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr g = f(cotangents[0]), y = f(op.getResult());
  int64_t axis = normalizedAxis(op.getAxis(), op.getInput());
  return {y * (g - sum(g * y, axis, /*keepdims=*/true))};
}

// y = log_softmax(x): d(x) = g - exp(y) sum(g)
template <>
SmallVector<Value> gradient(LogSoftmaxOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr g = f(cotangents[0]), y = f(op.getResult());
  int64_t axis = normalizedAxis(op.getAxis(), op.getInput());
  return {g - exp(y) * sum(g, axis, /*keepdims=*/true)};
}

} // namespace dl
