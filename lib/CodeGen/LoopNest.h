//===- LoopNest.h - Vectorised loops over an iteration shape ----*- C++ -*-===//
//
// Lanes always lie along the last dimension of the iteration shape.
//
//   rows     the last dimension is reduced: a point is one kept position, and
//            accumulators are combined across lanes when a pass is over
//   columns  it is kept (or nothing is reduced): a point is a tile of a few
//            vectors along it, each with accumulators of its own
//
// Points are independent; tasks are runs of points. A pass over the reduced
// dimensions of a point keeps several sets of accumulators, to hide the latency
// of their additions, and combines them in a fixed order.
//
// Rows that are short beside the first-level cache go through their passes in groups:
// each pass over all rows of the group, then the next. What comes between two passes
// of a row, the tree over the lanes and a division, would leave the core idle; so it
// is hidden by the other rows. What follows from a reduction and takes long, such as a
// logarithm, is computed for all rows of the group at once, a lane each. A pass that
// computes, or else writes, prefetches the rows to come: the next group's, or the next row where
// rows come from behind the second-level cache.
//
// Columns of more data than the second-level cache holds are streamed: a tile of them
// would touch a little of each of many pages. The reduced dimension is split, and a
// task reads some of its rows from one end to the other, then the next, with the
// accumulators of all columns in memory. A sum of exponentials below a maximum is made in
// the same pass as that (LoopSplit.cpp).
//
// What goes through memory once, from one end to the other, is prefetched at a fixed distance:
// hardware does so only to the end of a page, and code that computes leaves it no loads to see.
//
//===----------------------------------------------------------------------===//

#ifndef DL_LIB_CODEGEN_LOOPNEST_H
#define DL_LIB_CODEGEN_LOOPNEST_H

#include "Expression.h"
#include "LoopAnalysis.h"
#include "Reducer.h"

namespace dl {

/// `active` elements of a vector of `width`, from `offset` on.
struct Chunk {
  int64_t offset = 0, active = 1, width = 1;
  /// See Position.
  bool bypasses = false;
};

/// Kept positions that are worked on together.
struct Point {
  /// For each dimension of the iteration shape; null where it is reduced.
  llvm::SmallVector<mlir::Value> indices;
  /// The vectors of a tile; for rows, one that stands for the scalar.
  llvm::SmallVector<Chunk> chunks;
  /// One a chunk: reductions are bound to their results there.
  std::vector<Expression> expressions;
  /// Of a row in its group; null: there is none.
  mlir::Value number;
  /// The pass that is built asks for the next row's operands.
  bool readsAhead = false;
};

/// A value of the iteration shape that a pass leaves for later ones in the worker's
/// scratch: cheaper than a second exp.
struct KeptValue {
  mlir::Operation *op;
  int64_t offset;
};

/// Part of a reduced dimension: indices from part * length on, or of those the ones
/// from `lower` to `upper`.
struct Split {
  int64_t dim, length, parts;
  mlir::Value part, lower, upper;
};

/// Part `number` of [0, limit) in steps of `length`.
std::pair<mlir::Value, mlir::Value> partOf(PhaseBuilder &phase, mlir::Value number, int64_t length,
                                           int64_t limit);

/// LoopNest.cpp has the tiles, the tasks and their points; LoopPasses.cpp the passes
/// over a point; LoopTranspose.cpp the nests that read operands across their rows.
class LoopNest {
public:
  LoopNest(KernelModule &module, const LoopAnalysis &analysis);

  const LoopAnalysis &analysis;
  bool isRows() const { return rows; }
  int64_t tasks() const { return taskCount; }
  /// How to split the reduced dimensions where there are too few tasks for the
  /// work; a function of the shape alone.
  std::optional<Split> split() const;
  /// Whether columns are streamed; then they are split too.
  bool streams() const { return streamed; }
  /// Whether the sweep over them should store past the caches.
  bool streamsPast() const { return streamed && bypasses; }

  /// Builds `emit` for each point of a task; `around`, if any, builds a loop around
  /// the points of a row.
  using RowFn = llvm::function_ref<void(llvm::function_ref<void()>)>;
  void forEachPoint(PhaseBuilder &phase, mlir::Value task, llvm::function_ref<void(Point &)> emit,
                    RowFn around = nullptr) const;

  /// Whether pass number `pass` over a row is the one that asks for the next row's operands.
  bool readsAhead(size_t pass) const { return ahead == pass; }

