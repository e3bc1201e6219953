//===- SinkTransposes.cpp - Transposes towards the borders ----------------===//
//
// Before: dl-channels-last has put transposes around each convolution. After:
// those between two convolutions have met and cancelled, because each moves down
// through what it can cross, until it reaches its inverse or an output.
//
//   relu (transpose %x)                 ~>  transpose (relu %x)
//   add (transpose %x), %parameter      ~>  transpose (add %x, (inverse %parameter))
//   sum (transpose %x) {axes = [2, 3]}  ~>  sum %x {axes = [1, 2]}
//
// What is computed from inputs, parameters and constants alone moves the other
// way, above the elementwise ops: a parameter whose every use is the same
// transpose is then stored transposed (dl-store-transposed), its optimiser state
// too.
//
//===----------------------------------------------------------------------===//

#include "dl/Graph/Kernels.h"
#include "dl/Graph/Passes.h"
#include "dl/Graph/Patterns.h"
#include "dl/IR/Inference.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace dl {

using Permutation = SmallVector<int64_t>;

static Permutation inverse(ArrayRef<int64_t> permutation) {
  Permutation result(permutation.size());
  for (auto [position, dim] : llvm::enumerate(permutation))
    result[dim] = position;
  return result;
}

static ArrayRef<int64_t> shapeOf(Value value) { return tensorType(value).getShape(); }

/// Inputs, parameters, constants, and what is elementwise of them.
static bool isOfLeaves(Value value, int depth = 8) {
  Operation *def = value.getDefiningOp();
  if (!def || isa<ParameterOp, ConstantOp>(def))
    return true;
  if (depth == 0 || !(isElementwise(def) || isa<BroadcastOp, ReshapeOp>(def)))
    return false;
  return llvm::all_of(def->getOperands(),
                      [&](Value operand) { return isOfLeaves(operand, depth - 1); });
}

/// The transpose of an operand that broadcasts to `rank` dimensions.
static Value transposeOperand(PatternRewriter &rewriter, Location loc, Value value,
                              ArrayRef<int64_t> permutation) {
  RankedTensorType type = tensorType(value);
  if (type.getNumElements() == 1)
    return value;
  SmallVector<int64_t> shape(permutation.size() - type.getRank(), 1);
  shape.append(type.getShape().begin(), type.getShape().end());
  if (shape.size() != static_cast<size_t>(type.getRank()))
    value = ReshapeOp::create(rewriter, loc, value, shape);
  return rewriter.createOrFold<TransposeOp>(loc, value, permutation);
}

/// The op with other operands and its result's dimensions permuted.
static Value cloneTransposed(PatternRewriter &rewriter, Operation *op, ValueRange operands,
                             ArrayRef<int64_t> permutation) {
  IRMapping mapping;
  Operation *clone = rewriter.clone(*op, mapping);
  clone->setOperands(operands);
  RankedTensorType type = tensorType(op->getResult(0));
  SmallVector<int64_t> shape =
      llvm::map_to_vector(permutation, [&](int64_t dim) { return type.getDimSize(dim); });
  clone->getResult(0).setType(type.clone(shape));
  return clone->getResult(0);
}

/// By the transpose of a value, or the value where that is no transpose.
static void replaceByTranspose(PatternRewriter &rewriter, Operation *op, Value value,
                               ArrayRef<int64_t> permutation) {
  rewriter.replaceOp(op, rewriter.createOrFold<TransposeOp>(op->getLoc(), value, permutation));
}

namespace {
//===----------------------------------------------------------------------===//
// Down
//===----------------------------------------------------------------------===//

/// op (transpose %x), ... ~> transpose (op %x, ...), where the other operands
/// are transposed alike or cost little to transpose.
struct SinkThroughElementwise : ElementwisePattern {
  using ElementwisePattern::ElementwisePattern;

  LogicalResult rewriteElementwise(Operation *op, PatternRewriter &rewriter) const override {
    TransposeOp transpose = transposeToSink(op);
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "reads no transpose of a computed tensor");
    int64_t elements = tensorType(op->getResult(0)).getNumElements();
    for (Value operand : op->getOperands()) {
      auto other = operand.getDefiningOp<TransposeOp>();
      bool isAlike = other && other.getPermutation() == transpose.getPermutation();
      if (!isAlike && !isOfLeaves(operand) && tensorType(operand).getNumElements() == elements)
        return rewriter.notifyMatchFailure(op, "another operand would have to be transposed");
    }
    Permutation back = inverse(transpose.getPermutation());
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(transposeOperand(rewriter, op->getLoc(), operand, back));
    Value result = cloneTransposed(rewriter, op, operands, back);
    replaceByTranspose(rewriter, op, result, transpose.getPermutation());
    return success();
  }

  /// One of the result's shape: so that the inverse, which other operands get,
  /// does not sink in its turn.
  static TransposeOp transposeToSink(Operation *op) {
    for (Value operand : op->getOperands())
      if (auto transpose = operand.getDefiningOp<TransposeOp>();
          transpose && transpose.getType().getNumElements() != 1 &&
          shapeOf(operand) == shapeOf(op->getResult(0)) && !isOfLeaves(transpose.getInput()))
        return transpose;
    return {};
  }
};

