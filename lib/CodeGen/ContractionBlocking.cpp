//===- ContractionBlocking.cpp - Blocks that stay in the caches -----------===//

#include "ContractionChooser.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace dl {

/// A panel of an operand that is read where it lies can be packed: its columns or
/// its innermost dimension of K are contiguous.
bool StrategyChooser::canPackInTask(OperandIndex operand) const {
  if (s.operands[operand].staging != Staging::None || d.isPadded(operand))
    return false;
  const PlanDim &columns = s.dims[s.vectorDim];
  const PlanDim *inner = nullptr;
  for (const PlanDim &dim : s.dims)
    if (dim.role == DimRole::K)
      inner = &dim;
  return inner && (columns.strides[operand] == 1 || inner->strides[operand] == 1);
}

/// What a chunk's panel of B may take. From the L2 cache it streams as fast as tiles
/// need it, and the longer chunks are, the less often sums wait in scratch; near, it can
/// be fetched ahead while the one before is multiplied.
int64_t StrategyChooser::panelBytes() const {
  return areNear ? nearPanelBytes() : machine.l2Bytes / 8;
}

/// Chunks of K, by what their panel of B may take: whole dimensions from the inside, a
/// part of the next, and single indices of those outside.
void StrategyChooser::chunkReduction() {
  int64_t room = std::max<int64_t>(panelBytes() / (s.columns() * elementBytes), s.lanes);
  SmallVector<int> dims;
  for (auto [index, dim] : llvm::enumerate(s.dims))
    if (dim.role == DimRole::K)
      dims.push_back(index);
  SmallVector<int> chunked;
  for (int index : llvm::reverse(dims)) {
    PlanDim &dim = s.dims[index];
    int64_t pieces = std::max<int64_t>((dim.extent + room / 2) / room, 1);
    int64_t chunk = llvm::divideCeil(dim.extent, pieces);
    if (index == dims.back())
      chunk = llvm::alignTo(chunk, s.lanes);
    chunk = std::min(chunk, dim.extent);
    room = std::max<int64_t>(room / std::max<int64_t>(chunk, 1), 1);
    if (chunk < dim.extent) {
      dim.tile = chunk;
      chunked.insert(chunked.begin(), index);
    }
    if (chunk > 1 || index == dims.back())
      s.reductionLoops.insert(s.reductionLoops.begin(), index);
  }
  s.loops.assign(chunked.begin(), chunked.end());
}

/// Whether the pieces of rows of A that a tile takes are whole pages apart: they share one set of
/// the L1 cache.
bool StrategyChooser::piecesShareSet() const {
  constexpr int64_t kPage = 4096;
  int part = s.dims[s.reductionLoops.back()].parts.back();
  return naturalStrides(kA)[part] * elementBytes % kPage == 0;
}

/// Whether panels are so small that the L1 cache holds them, also beside rows that are packed
/// since their pieces would not stay there.
bool StrategyChooser::hasNearPanels() const {
  if (areNear || s.operands[kA].staging != Staging::Panels || !piecesShareSet())
    return areNear;
  int64_t bytes = s.columns() * elementBytes;
  for (int loop : s.reductionLoops)
    bytes *= llvm::is_contained(s.loops, loop) ? s.dims[loop].tile : s.dims[loop].extent;
  return bytes <= nearPanelBytes();
}

