//===- ContractionSchedule.cpp - Splits K, orders loops, makes tasks ------===//

#include "ContractionChooser.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace dl {

/// Tasks that a kernel should have where its work allows: enough for many cores
/// to share evenly.
static constexpr int64_t kWantedTasks = 24;
/// Work below which a task is not worth its start (a worker takes ranges of
/// tasks, so that is little).
static constexpr double kTaskFlops = 5e3;

/// Parts that fill all cores where tiles of the result are too few.
int64_t StrategyChooser::partsForTasks(int64_t tiles) const {
  if (tiles * 2 > kWantedTasks)
    return 1;
  return std::min<int64_t>(llvm::divideCeil(kWantedTasks, tiles),
                           static_cast<int64_t>(d.flops() / kPartFlops));
}

/// Whether an index of rows is a tap of a gradient of weights: a longer one of K moves along the
/// same dimension of A.
static bool isTapOfWeights(const ContractionDescriptor &d, const ContractionDim &dim) {
  const AddressTerm &tap = dim.terms[kA];
  return dim.role == DimRole::M && tap.occurs() &&
         llvm::any_of(d.dims, [&](const ContractionDim &other) {
           return other.role == DimRole::K && other.terms[kA].dim == tap.dim &&
                  other.extent > dim.extent;
         });
}

/// Whether taps, a tile each, read the pixels of A in turn.
bool StrategyChooser::tapsReadAgain() const {
  return llvm::any_of(s.dims, [&](const PlanDim &dim) {
    return dim.tiles() > 1 &&
           llvm::any_of(dim.parts, [&](int part) { return isTapOfWeights(d, d.dims[part]); });
  });
}

/// Parts whose A and panel of B stay in the L2 cache while tiles re-read them; 1 where
/// the partial sums would cost more than that saves, all of B stays while rows pass, or a panel
/// of it does while rows stream past that lie along K.
int64_t StrategyChooser::partsForCache() const {
  if (s.vectorA) {
    // A line of memory holds columns of several tiles, which follow one another.
    int64_t bytes = bytesOf(kA) + bytesOf(kB);
    int64_t parts = llvm::divideCeil(bytes, machine.l2Bytes / 2);
    return std::max<int64_t>(std::min(parts, bytes / std::max<int64_t>(8 * bytesOf(kC), 1)), 1);
  }
  int64_t k = extentOf(DimRole::K), bytes = k * s.columns() * elementBytes;
  // What taps read in turn comes in pieces of lines, beside others.
  bool readAgain = tapsReadAgain();
  int64_t room = readAgain ? machine.l2Bytes / 4 : machine.l2Bytes / 4 * 3;
  int64_t staying = s.isSwapped ? bytesOf(kB) : std::min(bytes, bytesOf(kB));
  if (!hasShortRows() && staying + s.rows() * k * elementBytes <= room)
    return 1;
  // A panel of A is one tile's.
  const StagedOperand &a = s.operands[kA];
  if ((s.vectorDim >= 0 && s.dims[s.vectorDim].tiles() > 1) || readAgain)
    bytes += a.staging == Staging::Panels ? a.panel * elementBytes : bytesOf(kA);
  int64_t parts = std::min<int64_t>(llvm::divideCeil(bytes, room), k / 512);
  bool isCheap = bytesOf(kC) * parts <= (bytesOf(kA) + bytesOf(kB)) / 2;
  return isCheap ? std::max<int64_t>(parts, 1) : 1;
}

/// Rows of B that hardware follows; more where each tile fetches those of the next, and where each
/// few have a result of their own.
int64_t StrategyChooser::rowsOfStream() const {
  int64_t rows = extentOf(DimRole::M) >= kFetchRows ? 32 : 16;
  return keepsSumsOfStreams(extentOf(DimRole::K) / rows) ? rows : 64;
}

/// Whether tasks take several of so many short parts of K, and the sums wait in one partial result;
/// tiles must lie in that as they are.
bool StrategyChooser::keepsSumsOfStreams(int64_t streams) const {
  auto isReduction = [](const PlanDim &dim) { return dim.role == DimRole::K; };
  return streams > 2 * kStreamParts && !s.isSwapped && llvm::count_if(s.dims, isReduction) == 1;
}

