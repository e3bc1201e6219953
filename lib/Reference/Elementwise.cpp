//===- Elementwise.cpp - Reference of the element-wise ops ----------------===//

#include "Evaluate.h"

#include <cmath>
#include <limits>
#include <numbers>

using namespace mlir;

namespace dl {

static void map(Arrays in, MutableArrays out, double (*f)(double)) {
  for (int64_t i = 0; i < out[0].size(); ++i)
    out[0].setReal(i, f(in[0].real(i)));
}

static void map(Arrays in, MutableArrays out, double (*f)(double, double)) {
  int64_t i = 0;
  forEachIndex(out[0].shape(), [&](ArrayRef<int64_t> index) {
    out[0].setReal(i++,
                   f(in[0].real(in[0].atBroadcast(index)), in[1].real(in[1].atBroadcast(index))));
  });
}

// y = f(x)
#define DL_REFERENCE_UNARY(Op, formula)                                                            \
  template <> void evaluate(Op, Arrays in, MutableArrays out) {                                    \
    map(in, out, [](double x) -> double { return formula; });                                      \
  }
DL_REFERENCE_UNARY(NegOp, -x)
DL_REFERENCE_UNARY(AbsOp, std::fabs(x))
DL_REFERENCE_UNARY(SignOp, x > 0 ? 1 : x < 0 ? -1 : x)
DL_REFERENCE_UNARY(ExpOp, std::exp(x))
DL_REFERENCE_UNARY(LogOp, std::log(x))
DL_REFERENCE_UNARY(SqrtOp, std::sqrt(x))
DL_REFERENCE_UNARY(RsqrtOp, 1 / std::sqrt(x))
DL_REFERENCE_UNARY(TanhOp, std::tanh(x))
DL_REFERENCE_UNARY(SigmoidOp, 1 / (1 + std::exp(-x)))
DL_REFERENCE_UNARY(ReluOp, x < 0 ? 0 : x)
DL_REFERENCE_UNARY(ReciprocalOp, 1 / x)
DL_REFERENCE_UNARY(ErfOp, std::erf(x))
#undef DL_REFERENCE_UNARY

static double gelu(double x) { return 0.5 * x * std::erfc(-std::sqrt(0.5) * x); }
/// (1 + tanh(u)) / 2 = 1 / (1 + exp(-2 u)), which keeps its digits where it is small.
static double geluByTanh(double x) {
  double u = std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x);
  return x / (1 + std::exp(-2 * u));
}
template <> void evaluate(GeluOp op, Arrays in, MutableArrays out) {
  map(in, out, op.getApproximate() == "tanh" ? geluByTanh : gelu);
}

// z = f(x, y)
#define DL_REFERENCE_BINARY(Op, formula)                                                           \
  template <> void evaluate(Op, Arrays in, MutableArrays out) {                                    \
    map(in, out, [](double x, double y) -> double { return formula; });                            \
  }
DL_REFERENCE_BINARY(AddOp, x + y)
DL_REFERENCE_BINARY(SubOp, x - y)
DL_REFERENCE_BINARY(MulOp, x *y)
DL_REFERENCE_BINARY(DivOp, x / y)
DL_REFERENCE_BINARY(PowOp, std::pow(x, y))
DL_REFERENCE_BINARY(MaximumOp, std::isnan(x) || x > y ? x : y)
DL_REFERENCE_BINARY(MinimumOp, std::isnan(x) || x < y ? x : y)
#undef DL_REFERENCE_BINARY

template <typename T> static bool compare(StringRef predicate, T x, T y) {
  if (predicate == "eq")
    return x == y;
  if (predicate == "ne")
    return x != y;
  if (predicate == "lt")
    return x < y;
  if (predicate == "le")
    return x <= y;
  if (predicate == "gt")
    return x > y;
  return x >= y;
}

template <> void evaluate(CompareOp op, Arrays in, MutableArrays out) {
  int64_t i = 0;
  forEachIndex(out[0].shape(), [&](ArrayRef<int64_t> index) {
    int64_t a = in[0].atBroadcast(index), b = in[1].atBroadcast(index);
    out[0].setInteger(i++, in[0].isReal()
                               ? compare(op.getPredicate(), in[0].real(a), in[1].real(b))
                               : compare(op.getPredicate(), in[0].integer(a), in[1].integer(b)));
  });
}

template <> void evaluate(SelectOp, Arrays in, MutableArrays out) {
  int64_t i = 0;
  forEachIndex(out[0].shape(), [&](ArrayRef<int64_t> index) {
    const Array &chosen = in[0].integer(in[0].atBroadcast(index)) ? in[1] : in[2];
    out[0].copy(i++, chosen, chosen.atBroadcast(index));
  });
}

/// Towards zero; what the type cannot hold becomes its nearest value, NaN 0.
static int64_t toInteger(double x, unsigned width) {
  double limit = std::ldexp(1.0, static_cast<int>(width) - 1);
  if (std::isnan(x))
    return 0;
  if (x >= limit)
    return width == 32 ? std::numeric_limits<int32_t>::max() : std::numeric_limits<int64_t>::max();
  if (x <= -limit)
    return width == 32 ? std::numeric_limits<int32_t>::min() : std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(x);
}

static int64_t wrap(int64_t x, unsigned width) {
  return width == 32 ? static_cast<int32_t>(static_cast<uint64_t>(x)) : x;
}

template <> void evaluate(CastOp op, Arrays in, MutableArrays out) {
  const Array &from = in[0];
  Array &to = out[0];
  for (int64_t i = 0; i < to.size(); ++i) {
    if (from.isReal() && to.isReal())
      to.setReal(i, from.real(i));
    else if (to.isReal()) // An i64 is rounded once, not by way of f64.
      to.setReal(i, to.elementType().isF32() ? static_cast<float>(from.integer(i))
                                             : static_cast<double>(from.integer(i)));
    else if (to.elementType().isInteger(1))
      to.setInteger(i, from.isReal() ? from.real(i) != 0 : from.integer(i) != 0);
    else if (from.isReal())
      to.setInteger(i, toInteger(from.real(i), to.elementType().getIntOrFloatBitWidth()));
    else
      to.setInteger(i, wrap(from.integer(i), to.elementType().getIntOrFloatBitWidth()));
  }
}

} // namespace dl
