//===- Formula.cpp - Formulas over tensors, written as such ---------------===//

#include "dl/IR/Formula.h"

using namespace mlir;

namespace dl {

static Value buildConstant(ImplicitLocOpBuilder &builder, double value, Type elementType) {
  auto type = RankedTensorType::get({}, elementType);
  Attribute attribute = isa<FloatType>(elementType)
                            ? Attribute(builder.getFloatAttr(elementType, value))
                            : Attribute(builder.getIntegerAttr(elementType, int64_t(value)));
  return ConstantOp::create(builder, DenseElementsAttr::get(type, attribute));
}

Expr Formula::constant(double value, Type elementType) {
  return {&builder, buildConstant(builder, value, elementType)};
}

Expr constantLike(Expr like, double value) {
  return {like.builder, buildConstant(*like.builder, value, like.type().getElementType())};
}

Expr compare(Expr x, Expr y, StringRef predicate) {
  return {x.builder, CompareOp::create(*x.builder, x.value, y.value, predicate)};
}

Expr select(Expr condition, Expr x, Expr y) {
  return {x.builder, SelectOp::create(*x.builder, condition.value, x.value, y.value)};
}

Expr cast(Expr x, Type elementType) {
  if (x.type().getElementType() == elementType)
    return x;
  return {x.builder, CastOp::create(*x.builder, x.value, elementType)};
}

template <typename Op> static Expr reduce(Expr x, ArrayRef<int64_t> axes, bool keepdims) {
  return {x.builder,
          Op::create(*x.builder, x.value, x.builder->getDenseI64ArrayAttr(axes), keepdims)};
}

Expr sum(Expr x, ArrayRef<int64_t> axes, bool keepdims) { return reduce<SumOp>(x, axes, keepdims); }
Expr max(Expr x, ArrayRef<int64_t> axes, bool keepdims) { return reduce<MaxOp>(x, axes, keepdims); }

Expr sumAll(Expr x) {
  return {x.builder, SumOp::create(*x.builder, x.value, DenseI64ArrayAttr(), false)};
}

Expr reshape(Expr x, ArrayRef<int64_t> shape) {
  if (x.shape() == shape)
    return x;
  return {x.builder, ReshapeOp::create(*x.builder, x.value, shape)};
}

Expr broadcast(Expr x, ArrayRef<int64_t> shape) {
  if (x.shape() == shape)
    return x;
  return {x.builder, BroadcastOp::create(*x.builder, x.value, shape)};
}

Expr sumTo(Expr x, ArrayRef<int64_t> shape) {
  int64_t leading = x.rank() - static_cast<int64_t>(shape.size());
  SmallVector<int64_t> axes;
  bool onlyKept = leading == 0;
  for (auto [dim, extent] : llvm::enumerate(x.shape())) {
    int64_t target = static_cast<int64_t>(dim) - leading;
    if (target < 0 || shape[target] != extent)
      axes.push_back(dim);
  }
  if (axes.empty())
    return x;
  return reshape(sum(x, axes, /*keepdims=*/onlyKept), shape);
}

} // namespace dl
