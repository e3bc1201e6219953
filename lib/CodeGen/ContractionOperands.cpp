//===- ContractionOperands.cpp - Where operands are read from -------------===//
//
// Each operand is read in place, or copied with its padding, or packed into panels
// of columns; the result is written in place or to a scratch image.
//
//===----------------------------------------------------------------------===//

#include "ContractionChooser.h"

#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;

namespace dl {

void StrategyChooser::stageInPlace(OperandIndex operand) {
  StagedOperand &staged = s.operands[operand];
  staged.strides = naturalStrides(operand);
  staged.count = 1;
  for (auto [dim, stride] : llvm::enumerate(d.operands[operand].strides())) {
    // What strides pass over in A shares cache lines or sets with the rest.
    staged.count *=
        operand == kB ? touchedIndices(kB, static_cast<int>(dim)) : d.operands[operand].shape[dim];
    staged.origin += stride * d.operands[operand].base[dim];
  }
}

/// How many indices of a tensor's dimension the iteration touches, at most: strides pass
/// over some, and a residue meets some of the taps.
int64_t StrategyChooser::touchedIndices(OperandIndex operand, int dim) const {
  int64_t points = 1;
  for (const ContractionDim &iteration : d.dims)
    if (iteration.terms[operand].dim == dim)
      points *= iteration.extent;
  return std::min(points, d.operands[operand].shape[dim]);
}

/// The part of the tensor that the iteration touches, dense, padding included, what
/// strides pass over left out.
void StrategyChooser::stageCopy(OperandIndex operand) {
  StagedOperand &staged = s.operands[operand];
  const ContractionOperand &tensor = d.operands[operand];
  staged.staging = Staging::Copy;
  int rank = static_cast<int>(tensor.shape.size());
  for (int dim = 0; dim < rank; ++dim) {
    // The innermost dimension is copied whole: rows stay rows.
    bool isRow = dim == rank - 1;
    IndexRange touched =
        operand == kA && !d.touchedA.empty() ? d.touchedA[dim] : d.range(operand, dim);
    if (operand == kA && d.touchedA.empty())
      touched.step = d.stepOf(operand, dim);
    staged.ranges.push_back(isRow ? IndexRange{0, tensor.shape[dim] - 1} : touched);
  }
  SmallVector<int64_t> strides(rank);
  staged.count = 1;
  for (int dim = rank - 1; dim >= 0; --dim) {
    strides[dim] = staged.count;
    staged.count *= staged.ranges[dim].extent();
    staged.origin +=
        strides[dim] * (tensor.base[dim] - staged.ranges[dim].low) / staged.ranges[dim].step;
  }
  for (const ContractionDim &dim : d.dims) {
    const AddressTerm &term = dim.terms[operand];
    staged.strides.push_back(
        term.occurs() ? term.coefficient / staged.ranges[term.dim].step * strides[term.dim] : 0);
  }
}

/// Whether a copy of A leaves out rows that no product meets.
bool StrategyChooser::canThin() const {
  int rows = static_cast<int>(d.operands[kA].shape.size()) - 1;
  return !d.isResidue &&
         llvm::any_of(llvm::seq(rows), [&](int dim) { return d.stepOf(kA, dim) > 1; });
}

void StrategyChooser::stageA() {
  if (mayClip && !request.prologueA && !request.sumsB && findClips())
    stageInPlace(kA);
  else if (request.prologueA || d.isPadded(kA) || (thins && canThin()))
    stageCopy(kA);
  else
    stageInPlace(kA);
}

/// Whether a tile's columns, one piece of each row of B that are `stride` bytes
/// apart, push each other out of the L2 cache before the next tile reads them. A
/// stride that shares a large power of two with a page leads to few cache sets.
bool StrategyChooser::columnsConflict(int64_t stride, int64_t depth) const {
  constexpr int64_t kPage = 4096;
  int64_t common = std::gcd(stride, kPage), piece = s.lanes * 2 * elementBytes;
  int64_t usable = machine.l2Bytes / 2 * std::min(piece, common) / common;
  return common == kPage || depth * piece > usable;
}

/// The dimension of rows to pack A along, -1: none. Where A is transposed, a tile
/// takes a short piece of each row of A and neighbouring tiles meet the rest when
/// the caches have lost it; packed, it streams. That pays from a few reads on.
int StrategyChooser::panelRows() const {
  bool mayPack = s.operands[kA].staging == Staging::None || (packsPadded && !d.isResidue);
  if ((inBlocks && areNear) || !mayPack || !s.clips.empty() || s.isDot() || s.vectorA ||
      s.vectorDim < 0 || s.dims[s.vectorDim].tiles() < kPackedReads ||
      bytesOf(kA) <= 2 * machine.l1Bytes)
    return -1;
  int rows = -1;
  for (auto [index, dim] : llvm::enumerate(s.dims)) {
    if (dim.role != DimRole::M || dim.tile == 1)
      continue;
    if (rows >= 0 || dim.parts.size() > 1 || dim.strides[kA] != 1 || dim.tiles() < 2)
      return -1;
    rows = index;
  }
  return rows;
}

/// Whether the innermost rows lie side by side in A: a tile takes a short piece of a row
/// of memory for each k.
bool StrategyChooser::hasShortRows() const {
  if (s.operands[kA].staging == Staging::Panels || s.vectorA)
    return false;
  for (const PlanDim &dim : llvm::reverse(s.dims))
    if (isInnerRow(dim))
      return dim.strides[kA] == 1 && dim.extent > 1;
  return false;
}

/// Whether rows of A that lie side by side will be packed, for many columns.
bool StrategyChooser::willPackRows() const {
  int64_t widest = 4 * s.lanes;
  return !(inBlocks && areNear) && !s.isDot() && s.clips.empty() &&
         s.operands[kA].staging == Staging::None && s.vectorDim >= 0 &&
         s.dims[s.vectorDim].extent >= kPackedReads * widest;
}

/// Whether pieces of rows that a tile takes of A fall into so few sets of the L2 cache
/// that they are gone when the next column of tiles wants them.
bool StrategyChooser::conflictsA() const {
  constexpr int64_t kPage = 4096, kFewSets = 2048;
  if (inBlocks || s.vectorA || s.isDot() || packsPadded)
    return false;
  // Packed, they lie one after the other.
  if (willPackRows())
    return false;
  int64_t stride = 0, rows = 0;
  for (const PlanDim &dim : s.dims) {
    if (dim.role == DimRole::K)
      stride = dim.strides[kA] * elementBytes;
    if (isInnerRow(dim))
      rows = dim.strides[kA];
  }
  int64_t common = std::gcd(stride, kPage);
  return rows == 1 && common >= kFewSets && extentOf(DimRole::K) * common > machine.l2Bytes / 2;
}

/// Whether the lines that hold a tile's pieces of rows of A, one for each step of K, are more
/// than the sets of the L2 cache that they fall into hold.
bool StrategyChooser::losesPiecesA() const {
  constexpr int64_t kPage = 4096, kLine = 64;
  if (inBlocks)
    return false;
  int64_t stride = 0;
  for (const PlanDim &dim : s.dims)
    if (dim.role == DimRole::K)
      stride = dim.strides[kA] * elementBytes;
  int64_t common = std::max(std::gcd(stride, kPage), kLine);
  return extentOf(DimRole::K) * common > machine.l2Bytes / 2;
}

/// Packs B where it has no unit stride along the vector, and where its rows
/// would fight for the same cache sets and are read often enough.
void StrategyChooser::stageB() {
  stageInPlace(kB);
  StagedOperand &staged = s.operands[kB];
  bool hasUnitStride = s.isDot() || vectorPart < 0 || staged.strides[vectorPart] == 1;
  if (s.groupPart >= 0)
    hasUnitStride &= staged.strides[s.groupPart] == s.groupColumns;
  bool isReused = extentOf(DimRole::M) >= 32 && extentOf(DimRole::K) >= 64;
  bool conflicts = false;
  for (auto [dim, stride] : llvm::zip_equal(d.dims, staged.strides))
    if (dim.role == DimRole::K)
      conflicts = stride != 0 && columnsConflict(stride * elementBytes, extentOf(DimRole::K));
  // (Of other descriptions, it is weights that end.)
  bool isPadded = s.isSwapped && d.isPadded(kB);
  bool canPack = vectorPart >= 0 && !s.vectorA && !s.isDot() && !isPadded;
  if (s.isDot() && staged.strides[s.dotPart] != 1)
    return layOutPanels(kB, s.dotPart, d.dims[s.dotPart].extent);
  if (!hasUnitStride || (canPack && (packsB || (conflicts && isReused)))) {
    layOutPanels(kB, vectorPart, s.columns());
  } else if (request.prologueB || isPadded) {
    staged = {};
    stageCopy(kB);
  }
}

/// [batch, outer columns and taps][panel][k][columns], and alike for rows; for dot
/// products [batch, columns][k], a panel for each column.
void StrategyChooser::layOutPanels(OperandIndex operand, int part, int64_t tile) {
  StagedOperand &staged = s.operands[operand];
  staged = {};
  staged.staging = Staging::Panels;
  staged.panelPart = part;
  staged.panelTile = tile;
  staged.panelPitch = s.isDot() || operand == kA ? tile : llvm::alignTo(tile, s.lanes);
  staged.strides.assign(d.dims.size(), 0);
  int64_t stride = staged.panelPitch;
  // Groups beside the columns are columns.
  auto isGroup = [&](int dim) { return dim == s.groupPart && part == vectorPart; };
  auto place = [&](auto wanted) {
    for (int dim = static_cast<int>(d.dims.size()) - 1; dim >= 0; --dim)
      if (dim != part && !isGroup(dim) && d.dims[dim].terms[operand].occurs() &&
          wanted(d.dims[dim].role)) {
        staged.strides[dim] = stride;
        stride *= d.dims[dim].extent;
      }
  };
  place([](DimRole role) { return role == DimRole::K; });
  // Panels of A are written side by side: in other cache sets each.
  if (operand == kA)
    stride = llvm::alignTo(stride, 2 * s.lanes) + s.lanes;
  staged.panel = stride;
  staged.strides[part] = 1;
  int64_t extent = d.dims[part].extent;
  if (s.groupPart >= 0 && part == vectorPart)
    extent *= d.dims[s.groupPart].extent;
  stride *= llvm::divideCeil(extent, tile);
  place([](DimRole role) { return role != DimRole::K; });
  staged.count = stride;
}

/// C as it is, or the scratch image: swept dimensions, then columns.
void StrategyChooser::layOutResult() {
  StagedOperand &staged = s.operands[kC];
  staged = {};
  if (s.accumulation != Accumulation::Scatter)
    return stageInPlace(kC);
  SmallVector<int64_t> strides(d.operands[kC].shape.size(), 0);
  staged.count = s.scratchColumns();
  for (int sweep = static_cast<int>(s.sweepDims.size()) - 1; sweep >= 0; --sweep) {
    int dim = s.sweepDims[sweep];
    strides[dim] = staged.count;
    staged.count *= s.sweepRanges[sweep].extent();
    staged.origin += strides[dim] * (d.operands[kC].base[dim] - s.sweepRanges[sweep].low);
  }
  for (const ContractionDim &dim : d.dims) {
    const AddressTerm &term = dim.terms[kC];
    staged.strides.push_back(term.occurs() ? term.coefficient * strides[term.dim] : 0);
  }
  if (vectorPart >= 0)
    staged.strides[vectorPart] = 1;
}

/// Whether an operand is staged once for many runs: as nothing else is in the workspace.
bool StrategyChooser::isPackedBefore(OperandIndex operand) const {
  const StagedOperand &other = s.operands[operand == kA ? kB : kA];
  bool sharesWorkspace = other.staging != Staging::None && other.level < 0 &&
                         !request.isVariable[operand == kA ? kB : kA];
  return request.isVariable[operand] && s.parts == 1 && !sharesWorkspace;
}

/// Time of the copies and panels. A transposed panel costs a multiply-add or so
/// for each element, a copy a few for each vector.
double StrategyChooser::stagingTime(OperandIndex operand) const {
  const StagedOperand &staged = s.operands[operand];
  if (staged.staging == Staging::None || isPackedBefore(operand))
    return 0;
  double count = operand == kB ? bytesOfMostB() / static_cast<double>(elementBytes)
                               : static_cast<double>(staged.count);
  // Copies of one image each.
  if (s.copiesInTask && operand == kA)
    count *= static_cast<double>(s.dims[s.loops[0]].extent);
  bool isTransposed =
      operand == kB && vectorPart >= 0 && (s.isDot() || naturalStrides(kB)[vectorPart] != 1);
  double time = isTransposed && staged.staging == Staging::Panels
                    ? count
                    : 4 * count / static_cast<double>(s.lanes);
  // The result passes through the caches as well, before the operand is read again.
  double bytes = count * static_cast<double>(elementBytes);
  auto footprint = static_cast<int64_t>(2 * bytes) + (operand == kA ? bytesOf(kC) : 0);
  return time + 1.5 * bytes * streamTime(footprint);
}

/// Time in which columns of the result that are taps read a copy again that the caches do not
/// hold.
double StrategyChooser::tapsTime() const {
  auto bytes = static_cast<double>(bytesOf(kB));
  if (!s.isSwapped || !d.isPadded(kB) ||
      bytes <= static_cast<double>(s.parts) * static_cast<double>(machine.l2Bytes))
    return 0;
  double taps = 1;
  for (auto [index, dim] : llvm::enumerate(s.dims))
    if (dim.role == DimRole::N && static_cast<int>(index) != s.vectorDim)
      taps *= static_cast<double>(dim.extent);
  return 0.15 * bytes * (taps - 1);
}

/// Time of partial results: stored, loaded, added and stored, far out where they are many.
double StrategyChooser::partsTime() const {
  if (s.parts == 1)
    return 0;
  auto vectors = static_cast<double>(s.parts) / static_cast<double>(s.lanes);
  for (const PlanDim &dim : s.dims)
    vectors *= dim.role == DimRole::K ? 1 : static_cast<double>(dim.extent);
  auto bytes = static_cast<int64_t>(vectors) * s.lanes * elementBytes;
  return (10 + 50 * streamTime(bytes / 4 * 3)) * vectors;
}

/// Time for a byte of an operand that is read once, and lies among so many bytes.
double StrategyChooser::streamTime(int64_t bytes) const {
  return bytes <= machine.l2Bytes * 3 / 4 ? 0 : 0.3;
}

} // namespace dl
