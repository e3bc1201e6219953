//===- WindowKernel.cpp - Pooling kernels ---------------------------------===//
//
// averages          a sum over the taps of each window; backward, each pixel adds
//                   the shares of its windows (WindowCells.h)
// forward, gather   a running maximum over the taps of each window
// backward          each pixel is written once, so that its result may lie over
//                   what an op behind it reads:
//   windows that tile the image   per window, the number of its first largest
//                   tap; then every tap stores its cotangent or 0
//   else            a task writes these numbers to its scratch for the windows that
//                   reach a band of pixels, each before the pixels of its cell, which
//                   add the cotangents of the windows that chose them
//
//===----------------------------------------------------------------------===//

#include "KernelForm.h"
#include "LoopNest.h"
#include "WindowCells.h"
#include "WindowNest.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include "llvm/ADT/TypeSwitch.h"

#include <limits>

using namespace mlir;

namespace dl {
namespace {

class WindowEmitter {
public:
  WindowEmitter(KernelModule &module, Operation *anchor, const WindowNest &nest)
      : module(module), anchor(anchor), nest(nest),
        elementType(cast<RankedTensorType>(anchor->getResult(0).getType()).getElementType()) {}

  void emitForward();
  void emitGather();
  void emitAverage(bool padded);
  void emitAverageBackward(bool padded);
  void emitBackwardTiling();
  void emitBackward();

private:
  using Carried = WindowNest::Carried;

  /// Numbers of largest taps in a task's scratch, for some rows of windows of an image.
  struct Numbers {
    KernelModule &module;
    SmallVector<int64_t> shape; // rows, columns, channels
    int64_t offset;
    Value firstRow; // may be below 0

    int64_t count() const { return ShapedType::getNumElements(shape); }
    Value memory(PhaseBuilder &phase) const {
      return phase.scratch(offset, phase.b.getI32Type(), count());
    }
    Position position(PhaseBuilder &phase, ArrayRef<Value> window, const ChannelChunk &chunk) const;
  };

  Value input() { return anchor->getOperand(0); }
  Type vectorOf(const ChannelChunk &chunk, Type type) {
    return VectorType::get({chunk.width}, type);
  }
  Value number(PhaseBuilder &phase, const ChannelChunk &chunk, double value) {
    return numberLike(phase.b, vectorOf(chunk, elementType), value);
  }
  /// The number of a tap in all lanes, i32.
  Value tapNumber(PhaseBuilder &phase, const ChannelChunk &chunk, Value tap) {
    Type i32 = phase.b.getI32Type();
    return splat(phase.b, arith::IndexCastOp::create(phase.b, i32, tap), chunk.width);
  }
  Value isBetter(PhaseBuilder &phase, const WindowNest::Tap &tap, Value element, Value best);
  Value largestTap(PhaseBuilder &phase, ArrayRef<Value> window, const ChannelChunk &chunk);
  Value meanOf(PhaseBuilder &phase, Value sum, ArrayRef<Value> window, const ChannelChunk &chunk,
               bool padded, bool isWhole);
  Value shareOf(PhaseBuilder &phase, ArrayRef<Value> window, const ChannelChunk &chunk, bool padded,
                bool isWhole);
  void emitAverageBackwardLooped(bool padded);
  int64_t bandRows(const WindowCells &cells);
  void emitNumber(PhaseBuilder &phase, ArrayRef<Value> window, const Numbers &numbers);
  void emitNumbers(PhaseBuilder &phase, Value n, Value first, Value end, const Numbers &numbers);
  void whenWindow(PhaseBuilder &phase, ArrayRef<Value> cell, const WindowCells &cells,
                  function_ref<void()> emit);
  void emitPixels(PhaseBuilder &phase, Value n, Value first, Value end, const WindowCells &cells,
                  const Numbers &numbers);
  Carried readWindow(PhaseBuilder &phase, ArrayRef<Value> window, const ChannelChunk &chunk,
                     const Numbers &numbers);
  void addChosen(PhaseBuilder &phase, ArrayRef<Value> cell, const ChannelChunk &chunk,
                 const WindowCells &cells, const Numbers &numbers);
  void addChosenLooped(PhaseBuilder &phase, ArrayRef<Value> pixel, const ChannelChunk &chunk,
                       const Numbers &numbers);
  void store(PhaseBuilder &phase, ArrayRef<Value> pixel, const ChannelChunk &chunk, Value element);
  void storeZeros(int64_t row, int64_t column, int64_t rows, int64_t columns);

