//===- ContractionDescriptor.h - One description of all products -*- C++ -*-===//
//
// A matrix product in any transposition, a batched product with broadcasting, a
// convolution and both its gradients (strided, padded, dilated, grouped,
// depthwise) are one computation:
//
//   for every point i of a box of iteration dimensions:  C[c(i)] += A[a(i)] * B[b(i)]
//
// where a, b and c are affine: an iteration dimension adds `coefficient * i` to
// the index of one dimension of the tensor, or does not occur in it. Which
// tensors a dimension occurs in says all about its part:
//
//     in A and C      M      rows of the result: A is read once for all of N
//     in B and C      N      columns: one of them is the vector's direction
//     in A and B      K      summed over, in registers
//     in all three    Batch  independent products; in depthwise convolutions the
//                            only dimension with unit stride, so the vector's
//     in B and C, but Tap    not injective in C: C[oh * s + kh * d] gets a term
//                            from several (oh, kh), so taps run one after the
//                            other and add to memory
//
//   op                       Batch        M           N      K          Tap
//   matmul                   leading      m           n      k
//   conv2d                   g            img oh ow   oc     kh kw ic
//   conv2d_backward_weights  g            kh kw ic    oc     img oh ow
//   conv2d_backward_data     g            img oh ow   ic     oc         kh kw
//     the same, gathered     g            img ih iw   ic     kh kw oc
//
// Gathering with strides s goes by residues of (ih, iw) modulo s: ih = i * s + r meets
// only those kh for which ih + p - kh * d is a multiple of s, at places of A that are i
// plus a constant. Each is a convolution of stride 1. Without dilation, and where all
// residues have as many rows, they are one description: r is a dimension of B and C (N),
// k counts places of A, and B's index kh = r + p - k * s leaves the tensor for some r and k,
// whose products are left out. Elsewhere, each residue has a description of its own.
//
// A transposition is a matter of strides, a stride or dilation a coefficient,
// padding a base index below zero: nothing of them is left to special cases.
// What a strategy does (choose a tile of M and N for the registers, copy an
// operand to where its strides are good and its padding is zeros, split K) and
// what the emitter does (loops, loads, multiply-adds) knows dimensions and
// strides alone, no op names. A new kind of product needs a description here, no
// kernel.
//
// Example: conv2d, one channel group, stride s, dilation d, padding p, on images
// [img, h, w, ic] has the maps
//   A  (img, oh * s + kh * d - p, ow * s + kw * d - p, ic)
//   B  (kh, kw, ic, oc)
//   C  (img, oh, ow, oc)
//
//===----------------------------------------------------------------------===//

#ifndef DL_CODEGEN_CONTRACTIONDESCRIPTOR_H
#define DL_CODEGEN_CONTRACTIONDESCRIPTOR_H

#include "dl/IR/DLOps.h"

#include <optional>
#include <string>

namespace dl {

enum class DimRole { Batch, M, N, K, Tap };

/// What an iteration dimension adds to the index of a tensor: `coefficient * i`
/// to dimension `dim`; nothing where `dim` is negative.
struct AddressTerm {
  int dim = -1;
  int64_t coefficient = 0;
  bool occurs() const { return dim >= 0; }
};

/// A, B and C, as places in the arrays below.
enum OperandIndex { kA = 0, kB = 1, kC = 2 };

struct ContractionDim {
  std::string name;
  int64_t extent = 0;
  DimRole role = DimRole::K;
  AddressTerm terms[3];
};

/// A tensor of the contraction: its shape, row-major and dense, and the index
/// that the iteration's origin maps to (negative where it is padded).
struct ContractionOperand {
  mlir::Value value;
  llvm::SmallVector<int64_t> shape, base;

  llvm::SmallVector<int64_t> strides() const;
};

/// Indices from `low` to `high`, both included, or each `step`-th of them.
struct IndexRange {
  int64_t low = 0, high = -1, step = 1;
  int64_t extent() const { return (high - low + step) / step; }
};

struct ContractionDescriptor {
  mlir::Type element;
  /// Outer to inner, in the order in which the tensors are best walked.
  llvm::SmallVector<ContractionDim> dims;
  ContractionOperand operands[3];
  /// A strided gradient by residues: one of several that cover C together, for whose
  /// others C's strides leave room; or all of them, where each is a column (N).
  bool isResidue = false;
  /// Residues: the indices of A, dimension by dimension, that all of them touch.
  llvm::SmallVector<IndexRange> touchedA;

  /// The indices of a tensor's dimension that the iteration touches.
  IndexRange range(OperandIndex operand, int dim) const;
  /// The step between the indices of a tensor's dimension that the iteration touches;
  /// 1 unless one dimension of the iteration alone leads there, inside the tensor.
  int64_t stepOf(OperandIndex operand, int dim) const;
  /// Whether the iteration leaves the tensor along a dimension, or along any.
  bool leaves(OperandIndex operand, int dim) const;
  bool isPadded(OperandIndex operand) const;
  bool hasTaps() const;
  /// Product of the extents of all dimensions of a role.
  int64_t extentOf(DimRole role) const;
  /// Multiplications and additions.
  double flops() const;
  /// Residues that are columns: 1 where there are none.
  int64_t residues() const;
  /// Of residues that are columns, the share of the products that meet a tap; of the one that
  /// meets most of them, or of all.
  double shareOfTaps(bool ofMost) const;
  /// The same with A and B exchanged: what were rows are columns.
  ContractionDescriptor swapped() const;
};

/// How conv2d_backward_data is computed: by adding each product to where it
/// belongs, or by collecting for each element of the result (convolutions over the
/// padded cotangent: one, or with strides one for each residue).
enum class BackwardDataForm { Scatter, Gather };

/// The residues of a strided gradient, gathered; one where the stride is 1.
mlir::FailureOr<llvm::SmallVector<ContractionDescriptor, 1>>
describeResidues(Conv2DBackwardDataOp op);

/// The same as one description, where that can be.
std::optional<ContractionDescriptor> describeTogether(Conv2DBackwardDataOp op);

/// Describes dl.matmul and, on nhwc images and without bias, dl.conv2d,
/// dl.conv2d_backward_data and dl.conv2d_backward_weights, with static shapes.
mlir::FailureOr<ContractionDescriptor>
describeContraction(mlir::Operation *anchor, BackwardDataForm form = BackwardDataForm::Scatter);

} // namespace dl

#endif // DL_CODEGEN_CONTRACTIONDESCRIPTOR_H
