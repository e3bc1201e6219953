//===- WindowNest.cpp - Loops over the windows of an image ----------------===//

#include "WindowNest.h"

#include "LoopNest.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace dl {

/// Windows of more taps than this are looped over, and so are channels where all their vectors
/// together have more.
static constexpr int64_t kUnrolledTaps = 16;

WindowNest::WindowNest(KernelModule &module, const WindowGeometry &geometry,
                       ArrayRef<int64_t> image, ArrayRef<int64_t> pooled, Type elementType)
    : geometry(geometry), image(image), pooled(pooled), module(module), elementType(elementType) {
  int64_t widest = module.machine().lanes(elementType.getIntOrFloatBitWidth());
  lanes = std::min<int64_t>(widest, llvm::PowerOf2Ceil(std::max<int64_t>(image[3], 1)));
  inside = true;
  for (int dim : {0, 1}) {
    int64_t last = (pooled[dim + 1] - 1) * geometry.strides[dim] +
                   (geometry.kernel[dim] - 1) * geometry.dilation[dim];
    inside &= geometry.padBefore[dim] == 0 && last < image[dim + 1];
  }
}

bool WindowNest::isTiling() const {
  return inside && geometry.kernel == geometry.strides &&
         geometry.dilation == std::array<int64_t, 2>{1, 1} && taps() <= kUnrolledTaps;
}

void WindowNest::forEachChunk(PhaseBuilder &phase,
                              function_ref<void(const ChannelChunk &)> emit) const {
  int64_t rest = image[3] % lanes, whole = image[3] - rest;
  if (whole / lanes * taps() <= kUnrolledTaps) {
    for (int64_t channel = 0; channel < whole; channel += lanes)
      emit({phase.index(channel), lanes, lanes});
  } else {
    buildLoop(phase.b, 0, whole, lanes, [&](Value channel) { emit({channel, lanes, lanes}); });
  }
  if (rest)
    emit({phase.index(whole), rest, module.machine().hasMaskedMemory ? lanes : rest});
}

Position WindowNest::position(PhaseBuilder &phase, ArrayRef<Value> pixel,
                              const ChannelChunk &chunk) const {
  Position position;
  position.indices.assign(pixel.begin(), pixel.end());
  position.indices.push_back(chunk.channel);
  position.vectorDim = 3;
  position.lanes = chunk.width;
  if (chunk.active != chunk.width)
    position.mask = leadingMask(phase.b, chunk.active, chunk.width);
  return position;
}

bool WindowNest::hasWholeVectors() const {
  int64_t widest = module.machine().lanes(elementType.getIntOrFloatBitWidth());
  return lanes == widest && image[3] % lanes == 0;
}

void WindowNest::addPixelPhase(ArrayRef<int64_t> shape, double pixelWork, PixelFn emit,
                               AroundFn around) const {
  int64_t rows = shape[0] * shape[1], columns = shape[2];
  double rowWork = std::max<double>(1, pixelWork * static_cast<double>(columns * image[3]));
  int64_t rowsPerTask = std::clamp<int64_t>(kTaskWork / rowWork, 1, std::max<int64_t>(rows, 1));
  bool isEmpty = columns == 0 || image[3] == 0;
  module.addPhase(isEmpty ? 0 : llvm::divideCeil(rows, rowsPerTask), [&](PhaseBuilder &phase) {
    ImplicitLocOpBuilder &b = phase.b;
    Value first = linearIndex(b, {phase.task}, {rowsPerTask});
    Value end = linearIndex(b, {first, phase.index(rowsPerTask)}, {1, 1});
    end = arith::MinSIOp::create(b, end, phase.index(rows));
    Value height = phase.index(shape[1]);
    around(phase, [&] {
      buildLoop(b, first, end, 1, [&](Value row) {
        Value n = arith::DivUIOp::create(b, row, height);
        Value y = arith::RemUIOp::create(b, row, height);
        buildLoop(b, 0, columns, 1, [&](Value x) {
          forEachChunk(phase, [&](const ChannelChunk &chunk) { emit(phase, {n, y, x}, chunk); });
        });
      });
    });
  });
}

//===----------------------------------------------------------------------===//
// Taps of a window
//===----------------------------------------------------------------------===//

