//===- ContractionEmitter.h - The phases of a contraction -------*- C++ -*-===//
//
// A contraction runs in up to four phases:
//
//   stage A, stage B   copy or pack an operand into the workspace
//   multiply           the loops around the micro-kernel; each tile of the result
//                      passes the epilogue in registers, or is a partial sum
//   finish             sums the parts of a split K, in order, then the epilogue
//
//===----------------------------------------------------------------------===//

#ifndef DL_LIB_CODEGEN_CONTRACTIONEMITTER_H
#define DL_LIB_CODEGEN_CONTRACTIONEMITTER_H

#include "ContractionMicroKernel.h"
#include "Expression.h"
#include "VectorTranspose.h"
#include "dl/CodeGen/ContractionStrategy.h"

#include <memory>

namespace dl {

/// What a contraction kernel computes beside the contraction itself.
struct ContractionBody {
  mlir::Operation *anchor = nullptr;
  /// The sum of B over all but its last dimension (a bias gradient), or null.
  SumOp side;
  /// Results of the kernel, by what they are made from.
  llvm::SmallVector<unsigned> results, sideResults;

  static mlir::FailureOr<ContractionBody> get(KernelOp kernel);
};

/// Indices of a loop over K, at run time.
struct Bounds {
  mlir::Value lower, upper;

  /// Makes a loop stay inside.
  void narrow(mlir::ImplicitLocOpBuilder &b, ReductionLoop &loop) const;
};

class ContractionEmitter {
public:
  ContractionEmitter(KernelModule &module, const ContractionBody &body,
                     const ContractionDescriptor &descriptor, const ContractionStrategy &strategy);

  void emit();
  /// The residues of a strided gradient, in one phase.
  static void emitResidues(KernelModule &module,
                           llvm::ArrayRef<std::unique_ptr<ContractionEmitter>> residues);
  const ContractionStrategy &strategy() const { return s; }
  double flops() const { return d.flops(); }

protected:
  friend class SplitProductEmitter;
  /// Where the loops are: per dimension of the strategy, the first index of the
  /// tile and its number; per operand, the flat index.
  struct Place {
    llvm::SmallVector<mlir::Value> index, tile;
    mlir::Value base[3];
    /// Partials: the part of K, and the part of the dimension that is split.
    mlir::Value part, chunk;
    /// The part of the rows.
    mlir::Value rowPart;
    /// The flat index in A and B as they are, where tasks pack them.
    mlir::Value source[2];
    /// Whether this is the first and the last chunk of K; null: it is.
    mlir::Value isFirstChunk, isLastChunk;
    /// Per dimension of K, the indices that lie inside A and B; null: all do, as far as
    /// is known.
    llvm::SmallVector<Bounds> inside;
    /// Where the panel of B that is packed next comes from.
    mlir::Value nextPanel;
    /// Whether these rows are the first ones that read the panel of B; null: they may be.
    mlir::Value isFirstRows;
  };
  /// A register tile: rows as distances from the place's indices, and columns.
  struct TileShape {
    llvm::SmallVector<llvm::SmallVector<int64_t>> rows;
    /// The number of the tile along each dimension; -1: known at run time only, no
    /// special tile.
    llvm::SmallVector<int64_t> tile;
    int64_t vectors = 1;
    /// Columns of the last vector; `lanes` where it is full.
    int64_t tailLanes = 1;
    bool sumsB = false;
  };

  /// Emits what the multiplication reads from workspace, unless one of `others` did.
  void stage(llvm::ArrayRef<std::unique_ptr<ContractionEmitter>> others);
  void multiply(PhaseBuilder &phase);

