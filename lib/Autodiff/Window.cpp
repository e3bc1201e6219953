//===- Window.cpp - Gradient rules of pooling -----------------------------===//
//
// A max-pooling picks one input of each window. The picking is constant almost
// everywhere, so only the picked (or scattered) values carry a gradient.
//
//===----------------------------------------------------------------------===//

#include "dl/IR/Window.h"
#include "dl/Autodiff/Gradient.h"

using namespace mlir;

namespace dl {

/// The op `Target` with the window of `op`.
template <typename Target, typename Op>
static Value withWindowOf(Op op, OpBuilder &builder, Value input, Value other) {
  return Target::create(builder, op.getLoc(), input, other, op.getKernelAttr(), op.getStridesAttr(),
                        op.getPaddingAttr(), op.getDilationAttr(), op.getCeilModeAttr(),
                        op.getLayoutAttr());
}

// y = picked x: d(x) = g, scattered to where it was picked
template <> SmallVector<Value> gradient(MaxPool2DOp op, ValueRange cotangents, OpBuilder &builder) {
  return {withWindowOf<MaxPool2DBackwardOp>(op, builder, op.getInput(), cotangents[0])};
}

// y = c, scattered to where x is picked: d(x) = 0, d(c) = picked g
template <>
SmallVector<Value> gradient(MaxPool2DBackwardOp op, ValueRange cotangents, OpBuilder &builder) {
  return {Value(), withWindowOf<MaxPool2DGatherOp>(op, builder, op.getInput(), cotangents[0])};
}

// y = values, picked where x is: d(x) = 0, d(values) = g, scattered
template <>
SmallVector<Value> gradient(MaxPool2DGatherOp op, ValueRange cotangents, OpBuilder &builder) {
  return {Value(), withWindowOf<MaxPool2DBackwardOp>(op, builder, op.getInput(), cotangents[0])};
}

// y = mean of windows of x, linear: d(x) is its adjoint, whose adjoint it is
template <> SmallVector<Value> gradient(AvgPool2DOp op, ValueRange cotangents, OpBuilder &builder) {
  ImageLayout at = ImageLayout::get(op.getLayout());
  RankedTensorType input = op.getInput().getType();
  auto size =
      builder.getDenseI64ArrayAttr({input.getDimSize(at.height), input.getDimSize(at.width)});
  return {AvgPool2DBackwardOp::create(
      builder, op.getLoc(), cotangents[0], size, op.getCountIncludePadAttr(), op.getKernelAttr(),
      op.getStridesAttr(), op.getPaddingAttr(), op.getDilationAttr(), op.getCeilModeAttr(),
      op.getLayoutAttr())};
}

template <>
SmallVector<Value> gradient(AvgPool2DBackwardOp op, ValueRange cotangents, OpBuilder &builder) {
  return {AvgPool2DOp::create(builder, op.getLoc(), cotangents[0], op.getCountIncludePadAttr(),
                              op.getKernelAttr(), op.getStridesAttr(), op.getPaddingAttr(),
                              op.getDilationAttr(), op.getCeilModeAttr(), op.getLayoutAttr())};
}

} // namespace dl
