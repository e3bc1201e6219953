//===- SplitBias.cpp - Contractions without a bias ------------------------===//
//
// A contraction kernel knows no bias: it is one addition of its epilogue among
// others. A dense layer is a matrix product of rows of features.
//
//===----------------------------------------------------------------------===//

#include "dl/Graph/Passes.h"
#include "dl/Graph/Patterns.h"
#include "dl/IR/Inference.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace dl {

/// The bias in a shape that broadcasts along the channels of an image.
static Value biasAlongChannels(Conv2DOp op, PatternRewriter &rewriter) {
  if (op.getLayout() == "nhwc")
    return op.getBias();
  int64_t channels = tensorType(op.getBias()).getDimSize(0);
  return ReshapeOp::create(rewriter, op.getLoc(), op.getBias(), ArrayRef<int64_t>{channels, 1, 1});
}

namespace {
struct SplitConvolutionBias : OpRewritePattern<Conv2DOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(Conv2DOp op, PatternRewriter &rewriter) const override {
    if (!op.getBias())
      return rewriter.notifyMatchFailure(op, "has no bias");
    Value bias = biasAlongChannels(op, rewriter);
    Value product = Conv2DOp::create(rewriter, op.getLoc(), op.getInput(), op.getWeight(), Value(),
                                     op.getStrides(), op.getPadding(), op.getDilation(),
                                     op.getGroups(), op.getLayout());
    rewriter.replaceOpWithNewOp<AddOp>(op, product, bias);
    return success();
  }
};

/// linear ~> add (reshape (matmul (reshape %x), %w)), %b: one product of
/// [rows, in] by [in, out], whatever the rank of the input.
struct LinearToMatmul : OpRewritePattern<LinearOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LinearOp op, PatternRewriter &rewriter) const override {
    RankedTensorType input = tensorType(op.getInput());
    int64_t features = input.getShape().back();
    // Not -1: it has no meaning where an extent is 0.
    int64_t rows = 1;
    for (int64_t extent : input.getShape().drop_back())
      rows *= extent;
    Value x = op.getInput();
    if (input.getRank() != 2)
      x = ReshapeOp::create(rewriter, op.getLoc(), x, ArrayRef<int64_t>{rows, features});
    Value y = MatmulOp::create(rewriter, op.getLoc(), x, op.getWeight(), /*transpose_a=*/false,
                               op.getTransposeWeight());
    if (op.getBias())
      y = AddOp::create(rewriter, op.getLoc(), y, op.getBias());
    if (input.getRank() != 2)
      y = ReshapeOp::create(rewriter, op.getLoc(), y, tensorType(op.getResult()).getShape());
    rewriter.replaceOp(op, y);
    return success();
  }
};
} // namespace

void populateSplitBiasPatterns(RewritePatternSet &patterns) {
  patterns.add<SplitConvolutionBias, LinearToMatmul>(patterns.getContext());
}

#define GEN_PASS_DEF_SPLITBIASPASS
#include "dl/Graph/Passes.h.inc"

namespace {
struct SplitBiasPass : impl::SplitBiasPassBase<SplitBiasPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateSplitBiasPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace

} // namespace dl