  // ContractionStaging.cpp
  void emitStaging(OperandIndex operand);
  void addStaging(OperandIndex operand, int64_t tasks,
                  llvm::function_ref<void(PhaseBuilder &)> emit);
  void emitCopy(OperandIndex operand);
  void copyBlock(PhaseBuilder &phase, Expression &expression, OperandIndex operand,
                 llvm::SmallVectorImpl<mlir::Value> &indices, mlir::Value target, mlir::Value at);
  void copyRow(PhaseBuilder &phase, Expression &expression, mlir::Value source,
               llvm::ArrayRef<mlir::Value> indices, mlir::Value target, mlir::Value at);
  void copyRun(PhaseBuilder &phase, mlir::Value source, mlir::Value from, int64_t count,
               mlir::Value target, mlir::Value at);
  void emitPanels(OperandIndex operand);
  void emitColumns();
  void packColumnsOf(PhaseBuilder &phase, Expression &expression, unsigned level,
                     llvm::SmallVectorImpl<mlir::Value> &index, mlir::Value target, mlir::Value at);
  void packBlock(PhaseBuilder &phase, Expression &expression, llvm::ArrayRef<mlir::Value> index,
                 int64_t first, int64_t count, mlir::Value target, mlir::Value at);
  llvm::SmallVector<mlir::Value> taskIndex(PhaseBuilder &phase, OperandIndex operand, int part,
                                           mlir::Value rest);
  void packPanel(PhaseBuilder &phase, Expression &expression, OperandIndex operand, unsigned level,
                 llvm::SmallVectorImpl<mlir::Value> &index, mlir::Value target, mlir::Value at,
                 mlir::Value panels);
  int64_t panelsTogether(OperandIndex operand) const;
  bool isPackingRare(OperandIndex operand) const;
  void whereMet(PhaseBuilder &phase, OperandIndex operand, unsigned level,
                llvm::ArrayRef<mlir::Value> index, llvm::function_ref<void()> pack);
  void packColumns(PhaseBuilder &phase, Expression &expression, OperandIndex operand,
                   llvm::ArrayRef<mlir::Value> index, mlir::Value target, mlir::Value at);
  void packTransposed(PhaseBuilder &phase, Expression &expression,
                      llvm::SmallVectorImpl<mlir::Value> &index, mlir::Value target,
                      mlir::Value at);
  // ContractionGroups.cpp
  void packGroups(PhaseBuilder &phase, Expression &expression, llvm::ArrayRef<mlir::Value> index,
                  mlir::Value target, mlir::Value at);

  mlir::Value insideOf(mlir::ImplicitLocOpBuilder &b, OperandIndex operand,
                       llvm::ArrayRef<mlir::Value> index) const;
  Position sourcePosition(mlir::ImplicitLocOpBuilder &b, OperandIndex operand,
                          llvm::ArrayRef<mlir::Value> index) const;
  int innermostK() const;

  // ContractionBlocks.cpp
  void packInTask(PhaseBuilder &phase, OperandIndex operand, const Place &place);
  void packTaskPanel(PhaseBuilder &phase, OperandIndex operand, llvm::ArrayRef<ReductionLoop> loops,
                     mlir::Value source, mlir::Value target, mlir::Value columnsLeft);
  void packTaskRows(PhaseBuilder &phase, OperandIndex operand, const ReductionLoop &loop,
                    mlir::Value source, mlir::Value target, mlir::Value columnsLeft);
  void packTaskTransposed(PhaseBuilder &phase, OperandIndex operand, const ReductionLoop &loop,
                          mlir::Value source, mlir::Value target, mlir::Value columnsLeft);
  int panelDim(OperandIndex operand) const;
  void addPrefetch(PhaseBuilder &phase, const Place &place, MicroKernel &kernel) const;
  void addColumnPrefetch(PhaseBuilder &phase, const Place &place, MicroKernel &kernel) const;
  bool isCommon(const TileShape &shape, DimRole role) const;
  void readInPlace(PhaseBuilder &phase, OperandIndex operand, const Place &place,
                   MicroKernel &kernel) const;
  void packAlongside(PhaseBuilder &phase, OperandIndex operand, const Place &place,
                     MicroKernel &kernel) const;
  llvm::SmallVector<mlir::Value> emitAndPackB(PhaseBuilder &phase, const Place &place,
                                              const TileShape &shape, const MicroKernel &kernel,
                                              llvm::ArrayRef<mlir::Value> sums);
  llvm::SmallVector<mlir::Value> emitProducts(PhaseBuilder &phase, const Place &place,
                                              const TileShape &shape, const MicroKernel &kernel,
                                              llvm::ArrayRef<mlir::Value> sums);
  Place enterChunk(mlir::ImplicitLocOpBuilder &b, Place place, mlir::Value tile, mlir::Value lower,
                   mlir::Value upper) const;
  mlir::Value nextPanel(mlir::ImplicitLocOpBuilder &b, const Place &place, unsigned level) const;
  llvm::SmallVector<mlir::Value> startSums(PhaseBuilder &phase, const Place &place,
                                           const TileShape &shape);
  /// Memory and index of the sums of B that a tile brings along.
  std::pair<mlir::Value, mlir::Value> sideSums(PhaseBuilder &phase, const Place &place,
                                               mlir::Value column) const;