  KernelModule &module;
  Operation *anchor;
  const WindowNest &nest;
  Type elementType;
};

} // namespace

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

/// Whether a tap replaces the best so far: larger, or the first NaN.
Value WindowEmitter::isBetter(PhaseBuilder &phase, const WindowNest::Tap &tap, Value element,
                              Value best) {
  using P = arith::CmpFPredicate;
  Value isLarger = arith::CmpFOp::create(phase.b, P::UGT, element, best);
  Value isNumber = arith::CmpFOp::create(phase.b, P::ORD, best, best);
  Value better = arith::AndIOp::create(phase.b, isLarger, isNumber);
  int64_t lanes = cast<VectorType>(element.getType()).getDimSize(0);
  if (getConstantIntValue(tap.isFirst) == 0)
    return better;
  return arith::OrIOp::create(phase.b, better, splat(phase.b, tap.isFirst, lanes));
}

/// Stores the kernel's results at a pixel, where the anchor has `element`.
void WindowEmitter::store(PhaseBuilder &phase, ArrayRef<Value> pixel, const ChannelChunk &chunk,
                          Value element) {
  Expression expression(phase);
  expression.bind(anchor->getResult(0),
                  [=](ImplicitLocOpBuilder &, const Position &) { return element; });
  auto results = llvm::to_vector(llvm::seq<unsigned>(0, module.op().getNumResults()));
  expression.store(results, nest.position(phase, pixel, chunk));
}

void WindowEmitter::emitForward() {
  auto emit = [&](PhaseBuilder &phase, ArrayRef<Value> window, const ChannelChunk &chunk) {
    Expression expression(phase);
    Carried best = {number(phase, chunk, -std::numeric_limits<double>::infinity())};
    best = nest.forEachTap(
        phase, window, best, [&](const WindowNest::Tap &tap, Carried best) -> Carried {
          Value element = expression.vectorAt(
              input(), nest.position(phase, {window[0], tap.row, tap.column}, chunk));
          if (getConstantIntValue(tap.isFirst).value_or(0) != 0)
            return {element};
          Value isLarger = isBetter(phase, tap, element, best[0]);
          return {arith::SelectOp::create(phase.b, isLarger, element, best[0])};
        });
    store(phase, window, chunk, best[0]);
  };
  nest.addPixelPhase(nest.pooled, static_cast<double>(3 * nest.taps()), emit);
}

void WindowEmitter::emitGather() {
  auto emit = [&](PhaseBuilder &phase, ArrayRef<Value> window, const ChannelChunk &chunk) {
    Expression expression(phase);
    // The largest element, and what lies at its place in the other operand.
    Carried start = {number(phase, chunk, -std::numeric_limits<double>::infinity()),
                     number(phase, chunk, 0)};
    Carried found = nest.forEachTap(
        phase, window, start, [&](const WindowNest::Tap &tap, Carried best) -> Carried {
          Position position = nest.position(phase, {window[0], tap.row, tap.column}, chunk);
          Value element = expression.vectorAt(input(), position);
          Value other = expression.vectorAt(anchor->getOperand(1), position);
          Value better = isBetter(phase, tap, element, best[0]);
          return {arith::SelectOp::create(phase.b, better, element, best[0]),
                  arith::SelectOp::create(phase.b, better, other, best[1])};
        });
    store(phase, window, chunk, found[1]);
  };
  nest.addPixelPhase(nest.pooled, static_cast<double>(4 * nest.taps()), emit);
}

/// A sum over the taps of a window, or what each of them shares, by their number.
Value WindowEmitter::meanOf(PhaseBuilder &phase, Value sum, ArrayRef<Value> window,
                            const ChannelChunk &chunk, bool padded, bool isWhole) {
  // A division takes as long as all the rest.
  if (isWhole || nest.hasOneTapCount(padded))
    return arith::MulFOp::create(phase.b, sum,
                                 number(phase, chunk, 1 / static_cast<double>(nest.taps())));
  Value count = splat(phase.b, nest.tapCount(phase, window, padded), chunk.width);
  return arith::DivFOp::create(phase.b, sum, count);
}

void WindowEmitter::emitAverage(bool padded) {
  auto emit = [&](PhaseBuilder &phase, ArrayRef<Value> window, const ChannelChunk &chunk) {
    Expression expression(phase);
    Carried sum = nest.forEachTap(
        phase, window, {number(phase, chunk, 0)},
        [&](const WindowNest::Tap &tap, Carried sum) -> Carried {
          Value element = expression.vectorAt(
              input(), nest.position(phase, {window[0], tap.row, tap.column}, chunk));
          return {arith::AddFOp::create(phase.b, sum[0], element)};
        });
    store(phase, window, chunk, meanOf(phase, sum[0], window, chunk, padded, /*isWhole=*/false));
  };
  nest.addPixelPhase(nest.pooled, static_cast<double>(nest.taps()), emit);
}

/// The part of a window's cotangent that each of its taps gets. `isWhole`: all its
/// taps are in the image.
Value WindowEmitter::shareOf(PhaseBuilder &phase, ArrayRef<Value> window, const ChannelChunk &chunk,
                             bool padded, bool isWhole) {
  Expression expression(phase);
  Value share = expression.vectorAt(input(), nest.position(phase, window, chunk));
  return meanOf(phase, share, window, chunk, padded, isWhole);
}

void WindowEmitter::emitAverageBackward(bool padded) {
  WindowCells cells(nest);
  if (!cells.canUnroll())
    return emitAverageBackwardLooped(padded);
  auto emit = [&](PhaseBuilder &phase, ArrayRef<Value> cell, const ChannelChunk &chunk) {
    auto read = [&](const WindowCells::Window &window) -> Carried {
      Value share = shareOf(phase, window.indices, chunk, padded, /*isWhole=*/!window.exists);
      if (!window.exists)
        return {share};
      return {arith::SelectOp::create(phase.b, window.exists, share, number(phase, chunk, 0))};
    };
    auto add = [&](Value sum, const Carried &share, int64_t) -> Value {
      return sum ? arith::AddFOp::create(phase.b, sum, share[0]) : share[0];
    };
    auto write = [&](ArrayRef<Value> pixel, Value sum) {
      store(phase, pixel, chunk, sum ? sum : number(phase, chunk, 0));
    };
    cells.emit(phase, cell, {read, add, write});
  };
  const auto &strides = nest.geometry.strides;
  nest.addPixelPhase({nest.image[0], cells.extent(0), cells.extent(1), nest.image[3]},
                     static_cast<double>(nest.taps() + strides[0] * strides[1]), emit);
}

void WindowEmitter::emitAverageBackwardLooped(bool padded) {
  auto emit = [&](PhaseBuilder &phase, ArrayRef<Value> pixel, const ChannelChunk &chunk) {
    auto addWindow = [&](ArrayRef<Value> window, Value, Carried sum) -> Carried {
      Value share = shareOf(phase, window, chunk, padded, /*isWhole=*/false);
      return {arith::AddFOp::create(phase.b, sum[0], share)};
    };
    store(phase, pixel, chunk,
          nest.forEachWindow(phase, pixel, {number(phase, chunk, 0)}, addWindow)[0]);
  };
  nest.addPixelPhase(nest.image, static_cast<double>(2 * nest.taps()), emit);
}

/// The number of each lane's first largest tap, -1 where all lie in the padding.
Value WindowEmitter::largestTap(PhaseBuilder &phase, ArrayRef<Value> window,
                                const ChannelChunk &chunk) {
  Expression expression(phase);
  Carried start = {number(phase, chunk, -std::numeric_limits<double>::infinity()),
                   numberLike(phase.b, vectorOf(chunk, phase.b.getI32Type()), -1)};
  Carried found = nest.forEachTap(
      phase, window, start, [&](const WindowNest::Tap &tap, Carried best) -> Carried {
        Value element = expression.vectorAt(
            input(), nest.position(phase, {window[0], tap.row, tap.column}, chunk));
        Value here = tapNumber(phase, chunk, tap.number);
        Value better = isBetter(phase, tap, element, best[0]);
        return {arith::SelectOp::create(phase.b, better, element, best[0]),
                arith::SelectOp::create(phase.b, better, here, best[1])};
      });
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
  nest.addPixelPhase({nest.image[0], rows, columns, nest.image[3]}, 1, emit);
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
  nest.addPixelPhase(nest.pooled, static_cast<double>(6 * nest.taps()), emit);
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
  WindowCells cells(nest);
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
    emitPixels(phase, n, first, end, cells, numbers);
  });
}

