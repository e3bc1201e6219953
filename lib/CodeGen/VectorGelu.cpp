//===- VectorGelu.cpp - gelu as vector code -------------------------------===//
//
// gelu(x) = x Φ(x), Φ the normal distribution function. Far below 0 its relative
// error is that of Φ's tail, exp(-x²/2) times a slow function: the exponent needs
// more digits than a float has.
//
//===----------------------------------------------------------------------===//

#include "VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>
#include <numbers>

using namespace mlir;

namespace dl {

using P = arith::CmpFPredicate;

Value VectorMath::gelu(Value x) {
  if (isDouble(x)) {
    Value tail = callLibrary("erfc", arith::MulFOp::create(b, x, number(x, -std::sqrt(0.5))));
    return arith::MulFOp::create(b, arith::MulFOp::create(b, x, number(x, 0.5)), tail);
  }
  if (hasTables(x))
    return geluByTable(x);
  return hasFMA ? geluFused(x) : geluUnfused(x);
}

/// What x has to lose above 0, and gelu is below it, is t = |x| times the tail behind
/// t: g(t) exp(-t²/2). Of z = t / (1 + c t) the function g = z p(1 - c z) is slow
/// where z is not exact. p's argument counts from the middle of where it lies: what is
/// small there has small rounding errors.
Value VectorMath::geluFused(Value x) {
  constexpr double c = 0.344, aboveMiddle = 0.42;
  Value size = math::AbsFOp::create(b, x), limit = number(x, 14.5), one = number(x, 1);
  Value t = arith::SelectOp::create(b, arith::CmpFOp::create(b, P::OGT, size, limit), limit, size);
  Value ct = arith::MulFOp::create(b, t, number(x, c));
  Value z = arith::DivFOp::create(b, t, mulAdd(t, number(x, c), one));
  z = mulAdd(arith::NegFOp::create(b, ct), z, t);
  Value p = polynomial(mulAdd(z, number(x, -c), number(x, aboveMiddle)),
                       {-2.7695361525e-02, 1.4582606964e-02, 5.0498183817e-02, -4.1888631880e-02,
                        -9.4886094332e-02, 7.0215679705e-02, 3.1283411384e-01, 3.9040431380e-01,
                        2.7886015177e-01});
  Value g = arith::MulFOp::create(b, z, p);

  // -t² = 2 n step ln 2 + r, with one rounding where the two are close.
  ExpForm form = expForm(x);
  Value square = arith::MulFOp::create(b, t, t);
  Rounded n = roundedTo(square, -0.5 * std::numbers::log2e / form.step);
  Value r = arith::MulFOp::create(b, n.number, number(x, -2 * form.high));
  r = mulAdd(arith::NegFOp::create(b, t), t, r);
  r = mulAdd(n.number, number(x, 2 * (form.high - form.step * std::numbers::ln2)), r);
  // Of r / 2.
  double scale = 1;
  for (double &coefficient : llvm::reverse(form.coefficients))
    coefficient *= scale *= 0.5;
  Value grown;
  if (form.step == 1) {
    grown = arith::MulFOp::create(b, polynomial(r, form.coefficients), r);
  } else {
    // r / 2 is as low as -0.7, where 1 + grown cancels half: its first term is exact.
    Value first = arith::MulFOp::create(b, r, number(x, form.coefficients.pop_back_val()));
    Value square = arith::MulFOp::create(b, r, r);
    grown = mulAdd(square, polynomial(r, form.coefficients), first);
  }
  Value lost = timesPower(mulAdd(g, grown, g), n);
  Value zero = number(x, -0.0), isNegative = arith::CmpFOp::create(b, P::OLT, x, zero);
  return arith::SubFOp::create(b, arith::SelectOp::create(b, isNegative, zero, x), lost);
}

/// Below 1 of the normal distribution function itself, 1/2 plus an odd
/// polynomial. Above it of the tail behind t = |x|, which is exp(-t²/2) s p(s),
/// s = 1 / (1 + 0.375 t): x times the tail is what gelu is below 0, and what x
/// has to lose above it; so nothing cancels.
Value VectorMath::geluUnfused(Value x) {
  Value half = number(x, 0.5);
  Value odd = polynomial(arith::MulFOp::create(b, x, x),
                         {-7.4628955515e-06, 1.1295217568e-04, -1.1857849885e-03, 9.9730783816e-03,
                          -6.6490314362e-02, 3.9894227768e-01});
  Value near = arith::MulFOp::create(b, x, mulAdd(x, odd, half));

  Value size = math::AbsFOp::create(b, x), limit = number(x, 16), one = number(x, 1);
  Value t = arith::SelectOp::create(b, arith::CmpFOp::create(b, P::OGT, size, limit), limit, size);
  Pair scaled = exactProduct(t, number(x, 0.375)), below = exactSum(one, scaled.high);
  Value s = arith::DivFOp::create(b, one, below.high);
  Value tail = polynomial(s, {-4.5493849519e-02, 1.8309728164e-01, -2.5707256913e-01,
                              1.0861661974e-01, -1.2178604994e-02, 9.6530071804e-02,
                              1.2716142729e-01, 1.4971393327e-01, 1.4959961270e-01});
  // What s lacks, relative to s; s p(s) grows about as s^1.6.
  Pair product = exactProduct(s, below.high);
  Value lack = arith::SubFOp::create(b, arith::SubFOp::create(b, one, product.high), product.low);
  lack = arith::SubFOp::create(
      b, lack, arith::MulFOp::create(b, s, arith::AddFOp::create(b, below.low, scaled.low)));
  Pair square = exactProduct(t, t);
  Value minusHalf = number(x, -0.5);
  Pair exponent = {arith::MulFOp::create(b, square.high, minusHalf),
                   mulAdd(square.low, minusHalf, arith::MulFOp::create(b, lack, number(x, 1.6)))};
  Pair weight = exactProduct(s, t), factor = exactProduct(weight.high, tail);
  factor.low = mulAdd(weight.low, tail, factor.low);
  Value lost = scaledExp(exponent, factor);
  Value isNegative = arith::CmpFOp::create(b, P::OLT, x, number(x, 0));
  Value whole = arith::SelectOp::create(b, isNegative, number(x, -0.0), x);
  Value far = arith::SubFOp::create(b, whole, lost);
  Value isNear = arith::CmpFOp::create(b, P::OLT, size, one);
  return arith::SelectOp::create(b, isNear, near, far);
}

/// x sigmoid(2 u), u = sqrt(2/pi) (x + 0.044715 x³); the exponent 2 |u| is large,
/// so it needs more digits than a float has.
Value VectorMath::geluTanh(Value x) {
  const double c = 2 * std::sqrt(2 / std::numbers::pi), d = c * 0.044715;
  Value size = math::AbsFOp::create(b, x), one = number(x, 1);
  if (isDouble(x)) {
    Value inner = mulAdd(number(x, d), arith::MulFOp::create(b, x, x), number(x, c));
    return arith::MulFOp::create(b, x, sigmoid(arith::MulFOp::create(b, x, inner)));
  }
  Value limit = number(x, 12);
  Value t = arith::SelectOp::create(b, arith::CmpFOp::create(b, P::OGT, size, limit), limit, size);
  auto rest = [&](double value) {
    return number(x, value - static_cast<double>(static_cast<float>(value)));
  };
  Pair square = exactProduct(t, t), cubic = exactProduct(square.high, number(x, d));
  Pair inner = exactSum(cubic.high, number(x, c));
  Value low = mulAdd(square.high, rest(d), mulAdd(square.low, number(x, d), cubic.low));
  inner.low = arith::AddFOp::create(b, inner.low, arith::AddFOp::create(b, low, rest(c)));
  Pair u = exactProduct(t, inner.high);
  u.low = mulAdd(t, inner.low, u.low);
  Pair exponent = {arith::NegFOp::create(b, u.high), arith::NegFOp::create(b, u.low)};
  Value e = scaledExp(exponent, {}), lost = scaledExp(exponent, {t, Value()});
  Value isNegative = arith::CmpFOp::create(b, P::OLT, x, number(x, 0));
  Value numerator = arith::SelectOp::create(b, isNegative, arith::NegFOp::create(b, lost), x);
  return arith::DivFOp::create(b, numerator, arith::AddFOp::create(b, one, e));
}

} // namespace dl
