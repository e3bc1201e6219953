//===- Dropout.cpp - Elements that stay or go at random -------------------===//

#include "Expression.h"

#include "VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>

using namespace mlir;

namespace dl {

/// The first of `lanes` numbers and those behind it, as i32.
static Value numbersFrom(ImplicitLocOpBuilder &b, Value first, const Position &position,
                         int64_t stride) {
  if (!position.isVector())
    return first;
  SmallVector<int32_t> steps;
  for (int64_t lane = 0; lane < position.lanes; ++lane)
    steps.push_back(static_cast<int32_t>(lane * stride));
  return arith::AddIOp::create(b, splat(b, first, position.lanes),
                               arith::ConstantOp::create(b, b.getI32VectorAttr(steps)));
}

/// Moves a builder before the loop over the tasks of a phase.
static void leaveTasks(PhaseBuilder &phase) {
  Block *entry = &phase.function.getBody().front();
  Operation *outer = phase.b.getInsertionBlock()->getParentOp();
  while (outer->getBlock() != entry)
    outer = outer->getParentOp();
  phase.b.setInsertionPoint(outer);
}

/// The first words of counters, of which `first` is the first word. What is the same for all is
/// computed before the tasks: keys, that is, of which each would take as long as a product.
Value Expression::randomWord(DropoutTrainOp op, Value first) {
  ImplicitLocOpBuilder &b = phase.b;
  VectorMath math{b, phase.kernel.machine().hasFMA};
  Type i32 = b.getI32Type();
  auto half = [&](Value word, int64_t shift) -> Value {
    Value amount = arith::ConstantIntOp::create(b, shift, 64);
    return arith::TruncIOp::create(b, i32, arith::ShRUIOp::create(b, word, amount));
  };
  std::array<Value, 4> counter = {first};
  VectorMath::RoundKeys keys;
  {
    OpBuilder::InsertionGuard guard(b);
    leaveTasks(phase);
    Value seed = at(op.getSeed(), {});
    Value step = arith::FPToUIOp::create(b, b.getI64Type(), at(op.getStep(), {}));
    counter[1] = arith::ConstantIntOp::create(b, static_cast<int64_t>(op.getStream()), 32);
    counter[2] = half(step, 0);
    counter[3] = half(step, 32);
    keys = math.roundKeys({half(seed, 0), half(seed, 32)}, first.getType());
  }
  return math.philox(counter, keys)[0];
}

Value Expression::computeDropout(DropoutTrainOp op, const Position &position) {
  ImplicitLocOpBuilder &b = phase.b;
  SmallVector<int64_t> strides = stridesOf(op.getType().getShape());
  Value element = vectorAt(op.getInput(), position);
  Value first = linearIndex(b, position.indices, strides);
  int64_t stride = position.isVector() ? strides[position.vectorDim] : 1;
  Value word = randomWord(
      op, numbersFrom(b, arith::IndexCastOp::create(b, b.getI32Type(), first), position, stride));
  double p = op.getP().convertToDouble();
  auto limit = static_cast<int64_t>(
      static_cast<int32_t>(static_cast<uint32_t>(std::min(std::ceil(p * 0x1p32), 0x1p32 - 1))));
  Value stays = arith::CmpIOp::create(b, arith::CmpIPredicate::uge, word,
                                      numberLike(b, word.getType(), static_cast<double>(limit)));
  Type type = element.getType();
  Value grown = arith::MulFOp::create(b, element, numberLike(b, type, 1 / (1 - p)));
  return arith::SelectOp::create(b, stays, grown, numberLike(b, type, 0));
}

} // namespace dl
