//===- VectorMath.cpp - Transcendental functions as vector code -----------===//

#include "VectorMath.h"

#include "Expression.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"

#include <cmath>
#include <limits>
#include <numbers>

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

// Either zero of +0 and -0 will do, so that this is a maximum and a NaN's way past it.
Value VectorMath::maximum(Value x, Value y) {
  return arith::MaximumFOp::create(b, x, y, arith::FastMathFlags::nsz);
}

Value VectorMath::minimum(Value x, Value y) {
  return arith::MinimumFOp::create(b, x, y, arith::FastMathFlags::nsz);
}

VectorMath::Pair VectorMath::exactProduct(Value x, Value y) {
  Value high = arith::MulFOp::create(b, x, y);
  if (hasFMA)
    return {high, math::FmaOp::create(b, x, y, arith::NegFOp::create(b, high))};
  // Halves of 12 bits multiply without error.
  auto split = [&](Value v) -> Pair {
    Value upper = fromBits(arith::AndIOp::create(b, bits(v), integer(v, -4096)));
    return {upper, arith::SubFOp::create(b, v, upper)};
  };
  Pair u = split(x), v = split(y);
  Value low = arith::SubFOp::create(b, arith::MulFOp::create(b, u.high, v.high), high);
  low = mulAdd(u.high, v.low, low);
  low = mulAdd(u.low, v.high, low);
  return {high, mulAdd(u.low, v.low, low)};
}

VectorMath::Pair VectorMath::exactSum(Value x, Value y) {
  Value high = arith::AddFOp::create(b, x, y);
  Value ofY = arith::SubFOp::create(b, high, x);
  Value ofX = arith::SubFOp::create(b, high, ofY);
  Value low =
      arith::AddFOp::create(b, arith::SubFOp::create(b, x, ofX), arith::SubFOp::create(b, y, ofY));
  return {high, low};
}

Value VectorMath::exp(Value x) {
  if (isDouble(x))
    return math::ExpOp::create(b, x);
  return scaledExp({x, Value()}, {});
}

/// x = n ln 2 + r with |r| <= ln 2 / 2; exp(x) = 2^n exp(r).
Value VectorMath::scaledExp(Pair pair, Pair factor) {
  // Beyond these the result is infinity and 0; NaN passes (both fail).
  Value x = pair.high, high = number(x, 89), low = number(x, -110);
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
  if (pair.low)
    r = arith::AddFOp::create(b, r, pair.low);
  Value p = polynomial(r, {1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2,
                           1.6666665459e-1, 5.0000001201e-1});
  Value square = arith::MulFOp::create(b, r, r);
  p = arith::AddFOp::create(b, mulAdd(p, square, r), number(x, 1));
  if (factor.low)
    p = mulAdd(p, factor.high, arith::MulFOp::create(b, p, factor.low));
  else if (factor.high)
    p = arith::MulFOp::create(b, p, factor.high);
  // 2^n in two factors: n lies in [-159, 128], beyond the exponents of f32.
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
  Value isNear = arith::CmpFOp::create(b, P::OLT, size, number(x, 0.625));
  return math::CopySignOp::create(b, arith::SelectOp::create(b, isNear, near, far), x);
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

/// Words stand in the low halves of 64-bit lanes, below anything: then a multiplication
/// of low halves (pmuludq) is a product, and its high word a shift away.
Value VectorMath::philox(std::array<Value, 4> counter, std::array<Value, 2> key) {
  Type narrow = counter[0].getType(), wide = b.getI64Type();
  if (auto vector = dyn_cast<VectorType>(narrow))
    wide = VectorType::get(vector.getShape(), wide);
  auto widen = [&](Value word) -> Value {
    Type type = isa<VectorType>(word.getType()) ? wide : b.getI64Type();
    word = arith::ExtUIOp::create(b, type, word);
    return type == wide ? word : vector::BroadcastOp::create(b, wide, word).getResult();
  };
  auto multiply = [&](Value word, uint32_t factor) -> Value {
    word = arith::AndIOp::create(b, word, numberLike(b, wide, 0xFFFFFFFF));
    return arith::MulIOp::create(b, word, numberLike(b, wide, factor));
  };
  auto mix = [&](Value product, Value y, Value keyWord) -> Value {
    Value high = arith::ShRUIOp::create(b, product, numberLike(b, wide, 32));
    return arith::XOrIOp::create(b, arith::XOrIOp::create(b, high, y), widen(keyWord));
  };
  auto add = [&](Value word, uint32_t amount) -> Value {
    Value constant = arith::ConstantIntOp::create(b, static_cast<int32_t>(amount), 32);
    return arith::AddIOp::create(b, word, constant);
  };
  for (Value &word : counter)
    word = widen(word);
  for (int round = 0; round < 10; ++round) {
    Value first = multiply(counter[0], 0xD2511F53), second = multiply(counter[2], 0xCD9E8D57);
    counter = {mix(second, counter[1], key[0]), second, mix(first, counter[3], key[1]), first};
    key = {add(key[0], 0x9E3779B9), add(key[1], 0xBB67AE85)};
  }
  return arith::TruncIOp::create(b, narrow, counter[0]);
}

/// Lane by lane.
Value VectorMath::callLibrary(StringRef name, Value x) {
  Type element = getElementTypeOrSelf(x.getType());
  auto module = b.getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  auto function = module.lookupSymbol<func::FuncOp>(name);
  if (!function) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    function = func::FuncOp::create(b, name, b.getFunctionType(element, element));
    function.setPrivate();
  }
  auto call = [&](Value lane) { return func::CallOp::create(b, function, lane).getResult(0); };
  auto type = dyn_cast<VectorType>(x.getType());
  if (!type)
    return call(x);
  SmallVector<Value> lanes;
  for (int64_t lane = 0; lane < type.getNumElements(); ++lane)
    lanes.push_back(call(vector::ExtractOp::create(b, x, ArrayRef<int64_t>{lane})));
  return vector::FromElementsOp::create(b, type, lanes);
}