void WindowEmitter::emitNumber(PhaseBuilder &phase, ArrayRef<Value> window,
                               const Numbers &numbers) {
  nest.forEachChunk(phase, [&](const ChannelChunk &chunk) {
    storeElement(phase.b, largestTap(phase, window, chunk), numbers.memory(phase), numbers.shape,
                 numbers.position(phase, window, chunk));
  });
}

/// Those of the windows in rows `first` to `end`, as far as there are such rows.
void WindowEmitter::emitNumbers(PhaseBuilder &phase, Value n, Value first, Value end,
                                const Numbers &numbers) {
  ImplicitLocOpBuilder &b = phase.b;
  Value lower = arith::MaxSIOp::create(b, first, phase.index(0));
  Value upper = arith::MinSIOp::create(b, end, phase.index(nest.pooled[1]));
  buildLoop(b, lower, upper, 1, [&](Value row) {
    buildLoop(b, 0, nest.pooled[2], 1,
              [&](Value column) { emitNumber(phase, {n, row, column}, numbers); });
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
      whenWindow(phase, cell, cells, [&] { emitNumber(phase, cell, numbers); });
      nest.forEachChunk(
          phase, [&](const ChannelChunk &chunk) { addChosen(phase, cell, chunk, cells, numbers); });
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
                              const WindowCells &cells, const Numbers &numbers) {
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
  cells.emit(phase, cell, {read, add, write});
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

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

static WindowGeometry geometryOf(Operation *op) {
  FailureOr<WindowGeometry> geometry =
      llvm::TypeSwitch<Operation *, FailureOr<WindowGeometry>>(op)
          .Case<MaxPool2DOp, MaxPool2DBackwardOp, MaxPool2DGatherOp, AvgPool2DOp,
                AvgPool2DBackwardOp>([](auto pool) { return poolGeometry(std::nullopt, pool); })
          .Default([](Operation *) { return failure(); });
  return *geometry;
}

LogicalResult emitWindowKernel(KernelModule &module) {
  Operation *anchor = nullptr;
  for (Operation &op : module.body().without_terminator())
    if (isWindow(&op))
      anchor = &op;
  auto type = cast<RankedTensorType>(anchor->getResult(0).getType());
  for (auto [index, result] : llvm::enumerate(module.yield().getOperands()))
    if (tensorType(result).getShape() != type.getShape())
      return module.op().emitOpError()
             << "expected result " << index << " to have the window's shape "
             << formatShape(type.getShape()) << ", got "
             << formatShape(tensorType(result).getShape());

  ArrayRef<int64_t> image = tensorType(anchor->getOperand(0)).getShape(), pooled = type.getShape();
  if (isa<MaxPool2DBackwardOp>(anchor))
    pooled = tensorType(anchor->getOperand(1)).getShape();
  else if (isa<AvgPool2DBackwardOp>(anchor))
    std::swap(image, pooled);
  WindowNest nest(module, geometryOf(anchor), image, pooled, type.getElementType());
  WindowEmitter emitter(module, anchor, nest);
  if (auto average = dyn_cast<AvgPool2DOp>(anchor))
    emitter.emitAverage(average.getCountIncludePad());
  else if (auto adjoint = dyn_cast<AvgPool2DBackwardOp>(anchor))
    emitter.emitAverageBackward(adjoint.getCountIncludePad());
  else if (isa<MaxPool2DOp>(anchor))
    emitter.emitForward();
  else if (isa<MaxPool2DGatherOp>(anchor))
    emitter.emitGather();
  else if (nest.isTiling())
    emitter.emitBackwardTiling();
  else
    emitter.emitBackward();
  module.addWork(static_cast<double>(ShapedType::getNumElements(pooled) * nest.taps()), 0);
  addBodyWork(module);
  return success();
}

} // namespace dl
