//===- ContractionTile.cpp - Chooses the register tile --------------------===//

#include "ContractionTile.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace dl {

// Times below are in units of one vector multiply-add, of which a core starts
// two a cycle.

/// Multiply-adds under way at a time.
static constexpr int64_t kInFlight = 8;

/// As AVX-512 has, not AVX2.
static constexpr int64_t kManyRegisters = 32;

int64_t chainsFor(int64_t vectors, int64_t innermostReduction) {
  int64_t chains = 1;
  while (vectors * chains * 2 <= kInFlight && innermostReduction >= chains * 8)
    chains *= 2;
  return chains;
}

/// Estimated time to transpose and store a tile: shuffles, of which one starts a cycle,
/// and a store for each column.
static double transposeCycles(const TileProblem &problem, int64_t rows, int64_t vectors) {
  auto width = static_cast<double>(llvm::PowerOf2Ceil(std::min(rows, problem.lanes)));
  double blocks = std::ceil(static_cast<double>(rows) / width);
  double shuffles = width * std::log2(width) + static_cast<double>(problem.lanes);
  return 2 * blocks * static_cast<double>(vectors) * shuffles;
}

/// Time in which the L2 cache gives a vector of B.
static constexpr double kStreamed = 4.2;

/// What a panel of B may take of the L1 cache to stay there while rows pass.
static constexpr double kPanelShare = 0.7;

/// Estimated time of one tile: per k, the multiply-adds, or the latency of an
/// accumulator's chain where they are few, or B where it comes from the L2 cache. Loads run
/// beside them but never quite for free.
static double tileCycles(const TileProblem &problem, int64_t rows, int64_t vectors, bool streamsB) {
  double products = static_cast<double>(rows * vectors) * (problem.hasFMA ? 1 : 2);
  auto loadsOfA = static_cast<double>(problem.vectorA ? rows * vectors : rows);
  double loads = static_cast<double>(vectors) + loadsOfA / static_cast<double>(problem.stepsOfA);
  // Shuffles start where multiply-adds do.
  if (problem.spreadsA)
    products *= 2;
  int64_t chains = problem.isDot ? 1 : chainsFor(rows * vectors, problem.innermostReduction);
  double latency = static_cast<double>(kInFlight) / static_cast<double>(chains);
  // Dot products wait for rows and columns that are too long for the L1 cache.
  constexpr int64_t kLines = 8;
  bool areLong =
      static_cast<double>(kLines * problem.reduction * problem.vectorBytes) > problem.l1Bytes;
  double besides = problem.isDot && areLong ? 0.75 : 0.25;
  bool isPlain = !problem.isDot && !problem.vectorA;
  double streamed = isPlain && streamsB ? kStreamed * static_cast<double>(vectors) : 0;
  // Where rows go along K, a broadcast finds its line near, and is for all vectors of the row;
  // that for a single one is an operand of its product.
  double beside = isPlain && problem.rowsAlongK && vectors > 1
                      ? 0.03 * products + 0.12 * loadsOfA + 0.3 * static_cast<double>(vectors)
                      : besides * loads;
  // Measured with few registers: chains that only just suffice wait for one another.
  constexpr double kEasy = 1.5 * kInFlight;
  double underWay = static_cast<double>(rows * vectors * chains);
  bool isTight = isPlain && rows > 1 && vectors > 1 && problem.registers < kManyRegisters;
  double slip = isTight ? 0.03 * std::max(kEasy - underWay, 0.0) : 0;
  double each = std::max({products, loads, latency, streamed}) * (1 + slip) + beside;
  double sums = static_cast<double>(rows * vectors), chunks = 1;
  if (problem.chunkVectors > 0)
    chunks = std::max(
        std::round(static_cast<double>(problem.reduction * vectors) / problem.chunkVectors), 1.0);
  double ends = sums * (problem.addsToMemory ? 2.5 : 1.5) + 10;
  ends += (chunks - 1) * (sums * 2.5 + 10);
  // The lanes of a row's sums are added up by shuffles.
  if (problem.isDot)
    ends += static_cast<double>(rows * (3 * vectors + 12));
  // Each row of C is a piece of memory of its own. (Where nothing is multiplied, that is all.)
  if (isPlain && problem.reduction > 0)
    ends += static_cast<double>(2 * rows);
  if (problem.transposesC)
    ends += transposeCycles(problem, rows, vectors);
  ends += 8 * static_cast<double>(problem.entries);
  return each * static_cast<double>(problem.reduction) + ends;
}

