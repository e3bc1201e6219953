//===- Folds.cpp - Local simplifications ----------------------------------===//
//
// What an op knows to be equal to one of its operands or to a constant. Folds
// keep values, up to the sign of a zero: x * 0 stays, as x may be infinite.
//
//===----------------------------------------------------------------------===//

#include "dl/IR/DLOps.h"
#include "dl/IR/Inference.h"

#include "mlir/Dialect/CommonFolders.h"

using namespace mlir;

namespace dl {

/// The one value of a constant, where all its elements are equal.
static std::optional<APFloat> splatOf(Attribute attribute) {
  auto elements = dyn_cast_or_null<DenseFPElementsAttr>(attribute);
  if (!elements || !elements.isSplat())
    return std::nullopt;
  return elements.getSplatValue<APFloat>();
}

static bool isSplat(Attribute attribute, double value) {
  std::optional<APFloat> splat = splatOf(attribute);
  return splat && splat->isExactlyValue(value);
}

/// Folds a binary op on two constants of one value each.
template <typename Fn> static Attribute foldSplats(Attribute lhs, Attribute rhs, Type type, Fn fn) {
  std::optional<APFloat> a = splatOf(lhs), b = splatOf(rhs);
  auto shaped = cast<RankedTensorType>(type);
  if (!a || !b || !shaped.hasStaticShape())
    return {};
  return DenseElementsAttr::get(shaped, fn(*a, *b));
}

OpFoldResult AddOp::fold(FoldAdaptor adaptor) {
  // x + 0 differs from x in the sign of a zero at most.
  auto isZero = [](Attribute a) { return isSplat(a, -0.0) || isSplat(a, 0.0); };
  if (isZero(adaptor.getRhs()) && getLhs().getType() == getType())
    return getLhs();
  if (isZero(adaptor.getLhs()) && getRhs().getType() == getType())
    return getRhs();
  return foldSplats(adaptor.getLhs(), adaptor.getRhs(), getType(),
                    [](APFloat a, const APFloat &b) { return a + b; });
}

OpFoldResult SubOp::fold(FoldAdaptor adaptor) {
  if (isSplat(adaptor.getRhs(), 0.0) && getLhs().getType() == getType())
    return getLhs();
  return foldSplats(adaptor.getLhs(), adaptor.getRhs(), getType(),
                    [](APFloat a, const APFloat &b) { return a - b; });
}

OpFoldResult MulOp::fold(FoldAdaptor adaptor) {
  if (isSplat(adaptor.getRhs(), 1.0) && getLhs().getType() == getType())
    return getLhs();
  if (isSplat(adaptor.getLhs(), 1.0) && getRhs().getType() == getType())
    return getRhs();
  return foldSplats(adaptor.getLhs(), adaptor.getRhs(), getType(),
                    [](APFloat a, const APFloat &b) { return a * b; });
}

OpFoldResult DivOp::fold(FoldAdaptor adaptor) {
  if (isSplat(adaptor.getRhs(), 1.0) && getLhs().getType() == getType())
    return getLhs();
  return foldSplats(adaptor.getLhs(), adaptor.getRhs(), getType(),
                    [](APFloat a, const APFloat &b) { return a / b; });
}

OpFoldResult NegOp::fold(FoldAdaptor) {
  if (auto inner = getInput().getDefiningOp<NegOp>())
    return inner.getInput();
  return {};
}

OpFoldResult AbsOp::fold(FoldAdaptor) {
  return getInput().getDefiningOp<AbsOp>() ? getInput() : Value();
}

OpFoldResult ReluOp::fold(FoldAdaptor) {
  return getInput().getDefiningOp<ReluOp>() ? getInput() : Value();
}

OpFoldResult SelectOp::fold(FoldAdaptor) {
  if (getLhs() == getRhs() && getLhs().getType() == getType())
    return getLhs();
  return {};
}

OpFoldResult CastOp::fold(FoldAdaptor) {
  return getInput().getType() == getType() ? getInput() : Value();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  if (getInput().getType() == getType() && getType().hasStaticShape())
    return getInput();
  if (auto elements = dyn_cast_or_null<DenseElementsAttr>(adaptor.getInput());
      elements && getType().hasStaticShape())
    return elements.reshape(getType());
  // A reshape of a reshape is the last one.
  if (auto inner = getInput().getDefiningOp<ReshapeOp>()) {
    setOperand(inner.getInput());
    return getResult();
  }
  return {};
}

OpFoldResult TransposeOp::fold(FoldAdaptor adaptor) {
  if (llvm::equal(getPermutation(), llvm::seq<int64_t>(getType().getRank())))
    return getInput();
  if (auto elements = dyn_cast_or_null<DenseElementsAttr>(adaptor.getInput());
      elements && elements.isSplat())
    return elements.resizeSplat(getType());
  if (auto inner = getInput().getDefiningOp<TransposeOp>()) {
    SmallVector<int64_t> joined;
    for (int64_t dim : getPermutation())
      joined.push_back(inner.getPermutation()[dim]);
    setPermutation(joined);
    setOperand(inner.getInput());
    return getResult();
  }
  return {};
}

OpFoldResult BroadcastOp::fold(FoldAdaptor adaptor) {
  if (getInput().getType() == getType())
    return getInput();
  if (auto elements = dyn_cast_or_null<DenseElementsAttr>(adaptor.getInput());
      elements && elements.isSplat() && getType().hasStaticShape())
    return elements.resizeSplat(getType());
  return {};
}

} // namespace dl
