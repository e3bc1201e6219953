//===- Inference.cpp - Shape rules shared by families ---------------------===//

#include "dl/IR/Inference.h"
#include "dl/IR/DLOps.h"

#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace dl {

RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

std::string formatShape(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleave(
      shape, os, [&](int64_t extent) { ShapedType::isDynamic(extent) ? os << '?' : os << extent; },
      "x");
  return shape.empty() ? "a scalar" : text;
}

LogicalResult checkTensorType(OptionalLoc loc, Type type) {
  constexpr int64_t largestElement = 8;
  auto tensor = cast<RankedTensorType>(type);
  if (tensor.getEncoding())
    return emitOptionalError(loc, "expected a tensor type without encoding, got ", type);
  int64_t bytes = largestElement;
  // Extents of 0 last: a product that overflows before them is one all the same.
  for (int64_t extent : tensor.getShape())
    if (llvm::MulOverflow(bytes, std::max<int64_t>(extent, 1), bytes))
      return emitOptionalError(loc, "expected a tensor of less than 2^63 bytes, got ", type);
  return success();
}

bool extentsAgree(int64_t a, int64_t b) {
  return a == b || ShapedType::isDynamic(a) || ShapedType::isDynamic(b);
}

FailureOr<int64_t> normalizeAxis(OptionalLoc loc, int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank)
    return emitOptionalError(loc, "expected an axis in [", -rank, ", ", rank, "), got ", axis);
  return axis < 0 ? axis + rank : axis;
}

SmallVector<int64_t> reducedAxes(int64_t rank, std::optional<ArrayRef<int64_t>> axes) {
  if (!axes)
    return llvm::to_vector(llvm::seq<int64_t>(rank));
  SmallVector<int64_t> result =
      llvm::map_to_vector(*axes, [&](int64_t axis) { return axis < 0 ? axis + rank : axis; });
  llvm::sort(result);
  return result;
}

SmallVector<int64_t> reducedShape(ArrayRef<int64_t> shape, ArrayRef<int64_t> axes, bool keepdims) {
  SmallVector<int64_t> result;
  for (auto [axis, extent] : llvm::enumerate(shape)) {
    if (!llvm::is_contained(axes, static_cast<int64_t>(axis)))
      result.push_back(extent);
    else if (keepdims)
      result.push_back(1);
  }
  return result;
}

FailureOr<SmallVector<int64_t>> broadcastShapes(OptionalLoc loc, ArrayRef<int64_t> a,
                                                ArrayRef<int64_t> b) {
  SmallVector<int64_t> result(std::max(a.size(), b.size()));
  for (size_t i = 0; i < result.size(); ++i) {
    // Dimension i counted from the last one; a missing one has extent 1.
    int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
    int64_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != 1 && y != 1 && !extentsAgree(x, y))
      return emitOptionalError(loc, "expected shapes that broadcast, got ", formatShape(a), " and ",
                               formatShape(b), ": dimension ", result.size() - 1 - i, " is ", x,
                               " against ", y);
    int64_t extent = x == 1 ? y : y == 1 || ShapedType::isDynamic(y) ? x : y;
    result[result.size() - 1 - i] = extent;
  }
  return result;
}

LogicalResult checkSameElementType(OptionalLoc loc, ValueRange operands) {
  for (Value operand : operands.drop_front()) {
    Type expected = tensorType(operands[0]).getElementType();
    Type actual = tensorType(operand).getElementType();
    if (expected != actual)
      return emitOptionalError(loc, "expected operands of one element type, got ", expected,
                               " and ", actual);
  }
  return success();
}

LogicalResult inferElementwise(OptionalLoc loc, ValueRange operands, InferredTypes &results) {
  if (failed(checkSameElementType(loc, operands)))
    return failure();
  SmallVector<int64_t> shape(tensorType(operands[0]).getShape());
  for (Value operand : operands.drop_front()) {
    auto joined = broadcastShapes(loc, shape, tensorType(operand).getShape());
    if (failed(joined))
      return failure();
    shape = *joined;
  }
  results.push_back(RankedTensorType::get(shape, tensorType(operands[0]).getElementType()));
  return success();
}

LogicalResult inferReduction(OptionalLoc loc, Value input, std::optional<ArrayRef<int64_t>> axes,
                             bool keepdims, InferredTypes &results) {
  RankedTensorType type = tensorType(input);
  for (int64_t axis : axes.value_or(ArrayRef<int64_t>()))
    if (failed(normalizeAxis(loc, axis, type.getRank())))
      return failure();
  SmallVector<int64_t> reduced = reducedAxes(type.getRank(), axes);
  if (auto *twice = std::adjacent_find(reduced.begin(), reduced.end()); twice != reduced.end())
    return emitOptionalError(loc, "expected distinct axes, got ", *twice, " twice");
  results.push_back(RankedTensorType::get(reducedShape(type.getShape(), reduced, keepdims),
                                          type.getElementType()));
  return success();
}

LogicalResult inferNormalization(OptionalLoc loc, Value input, int64_t axis,
                                 InferredTypes &results) {
  if (failed(normalizeAxis(loc, axis, tensorType(input).getRank())))
    return failure();
  results.push_back(input.getType());
  return success();
}

//===----------------------------------------------------------------------===//
// Element-wise and reducing ops with rules of their own
//===----------------------------------------------------------------------===//

LogicalResult CompareOp::inferReturnTypes(MLIRContext *context, OptionalLoc loc, Adaptor adaptor,
                                          InferredTypes &results) {
  SmallVector<Type> joined;
  if (failed(inferElementwise(loc, adaptor.getOperands(), joined)))
    return failure();
  results.push_back(cast<RankedTensorType>(joined[0]).clone(IntegerType::get(context, 1)));
  return success();
}

LogicalResult SelectOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor adaptor,
                                         InferredTypes &results) {
  SmallVector<Type> joined;
  if (failed(inferElementwise(loc, adaptor.getOperands().drop_front(), joined)))
    return failure();
  auto type = cast<RankedTensorType>(joined[0]);
  auto shape = broadcastShapes(loc, tensorType(adaptor.getCondition()).getShape(), type.getShape());
  if (failed(shape))
    return failure();
  results.push_back(type.clone(*shape));
  return success();
}

LogicalResult CastOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor adaptor,
                                       InferredTypes &results) {
  Type to = adaptor.getTo();
  if (!to.isF32() && !to.isF64() && !to.isInteger(1) && !to.isInteger(32) && !to.isInteger(64))
    return emitOptionalError(loc, "expected 'to' to be f32, f64, i1, i32 or i64, got ", to);
  results.push_back(tensorType(adaptor.getInput()).clone(to));
  return success();
}

LogicalResult ArgmaxOp::inferReturnTypes(MLIRContext *context, OptionalLoc loc, Adaptor adaptor,
                                         InferredTypes &results) {
  RankedTensorType type = tensorType(adaptor.getInput());
  FailureOr<int64_t> axis = normalizeAxis(loc, adaptor.getAxis(), type.getRank());
  if (failed(axis))
    return failure();
  if (type.getDimSize(*axis) == 0)
    return emitOptionalError(loc, "expected at least one element along axis ", *axis);
  results.push_back(RankedTensorType::get(reducedShape(type.getShape(), {*axis}, false),
                                          IntegerType::get(context, 32)));
  return success();
}

} // namespace dl