/// Estimated time to bring a byte from where that many bytes, read again and
/// again, stay.
static double cyclesPerByte(const TileProblem &problem, double bytes) {
  return bytes <= problem.l1Bytes / 2      ? 0
         : bytes <= problem.l2Bytes * 0.75 ? 1.0 / 40
         : bytes <= problem.l3Bytes / 2    ? 1.0 / 6
                                           : 1.0 / 3;
}

/// Estimated time to bring a byte of a column of B, so many vectors wide, to tiles that
/// read it again and again. Pieces of rows that lie powers of two apart share few sets of
/// the L1 cache.
static double cyclesPerColumnByte(const TileProblem &problem, double columnTiles, int64_t vectors) {
  constexpr int64_t kPage = 4096;
  double bytes = problem.bytesB / columnTiles;
  int64_t common = std::gcd(problem.strideB, kPage), piece = vectors * problem.vectorBytes;
  bool areApart = problem.inPlaceB && problem.strideB != 0 && common > piece;
  double span = areApart ? static_cast<double>(common) / static_cast<double>(piece) : 1;
  return cyclesPerByte(problem,
                       bytes * span > problem.l1Bytes ? std::max(bytes, problem.l1Bytes) : bytes);
}

/// Estimated time of bringing A and B to the tiles, in the better order: a
/// column of tiles keeps its panel of B and streams A, or the other way round.
static double trafficCycles(const TileProblem &problem, double rowTiles, double columnTiles,
                            int64_t vectors) {
  auto held = [&](double bytes, double times, double span = 1) {
    return bytes * times * cyclesPerByte(problem, bytes * span);
  };
  // Spread, an element of A is used by many products before it is needed again.
  if (problem.spreadsA)
    return 0.7 * (held(problem.bytesA, 1) + held(problem.bytesB, rowTiles));
  // Where A varies along the columns too, each column reads its own part; the
  // shorter its pieces, the less they are fetched ahead.
  if (problem.vectorA)
    return 0.7 * (held(problem.bytesA, std::min(rowTiles, problem.usesOfA)) +
                  held(problem.bytesB, rowTiles)) +
           0.4 * held(problem.bytesA, columnTiles);
  // The time of a single tile of rows tells what it waits for B in the L2 cache; and where
  // that holds everything, long panels come as fast as products need them, in place a little
  // slower where vectors lie across lines.
  constexpr int64_t kLine = 64;
  double inL2 = problem.l2Bytes * 0.75;
  bool isTold = rowTiles <= 1 && problem.wholeB <= inL2;
  bool isLong = problem.bytesB > columnTiles * problem.l1Bytes * kPanelShare;
  bool isFast =
      problem.rowsAlongK && !problem.isDot && isLong && problem.bytesA + problem.bytesB <= inL2;
  double wait = isTold ? 0 : !isFast ? 1 : (problem.strideB % kLine == 0 ? 0 : 0.25);
  double panels =
      wait * problem.bytesB * rowTiles * cyclesPerColumnByte(problem, columnTiles, vectors);
  double columnsFirst = held(problem.bytesA, columnTiles, problem.spanA) + panels;
  double rowsFirst = (isTold ? 0 : held(problem.bytesB, rowTiles)) +
                     rowTiles * held(problem.bytesA / rowTiles, columnTiles, problem.spanA);
  double cycles = 0.7 * std::min(columnsFirst, rowsFirst);
  // Measured: dot products fetch no rows ahead.
  if (problem.isDot && problem.bytesA > problem.l2Bytes)
    cycles += 0.12 * problem.bytesA;
  if (problem.packsPieces)
    cycles += 3 * static_cast<double>(problem.reduction) * columnTiles;
  // Short pieces of rows in outer memory miss prefetchers and address caches.
  if (problem.inPlaceB && problem.bytesB > problem.l2Bytes * 0.66 &&
      problem.strideB > 2 * vectors * problem.vectorBytes)
    cycles += (problem.fetchesB ? 8 : 20) * static_cast<double>(problem.reduction) * columnTiles;
  if (problem.shortRowsA && problem.bytesA > problem.l2Bytes * 0.75)
    cycles += (problem.losesPiecesA ? 24 : 3) * static_cast<double>(problem.reduction) * rowTiles;
  if (problem.conflictsA)
    cycles += 24 * static_cast<double>(problem.reduction) * rowTiles * columnTiles;
  return cycles;
}

