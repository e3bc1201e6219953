//===- WindowKernel.cpp - Pooling kernels ---------------------------------===//
//
// averages          a sum over the taps of each window; backward, each pixel adds
//                   the shares of its windows
// forward, gather   a running maximum over the taps of each window
// backward          each pixel is written once, so that its result may lie over
//                   what an op behind it reads:
//   windows that tile the image   per window, the number of its first largest
//                   tap; then every tap stores its cotangent or 0
//   else            a phase writes these numbers to the workspace; in a second
//                   one each pixel adds the cotangents of the windows that
//                   chose it
//
//===----------------------------------------------------------------------===//

#include "KernelForm.h"
#include "WindowNest.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

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
  void store(PhaseBuilder &phase, ArrayRef<Value> pixel, const ChannelChunk &chunk, Value element);
  void storeZeros(int64_t row, int64_t column, int64_t rows, int64_t columns);

  KernelModule &module;
  Operation *anchor;
  const WindowNest &nest;
  Type elementType;
};

} // namespace

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
    Value count = splat(phase.b, nest.tapCount(phase, window, padded), chunk.width);
    store(phase, window, chunk, arith::DivFOp::create(phase.b, sum[0], count));
  };
  nest.addPixelPhase(nest.pooled, static_cast<double>(nest.taps()), emit);
}

void WindowEmitter::emitAverageBackward(bool padded) {
  bool hasOneCount = nest.hasOneTapCount(padded);
  auto divide = [&](PhaseBuilder &phase, Value element, ArrayRef<Value> window,
                    const ChannelChunk &chunk) -> Value {
    Value count = splat(phase.b, nest.tapCount(phase, window, padded), chunk.width);
    return arith::DivFOp::create(phase.b, element, count);
  };
  auto emit = [&](PhaseBuilder &phase, ArrayRef<Value> pixel, const ChannelChunk &chunk) {
    auto addWindow = [&](ArrayRef<Value> window, Value, Carried sum) -> Carried {
      Expression expression(phase);
      Value share = expression.vectorAt(input(), nest.position(phase, window, chunk));
      if (!hasOneCount)
        share = divide(phase, share, window, chunk);
      return {arith::AddFOp::create(phase.b, sum[0], share)};
    };
    Value sum = nest.forEachWindow(phase, pixel, {number(phase, chunk, 0)}, addWindow)[0];
    store(phase, pixel, chunk, hasOneCount ? divide(phase, sum, pixel, chunk) : sum);
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

void WindowEmitter::emitBackward() {
  Type i32 = IntegerType::get(module.op()->getContext(), 32);
  int64_t count = ShapedType::getNumElements(nest.pooled);
  int64_t offset = module.reserveWorkspace(count * storageBytes(i32));
  auto number = [&](PhaseBuilder &phase, ArrayRef<Value> window, const ChannelChunk &chunk) {
    storeElement(phase.b, largestTap(phase, window, chunk), phase.workspace(offset, i32, count),
                 nest.pooled, nest.position(phase, window, chunk));
  };
  nest.addPixelPhase(nest.pooled, static_cast<double>(4 * nest.taps()), number);

  auto add = [&](PhaseBuilder &phase, ArrayRef<Value> pixel, const ChannelChunk &chunk) {
    auto addWindow = [&](ArrayRef<Value> window, Value tap, Carried sum) -> Carried {
      Position position = nest.position(phase, window, chunk);
      Value largest =
          loadElement(phase.b, phase.workspace(offset, i32, count), nest.pooled, i32, position);
      Value isHere = arith::CmpIOp::create(phase.b, arith::CmpIPredicate::eq, largest,
                                           tapNumber(phase, chunk, tap));
      Expression expression(phase);
      Value cotangent = expression.vectorAt(anchor->getOperand(1), position);
      Value added = arith::AddFOp::create(phase.b, sum[0], cotangent);
      return {arith::SelectOp::create(phase.b, isHere, added, sum[0])};
    };
    Carried sum = nest.forEachWindow(phase, pixel, {this->number(phase, chunk, 0)}, addWindow);
    store(phase, pixel, chunk, sum[0]);
  };
  nest.addPixelPhase(nest.image, static_cast<double>(4 * nest.taps()), add);
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