/// Parts of a few rows of B each, where B is read in place, from outer memory: a task goes
/// along these rows, which are fetched ahead and which all rows of A meet while they are
/// near, not down a strip of columns of all. 1 where the partial sums would cost too much.
int64_t StrategyChooser::partsForStreams() const {
  constexpr int64_t kMostRowsOfA = 32;
  bool isStream = s.operands[kB].staging == Staging::None && s.vectorDim >= 0 && !s.vectorA &&
                  bytesOf(kB) > machine.l2Bytes / 4 * 3;
  bool areSumsFew = bytesOf(kC) * extentOf(DimRole::K) <= bytesOf(kB) * kMostRowsOfA;
  return isStream && areSumsFew ? extentOf(DimRole::K) / rowsOfStream() : 1;
}

/// Parts are what lies together in memory: indices of the outermost dimension, and
/// where those are too few, pieces of the next.
void StrategyChooser::splitOutermost(int64_t wanted) {
  SmallVector<int> whole;
  for (int loop : s.reductionLoops) {
    int64_t extent = s.dims[loop].extent;
    // Channels of a group are unrolled.
    if (wanted < 2 || (s.channelPart >= 0 && s.dims[loop].parts.back() == s.channelPart))
      break;
    bool isClipped = llvm::any_of(
        s.clips, [&](const Clip &clip) { return llvm::is_contained(s.dims[loop].parts, clip.k); });
    if (extent <= wanted && !isClipped && loop != s.reductionLoops.back()) {
      whole.push_back(loop);
      s.parts *= extent;
      wanted = llvm::divideCeil(wanted, extent);
      continue;
    }
    s.splitDim = loop;
    s.chunk = llvm::divideCeil(extent, std::min(wanted, extent));
    break;
  }
  if (s.splitDim < 0 && !whole.empty()) {
    s.splitDim = whole.pop_back_val();
    s.parts /= s.dims[s.splitDim].extent;
    s.chunk = 1;
  }
  if (s.splitDim < 0)
    return;
  s.splitWhole = std::move(whole);
  s.parts *= llvm::divideCeil(s.dims[s.splitDim].extent, s.chunk);
  s.accumulation = Accumulation::Partials;
}

/// Splits K where that fills the cores or keeps operands in the cache. The parts
/// follow from the shape alone, so the sum is the same for any thread count.
void StrategyChooser::splitReduction() {
  for (auto [index, dim] : llvm::enumerate(s.dims))
    if (dim.role == DimRole::K && static_cast<int>(index) != s.dotDim)
      s.reductionLoops.push_back(index);
  if (s.isDot())
    s.reductionLoops.push_back(s.dotDim);
  if (s.sharedDim >= 0) {
    llvm::erase(s.reductionLoops, s.sharedDim);
    s.reductionLoops.push_back(s.sharedDim);
  }
  // Dot products are chosen where K is short or tiles are many: left whole.
  // The parts of one residue are not the whole result.
  if (s.accumulation == Accumulation::Scatter || s.reductionLoops.empty() || s.isDot() ||
      d.isResidue)
    return;
  int64_t tiles = 1;
  for (const PlanDim &dim : s.dims)
    if (dim.role != DimRole::K)
      tiles *= dim.tiles();
  if (tiles == 0 || extentOf(DimRole::K) < 256)
    return;
  int64_t streams = partsForStreams();
  int64_t wanted = std::max({partsForTasks(tiles), partsForCache(), streams});
  s.fetchesAhead = streams > 1 && s.rows() >= kFetchRows;
  // Measured, the tiles of such short parts take longer than estimated where several tiles of
  // rows meet B: not all of it is near any more.
  if (s.fetchesAhead && s.rows() < extentOf(DimRole::M))
    s.time *= 1.25;
  if (s.vectorA)
    return splitOutermost(wanted);
  int longest = *llvm::max_element(
      s.reductionLoops, [&](int a, int b) { return s.dims[a].extent < s.dims[b].extent; });
  int64_t extent = s.dims[longest].extent;
  if (wanted < 2)
    return;
  int64_t chunk = llvm::divideCeil(extent, wanted);
  if (longest == s.reductionLoops.back())
    chunk = llvm::alignTo(chunk, 8);
  if (chunk >= extent)
    return;
  s.accumulation = Accumulation::Partials;
  s.splitDim = longest;
  s.chunk = chunk;
  if (keepsSumsOfStreams(streams)) {
    PlanDim &dim = s.dims[longest];
    dim.tile = chunk;
    for (int operand : {kA, kB})
      dim.tileStrides[operand] = dim.strides[operand] * chunk;
    s.chunk = llvm::alignTo(llvm::divideCeil(extent, kStreamParts), chunk);
  }
  s.parts = llvm::divideCeil(extent, s.chunk);
}

