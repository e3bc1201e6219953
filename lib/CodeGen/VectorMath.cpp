//===- VectorMath.cpp - Transcendental functions as vector code -----------===//

#include "VectorMath.h"

#include "Expression.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;

namespace dl {

using P = arith::CmpFPredicate;

static bool isDouble(Value x) { return getElementTypeOrSelf(x.getType()).isF64(); }

/// i32 in the shape of x.
static Type bitsType(Value x) {
  Type i32 = IntegerType::get(x.getContext(), 32);
  if (auto vector = dyn_cast<VectorType>(x.getType()))
    return vector.clone(i32);
  return i32;
}

Value VectorMath::number(Value like, double value) { return numberLike(b, like.getType(), value); }
Value VectorMath::integer(Value like, int64_t value) {
  return numberLike(b, bitsType(like), static_cast<double>(value));
}
Value VectorMath::bits(Value x) { return arith::BitcastOp::create(b, bitsType(x), x); }
Value VectorMath::fromBits(Value x) {
  Type f32 = b.getF32Type();
  auto vector = dyn_cast<VectorType>(x.getType());
  return arith::BitcastOp::create(b, vector ? Type(vector.clone(f32)) : f32, x);
}

Value VectorMath::mulAdd(Value x, Value y, Value z) {
  if (hasFMA)
    return math::FmaOp::create(b, x, y, z);
  return arith::AddFOp::create(b, arith::MulFOp::create(b, x, y), z);
}

/// Horner's scheme, the highest coefficient first.
Value VectorMath::polynomial(Value x, ArrayRef<double> coefficients) {
  Value sum = number(x, coefficients.front());
  for (double coefficient : coefficients.drop_front())
    sum = mulAdd(sum, x, number(x, coefficient));
  return sum;
}

Value VectorMath::powerOfTwo(Value n) {
  Value biased = arith::AddIOp::create(b, n, integer(n, 127));
  return fromBits(arith::ShLIOp::create(b, biased, integer(n, 23)));
}

Value VectorMath::maximum(Value x, Value y) {
  Value larger = arith::SelectOp::create(b, arith::CmpFOp::create(b, P::OGT, x, y), x, y);
  return arith::SelectOp::create(b, arith::CmpFOp::create(b, P::UNO, x, x), x, larger);
}

Value VectorMath::minimum(Value x, Value y) {
  Value smaller = arith::SelectOp::create(b, arith::CmpFOp::create(b, P::OLT, x, y), x, y);
  return arith::SelectOp::create(b, arith::CmpFOp::create(b, P::UNO, x, x), x, smaller);
}

/// x = n ln 2 + r with |r| <= ln 2 / 2; exp(x) = 2^n exp(r).
Value VectorMath::exp(Value x) {
  if (isDouble(x))
    return math::ExpOp::create(b, x);
  // Beyond these the result is infinity and 0; NaN passes (both fail).
  Value high = number(x, 89), low = number(x, -104);
  x = arith::SelectOp::create(b, arith::CmpFOp::create(b, P::OGT, x, high), high, x);
  x = arith::SelectOp::create(b, arith::CmpFOp::create(b, P::OLT, x, low), low, x);
  // Adding 1.5 * 2^23 rounds to an integer, which the low bits then hold.
  Value magic = number(x, 12582912.0);
  Value shifted = mulAdd(x, number(x, 1.44269504088896341), magic);
  Value n = arith::SubIOp::create(b, bits(shifted), bits(magic));
  Value rounded = arith::SubFOp::create(b, shifted, magic);
  // ln 2 in two parts, the first short enough for an exact product.
  Value r = mulAdd(rounded, number(x, -0.693359375), x);
  r = mulAdd(rounded, number(x, 2.12194440e-4), r);
  Value p = polynomial(r, {1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2,
                           1.6666665459e-1, 5.0000001201e-1});
  Value square = arith::MulFOp::create(b, r, r);
  p = arith::AddFOp::create(b, mulAdd(p, square, r), number(x, 1));
  // 2^n in two factors: n lies in [-150, 128], beyond the exponents of f32.
  Value half = arith::ShRSIOp::create(b, n, integer(x, 1));
  Value rest = arith::SubIOp::create(b, n, half);
  p = arith::MulFOp::create(b, p, powerOfTwo(rest));
  return arith::MulFOp::create(b, p, powerOfTwo(half));
}

/// x = 2^e m with m in [sqrt(1/2), sqrt(2)); log(x) = e ln 2 + log(m).
Value VectorMath::log(Value x) {
  if (isDouble(x))
    return math::LogOp::create(b, x);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  auto select = [&](Value condition, Value yes, Value no) -> Value {
    return arith::SelectOp::create(b, condition, yes, no);
  };
  auto compare = [&](P predicate, Value left, double right) -> Value {
    return arith::CmpFOp::create(b, predicate, left, number(left, right));
  };
  Value isSmall = compare(P::OLT, x, 1.17549435e-38);
  Value normal = select(isSmall, arith::MulFOp::create(b, x, number(x, 8388608.0)), x);
  // Taking the bits of sqrt(1/2) off makes the exponent change there.
  Value offset = arith::SubIOp::create(b, bits(normal), integer(x, 0x3f3504f3));
  Value e = arith::ShRSIOp::create(b, offset, integer(x, 23));
  Value mantissa = arith::AndIOp::create(b, offset, integer(x, 0x007fffff));
  Value m = fromBits(arith::AddIOp::create(b, mantissa, integer(x, 0x3f3504f3)));
  e = select(isSmall, arith::SubIOp::create(b, e, integer(x, 23)), e);
  Value exponent = arith::SIToFPOp::create(b, x.getType(), e);

  Value r = arith::SubFOp::create(b, m, number(x, 1));
  Value p = polynomial(r, {7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1,
                           1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1,
                           3.3333331174e-1});
  Value square = arith::MulFOp::create(b, r, r);
  Value y = arith::MulFOp::create(b, arith::MulFOp::create(b, p, r), square);
  y = mulAdd(exponent, number(x, -2.12194440e-4), y);
  y = mulAdd(square, number(x, -0.5), y);
  y = arith::AddFOp::create(b, r, y);
  y = mulAdd(exponent, number(x, 0.693359375), y);

  y = select(compare(P::OEQ, x, infinity), x, y);
  y = select(compare(P::OEQ, x, 0), number(x, -infinity), y);
  return select(compare(P::UGE, x, 0), select(compare(P::UNO, x, 0), x, y),
                number(x, std::numeric_limits<double>::quiet_NaN()));
}

/// Near 0 a polynomial; elsewhere 1 - 2 / (exp(2 |x|) + 1), with x's sign.
Value VectorMath::tanh(Value x) {
  if (isDouble(x))
    return math::TanhOp::create(b, x);
  Value size = math::AbsFOp::create(b, x);
  Value square = arith::MulFOp::create(b, x, x);
  Value p = polynomial(square, {-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2,
                                1.33314422036e-1, -3.33332819422e-1});
  Value near = mulAdd(arith::MulFOp::create(b, p, square), x, x);
  Value grown = arith::AddFOp::create(b, exp(arith::AddFOp::create(b, size, size)), number(x, 1));
  Value far = arith::SubFOp::create(b, number(x, 1), arith::DivFOp::create(b, number(x, 2), grown));
  far = math::CopySignOp::create(b, far, x);
  Value isNear = arith::CmpFOp::create(b, P::OLT, size, number(x, 0.625));
  return arith::SelectOp::create(b, isNear, near, far);
}

/// Of e = exp(-|x|) <= 1: 1 / (1 + e) for x >= 0 and e / (1 + e) below, so that
/// nothing overflows.
Value VectorMath::sigmoid(Value x) {
  Value size = math::AbsFOp::create(b, x);
  Value e = exp(arith::NegFOp::create(b, size));
  Value one = number(x, 1);
  Value isNegative = arith::CmpFOp::create(b, P::OLT, x, number(x, 0));
  Value numerator = arith::SelectOp::create(b, isNegative, e, one);
  return arith::DivFOp::create(b, numerator, arith::AddFOp::create(b, one, e));
}

Value VectorMath::pow(Value x, Value y) { return math::PowFOp::create(b, x, y); }

} // namespace dl
