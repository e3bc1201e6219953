//===- Reducer.cpp - Accumulators of reductions ---------------------------===//

#include "Reducer.h"

#include "Expression.h"
#include "VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"

#include <limits>

using namespace mlir;

namespace dl {

/// The index of an element that argmax has not seen.
static constexpr double kNoIndex = std::numeric_limits<int32_t>::max();

Type Reducer::partType(unsigned part) const {
  if (part == 1)
    return IntegerType::get(op->getContext(), 32);
  return cast<RankedTensorType>(input().getType()).getElementType();
}

std::optional<Reducer::Pick> Reducer::pick() const {
  auto sum = dyn_cast<SumOp>(op);
  if (!sum || sum.getReducedAxes() != SmallVector<int64_t>{sum.getInput().getType().getRank() - 1})
    return std::nullopt;
  if (auto oneHot = sum.getInput().getDefiningOp<OneHotOp>())
    return Pick{oneHot, Value()};
  auto product = sum.getInput().getDefiningOp<MulOp>();
  if (!product)
    return std::nullopt;
  for (bool isSecond : {false, true}) {
    auto oneHot = product->getOperand(isSecond ? 1 : 0).getDefiningOp<OneHotOp>();
    Value factor = product->getOperand(isSecond ? 0 : 1);
    if (oneHot && oneHot.getType() == product.getType() && factor.getType() == product.getType())
      return Pick{oneHot, factor};
  }
  return std::nullopt;
}

SmallVector<Value> Reducer::identity(ImplicitLocOpBuilder &b, int64_t lanes) const {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  double start = isa<SumOp>(op) ? 0 : isa<MinOp>(op) ? infinity : -infinity;
  auto constant = [&](unsigned part, double value) {
    Type type = partType(part);
    return numberLike(b, lanes == 0 ? type : VectorType::get({lanes}, type), value);
  };
  SmallVector<Value> accumulator = {constant(0, start)};
  if (parts() == 2)
    accumulator.push_back(constant(1, kNoIndex));
  return accumulator;
}

/// NaN is never larger.
static SmallVector<Value> takeLarger(ImplicitLocOpBuilder &b, ValueRange old, Value element,
                                     Value index) {
  Value isLarger = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, element, old[0]);
  return {arith::SelectOp::create(b, isLarger, element, old[0]),
          arith::SelectOp::create(b, isLarger, index, old[1])};
}

SmallVector<Value> Reducer::take(ImplicitLocOpBuilder &b, ValueRange accumulator, Value element,
                                 Value index) const {
  VectorMath math{b, hasFMA};
  return TypeSwitch<Operation *, SmallVector<Value>>(op)
      .Case([&](SumOp) -> SmallVector<Value> {
        return {arith::AddFOp::create(b, accumulator[0], element)};
      })
      .Case([&](MaxOp) -> SmallVector<Value> { return {math.maximum(accumulator[0], element)}; })
      .Case([&](MinOp) -> SmallVector<Value> { return {math.minimum(accumulator[0], element)}; })
      .Case([&](ArgmaxOp) { return takeLarger(b, accumulator, element, index); });
}

SmallVector<Value> Reducer::combine(ImplicitLocOpBuilder &b, ValueRange left,
                                    ValueRange right) const {
  if (parts() == 1)
    return take(b, left, right[0], Value());
  Value isLarger = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, right[0], left[0]);
  Value isEqual = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, right[0], left[0]);
  Value isBefore = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, right[1], left[1]);
  Value takesRight = arith::OrIOp::create(b, isLarger, arith::AndIOp::create(b, isEqual, isBefore));
  return {arith::SelectOp::create(b, takesRight, right[0], left[0]),
          arith::SelectOp::create(b, takesRight, right[1], left[1])};
}

SmallVector<Value> Reducer::combineLanes(ImplicitLocOpBuilder &b, ValueRange accumulator) const {
  int64_t lanes = cast<VectorType>(accumulator[0].getType()).getDimSize(0);
  SmallVector<Value> sum(accumulator);
  auto half = [&](int64_t first, int64_t count) {
    return llvm::map_to_vector(sum, [&](Value part) -> Value {
      auto chosen = llvm::to_vector(llvm::seq(first, first + count));
      return vector::ShuffleOp::create(b, part, part, chosen);
    });
  };
  for (; lanes > 1; lanes /= 2) {
    SmallVector<Value> low = half(0, lanes / 2), high = half(lanes / 2, lanes / 2);
    sum = combine(b, low, high);
  }
  return llvm::map_to_vector(sum, [&](Value part) -> Value {
    return vector::ExtractOp::create(b, part, ArrayRef<int64_t>{0});
  });
}

Value Reducer::finish(ImplicitLocOpBuilder &b, ValueRange accumulator) const {
  if (parts() == 1)
    return accumulator[0];
  // Nothing above -infinity: the first element is as large as any.
  Value none = numberLike(b, accumulator[1].getType(), kNoIndex);
  Value isNone = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, accumulator[1], none);
  return arith::SelectOp::create(b, isNone, numberLike(b, accumulator[1].getType(), 0),
                                 accumulator[1]);
}

} // namespace dl
