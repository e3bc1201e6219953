//===- ContractionMicroKernel.h - The innermost loops -----------*- C++ -*-===//
//
// A register tile of rows x vectors sums, carried through the loops over K:
//
//   for k:
//     b[v]      = load B + v * lanes                        vectors loads
//     for row:  sum[row][v] += broadcast(A[row]) * b[v]     rows * vectors FMAs
//
// or, where both operands are contiguous along K (dot products):
//
//   for k, a vector at a time:
//     b[column] = load B[column]                            columns loads
//     for row:  sum[row][column] += load A[row] * b[column]
//   for row: the lanes of sum[row][column], added up, into lane `column`
//
// Everything else of a contraction exists to keep this loop fed.
//
//===----------------------------------------------------------------------===//

#ifndef DL_LIB_CODEGEN_CONTRACTIONMICROKERNEL_H
#define DL_LIB_CODEGEN_CONTRACTIONMICROKERNEL_H

#include "dl/CodeGen/ContractionDescriptor.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace dl {

/// A loop over K: its bounds, and elements from one index to the next in A and B.
struct ReductionLoop {
  int64_t extent;
  int64_t strides[2];
  /// Bounds known at run time only (a part of a split K); null: [0, extent).
  mlir::Value lower, upper;
  /// What the number of indices between those bounds is a multiple of.
  int64_t multiple = 1;
  /// The indices at which each row takes part (inside the bounds too); empty: all.
  llvm::SmallVector<IndexRange> rows = {};
  /// Elements of the panels of A and B that are packed.
  int64_t panelStrides[2] = {0, 0};
};

struct MicroKernel {
  mlir::VectorType vector;
  /// A and B, flat, and the index in them of row 0, column 0, k 0.
  mlir::Value memory[2], base[2];
  /// Elements from row 0 to each row in A.
  llvm::SmallVector<int64_t> rows;
  int64_t vectors = 1;
  /// Mask of the last vector's columns; null: all on.
  mlir::Value tailMask;
  /// B has no columns past the end (it is no panel): mask its loads too.
  bool maskLoads = true;
  /// A is a vector along the columns.
  bool vectorA = false;
  /// Steps of the innermost loop that share vectors of A (ContractionSharing.cpp); 0: none.
  int64_t sharedSteps = 0;
  /// Vectors across groups: columns of a group, and elements of A from a group to the
  /// next (see ContractionGroups.cpp); columns of the last vector. 0: not.
  int64_t groupColumns = 0, groupStride = 0, tailLanes = 0;
  /// One more row of sums, of B alone.
  bool sumsB = false;
  /// Elements of B from each vector to one that the next tile reads, to be fetched
  /// ahead; 0: none.
  int64_t ahead = 0;
  /// Elements from the first row's element of A to one in the piece of a row of memory
  /// that is to be fetched ahead, once for each k; 0: none.
  int64_t pieceAhead = 0;
  /// Elements of A to a tile of rows to be fetched ahead, from the first step to the last as
  /// far as that needs (rows are contiguous along K, and equally far apart); 0: none.
  int64_t rowsAhead = 0;
  /// Elements of B to the next panel, which the tiles of rows that read this one fetch ahead,
  /// each its share; how many those are, and the number of this one. 0: they do not.
  int64_t panelAhead = 0, panelTiles = 1;
  mlir::Value panelTile;
  /// Sums for each element of the tile, of every chains-th k, added up at the end: where
  /// few elements would wait for each other's multiply-adds.
  int64_t chains = 1;
  bool hasFMA = true;
  int64_t registers = 16;
  /// The code of few tiles: short rather than fast.
  bool isRare = false;
  llvm::SmallVector<ReductionLoop> loops;
  /// Where rows of A and columns of B are stored as they are loaded: a panel, and the index
  /// of k 0 in it; null: nowhere. (Such rows lie side by side.)
  mlir::Value panel[2], panelAt[2];
  /// What the next panel of B is made from: with every two steps of the innermost
  /// loop, so many lines of a row of it are prefetched; or, where it is transposed, so many of its
  /// columns, which are contiguous along K, as rows ahead are. Null: nothing is.
  mlir::Value prefetchFrom, prefetchAt, prefetchStride;
  int64_t prefetchLines = 0, prefetchColumns = 0;

  /// Dot products: elements from column 0 to each column in B.
  bool isDot = false;
  llvm::SmallVector<int64_t> columns;
  /// Elements from column 0 to those of the next tile that are fetched ahead.
  llvm::SmallVector<mlir::Value> columnsAhead;

