//===- VectorTables.h - Tables that vectors look up -------------*- C++ -*-===//

#ifndef DL_LIB_CODEGEN_VECTORTABLES_H
#define DL_LIB_CODEGEN_VECTORTABLES_H

#include "llvm/ADT/STLFunctionalExtras.h"

#include <array>
#include <cstdint>

namespace dl {

inline constexpr int64_t kTableLanes = 16;
using Table = std::array<float, 2 * kTableLanes>;

/// A function over [0, last] as 32 polynomials: u = scale t + offset goes over four
/// binades, each of which has eight pieces of one length. So pieces grow with t, and
/// a few bits of u are a piece's number.
struct Pieces {
  static constexpr int kCount = 2 * kTableLanes, kDegree = 4;

  /// `first`: the offset, a power of two. The larger, the more even are the pieces.
  /// `isZeroAtZero`: f(t) / t is what the first one fits.
  Pieces(llvm::function_ref<double(double)> f, double first, double last, bool isZeroAtZero);

  double offset;
  float scale;
  /// Of each piece: polynomials are of t less this, the lowest power first.
  Table centers;
  std::array<Table, kDegree + 1> coefficients;
};

} // namespace dl

#endif // DL_LIB_CODEGEN_VECTORTABLES_H
