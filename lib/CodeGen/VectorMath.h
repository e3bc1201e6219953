//===- VectorMath.h - Transcendental functions as vector code ---*- C++ -*-===//
//
// f32 functions as branch-free polynomials, on scalars and vectors alike; f64
// goes to the C library, lane by lane.
//
// `dl-ulp` (test/tools/dl-ulp) measures them on all 2^32 floats:
//
//   function   error     outside the ordinary
//   exp        1.01 ulp  rounds to denormals, 0, infinity; NaN stays
//   log        0.83 ulp  denormals right; 0: -infinity, below: NaN
//   rsqrt      1.49 ulp
//   tanh       1.33 ulp  +-1 at the ends
//   sigmoid    2.40 ulp  denormals for large negative x
//   erf        1.21 ulp  +-1 at the ends
//   gelu       2.95 ulp  denormals for large negative x
//   by tanh    3.41 ulp
//
// The polynomials of exp, log and tanh are those of the Cephes library
// (S. Moshier, Methods and Programs for Mathematical Functions, 1989), those of
// erf and gelu minimax fits.
//
//===----------------------------------------------------------------------===//

#ifndef DL_LIB_CODEGEN_VECTORMATH_H
#define DL_LIB_CODEGEN_VECTORMATH_H

#include <array>

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace dl {

struct VectorMath {
  mlir::ImplicitLocOpBuilder &b;
  bool hasFMA = true;

  mlir::Value exp(mlir::Value x);
  mlir::Value log(mlir::Value x);
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

  /// The first word of Philox4x32-10 (dl/Support/Philox.h) for a counter of four
  /// words and a key of two. The first word of the counter may be a vector.
  mlir::Value philox(std::array<mlir::Value, 4> counter, std::array<mlir::Value, 2> key);

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
  /// and a factor without parts 1.
  mlir::Value scaledExp(Pair x, Pair factor);
  mlir::Value callLibrary(llvm::StringRef name, mlir::Value x);

  mlir::Value number(mlir::Value like, double value);
  mlir::Value integer(mlir::Value like, int64_t value);
  mlir::Value polynomial(mlir::Value x, llvm::ArrayRef<double> coefficients);
  /// 2^n for an integer in [-126, 127].
  mlir::Value powerOfTwo(mlir::Value n);
  mlir::Value bits(mlir::Value x);
  mlir::Value fromBits(mlir::Value x);
};

} // namespace dl

#endif // DL_LIB_CODEGEN_VECTORMATH_H
