//===- Window.h - Geometry of convolutions and poolings ---------*- C++ -*-===//

#ifndef DL_IR_WINDOW_H
#define DL_IR_WINDOW_H

#include "dl/IR/Inference.h"

#include <array>

namespace dl {

/// Where the dimensions of an image tensor lie.
struct ImageLayout {
  int64_t batch = 0, channel, height, width;
  static ImageLayout get(llvm::StringRef layout) {
    return layout == "nhwc" ? ImageLayout{0, 3, 1, 2} : ImageLayout{0, 1, 2, 3};
  }
};

/// Where the dimensions of a weight tensor lie.
struct WeightLayout {
  int64_t output, input, height, width;
  static WeightLayout get(llvm::StringRef layout) {
    return layout == "nhwc" ? WeightLayout{3, 2, 0, 1} : WeightLayout{0, 1, 2, 3};
  }
};

/// A window that moves over an image, in both spatial dimensions (0: height).
struct WindowGeometry {
  std::array<int64_t, 2> kernel, strides, dilation;
  std::array<int64_t, 2> padBefore, padAfter;
  bool ceilMode = false;

  /// Number of window positions along a dimension of the given extent; open
  /// for an open extent; zero or less where the window does not fit.
  int64_t outputExtent(int dim, int64_t inputExtent) const;
  /// Checks the attributes' lengths and signs.
  static mlir::FailureOr<WindowGeometry>
  get(OptionalLoc loc, llvm::ArrayRef<int64_t> kernel, llvm::ArrayRef<int64_t> strides,
      llvm::ArrayRef<int64_t> padding, llvm::ArrayRef<int64_t> dilation, bool ceilMode = false);
};

/// The geometry of a verified pooling op (or its adaptor).
template <typename Op> mlir::FailureOr<WindowGeometry> poolGeometry(OptionalLoc loc, Op op) {
  llvm::ArrayRef<int64_t> kernel = op.getKernel();
  return WindowGeometry::get(loc, kernel, op.getStrides().value_or(kernel), op.getPadding(),
                             op.getDilation(), op.getCeilMode());
}
/// The geometry of a convolution whose window has the given extents.
template <typename Op>
mlir::FailureOr<WindowGeometry> convGeometry(OptionalLoc loc, Op op,
                                             llvm::ArrayRef<int64_t> kernel) {
  return WindowGeometry::get(loc, kernel, op.getStrides(), op.getPadding(), op.getDilation());
}

llvm::LogicalResult inferPool(OptionalLoc loc, mlir::Value input, const WindowGeometry &window,
                              llvm::StringRef layout, InferredTypes &results);
/// `inner`: the tensor with one element a window (cotangent or result).
llvm::LogicalResult checkPooled(OptionalLoc loc, mlir::Value input, mlir::Value pooled,
                                const WindowGeometry &window, llvm::StringRef layout);
/// The type of the image whose pooling gives `pooled`: height and width are `size`.
llvm::LogicalResult inferPoolAdjoint(OptionalLoc loc, mlir::Value pooled,
                                     llvm::ArrayRef<int64_t> size, const WindowGeometry &window,
                                     llvm::StringRef layout, InferredTypes &results);

template <typename Adaptor>
llvm::LogicalResult inferPool(OptionalLoc loc, Adaptor adaptor, InferredTypes &results) {
  auto window = poolGeometry(loc, adaptor);
  return failed(window) ? llvm::failure()
                        : inferPool(loc, adaptor.getInput(), *window, adaptor.getLayout(), results);
}
template <typename Adaptor>
llvm::LogicalResult inferPoolBackward(OptionalLoc loc, Adaptor adaptor, InferredTypes &results) {
  auto window = poolGeometry(loc, adaptor);
  if (failed(window) || failed(checkPooled(loc, adaptor.getInput(), adaptor.getCotangent(), *window,
                                           adaptor.getLayout())))
    return llvm::failure();
  results.push_back(adaptor.getInput().getType());
  return llvm::success();
}
template <typename Adaptor>
llvm::LogicalResult inferAvgPoolBackward(OptionalLoc loc, Adaptor adaptor, InferredTypes &results) {
  auto window = poolGeometry(loc, adaptor);
  return failed(window) ? llvm::failure()
                        : inferPoolAdjoint(loc, adaptor.getCotangent(), adaptor.getInputSize(),
                                           *window, adaptor.getLayout(), results);
}
llvm::LogicalResult checkSameType(OptionalLoc loc, mlir::Value a, mlir::Value b);
template <typename Adaptor>
llvm::LogicalResult inferPoolGather(OptionalLoc loc, Adaptor adaptor, InferredTypes &results) {
  auto window = poolGeometry(loc, adaptor);
  if (failed(window) || failed(checkSameType(loc, adaptor.getInput(), adaptor.getValues())))
    return llvm::failure();
  return inferPool(loc, adaptor.getInput(), *window, adaptor.getLayout(), results);
}

} // namespace dl

#endif // DL_IR_WINDOW_H
