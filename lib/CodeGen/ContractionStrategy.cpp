//===- ContractionStrategy.cpp - Chooses how a contraction is computed ----===//
//
// The vector's dimension, what is staged, the dimensions that loops see, and the
// register tile. The split of K and the loops are in ContractionSchedule.cpp.
//
//===----------------------------------------------------------------------===//

#include "ContractionChooser.h"
#include "ContractionTile.h"

#include "fmt/format.h"
#include "fmt/ranges.h"

using namespace mlir;

namespace dl {

int64_t ContractionStrategy::rows() const {
  int64_t rows = 1;
  for (const PlanDim &dim : dims)
    if (dim.role == DimRole::M)
      rows *= dim.tile;
  return rows;
}

int64_t ContractionStrategy::tasks() const {
  int64_t tasks = parts * rowParts;
  for (int loop : ArrayRef<int>(loops).take_front(taskLoops))
    tasks *= dims[loop].tiles();
  return tasks;
}

int ContractionStrategy::dimOf(int part) const {
  for (auto [index, dim] : llvm::enumerate(dims))
    if (llvm::is_contained(dim.parts, part))
      return static_cast<int>(index);
  return -1;
}

std::string ContractionStrategy::describe(const ContractionDescriptor &descriptor) const {
  static constexpr const char *kStaging[] = {"in place", "copied", "packed"};
  auto nameOf = [&](int index) {
    SmallVector<std::string> names;
    for (int part : dims[index].parts)
      names.push_back(descriptor.dims[part].name);
    return fmt::format("{}", fmt::join(names, "."));
  };
  auto namesOf = [&](ArrayRef<int> indices) {
    SmallVector<std::string> names = llvm::map_to_vector(indices, nameOf);
    return fmt::format("{}", fmt::join(names, " "));
  };
  std::string text =
      fmt::format("tile {}x{} of {} lanes{}; a {}, b {}; loops {}; sums over {}; {} tasks", rows(),
                  vectors, lanes,
                  isDot()          ? " (dot products)"
                  : groupPart >= 0 ? " (across groups)"
                  : vectorA        ? " (a along the vector)"
                                   : "",
                  !clips.empty() ? "clipped" : kStaging[static_cast<int>(operands[kA].staging)],
                  kStaging[static_cast<int>(operands[kB].staging)], namesOf(loops),
                  namesOf(reductionLoops), tasks());
  if (isSwapped)
    text += "; operands swapped";
  if (operands[kA].level >= 0)
    text += "; a packed with the first columns";
  if (operands[kB].level >= 0)
    text += fmt::format("; b packed {}",
                        operands[kB].withFirstRows ? "with the first rows" : "in tasks");
  for (OperandIndex operand : {kA, kB})
    if (operands[operand].byEachWorker)
      text += fmt::format("; {} by each worker", operand == kA ? "a" : "b");
  for (int loop : loops)
    if (isChunked(loop))
      text += fmt::format("; {} in chunks of {}", nameOf(loop), dims[loop].tile);
  if (llvm::any_of(operands[kA].ranges, [](IndexRange range) { return range.step > 1; }))
    text += "; without what strides pass over";
  if (copiesInTask)
    text += "; each copies its part of a";
  SmallVector<int> split = splitWhole;
  split.push_back(splitDim);
  if (accumulation == Accumulation::Partials)
    text += fmt::format("; {} split in {}", namesOf(split), parts);
  if (rowParts > 1)
    text += fmt::format("; {} in {} parts", nameOf(rowDim), rowParts);
  if (rowsAtOnce > 0)
    text += fmt::format("; {} rows of tasks at a time", rowsAtOnce);
  if (fetchesPiecesAhead)
    text += "; pieces of a fetched ahead";
  if (fetchesPanels)
    text += "; panels of b fetched ahead";
  if (fetchesAhead)
    text += "; columns of b fetched ahead";
  if (sharedSteps > 0)
    text += fmt::format("; {} steps share a", sharedSteps);
  if (rowsAhead > 0)
    text += "; rows of a fetched ahead";
  if (prefetchLevel >= 0 && dims[vectorDim].source[kB] != 1)
    text += "; columns of panels fetched ahead";
  if (fetchesResults)
    text += "; results fetched ahead";
  if (storesPast)
    text += "; results stored past the caches";
  if (accumulation == Accumulation::Scatter)
    text += "; taps add to a scratch image";
  return text;
}

/// Strides in the tensor as it is.
SmallVector<int64_t> StrategyChooser::naturalStrides(OperandIndex operand) const {
  SmallVector<int64_t> tensor = d.operands[operand].strides();
  return llvm::map_to_vector(d.dims, [&](const ContractionDim &dim) {
    const AddressTerm &term = dim.terms[operand];
    return term.occurs() ? term.coefficient * tensor[term.dim] : 0;
  });
}

/// Whether a dimension moves along the last one of C: what is computed from results
/// is computed along that. Others may have a stride of 1 too, beside a single element.
static bool isLastOfC(const ContractionDescriptor &d, const ContractionDim &dim) {
  return dim.terms[kC].dim + 1 == static_cast<int>(d.operands[kC].shape.size());
}

void StrategyChooser::chooseVectorDim() {
  SmallVector<int64_t> strides[] = {naturalStrides(kA), naturalStrides(kB), naturalStrides(kC)};
  for (auto [index, dim] : llvm::enumerate(d.dims))
    if (dim.role == DimRole::N && isLastOfC(d, dim) && strides[kC][index] == 1)
      vectorPart = index;
  if (vectorPart >= 0)
    return;
  for (auto [index, dim] : llvm::enumerate(d.dims))
    if (dim.role == DimRole::Batch && isLastOfC(d, dim) &&
        llvm::all_of(strides, [&](auto &operand) { return operand[index] == 1; })) {
      vectorPart = index;
      s.vectorA = true;
    }
}

/// Operands swapped: vectors lie along a dimension that the second has contiguous, or
/// can be given by a transposition; the tile's rows along the last dimension of C,
/// unless the vectors do.
bool StrategyChooser::chooseRowVectorDim() {
  SmallVector<int64_t> b = naturalStrides(kB), c = naturalStrides(kC);
  bool isContiguousK = false; // the innermost one
  for (auto [index, dim] : llvm::enumerate(d.dims)) {
    if (dim.role == DimRole::K)
      isContiguousK = b[index] == 1;
    if (dim.role == DimRole::N && (vectorPart < 0 || b[vectorPart] != 1))
      vectorPart = index;
    if (dim.role == DimRole::M && isLastOfC(d, dim) && c[index] == 1 && dim.extent > 1)
      s.resultPart = index;
  }
  if (vectorPart < 0 || (b[vectorPart] != 1 && !isContiguousK))
    return false;
  // With zeros around it, rows of B are copied as they lie.
  const AddressTerm &column = d.dims[vectorPart].terms[kB];
  bool isRow = column.dim + 1 == static_cast<int>(d.operands[kB].shape.size());
  if (d.isPadded(kB) && (b[vectorPart] != 1 || !isRow))
    return false;
  return s.resultPart >= 0 || c[vectorPart] == 1;
}

/// Columns that B may have to be laid out column by column for dot products: what one
/// vector of C holds, or a little more.
static int64_t mostPackedColumns(int64_t lanes) { return 3 * lanes; }

/// A dimension of K along which A is contiguous, and B is or can be laid out to be,
/// with sums that one vector holds: columns are contiguous in C, or there is only one.
bool StrategyChooser::chooseDotDim() {
  if (s.vectorA || s.lanes == 1)
    return false;
  SmallVector<int64_t> a = naturalStrides(kA), b = naturalStrides(kB);
  for (auto [index, dim] : llvm::enumerate(d.dims)) {
    if (dim.role == DimRole::N && static_cast<int>(index) != vectorPart && !d.isResidue)
      return false;
    bool canPack = vectorPart >= 0 && b[vectorPart] == 1 &&
                   d.dims[vectorPart].extent <= mostPackedColumns(s.lanes);
    // A copy with zeros around the image keeps rows as they are, and no other dimension.
    bool isRow = dim.terms[kA].dim + 1 == static_cast<int>(d.operands[kA].shape.size());
    if (dim.role == DimRole::K && a[index] == 1 && (isRow || !d.isPadded(kA)) &&
        (b[index] == 1 || canPack) && dim.extent >= s.lanes)
      s.dotPart = index;
  }
  return s.isDot();
}

/// Dimensions of C that are not covered by one product for each index: taps
/// overlap, strides leave holes, padding is cut off.
void StrategyChooser::findSweep() {
  if (d.isResidue)
    return;
  for (auto [dim, extent] : llvm::enumerate(d.operands[kC].shape)) {
    int64_t points = 1;
    bool isTapped = false;
    for (const ContractionDim &iteration : d.dims) {
      if (iteration.terms[kC].dim != static_cast<int>(dim))
        continue;
      points *= iteration.extent;
      isTapped |= iteration.role == DimRole::Tap;
    }
    IndexRange range = d.range(kC, dim);
    bool isCovered = points == extent && range.low == 0 && range.high == extent - 1;
    if (!isTapped && (isCovered || extent == 0))
      continue;
    s.sweepDims.push_back(dim);
    s.sweepRanges.push_back({std::min<int64_t>(range.low, 0), std::max(range.high, extent - 1)});
  }
  if (!s.sweepDims.empty())
    s.accumulation = Accumulation::Scatter;
}

//===----------------------------------------------------------------------===//
// Dimensions and tile
//===----------------------------------------------------------------------===//

bool StrategyChooser::canMerge(const PlanDim &outer, const PlanDim &inner) const {
  if (outer.role != inner.role || outer.role == DimRole::Tap)
    return false;
  if (llvm::is_contained(outer.parts, vectorPart) || llvm::is_contained(inner.parts, vectorPart))
    return false;
  if (s.resultPart >= 0 &&
      (outer.parts.back() == s.resultPart || inner.parts.back() == s.resultPart))
    return false;
  // Panels lie along one dimension of rows.
  if (packsPadded && inner.role == DimRole::M)
    return false;
  if (isClipped(outer.parts) || isClipped(inner.parts))
    return false;
  for (auto [outerStride, innerStride] : llvm::zip(outer.strides, inner.strides))
    if (outerStride != innerStride * inner.extent)
      return false;
  // Loops inside and outside a scratch image do not mix.
  return isInnerRow(outer) == isInnerRow(inner);
}

void StrategyChooser::buildDims() {
  layOutResult();
  for (auto [index, dim] : llvm::enumerate(d.dims)) {
    if (static_cast<int>(index) == s.groupPart)
      continue;
    PlanDim next{dim.role, dim.extent, {0, 0, 0}, {static_cast<int>(index)}};
    for (int operand : {kA, kB, kC})
      next.strides[operand] = s.operands[operand].strides[index];
    if (s.groupPart >= 0 && static_cast<int>(index) == vectorPart) {
      next.extent *= d.dims[s.groupPart].extent;
      next.parts.insert(next.parts.begin(), s.groupPart);
    }
    if (s.dims.empty() || !canMerge(s.dims.back(), next)) {
      s.dims.push_back(next);
      continue;
    }
    next.extent *= s.dims.back().extent;
    next.parts.insert(next.parts.begin(), s.dims.back().parts.begin(), s.dims.back().parts.end());
    s.dims.back() = next;
  }
  for (auto [index, dim] : llvm::enumerate(s.dims))
    if (llvm::is_contained(dim.parts, vectorPart))
      s.vectorDim = index;
  for (auto [index, dim] : llvm::enumerate(s.dims))
    if (s.isDot() && dim.parts.back() == s.dotPart)
      s.dotDim = index;
}

void StrategyChooser::chooseTile() {
  TileProblem problem;
  problem.wantedVectors = request.vectors > 0 ? request.vectors : wantedVectors;
  problem.lanes = s.lanes;
  problem.registers = machine.vectorRegisters;
  problem.hasFMA = machine.hasFMA;
  problem.vectorA = s.vectorA;
  problem.columns = s.vectorDim < 0 ? 1 : s.dims[s.vectorDim].extent;
  problem.reduction = reductionOfMost();
  for (const PlanDim &dim : s.dims)
    if (dim.role == DimRole::K)
      problem.innermostReduction = dim.extent;
  problem.vectorLanes = s.lanes;
  if (s.isDot()) {
    int64_t along = s.dims[s.dotDim].extent;
    problem.isDot = true;
    problem.lanes = 1;
    problem.reduction = problem.reduction / along * llvm::divideCeil(along, s.lanes);
  }
  // Clipped, loops over K are not merged.
  if (!s.clips.empty() && !s.vectorA)
    for (const PlanDim &dim : s.dims)
      if (dim.role == DimRole::K && dim.extent > 0)
        problem.entries = problem.reduction / dim.extent / 2;
  problem.bytesA = static_cast<double>(bytesOf(kA));
  problem.bytesB = problem.wholeB = bytesOfMostB();
  problem.bytesC = resultBytes();
  // Panels leave out what strides pass over.
  if (willPackRows() && hasShortRows() && bytesOf(kA) > 2 * machine.l1Bytes) {
    problem.bytesA = static_cast<double>(elementBytes);
    for (size_t dim = 0; dim < d.operands[kA].shape.size(); ++dim)
      problem.bytesA *= static_cast<double>(touchedIndices(kA, static_cast<int>(dim)));
  }
  problem.inPlaceB = s.operands[kB].staging != Staging::Panels && !inBlocks;
  problem.fetchesB = problem.inPlaceB && !s.isDot() && partsForStreams() > 1;
  for (const PlanDim &dim : s.dims)
    if (dim.role == DimRole::K && !s.isDot())
      problem.strideB = dim.strides[kB] * elementBytes;
  problem.vectorBytes = s.lanes * elementBytes;
  problem.l1Bytes = static_cast<double>(machine.l1Bytes);
  problem.l2Bytes = static_cast<double>(machine.l2Bytes);
  problem.l3Bytes = static_cast<double>(machine.l3Bytes);
  problem.addsToMemory = s.accumulation == Accumulation::Scatter;
  problem.transposesC = s.resultPart >= 0;
  problem.spreadsA = s.groupPart >= 0;
  if (s.groupPart >= 0) {
    bool isK = s.channelPart >= 0 && d.dims[s.channelPart].role == DimRole::K;
    problem.stepsOfA = isK ? s.groupChannels : 1;
    problem.wholeRows = s.channelPart >= 0 && !isK;
  }
  for (auto [index, dim] : llvm::enumerate(s.dims))
    if (isInnerRow(dim)) {
      problem.rows.push_back(dim.extent);
      problem.rowBytes.push_back(dim.strides[kA] * elementBytes);
    }
  // (A copy with zeros around it would be read alike.)
  problem.shortRowsA = s.operands[kA].staging == Staging::None && s.clips.empty() && hasShortRows();
  problem.losesPiecesA = problem.shortRowsA && losesPiecesA();
  problem.rowsAlongK = !hasShortRows();
  problem.conflictsA = conflictsA();
  // In blocks, the tiles find a panel of B near; of a split K they see a part.
  if (inBlocks) {
    problem.bytesB = 0;
    problem.inNearBlocks = areNear;
    problem.packsPieces = problem.rowsAlongK && s.dims[s.vectorDim].strides[kB] == 1;
    problem.chunkVectors = static_cast<double>(panelBytes() / (s.lanes * elementBytes));
  }
  if (isSplit || blocksRows)
    problem.bytesA = std::min(problem.bytesA, problem.l2Bytes / 4);
  double turns = 1;
  for (auto [index, dim] : llvm::enumerate(s.dims)) {
    if (static_cast<int>(index) == s.vectorDim || dim.role == DimRole::K || isInnerRow(dim) ||
        isResidueDim(dim))
      continue;
    auto extent = static_cast<double>(dim.extent);
    turns *= extent;
    problem.spanA = std::max(problem.spanA, spanOf(dim));
    if (dim.strides[kA] != 0)
      problem.bytesA /= extent;
    if (dim.strides[kB] != 0)
      problem.bytesB /= extent, problem.wholeB /= extent;
  }
  problem.usesOfA =
      flopsOfMost() / 2 / std::max<double>(static_cast<double>(s.operands[kA].count), 1);
  if (shareA(problem)) {
    s.time *= turns;
    return;
  }
  Tile tile = chooseRegisterTile(problem);
  s.vectors = tile.vectors;
  s.time = tile.time * turns * shareInside();
  size_t row = 0;
  for (PlanDim &dim : s.dims)
    if (isInnerRow(dim))
      dim.tile = tile.rows[row++];
}

/// Processors do not see such pieces coming; the line that holds the piece after the
/// next one's begins a vector behind the next.
void StrategyChooser::fetchPiecesAhead() {
  s.fetchesPiecesAhead = hasShortRows() && !s.isDot() && s.rows() >= kFetchRows &&
                         bytesOf(kA) > machine.l2Bytes / kFetchedShare;
}

/// Now that the width is known, lays out what depends on it.
void StrategyChooser::applyTile() {
  if (s.vectorDim >= 0)
    s.dims[s.vectorDim].tile = s.columns();
  bool hasPanelsB = s.operands[kB].staging == Staging::Panels && !s.isDot();
  if (hasPanelsB)
    layOutPanels(kB, vectorPart, s.columns());
  int rows = panelRows();
  if (rows >= 0)
    layOutPanels(kA, s.dims[rows].parts.back(), s.dims[rows].tile);
  layOutResult();
  for (PlanDim &dim : s.dims)
    for (int operand : {kA, kB, kC}) {
      dim.strides[operand] = s.operands[operand].strides[dim.parts.back()];
      dim.tileStrides[operand] = dim.strides[operand] * dim.tile;
    }
  if (rows >= 0)
    s.dims[rows].tileStrides[kA] = s.operands[kA].panel;
  if (s.vectorDim < 0)
    return;
  PlanDim &vector = s.dims[s.vectorDim];
  if (hasPanelsB)
    vector.tileStrides[kB] = s.operands[kB].panel;
  if (s.groupPart >= 0)
    vector.tileStrides[kA] = s.columns() / s.groupColumns * s.groupStride;
  if (s.accumulation == Accumulation::Scatter)
    vector.tileStrides[kC] = 0;
}

/// Few tasks leave cores idle.
void StrategyChooser::judgeTasks() {
  if (s.tasks() < kFewTasks && d.flops() > kFewTasks * kPartFlops)
    s.time *= 1.5;
}

ContractionStrategy chooseStrategy(const ContractionDescriptor &descriptor,
                                   const ContractionRequest &request, const Machine &machine) {
  auto choose = [&](bool alongK, bool mayClip) {
    return StrategyChooser(descriptor, request, machine, mayClip).choose(alongK);
  };
  // Measured, chunks win wherever these sums are so long: nothing else is weighed.
  if (auto chunks = StrategyChooser(descriptor, request, machine, /*mayClip=*/true).chooseChunks())
    return *chunks;
  ContractionStrategy best = *choose(false, false);
  // Measured, what reads a copy takes a little longer than estimated.
  auto timeOf = [](const ContractionStrategy &strategy) {
    constexpr double kCopyDoubt = 1.05;
    return strategy.time * (strategy.operands[kA].staging == Staging::Copy ? kCopyDoubt : 1);
  };
  double time = timeOf(best);
  auto consider = [&](std::optional<ContractionStrategy> other) {
    if (!other || timeOf(*other) >= time)
      return;
    time = timeOf(*other);
    best = std::move(*other);
  };
  consider(choose(true, false));
  // Each kind of clipped tile is code of its own, and that of dot products long.
  constexpr int64_t kMostKinds = 6, kMostPieces = 9;
  for (bool alongK : {true, false}) {
    std::optional<ContractionStrategy> clipped = choose(alongK, true);
    if (!clipped || clipped->clips.empty() || clipped->tileKinds() > kMostKinds ||
        (alongK && clipped->tileKinds() * clipped->tilePieces() > kMostPieces))
      continue;
    // What is used a few times only is not worth a copy.
    if (clipped->vectorA)
      return *clipped;
    consider(std::move(clipped));
  }
  auto chooser = [&] { return StrategyChooser(descriptor, request, machine, /*mayClip=*/false); };
  bool canThin = chooser().canThin();
  // A second copy of B must be worth its memory. Where few rows meet B, it streams as well
  // from where it lies.
  constexpr double kKeptDoubt = 1.03;
  constexpr int64_t kKeptRows = 4;
  if (request.isVariable[kB] && descriptor.extentOf(DimRole::M) >= kKeptRows)
    if (auto kept = chooser().packed().choose(/*alongK=*/false); kept->time * kKeptDoubt < time)
      consider(std::move(kept));
  consider(chooser().choosePackedRows());
  if (canThin)
    consider(chooser().thinned().choose(/*alongK=*/false));
  for (bool mayClip : {false, true}) {
    auto groups = StrategyChooser(descriptor, request, machine, mayClip).chooseGroups();
    if (groups && groups->tileKinds() <= kMostKinds)
      consider(std::move(groups));
  }
  // K whole, in parts for few cores, or for many. Near ones read A itself, best without
  // what strides pass over, and the more often the narrower tiles are; others may pack it.
  constexpr int64_t kAnyWidth = 0, kNarrow = StrategyChooser::kNarrow, kWide = 4;
  for (int64_t parts : {1, 8, 24}) {
    consider(chooser().chooseBlocks(parts, /*near=*/false, kAnyWidth));
    for (int64_t vectors : {kAnyWidth, kNarrow, kWide}) {
      StrategyChooser near = chooser();
      consider((canThin ? near.thinned() : near).chooseBlocks(parts, /*near=*/true, vectors));
    }
    if (canThin)
      consider(chooser().thinned().chooseBlocks(parts, /*near=*/false, kAnyWidth));
  }
  consider(chooser().rowsOutside().chooseBlocks(/*parts=*/1, /*near=*/true, kAnyWidth));
  return best;
}

std::optional<ContractionStrategy> chooseSwappedStrategy(const ContractionDescriptor &swapped,
                                                         const ContractionRequest &request,
                                                         const Machine &machine) {
  auto chooser = [&] { return StrategyChooser(swapped, request, machine, /*mayClip=*/false); };
  std::optional<ContractionStrategy> best = chooser().chooseSwapped();
  // Measured, of blocks only those take as long as estimated that split K and read B in place.
  for (int64_t parts : {8, 24}) {
    auto blocks = chooser().swapped().chooseBlocks(parts, /*near=*/true, /*vectors=*/0);
    bool readsB = blocks && blocks->operands[kB].staging == Staging::None;
    if (readsB && blocks->vectors > 1 && (!best || blocks->time < best->time))
      best = std::move(blocks);
  }
  return best;
}

} // namespace dl
