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

#include <cmath>

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

/// Whether a dimension of the descriptor is part of a clip.
bool StrategyChooser::isClipped(ArrayRef<int> parts) const {
  for (const auto *clips : {&s.clips, &s.tapClips})
    for (const Clip &clip : *clips)
      if (llvm::is_contained(parts, clip.row) || llvm::is_contained(parts, clip.k))
        return true;
  return false;
}

/// Lists where residues leave B. Its index falls as k grows, so it is counted downwards.
void StrategyChooser::findTapClips() {
  if (!d.isResidue)
    return;
  for (auto [dim, extent] : llvm::enumerate(d.operands[kB].shape)) {
    IndexRange range = d.range(kB, dim);
    if (range.low >= 0 && range.high < extent)
      continue;
    Clip clip;
    clip.base = extent - 1 - d.operands[kB].base[dim];
    clip.extent = extent;
    for (auto [index, own] : llvm::enumerate(d.dims)) {
      if (own.terms[kB].dim != static_cast<int>(dim))
        continue;
      bool isK = own.role == DimRole::K;
      (isK ? clip.k : clip.row) = static_cast<int>(index);
      (isK ? clip.kStep : clip.rowStep) = -own.terms[kB].coefficient;
    }
    s.tapClips.push_back(clip);
  }
}

int64_t StrategyChooser::reductionOfMost() const {
  auto all = static_cast<double>(extentOf(DimRole::K));
  return std::llround(all * d.shareOfTaps(/*ofMost=*/true));
}

/// In place, residues share taps with nobody; panels have room for all places of A.
double StrategyChooser::bytesOfMostB() const {
  auto bytes = static_cast<double>(bytesOf(kB));
  if (d.residues() == 1)
    return bytes;
  if (s.operands[kB].staging == Staging::Panels)
    return bytes / static_cast<double>(d.residues()) * d.shareOfTaps(/*ofMost=*/true);
  bytes = static_cast<double>(elementBytes) * d.shareOfTaps(/*ofMost=*/true);
  for (const ContractionDim &dim : d.dims)
    if (dim.terms[kB].occurs())
      bytes *= static_cast<double>(dim.extent);
  return bytes / static_cast<double>(d.residues());
}

double StrategyChooser::flopsOfMost() const {
  return d.flops() / d.shareOfTaps(/*ofMost=*/false) * d.shareOfTaps(/*ofMost=*/true) /
         static_cast<double>(d.residues());
}

/// Where a loop over K has to stay, for a row, or a residue, that is known now.
static Bounds boundsInside(ImplicitLocOpBuilder &b, const Clip &clip, Value index,
                           int64_t indices) {
  auto constant = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(b, value); };
  // The first k with base + row * rowStep + k * kStep at or above a limit.
  auto firstAt = [&](int64_t limit) -> Value {
    Value row = arith::MulIOp::create(b, index, constant(clip.rowStep));
    Value above = arith::SubIOp::create(b, constant(limit - clip.base + clip.kStep - 1), row);
    above = arith::MaxSIOp::create(b, above, constant(0));
    return arith::DivUIOp::create(b, above, constant(clip.kStep));
  };
  Value lower = firstAt(0);
  Value upper = arith::MinUIOp::create(b, constant(indices), firstAt(clip.extent));
  return {lower, arith::MaxUIOp::create(b, upper, lower)};
}

void Bounds::narrow(ImplicitLocOpBuilder &b, ReductionLoop &loop) const {
  loop.multiple = 1;
  if (loop.upper) {
    loop.lower = arith::MaxUIOp::create(b, loop.lower, lower);
    loop.upper = arith::MinUIOp::create(b, loop.upper, upper);
    loop.upper = arith::MaxUIOp::create(b, loop.upper, loop.lower);
  } else {
    loop.lower = lower, loop.upper = upper;
  }
}

/// Leaves out what lies outside A or B for all rows of the tiles inside a loop: by bounds
/// that are computed where it is entered, once for all kinds of tiles.
void ContractionEmitter::enterClips(ImplicitLocOpBuilder &b, int loop, Place &place) const {
  for (const auto *clips : {&s.clips, &s.tapClips})
    for (const Clip &clip : *clips) {
      if (clip.row < 0 || s.dimOf(clip.row) != loop)
        continue;
      int k = s.dimOf(clip.k);
      Bounds own = boundsInside(b, clip, place.index[loop], s.dims[k].extent);
      if (Bounds &known = place.inside[k]; known.upper) {
        ReductionLoop both{s.dims[k].extent, {0, 0}, known.lower, known.upper};
        own.narrow(b, both);
        own = {both.lower, both.upper};
      }
      place.inside[k] = own;
    }
}

/// Leaves out what lies outside A for each row of a special tile, whose number is known.
void ContractionEmitter::clipRows(const Clip &clip, const TileShape &shape,
                                  ReductionLoop &loop) const {
  int dim = clip.row < 0 ? -1 : s.dimOf(clip.row);
  if (dim >= 0 && shape.tile[dim] < 0)
    return;
  for (const SmallVector<int64_t> &row : shape.rows) {
    int64_t index = dim < 0 ? 0 : shape.tile[dim] * s.dims[dim].tile + row[dim];
    loop.rows.push_back(clip.inside(index));
  }
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