/// Where columns of tiles are too few for tasks, or few and odd in number, each is cut into
/// parts of its rows, all of which pack its panels: as many as make the tasks even.
void StrategyChooser::shareRows(ArrayRef<int> rows) {
  static constexpr int64_t kTasks = 12, kFewestTiles = 8;
  int64_t tasks = s.tasks(), inner = 1;
  bool isOdd = tasks % 2 == 1 && tasks < 2 * kFewTasks;
  if ((tasks >= kFewTasks && !isOdd) || d.flops() <= kFewTasks * kPartFlops)
    return;
  for (int row : rows)
    inner *= s.dims[row].tiles();
  for (int row : rows) {
    int64_t tiles = s.dims[row].tiles();
    inner /= std::max<int64_t>(tiles, 1);
    int64_t wanted = tasks >= kFewTasks ? 2 : llvm::divideCeil(kTasks, std::max<int64_t>(tasks, 1));
    wanted += tasks * wanted % 2;
    int64_t parts = std::min({wanted, tiles, tiles * inner / kFewestTiles});
    if (parts < 2)
      continue;
    s.rowDim = row;
    s.rowParts = llvm::divideCeil(tiles, llvm::divideCeil(tiles, parts));
    return;
  }
}

/// A chunk of the split dimension that divides a part; a transposition's are whole vectors.
int64_t StrategyChooser::fitChunk(int64_t part) const {
  const PlanDim &dim = s.dims[s.splitDim];
  bool isInner = s.splitDim == s.reductionLoops.back();
  int64_t multiple = !isInner ? 1 : s.dims[s.vectorDim].strides[kB] != 1 ? s.lanes : 8;
  int64_t pieces = std::max<int64_t>((part + dim.tile / 2) / dim.tile, 1);
  return std::min<int64_t>(llvm::alignTo(llvm::divideCeil(part, pieces), multiple), dim.extent);
}

/// Parts of K for tasks, of which `chunks` keeps the loops inside: dimensions of few chunks
/// of one index whole, then a part of the next.
void StrategyChooser::splitChunks(SmallVectorImpl<int> &chunks, int64_t parts) {
  s.accumulation = Accumulation::Partials;
  while (chunks.size() > 1 && s.dims[chunks.front()].tile == 1 &&
         s.dims[chunks.front()].extent * 2 <= parts) {
    int whole = chunks.front();
    s.splitWhole.push_back(whole);
    parts = llvm::divideCeil(parts, s.dims[whole].extent);
    s.parts *= s.dims[whole].extent;
    chunks.erase(chunks.begin());
  }
  s.splitDim = chunks.front();
  PlanDim &dim = s.dims[s.splitDim];
  if (inBlocks)
    dim.tile = fitChunk(llvm::divideCeil(dim.extent, parts));
  s.chunk = llvm::alignTo(llvm::divideCeil(dim.extent, parts), dim.tile);
  s.parts *= llvm::divideCeil(dim.extent, s.chunk);
}

/// Whether tiles fetch what the next panel is made of. (A panel of the L2 cache would be lost
/// again before its turn.) What is to be transposed nobody sees coming where it lies in outer
/// memory; many rows pass before its turn, and it is not waited for long.
bool StrategyChooser::fetchesNextPanel() const {
  constexpr int64_t kManyRows = 1024;
  if (s.dims[s.vectorDim].source[kB] == 1)
    return hasNearPanels();
  return bytesB > machine.l2Bytes / 4 * 3 && s.reductionLoops.size() == 1 &&
         extentOf(DimRole::M) / s.rowParts < kManyRows;
}

