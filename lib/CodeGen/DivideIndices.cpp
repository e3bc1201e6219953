//===- DivideIndices.cpp - Indices are divided by products ----------------===//
//
// Numbers of tasks and tiles, and merged indices, are taken apart by divisions by constants.
// Below a bound that is known here (of a phase's tasks, of loops), a quotient is a product's
// upper bits:
//
//   n / 14, n < 1000  ~>  (n * 2341) >> 15
//
// LLVM, which knows no bound, multiplies 64 by 64 bits, and asks in many places what is known
// about that product: a pair of quotient and rest takes about 60 us more of a compilation. Its
// fast selector divides, even by powers of two.
//
//===----------------------------------------------------------------------===//

#include "DivideIndices.h"

#include "KernelModule.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/StringMap.h"
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
/// What an index may be, both ends included.
struct IndexRange {
  int64_t low, high;
};
using Known = std::optional<IndexRange>;

class IndexDivider {
public:
  explicit IndexDivider(ModuleOp module);
  void rewrite(Operation *op);
  /// What was replaced stays till the end: ranges are known by the address of a value.
  void eraseReplaced() {
    for (Operation *op : replaced)
      op->erase();
  }

private:
  Known rangeOf(Value value);
  Known computeRange(Value value);
  Known rangeOfArgument(BlockArgument argument);
  Known rangeOfLoop(scf::ForOp loop);
  Known rangeOfOp(Operation *op);
  Known rangeOfDivision(Operation *op);
  Value quotientOf(Operation *op, const ProductQuotient &by);
  void rewriteByShift(Operation *op, Value number, int64_t divisor);
  void replace(Operation *op, Value result);

  OpBuilder b;
  /// By the function that is called.
  llvm::StringMap<SmallVector<func::CallOp>> calls;
  DenseMap<Value, Known> known;
  /// By number and divisor, the last one.
  DenseMap<std::pair<Value, int64_t>, Value> quotients;
  SmallVector<Operation *> replaced;
};
} // namespace

IndexDivider::IndexDivider(ModuleOp module) : b(module.getContext()) {
  module.walk([&](func::CallOp call) { calls[call.getCallee()].push_back(call); });
}

Known IndexDivider::rangeOf(Value value) {
  auto [entry, isNew] = known.try_emplace(value, std::nullopt);
  if (!isNew)
    return entry->second;
  // Sums of two stay far from the end of what a number holds.
  constexpr int64_t kLimit = int64_t(1) << 40;
  Known range = computeRange(value);
  if (range && (range->low <= -kLimit || range->high >= kLimit))
    range.reset();
  known[value] = range;
  return range;
}

Known IndexDivider::computeRange(Value value) {
  if (!value.getType().isIndex())
    return std::nullopt;
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return IndexRange{*constant, *constant};
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument)
    return rangeOfOp(value.getDefiningOp());
  if (auto loop = dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp()))
    return argument == loop.getInductionVar() ? rangeOfLoop(loop) : std::nullopt;
  return rangeOfArgument(argument);
}

static Known unite(Known x, Known y) {
  if (!x || !y)
    return std::nullopt;
  return IndexRange{std::min(x->low, y->low), std::max(x->high, y->high)};
}

/// The range of tasks that a phase runs; what the calls of a function hand it.
Known IndexDivider::rangeOfArgument(BlockArgument argument) {
  unsigned number = argument.getArgNumber();
  auto function = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
  if (!function || !argument.getOwner()->isEntryBlock())
    return std::nullopt;
  if (auto tasks = function->getAttrOfType<IntegerAttr>(kTasks))
    return number < 2 ? Known({0, tasks.getInt()}) : std::nullopt;
  auto found = calls.find(function.getName());
  if (found == calls.end())
    return std::nullopt;
  Known range = rangeOf(found->second.front().getOperand(number));
  for (func::CallOp call : found->second)
    range = unite(range, rangeOf(call.getOperand(number)));
  return range;
}

Known IndexDivider::rangeOfLoop(scf::ForOp loop) {
  Known begin = rangeOf(loop.getLowerBound()), end = rangeOf(loop.getUpperBound());
  if (!begin || !end)
    return std::nullopt;
  return IndexRange{begin->low, std::max(begin->low, end->high - 1)};
}

/// Of what is not negative, by what is not zero (else it has no result).
Known IndexDivider::rangeOfDivision(Operation *op) {
  Known left = rangeOf(op->getOperand(0)), right = rangeOf(op->getOperand(1));
  bool isLeft = left && left->low >= 0, isRight = right && right->low > 0;
  if (isa<arith::DivUIOp>(op)) {
    if (!isLeft)
      return std::nullopt;
    return isRight ? IndexRange{left->low / right->high, left->high / right->low}
                   : IndexRange{0, left->high};
  }
  if (!isLeft && !isRight)
    return std::nullopt;
  int64_t most = isLeft ? left->high : right->high - 1;
  return IndexRange{0, isRight ? std::min(most, right->high - 1) : most};
}

