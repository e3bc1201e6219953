//===- Shape.cpp - Gradient rules of the ops that move elements -----------===//

#include "dl/Autodiff/Gradient.h"
#include "dl/IR/Formula.h"
#include "dl/IR/Inference.h"

using namespace mlir;

namespace dl {

// d(x) = g in x's shape
template <> SmallVector<Value> gradient(ReshapeOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  return {reshape(f(cotangents[0]), tensorType(op.getInput()).getShape())};
}

// d(x) = g by the inverse permutation
template <> SmallVector<Value> gradient(TransposeOp op, ValueRange cotangents, OpBuilder &builder) {
  SmallVector<int64_t> inverse(op.getPermutation().size());
  for (auto [to, from] : llvm::enumerate(op.getPermutation()))
    inverse[from] = to;
  return {TransposeOp::create(builder, op.getLoc(), cotangents[0], inverse)};
}

// d(x) = g, summed over the copies
template <> SmallVector<Value> gradient(BroadcastOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  return {sumTo(f(cotangents[0]), tensorType(op.getInput()).getShape())};
}

/// Zeros of a shape.
static Value zeros(OpBuilder &builder, Location loc, RankedTensorType type) {
  Attribute zero = builder.getFloatAttr(type.getElementType(), 0.0);
  return ConstantOp::create(builder, loc, DenseElementsAttr::get(type, zero));
}

// d(x) = g between zeros
template <> SmallVector<Value> gradient(SliceOp op, ValueRange cotangents, OpBuilder &builder) {
  RankedTensorType input = op.getInput().getType();
  Value g = cotangents[0];
  for (auto [axis, before] : llvm::enumerate(op.getOffsets())) {
    RankedTensorType type = tensorType(g);
    int64_t own = type.getDimSize(axis), after = input.getDimSize(axis) - before - own;
    SmallVector<Value> parts;
    SmallVector<int64_t> shape(type.getShape());
    auto addZeros = [&](int64_t extent) {
      shape[axis] = extent;
      if (extent > 0)
        parts.push_back(zeros(builder, op.getLoc(), type.clone(shape)));
    };
    addZeros(before);
    parts.push_back(g);
    addZeros(after);
    if (parts.size() > 1)
      g = ConcatOp::create(builder, op.getLoc(), parts, axis);
  }
  return {g};
}

// d(x) of each operand: its slice of g
template <> SmallVector<Value> gradient(ConcatOp op, ValueRange cotangents, OpBuilder &builder) {
  auto axis = static_cast<int64_t>(op.getAxis());
  axis = axis < 0 ? axis + op.getType().getRank() : axis;
  SmallVector<Value> results;
  int64_t start = 0;
  for (Value input : op.getInputs()) {
    int64_t end = start + tensorType(input).getDimSize(axis);
    results.push_back(
        SliceOp::create(builder, op.getLoc(), cotangents[0], builder.getDenseI64ArrayAttr(axis),
                        builder.getDenseI64ArrayAttr(start), builder.getDenseI64ArrayAttr(end)));
    start = end;
  }
  return results;
}

} // namespace dl
