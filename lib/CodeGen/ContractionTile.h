//===- ContractionTile.h - The register tile of a contraction ---*- C++ -*-===//

#ifndef DL_LIB_CODEGEN_CONTRACTIONTILE_H
#define DL_LIB_CODEGEN_CONTRACTIONTILE_H

#include "llvm/ADT/SmallVector.h"

#include <cstdint>

namespace dl {

/// What decides the tile.
struct TileProblem {
  /// Extents of the dimensions that rows may come from, outer to inner, and the
  /// bytes from one index to the next in A.
  llvm::SmallVector<int64_t> rows, rowBytes;
  int64_t columns = 1, reduction = 1;
  /// Of the innermost dimension of K.
  int64_t innermostReduction = 1;
  /// Columns in a vector of sums: 1 in dot products, whose `reduction` counts
  /// vectors of K.
  int64_t lanes = 1;
  bool isDot = false;
  /// Dot products: columns that one vector of results holds.
  int64_t vectorLanes = 1;
  int registers = 16;
  bool hasFMA = true, vectorA = false;
  /// Bytes of A and B in one turn of the loops outside these rows and columns,
  /// and of the caches.
  double bytesA = 0, bytesB = 0;
  /// What A takes of a cache for each of its bytes.
  double spanA = 1;
  double l1Bytes = 0, l2Bytes = 0, l3Bytes = 0;
  /// vectorA: elements of A are spread over the lanes, by a shuffle for each product;
  /// a vector of it is used for so many steps of K; the innermost rows are covered whole.
  bool spreadsA = false, wholeRows = false;
  int64_t stepsOfA = 1;
  /// vectorA: how often an element of A is used.
  double usesOfA = 1;
  /// B is read where it lies: a tile's columns are a short piece of each row.
  bool inPlaceB = false;
  /// inPlaceB: such pieces are fetched ahead.
  bool fetchesB = false;
  /// inPlaceB: bytes from one such piece to the next, and of a vector.
  int64_t strideB = 0, vectorBytes = 0;
  /// All of B, also in blocks, where `bytesB` is 0.
  double wholeB = 0;
  /// All of the result.
  double bytesC = 0;
  /// A chunk of K is so short that its panel of B stays in the L1 cache.
  bool inNearBlocks = false;
  /// Rows of A do not lie side by side in memory, but each along K.
  bool rowsAlongK = false;
  /// In blocks, where columns of B are contiguous and rows of A not: each tile takes a piece
  /// of each row of B.
  bool packsPieces = false;
  /// A is read where it lies, and is contiguous along rows: likewise.
  bool shortRowsA = false;
  /// The lines that hold them are gone before the next tile takes its pieces of them.
  bool losesPiecesA = false;
  /// Such pieces of A come from outer memory for each column of tiles again.
  bool conflictsA = false;
  /// K goes in chunks of so many steps by vectors, whose sums wait in memory; 0: as
  /// a whole.
  double chunkVectors = 0;
  /// Sums are loaded before and stored after each tile.
  bool addsToMemory = false;
  /// Tiles are transposed before they are stored.
  bool transposesC = false;
  /// How often the innermost loop over K begins, where that is worth counting.
  int64_t entries = 0;
  /// So many vectors and no other number; 0: any.
  int64_t wantedVectors = 0;
};

/// Indices of each row dimension, and vectors. At most one dimension is
/// covered in part: those inside it are whole, those outside it 1.
struct Tile {
  llvm::SmallVector<int64_t> rows;
  int64_t vectors = 1;
  /// Estimated time of all tiles, in vector multiply-adds.
  double time = 0;
};

/// Sums for each element of a tile of so many vectors, taking turns along the innermost
/// dimension of K (a power of two): a multiply-add's result is there four cycles later,
/// and two begin in each.
int64_t chainsFor(int64_t vectors, int64_t innermostReduction);

/// The most rows of a tile so many vectors wide, A being broadcast, whose sums stay in registers
/// beside what a step reads.
int64_t rowsInRegisters(int64_t registers, int64_t vectors, bool hasFMA);

/// The tile with the least estimated time.
Tile chooseRegisterTile(const TileProblem &problem);

} // namespace dl

#endif // DL_LIB_CODEGEN_CONTRACTIONTILE_H