/// Relative cost of reading so many bytes again `times - 1` times, from the second-level
/// cache where they take at most this share of it.
static double rereadCost(double bytes, double times, double share, const Machine &machine) {
  double level = bytes <= static_cast<double>(machine.l1Bytes) / 2       ? 0
                 : bytes <= static_cast<double>(machine.l2Bytes) * share ? 1
                 : bytes <= static_cast<double>(machine.l3Bytes) / 2     ? 4
                                                                         : 8;
  return bytes * (times - 1) * level;
}

/// What of A and B is read again, and the price of writing a large C in narrow
/// columns, for the three places of the loop over columns.
StrategyChooser::OrderCosts StrategyChooser::orderCosts(double outerRows, double innerRows,
                                                        double columns) const {
  // In one turn of the loops outside all of these.
  auto turn = [&](OperandIndex operand) {
    double bytes = operand == kB ? bytesOfMostB() : static_cast<double>(bytesOf(operand));
    if (operand == kC)
      bytes /= static_cast<double>(d.residues());
    for (auto [index, dim] : llvm::enumerate(s.dims))
      if (dim.role == DimRole::Batch && static_cast<int>(index) != s.vectorDim &&
          dim.strides[operand] != 0)
        bytes /= static_cast<double>(dim.extent);
    return bytes;
  };
  double a = turn(kA), b = turn(kB), c = turn(kC);
  double rows = outerRows * innerRows;
  auto reread = [&](double bytes, double times, double share = 0.75) {
    return rereadCost(bytes, times, share, machine);
  };
  // Processors do not see short pieces of rows coming: all of them must stay near.
  double shareOfB = s.operands[kB].staging == Staging::None && !s.isDot() ? 0.66 : 0.75;
  auto narrow = [&](double bytes) {
    // Results of all turns leave the L2 cache, and are written far out if they are many.
    double all = bytes / c * static_cast<double>(bytesOf(kC));
    double level = all >= 2 * static_cast<double>(machine.l2Bytes) ? 14
                   : all > static_cast<double>(machine.l2Bytes)    ? 8
                   : bytes > static_cast<double>(machine.l1Bytes) / 2
                       ? (resultsShareSets() ? 3 : 0.25)
                       : 0;
    return columns > 1 ? level * bytes : 0;
  };
  return {reread(a, columns) + columns * reread(b / columns, rows) + narrow(c),
          reread(b, outerRows, shareOfB) +
              outerRows * (reread(a / outerRows, columns) +
                           columns * reread(b / columns, innerRows) + narrow(c / outerRows)),
          reread(b, rows, shareOfB) + rows * reread(a / rows, columns)};
}

/// Whether a tile's rows lie along this dimension alone, and the loops inside it go along
/// others: it stays outside those.
bool StrategyChooser::leadsRows(int loop) const {
  return s.sharedDim >= 0 && s.dims[loop].tile > 1 &&
         llvm::any_of(ArrayRef<PlanDim>(s.dims).drop_front(loop + 1), [](const PlanDim &dim) {
           return dim.role == DimRole::M && dim.tile < dim.extent;
         });
}

