//===- SplitProductTasks.cpp - Pieces and tasks of a product by tiles -----===//

#include "SplitProductChooser.h"

#include <cmath>

using namespace mlir;

namespace dl {

/// Cycles of adding a tile up over pieces of K, and more where these have so few blocks of 32; of
/// an element of a part of the result.
static constexpr double kTileSumCycles = 35, kShortSumCycles = 20, kPartCycles = 2;
static constexpr int64_t kShortBlocks = 4;
/// Of a byte of parts that are beyond the L2 cache, each time that a piece reads it: of panels,
/// which lie in the order that they are read in, and of an image.
static constexpr double kFarPanelCycles = 0.07, kFarImageCycles = 0.15;
/// Images that tasks split, from which share of the L2 cache on they leave it now and then before
/// they are read, and what that costs an element.
static constexpr double kLargeImageShare = 0.44, kLargeImageCycles = 0.5;
/// f32 multiplications a cycle that tiles must be estimated to reach: vectors reach 27 to 29, and
/// suffer less where operands are cold; less where these come from beyond the L2 cache, still less
/// where they are turned on the way.
static constexpr double kVectorProducts = 28.5, kFarVectorProducts = 27.4,
                        kTurnedVectorProducts = 24;
/// Tasks, where no operand is split by them.
static constexpr int64_t kWantedTasks = 24;
static constexpr double kTaskFlops = 2e6;
/// The same where they do: large pieces are split less often.
static constexpr int64_t kWantedPieces = 64;
static constexpr double kPieceFlops = 512e6, kFlopsOfTwo = 16e6;
/// Cores that tasks of so many operations are wanted for, and what each halving of them counts.
static constexpr double kMostShares = 8, kShareFlops = 16e6, kIdleCost = 0.01;
/// Pieces that nothing hides the splitting of, of all workers.
static constexpr double kFirstPieces = 2;
/// The share of what splitting costs that is left between products, where the operand is near or
/// comes from beyond the L2 cache, and how much more of it with each slot of a step; once more
/// where A is transposed in few steps.
static constexpr double kNearShare = 0.05, kFarShare = 0.2, kSlotShare = 0.025;

/// The layout, for a piece of the iteration; false where it has no such.
bool SplitChooser::cut(const SplitProduct &layout, ArrayRef<SplitCut> rows,
                       ArrayRef<SplitCut> columns, ArrayRef<SplitCut> reductions) {
  current = layout;
  current.piece = d;
  current.rowCuts.assign(rows.begin(), rows.end());
  current.columnCuts.assign(columns.begin(), columns.end());
  current.reductionCuts.assign(reductions.begin(), reductions.end());
  for (ArrayRef<SplitCut> cuts : {rows, columns, reductions})
    for (const SplitCut &cut : cuts) {
      current.piece.dims[cut.dim].extent = cut.size;
      // Whole tiles.
      if ((cut.dim == layout.run.dims.back() && cut.size % kTileK != 0) ||
          (cut.dim == columnDim && cut.size % current.blockColumns() != 0))
        return false;
      // Past the last index of other columns there is no B.
      if (d.dims[cut.dim].role == DimRole::N && cut.dim != columnDim && cut.size != 1)
        return false;
    }
  if (!layOut(layout.order, isBestPadded))
    return false;
  auto axisOf = [&](const SplitAxis &axis) -> std::optional<SplitAxis> {
    for (SplitAxis &own : axes(d.dims[axis.dims.back()].role, axis.dims.back()))
      if (own.dims == axis.dims)
        return std::move(own);
    return std::nullopt;
  };
  std::optional<SplitAxis> rowAxis = axisOf(layout.rows), run = axisOf(layout.run);
  return rowAxis && run && setAxes(*rowAxis, *run);
}

int64_t SplitChooser::wantedPieces() const {
  if (d.flops() < kFlopsOfTwo)
    return 1;
  return std::clamp<int64_t>(static_cast<int64_t>(d.flops() / kPieceFlops), 2, kWantedPieces);
}

/// Whether each worker splits an operand by itself, as fetching what another one has split takes
/// longer: one that all tasks read, and the L2 cache holds.
bool SplitChooser::isByEachWorker(OperandIndex operand) const {
  bool isWhole = operand == kA ? current.itemsOfTask >= current.items()
                               : current.columnsOfTask >= current.columnBlocks();
  return current.tasks() > 1 && isWhole && !isVariable(operand) &&
         !current.isSplitByTask(operand) && bytesOf(operand) <= machine.l2Bytes / 2;
}

/// Whether an operand's parts are kept from run to run: a variable's, where nothing else is in
/// the workspace.
bool SplitChooser::isKept(OperandIndex operand) const {
  OperandIndex other = operand == kA ? kB : kA;
  return isVariable(operand) && !current.isSplitByTask(operand) && current.parts == 1 &&
         (current.isSplitByTask(other) || isVariable(other) || isByEachWorker(other));
}

bool SplitChooser::isVariable(OperandIndex operand) const {
  auto argument = dyn_cast<BlockArgument>(d.operands[operand].value);
  return argument && llvm::is_contained(options.variables, argument.getArgNumber());
}

bool SplitChooser::isImageLarge() const {
  return static_cast<double>(current.imageBytes() * current.memories(kA)) >
         static_cast<double>(machine.l2Bytes) * kLargeImageShare;
}

/// The share of what it costs to split an operand between products that these do not hide.
double SplitChooser::shareLeft(OperandIndex operand) const {
  double share = isFarInPieces(operand) ? kFarShare : kNearShare;
  // Products of so few steps hide little of what it takes to read a unit and to turn it.
  constexpr int64_t kFewSteps = 2;
  int64_t steps = current.stepsOfUnit(operand);
  bool areFew = steps <= kFewSteps;
  if (operand == kA && current.transposes && areFew)
    share += kSlotShare * static_cast<double>(kTileRows) / static_cast<double>(steps);
  // Of B, what lies in narrow pieces or long runs costs no more from afar, but for where a run
  // begins.
  constexpr int64_t kNarrowPiece = 64, kRunBegin = 32;
  bool isForeseen = packsRows() ? current.piece.dims[columnDim].extent <= kNarrowPiece : !areFew;
  if (operand == kB && isForeseen)
    share = std::min(share, kNearShare + static_cast<double>(kRunBegin) /
                                             static_cast<double>(current.run.length));
  return share;
}

/// Of the whole iteration, with the current cuts and tasks.
double SplitChooser::taskCycles() const {
  auto rows = static_cast<double>(piecesOf(current.rowCuts)),
       columns = static_cast<double>(piecesOf(current.columnCuts)),
       chunks = static_cast<double>(current.chunks()), parts = static_cast<double>(current.parts);
  double groups = std::ceil(columns / static_cast<double>(current.columnPiecesOfTask));
  auto tiles = static_cast<double>(current.rowTiles * current.columnTiles);
  auto blocks = static_cast<double>(current.items() * current.columnBlocks());
  double block = blockCycles() * shareOfTaps * static_cast<double>(current.panelBlocks());
  if (current.accumulates())
    block +=
        tiles * (kTileSumCycles + (current.panelBlocks() <= kShortBlocks ? kShortSumCycles : 0));
  double cycles = rows * columns * blocks * (chunks * block + parts * tiles * tileEndCycles());
  // Of the pieces that tasks split, the first one of each worker is not split under products.
  auto tasks = static_cast<double>(current.tasks()), firsts = std::min(tasks, kFirstPieces);
  double hidden = 0, left = 0, slots = 0;
  for (OperandIndex operand : {kA, kB}) {
    bool isByTask = current.isSplitByTask(operand);
    if (isKept(operand))
      continue;
    double own = stagingCycles(operand, staysNear(operand));
    double passes = operand == kB ? columns : current.imageStays() ? 1 : groups;
    double pieces = isByTask ? rows * chunks * passes : 1;
    cycles += own * pieces;
    if (operand == kA && isByTask && isImageLarge())
      cycles += static_cast<double>(current.units(kA) * kTileElements) * kLargeImageCycles * pieces;
    if (int64_t steps = current.stepsOfUnit(operand)) {
      double later = own * std::max(pieces - firsts, 0.0);
      hidden += later;
      left += later * shareLeft(operand);
      slots += static_cast<double>(kTileRows) / static_cast<double>(steps);
    }
  }
  cycles -= std::max(0.0, hidden * (1 - kSlotShare * slots) - left);
  // Uncut, each group of rows passes all panels, and its own blocks leave little room for them;
  // all rows pass a panel that is near then.
  double groupsOfRows =
      std::ceil(static_cast<double>(current.items()) / static_cast<double>(current.itemsOfTask));
  double passes = current.isCut() ? rows : groupsOfRows > 1 ? 2 * groupsOfRows : 1;
  if (!staysNear(kB))
    cycles += passes * static_cast<double>(current.panelBytes()) * farShare() * kFarPanelCycles;
  if (!staysNear(kA))
    cycles += (current.isCut() ? columns : 1) * static_cast<double>(current.imageBytes()) *
              farShare() * kFarImageCycles;
  auto results = static_cast<double>(d.extentOf(DimRole::M) * d.extentOf(DimRole::N) *
                                     d.extentOf(DimRole::Batch));
  if (current.parts > 1)
    cycles += kPartCycles * parts * results;
  if (isFarSource(kC))
    cycles +=
        results * pieceCycles(kC, current.piece.dims[rowDim >= 0 ? rowDim : columnDim].extent);
  if (!current.deinterleaved.empty())
    cycles *= kDeinterleaved;
  // Of an odd number of tasks, two workers do not have the same share, nor of residues, which
  // have different numbers of taps.
  bool dividesResidues =
      current.leavesTapsOut &&
      llvm::any_of(current.columnCuts, [&](const SplitCut &cut) { return cut.dim != columnDim; });
  bool areEven = current.tasks() % 2 == 0 && !dividesResidues;
  return areEven ? cycles : cycles * (1 + 0.5 / tasks);
}

/// Cycles, and a little for each time that twice as many cores could share them: how many there
/// are is not asked, as the bits of the result depend on the cuts.
double SplitChooser::costOf(const SplitProduct &product) const {
  double shares = std::min(kMostShares, d.flops() / kShareFlops);
  double tasks = std::min(static_cast<double>(product.tasks()), shares);
  return product.cycles * (1 + kIdleCost * std::log2(shares / tasks));
}

/// The larger operand of a piece is passed once; where the result goes to memory, its rows are
/// written along, if the other operand can be read again for each block: measured, 1.9 times as
/// fast for rows of 4 KiB.
bool SplitChooser::passesColumnsInside() const {
  bool areColumnsAlong = rowDim < 0;
  OperandIndex again = areColumnsAlong ? kB : kA;
  if (isFarSource(kC) && (current.isSplitByTask(again) || bytesOf(again) <= machine.l2Bytes / 2))
    return areColumnsAlong;
  return current.imageBytes() >= current.panelBytes();
}

/// Tries how many pieces of rows and columns a task has, and how many parts K, with the current
/// cuts.
void SplitChooser::tryTasks() {
  int64_t rows = piecesOf(current.rowCuts), columns = piecesOf(current.columnCuts),
          chunks = current.chunks();
  for (int64_t columnsOfTask : {columns, columns / 2 + columns % 2, int64_t{1}})
    for (int64_t chunksOfPart :
         {chunks, (chunks + 1) / 2, (chunks + 3) / 4, (chunks + 7) / 8, int64_t{1}}) {
      current.columnPiecesOfTask = columnsOfTask;
      current.parts = llvm::divideCeil(chunks, chunksOfPart);
      if (current.parts > 1 && !coversResult)
        continue;
      current.chunksOfPart = llvm::divideCeil(chunks, current.parts);
      current.itemsOfTask = current.items();
      current.columnsOfTask = current.columnBlocks();
      current.rowPiecesOfTask = 1;
      current.columnsInside = passesColumnsInside();
      // As many rows as leave tasks enough.
      int64_t most = std::max<int64_t>(current.tasks() / wantedPieces(), 1);
      for (int64_t rowsOfTask : {int64_t{1}, std::min(most, rows)}) {
        current.rowPiecesOfTask = rowsOfTask;
        if (current.tasks() < wantedPieces())
          continue;
        // Where there is no room for two, one piece for each task.
        current.acrossTasks = true;
        if (!fitsCache()) {
          current.acrossTasks = false;
          if (!fitsCache())
            continue;
        }
        current.cycles = taskCycles();
        if (!best || costOf(current) < costOf(*best))
          best = current;
      }
    }
}

/// Whether what a task works with fits the L2 cache.
bool SplitChooser::fitsCache() const {
  auto room = static_cast<double>(machine.l2Bytes) * kCacheShare;
  int64_t bytes = current.sumElements() * 4;
  for (OperandIndex operand : {kA, kB})
    if (current.isSplitByTask(operand) || static_cast<double>(bytesOf(operand)) < room / 2)
      bytes += bytesOf(operand) * current.memories(operand);
  return static_cast<double>(bytes) <= room;
}

/// Blocks of rows, and of columns, that make up a task where none splits operands. Rows that pass
/// all columns stay in the L2 cache, unless the panels do; columns make the tasks many enough.
void SplitChooser::chooseTasks(SplitProduct &product) const {
  int64_t items = product.items(), columns = product.columnBlocks();
  int64_t tileBytes = product.panelBlocks() * kTileElements * 2 * kSplitParts;
  int64_t fitting = machine.l2Bytes / 2 / std::max<int64_t>(tileBytes, 1);
  product.columnsInside = columns * product.columnTiles <= fitting;
  auto most = static_cast<int64_t>(d.flops() / kTaskFlops);
  int64_t wanted = std::clamp<int64_t>(most, 1, kWantedTasks);
  int64_t group = product.columnsInside ? llvm::divideCeil(items, wanted)
                                        : std::max<int64_t>(fitting / product.rowTiles, 1);
  product.itemsOfTask = std::min(group, items);
  int64_t groups = llvm::divideCeil(items, product.itemsOfTask);
  int64_t pieces = std::clamp<int64_t>(wanted / groups, 1, columns);
  product.columnsOfTask = llvm::divideCeil(columns, pieces);
}

/// What multiply-adds would reach.
double SplitChooser::vectorProducts() const {
  // Vectors lie along rows of the result, and so of an operand: not if those are K's.
  OperandIndex columns = rowDim >= 0 ? kA : kB;
  ArrayRef<int64_t> shape = d.operands[columns].shape;
  bool areTurned = llvm::any_of(d.dims, [&](const ContractionDim &dim) {
    const AddressTerm &term = dim.terms[columns];
    return dim.role == DimRole::K && term.dim + 1 == static_cast<int>(shape.size()) &&
           term.coefficient == 1 && dim.extent > 1;
  });
  if (areTurned && ShapedType::getNumElements(shape) * 4 >= 2 * machine.l2Bytes)
    return kTurnedVectorProducts;
  return isFarSource(kA) || isFarSource(kB) ? kFarVectorProducts : kVectorProducts;
}

std::optional<SplitProduct> SplitChooser::choose() {
  if (!isEligible())
    return std::nullopt;
  current.piece = d;
  current.leavesTapsOut = d.isPadded(kB);
  shareOfTaps = d.shareOfTaps(/*ofMost=*/false);
  tryOrders();
  tryDeinterleaved();
  if (!best)
    return std::nullopt;
  // The same image uncut, with what distance costs, or in pieces.
  chooseTasks(*best);
  current = *best;
  best->cycles = taskCycles();
  SplitProduct layout = *best;
  SplitCutChoices choices = choicesOfCuts(d);
  for (ArrayRef<SplitCut> rows : choices.rows)
    for (ArrayRef<SplitCut> columns : choices.columns)
      for (ArrayRef<SplitCut> reductions : choices.reductions)
        if (rows.size() + columns.size() + reductions.size() > 0 &&
            cut(layout, rows, columns, reductions))
          tryTasks();
  current = *best;
  for (OperandIndex operand : {kA, kB})
    if (isByEachWorker(operand))
      best->byEachWorker = operand;
  double vectorCycles = d.flops() / 2 / vectorProducts();
  if (wanted == SplitProducts::WhereFaster && best->cycles > vectorCycles)
    return std::nullopt;
  return best;
}

std::optional<SplitProduct> chooseSplitProduct(const ContractionDescriptor &descriptor,
                                               const CodeGenOptions &options) {
  return SplitChooser(descriptor, options).choose();
}

} // namespace dl
