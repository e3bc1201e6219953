//===- DecomposeTraining.cpp - Losses and updates in primitives -----------===//

#include "dl/IR/Decompose.h"
#include "dl/IR/Formula.h"

using namespace mlir;

namespace dl {

//===----------------------------------------------------------------------===//
// Losses
//===----------------------------------------------------------------------===//

/// Mean over all elements. NaN where there are none.
static Expr meanAll(Expr x) {
  return sumAll(x) * (1.0 / static_cast<double>(x.type().getNumElements()));
}

// Row: sum over classes of one_hot (log(sum(exp(z))) - z), z = x - max(x); the
// label's row of one_hot picks one class, or none where it is out of range.
// Loss: sum of rows (1 / N).
template <> SmallVector<Value> decompose(CrossEntropyOp op, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr x = f(op.getPrediction());
  Expr picked = f(OneHotOp::create(builder, op.getLoc(), op.getTarget(), x.shape()[1],
                                   x.type().getElementType()));
  Expr z = x - max(x, 1, /*keepdims=*/true);
  Expr rows = sum(picked * (log(sum(exp(z), 1, /*keepdims=*/true)) - z), 1);
  return {meanAll(rows)};
}

// mean((p - t)²)
template <> SmallVector<Value> decompose(MSEOp op, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr error = f(op.getPrediction()) - f(op.getTarget());
  return {meanAll(error * error)};
}

// -mean(t max(log p, -100) + (1 - t) max(log(1 - p), -100))
template <> SmallVector<Value> decompose(BCEOp op, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr p = f(op.getPrediction()), t = f(op.getTarget());
  Expr likelihood = t * maximum(log(p), -100.0) + (1.0 - t) * maximum(log(1.0 - p), -100.0);
  return {-meanAll(likelihood)};
}

// mean(max(x, 0) - x t + log(1 + exp(-|x|)))
template <> SmallVector<Value> decompose(BCEWithLogitsOp op, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr x = f(op.getPrediction()), t = f(op.getTarget());
  return {meanAll(relu(x) - x * t + log(1.0 + exp(-abs(x))))};
}

// mean(max(0, 1 - t x))
template <> SmallVector<Value> decompose(HingeOp op, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  return {meanAll(relu(1.0 - f(op.getTarget()) * f(op.getPrediction())))};
}

//===----------------------------------------------------------------------===//
// Updates
//===----------------------------------------------------------------------===//

/// The gradient with weight decay as L2 regularisation added.
static Expr regularized(Expr gradient, Expr parameter, double decay) {
  return decay == 0 ? gradient : gradient + parameter * decay;
}

template <> SmallVector<Value> decompose(SGDOp op, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr w = f(op.getParameter());
  Expr g = regularized(f(op.getGradient()), w, op.getWeightDecay().convertToDouble());
  double lr = op.getLr().convertToDouble(), momentum = op.getMomentum().convertToDouble();
  if (!op.getVelocity())
    return {w - g * lr};
  Expr v = f(op.getVelocity()) * momentum + g;
  Expr direction = op.getNesterov() ? g + v * momentum : v;
  return {w - direction * lr, v};
}

// Algorithm 1 with the bias corrections c1 = 1 - beta1^t and c2 = 1 - beta2^t
// taken out of the loop over elements: w' = w - (lr / c1) m' / (sqrt(v') /
// sqrt(c2) + eps). They are computed in f64: in f32, 1 - 0.999^t keeps only four
// digits at the first steps.
template <> SmallVector<Value> decompose(AdamOp op, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr w = f(op.getParameter());
  Expr g = regularized(f(op.getGradient()), w, op.getWeightDecay().convertToDouble());
  double beta1 = op.getBeta1().convertToDouble(), beta2 = op.getBeta2().convertToDouble();

  Type element = w.type().getElementType();
  Expr t = cast(f(op.getStep()), builder.getF64Type());
  Expr c1 = 1.0 - pow(constantLike(t, beta1), t);
  Expr c2 = 1.0 - pow(constantLike(t, beta2), t);
  Expr rate = cast(op.getLr().convertToDouble() / c1, element);
  Expr scale = cast(1.0 / sqrt(c2), element);

  Expr m = f(op.getMean()) * beta1 + g * (1.0 - beta1);
  Expr v = f(op.getVariance()) * beta2 + (g * g) * (1.0 - beta2);
  Expr step = (rate * m) / (sqrt(v) * scale + op.getEps().convertToDouble());
  return {w - step, m, v};
}

} // namespace dl