Known IndexDivider::rangeOfOp(Operation *op) {
  if (isa<arith::DivUIOp, arith::RemUIOp>(op))
    return rangeOfDivision(op);
  auto select = dyn_cast<arith::SelectOp>(op);
  if (!select && op->getNumOperands() != 2)
    return std::nullopt;
  Known left = rangeOf(op->getOperand(select ? 1 : 0)), right = rangeOf(op->getOperands().back());
  if (isa<arith::MinUIOp>(op) && left.has_value() != right.has_value()) {
    // The other one may be anything, which as a number without sign is not negative.
    Known one = left ? left : right;
    return one->low >= 0 ? Known({0, one->high}) : std::nullopt;
  }
  if (!left || !right)
    return std::nullopt;
  bool areNatural = left->low >= 0 && right->low >= 0;
  return llvm::TypeSwitch<Operation *, Known>(op)
      .Case([&](arith::SelectOp) { return unite(left, right); })
      .Case([&](arith::AddIOp) {
        return IndexRange{left->low + right->low, left->high + right->high};
      })
      .Case([&](arith::SubIOp) {
        return IndexRange{left->low - right->high, left->high - right->low};
      })
      .Case([&](arith::MulIOp) {
        int64_t most = 0;
        bool fits = areNatural && !llvm::MulOverflow(left->high, right->high, most);
        return fits ? Known({left->low * right->low, most}) : std::nullopt;
      })
      .Case([&](arith::ShRUIOp) {
        bool shifts = areNatural && right->low == right->high && right->low < 64;
        return shifts ? Known({left->low >> right->low, left->high >> right->low}) : std::nullopt;
      })
      .Case<arith::MinUIOp, arith::MinSIOp>([&](auto) {
        IndexRange range{std::min(left->low, right->low), std::min(left->high, right->high)};
        return areNatural || isa<arith::MinSIOp>(op) ? Known(range) : std::nullopt;
      })
      .Case<arith::MaxUIOp, arith::MaxSIOp>([&](auto) {
        IndexRange range{std::max(left->low, right->low), std::max(left->high, right->high)};
        return areNatural || isa<arith::MaxSIOp>(op) ? Known(range) : std::nullopt;
      })
      .Default([](Operation *) { return Known(); });
}

void IndexDivider::replace(Operation *op, Value result) {
  // Its own ops tell less; folded, it may be another op's, which tell more.
  if (Known range = rangeOf(op->getResult(0))) {
    IndexRange own = rangeOf(result).value_or(*range);
    known[result] = IndexRange{std::max(own.low, range->low), std::min(own.high, range->high)};
  }
  op->getResult(0).replaceAllUsesWith(result);
  replaced.push_back(op);
}

/// Of several that are made in a block, as by a remainder beside its quotient, one.
Value IndexDivider::quotientOf(Operation *op, const ProductQuotient &by) {
  Value number = op->getOperand(0);
  Value &quotient = quotients[{number, *getConstantIntValue(op->getOperand(1))}];
  if (quotient && quotient.getParentBlock() == op->getBlock())
    return quotient;
  Location loc = op->getLoc();
  auto constant = [&](int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); };
  Value product = arith::MulIOp::create(b, loc, number, constant(by.multiplier));
  quotient = arith::ShRUIOp::create(b, loc, product, constant(by.shift));
  return quotient;
}

/// A power of two divides every number so, as one without sign.
void IndexDivider::rewriteByShift(Operation *op, Value number, int64_t divisor) {
  b.setInsertionPoint(op);
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, op->getLoc(), value);
  };
  Value result;
  if (isa<arith::RemUIOp>(op))
    result = b.createOrFold<arith::AndIOp>(op->getLoc(), number, constant(divisor - 1));
  else
    result = b.createOrFold<arith::ShRUIOp>(op->getLoc(), number,
                                            constant(static_cast<int64_t>(llvm::Log2_64(divisor))));
  replace(op, result);
}

void IndexDivider::rewrite(Operation *op) {
  std::optional<int64_t> divisor = getConstantIntValue(op->getOperand(1));
  if (!op->getResult(0).getType().isIndex() || !divisor)
    return;
  Value number = op->getOperand(0);
  if (llvm::isPowerOf2_64(*divisor))
    return rewriteByShift(op, number, *divisor);
  Known range = rangeOf(number);
  auto by = range && range->low >= 0 ? divideByProduct(*divisor, range->high) : std::nullopt;
  if (!by)
    return;
  Location loc = op->getLoc();
  b.setInsertionPoint(op);
  Value result = quotientOf(op, *by);
  if (isa<arith::RemUIOp>(op)) {
    Value whole = arith::ConstantIndexOp::create(b, loc, *divisor);
    result = arith::SubIOp::create(b, loc, number, arith::MulIOp::create(b, loc, result, whole));
  }
  replace(op, result);
}

void divideIndices(ModuleOp module) {
  IndexDivider divider(module);
  module.walk([&](Operation *op) {
    if (isa<arith::DivUIOp, arith::RemUIOp>(op))
      divider.rewrite(op);
  });
  divider.eraseReplaced();
}

} // namespace dl
