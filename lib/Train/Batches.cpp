//===- Batches.cpp - Shuffled batches -------------------------------------===//

#include "dl/Train/Batches.h"
#include "dl/Support/Philox.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

namespace dl {

static Shape withRows(const Shape &shape, int64_t rows) {
  Shape result = shape;
  result[0] = rows;
  return result;
}

Batches::Batches(const FittedExamples &examples, int64_t size)
    : examples(examples), size(std::min(size, std::max<int64_t>(examples.count(), 1))),
      order(static_cast<size_t>(examples.count())), views(examples.inputs.size() + 1) {
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = 0; i < examples.inputs.size(); ++i) {
    inputShapes.push_back(withRows(examples.inputs[i].shape(), this->size));
    inputs.emplace_back(examples.inputSpecs[i].dtype, inputShapes[i]);
  }
  if (!examples.targets.shape().empty())
    targets = Tensor(examples.targets.dtype(), withRows(examples.targets.shape(), this->size));
  // Where the input is the target, the target's shape may still be another.
  targetShape = targets.shape().empty() ? examples.targetSpec.shape : targets.shape();
}

int64_t Batches::sizeOf(int64_t index) const {
  return std::min(size, examples.count() - index * size);
}

void Batches::shuffle(uint64_t seed, int64_t epoch) {
  Philox stream(seed, "shuffle");
  std::iota(order.begin(), order.end(), 0);
  // Fisher and Yates. The bias of the multiplication is below 2^-40.
  for (uint64_t i = order.size(); i > 1; --i) {
    std::array<uint32_t, 4> random = stream.block(static_cast<uint64_t>(epoch) << 40 | i);
    unsigned __int128 bits = static_cast<uint64_t>(random[0]) << 32 | random[1];
    std::swap(order[i - 1], order[static_cast<size_t>((bits * i) >> 64)]);
  }
}

/// Copies rows, given by number, from `from` to the start of `to`, of one type.
static void gatherRows(const Tensor &from, std::span<const int64_t> rows, Tensor &to) {
  size_t width = static_cast<size_t>(
      from.shape()[0] == 0 ? 0 : from.bytes() / static_cast<size_t>(from.shape()[0]));
  const char *source = static_cast<const char *>(from.raw());
  char *out = static_cast<char *>(to.raw());
  for (int64_t row : rows) {
    std::memcpy(out, source + static_cast<size_t>(row) * width, width);
    out += width;
  }
}

/// The same, from pixels to numbers from 0 to 1.
template <typename T>
static void gatherPixels(const Tensor &from, std::span<const int64_t> rows, Tensor &to) {
  static const std::array<T, 256> table = [] {
    std::array<T, 256> values;
    for (size_t i = 0; i < 256; ++i)
      values[i] = static_cast<T>(i) / static_cast<T>(255);
    return values;
  }();
  int64_t width = from.size() / from.shape()[0];
  T *out = to.data<T>();
  for (int64_t row : rows) {
    const uint8_t *source = from.data<uint8_t>() + row * width;
    for (int64_t i = 0; i < width; ++i)
      out[i] = table[source[i]];
    out += width;
  }
}

/// Rows of an input, in the type of a batch.
static void gatherInput(const Tensor &from, std::span<const int64_t> rows, Tensor &to) {
  if (from.dtype() == to.dtype())
    gatherRows(from, rows, to);
  else if (to.dtype() == DType::F64)
    gatherPixels<double>(from, rows, to);
  else
    gatherPixels<float>(from, rows, to);
}

std::span<const TensorView> Batches::get(int64_t index) {
  int64_t rows = sizeOf(index);
  auto chosen =
      std::span(order).subspan(static_cast<size_t>(index * size), static_cast<size_t>(rows));
  for (size_t i = 0; i < inputs.size(); ++i) {
    gatherInput(examples.inputs[i], chosen, inputs[i]);
    inputShapes[i][0] = rows;
    views[i] = TensorView(inputs[i].dtype(), inputShapes[i], inputs[i].raw());
  }
  bool hasTargets = !examples.targets.shape().empty();
  if (hasTargets)
    gatherRows(examples.targets, chosen, targets);
  const Tensor &target = hasTargets ? targets : inputs[0];
  targetShape[0] = rows;
  views.back() = TensorView(target.dtype(), targetShape, target.raw());
  return views;
}

} // namespace dl
