//===- predict.cpp - Load a model and its weights, and predict ------------===//
//
// Usage: predict MODEL.mlir [WEIGHTS.safetensors] < numbers
// Reads one example from standard input (as many numbers as the model's first
// input has elements, separated by white space) and prints the model's outputs.
//
//===----------------------------------------------------------------------===//

#include "dl/Executable.h"

#include <cstdio>

static int fail(const std::string &message) {
  std::fprintf(stderr, "predict: %s\n", message.c_str());
  return 1;
}

int main(int argc, char **argv) {
  if (argc < 2 || argc > 3)
    return fail("usage: predict MODEL.mlir [WEIGHTS.safetensors] < numbers");
  auto model = dl::Model::load(argv[1]);
  if (!model)
    return fail(model.error().message);
  auto executable = dl::compile(*model, {.batch = 1});
  if (!executable)
    return fail(executable.error().message);
  if (argc == 3)
    if (dl::Status loaded = executable->loadWeights(argv[2]); !loaded)
      return fail(loaded.error().message);

  dl::TensorSpec spec = model->inputs().front();
  if (spec.dtype != dl::DType::F32)
    return fail("expected a model whose first input is f32");
  for (int64_t &extent : spec.shape)
    extent = extent == dl::kOpen ? 1 : extent;
  dl::Tensor input(dl::DType::F32, spec.shape);
  for (float &number : input.span<float>())
    if (std::scanf("%f", &number) != 1)
      return fail("expected " + std::to_string(input.size()) + " numbers on standard input");

  auto outputs = executable->run({input});
  if (!outputs)
    return fail(outputs.error().message);
  for (size_t i = 0; i < outputs->size(); ++i) {
    std::printf("%s:", model->outputs()[i].name.c_str());
    if ((*outputs)[i].dtype() == dl::DType::F32)
      for (float number : (*outputs)[i].span<float>())
        std::printf(" %.6g", static_cast<double>(number));
    std::printf("\n");
  }
  return 0;
}