/// Below 1 an odd polynomial; above it 1 - exp(q(|x|)), q a fit of log(erfc) in
/// [1, 4]: behind that erf rounds to 1.
Value VectorMath::erf(Value x) {
  if (isDouble(x))
    return callLibrary("erf", x);
  Value size = math::AbsFOp::create(b, x), square = arith::MulFOp::create(b, x, x);
  Value p =
      polynomial(square, {7.8539078685e-05, -8.0102088772e-04, 5.1883296126e-03, -2.6853813107e-02,
                          1.1283585183e-01, -3.7612625829e-01, 1.2837916570e-01});
  Value near = mulAdd(x, p, x);
  Value limit = number(x, 4);
  Value t = arith::SelectOp::create(b, arith::CmpFOp::create(b, P::OGT, size, limit), limit, size);
  Value q =
      polynomial(t, {-2.1697589635e-05, 4.4147232978e-04, -4.2052829825e-03, 2.5210334464e-02,
                     -1.0842209034e-01, -6.3321640628e-01, -1.1295803063e+00, 1.8846662089e-04});
  Value far = arith::SubFOp::create(b, number(x, 1), exp(q));
  far = math::CopySignOp::create(b, far, x);
  Value isNear = arith::CmpFOp::create(b, P::OLT, size, number(x, 1));
  return arith::SelectOp::create(b, isNear, near, far);
}

/// Below 1 of the normal distribution function itself, 1/2 plus an odd
/// polynomial. Above it of the tail behind t = |x|, which is exp(-t²/2) s p(s),
/// s = 1 / (1 + 0.375 t): x times the tail is what gelu is below 0, and what x
/// has to lose above it; so nothing cancels.
Value VectorMath::gelu(Value x) {
  Value half = number(x, 0.5);
  if (isDouble(x)) {
    Value tail = callLibrary("erfc", arith::MulFOp::create(b, x, number(x, -std::sqrt(0.5))));
    return arith::MulFOp::create(b, arith::MulFOp::create(b, x, half), tail);
  }
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

Value VectorMath::pow(Value x, Value y) { return math::PowFOp::create(b, x, y); }

} // namespace dl
