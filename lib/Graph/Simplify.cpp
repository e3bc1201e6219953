//===- Simplify.cpp - Local rewrites between several ops ------------------===//
//
// What an op's own folder (IR/Folds.cpp) cannot see. Finite results keep their
// bits; only a sum of equal elements becomes their product, which is exact more
// often than the sum.
//
//===----------------------------------------------------------------------===//

#include "dl/Graph/Kernels.h"
#include "dl/Graph/Passes.h"
#include "dl/Graph/Patterns.h"
#include "dl/IR/Inference.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace dl {

static ArrayRef<int64_t> shapeOf(Value value) { return tensorType(value).getShape(); }

namespace {
//===----------------------------------------------------------------------===//
// Contractions
//===----------------------------------------------------------------------===//

/// matmul (transpose %a), %b ~> matmul %a, %b {transpose_a}, where the last two
/// dimensions change places.
struct TransposeIntoMatmul : OpRewritePattern<MatmulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MatmulOp op, PatternRewriter &rewriter) const override {
    Value lhs = untransposed(op.getLhs()), rhs = untransposed(op.getRhs());
    if (!lhs && !rhs)
      return rewriter.notifyMatchFailure(op, "no operand swaps its last two dimensions");
    rewriter.replaceOpWithNewOp<MatmulOp>(op, lhs ? lhs : op.getLhs(), rhs ? rhs : op.getRhs(),
                                          op.getTransposeA() != bool(lhs),
                                          op.getTransposeB() != bool(rhs));
    return success();
  }

  static Value untransposed(Value operand) {
    auto transpose = operand.getDefiningOp<TransposeOp>();
    if (!transpose)
      return {};
    int64_t rank = transpose.getType().getRank();
    SmallVector<int64_t> swap = llvm::to_vector(llvm::seq<int64_t>(rank));
    std::swap(swap[rank - 1], swap[rank - 2]);
    return transpose.getPermutation() == ArrayRef(swap) ? transpose.getInput() : Value();
  }
};

//===----------------------------------------------------------------------===//
// Broadcasts
//===----------------------------------------------------------------------===//

/// add %x, (broadcast %b) ~> add %x, %b: elementwise ops broadcast themselves.
struct DropBroadcast : ElementwisePattern {
  using ElementwisePattern::ElementwisePattern;

  LogicalResult rewriteElementwise(Operation *op, PatternRewriter &rewriter) const override {
    for (OpOperand &operand : op->getOpOperands()) {
      auto broadcast = operand.get().getDefiningOp<BroadcastOp>();
      if (!broadcast || !keepsShape(op, operand, broadcast.getInput()))
        continue;
      rewriter.modifyOpInPlace(op, [&] { operand.set(broadcast.getInput()); });
      return success();
    }
    return rewriter.notifyMatchFailure(op, "no broadcast is implied by the other operands");
  }

  static bool keepsShape(Operation *op, OpOperand &replaced, Value by) {
    SmallVector<int64_t> shape;
    for (OpOperand &operand : op->getOpOperands()) {
      Value value = operand.getOperandNumber() == replaced.getOperandNumber() ? by : operand.get();
      shape = *broadcastShapes(std::nullopt, shape, shapeOf(value));
    }
    return ArrayRef(shape) == shapeOf(op->getResult(0));
  }
};

