//===- VectorMath.h - Transcendental functions as vector code ---*- C++ -*-===//
//
// f32 functions as branch-free polynomials, on scalars and vectors alike; f64
// goes to the C library, lane by lane.
//
// Largest errors of 4 million numbers of all exponents, with fused multiply-add:
//
//   function   error      outside the ordinary
//   exp        0.96 ulp   rounds to denormals, 0, infinity; NaN stays
//   log        0.75 ulp   denormals right; 0: -infinity, below: NaN
//   tanh       1.2 ulp    +-1 at the ends
//   sigmoid    2.3 ulp    denormals for large negative x
//
// Polynomials are those of the Cephes library (S. Moshier, Methods and Programs
// for Mathematical Functions, 1989).
//
//===----------------------------------------------------------------------===//

#ifndef DL_LIB_CODEGEN_VECTORMATH_H
#define DL_LIB_CODEGEN_VECTORMATH_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace dl {

struct VectorMath {
  mlir::ImplicitLocOpBuilder &b;
  bool hasFMA = true;

  mlir::Value exp(mlir::Value x);
  mlir::Value log(mlir::Value x);
  mlir::Value tanh(mlir::Value x);
  mlir::Value sigmoid(mlir::Value x);
  mlir::Value pow(mlir::Value x, mlir::Value y);
  /// The larger and the smaller of two; NaN where either is.
  mlir::Value maximum(mlir::Value x, mlir::Value y);
  mlir::Value minimum(mlir::Value x, mlir::Value y);
  /// x * y + z, in one rounding where the machine has the instruction.
  mlir::Value mulAdd(mlir::Value x, mlir::Value y, mlir::Value z);

private:
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
