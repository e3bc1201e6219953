//===- SplitProductTiles.cpp - A block over all of its K ------------------===//

#include "SplitProductEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace dl {

/// Rows of 32 k that meet B, at indices of the dimensions outside: where they start in the image,
/// and the number of the first block of 32.
void SplitProductEmitter::loopOverK(PhaseBuilder &phase, SmallVectorImpl<Value> &index,
                                    unsigned level, Value image, Value first,
                                    function_ref<void(Value, Value)> body) const {
  if (level == p.outerK.size()) {
    Value meets = meetsB(phase.b, index);
    if (!meets)
      return body(image, first);
    return buildIf(phase.b, meets, [&] { body(image, first); }, [] {});
  }
  int dim = p.outerK[level];
  int64_t blocks = p.runBlocks();
  for (int inner : ArrayRef<int>(p.outerK).drop_front(level + 1))
    blocks *= p.piece.dims[inner].extent;
  buildLoop(phase.b, 0, p.piece.dims[dim].extent, 1, [&](Value own) {
    index[dim] = own;
    loopOverK(phase, index, level + 1, inImage(phase.b, image, dim, own),
              advance(phase.b, first, own, blocks), body);
  });
}

/// The block's sums, to the buffer; added to those there, unless `isFirst` (null: it is). If
/// `isLast` (null: it is), the result comes next.
void SplitProductEmitter::multiplyBlock(PhaseBuilder &phase, Expression &expression,
                                        const Block &block, Value isFirst, Value isLast) {
  ImplicitLocOpBuilder &b = phase.b;
  TileBlock tiles{p.rowTiles, p.columnTiles, p.rowStride, p.plane, p.panelElements()};
  Value sums = elementAddress(b, buffer(phase), block.sums, 4);
  if (isFirst)
    buildIf(
        b, isFirst, [&] { clearSums(b, tiles); },
        [&] { loadSums(b, tiles, sums, p.blockColumns()); });
  else
    clearSums(b, tiles);
  Value image = this->image(phase), panels = panelsAs(phase, b.getI16Type());
  SmallVector<Value> index(block.index);
  loopOverK(phase, index, 0, block.image, phase.index(0), [&](Value at, Value first) {
    Value startA = elementAddress(b, image, at, 2);
    Value panel = advance(b, block.panel, first, kSplitParts * kTileElements);
    Value startB = elementAddress(b, panels, panel, 2);
    buildLoop(b, 0, p.runBlocks(), 1, [&](Value step) {
      auto advanced = [&](Value start, int64_t bytes) -> Value {
        Value offset =
            arith::IndexCastOp::create(b, b.getI64Type(), advance(b, phase.index(0), step, bytes));
        return arith::AddIOp::create(b, start, offset);
      };
      Value number = arith::AddIOp::create(b, first, step);
      fetchRows(phase, block, number, isLast);
      SmallVector<DueUnit> due =
          dueUnits(phase, expression, advance(b, number, block.number, p.panelBlocks()));
      multiplyTiles(phase, tiles, advanced(startA, kTileK * 2),
                    advanced(startB, kSplitParts * kTileElements * 2),
                    [&](int64_t product, int64_t count) {
                      for (const DueUnit &unit : due)
                        splitBetween(phase, unit, product, count);
                    });
      for (const DueUnit &unit : due)
        transposeAfter(phase, unit);
      if (p.runBlocks() > kStepsOfStore)
        keepStoring(phase, step, storedOffset);
    });
    if (!p.outerK.empty())
      keepStoring(phase, /*step=*/nullptr, storedOffset);
  });
  storeSums(b, tiles, sums, p.blockColumns());
}

} // namespace dl
