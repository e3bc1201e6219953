//===- ContractionSharing.cpp - Vectors of A that several products meet ---===//
//
// Where A varies along the columns (depthwise convolutions), a product of a tile loads a
// vector of A for itself, and loads are what limits it. But a dimension of rows and one of
// K may move along the same dimension of A: row i meets at step k what row i + 1 meets at
// step k - 1. Several steps of that dimension of K together load each vector of A once:
//
//   7 rows, 3 taps:  9 vectors of A and 3 of B for 21 products
//
// For that, it is the innermost loop of K, and the tile's rows may lie along an outer
// dimension while the loops inside go along the others: pixels below one another, whose
// neighbours to the right come next, with all of their channels. So memory is walked along
// several rows of the image at a time.
//
//===----------------------------------------------------------------------===//

#include "ContractionChooser.h"
#include "ContractionMicroKernel.h"
#include "ContractionTile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

#include <map>

using namespace mlir;

namespace dl {

//===----------------------------------------------------------------------===//
// Strategy
//===----------------------------------------------------------------------===//

/// Steps of K that are taken together, all that there are.
static constexpr int64_t kMostSteps = 7;
/// Rows of the image that memory is read along at a time: processors follow only so many.
static constexpr int64_t kMostStreams = 8;

namespace {
/// Rows and steps that move along the same dimension of A.
struct SharedPair {
  int row, k;
  int64_t rowStep, kStep;

  /// Indices of A that so many rows meet in so many steps.
  int64_t distinct(int64_t rows, int64_t steps) const {
    llvm::SmallDenseSet<int64_t> indices;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t step = 0; step < steps; ++step)
        indices.insert(row * rowStep + step * kStep);
    return static_cast<int64_t>(indices.size());
  }
};

/// A register tile, by the strategy's dimensions.
struct SharedTile {
  SharedPair pair;
  SmallVector<int64_t> rows;
  int64_t vectors = 1, steps = 1;

  int64_t count() const {
    int64_t count = 1;
    for (int64_t rows : rows)
      count *= rows;
    return count;
  }
};
} // namespace

static SmallVector<SharedPair> findPairs(const ContractionDescriptor &d, ArrayRef<PlanDim> dims) {
  SmallVector<SharedPair> pairs;
  for (auto [row, outer] : llvm::enumerate(dims))
    for (auto [k, inner] : llvm::enumerate(dims)) {
      if (outer.role != DimRole::M || inner.role != DimRole::K || outer.parts.size() > 1 ||
          inner.parts.size() > 1)
        continue;
      const AddressTerm &a = d.dims[outer.parts[0]].terms[kA];
      const AddressTerm &b = d.dims[inner.parts[0]].terms[kA];
      if (a.occurs() && a.dim == b.dim && outer.extent > 1 && inner.extent > 1)
        pairs.push_back({static_cast<int>(row), static_cast<int>(k), a.coefficient, b.coefficient});
    }
  return pairs;
}

/// Time of the tiles in vector multiply-adds, of which two start a cycle: as many as there
/// are, or the loads, or the chain of sums that wait for each other.
static double sharedCycles(const TileProblem &problem, const SharedTile &tile, int64_t along,
                           int64_t others, int64_t vectors) {
  constexpr double kLatency = 8, kLoopCost = 8, kTileCost = 12;
  auto steps = static_cast<double>(tile.steps);
  int64_t vectorsOfA = tile.pair.distinct(along, tile.steps) * others;
  auto loads = static_cast<double>((vectorsOfA + tile.steps) * vectors);
  auto sums = static_cast<double>(along * others * vectors);
  double products = sums * steps * (problem.hasFMA ? 1 : 2);
  double each = std::max({products, loads, kLatency * steps}) + 0.25 * loads + kLoopCost;
  return each * std::ceil(static_cast<double>(problem.reduction) / steps) + 1.5 * sums + kTileCost;
}

/// Steps so that the tile's sums, the vectors of B for all of them and some of A fit in
/// registers (LLVM moves loads beside those of neighbouring vectors, so several of A are
/// there at a time); 0: there are none.
static int64_t stepsFor(const TileProblem &problem, int64_t extent, int64_t sums) {
  int64_t room = problem.registers - problem.registers / 6 - sums;
  return extent <= std::min(kMostSteps, room) ? extent : 0;
}