std::pair<Value, Value> WindowNest::tapRange(PhaseBuilder &phase, int dim, Value window,
                                             int64_t before, int64_t after) const {
  ImplicitLocOpBuilder &b = phase.b;
  int64_t dilation = geometry.dilation[dim];
  // Tap t lies at `start + t * dilation`; both bounds round up.
  Value start =
      linearIndex(b, {window, phase.index(-geometry.padBefore[dim])}, {geometry.strides[dim], 1});
  auto firstFrom = [&](int64_t pixel) -> Value {
    Value distance = arith::SubIOp::create(b, phase.index(pixel + dilation - 1), start);
    distance = arith::MaxSIOp::create(b, distance, phase.index(0));
    return arith::DivUIOp::create(b, distance, phase.index(dilation));
  };
  Value last = arith::MinSIOp::create(b, firstFrom(image[dim + 1] + after),
                                      phase.index(geometry.kernel[dim]));
  return {firstFrom(-before), last};
}

bool WindowNest::hasOneTapCount(bool padded) const {
  if (inside || !padded)
    return inside;
  // Only a last window of ceil mode may reach behind the padding.
  for (int dim : {0, 1}) {
    int64_t last = (pooled[dim + 1] - 1) * geometry.strides[dim] - geometry.padBefore[dim] +
                   (geometry.kernel[dim] - 1) * geometry.dilation[dim];
    if (last >= image[dim + 1] + geometry.padAfter[dim])
      return false;
  }
  return true;
}

Value WindowNest::tapCount(PhaseBuilder &phase, ArrayRef<Value> window, bool padded) const {
  ImplicitLocOpBuilder &b = phase.b;
  if (hasOneTapCount(padded))
    return numberLike(b, elementType, static_cast<double>(taps()));
  Value count;
  for (int dim : {0, 1}) {
    auto [first, last] = tapRange(phase, dim, window[dim + 1], padded ? geometry.padBefore[dim] : 0,
                                  padded ? geometry.padAfter[dim] : 0);
    Value here = arith::SubIOp::create(b, last, first);
    count = count ? arith::MulIOp::create(b, count, here).getResult() : here;
  }
  // A window without any has the sum 0.
  count = arith::MaxSIOp::create(b, count, phase.index(1));
  count = arith::IndexCastOp::create(b, b.getI64Type(), count);
  return arith::SIToFPOp::create(b, elementType, count);
}

WindowNest::Carried WindowNest::unrollTaps(function_ref<Carried(int64_t, int64_t, Carried)> visit,
                                           Carried carried) const {
  for (int64_t kh = 0; kh < geometry.kernel[0]; ++kh)
    for (int64_t kw = 0; kw < geometry.kernel[1]; ++kw)
      carried = visit(kh, kw, std::move(carried));
  return carried;
}

Value WindowNest::isInterior(PhaseBuilder &phase, ArrayRef<Value> window) const {
  ImplicitLocOpBuilder &b = phase.b;
  Value all;
  for (int dim : {0, 1}) {
    int64_t span = (geometry.kernel[dim] - 1) * geometry.dilation[dim];
    Value start = linearIndex(b, {window[dim + 1], phase.index(-geometry.padBefore[dim])},
                              {geometry.strides[dim], 1});
    // A start below 0 is a huge unsigned number.
    Value room = phase.index(std::max<int64_t>(image[dim + 1] - span, 0));
    Value fits = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, start, room);
    all = all ? arith::AndIOp::create(b, all, fits).getResult() : fits;
  }
  return all;
}

