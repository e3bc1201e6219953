//===- WinogradWeights.cpp - Weights to their points ----------------------===//
//
// In panels as the micro-kernel reads them, [point][panel][k][columns]: of all
// blocks, by a phase of their own; or of a chunk of K of one block, by the task that
// multiplies with it next, in scratch, where it stays in the L2 cache. Points are
// more than taps (36 or 16, not 9), so what lies between is better short-lived.
//
//===----------------------------------------------------------------------===//

#include "WinogradEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace dl {

/// Tasks of the phase, where channels allow.
static constexpr int64_t kWeightTasks = 32;

int WinogradEmitter::reductionDim() const {
  return w.wants(w.result) ? w.weights.channels : w.weights.outputs;
}

int WinogradEmitter::columnDim() const {
  return w.wants(w.result) ? w.weights.outputs : w.weights.channels;
}

/// Whether memory has the channels that are summed over side by side, so that
/// vectors of columns are transposed.
bool WinogradEmitter::areWeightsAcross() const {
  return reductionDim() > columnDim() && w.reduction % w.lanes == 0;
}

/// Elements from a point to the next: an odd number of lines, so that points go to
/// different cache sets.
int64_t WinogradEmitter::weightPlane() const {
  constexpr int64_t kLine = 16;
  int64_t plane = llvm::alignTo(w.paddedBlock() / w.panelWidth() * panelElements(), kLine);
  return plane / kLine % 2 == 0 ? plane + kLine : plane;
}

/// Whether taps stay in registers until they are at their points, in one long stretch of code:
/// where tasks bring the weights, loops through memory would take 2 to 4 % of a kernel's time.
bool WinogradEmitter::areTapsHeld() const {
  int64_t live = w.taps * w.points, free = module.machine().vectorRegisters - 8;
  return w.isLate() && live <= free;
}

/// One k and a vector of columns, to the place `at` and those a plane apart.
void WinogradEmitter::storeWeights(PhaseBuilder &phase, Value memory, Value at, LoadElement load) {
  const LinearMap &map = transforms.weights;
  if (areTapsHeld())
    return storeHeldWeights(phase, memory, at, load);
  buildLoop(phase.b, 0, w.taps, 1, [&](Value row) { applyToRow(phase, map, row, load); });
  applyToColumns(phase, map, memory, at, weightPlane());
}

void WinogradEmitter::storeHeldWeights(PhaseBuilder &phase, Value memory, Value at,
                                       LoadElement load) {
  ImplicitLocOpBuilder &b = phase.b;
  const LinearMap &map = transforms.weights;
  VectorMath math{b, module.machine().hasFMA};
  SmallVector<SmallVector<Value>> rows;
  for (int64_t row = 0; row < w.taps; ++row) {
    SmallVector<Value> taps;
    for (int64_t tap = 0; tap < w.taps; ++tap)
      taps.push_back(load(phase.index(row), tap));
    rows.push_back(map.apply(math, taps));
  }
  for (int64_t column = 0; column < w.points; ++column) {
    SmallVector<Value> x = llvm::map_to_vector(rows, [&](auto &row) { return row[column]; });
    for (auto [row, value] : llvm::enumerate(map.apply(math, x))) {
      int64_t point = static_cast<int64_t>(row) * w.points + column;
      vector::StoreOp::create(b, value, memory, offsetBy(b, at, point * weightPlane()));
    }
  }
}

/// Taps of as many k as columns, transposed where memory has k side by side:
/// [row][tap][k][columns] in scratch.
void WinogradEmitter::transposeTaps(PhaseBuilder &phase, Position position, bool isWhole,
                                    LoadTap load) {
  ImplicitLocOpBuilder &b = phase.b;
  Value memory = taps(phase), first = position.indices[columnDim()];
  buildLoop(b, 0, w.taps, 1, [&](Value row) {
    buildLoop(b, 0, w.taps, 1, [&](Value tap) {
      Value at = advance(b, phase.index(0), row, w.taps * w.lanes * w.lanes);
      at = advance(b, at, tap, w.lanes * w.lanes);
      auto loadRow = [&](Value lane) {
        Value column = arith::AddIOp::create(b, first, lane);
        // Past the end, the last column is as good as any.
        if (!isWhole)
          column = arith::MinUIOp::create(b, column, phase.index(w.columns - 1));
        position.indices[columnDim()] = column;
        return load(position, row, tap);
      };
      storeTransposed(b, w.lanes, w.lanes, /*isShort=*/true, loadRow, memory, at, w.lanes);
    });
  });
}

