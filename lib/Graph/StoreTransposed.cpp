//===- StoreTransposed.cpp - Variables in the layout of their kernels -----===//
//
// Before: every reader of a variable reads the same transpose of it. After: the
// variable is stored so (attribute `storage`), across steps; its update is
// transposed to match, where it is not the inverse transpose already.
//
//   %w = dl.parameter "w" : tensor<O x I x 5 x 5>   %w = dl.parameter "w"
//   %t = dl.transpose %w {[2, 3, 1, 0]}         ~>      {storage = [2, 3, 1, 0]}
//   dl.conv2d %x, %t                                dl.conv2d %x, %w
//
//===----------------------------------------------------------------------===//

#include "dl/Graph/Passes.h"

#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace dl {

/// The one permutation by which all readers transpose; empty where they differ.
static ArrayRef<int64_t> commonPermutation(ParameterOp parameter) {
  ArrayRef<int64_t> common;
  for (Operation *user : parameter->getUsers()) {
    auto transpose = dyn_cast<TransposeOp>(user);
    if (!transpose || (!common.empty() && transpose.getPermutation() != common))
      return {};
    common = transpose.getPermutation();
  }
  return common;
}

static OpOperand *updateOf(ParameterOp parameter) {
  auto op = cast<ReturnOp>(parameter->getBlock()->getTerminator());
  for (auto [index, name] : llvm::enumerate(op.getUpdated()))
    if (name == parameter.getNameAttr())
      return &op->getOpOperand(op.getOutputs().size() + index);
  return nullptr;
}

static void storeTransposed(ParameterOp parameter, ArrayRef<int64_t> common,
                            RewriterBase &rewriter) {
  // The attribute outlives the transposes it comes from.
  SmallVector<int64_t> permutation(common), storage;
  ArrayRef<int64_t> before = parameter.getStorage().value_or(ArrayRef<int64_t>());
  for (int64_t dim : permutation)
    storage.push_back(before.empty() ? dim : before[dim]);
  auto users = llvm::to_vector(parameter->getUsers());
  rewriter.modifyOpInPlace(parameter, [&] {
    parameter.setStorage(storage);
    parameter.getResult().setType(cast<RankedTensorType>(users.front()->getResult(0).getType()));
  });
  for (Operation *user : users)
    rewriter.replaceOp(user, parameter.getResult());
  if (OpOperand *update = updateOf(parameter)) {
    rewriter.setInsertionPoint(update->getOwner());
    Value stored =
        rewriter.createOrFold<TransposeOp>(parameter.getLoc(), update->get(), permutation);
    rewriter.modifyOpInPlace(update->getOwner(), [&] { update->set(stored); });
  }
}

static void storeTransposed(ModelOp model) {
  IRRewriter rewriter(model.getContext());
  for (auto parameter : model.getBody().getOps<ParameterOp>())
    if (ArrayRef<int64_t> permutation = commonPermutation(parameter); !permutation.empty())
      storeTransposed(parameter, permutation, rewriter);
}

#define GEN_PASS_DEF_STORETRANSPOSEDPASS
#include "dl/Graph/Passes.h.inc"

namespace {
struct StoreTransposedPass : impl::StoreTransposedPassBase<StoreTransposedPass> {
  void runOnOperation() override { storeTransposed(getOperation()); }
};
} // namespace

} // namespace dl
