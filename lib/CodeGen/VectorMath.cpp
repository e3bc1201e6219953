//===- VectorMath.cpp - Transcendental functions as vector code -----------===//

#include "VectorMath.h"

#include "Expression.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
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

// 1.5 * 2^23 makes the sum an integer; 127 is where exponents begin.
static constexpr double kShift = 12582912.0 + 127;

VectorMath::Rounded VectorMath::roundedTo(Value x, double factor) {
  Value shift = number(x, kShift);
  Value shifted = factor == 1 ? arith::AddFOp::create(b, x, shift).getResult()
                              : mulAdd(x, number(x, factor), shift);
  return {arith::SubFOp::create(b, shifted, shift), shifted};
}

Value VectorMath::powerOfTwo(Value shifted) {
  Value integers = bits(shifted);
  return fromBits(arith::ShLIOp::create(b, integers, integer(shifted, 23)));
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
  if (hasTables(x))
    return expByTable(x);
  return scaledExp({x, Value()}, {});
}

VectorMath::ExpForm VectorMath::expForm(Value x) const {
  // The first part of ln 2 is short enough for exact products.
  if (hasInstructions(x))
    return {1,
            0.693359375,
            {1.3814080668e-03, 8.3687361062e-03, 4.1668396113e-02, 1.6666520473e-01,
             4.9999993421e-01, 1}};
  return {2,
          1.38671875,
          {1.9610350941e-04, 1.4104392728e-03, 8.3361098755e-03, 4.1661272471e-02, 1.6666614075e-01,
           5.0000034595e-01, 1}};
}

Value VectorMath::timesPower(Value y, Rounded n) {
  if (hasInstructions(y))
    return instruction("mask.scalef", {y, n.number}, /*hasRounding=*/true);
  Value power = powerOfTwo(n.shifted);
  return arith::MulFOp::create(b, arith::MulFOp::create(b, y, power), power);
}

Value VectorMath::scaledExp(Pair pair, Pair factor, double most) {
  // Beyond these the result is infinity and 0; NaN passes (both fail).
  Value x = pair.high, high = number(x, most), low = number(x, -110);
  x = arith::SelectOp::create(b, arith::CmpFOp::create(b, P::OGT, x, high), high, x);
  x = arith::SelectOp::create(b, arith::CmpFOp::create(b, P::OLT, x, low), low, x);
  ExpForm form = expForm(x);
  Rounded n = roundedTo(x, std::numbers::log2e / form.step);
  Value r = mulAdd(n.number, number(x, -form.high), x);
  Value rest = number(x, form.high - form.step * std::numbers::ln2);
  r = pair.low ? arith::AddFOp::create(b, r, mulAdd(n.number, rest, pair.low)).getResult()
               : mulAdd(n.number, rest, r);
  Value q = polynomial(r, form.coefficients), one = number(x, 1);
  // A sum with the factor is rounded once; 1 + q r would be before the product as well.
  Value p = factor.high && !factor.low
                ? mulAdd(arith::MulFOp::create(b, q, r), factor.high, factor.high)
                : mulAdd(q, r, one);
  if (factor.low)
    p = mulAdd(p, factor.high, arith::MulFOp::create(b, p, factor.low));
  return timesPower(p, n);
}

/// 2^n t - (1 - 2^n), where for n = 0 the zero that is taken off leaves t's sign.
Value VectorMath::grownLessOne(Value shifted, Value t) {
  Value power = powerOfTwo(shifted);
  Value rest = arith::SubFOp::create(b, number(t, 1), power);
  return mulAdd(power, t, arith::NegFOp::create(b, rest));
}

bool VectorMath::hasInstructions(Value x) const {
  auto type = dyn_cast<VectorType>(x.getType());
  if (!hasAVX512 || !type || !type.getElementType().isF32())
    return false;
  int64_t lanes = type.getNumElements();
  return lanes == 4 || lanes == 8 || lanes == 16;
}

