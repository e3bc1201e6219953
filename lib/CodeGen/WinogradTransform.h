//===- WinogradTransform.h - Convolutions with fewer products ---*- C++ -*-===//
//
// The products of two polynomials can be had from their values at points: that
// many multiplications instead of one for each pair of coefficients. A piece of
// a convolution with r taps and m results is such a product, transposed, and
// takes n = m + r - 1 points, one of them infinity (S. Winograd, Arithmetic
// Complexity of Computations, 1980). Three matrices lead to the points, one for
// each tensor:
//
//   image    I  n x n   a patch of n elements
//   weights  W  n x r   the taps
//   result   R  n x m   the results
//
// and sum_p (I x)[p] * (W w)[p] * (R y)[p] is the sum of x[i + k] * w[k] * y[i]
// over all i and k. So whichever tensor is wanted is the transpose of its matrix
// times the products of the other two, point by point:
//
//   y = R' ((I x) * (W w))    x = I' ((W w) * (R y))    w = W' ((I x) * (R y))
//
// In two dimensions a matrix is applied to the rows, then to the columns. For
// 5x5 taps and 2x2 results, 36 multiplications do the work of 100; for 3x3 taps
// and 4x4 results, of 144.
//
// Rounding errors depend on the points. 0, 1, -1, 1/2, -2 and infinity, a set that
// x -> -1/x maps to itself, err several times less than 0, 1, -1, 2, -2 and
// infinity (B. Barabasz et al., Error Analysis and Improving the Accuracy of
// Winograd Convolution for Deep Neural Networks, 2020).
//
//===----------------------------------------------------------------------===//

#ifndef DL_LIB_CODEGEN_WINOGRADTRANSFORM_H
#define DL_LIB_CODEGEN_WINOGRADTRANSFORM_H

#include "VectorMath.h"

namespace dl {

/// A small constant matrix, as the code that applies it: sums that two rows
/// share (up to a factor) are computed once, factors of 1 cost nothing.
///
///   rows * x  =  direct * x + spread * (shared * x)
class LinearMap {
public:
  using Row = llvm::SmallVector<double, 8>;

  explicit LinearMap(llvm::ArrayRef<Row> rows);

  int64_t rows() const { return static_cast<int64_t>(direct.size()); }
  int64_t columns() const { return static_cast<int64_t>(direct[0].size()); }
  double at(int64_t row, int64_t column) const;
  /// Vector instructions of `apply`.
  int64_t cost() const;

  /// The matrix, and its transpose, times a column of values.
  llvm::SmallVector<mlir::Value> apply(VectorMath &math, llvm::ArrayRef<mlir::Value> x) const;
  llvm::SmallVector<mlir::Value> applyTransposed(VectorMath &math,
                                                 llvm::ArrayRef<mlir::Value> x) const;

private:
  void share(size_t first, size_t second, size_t parity);

  llvm::SmallVector<Row> direct, shared;
  /// For each shared sum, its factor in each row.
  llvm::SmallVector<Row> spread;
};

struct WinogradTransforms {
  LinearMap image, weights, result;
};

/// The matrices for m results of r taps in one dimension; m + r - 1 is 4 or 6.
WinogradTransforms makeWinogradTransforms(int64_t results, int64_t taps);

} // namespace dl

#endif // DL_LIB_CODEGEN_WINOGRADTRANSFORM_H
