//===- Normalization.cpp - Reference of normalisations and dropout --------===//

#include "Evaluate.h"

#include <array>
#include <cmath>

using namespace mlir;

namespace dl {

//===----------------------------------------------------------------------===//
// Layer and batch normalisation
//===----------------------------------------------------------------------===//

namespace {
/// Which elements belong together, and what they were found to be.
struct Groups {
  std::vector<std::vector<int64_t>> positions;

  double mean(const Array &in, size_t group) const {
    double sum = 0;
    for (int64_t p : positions[group])
      sum += in.real(p);
    return sum / static_cast<double>(positions[group].size());
  }
  /// Sum of squared distances from the mean.
  double squares(const Array &in, size_t group) const {
    double sum = 0, centre = mean(in, group);
    for (int64_t p : positions[group])
      sum += (in.real(p) - centre) * (in.real(p) - centre);
    return sum;
  }
};
} // namespace

template <> void evaluate(LayerNormOp op, Arrays in, MutableArrays out) {
  auto axis = static_cast<int64_t>(op.getAxis());
  axis = axis < 0 ? axis + in[0].rank() : axis;
  int64_t size = 1;
  for (int64_t extent : in[0].shape().drop_front(axis))
    size *= extent;
  double eps = op.getEps().convertToDouble();
  for (int64_t first = 0; first < in[0].size(); first += size) {
    Groups vector{{{}}};
    for (int64_t i = 0; i < size; ++i)
      vector.positions[0].push_back(first + i);
    double mean = vector.mean(in[0], 0);
    double deviation = std::sqrt(vector.squares(in[0], 0) / static_cast<double>(size) + eps);
    for (int64_t i = 0; i < size; ++i)
      out[0].setReal(first + i,
                     (in[0].real(first + i) - mean) / deviation * in[1].real(i) + in[2].real(i));
  }
}

/// Positions by channel.
template <typename Op> static Groups channelsOf(Op op, const Array &in) {
  auto axis = static_cast<int64_t>(op.getAxis());
  axis = axis < 0 ? axis + in.rank() : axis;
  Groups groups{std::vector<std::vector<int64_t>>(in.shape()[axis])};
  forEachIndex(in.shape(), [&](ArrayRef<int64_t> index) {
    groups.positions[index[axis]].push_back(in.at(index));
  });
  return groups;
}

template <typename Op>
static void normalizeChannel(Op op, Arrays in, const std::vector<int64_t> &positions,
                             size_t channel, double mean, double variance, Array &out) {
  double deviation = std::sqrt(variance + op.getEps().convertToDouble());
  for (int64_t p : positions)
    out.setReal(p, (in[0].real(p) - mean) / deviation * in[1].real(channel) + in[2].real(channel));
}

template <> void evaluate(BatchNormOp op, Arrays in, MutableArrays out) {
  Groups channels = channelsOf(op, in[0]);
  for (size_t c = 0; c < channels.positions.size(); ++c)
    normalizeChannel(op, in, channels.positions[c], c, in[3].real(c), in[4].real(c), out[0]);
}

template <> void evaluate(BatchNormTrainOp op, Arrays in, MutableArrays out) {
  Groups channels = channelsOf(op, in[0]);
  double momentum = op.getMomentum().convertToDouble();
  for (size_t c = 0; c < channels.positions.size(); ++c) {
    auto count = static_cast<double>(channels.positions[c].size());
    double mean = channels.mean(in[0], c), squares = channels.squares(in[0], c);
    normalizeChannel(op, in, channels.positions[c], c, mean, squares / count, out[0]);
    out[1].setReal(c, in[3].real(c) + momentum * (mean - in[3].real(c)));
    out[2].setReal(c,
                   in[4].real(c) + momentum * (squares / std::max(count - 1, 1.0) - in[4].real(c)));
  }
}

//===----------------------------------------------------------------------===//
// Dropout
//===----------------------------------------------------------------------===//

template <> void evaluate(DropoutOp, Arrays in, MutableArrays out) {
  for (int64_t i = 0; i < out[0].size(); ++i)
    out[0].setReal(i, in[0].real(i));
}

/// The words of Philox4x32-10.
static std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, uint64_t key) {
  auto low = static_cast<uint32_t>(key), high = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    uint64_t a = uint64_t(0xD2511F53) * counter[0], b = uint64_t(0xCD9E8D57) * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ low, static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ high, static_cast<uint32_t>(a)};
    low += 0x9E3779B9;
    high += 0xBB67AE85;
  }
  return counter;
}

template <> void evaluate(DropoutTrainOp op, Arrays in, MutableArrays out) {
  double p = op.getP().convertToDouble();
  auto step = static_cast<uint64_t>(in[2].real(0));
  for (int64_t i = 0; i < out[0].size(); ++i) {
    auto words = philox({static_cast<uint32_t>(i / 4), static_cast<uint32_t>(op.getStream()),
                         static_cast<uint32_t>(step), static_cast<uint32_t>(step >> 32)},
                        static_cast<uint64_t>(in[1].integer(0)));
    out[0].setReal(i, words[i % 4] >= p * 0x1p32 ? in[0].real(i) / (1 - p) : 0);
  }
}

} // namespace dl