  /// Rows of a group; 1: each row goes through all of its passes.
  int64_t groupRows() const { return group; }
  bool hasShortGroup() const { return rowsPerTask % group != 0 || rowCount % group != 0; }
  /// Builds `emit` for the groups of a task: their first row and the one behind.
  void forEachGroup(PhaseBuilder &phase,
                    llvm::function_ref<void(mlir::Value, mlir::Value)> emit) const;
  /// Lanes for what follows from the reductions of a group's rows; 0: each row computes its own.
  int64_t rowLanes() const;
  /// Where the rows of a group lie, from the first on, in a value of the kept dimensions.
  Position rowsPosition(PhaseBuilder &phase, mlir::Value first,
                        llvm::ArrayRef<int64_t> shape) const;
  /// Builds `emit` for the rows of a group.
  void forEachRow(PhaseBuilder &phase, mlir::Value first, mlir::Value end,
                  llvm::function_ref<void(Point &)> emit) const;

  /// Runs a level of reductions over (a part of) a point's reduced dimensions;
  /// accumulators for chunk c and reducer r at [c][r]. `write`: results of the
  /// iteration shape are written on the way. `initial`: where the accumulators start.
  using Accumulators = llvm::SmallVector<llvm::SmallVector<llvm::SmallVector<mlir::Value>>>;
  Accumulators reduce(PhaseBuilder &phase, Point &point, llvm::ArrayRef<Reducer> reducers,
                      bool write, const Split *split, llvm::ArrayRef<KeptValue> kept = {},
                      const Accumulators *initial = nullptr) const;
  /// Reserves scratch for the values of a level that later passes reuse; none
  /// where a pass is straight code, which reuses them anyway, or long.
  llvm::SmallVector<KeptValue> keep(llvm::ArrayRef<mlir::Operation *> reused) const;
  /// Binds kept values to what is in the scratch.
  void bindKept(PhaseBuilder &phase, Point &point, llvm::ArrayRef<KeptValue> kept) const;
  /// Writes the results of the iteration shape.
  void sweep(PhaseBuilder &phase, Point &point, const Split *split) const;
  /// Writes the results that follow from reductions.
  void storeReduced(PhaseBuilder &phase, Point &point) const;

  /// Position of a chunk in a value of the kept dimensions.
  Position keptPosition(PhaseBuilder &phase, const Point &point, size_t chunk,
                        llvm::ArrayRef<int64_t> shape) const;

private:
  Accumulators reduceByWalk(PhaseBuilder &phase, Point &point, llvm::ArrayRef<Reducer> reducers,
                            bool write, const Split *split, llvm::ArrayRef<KeptValue> kept,
                            const Accumulators *initial) const;
  mlir::Value picked(PhaseBuilder &phase, Point &point, Reducer::Pick pick) const;

  /// A step of a walk over reduced dimensions: indices of the iteration shape,
  /// the lanes (rows), the set of accumulators, the carried values.
  using Step = llvm::function_ref<void(llvm::ArrayRef<mlir::Value>, const Chunk &, int64_t,
                                       llvm::SmallVector<mlir::Value> &)>;