/// Columns, chunks, rows: a column of tiles is a task, or a block of rows, and its sums stay in
/// scratch. Or, where K is split, chunks, columns, rows: parts of K are tasks.
void StrategyChooser::orderBlocks(int64_t parts) {
  SmallVector<int> chunks = s.loops, outer, rows;
  for (auto [index, dim] : llvm::enumerate(s.dims)) {
    int loop = static_cast<int>(index);
    if (loop != s.vectorDim && dim.role != DimRole::K)
      (dim.role == DimRole::M ? rows : outer).push_back(loop);
  }
  s.loops = outer;
  auto append = [&](ArrayRef<int> loops) { s.loops.append(loops.begin(), loops.end()); };
  if (parts > 1) {
    splitChunks(chunks, parts);
    s.taskLoops = outer.size();
    append(chunks);
    s.loops.push_back(s.vectorDim);
  } else {
    s.accumulation = chunks.empty() ? Accumulation::Registers : Accumulation::Chunks;
    s.taskLoops = s.loops.size() + (blocksRows ? 0 : 1);
    s.loops.push_back(s.vectorDim);
    append(chunks);
    if (!blocksRows)
      shareRows(rows);
    else if (!chunks.empty())
      blockRows();
  }
  unsigned level = s.loops.size();
  append(rows);
  for (OperandIndex operand : {kA, kB})
    s.operands[operand].source = s.operands[operand].origin;
  // The strides of tiles, now that those of K are known.
  for (PlanDim &dim : s.dims)
    for (int operand : {kA, kB}) {
      if (dim.role == DimRole::K)
        dim.tileStrides[operand] = dim.strides[operand] * dim.tile;
      dim.source[operand] = dim.strides[operand];
    }
  if (blocksRows && s.rowDim >= 0)
    packRowsInTask(s.taskLoops);
  if (packsColumns())
    packInTask(kB, s.vectorDim, level), packWithFirstRows();
  if (fetchesNextPanel())
    s.prefetchLevel = static_cast<int>(level);
  if (s.accumulation == Accumulation::Chunks)
    layOutChunks();
}

/// Whether a chunk of B's columns is packed before it is multiplied: where it is
/// not contiguous along the vector, where many tiles of rows read it, and where
/// its rows fight for the same cache sets.
bool StrategyChooser::packsColumns() const {
  static constexpr int64_t kReads = 12;
  int64_t reads = 1, depth = 1, stride = 0;
  for (const PlanDim &dim : s.dims)
    if (dim.role == DimRole::M)
      reads *= dim.tiles();
  for (int loop : s.reductionLoops) {
    const PlanDim &dim = s.dims[loop];
    depth *= llvm::is_contained(s.loops, loop) ? dim.tile : dim.extent;
    stride = dim.strides[kB] * elementBytes;
  }
  return s.dims[s.vectorDim].strides[kB] != 1 || reads >= kReads ||
         (reads > 1 && columnsConflict(stride, depth));
}

/// Panels of an operand, packed by tasks whenever `level` loops are entered. What
/// the loops outside say is in the source's index alone.
void StrategyChooser::packInTask(OperandIndex operand, int panel, unsigned level) {
  StagedOperand &staged = s.operands[operand];
  PlanDim &columns = s.dims[panel];
  ArrayRef<int> outside = ArrayRef<int>(s.loops).take_front(level);
  staged.staging = Staging::Panels;
  staged.level = static_cast<int>(level);
  staged.panelPart = columns.parts.back();
  staged.panelTile = columns.tile;
  staged.panelPitch = llvm::alignTo(columns.tile, s.lanes);
  staged.origin = 0;
  for (PlanDim &dim : s.dims) {
    dim.source[operand] = dim.strides[operand];
    dim.strides[operand] = dim.tileStrides[operand] = 0;
  }
  int64_t stride = staged.panelPitch;
  for (int loop : llvm::reverse(s.reductionLoops)) {
    PlanDim &dim = s.dims[loop];
    dim.strides[operand] = stride;
    int64_t extent = llvm::is_contained(s.loops, loop) ? dim.tile : dim.extent;
    // Transposed, whole vectors of K are written.
    bool isInner = loop == s.reductionLoops.back();
    stride *= isInner && columns.source[operand] != 1 ? llvm::alignTo(extent, s.lanes) : extent;
  }
  staged.panel = stride;
  columns.strides[operand] = 1;
  bool isInside = !llvm::is_contained(outside, panel);
  columns.tileStrides[operand] = isInside ? stride : 0;
  staged.count = stride * (isInside ? columns.tiles() : 1);
}