  // ContractionLoops.cpp
  void emitMultiply();
  mlir::Value amongAllRows(PhaseBuilder &phase, mlir::Value task) const;
  void emitTask(PhaseBuilder &phase, Expression &expression);
  void emitLoops(PhaseBuilder &phase, Expression &expression, unsigned level, Place place);
  void emitTiles(PhaseBuilder &phase, Expression &expression, const Place &place);
  void emitTile(PhaseBuilder &phase, Expression &expression, const Place &place,
                const TileShape &shape);
  Place enter(mlir::ImplicitLocOpBuilder &b, const Place &place, int loop, mlir::Value tile) const;
  TileShape tileShape(llvm::ArrayRef<int64_t> tile, bool lastColumns, bool sumsB) const;
  bool isRare(const TileShape &shape) const;
  llvm::SmallVector<mlir::Value> columnsAhead(mlir::ImplicitLocOpBuilder &b,
                                              const Place &place) const;
  void fetchPanel(mlir::ImplicitLocOpBuilder &b, const Place &place, MicroKernel &kernel) const;
  /// The part of the loops' bounds that is this place's: its chunk, or its part.
  llvm::SmallVector<ReductionLoop> reductionLoops(mlir::ImplicitLocOpBuilder &b, const Place &place,
                                                  const TileShape &shape) const;
  std::pair<mlir::Value, mlir::Value> boundsOf(mlir::ImplicitLocOpBuilder &b, const Place &place,
                                               int loop) const;
  /// Elements from the tile's first row to `row` in an operand.
  int64_t rowOffset(llvm::ArrayRef<int64_t> row, OperandIndex operand) const;
  // ContractionClips.cpp
  void enterClips(mlir::ImplicitLocOpBuilder &b, int loop, Place &place) const;
  void clipRows(const Clip &clip, const TileShape &shape, ReductionLoop &loop) const;
  Place enterRowPart(mlir::ImplicitLocOpBuilder &b, Place place, mlir::Value part) const;
  Place enterPart(mlir::ImplicitLocOpBuilder &b, Place place, mlir::Value part) const;

  // ContractionFetch.cpp
  void fetchResults(PhaseBuilder &phase, const Place &place, const TileShape &shape) const;
  void fetchRow(PhaseBuilder &phase, llvm::ArrayRef<mlir::Value> indices, int64_t columns) const;

