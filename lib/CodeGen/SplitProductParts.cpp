//===- SplitProductParts.cpp - Vectors of bf16 parts ----------------------===//

#include "SplitProductParts.h"
#include "SplitProductEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numeric>

using namespace mlir;

namespace dl {

Value splatBits(ImplicitLocOpBuilder &b, uint32_t bits) {
  auto type = VectorType::get({kSplitLanes}, b.getI32Type());
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(
             type, static_cast<Attribute>(b.getI32IntegerAttr(static_cast<int32_t>(bits)))));
}

Value bitsOf(ImplicitLocOpBuilder &b, Value floats) {
  return vector::BitCastOp::create(b, VectorType::get({kSplitLanes}, b.getI32Type()), floats);
}

Value lanesInside(ImplicitLocOpBuilder &b, Value first, int64_t limit, int64_t lanes) {
  SmallVector<int32_t> numbers(lanes);
  std::iota(numbers.begin(), numbers.end(), 0);
  Value start = splat(b, arith::IndexCastOp::create(b, b.getI32Type(), first), lanes);
  Value indices =
      arith::AddIOp::create(b, start, arith::ConstantOp::create(b, b.getI32VectorAttr(numbers)));
  SmallVector<int32_t> limits(lanes, static_cast<int32_t>(limit));
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ult, indices,
                               arith::ConstantOp::create(b, b.getI32VectorAttr(limits)));
}

Value both(ImplicitLocOpBuilder &b, Value x, Value y) {
  if (!x || !y)
    return x ? x : y;
  return arith::AndIOp::create(b, x, y);
}

Value maskWhere(ImplicitLocOpBuilder &b, Value mask, Value condition, int64_t lanes) {
  if (!condition)
    return mask;
  auto type = VectorType::get({lanes}, b.getI1Type());
  return both(b, mask, vector::BroadcastOp::create(b, type, condition));
}

Value joinPairs(ImplicitLocOpBuilder &b, Value even, Value odd) {
  Value low = arith::ShRUIOp::create(b, even, splatBits(b, 16));
  return arith::OrIOp::create(b, low, odd);
}

Value quotient(ImplicitLocOpBuilder &b, Value number, int64_t divisor) {
  return b.createOrFold<arith::DivUIOp>(number, arith::ConstantIndexOp::create(b, divisor));
}

Value remainder(ImplicitLocOpBuilder &b, Value number, int64_t divisor) {
  return b.createOrFold<arith::RemUIOp>(number, arith::ConstantIndexOp::create(b, divisor));
}

SplitParts splitVector(ImplicitLocOpBuilder &b, Value x) {
  Value high = splatBits(b, 0xffff0000);
  Value h =
      arith::AndIOp::create(b, arith::AddIOp::create(b, bitsOf(b, x), splatBits(b, 0x8000)), high);
  Value rest = arith::SubFOp::create(b, x, vector::BitCastOp::create(b, x.getType(), h));
  Value m = arith::AndIOp::create(b, bitsOf(b, rest), high);
  Value last = arith::SubFOp::create(b, rest, vector::BitCastOp::create(b, x.getType(), m));
  return {h, m, arith::AndIOp::create(b, bitsOf(b, last), high)};
}

/// 16 elements; zeros where they are masked off.
Value SplitProductEmitter::load(ImplicitLocOpBuilder &b, Expression &expression, Value source,
                                const Position &position) {
  Value x = expression.vectorAt(source, position);
  return position.mask ? arith::SelectOp::create(b, position.mask, x, numberLike(b, x.getType(), 0))
                             .getResult()
                       : x;
}

SplitParts splitPairs(ImplicitLocOpBuilder &b, Value even, Value odd) {
  SplitParts low = splitVector(b, even), high = splitVector(b, odd), pairs;
  for (int64_t part = 0; part < kSplitParts; ++part)
    pairs[part] = joinPairs(b, low[part], high[part]);
  return pairs;
}

SplitParts splitRun(ImplicitLocOpBuilder &b, Value first, Value second) {
  auto everySecond = [&](int64_t start) -> Value {
    SmallVector<int64_t> lanes;
    for (int64_t i = start; i < 2 * kSplitLanes; i += 2)
      lanes.push_back(i);
    return vector::ShuffleOp::create(b, first, second, lanes);
  };
  Value even = everySecond(0), odd = everySecond(1);
  return splitPairs(b, even, odd);
}

/// Vectors on their way to be transposed wait in scratch memory.
void SplitProductEmitter::storeForTranspose(PhaseBuilder &phase, OperandIndex operand, int64_t part,
                                            Value number, Value vector) {
  vector::StoreOp::create(
      phase.b, vector, transposeBuffer(phase, operand, phase.b.getI32Type()),
      advance(phase.b, phase.index(part * kSplitLanes * kSplitLanes), number, kSplitLanes));
}

void SplitProductEmitter::transposePart(PhaseBuilder &phase, OperandIndex operand, Value part,
                                        llvm::function_ref<void(int64_t, Value)> store) {
  ImplicitLocOpBuilder &b = phase.b;
  auto type = VectorType::get({kSplitLanes}, d.element);
  Value memory = transposeBuffer(phase, operand, d.element);
  Value start = advance(b, phase.index(0), part, kSplitLanes * kSplitLanes);
  SmallVector<Value> rows;
  for (int64_t row = 0; row < kSplitLanes; ++row)
    rows.push_back(vector::LoadOp::create(b, type, memory, offsetBy(b, start, row * kSplitLanes)));
  for (auto [lane, row] : llvm::enumerate(transposeVectors(b, rows)))
    store(static_cast<int64_t>(lane), row);
}

SplitProductEmitter::Unit SplitProductEmitter::unit(PhaseBuilder &phase, Expression &expression,
                                                    OperandIndex operand, Value number) {
  return operand == kA ? imageUnit(phase, expression, number)
                       : panelUnit(phase, expression, number);
}

void SplitProductEmitter::splitUnits(PhaseBuilder &phase, Expression &expression,
                                     OperandIndex operand, Value first, Value end) {
  ImplicitLocOpBuilder &b = phase.b;
  buildLoop(b, first, end, 1, [&](Value number) {
    Unit own = unit(phase, expression, operand, number);
    auto split = [&] {
      own.slots->call(b, phase.index(0), phase.index(kUnitSlots));
      if (own.transposes)
        own.transposes->call(b, phase.index(0), phase.index(kSplitParts));
    };
    if (own.isRead)
      buildIf(b, own.isRead, split, [] {});
    else
      split();
  });
}

/// A phase that splits all of an operand.
void SplitProductEmitter::emitSplitting(OperandIndex operand) {
  int64_t units = p.units(operand);
  int64_t chunk = llvm::divideCeil(units, std::min(units, kSplitTasks));
  auto split = [&](PhaseBuilder &phase) {
    ImplicitLocOpBuilder &b = phase.b;
    Expression expression(phase);
    if (operand == kA) {
      Value isFirst =
          arith::CmpIOp::create(b, arith::CmpIPredicate::eq, phase.task, phase.index(0));
      buildIf(b, isFirst, [&] { clearBehindImage(phase, phase.index(0)); }, [] {});
    }
    Value start = advance(b, phase.index(0), phase.task, chunk);
    Value end = arith::MinUIOp::create(b, offsetBy(b, start, chunk), phase.index(units));
    splitUnits(phase, expression, operand, start, end);
  };
  int64_t tasks = llvm::divideCeil(units, chunk);
  if (p.byEachWorker == operand)
    module.addPreparation(tasks, split);
  else
    module.addPackingPhase(tasks, d.operands[operand].value, split);
}

} // namespace dl