/// Where columns are contiguous, the first tile of rows has the time to store the vectors
/// that it loads. It must be a whole one.
void StrategyChooser::packWithFirstRows() {
  const PlanDim &columns = s.dims[s.vectorDim];
  bool hasWholePanels = columns.tiles() > 1 || columns.lastTile() == columns.tile;
  bool isWhole = true;
  if (s.rowParts > 1) {
    const PlanDim &rows = s.dims[s.rowDim];
    int64_t tiles = llvm::divideCeil(rows.tiles(), s.rowParts);
    isWhole = rows.tiles() - tiles * (s.rowParts - 1) > 1 || rows.lastTile() == rows.tile;
  }
  s.operands[kB].withFirstRows =
      columns.source[kB] == 1 && hasWholePanels && isWhole && s.rows() >= kFetchRows;
}

/// The sums that stay in scratch: for each row of the task, the columns of its
/// tile.
void StrategyChooser::layOutChunks() {
  int64_t stride = s.columns();
  for (PlanDim &dim : s.dims)
    dim.strides[kC] = dim.tileStrides[kC] = 0;
  s.dims[s.vectorDim].strides[kC] = 1;
  for (int index = static_cast<int>(s.dims.size()) - 1; index >= 0; --index) {
    PlanDim &dim = s.dims[index];
    if (dim.role != DimRole::M)
      continue;
    dim.strides[kC] = stride;
    dim.tileStrides[kC] = stride * dim.tile;
    stride *= blocksRows && index == s.rowDim ? rowsOfPart() : dim.extent;
  }
  StagedOperand &sums = s.operands[kC];
  sums.count = stride;
  sums.origin = 0;
}

//===----------------------------------------------------------------------===//
// Estimate
//===----------------------------------------------------------------------===//

/// From outer memory, a panel is fetched ahead where it is small, under cover of the
/// multiply-adds where it need not be packed. Columns of long rows come in pieces, each from a
/// page of its own: not so where K is split, if the parts stay near.
double StrategyChooser::panelStreamTime() const {
  if (blocksRows)
    return 0;
  const PlanDim &columns = s.dims[s.vectorDim];
  auto b = static_cast<double>(bytesB);
  double cost = streamTime(bytesA + bytesB), time = b * cost * (hasNearPanels() ? 1 : 2.5);
  if (s.operands[kB].level < 0 && s.prefetchLevel >= 0 && bytesB <= machine.l3Bytes / 2)
    time = std::max(time / 2, time - s.time / 2);
  // Measured, long pieces of rows, to be transposed, hardly wait for memory farther out
  // where many rows of A are multiplied between.
  if (!areNear && columns.source[kB] != 1 && bytesB > 2 * machine.l2Bytes)
    time = std::max(time / 5, time - 0.3 * s.time);
  bool isPieces = s.parts == 1 && columns.tiles() > 1 && columns.source[kB] == 1;
  if (isPieces && 8 * resultBytes() <= static_cast<double>(machine.l2Bytes) / 2)
    time += 0.2 * b * cost;
  return time;
}

/// Tiles read a large panel from the L2 cache, at a vector for some four multiply-adds.
double StrategyChooser::panelReadTime() const {
  if (hasNearPanels())
    return 0;
  double reads = 1;
  for (const PlanDim &dim : s.dims)
    if (dim.role == DimRole::M)
      reads *= static_cast<double>(dim.tiles());
  double each = 0.4 + std::max<double>(5 - static_cast<double>(s.rows()), 0);
  return vectorsOf(bytesB) * reads * each;
}

/// Transposed, a panel takes shuffles; parts of rows pack all panels each.
double StrategyChooser::panelPackingTime() const {
  if (s.operands[kB].level < 0)
    return 0;
  double each = s.dims[s.vectorDim].source[kB] != 1 ? 10 : 4;
  return each * vectorsOf(bytesB) * static_cast<double>(s.rowParts);
}