/// Time of all tiles, remainders included, and as often as the rows outside say. Those of the
/// first rows wait for B from the L2 cache, and so do the others where the L1 cache does not
/// hold a panel.
static double totalCycles(const TileProblem &problem, double outside, int64_t inner, int64_t extent,
                          int64_t tile, int64_t vectors) {
  int64_t width = vectors * problem.lanes;
  int64_t wide = problem.columns / width;
  int64_t narrow = llvm::divideCeil(problem.columns % width, problem.lanes);
  auto row = [&](int64_t rows, bool streamsB) {
    double cycles = static_cast<double>(wide) * tileCycles(problem, rows, vectors, streamsB);
    return narrow == 0 ? cycles : cycles + tileCycles(problem, rows, narrow, streamsB);
  };
  double room = problem.l1Bytes * kPanelShare;
  double panel = problem.wholeB / static_cast<double>(std::max<int64_t>(wide, 1));
  bool allStream = !problem.inNearBlocks && panel > room;
  double cycles = static_cast<double>(extent / tile) * row(inner * tile, allStream);
  if (extent % tile != 0)
    cycles += row(inner * (extent % tile), allStream);
  int64_t first = inner * std::min(extent, tile);
  double wait = problem.wholeB > room ? row(first, true) - row(first, allStream) : 0;
  return outside * cycles + wait;
}

/// What it costs that rows of A share cache sets, which those do whose strides have a
/// large power of two in common with a page: beside a panel of B, there is room for less.
/// One or two tiles of rows are over before that matters.
static double conflictFactor(const TileProblem &problem, int64_t rows, int64_t rowBytes,
                             double rowTiles) {
  constexpr int64_t kPage = 4096;
  constexpr double kMost = 9, kMany = 6.5, kManyBesidePanel = 4;
  if (rowBytes == 0)
    return 1;
  double common = static_cast<double>(std::gcd(rowBytes, kPage)) / kPage;
  double sharing = common * static_cast<double>(rows);
  if (problem.isDot || problem.vectorA)
    return common == 1 && sharing >= kMost ? 1.25 : 1;
  if (sharing >= kMost)
    return 1.25;
  if (problem.inNearBlocks)
    return sharing >= kManyBesidePanel ? 1.02 : 1;
  return sharing >= kMany && rowTiles > 2 ? 1.05 : 1;
}

int64_t rowsInRegisters(int64_t registers, int64_t vectors, bool hasFMA) {
  // One vector: the broadcast is an operand in memory (without FMA, a product needs a
  // register). More: two broadcasts are in flight, and where registers are many one stays free.
  int64_t spare = vectors == 1 ? (hasFMA ? 1 : 2) : registers >= kManyRegisters ? 3 : 2;
  return (registers - spare - vectors) / vectors;
}

