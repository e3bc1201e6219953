//===- Image.h - Layouts and windows, by their definitions ------*- C++ -*-===//

#ifndef DL_LIB_REFERENCE_IMAGE_H
#define DL_LIB_REFERENCE_IMAGE_H

#include "Array.h"

namespace dl {

/// Dimensions of an image tensor: NCHW or NHWC.
struct ImageAxes {
  int64_t batch = 0, channel, height, width;
  explicit ImageAxes(llvm::StringRef layout) {
    bool last = layout == "nhwc";
    channel = last ? 3 : 1;
    height = last ? 1 : 2;
    width = last ? 2 : 3;
  }
  Index index(int64_t n, int64_t c, int64_t h, int64_t w) const {
    Index result(4);
    result[batch] = n, result[channel] = c, result[height] = h, result[width] = w;
    return result;
  }
};

/// Dimensions of a weight tensor: OIHW (with nchw) or HWIO (with nhwc).
struct WeightAxes {
  int64_t output, input, height, width;
  explicit WeightAxes(llvm::StringRef layout) {
    bool last = layout == "nhwc";
    output = last ? 3 : 0;
    input = last ? 2 : 1;
    height = last ? 0 : 2;
    width = last ? 1 : 3;
  }
  Index index(int64_t o, int64_t i, int64_t h, int64_t w) const {
    Index result(4);
    result[output] = o, result[input] = i, result[height] = h, result[width] = w;
    return result;
  }
};

/// Where tap (u, v) of the window at output (i, j) lies in the input.
struct Window {
  llvm::ArrayRef<int64_t> strides, padding, dilation;
  int64_t row(int64_t i, int64_t u) const { return i * strides[0] + u * dilation[0] - padding[0]; }
  int64_t column(int64_t j, int64_t v) const {
    return j * strides[1] + v * dilation[1] - padding[1];
  }
};

} // namespace dl

#endif // DL_LIB_REFERENCE_IMAGE_H