/// Batch dimensions, then rows outside the tile, columns, and rows of the tile;
/// columns go further out where re-reading A is cheaper than re-reading B.
void StrategyChooser::orderLoops() {
  SmallVector<int> outer, rows, taps, inner, residues;
  double outerRows = 1, innerRows = 1;
  for (auto [index, dim] : llvm::enumerate(s.dims)) {
    int loop = static_cast<int>(index);
    if (loop == s.vectorDim || dim.role == DimRole::K)
      continue;
    if (dim.role == DimRole::Tap)
      taps.push_back(loop);
    else if (isResidueDim(dim))
      residues.push_back(loop);
    else if (dim.role != DimRole::M)
      outer.push_back(loop);
    else if (dim.tile == 1 || !isInnerRow(dim) || leadsRows(loop)) {
      bool isInside = s.accumulation == Accumulation::Scatter && isInnerRow(dim);
      (isInside ? inner : rows).push_back(loop);
      outerRows *= static_cast<double>(dim.tiles());
    } else {
      inner.push_back(loop);
      innerRows *= static_cast<double>(dim.tiles());
    }
  }
  s.loops = outer;
  bool hasChunks = s.splitDim >= 0 && s.dims[s.splitDim].tile > 1;
  if (hasChunks)
    s.loops.push_back(s.splitDim);
  bool isScatter = s.accumulation == Accumulation::Scatter;
  double columns = s.vectorDim < 0 ? 1 : static_cast<double>(s.dims[s.vectorDim].tiles());
  OrderCosts cost = orderCosts(outerRows, innerRows, columns);
  SmallVector<int> column;
  if (s.vectorDim >= 0)
    column.push_back(s.vectorDim);
  auto append = [&](ArrayRef<int> loops) { s.loops.append(loops.begin(), loops.end()); };
  bool rowsLead = llvm::any_of(rows, [&](int loop) { return leadsRows(loop); });
  if (rowsLead)
    append(rows), append(column);
  else if (!isScatter && cost.columnsFirst < std::min(cost.rowsFirst, cost.columnsLast))
    append(column), append(rows), append(inner);
  else if (isScatter || cost.rowsFirst <= cost.columnsLast)
    append(rows), append(column), append(taps), append(inner);
  else
    append(rows), append(inner), append(column);
  // In each turn of the first loop, the residues come one after the other, so that what
  // they read is still near, and idle ones are spread among tasks.
  auto *first = llvm::find_if(s.loops, [&](int loop) { return s.dims[loop].tiles() > 1; });
  s.loops.insert(first == s.loops.end() ? first : first + 1, residues.begin(), residues.end());
  s.taskLoops = isScatter ? outer.size() + rows.size() + column.size() : 0;
  if (hasChunks)
    s.taskLoops = outer.size();
  else if (!isScatter)
    chooseTasks();
}

/// Lets each task copy the image that it reads, where there are enough images and
/// all copies together would leave the L2 cache: so the copy does not.
void StrategyChooser::copyInTasks() {
  StagedOperand &a = s.operands[kA];
  if (a.staging != Staging::Copy || d.isResidue || s.accumulation != Accumulation::Registers ||
      s.loops.empty())
    return;
  PlanDim &image = s.dims[s.loops[0]];
  const AddressTerm &term = d.dims[image.parts[0]].terms[kA];
  int64_t count = a.count / std::max<int64_t>(image.extent, 1);
  bool isOutermost = image.role == DimRole::M && image.parts.size() == 1 && image.tile == 1 &&
                     term.dim == 0 && term.coefficient == 1 && image.strides[kA] == count;
  if (!isOutermost || image.extent < kFewTasks || bytesOf(kA) <= machine.l2Bytes ||
      count * elementBytes > machine.l2Bytes / 4 * 3)
    return;
  s.copiesInTask = true;
  s.taskLoops = 1;
  a.count = count;
  a.strides[image.parts[0]] = image.strides[kA] = image.tileStrides[kA] = 0;
}

