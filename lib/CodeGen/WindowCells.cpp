//===- WindowCells.cpp - Pixels and the windows that reach them -----------===//
//
// Tap t of window w is pixel w * stride + t * dilation - padding. With t * dilation =
// back * stride + rest, it is pixel number `rest` of cell w + back: seen from a cell,
// each tap has one pixel and one window, `back` before the cell's own.
//
//===----------------------------------------------------------------------===//

#include "WindowCells.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace dl {

WindowCells::WindowCells(const WindowNest &nest, bool needsWhole) : nest(nest) {
  const WindowGeometry &at = nest.geometry;
  for (int dim : {0, 1}) {
    int64_t image = nest.image[dim + 1], stride = at.strides[dim], before = at.padBefore[dim];
    int64_t span = (at.kernel[dim] - 1) * at.dilation[dim];
    extents[dim] = llvm::divideCeil(image + before, stride);
    overhangs[dim] = span / stride;
    int64_t outside = llvm::divideCeil(before, stride); // windows that begin before the image
    interiorFirst[dim] = needsWhole ? overhangs[dim] + outside : std::max(overhangs[dim], outside);
    int64_t last = std::max(span, stride - 1); // the farthest pixel from the cell's start
    int64_t room = image + before - last;      // starts are below
    int64_t end = room <= 0 ? 0 : llvm::divideCeil(room, stride);
    end = std::min(end, nest.pooled[dim + 1]);
    interiorEnd[dim] = std::max(end, interiorFirst[dim]);
  }
}

bool WindowCells::canUnroll() const {
  constexpr int64_t most = 16;
  return nest.taps() <= most && nest.geometry.strides[0] * nest.geometry.strides[1] <= most;
}

std::pair<Value, Value> WindowCells::pixels(PhaseBuilder &phase, int dim, Value cell) const {
  ImplicitLocOpBuilder &b = phase.b;
  int64_t stride = nest.geometry.strides[dim];
  Value start = linearIndex(b, {cell, phase.index(-nest.geometry.padBefore[dim])}, {stride, 1});
  Value end = linearIndex(b, {start, phase.index(stride)}, {1, 1});
  return {arith::MaxSIOp::create(b, start, phase.index(0)),
          arith::MinSIOp::create(b, end, phase.index(nest.image[dim + 1]))};
}

/// Null where every cell is.
Value WindowCells::isInterior(PhaseBuilder &phase, ArrayRef<Value> cell) const {
  ImplicitLocOpBuilder &b = phase.b;
  Value all;
  for (int dim : {0, 1}) {
    if (interiorFirst[dim] == 0 && interiorEnd[dim] == extents[dim])
      continue;
    // A number below the first is huge as an unsigned one.
    Value number = arith::SubIOp::create(b, cell[dim + 1], phase.index(interiorFirst[dim]));
    Value here = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, number,
                                       phase.index(interiorEnd[dim] - interiorFirst[dim]));
    all = all ? arith::AndIOp::create(b, all, here).getResult() : here;
  }
  return all;
}

WindowCells::Window WindowCells::windowBefore(PhaseBuilder &phase, ArrayRef<Value> cell,
                                              std::array<int64_t, 2> back, bool interior) const {
  ImplicitLocOpBuilder &b = phase.b;
  Window window;
  window.indices.push_back(cell[0]);
  for (int dim : {0, 1}) {
    Value index = linearIndex(b, {cell[dim + 1], phase.index(-back[dim])}, {1, 1});
    if (interior) {
      window.indices.push_back(index);
      continue;
    }
    Value count = phase.index(nest.pooled[dim + 1]);
    Value exists = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, index, count);
    window.exists =
        window.exists ? arith::AndIOp::create(b, window.exists, exists).getResult() : exists;
    index = arith::MaxSIOp::create(b, index, phase.index(0));
    window.indices.push_back(
        arith::MinSIOp::create(b, index, phase.index(nest.pooled[dim + 1] - 1)));
  }
  return window;
}

/// Windows in order: the last tap belongs to the first one.
Value WindowCells::sumPixel(PhaseBuilder &phase, ArrayRef<Value> cell, std::array<int64_t, 2> pixel,
                            bool interior, Windows &windows, const Steps &steps) const {
  const WindowGeometry &at = nest.geometry;
  auto taps = [&](int dim) {
    SmallVector<int64_t> found;
    for (int64_t tap = at.kernel[dim] - 1; tap >= 0; --tap)
      if (tap * at.dilation[dim] % at.strides[dim] == pixel[dim])
        found.push_back(tap);
    return found;
  };
  Value sum;
  for (int64_t kh : taps(0))
    for (int64_t kw : taps(1)) {
      std::array<int64_t, 2> back = {kh * at.dilation[0] / at.strides[0],
                                     kw * at.dilation[1] / at.strides[1]};
      auto [it, isNew] = windows.try_emplace(back);
      if (isNew)
        it->second = steps.read(windowBefore(phase, cell, back, interior));
      sum = steps.add(sum, it->second, kh * at.kernel[1] + kw);
    }
  return sum;
}

void WindowCells::emitPixels(PhaseBuilder &phase, ArrayRef<Value> cell, bool interior,
                             const Steps &steps) const {
  ImplicitLocOpBuilder &b = phase.b;
  const WindowGeometry &at = nest.geometry;
  Windows windows;
  for (int64_t y = 0; y < at.strides[0]; ++y)
    for (int64_t x = 0; x < at.strides[1]; ++x) {
      Value sum = sumPixel(phase, cell, {y, x}, interior, windows, steps);
      Value row = linearIndex(b, {cell[1], phase.index(y - at.padBefore[0])}, {at.strides[0], 1});
      Value column =
          linearIndex(b, {cell[2], phase.index(x - at.padBefore[1])}, {at.strides[1], 1});
      OpBuilder::InsertionGuard guard(b);
      if (!interior) {
        using P = arith::CmpIPredicate;
        Value hasRow = arith::CmpIOp::create(b, P::ult, row, phase.index(nest.image[1]));
        Value hasColumn = arith::CmpIOp::create(b, P::ult, column, phase.index(nest.image[2]));
        auto branch = scf::IfOp::create(b, arith::AndIOp::create(b, hasRow, hasColumn),
                                        /*withElseRegion=*/false);
        b.setInsertionPointToStart(branch.thenBlock());
      }
      steps.write({cell[0], row, column}, sum);
    }
}

void WindowCells::whenInterior(PhaseBuilder &phase, ArrayRef<Value> cell,
                               function_ref<void(bool)> emit) const {
  if (interiorFirst[0] == interiorEnd[0] || interiorFirst[1] == interiorEnd[1])
    return emit(false);
  Value isInside = isInterior(phase, cell);
  if (!isInside)
    return emit(true);
  buildIf(phase.b, isInside, [&] { emit(true); }, [&] { emit(false); });
}

} // namespace dl
