//===- WindowKernel.cpp - Pooling kernels ---------------------------------===//
//
// averages          a sum over the taps of each window; backward, each pixel adds
//                   the shares of its windows (WindowCells.h)
// forward, gather   a running maximum over the taps of each window
//
// Each pixel of a gradient is written once, so that its result may lie over what an op
// behind it reads.
//
//===----------------------------------------------------------------------===//

#include "KernelForm.h"
#include "WindowEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include "llvm/ADT/TypeSwitch.h"

#include <limits>

using namespace mlir;

namespace dl {

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

/// Whether results may be stored past the caches, and should.
bool WindowEmitter::canBypass() const {
  int64_t largest = 0;
  for (Value result : module.yield().getOperands()) {
    auto type = cast<RankedTensorType>(result.getType());
    int64_t bytes = storageBytes(type.getElementType());
    if (bytes != storageBytes(elementType))
      return false;
    largest = std::max(largest, type.getNumElements() * bytes);
  }
  return nest.hasWholeVectors() && isLargeResult(module.machine(), largest);
}

/// Builds `emit`, which stores results, for where they go past the caches and for elsewhere.
void WindowEmitter::emitStores(PhaseBuilder &phase, function_ref<void()> emit) {
  phase.emitStores(allResults(), canBypass(), [&](bool mayPass) {
    past = mayPass;
    emit();
  });
}

/// Stores the kernel's results at a pixel, where the anchor has `element`.
void WindowEmitter::store(PhaseBuilder &phase, ArrayRef<Value> pixel, const ChannelChunk &chunk,
                          Value element) {
  Expression expression(phase);
  expression.bind(anchor->getResult(0),
                  [=](ImplicitLocOpBuilder &, const Position &) { return element; });
  Position position = nest.position(phase, pixel, chunk);
  position.bypasses = past;
  expression.store(allResults(), position);
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
  addPixelPhase(nest.pooled, static_cast<double>(3 * nest.taps()), emit);
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
  addPixelPhase(nest.pooled, static_cast<double>(4 * nest.taps()), emit);
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
  addPixelPhase(nest.pooled, static_cast<double>(nest.taps()), emit);
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
  WindowCells cells(nest, /*needsWhole=*/true);
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
    cells.whenInterior(phase, cell, [&](bool interior) {
      cells.emitPixels(phase, cell, interior, {read, add, write});
    });
  };
  const auto &strides = nest.geometry.strides;
  addPixelPhase({nest.image[0], cells.extent(0), cells.extent(1), nest.image[3]},
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
  addPixelPhase(nest.image, static_cast<double>(2 * nest.taps()), emit);
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