/// Fetches the next tiles' rows of A ahead where they stream past from outer memory, or from an
/// L2 cache that has much else to hold: a tile begins with all of its rows at once, and has
/// little time to wait for them where K is short, or cut in chunks.
void StrategyChooser::fetchRows() {
  static constexpr int64_t kAheadBytes = 4096;
  bool keepsSums = s.accumulation == Accumulation::Registers ||
                   (inBlocks && s.accumulation == Accumulation::Chunks);
  bool isPlain = keepsSums && s.reductionLoops.size() == 1 &&
                 s.operands[kA].staging != Staging::Panels && !s.copiesInTask && !s.isDot() &&
                 !s.vectorA && s.clips.empty();
  if (!isPlain || bytesOf(kA) <= machine.l2Bytes / kFetchedShare)
    return;
  const PlanDim &k = s.dims[s.reductionLoops.front()];
  int inner = -1;
  for (int loop : s.loops)
    if (s.dims[loop].role == DimRole::M)
      inner = loop;
  if (inner < 0 || s.dims[inner].tile != s.rows() || k.strides[kA] != 1)
    return;
  bool isChunked = s.isChunked(s.reductionLoops.front());
  int64_t bytes = s.rows() * (isChunked ? k.tile : k.extent) * elementBytes;
  if (bytes == 0 || bytes > machine.l1Bytes)
    return;
  int64_t tiles = isChunked ? 1 : llvm::divideCeil(kAheadBytes, bytes);
  s.rowsAhead = tiles * s.dims[inner].tileStrides[kA];
}

/// Fetches the columns of B that the next tile takes in dot products ahead, where they come
/// from outer memory and a few tiles of rows leave the time.
void StrategyChooser::fetchColumns() {
  if (!s.isDot() || s.vectorDim < 0 || s.operands[kB].staging != Staging::None)
    return;
  int64_t bytes = elementBytes, tiles = 1;
  for (int64_t extent : d.operands[kB].shape)
    bytes *= extent;
  bool isInside = false;
  for (int loop : s.loops) {
    isInside |= loop == s.vectorDim;
    if (s.dims[loop].role == DimRole::M)
      tiles *= isInside ? s.dims[loop].tiles() : 0;
  }
  s.fetchesAhead =
      isInside && tiles > 1 && bytes > machine.l2Bytes / 4 * 3 && s.dims[s.vectorDim].tiles() > 1;
}

/// Fetches the next panel of B ahead, so that the first tile of rows need not wait for outer
/// memory: where few tiles read each, and the L2 cache holds two panels beside A, or where rows
/// of A pass as well. A single tile fetches what it will read itself a little later.
void StrategyChooser::fetchPanels() {
  static constexpr int64_t kMostTiles = 16;
  const StagedOperand &b = s.operands[kB];
  bool isPlain = b.staging == Staging::Panels && b.level < 0 && !s.isDot() && s.groupPart < 0 &&
                 s.accumulation == Accumulation::Registers;
  auto near = static_cast<double>(machine.l2Bytes / 4 * 3);
  if (!isPlain || bytesOfMostB() <= near || s.dims[s.vectorDim].tiles() < 2)
    return;
  int64_t tiles = 1;
  bool areRows = true;
  for (int loop : llvm::reverse(s.loops)) {
    if (loop == s.vectorDim)
      break;
    // Each residue fetches its own.
    if (isResidueDim(s.dims[loop]))
      continue;
    areRows &= s.dims[loop].role == DimRole::M;
    tiles *= s.dims[loop].tiles();
  }
  int64_t panels = 2 * b.panel * elementBytes;
  bool hasFew = tiles <= kMostTiles && panels + bytesOf(kA) <= machine.l2Bytes / 4 * 3;
  bool isPlainSum = s.reductionLoops.size() == 1 && s.rows() >= kFetchRows;
  bool canPass = isPlainSum && (tiles == 1 || panels <= machine.l2Bytes / 2);
  s.fetchesPanels = areRows && ((tiles > 1 && hasFew) || canPass);
  // Measured, tiles wait less than estimated, but short ones, which have little time.
  constexpr int64_t kLongSums = 256;
  if (s.fetchesPanels && canPass && extentOf(DimRole::K) >= kLongSums)
    s.time *= 0.94;
}

