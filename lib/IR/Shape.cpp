//===- Shape.cpp - Shape rules of the ops that move elements --------------===//

#include "dl/IR/DLOps.h"
#include "dl/IR/Inference.h"

#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace dl {

/// Product of the known extents, or an error where it overflows; `open` counts
/// the unknown ones.
static FailureOr<int64_t> product(OptionalLoc loc, ArrayRef<int64_t> shape, int &open) {
  int64_t count = 1;
  open = 0;
  for (int64_t extent : shape) {
    if (extent < 0) {
      ++open;
    } else if (llvm::MulOverflow(count, extent, count)) {
      return emitOptionalError(loc, "expected a number of elements below 2^63, got shape ",
                               formatShape(shape));
    }
  }
  return count;
}

LogicalResult ReshapeOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor adaptor,
                                          InferredTypes &results) {
  RankedTensorType input = tensorType(adaptor.getInput());
  SmallVector<int64_t> shape(adaptor.getShape());
  int openBefore, openAfter;
  FailureOr<int64_t> before = product(loc, input.getShape(), openBefore);
  FailureOr<int64_t> after = product(loc, shape, openAfter);
  if (failed(before) || failed(after))
    return failure();
  if (llvm::any_of(shape, [](int64_t e) { return e < -1; }) || openAfter > 1)
    return emitOptionalError(loc, "expected extents of at least 0 and at most one -1, got [", shape,
                             "]");
  if (openBefore > 1)
    return emitOptionalError(loc, "expected at most one open extent, got ",
                             formatShape(input.getShape()));
  if (openAfter == 0) {
    // A known shape from an open one: the open extent must be a whole number.
    if (openBefore ? *before == 0 || *after % *before != 0 : *before != *after)
      return emitOptionalError(loc, "expected ", *before, " elements, got ", *after, " in shape ",
                               formatShape(shape));
  } else {
    int64_t *open = llvm::find(shape, -1);
    if (*after == 0 || *before % *after != 0)
      return emitOptionalError(loc, "expected ", *before, " elements, got a multiple of ", *after);
    if (openBefore && *before != *after)
      return emitOptionalError(loc, "expected ", *before, " elements beside the open extent, got ",
                               *after);
    *open = openBefore ? ShapedType::kDynamic : *before / *after;
  }
  results.push_back(input.clone(shape));
  return success();
}

LogicalResult FlattenOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor adaptor,
                                          InferredTypes &results) {
  RankedTensorType input = tensorType(adaptor.getInput());
  int64_t axis = adaptor.getAxis(), rank = input.getRank();
  if (axis < -rank || axis > rank)
    return emitOptionalError(loc, "expected an axis in [", -rank, ", ", rank, "], got ", axis);
  if (axis < 0)
    axis += rank;
  SmallVector<int64_t> shape;
  for (ArrayRef<int64_t> part :
       {input.getShape().take_front(axis), input.getShape().drop_front(axis)}) {
    int open;
    FailureOr<int64_t> count = product(loc, part, open);
    if (failed(count))
      return failure();
    shape.push_back(open ? ShapedType::kDynamic : *count);
  }
  results.push_back(input.clone(shape));
  return success();
}

LogicalResult TransposeOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor adaptor,
                                            InferredTypes &results) {
  RankedTensorType input = tensorType(adaptor.getInput());
  SmallVector<int64_t> sorted(adaptor.getPermutation());
  llvm::sort(sorted);
  if (sorted != llvm::to_vector(llvm::seq<int64_t>(input.getRank())))
    return emitOptionalError(loc, "expected a permutation of the ", input.getRank(),
                             " dimensions, got [", adaptor.getPermutation(), "]");
  results.push_back(input.clone(llvm::map_to_vector(
      adaptor.getPermutation(), [&](int64_t dim) { return input.getDimSize(dim); })));
  return success();
}

LogicalResult BroadcastOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor adaptor,
                                            InferredTypes &results) {
  RankedTensorType input = tensorType(adaptor.getInput());
  SmallVector<int64_t> shape(adaptor.getShape());
  int64_t leading = static_cast<int64_t>(shape.size()) - input.getRank();
  if (leading < 0)
    return emitOptionalError(loc, "expected at least ", input.getRank(), " extents, got ",
                             shape.size());
  for (auto [dim, extent] : llvm::enumerate(shape)) {
    int64_t own = static_cast<int64_t>(dim) < leading ? 1 : input.getDimSize(dim - leading);
    if (extent == -1 && static_cast<int64_t>(dim) >= leading)
      extent = own;
    else if (extent < 0 || (own != 1 && !extentsAgree(own, extent)))
      return emitOptionalError(loc, "expected an extent that ", own, " broadcasts to (dimension ",
                               dim, "), got ", extent);
  }
  results.push_back(input.clone(shape));
  return success();
}

