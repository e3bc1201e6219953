//===- SplitIndices.cpp - Constants out of indices ------------------------===//

#include "LowerMemory.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace dl {

namespace {
/// rest + fixed + constant; none: zero.
struct SplitIndex {
  Value rest, fixed;
  int64_t constant = 0;
};

class IndexSplitter {
public:
  explicit IndexSplitter(MLIRContext *context) : b(context) {}
  /// What is not of `region` is fixed: sums of such are made by `outside`.
  IndexSplitter(Region &region, OpBuilder &outside)
      : b(region.getContext()), region(&region), outside(&outside) {}

  /// Takes the constants out of the index of an access.
  void rewrite(Operation *access, OpOperand &operand);
  /// Of a number that is divided, makes one sum of what is fixed.
  void rewriteNumber(Operation *division);
  /// Takes out what only computed indices as they were.
  void eraseUnused();

private:
  SplitIndex split(Value index);
  SplitIndex splitSum(arith::AddIOp sum);
  SplitIndex splitProduct(arith::MulIOp product);

  Value add(Location loc, Value left, Value right);
  Value addFixed(Location loc, Value left, Value right);
  Value multiplyFixed(Location loc, Value fixed, int64_t factor);

  OpBuilder b;
  Region *region = nullptr;
  OpBuilder *outside = nullptr;
  DenseMap<Value, SplitIndex> known;
  /// Products (by a factor) and sums.
  DenseMap<std::tuple<Value, Value, int64_t>, Value> fixedValues;
  SmallVector<Operation *> replaced;
};
} // namespace

SplitIndex IndexSplitter::split(Value index) {
  if (std::optional<int64_t> constant = getConstantIntValue(index))
    return {Value(), Value(), *constant};
  if (region && !region->isAncestor(index.getParentRegion()))
    return {Value(), index};
  auto [entry, isNew] = known.try_emplace(index, SplitIndex{index});
  if (!isNew)
    return entry->second;
  SplitIndex result{index};
  if (auto sum = index.getDefiningOp<arith::AddIOp>())
    result = splitSum(sum);
  else if (auto product = index.getDefiningOp<arith::MulIOp>())
    result = splitProduct(product);
  return known[index] = result;
}

/// Null: zero.
Value IndexSplitter::add(Location loc, Value left, Value right) {
  if (!left || !right)
    return left ? left : right;
  return arith::AddIOp::create(b, loc, left, right);
}

/// fixed * factor.
Value IndexSplitter::multiplyFixed(Location loc, Value fixed, int64_t factor) {
  Value &product = fixedValues[{fixed, Value(), factor}];
  if (fixed && !product)
    product = arith::MulIOp::create(*outside, loc, fixed,
                                    arith::ConstantIndexOp::create(*outside, loc, factor));
  return product;
}

Value IndexSplitter::addFixed(Location loc, Value left, Value right) {
  if (!left || !right)
    return left ? left : right;
  Value &sum = fixedValues[{left, right, 1}];
  if (!sum)
    sum = arith::AddIOp::create(*outside, loc, left, right);
  return sum;
}

SplitIndex IndexSplitter::splitSum(arith::AddIOp sum) {
  SplitIndex left = split(sum.getLhs()), right = split(sum.getRhs());
  if (left.rest == sum.getLhs() && right.rest == sum.getRhs())
    return {sum};
  Location loc = sum.getLoc();
  b.setInsertionPoint(sum);
  return {add(loc, left.rest, right.rest), addFixed(loc, left.fixed, right.fixed),
          left.constant + right.constant};
}

SplitIndex IndexSplitter::splitProduct(arith::MulIOp product) {
  std::optional<int64_t> factor = getConstantIntValue(product.getRhs());
  SplitIndex left = split(product.getLhs());
  if (!factor || left.rest == product.getLhs())
    return {product};
  Location loc = product.getLoc();
  b.setInsertionPoint(product);
  Value rest =
      left.rest ? arith::MulIOp::create(b, loc, left.rest, product.getRhs()).getResult() : Value();
  return {rest, multiplyFixed(loc, left.fixed, *factor), left.constant * *factor};
}

void IndexSplitter::rewrite(Operation *access, OpOperand &operand) {
  Value index = operand.get();
  auto [rest, fixed, constant] = split(index);
  if (rest == index || fixed == index || !index.getDefiningOp() || getConstantIntValue(index))
    return;
  b.setInsertionPoint(access);
  Value sum = add(access->getLoc(), rest, fixed);
  if (!sum)
    sum = arith::ConstantIndexOp::create(b, access->getLoc(), 0);
  operand.set(sum);
  if (auto before = access->getAttrOfType<IntegerAttr>(kDistance))
    constant += before.getInt();
  if (constant != 0)
    access->setAttr(kDistance, b.getI64IntegerAttr(constant));
  replaced.push_back(index.getDefiningOp());
}

void IndexSplitter::rewriteNumber(Operation *division) {
  Value number = division->getOperand(0);
  auto [rest, fixed, constant] = split(number);
  if (!rest || !fixed)
    return;
  Location loc = division->getLoc();
  b.setInsertionPoint(division);
  Value sum = add(loc, rest, fixed);
  if (constant != 0)
    sum = add(loc, sum, arith::ConstantIndexOp::create(b, loc, constant));
  division->setOperand(0, sum);
  replaced.push_back(number.getDefiningOp());
}

void IndexSplitter::eraseUnused() {
  llvm::SetVector<Operation *> worklist(replaced.begin(), replaced.end());
  while (!worklist.empty()) {
    Operation *op = worklist.pop_back_val();
    bool isOutside = region && !region->isAncestor(op->getParentRegion());
    if (isOutside || !isOpTriviallyDead(op))
      continue;
    for (Value operand : op->getOperands())
      if (Operation *source = operand.getDefiningOp())
        worklist.insert(source);
    op->erase();
  }
}

/// The index of an access to flat memory; null where an op is none.
static OpOperand *indexOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, OpOperand *>(op)
      .Case<memref::LoadOp, memref::StoreOp, memref::PrefetchOp, vector::LoadOp, vector::StoreOp,
            vector::MaskedLoadOp, vector::MaskedStoreOp>(
          [](auto access) { return &*access.getIndicesMutable().begin(); })
      .Case<memref::SubViewOp, vector::GatherOp>(
          [](auto access) { return &*access.getOffsetsMutable().begin(); })
      .Default([](Operation *) { return nullptr; });
}

static void rewriteAll(IndexSplitter &splitter, Region &region) {
  region.walk([&](Operation *op) {
    if (OpOperand *index = indexOf(op))
      splitter.rewrite(op, *index);
    else if (isa<arith::DivUIOp, arith::RemUIOp>(op))
      splitter.rewriteNumber(op);
  });
  splitter.eraseUnused();
}

void splitIndices(ModuleOp module) {
  IndexSplitter splitter(module.getContext());
  rewriteAll(splitter, module.getBodyRegion());
}

void splitIndices(Region &region, OpBuilder &outside) {
  IndexSplitter splitter(region, outside);
  rewriteAll(splitter, region);
}

} // namespace dl
