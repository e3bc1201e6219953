//===- Contraction.cpp - Gradient rules of products and convolutions ------===//
//
// Each of these ops is linear in each of its two operands; a cotangent is the
// adjoint of that map, which is one of these ops again.
//
//===----------------------------------------------------------------------===//

#include "dl/Autodiff/Gradient.h"
#include "dl/IR/Formula.h"
#include "dl/IR/Inference.h"
#include "dl/IR/Window.h"

using namespace mlir;

namespace dl {

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

static Expr matmul(Expr lhs, Expr rhs, bool transposeLhs, bool transposeRhs) {
  return {lhs.builder,
          MatmulOp::create(*lhs.builder, lhs.value, rhs.value, transposeLhs, transposeRhs)};
}

/// All dimensions but the last as one.
static Expr flattenRows(Expr x) {
  int64_t rows = 1;
  for (int64_t extent : x.shape().drop_back())
    rows *= extent;
  return reshape(x, {rows, x.shape().back()});
}

// C = A' B', A' and B' transposed or not: d(A') = G B'^T, d(B') = A'^T G
template <> SmallVector<Value> gradient(MatmulOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr a = f(op.getLhs()), b = f(op.getRhs()), g = f(cotangents[0]);
  bool ta = op.getTransposeA(), tb = op.getTransposeB();
  Expr da = ta ? matmul(b, g, tb, true) : matmul(g, b, false, !tb);
  // One matrix for the whole batch: its cotangent is one product over all rows.
  if (b.rank() == 2 && a.rank() > 2 && !ta) {
    a = flattenRows(a);
    g = flattenRows(g);
  }
  Expr db = tb ? matmul(g, a, true, ta) : matmul(a, g, !ta, false);
  return {da, db};
}

// y = x W' + b, W' transposed or not: d(x) = g W'^T, d(W') = x^T g, d(b) = sum of
// g over all rows
template <> SmallVector<Value> gradient(LinearOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr g = f(cotangents[0]);
  bool transposed = op.getTransposeWeight();
  Value dx = LinearOp::create(builder, op.getLoc(), g, op.getWeight(), Value(), !transposed);
  Expr x = flattenRows(f(op.getInput())), rows = flattenRows(g);
  Expr dw = transposed ? matmul(rows, x, true, false) : matmul(x, rows, true, false);
  if (!op.getBias())
    return {dx, dw};
  return {dx, dw, sum(rows, 0)};
}

//===----------------------------------------------------------------------===//
// Convolutions
//===----------------------------------------------------------------------===//

namespace {
/// The three maps of one convolution (same strides, padding, dilation, groups,
/// layout): y = conv(x, w) and its adjoints in x and in w.
template <typename Op> class Convolution {
public:
  Convolution(Op op, OpBuilder &builder) : op(op), builder(builder) {}

  Value forward(Value x, Value w) {
    return Conv2DOp::create(builder, op.getLoc(), x, w, Value(), op.getStrides(), op.getPadding(),
                            op.getDilation(), op.getGroups(), op.getLayout());
  }
  Value backwardData(Value g, Value w, Value likeInput) {
    ImageLayout at = ImageLayout::get(op.getLayout());
    return Conv2DBackwardDataOp::create(
        builder, op.getLoc(), g, w, extents(likeInput, at.height, at.width), op.getStrides(),
        op.getPadding(), op.getDilation(), op.getGroups(), op.getLayout());
  }
  Value backwardWeights(Value x, Value g, Value likeWeight) {
    WeightLayout at = WeightLayout::get(op.getLayout());
    return Conv2DBackwardWeightsOp::create(
        builder, op.getLoc(), x, g, extents(likeWeight, at.height, at.width), op.getStrides(),
        op.getPadding(), op.getDilation(), op.getGroups(), op.getLayout());
  }

private:
  static SmallVector<int64_t> extents(Value value, int64_t height, int64_t width) {
    return {tensorType(value).getDimSize(height), tensorType(value).getDimSize(width)};
  }

  Op op;
  OpBuilder &builder;
};
} // namespace

// y = conv(x, w) + b: d(x) = backward_data(g, w), d(w) = backward_weights(x, g),
// d(b) = sum of g over all but the channels
template <> SmallVector<Value> gradient(Conv2DOp op, ValueRange cotangents, OpBuilder &builder) {
  Value x = op.getInput(), w = op.getWeight(), g = cotangents[0];
  Convolution conv(op, builder);
  SmallVector<Value> result = {conv.backwardData(g, w, x), conv.backwardWeights(x, g, w)};
  if (op.getBias()) {
    Formula f(op.getLoc(), builder);
    SmallVector<int64_t> axes = {0, 1, 2, 3};
    axes.erase(axes.begin() + ImageLayout::get(op.getLayout()).channel);
    result.push_back(sum(f(g), axes));
  }
  return result;
}

// x = backward_data(y, w): d(y) = conv(g, w), d(w) = backward_weights(g, y)
template <>
SmallVector<Value> gradient(Conv2DBackwardDataOp op, ValueRange cotangents, OpBuilder &builder) {
  Value y = op.getCotangent(), w = op.getWeight(), g = cotangents[0];
  Convolution conv(op, builder);
  return {conv.forward(g, w), conv.backwardWeights(g, y, w)};
}

// w = backward_weights(x, y): d(x) = backward_data(y, g), d(y) = conv(x, g)
template <>
SmallVector<Value> gradient(Conv2DBackwardWeightsOp op, ValueRange cotangents, OpBuilder &builder) {
  Value x = op.getInput(), y = op.getCotangent(), g = cotangents[0];
  Convolution conv(op, builder);
  return {conv.backwardData(y, g, x), conv.forward(x, g)};
}

} // namespace dl