/// As many of the outermost loops as it takes for enough tasks, none too small.
void StrategyChooser::chooseTasks() {
  // To store an element takes as long as so many operations: of a residue that no tap
  // meets that is all there is.
  constexpr double kStoreFlops = 32;
  double stored = kStoreFlops;
  for (const PlanDim &dim : s.dims)
    if (dim.role != DimRole::K)
      stored *= static_cast<double>(dim.extent);
  double flops = std::max(d.flops(), stored) / static_cast<double>(s.parts);
  int64_t tasks = s.parts;
  while (s.taskLoops < s.loops.size() && tasks < kWantedTasks * 2) {
    auto tiles = static_cast<double>(s.dims[s.loops[s.taskLoops]].tiles());
    if (tiles > 1 && flops / tiles < kTaskFlops)
      break;
    flops /= tiles;
    tasks *= static_cast<int64_t>(tiles);
    ++s.taskLoops;
  }
}

/// Measured, two cores that write halves of rows of 1 KiB (1x56x56x64 by 64x256) take 0.57 of
/// the time of one, and 0.5 where each writes whole rows.
void shareRows(const ContractionDescriptor &descriptor, const Machine &machine,
               ContractionStrategy &strategy) {
  // Parts that two and four cores share, none so short that a panel of B is brought for a few
  // tiles. A worker's columns of rows of so many bytes lie in a part of a cache's sets, where
  // these are a power of two, until they are pages.
  constexpr int64_t kParts = 4, kLeastTiles = 8, kPages = 2 * 4096;
  const ContractionStrategy &s = strategy;
  bool isPlain = s.accumulation == Accumulation::Registers && s.vectorDim >= 0 && s.parts == 1 &&
                 s.rowParts == 1 && !s.isSwapped && !s.fetchesPanels && !s.copiesInTask;
  if (!isPlain || s.dims[s.vectorDim].tiles() < 2)
    return;
  int64_t rows = 1, inside = 1;
  bool isAfterColumns = false;
  for (auto [level, loop] : llvm::enumerate(s.loops)) {
    int64_t tiles = s.dims[loop].tiles();
    if (loop == s.vectorDim)
      isAfterColumns = level < s.taskLoops;
    else if (tiles > 1 && (!isAfterColumns || s.dims[loop].role != DimRole::M))
      return;
    else
      (level < s.taskLoops ? rows : inside) *= tiles;
  }
  int64_t elementBytes = descriptor.element.getIntOrFloatBitWidth() / 8, bytesB = elementBytes;
  for (int64_t extent : descriptor.operands[kB].shape)
    bytesB *= extent;
  int64_t share = llvm::divideCeil(rows, kParts);
  int64_t rowBytes = s.dims[s.vectorDim].extent * elementBytes;
  if (rows > 1 && share * inside >= kLeastTiles && bytesB <= machine.l2Bytes &&
      llvm::isPowerOf2_64(rowBytes) && rowBytes < kPages)
    strategy.rowsAtOnce = share;
}

/// Whether workers, which take tasks from the first on, meet all of an operand.
static bool isReadByAll(const ContractionDescriptor &d, const ContractionStrategy &s,
                        OperandIndex operand) {
  if (s.parts > 1 || (operand == kA && s.rowParts > 1))
    return false;
  for (int loop : ArrayRef<int>(s.loops).take_front(s.taskLoops))
    if (s.dims[loop].tiles() > 1 && (s.rowsAtOnce == 0 || loop != s.vectorDim))
      return llvm::none_of(s.dims[loop].parts,
                           [&](int part) { return d.dims[part].terms[operand].occurs(); });
  return s.rowParts > 1;
}

void stageByWorkers(const ContractionDescriptor &descriptor, const ContractionRequest &request,
                    const Machine &machine, ContractionStrategy &strategy) {
  int64_t elementBytes = descriptor.element.getIntOrFloatBitWidth() / 8;
  for (OperandIndex operand : {kA, kB}) {
    StagedOperand &staged = strategy.operands[operand];
    bool hasPhase = staged.staging != Staging::None && staged.level < 0 &&
                    !request.isVariable[operand] && !(operand == kA && strategy.copiesInTask);
    staged.byEachWorker = hasPhase && staged.count * elementBytes <= machine.l2Bytes / 2 &&
                          isReadByAll(descriptor, strategy, operand);
  }
}

} // namespace dl