  // ContractionResults.cpp
  void storeSums(PhaseBuilder &phase, const Place &place, const TileShape &shape,
                 llvm::ArrayRef<mlir::Value> sums);
  void storeResults(PhaseBuilder &phase, Expression &expression, const Place &place,
                    const TileShape &shape, llvm::ArrayRef<mlir::Value> sums);
  void storeTile(PhaseBuilder &phase, Expression &expression, const Place &place,
                 const TileShape &shape, llvm::ArrayRef<mlir::Value> sums);
  void storeTransposedVectors(PhaseBuilder &phase, Expression &expression, const Place &place,
                              const TileShape &shape, int64_t active,
                              llvm::function_ref<mlir::Value(int64_t)> vectorOf);
  bool turnsTiles() const;
  void storeTransposedTile(PhaseBuilder &phase, Expression &expression, const Place &place,
                           const TileShape &shape, llvm::ArrayRef<mlir::Value> sums);
  void storeColumn(PhaseBuilder &phase, Expression &expression, const Place &place,
                   llvm::ArrayRef<int64_t> at, mlir::Value elements, int64_t active);
  void storeSide(PhaseBuilder &phase, Expression &expression, const Place &place,
                 const TileShape &shape, llvm::ArrayRef<mlir::Value> sums);
  void clearScratch(PhaseBuilder &phase);
  void sweepScratch(PhaseBuilder &phase, Expression &expression, const Place &place);
  void sweepColumns(PhaseBuilder &phase, Expression &expression, const Place &place,
                    bool lastColumns);
  void emitFinish();
  void emitSideFinish();
  void emitSideAlone();
  void writeResult(PhaseBuilder &phase, Expression &expression, const Position &position,
                   mlir::Value sum);
  void writeSide(PhaseBuilder &phase, Expression &expression, mlir::Value column, mlir::Value mask,
                 mlir::Value sum);
  /// The index of each dimension of a tensor; columns from the place's first.
  llvm::SmallVector<mlir::Value> tensorIndices(mlir::ImplicitLocOpBuilder &b, const Place &place,
                                               llvm::ArrayRef<int64_t> row,
                                               OperandIndex operand) const;

  mlir::Value memoryOf(PhaseBuilder &phase, OperandIndex operand) const;
  mlir::VectorType vectorType() const { return mlir::VectorType::get({s.lanes}, d.element); }
  /// Lanes of the pieces that blocks of so many rows or columns are transposed in.
  int64_t pieceLanes(int64_t count) const;
  int64_t bytes(int64_t elements) const { return elements * storageBytes(d.element); }
  mlir::Value maskFor(mlir::ImplicitLocOpBuilder &b, int64_t active) const;
  /// The last dimension of the result, and of B.
  int64_t resultColumns() const { return d.operands[kC].shape.back(); }
  int64_t sideColumns() const { return sideOperand().shape.back(); }
  /// What the side reduction sums: the kernel's second operand.
  const ContractionOperand &sideOperand() const { return d.operands[s.isSwapped ? kA : kB]; }

  KernelModule &module;
  const ContractionBody &body;
  const ContractionDescriptor &d;
  const ContractionStrategy &s;
  /// The side reduction needs a phase of its own.
  bool sideAlone = false;
  /// Offsets in workspace (staged operands, partial sums) and scratch (image).
  int64_t stagedOffset[3] = {0, 0, 0};
  int64_t sideOffset = 0;
  /// Where a tile waits that is stored transposed.
  int64_t turnOffset = 0;
  /// What the anchor and the side sum are bound to.
  mlir::Value sum, sideSum;
};

/// Whether an epilogue reads tensors of the result's shape, which lie in outer memory.
bool fetchesResults(const ContractionBody &body, const ContractionDescriptor &descriptor,
                    const KernelModule &module);
/// Whether the tiles of a strategy fetch those.
bool fetchesResults(const ContractionBody &body, const ContractionDescriptor &descriptor,
                    const ContractionStrategy &strategy, const KernelModule &module);

/// Fetches what lies `count` indices of a dimension (negative: none) further on than a vector that
/// is read: pieces of rows no hardware foresees. Of an operand much smaller than the L2 cache that
/// is not worth it; others, of which warm kernels find half there, are in outer memory in a
/// training step.
void fetchAhead(PhaseBuilder &phase, const ContractionOperand &operand, const Position &position,
                int dim, int64_t count);

/// Whether whole vectors of results, none of which an epilogue waits for, go past the caches.
bool storesPast(const ContractionBody &body, const ContractionStrategy &strategy,
                const KernelModule &module);

/// The lanes below `count`, which may be negative or beyond the last.
mlir::Value lanesBelow(mlir::ImplicitLocOpBuilder &b, mlir::Value count, int64_t lanes);

/// Whether `known` (null: true) holds and x equals y.
mlir::Value andEqual(mlir::ImplicitLocOpBuilder &b, mlir::Value known, mlir::Value x,
                     mlir::Value y);

} // namespace dl

#endif // DL_LIB_CODEGEN_CONTRACTIONEMITTER_H
