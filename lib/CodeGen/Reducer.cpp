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

/// The larger of two numbers, or the smaller; where `element` is NaN, the old one.
Value Reducer::beyond(ImplicitLocOpBuilder &b, Value element, Value old) const {
  auto predicate = isa<MaxOp>(op) ? arith::CmpFPredicate::OGT : arith::CmpFPredicate::OLT;
  Value isBeyond = arith::CmpFOp::create(b, predicate, element, old);
  return arith::SelectOp::create(b, isBeyond, element, old);
}

/// Flags as the machine keeps them from step to step: in mask registers, or as -1.
static Value flagOf(ImplicitLocOpBuilder &b, Value condition, const Machine &machine) {
  auto vector = dyn_cast<VectorType>(condition.getType());
  if (!vector || machine.vectorBits == 512)
    return condition;
  return arith::ExtSIOp::create(b, vector.clone(b.getI32Type()), condition);
}

static Value isNumber(ImplicitLocOpBuilder &b, Value element, const Machine &machine) {
  Value condition = arith::CmpFOp::create(b, arith::CmpFPredicate::ORD, element, element);
  return flagOf(b, condition, machine);
}

SmallVector<Value> Reducer::carried(ImplicitLocOpBuilder &b, ValueRange accumulator) const {
  SmallVector<Value> parts(accumulator);
  if (isExtreme())
    parts.push_back(isNumber(b, accumulator[0], *machine));
  return parts;
}

SmallVector<Value> Reducer::take(ImplicitLocOpBuilder &b, ValueRange carried, Value element,
                                 Value index) const {
  if (isa<SumOp>(op))
    return {arith::AddFOp::create(b, carried[0], element)};
  if (isa<ArgmaxOp>(op))
    return takeLarger(b, carried, element, index);
  Value flag = arith::AndIOp::create(b, carried[1], isNumber(b, element, *machine));
  return {beyond(b, element, carried[0]), flag};
}

SmallVector<Value> Reducer::join(ImplicitLocOpBuilder &b, ValueRange left, ValueRange right) const {
  if (!isExtreme())
    return combine(b, left, right);
  return {beyond(b, right[0], left[0]), arith::AndIOp::create(b, left[1], right[1])};
}

/// A flag as a condition.
static Value conditionOf(ImplicitLocOpBuilder &b, Value flag) {
  if (getElementTypeOrSelf(flag.getType()).isInteger(1))
    return flag;
  Value zero = numberLike(b, flag.getType(), 0);
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, flag, zero);
}

SmallVector<Value> Reducer::settle(ImplicitLocOpBuilder &b, ValueRange carried) const {
  if (!isExtreme())
    return SmallVector<Value>(carried);
  Value nan = numberLike(b, carried[0].getType(), std::numeric_limits<double>::quiet_NaN());
  return {arith::SelectOp::create(b, conditionOf(b, carried[1]), carried[0], nan)};
}

SmallVector<Value> Reducer::combine(ImplicitLocOpBuilder &b, ValueRange left,
                                    ValueRange right) const {
  VectorMath math{b, machine->hasFMA};
  if (isa<SumOp>(op))
    return {arith::AddFOp::create(b, left[0], right[0])};
  if (isa<MaxOp>(op))
    return {math.maximum(left[0], right[0])};
  if (isa<MinOp>(op))
    return {math.minimum(left[0], right[0])};
  Value isLarger = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, right[0], left[0]);
  Value isEqual = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, right[0], left[0]);
  Value isBefore = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, right[1], left[1]);
  Value takesRight = arith::OrIOp::create(b, isLarger, arith::AndIOp::create(b, isEqual, isBefore));
  return {arith::SelectOp::create(b, takesRight, right[0], left[0]),
          arith::SelectOp::create(b, takesRight, right[1], left[1])};
}

SmallVector<Value> Reducer::settleLanes(ImplicitLocOpBuilder &b, ValueRange carried) const {
  int64_t lanes = cast<VectorType>(carried[0].getType()).getDimSize(0);
  SmallVector<Value> sum(carried);
  Value areNumbers;
  if (isExtreme())
    areNumbers = vector::ReductionOp::create(b, vector::CombiningKind::AND,
                                             conditionOf(b, sum.pop_back_val()));
  auto half = [&](int64_t first, int64_t count) {
    return llvm::map_to_vector(sum, [&](Value part) -> Value {
      auto chosen = llvm::to_vector(llvm::seq(first, first + count));
      return vector::ShuffleOp::create(b, part, part, chosen);
    });
  };
  for (; lanes > 1; lanes /= 2) {
    SmallVector<Value> low = half(0, lanes / 2), high = half(lanes / 2, lanes / 2);
    sum = isExtreme() ? SmallVector<Value>{beyond(b, high[0], low[0])} : combine(b, low, high);
  }
  for (Value &part : sum)
    part = vector::ExtractOp::create(b, part, ArrayRef<int64_t>{0});
  return areNumbers ? settle(b, {sum[0], areNumbers}) : sum;
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
