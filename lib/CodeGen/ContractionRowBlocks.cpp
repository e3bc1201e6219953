//===- ContractionRowBlocks.cpp - Blocks of rows that stay in the caches --===//
//
// Where rows lie side by side in A, and neither A nor a column of tiles' sums stay near, tasks
// are blocks of rows instead of columns: A's part of a block is read from outer memory once, and
// B's panels pass by it.
//
//===----------------------------------------------------------------------===//

#include "ContractionChooser.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace dl {

/// The dimension of rows that blocks are made of; -1: rows do not lie side by side in A, or
/// there are others beside.
int StrategyChooser::blockedRows() const {
  int rows = -1;
  for (auto [index, dim] : llvm::enumerate(s.dims)) {
    if (dim.role != DimRole::M || dim.extent == 1)
      continue;
    if (rows >= 0 || dim.parts.size() > 1 || dim.strides[kA] != 1)
      return -1;
    rows = static_cast<int>(index);
  }
  return rows;
}

/// Blocks of rows, whose A stays in the L2 cache beside what streams past, as many as make enough
/// tasks, and even ones. None so small that the first rows, which pack B, are many of them.
void StrategyChooser::blockRows() {
  static constexpr int64_t kFewestTiles = 20;
  int row = blockedRows();
  if (row < 0 || s.operands[kA].staging != Staging::None || d.isPadded(kA))
    return;
  int64_t tiles = s.dims[row].tiles(), outside = 1;
  int64_t bytes = s.dims[row].tile * extentOf(DimRole::K) * elementBytes;
  for (int loop : ArrayRef<int>(s.loops).take_front(s.taskLoops))
    outside *= s.dims[loop].tiles();
  int64_t most = machine.l2Bytes / 3 / std::max<int64_t>(bytes, 1);
  if (most < kFewestTiles)
    return;
  int64_t wanted = d.flops() <= kFewTasks * kPartFlops ? 1 : kFewTasks;
  int64_t parts = std::max(llvm::divideCeil(tiles, most), llvm::divideCeil(wanted, outside));
  parts += parts * outside % 2;
  int64_t each = llvm::divideCeil(tiles, parts);
  if (each < kFewestTiles || parts < 2 || s.dims[s.vectorDim].tiles() < 2)
    return;
  s.rowDim = row;
  s.rowParts = llvm::divideCeil(tiles, each);
}

/// Rows that a task's scratch holds.
int64_t StrategyChooser::rowsOfPart() const {
  const PlanDim &rows = s.dims[s.rowDim];
  return llvm::divideCeil(rows.tiles(), s.rowParts) * rows.tile;
}

/// Panels of A's rows, packed by each task before it meets the first columns: all of K.
void StrategyChooser::packRowsInTask(unsigned level) {
  StagedOperand &staged = s.operands[kA];
  PlanDim &rows = s.dims[s.rowDim];
  staged.staging = Staging::Panels;
  staged.level = static_cast<int>(level);
  staged.panelPart = rows.parts.back();
  staged.panelTile = staged.panelPitch = rows.tile;
  staged.origin = 0;
  int64_t stride = rows.tile;
  for (PlanDim &dim : llvm::reverse(s.dims)) {
    bool isK = dim.role == DimRole::K;
    dim.strides[kA] = isK ? stride : 0;
    dim.tileStrides[kA] = dim.strides[kA] * dim.tile;
    stride *= isK ? dim.extent : 1;
  }
  // Side by side, they lie in other cache sets each.
  staged.panel = llvm::alignTo(stride, 2 * s.lanes) + s.lanes;
  rows.strides[kA] = 1;
  rows.tileStrides[kA] = staged.panel;
  staged.count = staged.panel * rowsOfPart() / rows.tile;
  s.fetchesPiecesAhead = false;
}

/// Measured: blocks of A come from outer memory, in short pieces of its rows, while the first
/// columns are multiplied; and B, which all blocks read, fetched ahead.
double StrategyChooser::rowBlockTime() const {
  double cost = bytesB > 2 * machine.l2Bytes ? 0.4 : bytesB > machine.l2Bytes / 4 * 3 ? 0.2 : 0;
  return 0.6 * static_cast<double>(bytesA) +
         cost * static_cast<double>(bytesB) * static_cast<double>(s.rowParts);
}

} // namespace dl
