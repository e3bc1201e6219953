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
/// rest + constant; no rest: zero.
struct SplitIndex {
  Value rest;
  int64_t constant = 0;
};

class IndexSplitter {
public:
  explicit IndexSplitter(MLIRContext *context) : b(context) {}

  /// Takes the constants out of the index of an access.
  void rewrite(Operation *access, OpOperand &operand);
  /// Takes out what only computed indices as they were.
  void eraseUnused();

private:
  SplitIndex split(Value index);
  SplitIndex splitSum(arith::AddIOp sum);
  SplitIndex splitProduct(arith::MulIOp product);

  OpBuilder b;
  DenseMap<Value, SplitIndex> known;
  SmallVector<Operation *> replaced;
};
} // namespace

SplitIndex IndexSplitter::split(Value index) {
  if (std::optional<int64_t> constant = getConstantIntValue(index))
    return {Value(), *constant};
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

SplitIndex IndexSplitter::splitSum(arith::AddIOp sum) {
  SplitIndex left = split(sum.getLhs()), right = split(sum.getRhs());
  if (left.rest == sum.getLhs() && right.rest == sum.getRhs())
    return {sum};
  Value rest = left.rest ? left.rest : right.rest;
  if (left.rest && right.rest) {
    b.setInsertionPoint(sum);
    rest = arith::AddIOp::create(b, sum.getLoc(), left.rest, right.rest);
  }
  return {rest, left.constant + right.constant};
}

SplitIndex IndexSplitter::splitProduct(arith::MulIOp product) {
  std::optional<int64_t> factor = getConstantIntValue(product.getRhs());
  SplitIndex left = split(product.getLhs());
  if (!factor || left.rest == product.getLhs())
    return {product};
  if (!left.rest)
    return {Value(), left.constant * *factor};
  b.setInsertionPoint(product);
  Value rest = arith::MulIOp::create(b, product.getLoc(), left.rest, product.getRhs());
  return {rest, left.constant * *factor};
}

void IndexSplitter::rewrite(Operation *access, OpOperand &operand) {
  Value index = operand.get();
  auto [rest, constant] = split(index);
  if (rest == index || !index.getDefiningOp() || getConstantIntValue(index))
    return;
  b.setInsertionPoint(access);
  if (!rest)
    rest = arith::ConstantIndexOp::create(b, access->getLoc(), 0);
  operand.set(rest);
  if (constant != 0)
    access->setAttr(kDistance, b.getI64IntegerAttr(constant));
  replaced.push_back(index.getDefiningOp());
}

void IndexSplitter::eraseUnused() {
  llvm::SetVector<Operation *> worklist(replaced.begin(), replaced.end());
  while (!worklist.empty()) {
    Operation *op = worklist.pop_back_val();
    if (!isOpTriviallyDead(op))
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

void splitIndices(ModuleOp module) {
  IndexSplitter splitter(module.getContext());
  module.walk([&](Operation *op) {
    if (OpOperand *index = indexOf(op))
      splitter.rewrite(op, *index);
  });
  splitter.eraseUnused();
}

} // namespace dl
