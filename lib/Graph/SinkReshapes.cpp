//===- SinkReshapes.cpp - Elementwise ops before reshapes -----------------===//
//
// A kernel holds no reshape, so one that stands between a matrix product and
// what is applied to it keeps them apart. Before: a dense layer of three
// dimensions, or the gradient of flatten. After: the elementwise ops work on the
// product itself, and the reshape, which costs nothing, follows.
//
//   select %m, (reshape (matmul ...)), 0  ~>  reshape (select (reshape %m), (matmul ...), 0)
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

/// A matrix product, or what is elementwise of one and of its shape.
static bool isOfProduct(Value value, int depth = 8) {
  Operation *def = value.getDefiningOp();
  if (!def || depth == 0)
    return false;
  if (isa<MatmulOp>(def))
    return true;
  return isElementwise(def) && llvm::any_of(def->getOperands(), [&](Value operand) {
           return shapeOf(operand) == shapeOf(value) && isOfProduct(operand, depth - 1);
         });
}

/// An operand that means the same before and after the reshape.
static bool isIndependent(Value operand, ArrayRef<int64_t> before, ArrayRef<int64_t> after) {
  RankedTensorType type = tensorType(operand);
  if (type.getRank() == 0)
    return true;
  bool isAlongLast = type.getRank() == 1 && !before.empty() && !after.empty();
  return isAlongLast && before.back() == after.back();
}

namespace {
struct SinkReshape : ElementwisePattern {
  using ElementwisePattern::ElementwisePattern;

  LogicalResult rewriteElementwise(Operation *op, PatternRewriter &rewriter) const override {
    ArrayRef<int64_t> after = shapeOf(op->getResult(0));
    ReshapeOp reshape = reshapeToSink(op);
    if (!reshape)
      return rewriter.notifyMatchFailure(op, "reads no reshape of a matrix product");
    SmallVector<int64_t> before(shapeOf(reshape.getInput()));
    for (Value operand : op->getOperands()) {
      if (isIndependent(operand, before, after))
        continue;
      if (shapeOf(operand) != after)
        return rewriter.notifyMatchFailure(op, "an operand broadcasts");
      if (!canReshape(operand, before))
        return rewriter.notifyMatchFailure(op, "belongs to the kernel of another operand");
    }
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(isIndependent(operand, before, after)
                             ? operand
                             : rewriter.createOrFold<ReshapeOp>(op->getLoc(), operand, before));
    Operation *clone = rewriter.clone(*op);
    clone->setOperands(operands);
    clone->getResult(0).setType(tensorType(op->getResult(0)).clone(before));
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, clone->getResult(0), after);
    return success();
  }

  /// True for reshapes of the same shape, inputs, parameters and masks; the
  /// kernel of any other operand may take the op as well.
  static bool canReshape(Value operand, ArrayRef<int64_t> before) {
    Operation *def = operand.getDefiningOp();
    if (!def || isa<ParameterOp, ConstantOp>(def) || isRematerializable(def))
      return true;
    auto reshape = dyn_cast<ReshapeOp>(def);
    return reshape && shapeOf(reshape.getInput()) == before;
  }

  /// One from fewer dimensions to more: so that two reshapes do not sink
  /// through each other for ever.
  static ReshapeOp reshapeToSink(Operation *op) {
    ArrayRef<int64_t> after = shapeOf(op->getResult(0));
    for (Value operand : op->getOperands())
      if (auto reshape = operand.getDefiningOp<ReshapeOp>();
          reshape && shapeOf(operand) == after &&
          shapeOf(reshape.getInput()).size() < after.size() && isOfProduct(reshape.getInput()))
        return reshape;
    return {};
  }
};

/// reshape (compare %y, 0) ~> compare (reshape %y), 0 to fewer dimensions: what is
/// in memory is the operand of a mask, not the mask.
struct HoistAboveMask : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    Operation *def = op.getInput().getDefiningOp();
    ArrayRef<int64_t> before = shapeOf(op.getInput()), after = shapeOf(op.getResult());
    if (!def || !isElementwise(def) || !isRematerializable(def) || after.size() >= before.size())
      return rewriter.notifyMatchFailure(op, "is no reshape of a mask to fewer dimensions");
    SmallVector<Value> operands;
    for (Value operand : def->getOperands()) {
      if (tensorType(operand).getRank() != 0 && shapeOf(operand) != before)
        return rewriter.notifyMatchFailure(op, "an operand of the mask broadcasts");
      operands.push_back(tensorType(operand).getRank() == 0
                             ? operand
                             : rewriter.createOrFold<ReshapeOp>(op.getLoc(), operand, after));
    }
    Operation *clone = rewriter.clone(*def);
    clone->setOperands(operands);
    clone->getResult(0).setType(op.getType());
    rewriter.replaceOp(op, clone);
    return success();
  }
};

/// sum (reshape %x) over all but the last dimension ~> sum %x over its rows.
struct SumOfReshapedRows : OpRewritePattern<SumOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SumOp op, PatternRewriter &rewriter) const override {
    auto reshape = op.getInput().getDefiningOp<ReshapeOp>();
    if (!reshape || op.getKeepdims() || shapeOf(reshape.getInput()).size() != 2)
      return rewriter.notifyMatchFailure(op, "sums no reshaped matrix");
    ArrayRef<int64_t> shape = shapeOf(op.getInput());
    bool sumsRows = llvm::equal(op.getReducedAxes(), llvm::seq<int64_t>(shape.size() - 1));
    if (!sumsRows || shape.empty() || shape.back() != shapeOf(reshape.getInput()).back())
      return rewriter.notifyMatchFailure(op, "does not sum rows");
    rewriter.replaceOpWithNewOp<SumOp>(op, reshape.getInput(), rewriter.getDenseI64ArrayAttr({0}),
                                       /*keepdims=*/false);
    return success();
  }
};
} // namespace

void populateSinkReshapesPatterns(RewritePatternSet &patterns) {
  patterns.add<SinkReshape, HoistAboveMask, SumOfReshapedRows>(patterns.getContext());
}

#define GEN_PASS_DEF_SINKRESHAPESPASS
#include "dl/Graph/Passes.h.inc"

namespace {
struct SinkReshapesPass : impl::SinkReshapesPassBase<SinkReshapesPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateSinkReshapesPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace

} // namespace dl
