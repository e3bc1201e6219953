//===- WinogradTiles.cpp - Products at the points by tiles of bf16 --------===//
//
// The operand goes to its points as three parts (SplitProduct.h), [part][point][tile]
// [channel], and the weights, once they are at theirs, to panels of 16 columns. Pairs of
// k that tiles multiply with each other may be any, if the operand's are the same: they
// are 16 channels apart, so that two vectors of channels make one of pairs.
//
// What is no finite number, or would overflow as a sum of points, is none at the points
// either: nothing is computed again.
//
//===----------------------------------------------------------------------===//

#include "SplitProductParts.h"
#include "WinogradEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace dl {

/// Rows and planes an odd number of cache lines apart.
WinogradEmitter::Planes WinogradEmitter::Planes::ofParts(int64_t points, int64_t rows,
                                                         int64_t columns) {
  auto odd = [](int64_t elements) { return (llvm::divideCeil(elements, kTileK) | 1) * kTileK; };
  Planes planes;
  planes.row = odd(columns);
  planes.plane = odd(rows * planes.row);
  planes.part = odd(points * planes.plane);
  planes.count = kSplitParts * planes.part;
  return planes;
}

Value WinogradEmitter::operandParts(PhaseBuilder &phase, Type type) const {
  return phase.scratch(in.offset, type, 2 * in.count / storageBytes(type));
}

/// Elements of a panel of 16 columns.
int64_t WinogradEmitter::partsOfPanel() const {
  return w.reduction / kTileK * kSplitParts * kTileElements;
}

/// [block][point][panel][k / 32][part][pair][column][first or second].
Value WinogradEmitter::weightParts(PhaseBuilder &phase, Type type) const {
  int64_t panels = w.columns / w.block * w.allPoints() * w.paddedBlock() / kTileColumns;
  return phase.workspace(partsOffset, type, 2 * panels * partsOfPanel() / storageBytes(type));
}

/// The columns of two patches in memory, to pairs at the points.
void WinogradEmitter::splitColumns(PhaseBuilder &phase, const LinearMap &map, Value memory,
                                   Value at, const Planes &shape) {
  ImplicitLocOpBuilder &b = phase.b;
  VectorMath math{b, module.machine().hasFMA};
  Value rows = patch(phase), start = quotient(b, at, 2);
  buildLoop(b, 0, w.points, 1, [&](Value column) {
    SmallVector<Value> points[2];
    for (int64_t half : {0, 1}) {
      Value from = advance(b, phase.index(half * w.allPoints() * w.lanes), column, w.lanes);
      SmallVector<Value> x;
      for (int64_t row = 0; row < map.columns(); ++row)
        x.push_back(load(phase, rows, offsetBy(b, from, row * w.points * w.lanes)));
      points[half] = map.apply(math, x);
    }
    Value to = advance(b, start, column, shape.plane / 2);
    for (int64_t row = 0; row < w.points; ++row)
      for (auto [part, pairs] : llvm::enumerate(splitPairs(b, points[0][row], points[1][row]))) {
        int64_t offset = static_cast<int64_t>(part) * shape.part + row * w.points * shape.plane;
        vector::StoreOp::create(b, pairs, memory, offsetBy(b, to, offset / 2));
      }
  });
}