/// Sums that the L1 cache does not hold come and go with each chunk.
double StrategyChooser::sumsTime() const {
  double chunks = 1;
  for (auto [index, dim] : llvm::enumerate(s.dims))
    if (s.isChunked(static_cast<int>(index)))
      chunks *= static_cast<double>(dim.tiles());
  return bytesOf(kC) > machine.l1Bytes ? 0.1 * resultBytes() * (chunks - 1) : 0;
}

/// Tasks side by side read A, or their part of it, again, the shorter the pieces of its
/// rows the slower. Pieces that are a little more than the L2 cache holds are fetched ahead
/// in time.
double StrategyChooser::rereadTime() const {
  if (s.parts > 1 || blocksRows)
    return 0;
  bool isPacked = s.operands[kA].staging == Staging::Panels;
  auto a = static_cast<double>(isPacked ? bytesOf(kA) : bytesA);
  auto outer = static_cast<double>(s.rowParts);
  for (const PlanDim &dim : s.dims)
    if (hasShortRows() && dim.role == DimRole::Batch && dim.strides[kA] != 0)
      outer *= static_cast<double>(dim.extent);
  double beyond = a / outer / (static_cast<double>(machine.l2Bytes) * 0.75) - 1;
  double lost = hasShortRows() ? std::clamp(3 * beyond, 0.0, 1.0) : beyond > 0 ? 1 : 0;
  auto tasks = static_cast<double>(s.dims[s.vectorDim].tiles());
  return (areNear ? 0.15 : 0.05) * a * tasks * lost;
}

/// Whether rows of the result are whole pages apart: what tiles one below the other write shares
/// a few sets of the L1 cache.
bool StrategyChooser::resultsShareSets() const {
  constexpr int64_t kPage = 4096;
  ArrayRef<int64_t> shape = d.operands[kC].shape;
  return !shape.empty() && shape.back() * elementBytes % kPage == 0;
}

/// Tiles one below the other write pieces of rows, which leave the L2 cache before their
/// neighbours are there, if it does not hold the results of one turn of the loops outside.
/// Measured, beside panels that were packed before it takes more of them to matter.
double StrategyChooser::piecesTime() const {
  bool areTurned = s.isSwapped && s.resultPart >= 0, goesDown = false, areBelow = false;
  double written = resultBytes(), turn = written;
  auto near = static_cast<double>(machine.l2Bytes);
  if (blocksRows)
    turn /= static_cast<double>(s.rowParts);
  for (int loop : s.loops) {
    const PlanDim &dim = s.dims[loop];
    bool isColumn = loop == s.vectorDim;
    if (dim.role == DimRole::Batch && !isColumn)
      turn /= static_cast<double>(std::max<int64_t>(dim.extent, 1));
    if (dim.tiles() == 1 || (!isColumn && dim.role != DimRole::M))
      continue;
    areBelow |= goesDown && isColumn == areTurned;
    goesDown |= isColumn != areTurned;
  }
  if (s.parts > 1 || s.accumulation == Accumulation::Scatter || !areBelow)
    return 0;
  // Measured, the stores of short sums are waited for where they share sets.
  constexpr int64_t kShortSums = 16;
  bool isWaitedFor = reductionOfMost() < kShortSums && resultsShareSets() && turn > machine.l1Bytes;
  if (turn <= near)
    return isWaitedFor ? 0.08 * written : 0;
  return 0.2 * (inBlocks ? written : std::max(written - 2 * near, 0.0));
}

double StrategyChooser::resultBytes() const {
  auto bytes = static_cast<double>(elementBytes);
  for (const PlanDim &dim : s.dims)
    bytes *= dim.role == DimRole::K ? 1 : static_cast<double>(dim.extent);
  return bytes;
}

/// Of pieces that share a set, the next tile takes the lines from the L2 cache again, unless they
/// are fetched ahead in any case.
double StrategyChooser::conflictTime() const {
  if (!areNear || !hasShortRows() || s.fetchesPiecesAhead || !piecesShareSet())
    return 0;
  double steps = 0.25;
  for (const PlanDim &dim : s.dims)
    steps *= static_cast<double>(dim.role == DimRole::K ? dim.extent : dim.tiles());
  return steps;
}

