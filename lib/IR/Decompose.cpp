//===- Decompose.cpp - Composites in terms of primitives ------------------===//
//
// The dispatch, and the decompositions of reductions, normalisations and shape
// ops. A row of softmax, log_softmax or cross_entropy reduces along one axis
// with the axis kept, so that the whole row fuses into one loop nest.
//
//===----------------------------------------------------------------------===//

#include "dl/IR/Decompose.h"
#include "dl/IR/Formula.h"
#include "dl/IR/Inference.h"
#include "dl/IR/Normalization.h"
#include "dl/IR/Window.h"

#include "llvm/ADT/DenseMap.h"

#include <limits>

using namespace mlir;

namespace dl {

//===----------------------------------------------------------------------===//
// Dispatch
//===----------------------------------------------------------------------===//

namespace {
using Decomposition = SmallVector<Value> (*)(Operation *, OpBuilder &);
using DecompositionTable = llvm::DenseMap<TypeID, Decomposition>;
} // namespace

template <typename Op> static void addDecomposition(DecompositionTable &table) {
  if constexpr (Op::template hasTrait<IsComposite>())
    table[TypeID::get<Op>()] = [](Operation *op, OpBuilder &builder) {
      return decompose(llvm::cast<Op>(op), builder);
    };
}

template <typename... Ops> static DecompositionTable makeTable() {
  DecompositionTable table;
  (addDecomposition<Ops>(table), ...);
  return table;
}

static Decomposition lookup(Operation *op) {
  static const DecompositionTable table = makeTable<
#define GET_OP_LIST
#include "dl/IR/DLOps.cpp.inc"
      >();
  return table.lookup(op->getName().getTypeID());
}

bool isComposite(Operation *op) { return lookup(op) != nullptr; }

SmallVector<Value> decomposeOp(Operation *op, OpBuilder &builder) {
  return lookup(op)(op, builder);
}

//===----------------------------------------------------------------------===//
// Reductions and normalisations
//===----------------------------------------------------------------------===//

// mean(x) = sum(x) (1 / n); 0 * infinity is NaN where n is 0.
template <> SmallVector<Value> decompose(MeanOp op, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr x = f(op.getInput());
  SmallVector<int64_t> axes = op.getReducedAxes();
  int64_t count = 1;
  for (int64_t axis : axes)
    count *= x.shape()[axis];
  return {sum(x, axes, op.getKeepdims()) * (1.0 / static_cast<double>(count))};
}

// log_sum_exp(x) = m + log(sum(exp(x - m))), m = max(x), or 0 where that is
// infinite: infinity - infinity would be NaN.
template <> SmallVector<Value> decompose(LogSumExpOp op, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr x = f(op.getInput());
  SmallVector<int64_t> axes = op.getReducedAxes();
  Expr largest = max(x, axes, /*keepdims=*/true);
  Expr isInfinite = compare(abs(largest), std::numeric_limits<double>::infinity(), "eq");
  Expr m = select(isInfinite, 0.0, largest);
  Expr y = m + log(sum(exp(x - m), axes, /*keepdims=*/true));
  return {reshape(y, op.getType().getShape())};
}

static int64_t normalizedAxis(int64_t axis, Value input) {
  return axis < 0 ? axis + tensorType(input).getRank() : axis;
}

// softmax(x) = e (1 / sum(e)), e = exp(x - max(x)): one division a row
template <> SmallVector<Value> decompose(SoftmaxOp op, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr x = f(op.getInput());
  int64_t axis = normalizedAxis(op.getAxis(), op.getInput());
  Expr e = exp(x - max(x, axis, /*keepdims=*/true));
  return {e * (1.0 / sum(e, axis, /*keepdims=*/true))};
}

// log_softmax(x) = z - log(sum(exp(z))), z = x - max(x)
template <> SmallVector<Value> decompose(LogSoftmaxOp op, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr x = f(op.getInput());
  int64_t axis = normalizedAxis(op.getAxis(), op.getInput());
  Expr z = x - max(x, axis, /*keepdims=*/true);
  return {z - log(sum(exp(z), axis, /*keepdims=*/true))};
}

//===----------------------------------------------------------------------===//
// Shape
//===----------------------------------------------------------------------===//

template <> SmallVector<Value> decompose(FlattenOp op, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  return {reshape(f(op.getInput()), op.getType().getShape())};
}

// The gradient of a convolution in its input, plus the bias.
template <> SmallVector<Value> decompose(ConvTranspose2DOp op, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  ImageLayout at = ImageLayout::get(op.getLayout());
  ArrayRef<int64_t> shape = op.getType().getShape();
  Expr y = f(Conv2DBackwardDataOp::create(
      builder, op.getLoc(), op.getInput(), op.getWeight(),
      builder.getDenseI64ArrayAttr({shape[at.height], shape[at.width]}), op.getStridesAttr(),
      op.getPaddingAttr(), op.getDilationAttr(), op.getGroupsAttr(), op.getLayoutAttr()));
  if (!op.getBias())
    return {y};
  return {y + alongAxis(f(op.getBias()), y, at.channel)};
}

} // namespace dl
