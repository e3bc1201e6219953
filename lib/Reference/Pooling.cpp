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

} // namespace dl
