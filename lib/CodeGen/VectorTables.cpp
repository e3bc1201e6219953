//===- VectorTables.cpp - Functions as pieces of low degree ---------------===//
//
// AVX-512 looks up 16 lanes in a table of 32 floats with one instruction
// (vpermi2ps). So a function may be 32 polynomials of low degree instead of one of
// a high degree, and exp needs three terms behind a table of roots of two. Vectors of
// 16 lanes take these ways, all others those of VectorMath.cpp.
//
//===----------------------------------------------------------------------===//

#include "VectorTables.h"

#include "Expression.h"
#include "VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>
#include <limits>
#include <numbers>

using namespace mlir;

namespace dl {

using P = arith::CmpFPredicate;

//===----------------------------------------------------------------------===//
// Pieces
//===----------------------------------------------------------------------===//

using Polynomial = std::array<double, Pieces::kDegree + 1>;

/// p(a + b d) as a polynomial of d.
static Polynomial substituted(const Polynomial &p, double a, double b) {
  Polynomial result{};
  for (double coefficient : llvm::reverse(p)) {
    for (size_t power = result.size() - 1; power > 0; --power)
      result[power] = result[power] * a + result[power - 1] * b;
    result[0] = result[0] * a + coefficient;
  }
  return result;
}

/// Agrees with f at `nodes` zeros of a Chebyshev polynomial over [low, high]; of t - center.
static Polynomial interpolation(function_ref<double(double)> f, double low, double high,
                                double center, int nodes) {
  double middle = (low + high) / 2, half = (high - low) / 2;
  // Newton's divided differences over [-1, 1].
  std::array<double, Pieces::kDegree + 1> at{}, value{};
  for (int i = 0; i < nodes; ++i) {
    at[i] = std::cos((2 * i + 1) * std::numbers::pi / (2 * nodes));
    value[i] = f(middle + half * at[i]);
  }
  for (int order = 1; order < nodes; ++order)
    for (int i = nodes - 1; i >= order; --i)
      value[i] = (value[i] - value[i - 1]) / (at[i] - at[i - order]);
  Polynomial p{};
  for (int i = nodes - 1; i >= 0; --i) {
    for (int power = nodes - 1; power > 0; --power)
      p[power] = p[power - 1] - at[i] * p[power];
    p[0] = value[i] - at[i] * p[0];
  }
  return substituted(p, (center - middle) / half, 1 / half);
}

/// A piece that begins at 0, where f is 0: t times a polynomial, so that small
/// arguments lose nothing.
static Polynomial throughZero(function_ref<double(double)> f, double high) {
  auto slope = [&](double t) { return f(t) / t; };
  Polynomial p = interpolation(slope, 0, high, 0, Pieces::kDegree);
  for (size_t power = p.size() - 1; power > 0; --power)
    p[power] = p[power - 1];
  p[0] = 0;
  return p;
}

/// A float near the middle of [low, high] at which the value of f is almost one: a
/// polynomial's first term is then (S. Gal, An accurate elementary mathematical library for the
/// IEEE floating point standard, 1991).
static float goodCenter(function_ref<double(double)> f, double low, double high) {
  constexpr int candidates = 64;
  float best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < candidates; ++i) {
    auto center = static_cast<float>((low + high) / 2 + (high - low) * (i - candidates / 2) / 1024);
    double value = f(center), error = std::fabs(value - static_cast<float>(value));
    if (error < least) {
      least = error;
      best = center;
    }
  }
  return best;
}

Pieces::Pieces(function_ref<double(double)> f, double first, double last, bool isZeroAtZero)
    : offset(first) {
  // A little less, so that the last argument stays in the last piece.
  scale = static_cast<float>(first * 15 * (1 - 0x1p-20) / last);
  for (int piece = 0; piece < kCount; ++piece) {
    auto start = [&](int number) {
      return (std::ldexp(1 + number % 8 / 8.0, number / 8) * first - first) / scale;
    };
    double low = start(piece), high = start(piece + 1);
    bool isFirst = piece == 0 && isZeroAtZero;
    float center = isFirst ? 0 : goodCenter(f, low, high);
    Polynomial p =
        isFirst ? throughZero(f, high) : interpolation(f, low, high, center, kDegree + 1);
    // The last bits of the exponent, and the first ones of the mantissa.
    int index = (127 * 8 + std::ilogb(first) * 8 + piece) % kCount;
    centers[index] = center;
    for (auto [power, coefficient] : llvm::enumerate(p))
      coefficients[power][index] = static_cast<float>(coefficient);
  }
}