  void chooseTiles();
  int64_t chooseTileVectors() const;
  void chooseGroup();
  bool isShortRow() const;
  bool sharesLanes() const;
  void chooseAhead();
  int64_t distanceAhead() const;
  size_t passes() const;
  int64_t rowBytes() const;
  int64_t elementBytes() const;
  llvm::SmallVector<mlir::BlockArgument> operands() const;
  bool reducesTrailing() const;
  bool canStream() const;
  void chooseTranspose();
  int64_t transposedRows() const;
  bool canBypass() const;
  Position stepPosition(PhaseBuilder &phase, llvm::ArrayRef<mlir::Value> indices,
                        const Chunk &chunk) const;
  llvm::SmallVector<Chunk> chunksOf(int64_t elements) const;
  int64_t accumulatorLanes(const Chunk &chunk) const;
  int64_t setsFor(size_t chunks, const Split *split) const;
  std::pair<mlir::Value, mlir::Value> boundsOf(PhaseBuilder &phase, const Split &split,
                                               int64_t limit) const;
  llvm::SmallVector<mlir::Value> rowIndices(PhaseBuilder &phase, mlir::Value row) const;
  void emitRow(PhaseBuilder &phase, mlir::Value row, mlir::Value lower, mlir::Value upper,
               mlir::Value hasRest, llvm::function_ref<void(Point &)> emit) const;
  void emitTiles(PhaseBuilder &phase, llvm::SmallVector<mlir::Value> indices, mlir::Value lower,
                 mlir::Value upper, llvm::function_ref<void(Point &)> emit) const;
  void emitTransposed(PhaseBuilder &phase, mlir::Value firstRow, mlir::Value lastRow,
                      llvm::function_ref<void(Point &)> emit) const;
  void emitBlocks(PhaseBuilder &phase, mlir::Value block, mlir::Value column, int64_t columns,
                  bool past, llvm::function_ref<void(Point &)> emit) const;
  /// Rows of a block of `lanes` rows and as many columns, through registers.
  void emitBlock(PhaseBuilder &phase, llvm::ArrayRef<mlir::Value> indices, int64_t blockRows,
                 int64_t columns, bool past, llvm::function_ref<void(Point &)> emit) const;
  void fetchBlock(PhaseBuilder &phase, TransposeOp op, llvm::ArrayRef<mlir::Value> indices,
                  int64_t columns) const;
  llvm::SmallVector<mlir::Value> turn(PhaseBuilder &phase, TransposeOp op,
                                      llvm::ArrayRef<mlir::Value> indices, int64_t blockRows,
                                      int64_t columns) const;
  void emitPoint(PhaseBuilder &phase, llvm::ArrayRef<mlir::Value> indices,
                 llvm::ArrayRef<Chunk> chunks, llvm::function_ref<void(Point &)> emit) const;
  void walk(PhaseBuilder &phase, llvm::SmallVector<mlir::Value> indices, size_t depth,
            const Split *split, int64_t sets, llvm::SmallVector<mlir::Value> &carried,
            Step step) const;
  void walkInner(PhaseBuilder &phase, llvm::SmallVector<mlir::Value> indices, const Split *split,
                 int64_t sets, llvm::SmallVector<mlir::Value> &carried, Step step) const;
  void takeStep(PhaseBuilder &phase, Point &point, llvm::ArrayRef<Reducer> reducers,
                llvm::ArrayRef<mlir::Value> indices, const Chunk &rowChunk, int64_t set,
                llvm::SmallVector<mlir::Value> &carried) const;
  /// The shape of a kept value: the rows of a group, reduced dimensions, the tile.
  llvm::SmallVector<int64_t> keptShape() const;
  Position inScratch(PhaseBuilder &phase, const Position &position, mlir::Value number,
                     const Chunk &chunk) const;
  void keepStep(PhaseBuilder &phase, Point &point, llvm::ArrayRef<mlir::Value> indices,
                const Chunk &rowChunk, llvm::ArrayRef<KeptValue> kept) const;
  mlir::Value keptMemory(PhaseBuilder &phase, const KeptValue &value) const;
  void writeStep(PhaseBuilder &phase, Point &point, llvm::ArrayRef<mlir::Value> indices,
                 const Chunk &rowChunk) const;
  void writeReduced(PhaseBuilder &phase, Point &point, llvm::ArrayRef<mlir::Value> indices,
                    const Chunk &rowChunk) const;
  void prefetch(PhaseBuilder &phase, llvm::ArrayRef<mlir::Value> indices, const Chunk &chunk,
                int64_t elements, unsigned locality) const;
  void fetchStream(PhaseBuilder &phase, llvm::ArrayRef<mlir::Value> indices,
                   const Chunk &chunk) const;
  void readAhead(PhaseBuilder &phase, const Point &point, llvm::ArrayRef<mlir::Value> indices,
                 const Chunk &rowChunk) const;

  KernelModule &module;
  bool rows = false;
  bool streamed = false;
  /// Operands are read across their rows: a task walks columns first.
  bool transposed = false;
  /// Then also: these are the dimension before the last, and blocks of them are
  /// transposed in registers; a row of the task is such a block.
  bool turns = false;
  /// And outer memory has what they are made of, and what is made of them.
  bool turnsFar = false;
  /// Results are larger than what a next kernel finds in a cache: full tiles, and what a
  /// sweep writes of rows or streamed columns, go past the caches, where that is possible.
  bool bypasses = false;
  int64_t lanes = 1;
  int64_t rowCount = 1;     // product of the kept dimensions but the last, where that is tiled
  int64_t tileVectors = 1;  // vectors of a full tile
  int64_t fullTiles = 0;    // of a row
  int64_t restElements = 0; // of a row, behind the full tiles
  int64_t blocks = 1;       // of a row
  int64_t tilesPerBlock = 1;
  int64_t rowsPerTask = 1;
  int64_t group = 1;           // rows
  std::optional<size_t> ahead; // a pass; see chooseAhead
  int64_t distance = 0;        // see distanceAhead
  int64_t taskCount = 0;
};

llvm::SmallVector<Reducer> reducersOf(KernelModule &module,
                                      llvm::ArrayRef<mlir::Operation *> level);

/// Adds the phases of a nest that is split (LoopSplit.cpp).
void emitSplit(KernelModule &module, const LoopNest &nest, const Split &split);

/// Rows of streamed columns that are read side by side: each is a stream that the prefetcher
/// follows, and they spare the accumulators ways to memory.
inline constexpr int64_t kStreams = 8;

/// Elements (of 4 KB as f32) that a stream is prefetched ahead, so as not to wait for outer memory.
inline constexpr int64_t kStreamAhead = 1024;

/// Work of a task, in operations: large against a fork, small against a kernel.
inline constexpr double kTaskWork = 32768;

} // namespace dl

#endif // DL_LIB_CODEGEN_LOOPNEST_H
