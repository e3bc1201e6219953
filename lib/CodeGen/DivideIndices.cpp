//===- DivideIndices.cpp - Indices are divided by products ----------------===//
//
// Numbers of tasks and tiles, and merged indices, are taken apart by divisions by constants.
// Below a bound that is known here (of a phase's tasks, of loops), a quotient is a product's
// upper bits:
//
//   n / 14, n < 1000  ~>  (n * 2341) >> 15
//
// LLVM, which knows no bound, multiplies 64 by 64 bits, and asks in many places what is known
// about that product: a pair of quotient and rest takes about 60 us more of a compilation.
//
//===----------------------------------------------------------------------===//

#include "DivideIndices.h"

#include "KernelModule.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace dl {

/// With a multiplier m = (2^s + e) / divisor, 0 <= e < divisor, the product is too large by
/// n * e / divisor, which does not reach the next whole number while n * e < 2^s.
std::optional<ProductQuotient> divideByProduct(int64_t divisor, int64_t most) {
  constexpr int64_t kMost = int64_t(1) << 31;
  if (divisor < 1 || divisor >= kMost || most < 0 || most >= kMost)
    return std::nullopt;
  auto d = static_cast<uint64_t>(divisor), range = d * (static_cast<uint64_t>(most) + 1);
  unsigned shift = llvm::Log2_64_Ceil(range);
  // A multiplier is part of an instruction, and its product has 63 bits.
  uint64_t multiplier = llvm::divideCeil(uint64_t(1) << shift, d);
  if (shift > 62 || multiplier >= static_cast<uint64_t>(kMost))
    return std::nullopt;
  return ProductQuotient{static_cast<int64_t>(multiplier), shift};
}

namespace {
class IndexDivider {
public:
  explicit IndexDivider(MLIRContext *context) : b(context) {}
  void rewrite(Operation *op);
  /// What was replaced stays till the end: bounds are known by the address of a value.
  void eraseReplaced() {
    for (Operation *op : replaced)
      op->erase();
  }

private:
  using Bound = std::optional<int64_t>;
  /// The largest number that an index, which is not negative, may be; none: unknown.
  Bound mostOf(Value value);
  Bound computeMost(Value value);
  static Bound mostOfTask(BlockArgument argument);
  Bound mostOfLoop(scf::ForOp loop);
  Bound mostOfOp(Operation *op);

  OpBuilder b;
  DenseMap<Value, Bound> known;
  SmallVector<Operation *> replaced;
};
} // namespace

std::optional<int64_t> IndexDivider::mostOf(Value value) {
  auto [entry, isNew] = known.try_emplace(value, std::nullopt);
  if (!isNew)
    return entry->second;
  // Sums of two stay far from the end of what a number holds.
  constexpr int64_t kLimit = int64_t(1) << 40;
  Bound most = computeMost(value);
  if (most && *most >= kLimit)
    most.reset();
  known[value] = most;
  return most;
}

std::optional<int64_t> IndexDivider::computeMost(Value value) {
  if (!value.getType().isIndex())
    return std::nullopt;
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return *constant >= 0 ? constant : std::nullopt;
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument)
    return mostOfOp(value.getDefiningOp());
  if (auto loop = dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp()))
    return argument == loop.getInductionVar() ? mostOfLoop(loop) : std::nullopt;
  return mostOfTask(argument);
}

/// The range of tasks that a phase runs.
std::optional<int64_t> IndexDivider::mostOfTask(BlockArgument argument) {
  auto tasks = argument.getOwner()->getParentOp()->getAttrOfType<IntegerAttr>(kTasks);
  if (!tasks || argument.getArgNumber() > 1)
    return std::nullopt;
  return tasks.getInt();
}

std::optional<int64_t> IndexDivider::mostOfLoop(scf::ForOp loop) {
  Bound end = mostOf(loop.getUpperBound());
  if (!end || !mostOf(loop.getLowerBound()))
    return std::nullopt;
  return std::max<int64_t>(*end - 1, 0);
}

std::optional<int64_t> IndexDivider::mostOfOp(Operation *op) {
  if (auto select = dyn_cast<arith::SelectOp>(op)) {
    Bound left = mostOf(select.getTrueValue()), right = mostOf(select.getFalseValue());
    return left && right ? std::max(left, right) : std::nullopt;
  }
  if (op->getNumOperands() != 2)
    return std::nullopt;
  Bound left = mostOf(op->getOperand(0)), right = mostOf(op->getOperand(1));
  std::optional<int64_t> divisor = getConstantIntValue(op->getOperand(1));
  if (isa<arith::MinUIOp>(op))
    return left && right ? std::min(*left, *right) : left ? left : right;
  if (isa<arith::RemUIOp>(op) && divisor && *divisor > 0)
    return left ? std::min(*left, *divisor - 1) : *divisor - 1;
  if (!left || !right)
    return std::nullopt;
  return llvm::TypeSwitch<Operation *, Bound>(op)
      .Case([&](arith::AddIOp) { return *left + *right; })
      .Case([&](arith::MulIOp) {
        int64_t product = 0;
        return llvm::MulOverflow(*left, *right, product) ? Bound() : Bound(product);
      })
      .Case([&](arith::DivUIOp) {
        return divisor && *divisor > 0 ? Bound(*left / *divisor) : std::nullopt;
      })
      .Case([&](arith::MinSIOp) { return std::min(*left, *right); })
      .Case<arith::MaxUIOp, arith::MaxSIOp>([&](auto) { return std::max(*left, *right); })
      .Default([](Operation *) { return Bound(); });
}

void IndexDivider::rewrite(Operation *op) {
  std::optional<int64_t> divisor = getConstantIntValue(op->getOperand(1));
  if (!op->getResult(0).getType().isIndex() || !divisor || llvm::isPowerOf2_64(*divisor))
    return;
  Value number = op->getOperand(0);
  Bound most = mostOf(number);
  auto by = most ? divideByProduct(*divisor, *most) : std::nullopt;
  if (!by)
    return;
  Location loc = op->getLoc();
  b.setInsertionPoint(op);
  auto constant = [&](int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); };
  Value result = arith::MulIOp::create(b, loc, number, constant(by->multiplier));
  result = arith::ShRUIOp::create(b, loc, result, constant(by->shift));
  known[result] = *most / *divisor;
  if (isa<arith::RemUIOp>(op)) {
    result = arith::MulIOp::create(b, loc, result, constant(*divisor));
    result = arith::SubIOp::create(b, loc, number, result);
    known[result] = std::min(*most, *divisor - 1);
  }
  op->getResult(0).replaceAllUsesWith(result);
  replaced.push_back(op);
}

void divideIndices(ModuleOp module) {
  IndexDivider divider(module.getContext());
  module.walk([&](Operation *op) {
    if (isa<arith::DivUIOp, arith::RemUIOp>(op))
      divider.rewrite(op);
  });
  divider.eraseReplaced();
}

} // namespace dl
