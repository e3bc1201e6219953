//===- Training.cpp - Reference of losses and updates ---------------------===//

#include "Evaluate.h"

#include <cmath>

using namespace mlir;

namespace dl {

//===----------------------------------------------------------------------===//
// Losses
//===----------------------------------------------------------------------===//

/// Mean of loss(prediction, target) over all elements.
static void meanOverElements(Arrays in, MutableArrays out, double (*loss)(double, double)) {
  double sum = 0;
  for (int64_t i = 0; i < in[0].size(); ++i)
    sum += loss(in[0].real(i), in[1].real(i));
  out[0].setReal(0, sum / static_cast<double>(in[0].size()));
}

template <> void evaluate(MSEOp, Arrays in, MutableArrays out) {
  meanOverElements(in, out, [](double p, double t) { return (p - t) * (p - t); });
}

template <> void evaluate(BCEOp, Arrays in, MutableArrays out) {
  meanOverElements(in, out, [](double p, double t) {
    double logP = std::max(std::log(p), -100.0), logQ = std::max(std::log(1 - p), -100.0);
    return -(t * logP + (1 - t) * logQ);
  });
}

template <> void evaluate(BCEWithLogitsOp, Arrays in, MutableArrays out) {
  meanOverElements(in, out, [](double x, double t) {
    return std::max(x, 0.0) - x * t + std::log1p(std::exp(-std::fabs(x)));
  });
}

template <> void evaluate(HingeOp, Arrays in, MutableArrays out) {
  meanOverElements(in, out, [](double x, double t) { return std::max(0.0, 1 - t * x); });
}

template <> void evaluate(CrossEntropyOp, Arrays in, MutableArrays out) {
  const Array &logits = in[0], &labels = in[1];
  int64_t classes = logits.shape()[1];
  double sum = 0;
  for (int64_t n = 0; n < labels.size(); ++n) {
    int64_t label = labels.integer(n);
    if (label < 0 || label >= classes)
      continue;
    double largest = logits.real(n * classes), exps = 0;
    for (int64_t c = 0; c < classes; ++c)
      largest = std::max(largest, logits.real(n * classes + c));
    for (int64_t c = 0; c < classes; ++c)
      exps += std::exp(logits.real(n * classes + c) - largest);
    sum += largest + std::log(exps) - logits.real(n * classes + label);
  }
  out[0].setReal(0, sum / static_cast<double>(labels.size()));
}

//===----------------------------------------------------------------------===//
// Updates
//===----------------------------------------------------------------------===//

template <> void evaluate(SGDOp op, Arrays in, MutableArrays out) {
  double lr = op.getLr().convertToDouble(), momentum = op.getMomentum().convertToDouble();
  double decay = op.getWeightDecay().convertToDouble();
  for (int64_t i = 0; i < in[0].size(); ++i) {
    double w = in[0].real(i), g = in[1].real(i) + decay * w;
    double v = in.size() == 3 ? momentum * in[2].real(i) + g : g;
    out[0].setReal(i, w - lr * (op.getNesterov() ? g + momentum * v : v));
    if (in.size() == 3)
      out[1].setReal(i, v);
  }
}

template <> void evaluate(AdamOp op, Arrays in, MutableArrays out) {
  double lr = op.getLr().convertToDouble(), eps = op.getEps().convertToDouble();
  double beta1 = op.getBeta1().convertToDouble(), beta2 = op.getBeta2().convertToDouble();
  double decay = op.getWeightDecay().convertToDouble();
  double t = in[4].real(0);
  for (int64_t i = 0; i < in[0].size(); ++i) {
    double w = in[0].real(i), g = in[1].real(i) + decay * w;
    double m = beta1 * in[2].real(i) + (1 - beta1) * g;
    double v = beta2 * in[3].real(i) + (1 - beta2) * g * g;
    double mean = m / (1 - std::pow(beta1, t)), variance = v / (1 - std::pow(beta2, t));
    out[0].setReal(i, w - lr * mean / (std::sqrt(variance) + eps));
    out[1].setReal(i, m);
    out[2].setReal(i, v);
  }
}

} // namespace dl
