//===- ContractionClips.cpp - Products that lie outside of A --------------===//
//
// Where taps leave the image, a strategy either copies A with zeros around it, or
// leaves those products out. Then loops over K have bounds that depend on the row:
// computed at run time where a tile has one, and known for each row of the few
// tiles at the borders, which are code of their own.
//
//===----------------------------------------------------------------------===//

#include "ContractionChooser.h"
#include "ContractionEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace dl {

IndexRange Clip::inside(int64_t row) const {
  int64_t first = base + row * rowStep;
  int64_t low = first >= 0 ? 0 : llvm::divideCeil(-first, kStep);
  int64_t high = first >= extent ? -1 : (extent - 1 - first) / kStep;
  return {low, high};
}

SmallVector<int64_t> ContractionStrategy::specialTiles(int dim) const {
  const PlanDim &rows = dims[dim];
  auto isClipped = [&](int64_t row) {
    return llvm::any_of(clips, [&](const Clip &clip) {
      IndexRange inside = clip.inside(row);
      return dimOf(clip.row) == dim &&
             (inside.low > 0 || inside.high < dims[dimOf(clip.k)].extent - 1);
    });
  };
  SmallVector<int64_t> special;
  for (int64_t tile = 0; tile < rows.tiles(); ++tile) {
    int64_t first = tile * rows.tile, end = std::min(first + rows.tile, rows.extent);
    bool isShort = end - first < rows.tile;
    // A row alone finds its bounds at run time.
    bool needsCode = rows.tile > 1 && llvm::any_of(llvm::seq(first, end), isClipped);
    if (isShort || needsCode)
      special.push_back(tile);
  }
  return special;
}

int64_t ContractionStrategy::tileKinds() const {
  int64_t kinds = 1;
  for (auto [index, dim] : llvm::enumerate(dims)) {
    if (dim.role != DimRole::M || dim.tiles() == 0)
      continue;
    auto special = static_cast<int64_t>(specialTiles(static_cast<int>(index)).size());
    kinds *= special == dim.tiles() ? special : special + 1;
  }
  return kinds;
}

int64_t ContractionStrategy::tilePieces() const {
  int64_t pieces = 1;
  for (const Clip &clip : clips)
    if (clip.row >= 0 && dims[dimOf(clip.row)].tile > 1)
      pieces *= dims[dimOf(clip.k)].extent;
  return pieces;
}

/// Lists where the iteration leaves A, if each time one dimension of M and one of
/// K lead there.
bool StrategyChooser::findClips() {
  SmallVector<Clip> clips;
  for (auto [dim, extent] : llvm::enumerate(d.operands[kA].shape)) {
    IndexRange range = d.range(kA, dim);
    if (range.low >= 0 && range.high < extent)
      continue;
    Clip clip;
    clip.base = d.operands[kA].base[dim];
    clip.extent = extent;
    for (auto [index, iteration] : llvm::enumerate(d.dims)) {
      const AddressTerm &term = iteration.terms[kA];
      if (term.dim != static_cast<int>(dim))
        continue;
      bool isRow = iteration.role == DimRole::M;
      if ((!isRow && iteration.role != DimRole::K) || (isRow ? clip.row : clip.k) >= 0 ||
          term.coefficient < 1)
        return false;
      (isRow ? clip.row : clip.k) = static_cast<int>(index);
      (isRow ? clip.rowStep : clip.kStep) = term.coefficient;
    }
    if (clip.k < 0)
      return false;
    clips.push_back(clip);
  }
  s.clips = std::move(clips);
  return true;
}

/// The share of products that clips leave.
double StrategyChooser::shareInside() const {
  double share = 1;
  for (const Clip &clip : s.clips) {
    int64_t rows = clip.row < 0 ? 1 : d.dims[clip.row].extent, extent = d.dims[clip.k].extent;
    int64_t inside = 0;
    for (int64_t row = 0; row < rows; ++row) {
      IndexRange range = clip.inside(row);
      inside += std::max<int64_t>(std::min(range.high, extent - 1) - range.low + 1, 0);
    }
    share *= static_cast<double>(inside) / static_cast<double>(std::max<int64_t>(rows * extent, 1));
  }
  return share;
}

/// Whether a point of the iteration lies inside A or B; null: all do.
Value ContractionEmitter::insideOf(ImplicitLocOpBuilder &b, OperandIndex operand,
                                   ArrayRef<Value> index) const {
  Position position = sourcePosition(b, operand, index);
  Value isInside;
  for (auto [dim, extent] : llvm::enumerate(d.operands[operand].shape)) {
    IndexRange range = d.range(operand, static_cast<int>(dim));
    if (range.low >= 0 && range.high < extent)
      continue;
    // Unsigned, an index below zero is past the end too.
    Value fits = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, position.indices[dim],
                                       arith::ConstantIndexOp::create(b, extent));
    isInside = isInside ? arith::AndIOp::create(b, isInside, fits).getResult() : fits;
  }
  return isInside;
}

} // namespace dl
