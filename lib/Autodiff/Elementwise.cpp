//===- Elementwise.cpp - Gradient rules of element-wise ops ---------------===//
//
// In the formulas g is the cotangent of the result, d(x) that of operand x.
//
//===----------------------------------------------------------------------===//

#include "dl/Autodiff/Gradient.h"
#include "dl/IR/Formula.h"
#include "dl/IR/Inference.h"

#include <cmath>
#include <numbers>

using namespace mlir;

namespace dl {

//===----------------------------------------------------------------------===//
// Unary
//===----------------------------------------------------------------------===//

// y = -x: d(x) = -g
template <> SmallVector<Value> gradient(NegOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  return {-f(cotangents[0])};
}

// y = |x|: d(x) = g sign(x), 0 at 0
template <> SmallVector<Value> gradient(AbsOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  return {f(cotangents[0]) * sign(f(op.getInput()))};
}

// y = exp(x): d(x) = g y
template <> SmallVector<Value> gradient(ExpOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  return {f(cotangents[0]) * f(op.getResult())};
}

// y = log(x): d(x) = g / x
template <> SmallVector<Value> gradient(LogOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  return {f(cotangents[0]) / f(op.getInput())};
}

// y = sqrt(x): d(x) = g / (2 y)
template <> SmallVector<Value> gradient(SqrtOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  return {0.5 * f(cotangents[0]) / f(op.getResult())};
}

// y = 1 / sqrt(x): d(x) = -g y³ / 2
template <> SmallVector<Value> gradient(RsqrtOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr y = f(op.getResult());
  return {-0.5 * f(cotangents[0]) * (y * y * y)};
}

// y = tanh(x): d(x) = g (1 - y²)
template <> SmallVector<Value> gradient(TanhOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr y = f(op.getResult());
  return {f(cotangents[0]) * (1.0 - y * y)};
}

// y = sigmoid(x): d(x) = g y (1 - y)
template <> SmallVector<Value> gradient(SigmoidOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr y = f(op.getResult());
  return {f(cotangents[0]) * (y * (1.0 - y))};
}

/// The normal density exp(-x²/2) / sqrt(2 pi).
static Expr normalDensity(Expr x) {
  return exp(-0.5 * (x * x)) * (1 / std::sqrt(2 * std::numbers::pi));
}

// y = erf(x): d(x) = g 2 / sqrt(pi) exp(-x²)
template <> SmallVector<Value> gradient(ErfOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr x = f(op.getInput());
  return {f(cotangents[0]) * (exp(-(x * x)) * (2 / std::sqrt(std::numbers::pi)))};
}

// y = x P(x), P the normal distribution function: d(x) = g (P(x) + x P'(x)); or
// y = x s, s = sigmoid(2 u), u = c (x + a x³): d(x) = g s (1 + x (1 - s) 2 u')
template <> SmallVector<Value> gradient(GeluOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr g = f(cotangents[0]), x = f(op.getInput());
  if (op.getApproximate() != "tanh")
    return {g * (0.5 * (1.0 + erf(x * std::sqrt(0.5))) + x * normalDensity(x))};
  double c = 2 * std::sqrt(2 / std::numbers::pi), a = 0.044715;
  Expr square = x * x;
  Expr s = sigmoid(x * (c + c * a * square));
  return {g * (s * (1.0 + x * (1.0 - s) * (c + 3 * c * a * square)))};
}

// y = max(x, 0): d(x) = g where y > 0. By y, not x: then x need not be kept.
template <> SmallVector<Value> gradient(ReluOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  return {select(compare(f(op.getResult()), 0.0, "gt"), f(cotangents[0]), 0.0)};
}

// y = 1 / x: d(x) = -g y²
template <>
SmallVector<Value> gradient(ReciprocalOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr g = f(cotangents[0]), y = f(op.getResult());
  return {-g * (y * y)};
}

//===----------------------------------------------------------------------===//
// Binary
//===----------------------------------------------------------------------===//

// z = x + y: d(x) = d(y) = g
template <> SmallVector<Value> gradient(AddOp op, ValueRange cotangents, OpBuilder &builder) {
  return {cotangents[0], cotangents[0]};
}

// z = x - y: d(x) = g, d(y) = -g
template <> SmallVector<Value> gradient(SubOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  return {cotangents[0], -f(cotangents[0])};
}

// z = x y: d(x) = g y, d(y) = g x
template <> SmallVector<Value> gradient(MulOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr g = f(cotangents[0]);
  return {g * f(op.getRhs()), g * f(op.getLhs())};
}

// z = x / y: d(x) = g / y, d(y) = -(g / y) z
template <> SmallVector<Value> gradient(DivOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr q = f(cotangents[0]) / f(op.getRhs());
  return {q, -(q * f(op.getResult()))};
}

// z = x^y: d(x) = g y x^(y - 1), 0 where y = 0;
//          d(y) = g z log(x), 0 where x = 0
template <> SmallVector<Value> gradient(PowOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr g = f(cotangents[0]), x = f(op.getLhs()), y = f(op.getRhs()), z = f(op.getResult());
  // The exponent and the logarithm's operand are replaced where they would be
  // infinite, so that nothing infinite meets a zero, in second derivatives either.
  Expr exponent = select(compare(y, 0.0, "eq"), 1.0, y - 1.0);
  Expr isZero = compare(x, 0.0, "eq");
  Expr logarithm = log(select(isZero, 1.0, x));
  return {g * (y * pow(x, exponent)), g * (select(isZero, 0.0, z) * logarithm)};
}

/// The cotangent of x where z is x or y, whichever compares so: g where it
/// holds, g / 2 where x = y.
static Expr shareOf(Expr g, Expr x, Expr y, StringRef predicate) {
  return select(compare(x, y, predicate), g, select(compare(x, y, "eq"), 0.5 * g, 0.0));
}

// z = max(x, y): d(x) = g where x > y, g / 2 where x = y
template <> SmallVector<Value> gradient(MaximumOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr g = f(cotangents[0]), x = f(op.getLhs()), y = f(op.getRhs());
  return {shareOf(g, x, y, "gt"), shareOf(g, y, x, "gt")};
}

// z = min(x, y): d(x) = g where x < y, g / 2 where x = y
template <> SmallVector<Value> gradient(MinimumOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr g = f(cotangents[0]), x = f(op.getLhs()), y = f(op.getRhs());
  return {shareOf(g, x, y, "lt"), shareOf(g, y, x, "lt")};
}

// y = x where it stays: d(x) = g where it stayed
template <>
SmallVector<Value> gradient(DropoutTrainOp op, ValueRange cotangents, OpBuilder &builder) {
  return {DropoutTrainOp::create(builder, op.getLoc(), cotangents[0], op.getSeed(), op.getStep(),
                                 op.getPAttr(), op.getStreamAttr()),
          Value(), Value()};
}

//===----------------------------------------------------------------------===//
// Choice and conversion
//===----------------------------------------------------------------------===//

// z = c ? x : y: d(x) = c ? g : 0, d(y) = c ? 0 : g
template <> SmallVector<Value> gradient(SelectOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr g = f(cotangents[0]), c = f(op.getCondition());
  return {Value(), select(c, g, 0.0), select(c, 0.0, g)};
}

// y = cast(x): d(x) = cast(g) to x's type; none where x is an integer
template <> SmallVector<Value> gradient(CastOp op, ValueRange cotangents, OpBuilder &builder) {
  Type element = tensorType(op.getInput()).getElementType();
  if (!isa<FloatType>(element))
    return {Value()};
  Formula f(op.getLoc(), builder);
  return {cast(f(cotangents[0]), element)};
}

} // namespace dl