  /// Sums over vectors along the innermost loop, a column after the other in the
  /// lanes of one vector for each row, added to `initial`.
  llvm::SmallVector<mlir::Value> emitDot(mlir::ImplicitLocOpBuilder &b,
                                         mlir::ValueRange initial) const;
  /// The sums, row by row, started from `initial`.
  llvm::SmallVector<mlir::Value> emit(mlir::ImplicitLocOpBuilder &b,
                                      mlir::ValueRange initial) const;

private:
  bool fillsRegisters() const;
  llvm::SmallVector<mlir::Value> emitLoop(mlir::ImplicitLocOpBuilder &b, unsigned level,
                                          mlir::Value baseA, mlir::Value baseB,
                                          mlir::ValueRange sums) const;
  llvm::SmallVector<mlir::Value> emitSegments(mlir::ImplicitLocOpBuilder &b, unsigned level,
                                              mlir::Value baseA, mlir::Value baseB,
                                              mlir::ValueRange sums) const;
  MicroKernel withRows(llvm::ArrayRef<unsigned> kept, unsigned level, int64_t begin,
                       int64_t end) const;
  llvm::SmallVector<mlir::Value> emitSteps(mlir::ImplicitLocOpBuilder &b, const ReductionLoop &loop,
                                           mlir::Value baseA, mlir::Value baseB, mlir::Value lower,
                                           mlir::Value upper, int64_t unroll, bool fetches,
                                           mlir::ValueRange initial) const;
  llvm::SmallVector<mlir::Value> emitInnermost(mlir::ImplicitLocOpBuilder &b,
                                               const ReductionLoop &loop, mlir::Value baseA,
                                               mlir::Value baseB, mlir::ValueRange sums) const;
  void emitStep(mlir::ImplicitLocOpBuilder &b, mlir::Value baseA, mlir::Value baseB,
                int64_t offsetA, int64_t offsetB, llvm::ArrayRef<int64_t> offsetsPanel,
                llvm::MutableArrayRef<mlir::Value> sums) const;
  void packRows(mlir::ImplicitLocOpBuilder &b, mlir::Value from, mlir::Value to) const;
  mlir::Value fetchedFrom(mlir::ImplicitLocOpBuilder &b, mlir::Value from) const;
  llvm::SmallVector<mlir::Value> addChains(mlir::ImplicitLocOpBuilder &b,
                                           mlir::ValueRange sums) const;
  void emitElementStep(mlir::ImplicitLocOpBuilder &b, mlir::Value baseA, mlir::Value baseB,
                       int64_t offsetA, int64_t offsetB,
                       llvm::MutableArrayRef<mlir::Value> sums) const;
  void emitSharedSteps(mlir::ImplicitLocOpBuilder &b, const ReductionLoop &loop, mlir::Value baseA,
                       mlir::Value baseB, int64_t steps,
                       llvm::MutableArrayRef<mlir::Value> sums) const;
  mlir::Value loadGroups(mlir::ImplicitLocOpBuilder &b, mlir::Value at, int64_t v) const;
  void emitGroupSteps(mlir::ImplicitLocOpBuilder &b, mlir::Value baseA, mlir::Value baseB,
                      llvm::ArrayRef<std::pair<int64_t, int64_t>> steps,
                      llvm::MutableArrayRef<mlir::Value> sums) const;
  void emitDotStep(mlir::ImplicitLocOpBuilder &b, mlir::Value baseA, mlir::Value baseB,
                   int64_t offset, mlir::Value mask,
                   llvm::SmallVectorImpl<mlir::Value> &sums) const;
  llvm::SmallVector<mlir::Value> emitDotInnermost(mlir::ImplicitLocOpBuilder &b,
                                                  const ReductionLoop &loop, mlir::Value baseA,
                                                  mlir::Value baseB,
                                                  mlir::ValueRange initial) const;
  void emitPrefetch(mlir::ImplicitLocOpBuilder &b, mlir::Value k, int64_t steps) const;
  void fetchRows(mlir::ImplicitLocOpBuilder &b, mlir::Value baseA, mlir::Value k,
                 int64_t steps) const;
  mlir::Value load(mlir::ImplicitLocOpBuilder &b, mlir::Value memory, mlir::Value at,
                   bool isTail) const;
  mlir::Value multiplyAdd(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Value y,
                          mlir::Value sum) const;
};

/// base + constant, and base + index * stride, without what adds nothing.
mlir::Value offsetBy(mlir::ImplicitLocOpBuilder &b, mlir::Value base, int64_t constant);
mlir::Value advance(mlir::ImplicitLocOpBuilder &b, mlir::Value base, mlir::Value index,
                    int64_t stride);

} // namespace dl

#endif // DL_LIB_CODEGEN_CONTRACTIONMICROKERNEL_H
