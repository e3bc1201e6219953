//===- WindowNest.h - Loops over the windows of an image --------*- C++ -*-===//
//
// Lanes lie along the channels (images are nhwc). Taps in the padding take no
// part: where every window lies inside the image, taps are unrolled, elsewhere
// their loops are clipped.
//
//===----------------------------------------------------------------------===//

#ifndef DL_LIB_CODEGEN_WINDOWNEST_H
#define DL_LIB_CODEGEN_WINDOWNEST_H

#include "Expression.h"
#include "dl/IR/Window.h"

namespace dl {

/// Lanes of a pixel's channels.
struct ChannelChunk {
  mlir::Value channel; // of the first lane
  int64_t active, width;
};

class WindowNest {
public:
  /// `image`, `pooled`: shapes [n, h, w, c] of the image and of one element a window.
  WindowNest(KernelModule &module, const WindowGeometry &geometry, llvm::ArrayRef<int64_t> image,
             llvm::ArrayRef<int64_t> pooled, mlir::Type elementType);

  const WindowGeometry geometry;
  const llvm::SmallVector<int64_t> image, pooled;

  /// Taps of a window.
  int64_t taps() const { return geometry.kernel[0] * geometry.kernel[1]; }
  /// Every tap of every window lies inside the image.
  bool isInside() const { return inside; }
  /// Windows side by side, without gap, overlap or padding.
  bool isTiling() const;

  /// Adds a phase that visits all pixels of `shape` (image or pooled): `emit`
  /// gets n, row, column and the lanes. `around` is given what builds the loops of a task.
  using PixelFn =
      llvm::function_ref<void(PhaseBuilder &, llvm::ArrayRef<mlir::Value>, const ChannelChunk &)>;
  using AroundFn = llvm::function_ref<void(PhaseBuilder &, llvm::function_ref<void()>)>;
  void addPixelPhase(llvm::ArrayRef<int64_t> shape, double pixelWork, PixelFn emit,
                     AroundFn around) const;

  /// Whether all lanes of all chunks are on, and at multiples of whole vectors.
  bool hasWholeVectors() const;

  /// A tap that lies inside the image.
  struct Tap {
    mlir::Value row, column; // of the image
    mlir::Value number;      // kh * kw's extent + kw
    mlir::Value isFirst;     // i1: the first one inside
  };
  using Carried = llvm::SmallVector<mlir::Value>;
  /// Visits the taps of the window at [n, row, column] of the pooled tensor in order.
  /// `isWhole`: all of them are known to be in the image.
  Carried forEachTap(PhaseBuilder &phase, llvm::ArrayRef<mlir::Value> window, Carried carried,
                     llvm::function_ref<Carried(const Tap &, Carried)> emit,
                     bool isWhole = false) const;
  /// All taps in order, as constants.
  Carried unrollTaps(llvm::function_ref<Carried(int64_t, int64_t, Carried)> visit,
                     Carried carried) const;
  /// Whether all taps of a window lie in the image (i1).
  mlir::Value isInterior(PhaseBuilder &phase, llvm::ArrayRef<mlir::Value> window) const;
  /// The number of taps of a window by which a mean divides, as a float: all that
  /// lie in the image or, where `padded`, in the image with its padding.
  mlir::Value tapCount(PhaseBuilder &phase, llvm::ArrayRef<mlir::Value> window, bool padded) const;
  /// Every window has the same tapCount.
  bool hasOneTapCount(bool padded) const;
  /// Visits the windows that have the pixel at [n, row, column] of the image as
  /// a tap, in order; `emit` gets the window's indices and the tap's number.
  Carried forEachWindow(
      PhaseBuilder &phase, llvm::ArrayRef<mlir::Value> pixel, Carried carried,
      llvm::function_ref<Carried(llvm::ArrayRef<mlir::Value>, mlir::Value, Carried)> emit) const;

  /// Vectors that cover the channels; a loop over many.
  void forEachChunk(PhaseBuilder &phase, llvm::function_ref<void(const ChannelChunk &)> emit) const;
  Position position(PhaseBuilder &phase, llvm::ArrayRef<mlir::Value> pixel,
                    const ChannelChunk &chunk) const;

private:
  /// Numbers of the first tap inside and of the first one behind, in a dimension.
  /// The image reaches from -before to its extent + after.
  std::pair<mlir::Value, mlir::Value> tapRange(PhaseBuilder &phase, int dim, mlir::Value window,
                                               int64_t before = 0, int64_t after = 0) const;
  /// The window whose tap `tap` is at `pixel` in a dimension, and whether there is one.
  std::pair<mlir::Value, mlir::Value> windowAt(PhaseBuilder &phase, int dim, mlir::Value pixel,
                                               mlir::Value tap) const;

  KernelModule &module;
  mlir::Type elementType;
  int64_t lanes;
  bool inside;
};

} // namespace dl

#endif // DL_LIB_CODEGEN_WINDOWNEST_H