WindowNest::Carried WindowNest::forEachTap(PhaseBuilder &phase, ArrayRef<Value> window,
                                           Carried carried,
                                           function_ref<Carried(const Tap &, Carried)> emit,
                                           bool isWhole) const {
  ImplicitLocOpBuilder &b = phase.b;
  auto pixel = [&](int dim, Value tap) {
    return linearIndex(b, {window[dim + 1], tap, phase.index(-geometry.padBefore[dim])},
                       {geometry.strides[dim], geometry.dilation[dim], 1});
  };
  auto visit = [&](Value kh, Value kw, Value isFirst, Carried values) {
    Value number = linearIndex(b, {kh, kw}, {geometry.kernel[1], 1});
    return emit({pixel(0, kh), pixel(1, kw), number, isFirst}, std::move(values));
  };
  auto visitAll = [&](Carried values) {
    return unrollTaps(
        [&](int64_t kh, int64_t kw, Carried inner) {
          Value isFirst = arith::ConstantIntOp::create(b, kh == 0 && kw == 0, 1);
          return visit(phase.index(kh), phase.index(kw), isFirst, std::move(inner));
        },
        std::move(values));
  };
  if ((inside || isWhole) && taps() <= kUnrolledTaps)
    return visitAll(carried);
  // Most windows touch no border: they are straight code.
  scf::IfOp branch;
  OpBuilder::InsertionGuard guard(b);
  if (taps() <= kUnrolledTaps && !carried.empty()) {
    branch = scf::IfOp::create(b, ValueRange(carried).getTypes(), isInterior(phase, window),
                               /*addThenBlock=*/true, /*addElseBlock=*/true);
    b.setInsertionPointToStart(branch.thenBlock());
    scf::YieldOp::create(b, visitAll(carried));
    b.setInsertionPointToStart(branch.elseBlock());
  }
  auto rows = tapRange(phase, 0, window[1]);
  auto columns = tapRange(phase, 1, window[2]);
  auto clipped =
      buildReduceLoop(b, rows.first, rows.second, 1, carried, [&](Value kh, ValueRange outer) {
        return buildReduceLoop(
            b, columns.first, columns.second, 1, outer, [&](Value kw, ValueRange inner) {
              using P = arith::CmpIPredicate;
              Value isFirstRow = arith::CmpIOp::create(b, P::eq, kh, rows.first);
              Value isFirstColumn = arith::CmpIOp::create(b, P::eq, kw, columns.first);
              Value isFirst = arith::AndIOp::create(b, isFirstRow, isFirstColumn);
              return visit(kh, kw, isFirst, Carried(inner));
            });
      });
  if (!branch)
    return clipped;
  scf::YieldOp::create(b, clipped);
  return Carried(branch.getResults());
}

//===----------------------------------------------------------------------===//
// Windows of a pixel
//===----------------------------------------------------------------------===//

std::pair<Value, Value> WindowNest::windowAt(PhaseBuilder &phase, int dim, Value pixel,
                                             Value tap) const {
  ImplicitLocOpBuilder &b = phase.b;
  using P = arith::CmpIPredicate;
  Value start = linearIndex(b, {pixel, tap, phase.index(geometry.padBefore[dim])},
                            {1, -geometry.dilation[dim], 1});
  Value stride = phase.index(geometry.strides[dim]);
  // A start below 0 is a huge unsigned number: its window is too far.
  Value window = arith::DivUIOp::create(b, start, stride);
  Value rest = arith::RemUIOp::create(b, start, stride);
  Value exists = arith::CmpIOp::create(b, P::ult, window, phase.index(pooled[dim + 1]));
  Value isWhole = arith::CmpIOp::create(b, P::eq, rest, phase.index(0));
  return {window, arith::AndIOp::create(b, exists, isWhole)};
}

WindowNest::Carried
WindowNest::forEachWindow(PhaseBuilder &phase, ArrayRef<Value> pixel, Carried carried,
                          function_ref<Carried(ArrayRef<Value>, Value, Carried)> emit) const {
  ImplicitLocOpBuilder &b = phase.b;
  auto whenValid = [&](Value isValid, ValueRange values, function_ref<Carried()> then) {
    auto branch = scf::IfOp::create(b, values.getTypes(), isValid, /*addThenBlock=*/true,
                                    /*addElseBlock=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(b, values);
    b.setInsertionPointToStart(branch.thenBlock());
    scf::YieldOp::create(b, then());
    return Carried(branch.getResults());
  };
  auto countDown = [&](int dim, Value i) -> Value {
    return arith::SubIOp::create(b, phase.index(geometry.kernel[dim] - 1), i);
  };
  // The last tap belongs to the first window.
  Value zero = phase.index(0);
  auto overRows = [&](Value i, ValueRange outer) {
    Value kh = countDown(0, i);
    auto row = windowAt(phase, 0, pixel[1], kh);
    return whenValid(row.second, outer, [&] {
      auto overColumns = [&](Value j, ValueRange inner) {
        Value kw = countDown(1, j);
        auto column = windowAt(phase, 1, pixel[2], kw);
        return whenValid(column.second, inner, [&] {
          Value number = linearIndex(b, {kh, kw}, {geometry.kernel[1], 1});
          return emit({pixel[0], row.first, column.first}, number, Carried(inner));
        });
      };
      return buildReduceLoop(b, zero, phase.index(geometry.kernel[1]), 1, outer, overColumns);
    });
  };
  return buildReduceLoop(b, zero, phase.index(geometry.kernel[0]), 1, carried, overRows);
}

} // namespace dl