/// The weights of some k (of all channels) and columns; `place` says where one k and
/// a vector of columns (from the first of them) go.
void WinogradEmitter::bringWeights(PhaseBuilder &phase, Expression &expression, Value firstK,
                                   Value endK, Channels columns, Value memory, PlaceWeights place) {
  ImplicitLocOpBuilder &b = phase.b;
  Position position = positionIn(phase, w.weights);
  position.vectorDim = areWeightsAcross() ? reductionDim() : columnDim();
  auto tapAt = [&](Value tap) -> Value {
    if (!w.weights.isFlipped)
      return tap;
    return arith::SubIOp::create(b, phase.index(w.taps - 1), tap);
  };
  auto loadTap = [&](Position at, Value row, Value tap) {
    at.indices[w.weights.rows] = tapAt(row);
    at.indices[w.weights.columns] = tapAt(tap);
    if (areWeightsAcross())
      fetchAhead(phase, d.operands[w.weights.operand], at, reductionDim(), w.lanes);
    return expression.vectorAt(d.operands[w.weights.operand].value, at);
  };
  buildLoop(b, firstK, endK, areWeightsAcross() ? w.lanes : 1, [&](Value k) {
    position.indices[reductionDim()] = k;
    forChannels(phase, columns.count, [&](Value column, Value mask) {
      position.indices[columnDim()] = arith::AddIOp::create(b, columns.first, column);
      if (!areWeightsAcross()) {
        position.mask = mask;
        return storeWeights(phase, memory, place(k, column), [&](Value row, int64_t tap) {
          return loadTap(position, row, phase.index(tap));
        });
      }
      transposeTaps(phase, position, /*isWhole=*/!mask, loadTap);
      buildLoop(b, 0, w.lanes, 1, [&](Value next) {
        Value at = place(arith::AddIOp::create(b, k, next), column);
        storeWeights(phase, memory, at, [&](Value row, int64_t tap) {
          Value from = advance(b, phase.index(0), row, w.taps * w.lanes * w.lanes);
          from = advance(b, from, next, w.lanes);
          return load(phase, taps(phase), offsetBy(b, from, tap * w.lanes * w.lanes));
        });
      });
    });
  });
}

void WinogradEmitter::reserveWeights() {
  int64_t elements = w.allPoints() * weightPlane();
  int64_t all = w.columns / w.block * elements;
  weightsOffset =
      w.isLate() ? module.reserveScratch(bytes(elements)) : reserveStaged(w.weights, all);
  if (areWeightsAcross())
    tapsOffset = module.reserveScratch(bytes(w.taps * w.taps * w.lanes * w.lanes));
}

/// All weights at their points: [block][point][panel][k][columns of a panel].
Value WinogradEmitter::allWeights(PhaseBuilder &phase) const {
  int64_t count = w.columns / w.block * w.allPoints() * weightPlane();
  return staged(phase, w.weights, weightsOffset, count);
}

/// Where a column of a block lies in its panel.
Value WinogradEmitter::columnPlace(PhaseBuilder &phase, Value column) const {
  ImplicitLocOpBuilder &b = phase.b;
  Value width = phase.index(w.panelWidth());
  Value panel = arith::DivUIOp::create(b, column, width);
  return advance(b, arith::RemUIOp::create(b, column, width), panel, panelElements());
}

/// All of them, in a phase.
void WinogradEmitter::emitWeights() {
  int64_t share =
      llvm::alignTo(llvm::divideCeil(w.reduction, kWeightTasks), areWeightsAcross() ? w.lanes : 1);
  addStaging(w.weights, llvm::divideCeil(w.reduction, share), [&](PhaseBuilder &phase) {
    ImplicitLocOpBuilder &b = phase.b;
    Expression expression(phase);
    Value first = advance(b, phase.index(0), phase.task, share);
    Value end = arith::MinUIOp::create(b, offsetBy(b, first, share), phase.index(w.reduction));
    bringWeights(phase, expression, first, end, {phase.index(0), w.columns}, allWeights(phase),
                 [&](Value k, Value column) {
                   Value extent = phase.index(w.block);
                   Value block = arith::DivUIOp::create(b, column, extent);
                   Value at = columnPlace(phase, arith::RemUIOp::create(b, column, extent));
                   at = advance(b, at, block, w.allPoints() * weightPlane());
                   return advance(b, at, k, w.panelWidth());
                 });
  });
}

/// A chunk of K of one block, to the task's scratch.
Value WinogradEmitter::bringBlock(PhaseBuilder &phase, Expression &expression, Value firstK,
                                  Channels columns) {
  ImplicitLocOpBuilder &b = phase.b;
  Value memory = phase.scratch(weightsOffset, d.element, w.allPoints() * weightPlane());
  Value end = offsetBy(b, firstK, w.depth);
  bringWeights(phase, expression, firstK, end, columns, memory, [&](Value k, Value column) {
    return advance(b, columnPlace(phase, column), arith::SubIOp::create(b, k, firstK),
                   w.panelWidth());
  });
  return memory;
}

} // namespace dl