/// sum (broadcast %x) over the dimensions it was copied along ~> mul %x, count.
struct SumOfBroadcast : OpRewritePattern<SumOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SumOp op, PatternRewriter &rewriter) const override {
    auto broadcast = op.getInput().getDefiningOp<BroadcastOp>();
    if (!broadcast)
      return rewriter.notifyMatchFailure(op, "sums no broadcast");
    SmallVector<int64_t> reduced = reducedShape(shapeOf(op.getInput()), op.getReducedAxes(), true);
    // Whatever is summed must be copies alone.
    SmallVector<int64_t> copied(reduced.size() - shapeOf(broadcast.getInput()).size(), 1);
    copied.append(shapeOf(broadcast.getInput()).begin(), shapeOf(broadcast.getInput()).end());
    int64_t count = 1;
    for (int64_t axis : op.getReducedAxes()) {
      if (copied[axis] != 1)
        return rewriter.notifyMatchFailure(op, "sums elements that differ");
      count *= shapeOf(op.getInput())[axis];
    }
    // Of no copies the sum is 0, the product need not be.
    if (count == 0)
      return rewriter.notifyMatchFailure(op, "sums nothing");
    Type element = op.getType().getElementType();
    auto scalar = DenseElementsAttr::get(RankedTensorType::get({}, element),
                                         rewriter.getFloatAttr(element, double(count)));
    Value product = MulOp::create(rewriter, op.getLoc(), broadcast.getInput(),
                                  ConstantOp::create(rewriter, op.getLoc(), scalar));
    Value kept = rewriter.createOrFold<BroadcastOp>(
        op.getLoc(), rewriter.createOrFold<ReshapeOp>(op.getLoc(), product, copied), reduced);
    rewriter.replaceOp(
        op, rewriter.createOrFold<ReshapeOp>(op.getLoc(), kept, shapeOf(op.getResult())));
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

/// A reduction over dimensions of extent 1, or none, moves no element.
template <typename Op> struct ReduceNothing : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    for (int64_t axis : op.getReducedAxes())
      if (shapeOf(op.getInput())[axis] != 1)
        return rewriter.notifyMatchFailure(op, "reduces elements");
    rewriter.replaceOp(
        op, rewriter.createOrFold<ReshapeOp>(op.getLoc(), op.getInput(), shapeOf(op.getResult())));
    return success();
  }
};

/// reshape (sum %x) ~> sum %x {keepdims}, or without, where that is the shape:
/// a kernel holds no reshape.
template <typename Op> struct ReshapeOfReduction : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    auto reduction = op.getInput().getDefiningOp<Op>();
    if (!reduction || !reduction->hasOneUse())
      return rewriter.notifyMatchFailure(op, "reshapes no reduction of its own");
    bool keepdims = !reduction.getKeepdims();
    SmallVector<int64_t> axes = reduction.getReducedAxes();
    if (ArrayRef(reducedShape(shapeOf(reduction.getInput()), axes, keepdims)) !=
        shapeOf(op.getResult()))
      return rewriter.notifyMatchFailure(op, "does not add or drop the reduced dimensions");
    rewriter.replaceOpWithNewOp<Op>(op, reduction.getInput(), rewriter.getDenseI64ArrayAttr(axes),
                                    keepdims);
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

/// div %x, 4 ~> mul %x, 0.25: exact for powers of two, and multiplying is faster.
struct DivideByPowerOfTwo : OpRewritePattern<DivOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(DivOp op, PatternRewriter &rewriter) const override {
    auto constant = op.getRhs().getDefiningOp<ConstantOp>();
    auto elements = constant ? dyn_cast<DenseFPElementsAttr>(constant.getValue()) : nullptr;
    if (!elements || !elements.isSplat())
      return rewriter.notifyMatchFailure(op, "divides by no constant of one value");
    APFloat inverse(0.0);
    if (!elements.getSplatValue<APFloat>().getExactInverse(&inverse))
      return rewriter.notifyMatchFailure(op, "the divisor is no power of two");
    auto factor = ConstantOp::create(rewriter, op.getLoc(),
                                     DenseElementsAttr::get(elements.getType(), inverse));
    rewriter.replaceOpWithNewOp<MulOp>(op, op.getLhs(), factor);
    return success();
  }
};
} // namespace

void populateSimplifyPatterns(RewritePatternSet &patterns) {
  patterns.add<TransposeIntoMatmul, DropBroadcast, SumOfBroadcast, ReduceNothing<SumOp>,
               ReduceNothing<MaxOp>, ReduceNothing<MinOp>, ReshapeOfReduction<SumOp>,
               ReshapeOfReduction<MaxOp>, ReshapeOfReduction<MinOp>, DivideByPowerOfTwo>(
      patterns.getContext());
}

#define GEN_PASS_DEF_SIMPLIFYPASS
#include "dl/Graph/Passes.h.inc"

namespace {
struct SimplifyPass : impl::SimplifyPassBase<SimplifyPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateSimplifyPatterns(patterns);
    populateFoldConstantsPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace

} // namespace dl
