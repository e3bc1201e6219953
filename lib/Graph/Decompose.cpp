//===- Decompose.cpp - Composites become primitives -----------------------===//

#include "dl/IR/Decompose.h"
#include "dl/Graph/Passes.h"
#include "dl/Graph/Patterns.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace dl {

namespace {
/// Replaces a composite by its decomposition. Composites in that decompose in
/// their turn.
struct DecomposeComposite : RewritePattern {
  explicit DecomposeComposite(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/1, context) {}

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!isComposite(op))
      return rewriter.notifyMatchFailure(op, "is no composite");
    rewriter.replaceOp(op, decomposeOp(op, rewriter));
    return success();
  }
};
} // namespace

void populateDecomposePatterns(RewritePatternSet &patterns) {
  patterns.add<DecomposeComposite>(patterns.getContext());
}

#define GEN_PASS_DEF_DECOMPOSEPASS
#include "dl/Graph/Passes.h.inc"

namespace {
struct DecomposePass : impl::DecomposePassBase<DecomposePass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateDecomposePatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace

} // namespace dl
