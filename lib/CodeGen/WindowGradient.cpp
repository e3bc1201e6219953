//===- WindowGradient.cpp - The gradient of a maximum over windows --------===//
//
//   windows that tile the image   per window, the number of its first largest
//                   tap; then every tap stores its cotangent or 0
//   else            a task writes these numbers to its scratch for the windows that
//                   reach a band of pixels, each before the pixels of its cell, which
//                   add the cotangents of the windows that chose them
//
//===----------------------------------------------------------------------===//

#include "LoopNest.h"
#include "WindowEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <limits>

using namespace mlir;

namespace dl {

/// The nest's position of a window's lanes, with rows counted from the first. Rows
/// without numbers may be asked for, but not used.
Position WindowEmitter::Numbers::position(PhaseBuilder &phase, ArrayRef<Value> window,
                                          const ChannelChunk &chunk) const {
  ImplicitLocOpBuilder &b = phase.b;
  Value row = arith::SubIOp::create(b, window[1], firstRow);
  row = arith::MaxSIOp::create(b, row, phase.index(0));
  Position position{{row, window[2], chunk.channel}, 2, chunk.width, Value()};
  if (chunk.active != chunk.width)
    position.mask = leadingMask(b, chunk.active, chunk.width);
  return position;
}

/// The number of each lane's first largest tap, -1 where all lie in the padding.
Value WindowEmitter::largestTap(PhaseBuilder &phase, ArrayRef<Value> window,
                                const ChannelChunk &chunk, bool isWhole) {
  Expression expression(phase);
  Carried start = {number(phase, chunk, -std::numeric_limits<double>::infinity()),
                   numberLike(phase.b, vectorOf(chunk, phase.b.getI32Type()), -1)};
  Carried found = nest.forEachTap(
      phase, window, start,
      [&](const WindowNest::Tap &tap, Carried best) -> Carried {
        Value element = expression.vectorAt(
            input(), nest.position(phase, {window[0], tap.row, tap.column}, chunk));
        Value here = tapNumber(phase, chunk, tap.number);
        Value better = isBetter(phase, tap, element, best[0]);
        return {arith::SelectOp::create(phase.b, better, element, best[0]),
                arith::SelectOp::create(phase.b, better, here, best[1])};
      },
      isWhole);
  return found[1];
}

/// Stores 0 for the anchor at all pixels of a rectangle.
void WindowEmitter::storeZeros(int64_t row, int64_t column, int64_t rows, int64_t columns) {
  if (rows <= 0 || columns <= 0)
    return;
  auto emit = [&](PhaseBuilder &phase, ArrayRef<Value> pixel, const ChannelChunk &chunk) {
    Value y = linearIndex(phase.b, {pixel[1], phase.index(row)}, {1, 1});
    Value x = linearIndex(phase.b, {pixel[2], phase.index(column)}, {1, 1});
    store(phase, {pixel[0], y, x}, chunk, number(phase, chunk, 0));
  };
  addPixelPhase({nest.image[0], rows, columns, nest.image[3]}, 1, emit);
}

void WindowEmitter::emitBackwardTiling() {
  auto emit = [&](PhaseBuilder &phase, ArrayRef<Value> window, const ChannelChunk &chunk) {
    Expression expression(phase);
    Value largest = largestTap(phase, window, chunk);
    Value cotangent =
        expression.vectorAt(anchor->getOperand(1), nest.position(phase, window, chunk));
    nest.forEachTap(phase, window, {}, [&](const WindowNest::Tap &tap, Carried) -> Carried {
      Value isHere = arith::CmpIOp::create(phase.b, arith::CmpIPredicate::eq, largest,
                                           tapNumber(phase, chunk, tap.number));
      Value element = arith::SelectOp::create(phase.b, isHere, cotangent, number(phase, chunk, 0));
      store(phase, {window[0], tap.row, tap.column}, chunk, element);
      return {};
    });
  };
  addPixelPhase(nest.pooled, static_cast<double>(6 * nest.taps()), emit);
  // What the windows do not reach: below them, and to their right.
  int64_t rows = nest.pooled[1] * nest.geometry.kernel[0];
  int64_t columns = nest.pooled[2] * nest.geometry.kernel[1];
  storeZeros(rows, 0, nest.image[1] - rows, nest.image[2]);
  storeZeros(0, columns, rows, nest.image[2] - columns);
}

/// Rows of cells that a task does: work enough, and few windows whose numbers two
/// tasks compute.
int64_t WindowEmitter::bandRows(const WindowCells &cells) {
  const auto &strides = nest.geometry.strides;
  double rowWork = static_cast<double>(6 * nest.taps() + strides[0] * strides[1]) *
                   static_cast<double>(cells.extent(1) * nest.image[3]);
  auto rows = static_cast<int64_t>(kTaskWork / std::max<double>(rowWork, 1));
  return std::clamp<int64_t>(std::max(rows, 8 * cells.overhang(0)), 1, cells.extent(0));
}

void WindowEmitter::emitBackward() {
  WindowCells cells(nest, /*needsWhole=*/false);
  int64_t rows = bandRows(cells), bands = llvm::divideCeil(cells.extent(0), rows);
  Type i32 = IntegerType::get(module.op()->getContext(), 32);
  Numbers numbers{module, {rows + cells.overhang(0), nest.pooled[2], nest.pooled[3]}, 0, Value()};
  numbers.offset = module.reserveScratch(numbers.count() * storageBytes(i32));
  int64_t tasks = nest.image[2] * nest.image[3] == 0 ? 0 : nest.image[0] * bands;
  module.addPhase(tasks, [&](PhaseBuilder &phase) {
    ImplicitLocOpBuilder &b = phase.b;
    Value n = arith::DivUIOp::create(b, phase.task, phase.index(bands));
    Value band = arith::RemUIOp::create(b, phase.task, phase.index(bands));
    Value first = linearIndex(b, {band}, {rows});
    Value end = linearIndex(b, {first, phase.index(rows)}, {1, 1});
    end = arith::MinSIOp::create(b, end, phase.index(cells.extent(0)));
    numbers.firstRow = linearIndex(b, {first, phase.index(-cells.overhang(0))}, {1, 1});
    emitNumbers(phase, n, numbers.firstRow, first, numbers);
    emitStores(phase, [&] { emitPixels(phase, n, first, end, cells, numbers); });
  });
}

void WindowEmitter::emitNumber(PhaseBuilder &phase, ArrayRef<Value> window,
                               const ChannelChunk &chunk, const Numbers &numbers, bool isWhole) {
  storeElement(phase.b, largestTap(phase, window, chunk, isWhole), numbers.memory(phase),
               numbers.shape, numbers.position(phase, window, chunk));
}

/// Those of the windows in rows `first` to `end`, as far as there are such rows.
void WindowEmitter::emitNumbers(PhaseBuilder &phase, Value n, Value first, Value end,
                                const Numbers &numbers) {
  ImplicitLocOpBuilder &b = phase.b;
  Value lower = arith::MaxSIOp::create(b, first, phase.index(0));
  Value upper = arith::MinSIOp::create(b, end, phase.index(nest.pooled[1]));
  buildLoop(b, lower, upper, 1, [&](Value row) {
    buildLoop(b, 0, nest.pooled[2], 1, [&](Value column) {
      nest.forEachChunk(phase, [&](const ChannelChunk &chunk) {
        emitNumber(phase, {n, row, column}, chunk, numbers, /*isWhole=*/false);
      });
    });
  });
}

/// Builds `emit` for cells whose own window there is.
void WindowEmitter::whenWindow(PhaseBuilder &phase, ArrayRef<Value> cell, const WindowCells &cells,
                               function_ref<void()> emit) {
  ImplicitLocOpBuilder &b = phase.b;
  Value exists;
  for (int dim : {0, 1}) {
    if (cells.extent(dim) <= nest.pooled[dim + 1])
      continue;
    Value here = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, cell[dim + 1],
                                       phase.index(nest.pooled[dim + 1]));
    exists = exists ? arith::AndIOp::create(b, exists, here).getResult() : here;
  }
  if (!exists)
    return emit();
  auto branch = scf::IfOp::create(b, exists, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  emit();
}

/// Each pixel of some rows of cells adds the cotangents of the windows that chose it. The
/// numbers of a cell's own window come just before: so reading the image and writing its
/// gradient go side by side.
void WindowEmitter::emitPixels(PhaseBuilder &phase, Value n, Value first, Value end,
                               const WindowCells &cells, const Numbers &numbers) {
  ImplicitLocOpBuilder &b = phase.b;
  buildLoop(b, first, end, 1, [&](Value row) {
    if (!cells.canUnroll()) {
      emitNumbers(phase, n, row, linearIndex(b, {row, phase.index(1)}, {1, 1}), numbers);
      auto pixelRows = cells.pixels(phase, 0, row);
      return buildLoop(b, pixelRows.first, pixelRows.second, 1, [&](Value y) {
        buildLoop(b, 0, nest.image[2], 1, [&](Value x) {
          nest.forEachChunk(phase, [&](const ChannelChunk &chunk) {
            addChosenLooped(phase, {n, y, x}, chunk, numbers);
          });
        });
      });
    }
    buildLoop(b, 0, cells.extent(1), 1, [&](Value column) {
      SmallVector<Value> cell = {n, row, column};
      cells.whenInterior(phase, cell, [&](bool interior) {
        nest.forEachChunk(phase, [&](const ChannelChunk &chunk) {
          auto emitOwn = [&] { emitNumber(phase, cell, chunk, numbers, /*isWhole=*/interior); };
          if (interior)
            emitOwn();
          else
            whenWindow(phase, cell, cells, emitOwn);
          addChosen(phase, cell, chunk, cells, interior, numbers);
        });
      });
    });
  });
}

/// The number of a window's largest tap, and its cotangent.
WindowNest::Carried WindowEmitter::readWindow(PhaseBuilder &phase, ArrayRef<Value> window,
                                              const ChannelChunk &chunk, const Numbers &numbers) {
  Type i32 = phase.b.getI32Type();
  Expression expression(phase);
  return {loadElement(phase.b, numbers.memory(phase), numbers.shape, i32,
                      numbers.position(phase, window, chunk)),
          expression.vectorAt(anchor->getOperand(1), nest.position(phase, window, chunk))};
}

void WindowEmitter::addChosen(PhaseBuilder &phase, ArrayRef<Value> cell, const ChannelChunk &chunk,
                              const WindowCells &cells, bool interior, const Numbers &numbers) {
  ImplicitLocOpBuilder &b = phase.b;
  auto read = [&](const WindowCells::Window &window) -> Carried {
    Carried found = readWindow(phase, window.indices, chunk, numbers);
    if (window.exists)
      found[0] = arith::SelectOp::create(b, window.exists, found[0],
                                         numberLike(b, found[0].getType(), -1));
    return found;
  };
  auto add = [&](Value sum, const Carried &window, int64_t tap) -> Value {
    Value isHere = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, window[0],
                                         tapNumber(phase, chunk, phase.index(tap)));
    Value added = sum ? arith::AddFOp::create(b, sum, window[1]) : window[1];
    return arith::SelectOp::create(b, isHere, added, sum ? sum : number(phase, chunk, 0));
  };
  auto write = [&](ArrayRef<Value> pixel, Value sum) {
    store(phase, pixel, chunk, sum ? sum : number(phase, chunk, 0));
  };
  cells.emitPixels(phase, cell, interior, {read, add, write});
}

void WindowEmitter::addChosenLooped(PhaseBuilder &phase, ArrayRef<Value> pixel,
                                    const ChannelChunk &chunk, const Numbers &numbers) {
  ImplicitLocOpBuilder &b = phase.b;
  auto addWindow = [&](ArrayRef<Value> window, Value tap, Carried sum) -> Carried {
    Carried found = readWindow(phase, window, chunk, numbers);
    Value isHere =
        arith::CmpIOp::create(b, arith::CmpIPredicate::eq, found[0], tapNumber(phase, chunk, tap));
    Value added = arith::AddFOp::create(b, sum[0], found[1]);
    return {arith::SelectOp::create(b, isHere, added, sum[0])};
  };
  store(phase, pixel, chunk,
        nest.forEachWindow(phase, pixel, {number(phase, chunk, 0)}, addWindow)[0]);
}

} // namespace dl