/// The dimensions that a reduction leaves, as a permutation of those it leaves
/// of the untransposed input.
Permutation remaining(ArrayRef<int64_t> permutation, ArrayRef<int64_t> axes) {
  Permutation left;
  for (auto [position, dim] : llvm::enumerate(permutation))
    if (!llvm::is_contained(axes, static_cast<int64_t>(position)))
      left.push_back(dim);
  Permutation sorted(left);
  llvm::sort(sorted);
  return llvm::map_to_vector(
      left, [&](int64_t dim) -> int64_t { return llvm::find(sorted, dim) - sorted.begin(); });
}

/// sum (transpose %x) ~> transpose (sum %x) over the same elements.
template <typename Op> struct SinkThroughReduction : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    auto transpose = op.getInput().template getDefiningOp<TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "reduces no transpose");
    ArrayRef<int64_t> permutation = transpose.getPermutation();
    SmallVector<int64_t> axes = op.getReducedAxes(), inner;
    for (int64_t axis : axes)
      inner.push_back(permutation[axis]);
    llvm::sort(inner);
    Value result = Op::create(rewriter, op.getLoc(), transpose.getInput(),
                              rewriter.getDenseI64ArrayAttr(inner), op.getKeepdims());
    replaceByTranspose(rewriter, op, result,
                       op.getKeepdims() ? Permutation(permutation) : remaining(permutation, axes));
    return success();
  }
};

struct SinkThroughArgmax : OpRewritePattern<ArgmaxOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ArgmaxOp op, PatternRewriter &rewriter) const override {
    auto transpose = op.getInput().getDefiningOp<TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "reduces no transpose");
    int64_t axis = op.getAxis();
    axis += axis < 0 ? transpose.getType().getRank() : 0;
    ArrayRef<int64_t> permutation = transpose.getPermutation();
    Value result = ArgmaxOp::create(rewriter, op.getLoc(), transpose.getInput(), permutation[axis]);
    replaceByTranspose(rewriter, op, result, remaining(permutation, {axis}));
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Up
//===----------------------------------------------------------------------===//

/// transpose (op %leaf, ...) ~> op (transpose %leaf), ...
struct HoistAboveElementwise : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(TransposeOp op, PatternRewriter &rewriter) const override {
    Operation *def = op.getInput().getDefiningOp();
    if (!def || !isElementwise(def) || !isOfLeaves(op.getInput()))
      return rewriter.notifyMatchFailure(op, "does not transpose an elementwise op of leaves");
    SmallVector<Value> operands;
    for (Value operand : def->getOperands())
      operands.push_back(transposeOperand(rewriter, op.getLoc(), operand, op.getPermutation()));
    rewriter.replaceOp(op, cloneTransposed(rewriter, def, operands, op.getPermutation()));
    return success();
  }
};

/// transpose (broadcast %x) ~> broadcast (transpose %x): fewer elements move.
struct HoistAboveBroadcast : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(TransposeOp op, PatternRewriter &rewriter) const override {
    auto broadcast = op.getInput().getDefiningOp<BroadcastOp>();
    if (!broadcast)
      return rewriter.notifyMatchFailure(op, "transposes no broadcast");
    Value inner =
        transposeOperand(rewriter, op.getLoc(), broadcast.getInput(), op.getPermutation());
    rewriter.replaceOpWithNewOp<BroadcastOp>(op, inner, shapeOf(op.getResult()));
    return success();
  }
};

//===----------------------------------------------------------------------===//
// No transposes at all
//===----------------------------------------------------------------------===//

/// Where only extents of 1 change places, no element moves.
struct TransposeToReshape : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(TransposeOp op, PatternRewriter &rewriter) const override {
    ArrayRef<int64_t> shape = shapeOf(op.getInput());
    int64_t last = -1;
    for (int64_t dim : op.getPermutation()) {
      if (shape[dim] == 1)
        continue;
      if (dim < last)
        return rewriter.notifyMatchFailure(op, "moves elements");
      last = dim;
    }
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getInput(), shapeOf(op.getResult()));
    return success();
  }
};
} // namespace

void populateSinkTransposesPatterns(RewritePatternSet &patterns) {
  patterns.add<SinkThroughElementwise, SinkThroughReduction<SumOp>, SinkThroughReduction<MaxOp>,
               SinkThroughReduction<MinOp>, SinkThroughArgmax, HoistAboveElementwise,
               HoistAboveBroadcast, TransposeToReshape>(patterns.getContext());
}

#define GEN_PASS_DEF_SINKTRANSPOSESPASS
#include "dl/Graph/Passes.h.inc"

namespace {
struct SinkTransposesPass : impl::SinkTransposesPassBase<SinkTransposesPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateSinkTransposesPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace

} // namespace dl