/// Time beside that of the tiles.
double StrategyChooser::blockTime() const {
  return panelStreamTime() + panelReadTime() + panelPackingTime() + sumsTime() + rereadTime() +
         piecesTime() + conflictTime() + partsTime();
}

/// Whether narrow tiles are worth that more columns of them read A, which must be near: where
/// their panels hold all of K, so that no sums wait between chunks.
bool StrategyChooser::gainsFromNarrow() const {
  return s.accumulation == Accumulation::Registers && bytesA < machine.l2Bytes / 4;
}

/// One order of blocks: K split into so many parts. In small ones tiles read A in
/// place: short pieces of its rows are still near for the next tile. Long chunks need
/// them packed.
std::optional<ContractionStrategy> StrategyChooser::chooseBlocks(int64_t parts, bool near,
                                                                 int64_t vectors) {
  s.lanes = machine.lanes(d.element.getIntOrFloatBitWidth());
  if (s.isSwapped && (s.lanes == 1 || !chooseRowVectorDim()))
    return std::nullopt;
  if (!s.isSwapped)
    chooseVectorDim();
  findSweep();
  bool isPlain = vectorPart >= 0 && !s.vectorA && s.accumulation == Accumulation::Registers;
  // Residues share a phase, and so what tasks keep.
  if (!isPlain || request.prologueB || d.isResidue)
    return std::nullopt;
  inBlocks = true, areNear = near, wantedVectors = vectors;
  stageA();
  stageInPlace(kB);
  buildDims();
  bool isEmpty = llvm::any_of(s.dims, [](const PlanDim &dim) { return dim.extent == 0; });
  if (isEmpty || !canPackInTask(kB))
    return std::nullopt;
  bytesA = bytesOf(kA), bytesB = bytesOf(kB);
  isSplit = parts > 1;
  chooseTile();
  applyTile();
  if (!areNear && hasShortRows())
    return std::nullopt;
  fetchPiecesAhead();
  chunkReduction();
  if (parts > 1 && s.loops.empty())
    return std::nullopt;
  orderBlocks(parts);
  if (blocksRows && s.rowDim < 0)
    return std::nullopt;
  if ((parts > 1 && s.parts == 1) || (vectors == kNarrow && !gainsFromNarrow()))
    return std::nullopt;
  fetchRows();
  // One tile of rows reads what the L2 cache holds as well without blocks.
  if (s.rows() >= extentOf(DimRole::M) && bytesB <= machine.l2Bytes * 3 / 4)
    return std::nullopt;
  // Sums between chunks must stay near.
  bool hasSums = s.accumulation != Accumulation::Registers;
  if (hasSums && s.operands[kC].count * elementBytes > machine.l2Bytes / 4)
    return std::nullopt;
  // Measured, parts of rows take a little longer than estimated, where plain tiles would
  // find rows of A in order more so; partial results, too, between which B is transposed.
  if (s.rowParts > 1 && !blocksRows)
    s.time *= hasShortRows() ? 1.04 : 1.12;
  if (s.parts > 1)
    s.time *= s.dims[s.vectorDim].source[kB] != 1 ? 1.08 : 1.04;
  // So do wide tiles that pack what they could read in place.
  bool couldRead = near && s.operands[kB].withFirstRows && s.rowParts == 1;
  if (couldRead && s.accumulation == Accumulation::Registers && vectors != kNarrow)
    s.time *= 1.01;
  bool isStaged = s.operands[kA].staging != Staging::None;
  s.time += blockTime() + (blocksRows ? rowBlockTime() : isStaged ? stagingTime(kA) : 0);
  judgeTasks();
  return s;
}

} // namespace dl
