//===- Dropout.cpp - Elements that stay or go at random -------------------===//
//
// Element i takes word i % 4 of a counter i / 4 of Philox4x32-10: so elements side by
// side take all words of as many counters as fill a register.
//
//===----------------------------------------------------------------------===//

#include "Expression.h"

#include "VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <cmath>
#include <numeric>

using namespace mlir;

namespace dl {

/// Moves a builder before the loop over the tasks of a phase.
static void leaveTasks(PhaseBuilder &phase) {
  Block *entry = &phase.function.getBody().front();
  Operation *outer = phase.b.getInsertionBlock()->getParentOp();
  while (outer->getBlock() != entry)
    outer = outer->getParentOp();
  phase.b.setInsertionPoint(outer);
}

/// The words of counters, of which `first` is the first word, in the low halves of 64-bit lanes.
/// What is the same for all is computed before the tasks: keys, that is, of which each would take
/// as long as a product.
std::array<Value, 4> Expression::randomWords(DropoutTrainOp op, Value first) {
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
  return math.philox(counter, keys);
}

//===----------------------------------------------------------------------===//
// Runs of elements
//===----------------------------------------------------------------------===//

/// A number by which an index can be divided, a power of two up to 64.
static int64_t divisorOf(Value index) {
  constexpr int64_t most = 64;
  auto operands = [&](Operation *op) {
    return std::pair(divisorOf(op->getOperand(0)), divisorOf(op->getOperand(1)));
  };
  if (std::optional<int64_t> known = getConstantIntValue(index))
    return std::gcd(*known, most);
  if (auto loop = scf::getForInductionVarOwner(index))
    return std::gcd(divisorOf(loop.getLowerBound()), divisorOf(loop.getStep()));
  if (auto sum = index.getDefiningOp<arith::AddIOp>()) {
    auto [left, right] = operands(sum);
    return std::gcd(left, right);
  }
  if (auto product = index.getDefiningOp<arith::MulIOp>()) {
    auto [left, right] = operands(product);
    return std::gcd(left * right, most);
  }
  return 1;
}

/// An index as one that vectors side by side have in common, and a constant.
static std::pair<Value, int64_t> splitConstant(ImplicitLocOpBuilder &b, Value index) {
  if (std::optional<int64_t> known = getConstantIntValue(index))
    return {arith::ConstantIndexOp::create(b, 0), *known};
  if (auto sum = index.getDefiningOp<arith::AddIOp>())
    if (std::optional<int64_t> known = getConstantIntValue(sum.getRhs()))
      return {sum.getLhs(), *known};
  return {index, 0};
}

/// first / 4, first / 4 + 1 and so on.
static Value countersFrom(ImplicitLocOpBuilder &b, Value first, int64_t count) {
  Value four = arith::ConstantIndexOp::create(b, 4);
  Value counter = arith::DivUIOp::create(b, first, four);
  counter = splat(b, arith::IndexCastOp::create(b, b.getI32Type(), counter), count);
  auto steps = llvm::to_vector(llvm::seq<int32_t>(0, static_cast<int32_t>(count)));
  return arith::AddIOp::create(b, counter, arith::ConstantOp::create(b, b.getI32VectorAttr(steps)));
}

/// Of the words of counters, in order (all of the first, all of the next), `lanes` from number
/// `from` on.
static Value inOrder(ImplicitLocOpBuilder &b, const std::array<Value, 4> &words, int64_t from,
                     int64_t lanes) {
  int64_t count = cast<VectorType>(words[0].getType()).getNumElements();
  auto halves = VectorType::get({2 * count}, b.getI32Type());
  auto pairs = [&](Value low, Value high) -> Value {
    low = vector::BitCastOp::create(b, halves, low);
    high = vector::BitCastOp::create(b, halves, high);
    SmallVector<int64_t> chosen;
    for (int64_t counter = 0; counter < count; ++counter)
      chosen.append({2 * counter, 2 * (count + counter)});
    return vector::ShuffleOp::create(b, low, high, chosen);
  };
  SmallVector<int64_t> chosen;
  for (int64_t word = from; word < from + lanes; ++word)
    chosen.push_back((word % 4 < 2 ? 0 : 2 * count) + word / 4 * 2 + word % 2);
  return vector::ShuffleOp::create(b, pairs(words[0], words[1]), pairs(words[2], words[3]), chosen);
}

/// The words of elements side by side that begin at a multiple of four; null where they may not.
/// Where two vectors do, they share a register of counters.
Value Expression::randomRun(DropoutTrainOp op, const Position &position) {
  constexpr int64_t shortest = 8;
  ImplicitLocOpBuilder &b = phase.b;
  SmallVector<int64_t> strides = stridesOf(op.getType().getShape());
  int64_t lanes = position.lanes;
  if (!position.isVector() || strides[position.vectorDim] != 1 || lanes % 4 != 0)
    return {};
  SmallVector<Value> indices(position.indices.begin(), position.indices.end());
  auto [index, offset] = splitConstant(b, indices[position.vectorDim]);
  indices[position.vectorDim] = index;
  Value first = linearIndex(b, indices, strides);
  int64_t divisor = divisorOf(first), from = 0, count = lanes / 4;
  if (divisor % (2 * lanes) == 0 && offset % lanes == 0) {
    from = offset % (2 * lanes);
    count *= 2;
  } else if (lanes < shortest || std::gcd(divisor, offset) % 4 != 0) {
    return {};
  }
  first = linearIndex(b, {first, phase.index(offset - from)}, {1, 1});
  return inOrder(b, randomWords(op, countersFrom(b, first, count)), from, lanes);
}

//===----------------------------------------------------------------------===//
// Elements anywhere
//===----------------------------------------------------------------------===//

/// Each lane computes its counter's words, and takes one.
Value Expression::randomWord(DropoutTrainOp op, const Position &position) {
  ImplicitLocOpBuilder &b = phase.b;
  VectorMath math{b, phase.kernel.machine().hasFMA};
  SmallVector<int64_t> strides = stridesOf(op.getType().getShape());
  Value first = linearIndex(b, position.indices, strides), four = phase.index(4);
  auto word = [&](Value number) -> Value {
    number = arith::IndexCastOp::create(b, b.getI32Type(), number);
    return position.isVector() ? splat(b, number, position.lanes) : number;
  };
  // Elements behind counter first / 4.
  Value element = word(arith::RemUIOp::create(b, first, four));
  if (position.isVector()) {
    SmallVector<int32_t> steps;
    for (int64_t lane = 0; lane < position.lanes; ++lane)
      steps.push_back(static_cast<int32_t>(lane * strides[position.vectorDim]));
    element =
        arith::AddIOp::create(b, element, arith::ConstantOp::create(b, b.getI32VectorAttr(steps)));
  }
  auto constant = [&](int64_t value) {
    return numberLike(b, element.getType(), static_cast<double>(value));
  };
  Value counter = arith::AddIOp::create(b, word(arith::DivUIOp::create(b, first, four)),
                                        arith::ShRUIOp::create(b, element, constant(2)));
  std::array<Value, 4> words = randomWords(op, counter);
  for (Value &each : words)
    each = math.lowHalves(counter.getType(), each);
  auto choose = [&](int64_t bit, Value set, Value clear) -> Value {
    Value isClear = arith::CmpIOp::create(
        b, arith::CmpIPredicate::eq, arith::AndIOp::create(b, element, constant(bit)), constant(0));
    return arith::SelectOp::create(b, isClear, clear, set);
  };
  return choose(2, choose(1, words[3], words[2]), choose(1, words[1], words[0]));
}

Value Expression::computeDropout(DropoutTrainOp op, const Position &position) {
  ImplicitLocOpBuilder &b = phase.b;
  Value element = vectorAt(op.getInput(), position);
  Value word = randomRun(op, position);
  if (!word)
    word = randomWord(op, position);
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
