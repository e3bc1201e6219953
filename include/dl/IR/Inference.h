//===- Inference.h - Shape rules shared by families -------------*- C++ -*-===//
//
// A shape rule is where an op is verified: it reports what is wrong with the
// operands and attributes, or returns the result types. An extent may be open
// (`?`, ShapedType::kDynamic): it agrees with any other.
//
//===----------------------------------------------------------------------===//

#ifndef DL_IR_INFERENCE_H
#define DL_IR_INFERENCE_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "mlir/IR/ValueRange.h"

#include <optional>

namespace dl {

using OptionalLoc = std::optional<mlir::Location>;
using InferredTypes = llvm::SmallVectorImpl<mlir::Type>;

/// The shape type of a value. Precondition: a ranked tensor.
mlir::RankedTensorType tensorType(mlir::Value value);
/// `2x?x3`, for diagnostics.
std::string formatShape(llvm::ArrayRef<int64_t> shape);
/// An error where a ranked tensor type has an encoding or, open extents counted
/// as 1, no size in bytes below 2^63.
mlir::LogicalResult checkTensorType(OptionalLoc loc, mlir::Type type);
/// False only where both extents are known and differ.
bool extentsAgree(int64_t a, int64_t b);

/// The axis as a number in [0, rank), or an error.
mlir::FailureOr<int64_t> normalizeAxis(OptionalLoc loc, int64_t axis, int64_t rank);
/// Axes of a reduction, non-negative, ascending; all where none are given.
/// Precondition: the op was verified.
llvm::SmallVector<int64_t> reducedAxes(int64_t rank, std::optional<llvm::ArrayRef<int64_t>> axes);
/// Shape after the reduction of some axes.
llvm::SmallVector<int64_t> reducedShape(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> axes,
                                        bool keepdims);
/// NumPy's broadcast of two shapes, or an error.
mlir::FailureOr<llvm::SmallVector<int64_t>>
broadcastShapes(OptionalLoc loc, llvm::ArrayRef<int64_t> a, llvm::ArrayRef<int64_t> b);
/// All operands have the same element type, or an error.
llvm::LogicalResult checkSameElementType(OptionalLoc loc, mlir::ValueRange operands);

/// All dimensions but one, which may be negative. Precondition: the op was verified.
llvm::SmallVector<int64_t> otherAxes(int64_t rank, int64_t axis);
llvm::LogicalResult inferElementwise(OptionalLoc loc, mlir::ValueRange operands,
                                     InferredTypes &results);

/// The families' rules by adaptor, so that ODS can name them.
template <typename Adaptor>
llvm::LogicalResult inferElementwise(OptionalLoc loc, Adaptor adaptor, InferredTypes &results) {
  return inferElementwise(loc, mlir::ValueRange(adaptor.getOperands()), results);
}

llvm::LogicalResult inferReduction(OptionalLoc loc, mlir::Value input,
                                   std::optional<llvm::ArrayRef<int64_t>> axes, bool keepdims,
                                   InferredTypes &results);
template <typename Adaptor>
llvm::LogicalResult inferReduction(OptionalLoc loc, Adaptor adaptor, InferredTypes &results) {
  return inferReduction(loc, adaptor.getInput(), adaptor.getAxes(), adaptor.getKeepdims(), results);
}

llvm::LogicalResult inferNormalization(OptionalLoc loc, mlir::Value input, int64_t axis,
                                       InferredTypes &results);
template <typename Adaptor>
llvm::LogicalResult inferNormalization(OptionalLoc loc, Adaptor adaptor, InferredTypes &results) {
  return inferNormalization(loc, adaptor.getInput(), adaptor.getAxis(), results);
}

llvm::LogicalResult inferPairwiseLoss(OptionalLoc loc, mlir::Value prediction, mlir::Value target,
                                      InferredTypes &results);
template <typename Adaptor>
llvm::LogicalResult inferPairwiseLoss(OptionalLoc loc, Adaptor adaptor, InferredTypes &results) {
  return inferPairwiseLoss(loc, adaptor.getPrediction(), adaptor.getTarget(), results);
}
llvm::LogicalResult inferCrossEntropy(OptionalLoc loc, mlir::Value logits, mlir::Value labels,
                                      InferredTypes &results);
template <typename Adaptor>
llvm::LogicalResult inferCrossEntropy(OptionalLoc loc, Adaptor adaptor, InferredTypes &results) {
  return inferCrossEntropy(loc, adaptor.getPrediction(), adaptor.getTarget(), results);
}

} // namespace dl

#endif // DL_IR_INFERENCE_H