Value VectorMath::instruction(StringRef name, ValueRange operands, bool hasRounding) {
  auto type = cast<VectorType>(operands[0].getType());
  int64_t lanes = type.getNumElements();
  SmallVector<Value> arguments(operands);
  arguments.push_back(number(operands[0], 0));
  arguments.push_back(arith::ConstantIntOp::create(b, -1, lanes == 16 ? 16 : 8));
  // What MXCSR says.
  if (hasRounding && lanes == 16)
    arguments.push_back(arith::ConstantIntOp::create(b, 4, 32));
  std::string full = ("llvm.x86.avx512." + name + ".ps." + Twine(lanes * 32)).str();
  return LLVM::CallIntrinsicOp::create(b, type, b.getStringAttr(full), arguments).getResults();
}

/// The reciprocal root y to 14 bits, and a step of Newton's for it and for x y, from
/// which the last one makes the nearest float. Both end with the zeros and infinity, where x y
/// is not a number.
Value VectorMath::sqrt(Value x) {
  if (!hasInstructions(x))
    return math::SqrtOp::create(b, x);
  Value y = instruction("rsqrt14", x, /*hasRounding=*/false), half = number(x, 0.5);
  Value root = arith::MulFOp::create(b, x, y), h = arith::MulFOp::create(b, y, half);
  Value lack = mulAdd(arith::NegFOp::create(b, root), h, half);
  root = mulAdd(root, lack, root);
  Value rest = mulAdd(arith::NegFOp::create(b, root), root, x);
  root = mulAdd(rest, h, root);
  auto type = cast<VectorType>(x.getType());
  constexpr int64_t zeros = 0x2 | 0x4, infinity = 0x8;
  Value kinds = arith::ConstantIntOp::create(b, zeros | infinity, 32);
  auto name = b.getStringAttr("llvm.x86.avx512.fpclass.ps." + Twine(type.getNumElements() * 32));
  Value isEnd =
      LLVM::CallIntrinsicOp::create(b, type.clone(b.getI1Type()), name, ValueRange{x, kinds})
          .getResults();
  return arith::SelectOp::create(b, isEnd, x, root);
}

Value VectorMath::rsqrt(Value x) {
  if (!hasInstructions(x))
    return arith::DivFOp::create(b, number(x, 1), math::SqrtOp::create(b, x));
  Value y = instruction("rsqrt14", x, /*hasRounding=*/false);
  Value root = arith::MulFOp::create(b, x, y);
  Value lack = mulAdd(arith::NegFOp::create(b, root), y, number(x, 1));
  Value better = mulAdd(arith::MulFOp::create(b, y, number(x, 0.5)), lack, y);
  Value isEnd = arith::CmpFOp::create(b, P::UNO, lack, lack);
  return arith::SelectOp::create(b, isEnd, y, better);
}

VectorMath::Parts VectorMath::partsOf(Value x) {
  if (hasInstructions(x)) {
    // NaN for negative numbers, and [3/4, 3/2).
    Value how = arith::ConstantIntOp::create(b, 0b1011, 32);
    Value mantissa = instruction("mask.getmant", {x, how}, /*hasRounding=*/true);
    // Which of the two binades the mantissa is in.
    Value binade = instruction("mask.getexp", mantissa, /*hasRounding=*/true);
    Value exponent = instruction("mask.getexp", x, /*hasRounding=*/true);
    return {arith::SubFOp::create(b, exponent, binade), mantissa};
  }
  constexpr double infinity = std::numeric_limits<double>::infinity();
  auto select = [&](Value condition, Value yes, Value no) -> Value {
    return arith::SelectOp::create(b, condition, yes, no);
  };
  auto compare = [&](P predicate, double right) -> Value {
    return arith::CmpFOp::create(b, predicate, x, number(x, right));
  };
  Value isSmall = compare(P::OLT, 1.17549435e-38);
  Value normal = select(isSmall, arith::MulFOp::create(b, x, number(x, 8388608.0)), x);
  // Taking the bits of 3/4 off makes the exponent change there.
  Value offset = arith::SubIOp::create(b, bits(normal), integer(x, 0x3f400000));
  Value e = arith::ShRSIOp::create(b, offset, integer(x, 23));
  Value scale = arith::ShLIOp::create(b, e, integer(x, 23));
  Value mantissa = fromBits(arith::SubIOp::create(b, bits(normal), scale));
  e = select(isSmall, arith::SubIOp::create(b, e, integer(x, 23)), e);
  Value exponent = arith::SIToFPOp::create(b, x.getType(), e);
  exponent = select(compare(P::OEQ, infinity), x, exponent);
  exponent = select(compare(P::OEQ, 0), number(x, -infinity), exponent);
  Value isReal = compare(P::OGE, 0);
  return {exponent, select(isReal, mantissa, number(x, std::numeric_limits<double>::quiet_NaN()))};
}

