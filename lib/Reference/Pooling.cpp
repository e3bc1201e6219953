//===- Pooling.cpp - Reference of the poolings ----------------------------===//

#include "Evaluate.h"
#include "Image.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace dl {

/// Calls `visit(output, input)` with the positions of each window's result and
/// of the window's first largest element (in row-major order of the taps), -1
/// where the whole window lies in the padding.
template <typename Op>
static void forEachLargest(Op op, const Array &input, const Array &output,
                           llvm::function_ref<void(int64_t, int64_t)> visit) {
  ImageAxes image(op.getLayout());
  Window window{op.getStrides().value_or(op.getKernel()), op.getPadding(), op.getDilation()};
  int64_t height = input.shape()[image.height], width = input.shape()[image.width];
  forEachIndex(output.shape(), [&](ArrayRef<int64_t> y) {
    int64_t best = -1;
    for (int64_t u = 0; u < op.getKernel()[0]; ++u)
      for (int64_t v = 0; v < op.getKernel()[1]; ++v) {
        int64_t h = window.row(y[image.height], u), w = window.column(y[image.width], v);
        if (h < 0 || h >= height || w < 0 || w >= width)
          continue;
        int64_t x = input.at(image.index(y[image.batch], y[image.channel], h, w));
        bool isFirstNaN = best >= 0 && std::isnan(input.real(x)) && !std::isnan(input.real(best));
        if (best < 0 || input.real(x) > input.real(best) || isFirstNaN)
          best = x;
      }
    visit(output.at(y), best);
  });
}

template <> void evaluate(MaxPool2DOp op, Arrays in, MutableArrays out) {
  forEachLargest(op, in[0], out[0], [&](int64_t y, int64_t x) {
    out[0].setReal(y, x < 0 ? -std::numeric_limits<double>::infinity() : in[0].real(x));
  });
}

template <> void evaluate(MaxPool2DBackwardOp op, Arrays in, MutableArrays out) {
  std::vector<double> sums(out[0].size());
  forEachLargest(op, in[0], in[1], [&](int64_t y, int64_t x) {
    if (x >= 0)
      sums[x] += in[1].real(y);
  });
  for (int64_t i = 0; i < out[0].size(); ++i)
    out[0].setReal(i, sums[i]);
}

template <> void evaluate(MaxPool2DGatherOp op, Arrays in, MutableArrays out) {
  forEachLargest(op, in[0], out[0],
                 [&](int64_t y, int64_t x) { out[0].setReal(y, x < 0 ? 0 : in[1].real(x)); });
}

/// Calls `visit(outer, inner, count)` for each element of each window: the
/// window's position in the pooled tensor, the element's in the image, and by
/// what the window's sum is divided.
template <typename Op>
static void forEachShare(Op op, const Array &image, const Array &pooled,
                         llvm::function_ref<void(int64_t, int64_t, double)> visit) {
  ImageAxes axes(op.getLayout());
  Window window{op.getStrides().value_or(op.getKernel()), op.getPadding(), op.getDilation()};
  int64_t height = image.shape()[axes.height], width = image.shape()[axes.width];
  bool padded = op.getCountIncludePad();
  ArrayRef<int64_t> padding = op.getPadding();
  forEachIndex(pooled.shape(), [&](ArrayRef<int64_t> y) {
    std::vector<int64_t> inside;
    double count = 0;
    for (int64_t u = 0; u < op.getKernel()[0]; ++u)
      for (int64_t v = 0; v < op.getKernel()[1]; ++v) {
        int64_t h = window.row(y[axes.height], u), w = window.column(y[axes.width], v);
        bool isInside = h >= 0 && h < height && w >= 0 && w < width;
        bool isPadded = h < height + padding[2] && w < width + padding[3];
        count += padded ? isPadded : isInside;
        if (isInside)
          inside.push_back(image.at(axes.index(y[axes.batch], y[axes.channel], h, w)));
      }
    for (int64_t x : inside)
      visit(pooled.at(y), x, count);
  });
}

template <> void evaluate(AvgPool2DOp op, Arrays in, MutableArrays out) {
  std::vector<double> sums(out[0].size());
  forEachShare(op, in[0], out[0],
               [&](int64_t y, int64_t x, double count) { sums[y] += in[0].real(x) / count; });
  for (int64_t i = 0; i < out[0].size(); ++i)
    out[0].setReal(i, sums[i]);
}

template <> void evaluate(AvgPool2DBackwardOp op, Arrays in, MutableArrays out) {
  std::vector<double> sums(out[0].size());
  forEachShare(op, out[0], in[0],
               [&](int64_t y, int64_t x, double count) { sums[x] += in[0].real(y) / count; });
  for (int64_t i = 0; i < out[0].size(); ++i)
    out[0].setReal(i, sums[i]);
}

} // namespace dl