/// What it costs that a tile stores more lines of a result in outer memory than a core waits
/// for at a time: what the next tile reads comes after them. Where B does not stay in the L1
/// cache, larger tiles, which read it less often, gain more.
static double storesFactor(const TileProblem &problem, int64_t rows, int64_t vectors) {
  constexpr int64_t kLine = 64, kLines = 14;
  int64_t lines = rows * llvm::divideCeil(vectors * problem.vectorBytes, kLine);
  bool isPlain = !problem.isDot && !problem.vectorA && !problem.transposesC && problem.bytesB > 0;
  if (!isPlain || lines <= kLines || problem.bytesC <= problem.l2Bytes ||
      problem.wholeB > problem.l1Bytes)
    return 1;
  double each = problem.bytesC > 4 * problem.l2Bytes ? 0.008 : 0.0015;
  return 1 + each * static_cast<double>(lines - kLines);
}

/// Rows that dot products gain from.
static constexpr int64_t kDotRows = 8;

Tile chooseRegisterTile(const TileProblem &problem) {
  Tile best{llvm::SmallVector<int64_t>(problem.rows.size(), 1), 1};
  if (llvm::is_contained(problem.rows, 0) || problem.columns == 0)
    return best;
  double least = std::numeric_limits<double>::infinity();
  int64_t allVectors = std::max<int64_t>(llvm::divideCeil(problem.columns, problem.lanes), 1);
  // A single row needs no register for B, which it multiplies where it lies in memory. Longer
  // pieces of B's rows come faster from the L2 cache.
  bool isRow = !problem.isDot && !problem.vectorA && problem.wholeB <= problem.l2Bytes / 2 &&
               llvm::all_of(problem.rows, [](int64_t rows) { return rows == 1; });
  int64_t most = problem.isDot ? std::min<int64_t>(problem.vectorLanes, 8)
                 : isRow       ? problem.registers / 2
                               : 8;
  for (int64_t vectors = 1; vectors <= std::min(allVectors, most); ++vectors) {
    // Elements by elements: one vector of B at a time, A is an operand in memory.
    int64_t limit = problem.vectorA ? (problem.registers - 2 - problem.stepsOfA) / vectors
                    : isRow         ? 1
                    : problem.isDot
                        ? std::min((problem.registers - 3 - vectors) / vectors, kDotRows)
                        : rowsInRegisters(problem.registers, vectors, problem.hasFMA);
    if (limit < 1)
      break;
    if (problem.wantedVectors != 0 && vectors != problem.wantedVectors)
      continue;
    int64_t inner = 1;
    for (int dim = static_cast<int>(problem.rows.size()) - 1; dim >= -1; --dim) {
      int64_t extent = dim < 0 ? 1 : problem.rows[dim];
      double outside = 1;
      for (int other = 0; other < dim; ++other)
        outside *= static_cast<double>(problem.rows[other]);
      bool isWhole = problem.wholeRows && dim + 1 == static_cast<int>(problem.rows.size());
      for (int64_t tile = isWhole ? extent : 1; tile <= std::min(extent, limit / inner); ++tile) {
        double cycles = totalCycles(problem, outside, inner, extent, tile, vectors);
        double rowTiles = outside * static_cast<double>(llvm::divideCeil(extent, tile));
        cycles += trafficCycles(
            problem, rowTiles, static_cast<double>(llvm::divideCeil(allVectors, vectors)), vectors);
        if (dim >= 0)
          cycles *= conflictFactor(problem, tile * inner, problem.rowBytes[dim], rowTiles) *
                    storesFactor(problem, tile * inner, vectors);
        if (cycles >= least)
          continue;
        least = best.time = cycles;
        best.vectors = vectors;
        for (int other = 0; other < static_cast<int>(problem.rows.size()); ++other)
          best.rows[other] = other > dim ? problem.rows[other] : other == dim ? tile : 1;
      }
      if (extent * inner > limit)
        break;
      inner *= extent;
    }
  }
  if (problem.wantedVectors != 0 && std::isinf(least)) {
    TileProblem any = problem;
    any.wantedVectors = 0;
    return chooseRegisterTile(any);
  }
  return best;
}

} // namespace dl