/// Time of all tiles, shorter ones and narrower ones included.
static double allCycles(const TileProblem &problem, ArrayRef<PlanDim> dims,
                        const SharedTile &tile) {
  int64_t width = tile.vectors * problem.lanes, along = tile.rows[tile.pair.row];
  int64_t wide = problem.columns / width;
  int64_t narrow = llvm::divideCeil(problem.columns % width, problem.lanes);
  int64_t tiles = 1, others = tile.count() / along;
  auto row = [&](int64_t rows) {
    double cycles =
        static_cast<double>(wide) * sharedCycles(problem, tile, rows, others, tile.vectors);
    return narrow == 0 ? cycles : cycles + sharedCycles(problem, tile, rows, others, narrow);
  };
  for (auto [index, dim] : llvm::enumerate(dims))
    if (dim.role == DimRole::M && static_cast<int>(index) != tile.pair.row)
      tiles *= llvm::divideCeil(dim.extent, tile.rows[index]);
  int64_t extent = dims[tile.pair.row].extent, rest = extent % along;
  double cycles = static_cast<double>(extent / along) * row(along);
  if (rest != 0)
    cycles += row(rest);
  return cycles * static_cast<double>(tiles);
}

/// Time of bringing A to the tiles: from where it lies, what neighbours overlap more than
/// once, and for the other taps from near. Along the outermost rows, several streams of
/// memory are read side by side.
static double sharedTraffic(const TileProblem &problem, ArrayRef<PlanDim> dims,
                            const SharedTile &tile) {
  constexpr double kNear = 1.0 / 40, kOneStream = 1.15;
  const SharedPair &pair = tile.pair;
  int64_t along = tile.rows[pair.row];
  int64_t span = (along - 1) * pair.rowStep + (dims[pair.k].extent - 1) * pair.kStep + 1;
  double overlap =
      std::max(static_cast<double>(span) / static_cast<double>(along * pair.rowStep), 1.0);
  double each = problem.bytesA <= problem.l2Bytes * 0.75 ? kNear : 1.0 / 6;
  bool isOneStream = true;
  for (int dim = pair.row + 1; dim < static_cast<int>(dims.size()); ++dim)
    isOneStream &= dims[dim].role != DimRole::M || tile.rows[dim] == dims[dim].extent;
  double taps = static_cast<double>(problem.reduction / dims[pair.k].extent - 1);
  return problem.bytesA * overlap *
         (0.7 * each * (isOneStream ? kOneStream : 1) + 0.25 * kNear * taps);
}

/// Tiles of one dimension of rows, or of a dimension and all inside it, that share A.
static SmallVector<SharedTile> sharedTiles(const TileProblem &problem, ArrayRef<PlanDim> dims,
                                           const SharedPair &pair) {
  SmallVector<SharedTile> tiles;
  int64_t allVectors = std::max<int64_t>(llvm::divideCeil(problem.columns, problem.lanes), 1);
  auto add = [&](SharedTile tile) {
    for (tile.vectors = 1; tile.vectors <= std::min<int64_t>(allVectors, 8); ++tile.vectors) {
      tile.steps = stepsFor(problem, dims[pair.k].extent, tile.count() * tile.vectors);
      bool isWanted = problem.wantedVectors == 0 || problem.wantedVectors == tile.vectors;
      if (tile.steps > 0 && isWanted)
        tiles.push_back(tile);
    }
  };
  SharedTile tile{pair, SmallVector<int64_t>(dims.size(), 1)};
  for (int64_t rows = 2; rows <= std::min(dims[pair.row].extent, kMostStreams); ++rows) {
    tile.rows[pair.row] = rows;
    add(tile);
  }
  for (int dim = static_cast<int>(dims.size()) - 1; dim >= 0; --dim) {
    if (dims[dim].role != DimRole::M)
      continue;
    tile.rows[dim] = dims[dim].extent;
    if (dim < pair.row && tile.rows[pair.row] == dims[pair.row].extent)
      add(tile);
  }
  return tiles;
}

/// The best tile whose products share vectors of A, if there is any.
bool StrategyChooser::shareA(const TileProblem &problem) {
  // Residues take turns at what they read, row by row.
  if (!s.vectorA || s.groupPart >= 0 || d.isResidue || s.accumulation != Accumulation::Registers)
    return false;
  std::optional<SharedTile> best;
  double least = 0;
  for (const SharedPair &pair : findPairs(d, s.dims)) {
    // Sums along an image have its few taps for rows.
    if (s.dims[pair.row].extent < s.dims[pair.k].extent)
      continue;
    for (const SharedTile &tile : sharedTiles(problem, s.dims, pair)) {
      double time = allCycles(problem, s.dims, tile) + sharedTraffic(problem, s.dims, tile);
      if (best && time >= least)
        continue;
      least = time;
      best = tile;
    }
  }
  if (!best)
    return false;
  s.time = least;
  s.vectors = best->vectors;
  s.sharedDim = best->pair.k;
  s.sharedSteps = best->steps;
  for (auto [dim, rows] : llvm::zip_equal(s.dims, best->rows))
    if (dim.role == DimRole::M)
      dim.tile = rows;
  return true;
}

//===----------------------------------------------------------------------===//
// Long sums
//===----------------------------------------------------------------------===//

/// Steps of a chunk, down the image, and how many of them share A.
static constexpr int64_t kChunk = 7, kChunkSteps = 3;

