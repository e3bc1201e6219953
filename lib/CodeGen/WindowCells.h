//===- WindowCells.h - Pixels and the windows that reach them ---*- C++ -*-===//
//
// What a gradient of pooling visits: every pixel once, with the windows of which it
// is a tap. The pixels between the starts of neighbouring windows are a cell; which
// taps of which windows they are is the same in every cell, so a cell is straight
// code without a division, and a window is read once for all of its pixels there.
//
//   kernel 3, stride 2, in one dimension; window w has the taps w0 w1 w2
//
//   pixels   | a  b | c  d | e          cell 1 = c, d
//   windows    00 01  02                c is tap 0 of window 1 and tap 2 of window 0,
//                     10 11  12         d is tap 1 of window 1
//
//===----------------------------------------------------------------------===//

#ifndef DL_LIB_CODEGEN_WINDOWCELLS_H
#define DL_LIB_CODEGEN_WINDOWCELLS_H

#include "WindowNest.h"

#include <map>

namespace dl {

class WindowCells {
public:
  /// `needsWhole`: a cell is interior where all taps of its windows are in the image, not
  /// only all taps of its own.
  WindowCells(const WindowNest &nest, bool needsWhole);

  /// Few enough taps and pixels for straight code.
  bool canUnroll() const;
  /// Cells along a dimension (0: height).
  int64_t extent(int dim) const { return extents[dim]; }
  /// How many windows before number i reach into the pixels of cell i.
  int64_t overhang(int dim) const { return overhangs[dim]; }
  /// The rows or columns of the image in a cell, as bounds.
  std::pair<mlir::Value, mlir::Value> pixels(PhaseBuilder &phase, int dim, mlir::Value cell) const;

  using Carried = WindowNest::Carried;
  struct Window {
    llvm::SmallVector<mlir::Value> indices; // n, row, column: always of some window
    mlir::Value exists;                     // i1; null: it does, in an interior cell
  };
  /// `read`: what the pixels need of a window. `add`: a pixel's sum and what was read
  /// of a window in which it is the given tap; the sum is null at first. `write`: the
  /// sum of a pixel, null where no window reaches it.
  struct Steps {
    llvm::function_ref<Carried(const Window &)> read;
    llvm::function_ref<mlir::Value(mlir::Value, const Carried &, int64_t)> add;
    llvm::function_ref<void(llvm::ArrayRef<mlir::Value>, mlir::Value)> write;
  };
  /// Builds `emit` for the cell at [n, row, column], where it is interior (all of its pixels are
  /// in the image, and all of its windows exist) and where it is not.
  void whenInterior(PhaseBuilder &phase, llvm::ArrayRef<mlir::Value> cell,
                    llvm::function_ref<void(bool)> emit) const;
  /// Visits the pixels of the cell.
  void emitPixels(PhaseBuilder &phase, llvm::ArrayRef<mlir::Value> cell, bool interior,
                  const Steps &steps) const;

private:
  using Windows = std::map<std::array<int64_t, 2>, Carried>;

  mlir::Value isInterior(PhaseBuilder &phase, llvm::ArrayRef<mlir::Value> cell) const;
  Window windowBefore(PhaseBuilder &phase, llvm::ArrayRef<mlir::Value> cell,
                      std::array<int64_t, 2> back, bool interior) const;
  mlir::Value sumPixel(PhaseBuilder &phase, llvm::ArrayRef<mlir::Value> cell,
                       std::array<int64_t, 2> pixel, bool interior, Windows &windows,
                       const Steps &steps) const;

  const WindowNest &nest;
  std::array<int64_t, 2> extents, overhangs;
  /// Interior cells: [first, end).
  std::array<int64_t, 2> interiorFirst, interiorEnd;
};

} // namespace dl

#endif // DL_LIB_CODEGEN_WINDOWCELLS_H