bool VectorMath::hasTables(Value x) const {
  return hasInstructions(x) && cast<VectorType>(x.getType()).getNumElements() == kTableLanes;
}

Value VectorMath::lookUp(const Table &table, Value index) {
  auto type = VectorType::get({kTableLanes}, b.getF32Type());
  auto half = [&](size_t first) -> Value {
    auto values = ArrayRef(table).slice(first, kTableLanes);
    return arith::ConstantOp::create(b, DenseElementsAttr::get(type, values));
  };
  auto name = b.getStringAttr("llvm.x86.avx512.vpermi2var.ps.512");
  return LLVM::CallIntrinsicOp::create(b, type, name, ValueRange{half(0), index, half(kTableLanes)})
      .getResults();
}

Value VectorMath::limited(Value x, double limit, bool clearsSign) {
  // The smaller of two sizes, with the sign of x or none.
  Value how = arith::ConstantIntOp::create(b, clearsSign ? 0b1010 : 0b0010, 32);
  return instruction("mask.range", {x, number(x, limit), how}, /*hasRounding=*/true);
}

Value VectorMath::piecewise(const Pieces &pieces, Value t) {
  Value position = mulAdd(t, number(t, pieces.scale), number(t, pieces.offset));
  Value index = arith::ShRUIOp::create(b, bits(position), integer(t, 20));
  Value d = arith::SubFOp::create(b, t, lookUp(pieces.centers, index));
  Value sum = lookUp(pieces.coefficients.back(), index);
  for (const Table &table : llvm::drop_begin(llvm::reverse(pieces.coefficients)))
    sum = mulAdd(sum, d, lookUp(table, index));
  return sum;
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

/// 2^(i / 32), and what the floats lack of it, relative to them.
static const std::array<Table, 2> &rootsOfTwo() {
  static const std::array<Table, 2> tables = [] {
    std::array<Table, 2> roots;
    for (int i = 0; i < Pieces::kCount; ++i) {
      double root = std::exp2(i / static_cast<double>(Pieces::kCount));
      roots[0][i] = static_cast<float>(root);
      roots[1][i] = static_cast<float>(root / roots[0][i] - 1);
    }
    return roots;
  }();
  return tables;
}

/// The largest r of exp(r) behind the table, and the terms of its polynomial behind 1, as
/// Chebyshev's next one makes them.
static constexpr double kMost = std::numbers::ln2 / 64;
static constexpr double kLinear = 1 + kMost * kMost / 8, kSquare = 0.5 + kMost * kMost / 24;
/// Adding it makes a sum a multiple of 1/32, with the index of its root in the last bits.
static constexpr double kRootShift = 1.5 * 0x1p18;

VectorMath::Rounded VectorMath::roundedToRoot(Value x, Value factor) {
  Value shift = number(x, kRootShift), shifted = mulAdd(x, factor, shift);
  return {arith::SubFOp::create(b, shifted, shift), shifted};
}

/// Where x is large, infinite or NaN, n is as well: then r does not count. `isExact`: with what
/// the root lacks, for those who have errors of their own.
Value VectorMath::expByTable(Value x, bool isExact) {
  Rounded n = roundedToRoot(x, number(x, std::numbers::log2e));
  constexpr auto high = static_cast<double>(static_cast<float>(std::numbers::ln2));
  Value r = mulAdd(n.number, number(x, -high), x);
  r = mulAdd(n.number, number(x, high - std::numbers::ln2), r);
  r = limited(r, 0.011, /*clearsSign=*/false);
  const auto &[roots, rests] = rootsOfTwo();
  Value root = lookUp(roots, bits(n.shifted));
  Value q = mulAdd(r, number(x, kSquare), number(x, kLinear));
  Value growth = isExact ? mulAdd(q, r, lookUp(rests, bits(n.shifted)))
                         : arith::MulFOp::create(b, q, r).getResult();
  return instruction("mask.scalef", {mulAdd(growth, root, root), n.number}, /*hasRounding=*/true);
}

/// Of e = exp(x): e / (1 + e), by an estimate of the reciprocal to 14 bits, which occupies the
/// ports a fifth as long as a division does. What e lacks of q (1 + e) makes the rest.
Value VectorMath::sigmoidByTable(Value x) {
  Value limit = number(x, 40);
  Value isLarge = arith::CmpFOp::create(b, P::OGT, x, limit);
  Value e = expByTable(arith::SelectOp::create(b, isLarge, limit, x), /*isExact=*/true);
  Value sum = arith::AddFOp::create(b, e, number(x, 1));
  Value reciprocal = instruction("rcp14", sum, /*hasRounding=*/false);
  Value q = arith::MulFOp::create(b, e, reciprocal);
  Value rest = mulAdd(arith::NegFOp::create(b, q), sum, e);
  return mulAdd(rest, reciprocal, q);
}

/// An odd function that is 1 behind `last`.
Value VectorMath::oddByTable(const Pieces &pieces, Value x, double last) {
  Value size = math::AbsFOp::create(b, x), limit = number(x, last);
  Value t = arith::SelectOp::create(b, arith::CmpFOp::create(b, P::OGT, size, limit), limit, size);
  return math::CopySignOp::create(b, piecewise(pieces, t), x);
}

Value VectorMath::tanhByTable(Value x) {
  constexpr double last = 9.1;
  static const Pieces pieces([](double t) { return std::tanh(t); }, 0.5, last, true);
  return oddByTable(pieces, x, last);
}

Value VectorMath::erfByTable(Value x) {
  constexpr double last = 4;
  static const Pieces pieces([](double t) { return std::erf(t); }, 0.5, last, true);
  return oddByTable(pieces, x, last);
}

/// t = |x| times the normal distribution's tail behind t, which is exp(-t²/2) times a
/// slow function: what x has to lose above 0, and gelu is below it.
Value VectorMath::geluByTable(Value x) {
  constexpr double last = 14.5;
  static const Pieces pieces(
      [](double t) { return std::erfc(t * std::sqrt(0.5)) / 2 * std::exp(t * t / 2); }, 1, last,
      false);
  Value t = limited(x, last, /*clearsSign=*/true);
  Value g = arith::MulFOp::create(b, t, piecewise(pieces, t));
  // -t² = 2 n ln 2 + 2 r, with one rounding where the two are close: n has 13 digits.
  constexpr double high = 0.693359375;
  Value square = arith::MulFOp::create(b, t, number(x, -0.5 * std::numbers::log2e));
  Rounded n = roundedToRoot(square, t);
  Value r = arith::MulFOp::create(b, n.number, number(x, -2 * high));
  r = mulAdd(arith::NegFOp::create(b, t), t, r);
  r = mulAdd(n.number, number(x, 2 * (high - std::numbers::ln2)), r);
  // So many factors need the rest of the root.
  const auto &[roots, rests] = rootsOfTwo();
  Value root = arith::MulFOp::create(b, lookUp(roots, bits(n.shifted)), g);
  Value q = mulAdd(r, number(x, kSquare / 4), number(x, kLinear / 2));
  Value grown = mulAdd(mulAdd(q, r, lookUp(rests, bits(n.shifted))), root, root);
  Value lost = instruction("mask.scalef", {grown, n.number}, /*hasRounding=*/true);
  Value zero = number(x, -0.0), isNegative = arith::CmpFOp::create(b, P::OLT, x, zero);
  return arith::SubFOp::create(b, arith::SelectOp::create(b, isNegative, zero, x), lost);
}

} // namespace dl
