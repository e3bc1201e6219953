//===- ChannelsLast.cpp - Images nhwc inside ------------------------------===//
//
// Before: convolutions and poolings of either layout. After: all are nhwc, with
// transposes around those that were not. dl-sink-transposes then moves the
// transposes to the borders of the model, where they cancel or stay.
//
//   conv2d %x, %w {nchw} ~> transpose (conv2d (transpose %x), (transpose %w) {nhwc})
//
//===----------------------------------------------------------------------===//

#include "dl/Graph/Passes.h"
#include "dl/Graph/Patterns.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace dl {

/// Permutations for dl.transpose: images NCHW ~> NHWC and back, weights OIHW ~>
/// HWIO and back.
constexpr int64_t kImageToLast[] = {0, 2, 3, 1}, kImageToFirst[] = {0, 3, 1, 2};
constexpr int64_t kWeightToLast[] = {2, 3, 1, 0}, kWeightToFirst[] = {3, 2, 0, 1};

static bool isWeight(OpOperand &operand) {
  return operand.getOperandNumber() == 1 && isa<Conv2DOp, Conv2DBackwardDataOp>(operand.getOwner());
}

static bool isBias(OpOperand &operand) {
  return operand.getOperandNumber() == 2 && isa<Conv2DOp>(operand.getOwner());
}

namespace {
template <typename Op> struct ToChannelsLast : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (op.getLayout() == "nhwc")
      return rewriter.notifyMatchFailure(op, "is channels last");
    Location loc = op.getLoc();
    SmallVector<Value> operands;
    for (OpOperand &operand : op->getOpOperands()) {
      Value value = operand.get();
      if (!isBias(operand))
        value = TransposeOp::create(rewriter, loc, value,
                                    isWeight(operand) ? kWeightToLast : kImageToLast);
      operands.push_back(value);
    }
    NamedAttrList attributes(op->getAttrs());
    attributes.set(op.getLayoutAttrName(), rewriter.getStringAttr("nhwc"));
    Value result = Op::create(rewriter, loc, operands, attributes.getAttrs())->getResult(0);
    bool yieldsWeight = std::is_same_v<Op, Conv2DBackwardWeightsOp>;
    rewriter.replaceOpWithNewOp<TransposeOp>(op, result,
                                             yieldsWeight ? kWeightToFirst : kImageToFirst);
    return success();
  }
};
} // namespace

void populateChannelsLastPatterns(RewritePatternSet &patterns) {
  patterns.add<ToChannelsLast<Conv2DOp>, ToChannelsLast<Conv2DBackwardDataOp>,
               ToChannelsLast<Conv2DBackwardWeightsOp>, ToChannelsLast<MaxPool2DOp>,
               ToChannelsLast<MaxPool2DBackwardOp>, ToChannelsLast<MaxPool2DGatherOp>,
               ToChannelsLast<AvgPool2DOp>, ToChannelsLast<AvgPool2DBackwardOp>>(
      patterns.getContext());
}

#define GEN_PASS_DEF_CHANNELSLASTPASS
#include "dl/Graph/Passes.h.inc"

namespace {
struct ChannelsLastPass : impl::ChannelsLastPassBase<ChannelsLastPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateChannelsLastPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace

} // namespace dl