/// All weights, which are at their points, to their parts.
void WinogradEmitter::emitWeightParts() {
  int64_t blocks = w.columns / w.block, panels = w.paddedBlock() / kTileColumns;
  storedOffset = module.reserveScratch(2 * kTileElements);
  partsOffset = module.reservePacked(2 * blocks * w.allPoints() * panels * partsOfPanel(),
                                     d.operands[w.weights.operand].value);
  module.addPackingPhase(
      blocks * w.allPoints(), d.operands[w.weights.operand].value, [&](PhaseBuilder &phase) {
        ImplicitLocOpBuilder &b = phase.b;
        Value from = allWeights(phase), to = weightParts(phase, b.getI32Type());
        Value point = remainder(b, phase.task, w.allPoints());
        Value block = quotient(b, phase.task, w.allPoints());
        Value source = advance(b, phase.index(0), block, w.allPoints() * weightPlane());
        source = advance(b, source, point, weightPlane());
        Value target = advance(b, phase.index(0), phase.task, panels * partsOfPanel() / 2);
        buildLoop(b, 0, panels, 1, [&](Value panel) {
          // Panels of the micro-kernel are of several.
          Value wide = quotient(b, panel, w.vectors), narrow = remainder(b, panel, w.vectors);
          Value own = advance(b, source, wide, panelElements());
          own = advance(b, own, narrow, w.lanes);
          Value at = advance(b, target, panel, partsOfPanel() / 2);
          buildLoop(b, 0, w.reduction, kTileK, [&](Value k) {
            buildLoop(b, 0, kSplitLanes, 1, [&](Value pair) {
              Value row = advance(b, own, arith::AddIOp::create(b, k, pair), w.panelWidth());
              Value first = load(phase, from, row);
              Value second = load(phase, from, offsetBy(b, row, kSplitLanes * w.panelWidth()));
              Value place = advance(b, at, k, kSplitParts * kTileElements / 2 / kTileK);
              place = advance(b, place, pair, kTileColumns);
              for (auto [part, pairs] : llvm::enumerate(splitPairs(b, first, second)))
                vector::StoreOp::create(
                    b, pairs, to,
                    offsetBy(b, place, static_cast<int64_t>(part) * kTileElements / 2));
            });
          });
        });
      });
}

/// products[p][tile][n] = in[p][tile][k] * weights[p][k][n], for a block of columns.
void WinogradEmitter::multiplyByTiles(PhaseBuilder &phase, Value block, Value count) {
  ImplicitLocOpBuilder &b = phase.b;
  TileBlock tiles{w.rows / kTileRows, w.vectors, in.row, in.part, partsOfPanel()};
  int64_t panels = w.paddedBlock() / w.panelWidth(), steps = w.reduction / kTileK;
  Value operand = operandParts(phase, b.getI16Type());
  Value weights = weightParts(phase, b.getI16Type()), products = planes(phase, out);
  Value rowBlocks = quotient(b, offsetBy(b, count, w.rows - 1), w.rows);
  Value blockStart =
      advance(b, phase.index(0), block, w.allPoints() * panels * w.vectors * partsOfPanel());
  buildLoop(b, 0, w.allPoints(), 1, [&](Value point) {
    Value panelStart = advance(b, blockStart, point, panels * w.vectors * partsOfPanel());
    buildLoop(b, 0, panels, 1, [&](Value panel) {
      Value right =
          elementAddress(b, weights, advance(b, panelStart, panel, w.vectors * partsOfPanel()), 2);
      buildLoop(b, phase.index(0), rowBlocks, 1, [&](Value rowBlock) {
        Value at = advance(b, phase.index(0), point, in.plane);
        Value left = elementAddress(b, operand, advance(b, at, rowBlock, w.rows * in.row), 2);
        clearSums(b, tiles);
        buildLoop(b, 0, steps, 1, [&](Value step) {
          auto advanced = [&](Value start, int64_t bytes) -> Value {
            Value offset = arith::IndexCastOp::create(b, b.getI64Type(),
                                                      advance(b, phase.index(0), step, bytes));
            return arith::AddIOp::create(b, start, offset);
          };
          dl::multiplyTiles(phase, tiles, advanced(left, kTileK * 2),
                            advanced(right, kSplitParts * kTileElements * 2),
                            [](int64_t, int64_t) {});
          if (steps > kStepsOfStore)
            keepStoring(phase, step, storedOffset);
        });
        Value to =
            advance(b, advance(b, phase.index(0), point, out.plane), rowBlock, w.rows * out.row);
        to = advance(b, to, panel, w.panelWidth());
        dl::storeSums(b, tiles, elementAddress(b, products, to, 4), out.row);
      });
    });
  });
}

} // namespace dl
