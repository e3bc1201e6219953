//===- Shape.cpp - Gradient rules of the ops that move elements -----------===//

#include "dl/Autodiff/Gradient.h"
#include "dl/IR/Formula.h"
#include "dl/IR/Inference.h"

using namespace mlir;

namespace dl {

// d(x) = g in x's shape
template <> SmallVector<Value> gradient(ReshapeOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  return {reshape(f(cotangents[0]), tensorType(op.getInput()).getShape())};
}

// d(x) = g by the inverse permutation
template <> SmallVector<Value> gradient(TransposeOp op, ValueRange cotangents, OpBuilder &builder) {
  SmallVector<int64_t> inverse(op.getPermutation().size());
  for (auto [to, from] : llvm::enumerate(op.getPermutation()))
    inverse[from] = to;
  return {TransposeOp::create(builder, op.getLoc(), cotangents[0], inverse)};
}

// d(x) = g, summed over the copies
template <> SmallVector<Value> gradient(BroadcastOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  return {sumTo(f(cotangents[0]), tensorType(op.getInput()).getShape())};
}

} // namespace dl
