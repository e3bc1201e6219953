//===- VectorMath.h - Transcendental functions as vector code ---*- C++ -*-===//
//
// f32 functions as branch-free polynomials, on scalars and vectors alike; f64
// goes to the C library, lane by lane. Where the machine has AVX-512, exponents,
// mantissas, powers of two and estimates of reciprocal roots are its instructions.
//
// `dl-ulp` (test/tools/dl-ulp) measures them; the largest errors that were seen
// with AVX-512 and with FMA alone (every 61st float; gelu: all) and without
// (every 4099th):
//
//   function   error     outside the ordinary
//   exp        1.74 ulp  rounds to denormals, 0, infinity; NaN stays
//   log        0.90 ulp  denormals right; 0: -infinity, below: NaN
//   sqrt       0.76 ulp  denormals right
//   rsqrt      1.49 ulp
//   tanh       3.20 ulp  +-1 at the ends
//   sigmoid    2.92 ulp  denormals for large negative x
//   erf        2.53 ulp  +-1 at the ends
//   gelu       3.98 ulp  denormals for large negative x
//   by tanh    3.59 ulp
//   pow        0.69 ulp  as IEEE 754 says; half of its pairs make ordinary numbers
//
// The polynomials are minimax fits; those of gelu by tanh and of gelu without FMA
// lean on more digits than a float has.
//
//===----------------------------------------------------------------------===//

#ifndef DL_LIB_CODEGEN_VECTORMATH_H
#define DL_LIB_CODEGEN_VECTORMATH_H

#include "VectorTables.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/TypeUtilities.h"

namespace dl {

struct VectorMath {
  mlir::ImplicitLocOpBuilder &b;
  bool hasFMA = true;
  bool hasAVX512 = false;

  mlir::Value exp(mlir::Value x);
  mlir::Value log(mlir::Value x);
  mlir::Value sqrt(mlir::Value x);
  mlir::Value rsqrt(mlir::Value x);
  mlir::Value tanh(mlir::Value x);
  mlir::Value sigmoid(mlir::Value x);
  mlir::Value erf(mlir::Value x);
  /// x times the normal distribution function, exact or by tanh.
  mlir::Value gelu(mlir::Value x);
  mlir::Value geluTanh(mlir::Value x);
  mlir::Value pow(mlir::Value x, mlir::Value y);
  /// The larger and the smaller of two; NaN where either is.
  mlir::Value maximum(mlir::Value x, mlir::Value y);
  mlir::Value minimum(mlir::Value x, mlir::Value y);
  /// x * y + z, in one rounding where the machine has the instruction.
  mlir::Value mulAdd(mlir::Value x, mlir::Value y, mlir::Value z);

  /// The keys of the rounds of Philox4x32-10 (dl/Support/Philox.h), for counters of the
  /// type `narrow`: i32, or vectors of it.
  using RoundKeys = std::array<std::array<mlir::Value, 2>, 10>;
  RoundKeys roundKeys(std::array<mlir::Value, 2> key, mlir::Type narrow);
  /// Its words for a counter of four, of which the first may be a vector; in the low halves of
  /// 64-bit lanes.
  std::array<mlir::Value, 4> philox(std::array<mlir::Value, 4> counter, const RoundKeys &keys);
  mlir::Value lowHalves(mlir::Type narrow, mlir::Value wide);

private:
  /// A number as the sum of a float and a smaller one behind its last digit.
  struct Pair {
    mlir::Value high, low;
  };
  /// x y without error (T. Dekker, A floating-point technique for extending the
  /// available precision, 1971, where there is no fused multiply-add).
  Pair exactProduct(mlir::Value x, mlir::Value y);
  /// x + y without error (D. Knuth's two-sum).
  Pair exactSum(mlir::Value x, mlir::Value y);
  /// factor exp(x), rounded once where the result is denormal. What is null is 0,
  /// and a factor without parts 1. Beyond `most`, as at `most`.
  mlir::Value scaledExp(Pair x, Pair factor, double most = 89);
  /// exp(r) = 1 + r q(r) for |r| <= step / 2 ln 2: q, and the first part of step ln 2.
  /// With a step of 2 powers of two are multiplied in twice, each a float while the
  /// result goes from the denormals to infinity.
  struct ExpForm {
    double step, high;
    llvm::SmallVector<double> coefficients;
  };
  ExpForm expForm(mlir::Value x) const;
  mlir::Value geluFused(mlir::Value x);
  mlir::Value geluUnfused(mlir::Value x);
  static bool isDouble(mlir::Value x) { return mlir::getElementTypeOrSelf(x.getType()).isF64(); }
  /// 2^n (1 + t) - 1 without loss near 0; `shifted` as roundedTo leaves it.
  mlir::Value grownLessOne(mlir::Value shifted, mlir::Value t);
  /// x = 2^exponent mantissa, the mantissa in [3/4, 3/2). The exponent (a float) of
  /// 0 and infinity is infinite, the mantissa of what has no logarithm NaN.
  struct Parts {
    mlir::Value exponent, mantissa;
  };
  Parts partsOf(mlir::Value x);
  /// The instruction of AVX-512 on all lanes of a vector of f32: `operands`, then
  /// an unused passthrough, a mask of ones and `rounding` where it has one.
  mlir::Value instruction(llvm::StringRef name, mlir::ValueRange operands, bool hasRounding);
  bool hasInstructions(mlir::Value x) const;
  /// The ways of VectorTables.cpp.
  bool hasTables(mlir::Value x) const;
  mlir::Value lookUp(const Table &table, mlir::Value index);
  /// x, or what is nearest to it among numbers up to `limit`, which NaN becomes as well.
  mlir::Value limited(mlir::Value x, double limit, bool clearsSign);
  mlir::Value piecewise(const Pieces &pieces, mlir::Value t);
  mlir::Value expByTable(mlir::Value x, bool isExact = false);
  mlir::Value sigmoidByTable(mlir::Value x);
  mlir::Value oddByTable(const Pieces &pieces, mlir::Value x, double last);
  mlir::Value tanhByTable(mlir::Value x);
  mlir::Value erfByTable(mlir::Value x);
  mlir::Value geluByTable(mlir::Value x);
  mlir::Value widen(mlir::Type narrow, mlir::Value word);
  mlir::Value callLibrary(llvm::StringRef name, mlir::Value x);

  mlir::Value number(mlir::Value like, double value);
  mlir::Value integer(mlir::Value like, int64_t value);
  mlir::Value polynomial(mlir::Value x, llvm::ArrayRef<double> coefficients);
  /// |x|^y.
  mlir::Value positivePower(mlir::Value x, mlir::Value y);
  /// An integer n near a float y = x factor (x itself where there is none) in
  /// [-127, 127]: as a float, and in the low bits of a sum, from where powerOfTwo
  /// takes it.
  struct Rounded {
    mlir::Value number, shifted;
  };
  Rounded roundedTo(mlir::Value x, double factor);
  /// The same, to a multiple of 1/32, of which the last bits of the sum are the number.
  Rounded roundedToRoot(mlir::Value x, mlir::Value factor);
  /// y 2^(step n), rounded once.
  mlir::Value timesPower(mlir::Value y, Rounded n);
  mlir::Value powerOfTwo(mlir::Value shifted);
  mlir::Value bits(mlir::Value x);
  mlir::Value fromBits(mlir::Value x);
};

} // namespace dl

#endif // DL_LIB_CODEGEN_VECTORMATH_H