/// log(x) = e ln 2 + log(1 + r).
Value VectorMath::log(Value x) {
  if (isDouble(x))
    return math::LogOp::create(b, x);
  Parts parts = partsOf(x);
  Value r = arith::SubFOp::create(b, parts.mantissa, number(x, 1));
  Value p = polynomial(r, {-4.4909618102e-02, 1.0448332555e-01, -1.3162232499e-01, 1.4482061494e-01,
                           -1.6647767090e-01, 1.9990606748e-01, -2.5000054583e-01, 3.3333454443e-01,
                           -5.0000000823e-01});
  // ln 2 in two parts of one sign, so that infinities agree.
  constexpr double high = 0.693145751953125;
  Value y = mulAdd(parts.exponent, number(x, std::numbers::ln2 - high), r);
  y = mulAdd(arith::MulFOp::create(b, r, r), p, y);
  return mulAdd(parts.exponent, number(x, high), y);
}

/// Of g = exp(2 x) - 1: g / (g + 2). 2 x = n ln 2 + 2 r; an error of n ln 2 does not
/// count where n is large.
Value VectorMath::tanh(Value x) {
  if (isDouble(x))
    return math::TanhOp::create(b, x);
  if (hasTables(x))
    return tanhByTable(x);
  // Behind this tanh rounds to 1.
  Value high = number(x, 9.1), low = number(x, -9.1);
  Value t = arith::SelectOp::create(b, arith::CmpFOp::create(b, P::OGT, x, high), high, x);
  t = arith::SelectOp::create(b, arith::CmpFOp::create(b, P::OLT, t, low), low, t);
  Rounded n = roundedTo(t, 2 * std::numbers::log2e);
  Value r = mulAdd(n.number, number(x, -0.5 * std::numbers::ln2), t);
  Value p = polynomial(r, {8.8884828368e-02, 2.6781208581e-01, 6.6667432352e-01, 1.3333204551e+00,
                           1.9999999239e+00, 2});
  Value grown = grownLessOne(n.shifted, arith::MulFOp::create(b, r, p));
  return arith::DivFOp::create(b, grown, arith::AddFOp::create(b, grown, number(x, 2)));
}

/// Of e = exp(x): e / (1 + e), which rounds to 1 long before e is infinite.
Value VectorMath::sigmoid(Value x) {
  if (hasTables(x))
    return sigmoidByTable(x);
  Value e, limit = number(x, 40);
  if (isDouble(x))
    e = exp(arith::SelectOp::create(b, arith::CmpFOp::create(b, P::OGT, x, limit), limit, x));
  else
    e = scaledExp({x, Value()}, {}, 40);
  return arith::DivFOp::create(b, e, arith::AddFOp::create(b, number(x, 1), e));
}

/// The low words of 64-bit lanes.
Value VectorMath::lowHalves(Type narrow, Value wide) {
  auto vector = dyn_cast<VectorType>(narrow);
  if (!vector)
    return arith::TruncIOp::create(b, narrow, wide);
  // Of little-endian words every other one: one shuffle of two registers.
  int64_t lanes = vector.getNumElements();
  auto all = VectorType::get({2 * lanes}, vector.getElementType());
  Value words = vector::BitCastOp::create(b, all, wide);
  auto even = llvm::map_to_vector(llvm::seq<int64_t>(0, lanes), [](int64_t i) { return 2 * i; });
  return vector::ShuffleOp::create(b, words, words, even);
}

/// i64 in the shape of i32.
static Type widened(Type narrow) {
  Type i64 = IntegerType::get(narrow.getContext(), 64);
  auto vector = dyn_cast<VectorType>(narrow);
  return vector ? Type(vector.clone(i64)) : i64;
}

