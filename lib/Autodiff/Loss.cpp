//===- Loss.cpp - Gradient rules of losses --------------------------------===//
//
// Losses are composites; these have rules of their own, which cancel terms that
// the decompositions' gradients would compute (and where these are 0 / 0 or off
// at a kink). N is the number of elements that the loss averages over.
//
//===----------------------------------------------------------------------===//

#include "dl/Autodiff/Gradient.h"
#include "dl/IR/Formula.h"

using namespace mlir;

namespace dl {

/// The cotangent of the loss over the number of averaged elements.
static Expr perElement(Formula &f, Value cotangent, double scale, int64_t count) {
  return f(cotangent) * (scale / static_cast<double>(count));
}

// d(x) = (softmax(x) v - one_hot) g / N, where v = sum(one_hot) is 0 for a label
// out of range, else 1. Integer labels have no cotangent.
template <>
SmallVector<Value> gradient(CrossEntropyOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr x = f(op.getPrediction());
  Expr picked = f(OneHotOp::create(builder, op.getLoc(), op.getTarget(), x.shape()[1],
                                   x.type().getElementType()));
  Expr probability = f(SoftmaxOp::create(builder, op.getLoc(), x, /*axis=*/1));
  Expr valid = sum(picked, 1, /*keepdims=*/true);
  Expr g = perElement(f, cotangents[0], 1.0, x.shape()[0]);
  return {(probability * valid - picked) * g, Value()};
}

// d(p) = 2 (p - t) g / N, d(t) = -d(p)
template <> SmallVector<Value> gradient(MSEOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr p = f(op.getPrediction()), t = f(op.getTarget());
  Expr d = (p - t) * perElement(f, cotangents[0], 2.0, p.type().getNumElements());
  return {d, -d};
}

// d(p) = (p - t) / max(p (1 - p), 1e-12) g / N: finite also where p is 0 or 1
// and the logarithm was cut off, as PyTorch has it.
// d(t) = (max(log(1 - p), -100) - max(log p, -100)) g / N
template <> SmallVector<Value> gradient(BCEOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr p = f(op.getPrediction()), t = f(op.getTarget());
  Expr g = perElement(f, cotangents[0], 1.0, p.type().getNumElements());
  Expr dp = (p - t) / maximum(p * (1.0 - p), 1e-12);
  Expr dt = maximum(log(1.0 - p), -100.0) - maximum(log(p), -100.0);
  return {dp * g, dt * g};
}

// d(x) = (sigmoid(x) - t) g / N, d(t) = -x g / N
template <>
SmallVector<Value> gradient(BCEWithLogitsOp op, ValueRange cotangents, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr x = f(op.getPrediction()), t = f(op.getTarget());
  Expr g = perElement(f, cotangents[0], 1.0, x.type().getNumElements());
  return {(sigmoid(x) - t) * g, -(x * g)};
}

} // namespace dl
