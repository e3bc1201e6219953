//===- train_mlp.cpp - Build a model in C++ and train it ------------------===//
//
// Points in the plane, three classes in the arms of a spiral; a small network
// learns to tell them apart. Writes the trained weights to the file named on the
// command line, if any.
//
//===----------------------------------------------------------------------===//

#include "dl/Builder.h"
#include "dl/Trainer.h"

#include <cmath>
#include <cstdio>

/// Point `i` of the spiral with three arms, and its arm.
static void makePoint(int i, float *point, int32_t *label) {
  int arm = i % 3;
  float radius = 0.05f + 0.95f * static_cast<float>(i / 3 % 100) / 100;
  float angle = 4 * radius + 2.0944f * static_cast<float>(arm);
  point[0] = radius * std::cos(angle);
  point[1] = radius * std::sin(angle);
  *label = arm;
}

int main(int argc, char **argv) {
  dl::GraphBuilder g("spiral");
  dl::Node x = g.input("point", {dl::kOpen, 2});
  dl::Node h = g.tanh(g.linear(x, 32, {.name = "hidden1"}));
  h = g.tanh(g.linear(h, 32, {.name = "hidden2"}));
  g.output(g.linear(h, 3, {.name = "out"}), "logits");
  auto model = g.build();
  if (!model)
    return std::fprintf(stderr, "%s\n", model.error().message.c_str()), 1;
  auto trainer = dl::compileTrainer(*model, dl::loss::crossEntropy(), dl::optim::adam(0.01));
  if (!trainer)
    return std::fprintf(stderr, "%s\n", trainer.error().message.c_str()), 1;

  dl::Tensor points(dl::DType::F32, {300, 2}), labels(dl::DType::I32, {300});
  for (int i = 0; i < 300; ++i)
    makePoint(i, points.data<float>() + 2 * i, labels.data<int32_t>() + i);
  for (int step = 1; step <= 500; ++step) {
    auto loss = trainer->step({points, labels});
    if (!loss)
      return std::fprintf(stderr, "%s\n", loss.error().message.c_str()), 1;
    if (step % 100 == 0)
      std::printf("step %d - loss: %.4f\n", step, *loss);
  }
  dl::TensorView batch[] = {points, labels};
  auto metrics = trainer->evaluate(batch);
  if (!metrics)
    return std::fprintf(stderr, "%s\n", metrics.error().message.c_str()), 1;
  std::printf("%lld of 300 points right\n", static_cast<long long>(metrics->correct));
  if (argc > 1)
    if (dl::Status saved = trainer->saveWeights(argv[1]); !saved)
      return std::fprintf(stderr, "%s\n", saved.error().message.c_str()), 1;
  return 0;
}
