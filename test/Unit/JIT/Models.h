//===- Models.h - Small models for tests ------------------------*- C++ -*-===//

#ifndef DL_TEST_UNIT_JIT_MODELS_H
#define DL_TEST_UNIT_JIT_MODELS_H

#include "dl/Model.h"
#include "dl/Support/Philox.h"

#include <cstring>

namespace dl::test {

inline constexpr const char *kScale = R"(
dl.model @scale(%x: tensor<?x5xf32>) {
  %w = dl.parameter "w" {init = ones} : tensor<5xf32>
  %y = dl.mul %x, %w
  dl.return %y
})";

inline constexpr const char *kMLP = R"(
dl.model @mlp(%x: tensor<?x20xf32>) {
  %w1 = dl.parameter "fc1.weight" {init = he_normal} : tensor<20x33xf32>
  %b1 = dl.parameter "fc1.bias" : tensor<33xf32>
  %w2 = dl.parameter "fc2.weight" {init = he_normal} : tensor<33x7xf32>
  %b2 = dl.parameter "fc2.bias" : tensor<7xf32>
  %1 = dl.linear %x, %w1, %b1
  %2 = dl.relu %1
  %logits = dl.linear %2, %w2, %b2
  dl.return %logits
})";

/// In PyTorch's layouts, so that weights are stored permuted.
inline constexpr const char *kCNN = R"(
dl.model @cnn(%x: tensor<?x1x12x12xf32>) {
  %w1 = dl.parameter "conv.weight" {init = he_normal} : tensor<8x1x3x3xf32>
  %b1 = dl.parameter "conv.bias" : tensor<8xf32>
  %w2 = dl.parameter "fc.weight" {init = he_normal} : tensor<7x200xf32>
  %b2 = dl.parameter "fc.bias" : tensor<7xf32>
  %1 = dl.conv2d %x, %w1, %b1
  %2 = dl.relu %1
  %3 = dl.max_pool2d %2 {kernel = [2, 2]}
  %4 = dl.flatten %3
  %logits = dl.linear %4, %w2, %b2 {transpose_weight = true}
  dl.return %logits
})";

inline Model parse(const char *text) { return Model::parse(text).value(); }

/// Random numbers in [-1, 1).
inline Tensor noise(Shape shape, uint64_t seed = 0) {
  Tensor tensor(DType::F32, std::move(shape));
  Philox random(seed, "noise");
  for (int64_t i = 0; i < tensor.size(); ++i)
    tensor.data<float>()[i] = static_cast<float>(2 * random.uniform(i) - 1);
  return tensor;
}

inline Tensor labels(int64_t count, int classes) {
  Tensor tensor(DType::I32, {count});
  for (int64_t i = 0; i < count; ++i)
    tensor.data<int32_t>()[i] = static_cast<int32_t>(i * 5 % classes);
  return tensor;
}

inline bool sameBits(const Tensor &a, const Tensor &b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

} // namespace dl::test

#endif // DL_TEST_UNIT_JIT_MODELS_H
