//===- Window.cpp - Geometry of convolutions and poolings -----------------===//

#include "dl/IR/Window.h"
#include "dl/IR/DLOps.h"

using namespace mlir;

namespace dl {

int64_t WindowGeometry::outputExtent(int dim, int64_t inputExtent) const {
  if (ShapedType::isDynamic(inputExtent))
    return ShapedType::kDynamic;
  int64_t span = (kernel[dim] - 1) * dilation[dim] + 1;
  int64_t room = inputExtent + padBefore[dim] + padAfter[dim] - span;
  if (room < 0)
    return 0;
  int64_t extent = (ceilMode ? room + strides[dim] - 1 : room) / strides[dim] + 1;
  // A window that starts in the padding behind the input holds no element.
  if (ceilMode && (extent - 1) * strides[dim] >= inputExtent + padBefore[dim])
    --extent;
  return extent;
}

static LogicalResult checkList(OptionalLoc loc, StringRef name, ArrayRef<int64_t> list, size_t size,
                               int64_t least) {
  // Larger extents than this have no use and would overflow products of two.
  constexpr int64_t most = 1 << 24;
  if (list.size() != size)
    return emitOptionalError(loc, "expected ", size, " integers as '", name, "', got ",
                             list.size());
  for (int64_t value : list)
    if (value < least || value > most)
      return emitOptionalError(loc, "expected '", name, "' in [", least, ", ", most, "], got ",
                               value);
  return success();
}

FailureOr<WindowGeometry> WindowGeometry::get(OptionalLoc loc, ArrayRef<int64_t> kernel,
                                              ArrayRef<int64_t> strides, ArrayRef<int64_t> padding,
                                              ArrayRef<int64_t> dilation, bool ceilMode) {
  if (failed(checkList(loc, "kernel", kernel, 2, 1)) ||
      failed(checkList(loc, "strides", strides, 2, 1)) ||
      failed(checkList(loc, "padding", padding, 4, 0)) ||
      failed(checkList(loc, "dilation", dilation, 2, 1)))
    return failure();
  return WindowGeometry{{kernel[0], kernel[1]},     {strides[0], strides[1]},
                        {dilation[0], dilation[1]}, {padding[0], padding[1]},
                        {padding[2], padding[3]},   ceilMode};
}

static FailureOr<RankedTensorType> pooledType(OptionalLoc loc, RankedTensorType type,
                                              const WindowGeometry &window, StringRef layout) {
  if (type.getRank() != 4)
    return emitOptionalError(loc, "expected an input of 4 dimensions, got ", type.getRank());
  ImageLayout at = ImageLayout::get(layout);
  SmallVector<int64_t> shape(type.getShape());
  for (int dim : {0, 1}) {
    int64_t axis = dim == 0 ? at.height : at.width;
    shape[axis] = window.outputExtent(dim, type.getDimSize(axis));
    int64_t span = (window.kernel[dim] - 1) * window.dilation[dim] + 1;
    if (!ShapedType::isDynamic(shape[axis]) && shape[axis] <= 0)
      return emitOptionalError(
          loc, "expected a padded ", dim == 0 ? "height" : "width", " of at least the window's ",
          span, ", got ", type.getDimSize(axis) + window.padBefore[dim] + window.padAfter[dim]);
    if (window.padBefore[dim] >= span || window.padAfter[dim] >= span)
      return emitOptionalError(loc, "expected padding below the window's ", span, ", got ",
                               std::max(window.padBefore[dim], window.padAfter[dim]));
  }
  return type.clone(shape);
}

LogicalResult inferPool(OptionalLoc loc, Value input, const WindowGeometry &window,
                        StringRef layout, InferredTypes &results) {
  auto type = pooledType(loc, tensorType(input), window, layout);
  if (failed(type))
    return failure();
  results.push_back(*type);
  return success();
}

LogicalResult inferPoolAdjoint(OptionalLoc loc, Value pooled, ArrayRef<int64_t> size,
                               const WindowGeometry &window, StringRef layout,
                               InferredTypes &results) {
  RankedTensorType cotangent = tensorType(pooled);
  if (cotangent.getRank() != 4)
    return emitOptionalError(loc, "expected a cotangent of 4 dimensions, got ",
                             cotangent.getRank());
  if (size.size() != 2 || llvm::any_of(size, [](int64_t extent) { return extent < 0; }))
    return emitOptionalError(loc, "expected an input_size of 2 non-negative extents");
  ImageLayout at = ImageLayout::get(layout);
  SmallVector<int64_t> shape(cotangent.getShape());
  shape[at.height] = size[0];
  shape[at.width] = size[1];
  auto expected = pooledType(loc, cotangent.clone(shape), window, layout);
  if (failed(expected))
    return failure();
  if (*expected != cotangent)
    return emitOptionalError(loc, "expected a cotangent of type ", *expected, ", got ", cotangent);
  results.push_back(cotangent.clone(shape));
  return success();
}

LogicalResult checkPooled(OptionalLoc loc, Value input, Value pooled, const WindowGeometry &window,
                          StringRef layout) {
  SmallVector<Type> expected;
  if (failed(inferPool(loc, input, window, layout, expected)))
    return failure();
  auto want = cast<RankedTensorType>(expected[0]);
  RankedTensorType got = tensorType(pooled);
  bool agrees = want.getElementType() == got.getElementType() && want.getRank() == got.getRank() &&
                llvm::all_of(llvm::zip(want.getShape(), got.getShape()), [](auto pair) {
                  return extentsAgree(std::get<0>(pair), std::get<1>(pair));
                });
  if (!agrees)
    return emitOptionalError(loc, "expected a cotangent of type ", want, ", got ", got);
  return success();
}

LogicalResult checkSameType(OptionalLoc loc, Value a, Value b) {
  if (a.getType() == b.getType())
    return success();
  return emitOptionalError(loc, "expected operands of one type, got ", a.getType(), " and ",
                           b.getType());
}

} // namespace dl