//===----------------------------------------------------------------------===//
// Slices
//===----------------------------------------------------------------------===//

namespace {
/// [first, last) along a dimension.
struct Range {
  int64_t dim, first, last;
};
} // namespace

/// A Python index as a position in [0, extent].
static int64_t clampIndex(int64_t index, int64_t extent) {
  return std::clamp<int64_t>(index < 0 ? index + extent : index, 0, extent);
}

static FailureOr<SmallVector<Range>> rangesOf(OptionalLoc loc, RankedTensorType input,
                                              std::optional<ArrayRef<int64_t>> axes,
                                              ArrayRef<int64_t> starts, ArrayRef<int64_t> ends) {
  size_t count = axes ? axes->size() : starts.size();
  if (starts.size() != count || ends.size() != count)
    return emitOptionalError(loc, "expected one start and one end an axis, got ", count, " axes, ",
                             starts.size(), " starts and ", ends.size(), " ends");
  SmallVector<Range> ranges;
  for (size_t i = 0; i < count; ++i) {
    auto dim = normalizeAxis(loc, axes ? (*axes)[i] : static_cast<int64_t>(i), input.getRank());
    if (failed(dim))
      return failure();
    if (llvm::any_of(ranges, [&](const Range &range) { return range.dim == *dim; }))
      return emitOptionalError(loc, "expected distinct axes, got ", *dim, " twice");
    if (input.isDynamicDim(*dim))
      return emitOptionalError(loc, "expected a known extent along axis ", *dim);
    int64_t extent = input.getDimSize(*dim);
    int64_t first = clampIndex(starts[i], extent), last = clampIndex(ends[i], extent);
    ranges.push_back({*dim, first, std::max(first, last)});
  }
  return ranges;
}

LogicalResult SliceOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor adaptor,
                                        InferredTypes &results) {
  RankedTensorType input = tensorType(adaptor.getInput());
  auto ranges = rangesOf(loc, input, adaptor.getAxes(), adaptor.getStarts(), adaptor.getEnds());
  if (failed(ranges))
    return failure();
  SmallVector<int64_t> shape(input.getShape());
  for (const Range &range : *ranges)
    shape[range.dim] = range.last - range.first;
  results.push_back(input.clone(shape));
  return success();
}

SmallVector<int64_t> SliceOp::getOffsets() {
  SmallVector<int64_t> offsets(getInput().getType().getRank());
  auto ranges = rangesOf(std::nullopt, getInput().getType(), getAxes(), getStarts(), getEnds());
  for (const Range &range : *ranges)
    offsets[range.dim] = range.first;
  return offsets;
}

LogicalResult ConcatOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor adaptor,
                                         InferredTypes &results) {
  if (adaptor.getInputs().empty())
    return emitOptionalError(loc, "expected at least 1 operand, got 0");
  if (failed(checkSameElementType(loc, adaptor.getInputs())))
    return failure();
  RankedTensorType first = tensorType(adaptor.getInputs()[0]);
  FailureOr<int64_t> axis = normalizeAxis(loc, adaptor.getAxis(), first.getRank());
  if (failed(axis))
    return failure();
  SmallVector<int64_t> shape(first.getShape());
  for (Value input : adaptor.getInputs().drop_front()) {
    ArrayRef<int64_t> other = tensorType(input).getShape();
    for (int64_t dim = 0; dim < first.getRank(); ++dim)
      if (other.size() != shape.size() || (dim != *axis && !extentsAgree(other[dim], shape[dim])))
        return emitOptionalError(loc, "expected shapes that agree but for axis ", *axis, ", got ",
                                 formatShape(first.getShape()), " and ", formatShape(other));
    if (ShapedType::isDynamic(shape[*axis]) || ShapedType::isDynamic(other[*axis]))
      return emitOptionalError(loc, "expected a known extent along axis ", *axis);
    if (llvm::AddOverflow(shape[*axis], other[*axis], shape[*axis]))
      return emitOptionalError(loc, "expected an extent below 2^63 along axis ", *axis);
  }
  results.push_back(first.clone(shape));
  return success();
}

LogicalResult OneHotOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor adaptor,
                                         InferredTypes &results) {
  if (!adaptor.getTo().isF32() && !adaptor.getTo().isF64())
    return emitOptionalError(loc, "expected 'to' to be f32 or f64, got ", adaptor.getTo());
  SmallVector<int64_t> shape(tensorType(adaptor.getIndices()).getShape());
  shape.push_back(adaptor.getDepth());
  results.push_back(RankedTensorType::get(shape, adaptor.getTo()));
  return success();
}

} // namespace dl