Value VectorMath::widen(Type narrow, Value word) {
  Type i64 = b.getI64Type(), wide = widened(narrow);
  bool isVector = isa<VectorType>(word.getType());
  word = arith::ExtUIOp::create(b, isVector ? wide : i64, word);
  return isVector || wide == i64 ? word : vector::BroadcastOp::create(b, wide, word).getResult();
}

VectorMath::RoundKeys VectorMath::roundKeys(std::array<Value, 2> key, Type narrow) {
  constexpr std::array<uint32_t, 2> steps = {0x9E3779B9, 0xBB67AE85};
  RoundKeys keys;
  for (auto &round : keys)
    for (int word : {0, 1}) {
      round[word] = widen(narrow, key[word]);
      Value step = arith::ConstantIntOp::create(b, static_cast<int32_t>(steps[word]), 32);
      key[word] = arith::AddIOp::create(b, key[word], step);
    }
  return keys;
}

/// Words stand in the low halves of 64-bit lanes, below anything: then a multiplication
/// of low halves (pmuludq) is a product, and its high word a shift away.
std::array<Value, 4> VectorMath::philox(std::array<Value, 4> counter, const RoundKeys &keys) {
  Type narrow = counter[0].getType(), wide = widened(narrow);
  auto multiply = [&](Value word, uint32_t factor) -> Value {
    word = arith::AndIOp::create(b, word, numberLike(b, wide, 0xFFFFFFFF));
    return arith::MulIOp::create(b, word, numberLike(b, wide, factor));
  };
  auto mix = [&](Value product, Value y, Value key) -> Value {
    Value high = arith::ShRUIOp::create(b, product, numberLike(b, wide, 32));
    return arith::XOrIOp::create(b, arith::XOrIOp::create(b, high, y), key);
  };
  for (Value &word : counter)
    word = widen(narrow, word);
  for (const auto &key : keys) {
    Value first = multiply(counter[0], 0xD2511F53), second = multiply(counter[2], 0xCD9E8D57);
    counter = {mix(second, counter[1], key[0]), second, mix(first, counter[3], key[1]), first};
  }
  return counter;
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

/// 1 - 2^q, q a fit of log2(erfc(|x|)): behind 4 erf rounds to 1.
Value VectorMath::erf(Value x) {
  if (isDouble(x))
    return callLibrary("erf", x);
  if (hasTables(x))
    return erfByTable(x);
  Value size = math::AbsFOp::create(b, x), limit = number(x, 4);
  Value t = arith::SelectOp::create(b, arith::CmpFOp::create(b, P::OGT, size, limit), limit, size);
  Value p = polynomial(t, {1.3353129424e-05, -1.6971263234e-04, 9.1296113609e-04, -2.4049551491e-03,
                           2.3134132598e-04, 2.7632066541e-02, -1.4827707741e-01, -9.1844762384e-01,
                           -1.6279070352e+00});
  Value q = arith::MulFOp::create(b, t, p);
  Rounded n = roundedTo(q, 1);
  Value r = arith::SubFOp::create(b, q, n.number);
  p = polynomial(r, {1.5403512647e-04, 1.3390735478e-03, 9.6182374941e-03, 5.5503574336e-02,
                     2.4022649795e-01, 6.9314718793e-01});
  Value lost = grownLessOne(n.shifted, arith::MulFOp::create(b, r, p));
  return math::CopySignOp::create(b, lost, x);
}

//===----------------------------------------------------------------------===//
// Powers
//===----------------------------------------------------------------------===//

/// x^y of |x| in [0, inf] as 2^(y log2 x), in double: the exponent is right to 2^-30
/// though it goes to 150. NaN where either is.
Value VectorMath::positivePower(Value x, Value y) {
  auto clamp = [&](Value v, double limit) {
    Value high = number(v, limit), low = number(v, -limit);
    v = arith::SelectOp::create(b, arith::CmpFOp::create(b, P::OGT, v, high), high, v);
    return arith::SelectOp::create(b, arith::CmpFOp::create(b, P::OLT, v, low), low, v).getResult();
  };
  Type f64 = b.getF64Type(), i64 = b.getI64Type();
  auto vector = dyn_cast<VectorType>(x.getType());
  if (vector) {
    f64 = vector.clone(f64);
    i64 = vector.clone(i64);
  }
  auto wide = [&](Value v) { return arith::ExtFOp::create(b, f64, v).getResult(); };
  Parts parts = partsOf(x);
  Value r = wide(arith::SubFOp::create(b, parts.mantissa, number(x, 1)));
  Value p =
      polynomial(r, {-4.49540579308690541e-02, 1.15503012081797196e-01, -1.52870262211670244e-01,
                     1.64657135625471490e-01, -1.80314640044087232e-01, 2.05820395417595281e-01,
                     -2.40428217324570231e-01, 2.88546023418354558e-01, -3.60674359360042440e-01,
                     4.80898282227169127e-01, -7.21347516856111537e-01, 1.44269504099454515e+00});
  Value logarithm = mulAdd(r, p, wide(parts.exponent));
  // An infinite exponent would make 1 NaN.
  Value factor = wide(clamp(y, std::numeric_limits<float>::max()));
  Value exponent = clamp(arith::MulFOp::create(b, logarithm, factor), 160);
  // As in roundedTo, for double.
  Value shift = number(exponent, 6755399441055744.0 + 1023);
  Value shifted = arith::AddFOp::create(b, exponent, shift);
  Value whole = arith::SubFOp::create(b, shifted, shift);
  p = polynomial(arith::SubFOp::create(b, exponent, whole),
                 {1.53456962820197677e-04, 1.34000633101367603e-03, 9.61849039723257707e-03,
                  5.55032845078203274e-02, 2.40226468677994215e-01, 6.93147205886923023e-01,
                  1.00000000055859584e+00});
  Value power =
      arith::ShLIOp::create(b, arith::BitcastOp::create(b, i64, shifted), numberLike(b, i64, 52));
  p = arith::MulFOp::create(b, p, arith::BitcastOp::create(b, f64, power));
  return arith::TruncFOp::create(b, x.getType(), p);
}

/// With what IEEE 754 (9.2.1) says of signs and of 1.
Value VectorMath::pow(Value x, Value y) {
  if (isDouble(x))
    return math::PowFOp::create(b, x, y);
  auto select = [&](Value condition, Value yes, Value no) -> Value {
    return arith::SelectOp::create(b, condition, yes, no);
  };
  auto compare = [&](P predicate, Value v, double right) -> Value {
    return arith::CmpFOp::create(b, predicate, v, number(v, right));
  };
  auto both = [&](Value left, Value right) -> Value {
    return arith::AndIOp::create(b, left, right);
  };
  Value result = positivePower(math::AbsFOp::create(b, x), y);
  // From 2^23 on all floats are integers, from 2^24 on even; below, adding 2^23 rounds.
  Value size = math::AbsFOp::create(b, y), shift = number(y, 8388608);
  Value isShort = compare(P::OLT, size, 8388608);
  Value shifted = select(isShort, arith::AddFOp::create(b, size, shift), size);
  Value isInteger = arith::CmpFOp::create(
      b, P::OEQ, select(isShort, arith::SubFOp::create(b, shifted, shift), size), size);
  Value isOdd = both(isInteger, compare(P::OLT, size, 16777216));
  Value parity = arith::ShLIOp::create(b, bits(shifted), integer(x, 31));
  Value sign = select(isOdd, both(bits(x), parity), integer(x, 0));
  result = fromBits(arith::XOrIOp::create(b, bits(result), sign));
  // A finite number below 0 has only integer powers.
  Value isNegative =
      both(compare(P::OLT, x, 0), compare(P::OGT, x, -std::numeric_limits<double>::infinity()));
  Value nan = number(x, std::numeric_limits<double>::quiet_NaN());
  result = select(isNegative, select(isInteger, result, nan), result);
  Value isOne = arith::OrIOp::create(b, compare(P::OEQ, x, 1), compare(P::OEQ, y, 0));
  return select(isOne, number(x, 1), result);
}

} // namespace dl
