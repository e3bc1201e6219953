//===- Reduction.cpp - Gradient rules of reductions and normalisations ----===//

#include "Rules.h"
#include "dl/Autodiff/Gradient.h"
#include "dl/IR/Formula.h"
#include "dl/IR/Inference.h"
#include "dl/IR/Normalization.h"

#include <limits>

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

// y = log(sum(exp(x))): d(x) = g exp(x - y), 0 where y is -infinity
template <> SmallVector<Value> gradient(LogSumExpOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr y = keepAxes(op, f(op.getResult()));
  Expr isEmpty = compare(y, -std::numeric_limits<double>::infinity(), "eq");
  return {keepAxes(op, f(cotangents[0])) * exp(f(op.getInput()) - select(isEmpty, 0.0, y))};
}

/// y = c r, c = x - mean(x), r = 1 / sqrt(mean(c²) + eps): of the cotangent g of y
/// d(x) = r (g - mean(g) - y mean(g y)).
static Expr throughMoments(Expr g, Expr y, Expr r, ArrayRef<int64_t> axes) {
  double share = 1 / static_cast<double>(countOf(y, axes));
  Expr mean = sum(g, axes, /*keepdims=*/true) * share;
  Expr slope = sum(g * y, axes, /*keepdims=*/true) * share;
  return r * (g - mean - y * slope);
}

// z = y scale + bias, y = c r as above: d(y) = g scale, d(scale) = sum(g y), d(bias) = sum(g)
template <> SmallVector<Value> gradient(LayerNormOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr g = f(cotangents[0]);
  SmallVector<int64_t> axes = op.getReducedAxes();
  Moments moments = momentsOf(f(op.getInput()), axes);
  Expr r = rsqrt(moments.variance + op.getEps().convertToDouble());
  Expr y = moments.centred * r;
  return {throughMoments(g * f(op.getScale()), y, r, axes), g * y, g};
}

// As layer_norm along the other axes. The running mean and variance are seldom
// differentiated: then the decomposition serves.
template <>
SmallVector<Value> gradient(BatchNormTrainOp op, ValueRange cotangents, OpBuilder &builder) {
  if (cotangents[1] || cotangents[2])
    return differentiateDecomposition(op, cotangents, builder);
  Formula f(op.getLoc(), builder);
  Expr g = f(cotangents[0]), x = f(op.getInput());
  SmallVector<int64_t> axes = op.getReducedAxes();
  Moments moments = momentsOfMany(x, axes);
  Expr r = rsqrt(moments.variance + op.getEps().convertToDouble());
  Expr y = moments.centred * r;
  // The sums of the channels' gradients are those that d(x) needs.
  double share = 1 / static_cast<double>(countOf(x, axes));
  Expr bias = sum(g, axes, /*keepdims=*/true), scale = sum(g * y, axes, /*keepdims=*/true);
  Expr dx =
      (r * alongAxis(f(op.getScale()), x, op.getAxis())) * (g - bias * share - y * (scale * share));
  ArrayRef<int64_t> channels = tensorType(op.getScale()).getShape();
  return {dx, reshape(scale, channels), reshape(bias, channels), Value(), Value()};
}

} // namespace dl
