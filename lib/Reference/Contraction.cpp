//===- Contraction.cpp - Reference of products and convolutions -----------===//

#include "Evaluate.h"
#include "Image.h"

using namespace mlir;

namespace dl {

/// The index of a matrix element in a batch of matrices; `batch` is an index of
/// the result, whose leading dimensions the operand's broadcast to.
static int64_t matrixElement(const Array &matrices, ArrayRef<int64_t> batch, bool transposed,
                             int64_t row, int64_t column) {
  Index index(batch.take_back(matrices.rank()));
  index[index.size() - 2] = transposed ? column : row;
  index[index.size() - 1] = transposed ? row : column;
  for (size_t d = 0; d + 2 < index.size(); ++d)
    if (matrices.shape()[d] == 1)
      index[d] = 0;
  return matrices.at(index);
}

template <> void evaluate(MatmulOp op, Arrays in, MutableArrays out) {
  const Array &a = in[0], &b = in[1];
  bool ta = op.getTransposeA(), tb = op.getTransposeB();
  int64_t inner = a.shape()[a.rank() - (ta ? 2 : 1)];
  int64_t i = 0;
  forEachIndex(out[0].shape(), [&](ArrayRef<int64_t> index) {
    int64_t row = index[index.size() - 2], column = index.back();
    double sum = 0;
    for (int64_t k = 0; k < inner; ++k)
      sum += a.real(matrixElement(a, index, ta, row, k)) *
             b.real(matrixElement(b, index, tb, k, column));
    out[0].setReal(i++, sum);
  });
}

template <> void evaluate(LinearOp op, Arrays in, MutableArrays out) {
  const Array &x = in[0], &w = in[1];
  bool transposed = op.getTransposeWeight();
  int64_t features = x.shape().back(), outputs = out[0].shape().back();
  for (int64_t i = 0; i < out[0].size(); ++i) {
    int64_t row = i / outputs, o = i % outputs;
    double sum = in.size() == 3 ? in[2].real(o) : 0;
    for (int64_t k = 0; k < features; ++k)
      sum += x.real(row * features + k) * w.real(transposed ? o * features + k : k * outputs + o);
    out[0].setReal(i, sum);
  }
}

//===----------------------------------------------------------------------===//
// Convolutions
//===----------------------------------------------------------------------===//

/// Calls `visit(input, weight, output)` with the positions of the elements of
/// each product input * weight that is a term of an output of a convolution.
template <typename Op>
static void forEachProduct(Op op, const Array &input, const Array &weight, const Array &output,
                           llvm::function_ref<void(int64_t, int64_t, int64_t)> visit) {
  ImageAxes image(op.getLayout());
  WeightAxes kernel(op.getLayout());
  Window window{op.getStrides(), op.getPadding(), op.getDilation()};
  int64_t height = input.shape()[image.height], width = input.shape()[image.width];
  int64_t outputsPerGroup = weight.shape()[kernel.output] / static_cast<int64_t>(op.getGroups());
  int64_t inputsPerGroup = weight.shape()[kernel.input];
  // For each output element, each weight of its output channel.
  forEachIndex(output.shape(), [&](ArrayRef<int64_t> y) {
    int64_t n = y[image.batch], o = y[image.channel];
    int64_t group = o / outputsPerGroup;
    int64_t outputPosition = output.at(y);
    for (int64_t c = 0; c < inputsPerGroup; ++c)
      for (int64_t u = 0; u < weight.shape()[kernel.height]; ++u)
        for (int64_t v = 0; v < weight.shape()[kernel.width]; ++v) {
          int64_t h = window.row(y[image.height], u), w = window.column(y[image.width], v);
          if (h < 0 || h >= height || w < 0 || w >= width)
            continue;
          visit(input.at(image.index(n, group * inputsPerGroup + c, h, w)),
                weight.at(kernel.index(o, c, u, v)), outputPosition);
        }
  });
}

static void store(const std::vector<double> &values, Array &out) {
  for (int64_t i = 0; i < out.size(); ++i)
    out.setReal(i, values[i]);
}

/// What the sums of an image's elements begin with: the bias, where it is there.
static std::vector<double> biasOf(StringRef layout, Arrays in, const Array &out) {
  std::vector<double> sums(out.size());
  if (in.size() < 3)
    return sums;
  ImageAxes image(layout);
  int64_t i = 0;
  forEachIndex(out.shape(), [&](ArrayRef<int64_t> y) { sums[i++] = in[2].real(y[image.channel]); });
  return sums;
}

template <> void evaluate(Conv2DOp op, Arrays in, MutableArrays out) {
  std::vector<double> sums = biasOf(op.getLayout(), in, out[0]);
  forEachProduct(op, in[0], in[1], out[0], [&](int64_t x, int64_t w, int64_t y) {
    sums[y] += in[0].real(x) * in[1].real(w);
  });
  store(sums, out[0]);
}

template <> void evaluate(Conv2DBackwardDataOp op, Arrays in, MutableArrays out) {
  std::vector<double> sums(out[0].size());
  forEachProduct(op, out[0], in[1], in[0], [&](int64_t x, int64_t w, int64_t y) {
    sums[x] += in[0].real(y) * in[1].real(w);
  });
  store(sums, out[0]);
}

/// Each element of the input adds a window of weights to the output, as a
/// convolution from the output to the input would read it.
template <> void evaluate(ConvTranspose2DOp op, Arrays in, MutableArrays out) {
  std::vector<double> sums = biasOf(op.getLayout(), in, out[0]);
  forEachProduct(op, out[0], in[1], in[0], [&](int64_t y, int64_t w, int64_t x) {
    sums[y] += in[0].real(x) * in[1].real(w);
  });
  store(sums, out[0]);
}

template <> void evaluate(Conv2DBackwardWeightsOp op, Arrays in, MutableArrays out) {
  std::vector<double> sums(out[0].size());
  forEachProduct(op, in[0], out[0], in[1], [&](int64_t x, int64_t w, int64_t y) {
    sums[w] += in[0].real(x) * in[1].real(y);
  });
  store(sums, out[0]);
}

} // namespace dl