/// Gradients of weights, which sum along images that the caches do not hold: in chunks of
/// some rows of an image at a place of it, with all channels, so that memory is walked as
/// by the products above. The sums, a few for each channel, wait in the partial result
/// between chunks; or, where they are too many for the L1 cache, chunks are strips of
/// the image's whole width, channel by channel.
std::optional<ContractionStrategy> StrategyChooser::chooseChunks() {
  s.lanes = machine.lanes(d.element.getIntOrFloatBitWidth());
  chooseVectorDim();
  findSweep();
  if (!s.vectorA || s.accumulation != Accumulation::Registers || d.isResidue || request.prologueA ||
      request.prologueB || request.sumsB || (d.isPadded(kA) && !findClips()))
    return std::nullopt;
  stageInPlace(kA);
  stageInPlace(kB);
  buildDims();
  SmallVector<SharedPair> pairs = findPairs(d, s.dims);
  int64_t rows = extentOf(DimRole::M), room = machine.vectorRegisters * 5 / 6 - kChunkSteps;
  bool isLong = bytesOf(kA) + bytesOf(kB) > machine.l2Bytes / 4 * 3;
  if (pairs.size() != 2 || !isLong || rows > room || bytesOf(kC) == 0 ||
      2 * bytesOf(kC) > bytesOf(kA))
    return std::nullopt;
  int down = pairs[0].k, across = pairs[1].k;
  SmallVector<int> chunks;
  for (auto [index, dim] : llvm::enumerate(s.dims)) {
    bool isOther = dim.role != DimRole::M && dim.role != DimRole::K;
    if (isOther && static_cast<int>(index) != s.vectorDim)
      return std::nullopt;
    bool isStrip = static_cast<int>(index) == across && bytesOf(kC) > machine.l1Bytes / 4 * 3;
    if (dim.role == DimRole::K && !isStrip)
      chunks.push_back(static_cast<int>(index));
    if (dim.role == DimRole::M)
      dim.tile = dim.extent;
  }
  s.dims[down].tile =
      llvm::divideCeil(s.dims[down].extent, llvm::divideCeil(s.dims[down].extent, kChunk));
  s.vectors = std::min<int64_t>(room / rows, llvm::divideCeil(s.dims[s.vectorDim].extent, s.lanes));
  s.sharedDim = down;
  s.sharedSteps = kChunkSteps;
  s.reductionLoops = {across, down};
  applyTile();
  // Partial results must be small beside the images.
  constexpr int64_t kParts = 24;
  int64_t parts = (bytesOf(kA) + bytesOf(kB)) / (8 * bytesOf(kC));
  splitChunks(chunks, std::clamp<int64_t>(parts, 1, kParts));
  for (int dim : chunks)
    if (!llvm::is_contained(s.reductionLoops, dim))
      for (int operand : {kA, kB})
        s.dims[dim].tileStrides[operand] = s.dims[dim].strides[operand];
  // Their bounds say where those two are.
  for (int dim : {across, down})
    for (int operand : {kA, kB})
      s.dims[dim].tileStrides[operand] = 0;
  s.loops.assign(chunks.begin(), chunks.end());
  s.loops.push_back(s.vectorDim);
  s.time = d.flops() / static_cast<double>(2 * s.lanes) + partsTime();
  return s;
}

//===----------------------------------------------------------------------===//
// Micro-kernel
//===----------------------------------------------------------------------===//

void MicroKernel::emitSharedSteps(ImplicitLocOpBuilder &b, const ReductionLoop &loop, Value baseA,
                                  Value baseB, int64_t steps, MutableArrayRef<Value> sums) const {
  // By the place in A, the rows that meet it, and when.
  std::map<int64_t, SmallVector<std::pair<size_t, int64_t>>> products;
  for (auto [row, offset] : llvm::enumerate(rows))
    for (int64_t step = 0; step < steps; ++step)
      if (loop.rows.empty() || (loop.rows[row].low <= step && step <= loop.rows[row].high))
        products[offset + step * loop.strides[0]].push_back({row, step});
  int64_t lanes = vector.getNumElements();
  for (int64_t v = 0; v < vectors; ++v) {
    bool isTail = v == vectors - 1;
    SmallVector<Value> right;
    for (int64_t step = 0; step < steps; ++step)
      right.push_back(
          load(b, memory[1], offsetBy(b, baseB, step * loop.strides[1] + v * lanes), isTail));
    for (const auto &[offset, users] : products) {
      Value left = load(b, memory[0], offsetBy(b, baseA, offset + v * lanes), isTail);
      for (auto [row, step] : users) {
        Value &sum = sums[row * vectors + v];
        sum = multiplyAdd(b, left, right[step], sum);
      }
    }
    for (int64_t step = 0; sumsB && step < steps; ++step) {
      Value &sum = sums[rows.size() * vectors + v];
      sum = arith::AddFOp::create(b, sum, right[step]);
    }
  }
}

} // namespace dl
