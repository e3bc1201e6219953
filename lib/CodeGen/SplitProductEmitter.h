//===- SplitProductEmitter.h - The phases of a product by tiles -*- C++ -*-===//
//
//   split A, split B   of what no cut divides: the image and the panels, in the
//                      workspace, or by each worker in its scratch
//   multiply           pieces, whose operands are split on the way where the phases
//                      above did not, by blocks of tiles; each block goes through a
//                      buffer in scratch to the epilogue, or is a partial sum
//   finish             as in ContractionEmitter.h
//
//===----------------------------------------------------------------------===//

#ifndef DL_LIB_CODEGEN_SPLITPRODUCTEMITTER_H
#define DL_LIB_CODEGEN_SPLITPRODUCTEMITTER_H

#include "ContractionEmitter.h"
#include "SharedLoop.h"
#include "SplitProduct.h"

#include <optional>
#include <utility>

namespace dl {

class SplitProductEmitter {
public:
  SplitProductEmitter(KernelModule &module, const ContractionBody &body,
                      const ContractionDescriptor &descriptor, const SplitProduct &product);

  void emit();

private:
  /// Where a block of tiles is in its piece. `index`: of each dimension of the descriptor
  /// outside the axes; `row`: the first position of the row axis; `sums`: of the buffer;
  /// `number`: how many come before.
  struct Block {
    llvm::SmallVector<mlir::Value> index;
    mlir::Value row, column, image, panel, sums, number;
  };
  /// A piece: for each dimension, its first index (null: 0), and where its parts start.
  struct Place {
    llvm::SmallVector<mlir::Value> starts;
    mlir::Value image, panels;
  };
  /// The pieces of a task and the part of K that it adds up; pieces and images of all tasks before.
  struct TaskRanges {
    mlir::Value firstRow, rows, firstColumn, columns, firstChunk, chunks, part, firstPiece,
        firstImage;
  };
  /// A piece: the numbers of its column, image and chunk in the task.
  struct TaskPiece {
    mlir::Value column, image, chunk;
    Place place;
  };
  /// A task, how many pieces it has, and the one that the worker comes to next, if there is one.
  struct TaskSequence {
    TaskRanges current, following;
    mlir::Value pieces, hasFollowing;
  };
  /// The piece after another, whether there is one, and whether its image is another one.
  struct NextPiece {
    TaskPiece piece;
    mlir::Value exists, isNewImage;
  };
  /// 16 x 32 elements of an operand on their way to parts: 16 slots alike, then, where parts are
  /// transposed, each of them. Whether anything reads it; null: it is read. (Where taps are left
  /// out, units are not split between products, and so not asked there.)
  struct Unit {
    std::optional<SharedLoop> slots, transposes;
    mlir::Value isRead;
  };
  static constexpr int64_t kUnitSlots = 16;
  /// What is split between the products of a piece: units of an operand at a place; steps passed
  /// before this piece.
  struct Ahead {
    OperandIndex operand = kA;
    Place place;
    mlir::Value steps, units;
  };
  /// The unit of a step, and which of the unit's steps that is; slots of a step, and how many
  /// steps transpose parts.
  struct DueUnit {
    const Ahead *ahead = nullptr;
    Unit unit;
    mlir::Value step, isUnit;
    int64_t slots = kUnitSlots, stepsOfParts = 0;
  };

  // SplitProductParts.cpp
  static mlir::Value load(mlir::ImplicitLocOpBuilder &b, Expression &expression, mlir::Value source,
                          const Position &position);
  void storeForTranspose(PhaseBuilder &phase, OperandIndex operand, int64_t part,
                         mlir::Value number, mlir::Value vector);
  void transposePart(PhaseBuilder &phase, OperandIndex operand, mlir::Value part,
                     llvm::function_ref<void(int64_t, mlir::Value)> store);
  Unit unit(PhaseBuilder &phase, Expression &expression, OperandIndex operand, mlir::Value number);
  void splitUnits(PhaseBuilder &phase, Expression &expression, OperandIndex operand,
                  mlir::Value first, mlir::Value end);
  void emitSplitting(OperandIndex operand);

  // SplitProductImage.cpp
  Unit imageUnit(PhaseBuilder &phase, Expression &expression, mlir::Value number);
  Unit transposedUnit(PhaseBuilder &phase, Expression &expression, mlir::Value number);
  void copyBlock(PhaseBuilder &phase, Expression &expression, mlir::Value number);
  void clearBehindImage(PhaseBuilder &phase, mlir::Value start);

  // SplitProductPanels.cpp
  Unit panelUnit(PhaseBuilder &phase, Expression &expression, mlir::Value number);
  void packColumns(PhaseBuilder &phase, Expression &expression,
                   llvm::ArrayRef<mlir::Value> indexOfPanel, mlir::Value firstK, mlir::Value at,
                   mlir::Value pair);
  void packTransposed(PhaseBuilder &phase, Expression &expression,
                      llvm::ArrayRef<mlir::Value> indexOfPanel, mlir::Value lane);
  bool packsTransposed() const;
  Position positionOf(mlir::ImplicitLocOpBuilder &b, OperandIndex operand,
                      llvm::ArrayRef<mlir::Value> index) const;

  // SplitProductPieces.cpp
  void emitMultiply();
  void emitPieces(PhaseBuilder &phase, Expression &expression);
  void emitBlocks(PhaseBuilder &phase, Expression &expression);
  std::pair<mlir::Value, mlir::Value> takeGroup(PhaseBuilder &phase, mlir::Value &rest,
                                                int64_t total, int64_t size) const;
  std::pair<mlir::Value, mlir::Value> chunksOfPart(PhaseBuilder &phase, mlir::Value part) const;
  TaskRanges rangesOf(PhaseBuilder &phase, mlir::Value task) const;
  TaskPiece pieceOf(PhaseBuilder &phase, const TaskRanges &ranges, mlir::Value number);
  void multiplyPiece(PhaseBuilder &phase, Expression &expression, const TaskRanges &ranges,
                     const TaskPiece &piece);
  NextPiece nextPiece(PhaseBuilder &phase, const TaskSequence &tasks, mlir::Value number);
  void setAhead(PhaseBuilder &phase, const TaskSequence &tasks, const TaskPiece &piece,
                const NextPiece &next);
  void splitRest(PhaseBuilder &phase, Expression &expression, const TaskSequence &tasks,
                 const NextPiece &next, mlir::Value number);
  Block enterBlock(PhaseBuilder &phase, mlir::Value item, mlir::Value columnBlock) const;
  llvm::SmallVector<DueUnit> dueUnits(PhaseBuilder &phase, Expression &expression,
                                      mlir::Value step);
  void splitBetween(PhaseBuilder &phase, const DueUnit &unit, int64_t product, int64_t count);
  void transposeAfter(PhaseBuilder &phase, const DueUnit &unit);

  // SplitProductTiles.cpp
  void multiplyBlock(PhaseBuilder &phase, Expression &expression, const Block &block,
                     mlir::Value isFirst, mlir::Value isLast);
  void loopOverK(PhaseBuilder &phase, llvm::SmallVectorImpl<mlir::Value> &index, unsigned level,
                 mlir::Value image, mlir::Value first,
                 llvm::function_ref<void(mlir::Value, mlir::Value)> body) const;

  // SplitProductResults.cpp
  void fetchRows(PhaseBuilder &phase, const Block &block, mlir::Value step, mlir::Value isLast);
  void finishBlock(PhaseBuilder &phase, Expression &expression, const Block &block);
  mlir::Value hasNonFinite(PhaseBuilder &phase, const Block &block);
  void recompute(PhaseBuilder &phase, Expression &expression, const Block &block);
  mlir::Value recomputeVector(PhaseBuilder &phase, Expression &expression,
                              llvm::SmallVectorImpl<mlir::Value> &index);
  mlir::Value recomputeStep(PhaseBuilder &phase, Expression &expression,
                            llvm::ArrayRef<mlir::Value> index, mlir::Value sum);
  void forEachRow(PhaseBuilder &phase, const Block &block,
                  llvm::function_ref<void(mlir::Value, llvm::ArrayRef<mlir::Value>)> body);
  void storeVector(PhaseBuilder &phase, Expression &expression, const Position &position,
                   mlir::Value sum);
  void storeTransposedTile(PhaseBuilder &phase, Expression &expression, const Block &block,
                           mlir::Value row, mlir::Value column);
  void storeRow(PhaseBuilder &phase, Expression &expression, const Block &block, mlir::Value number,
                llvm::ArrayRef<mlir::Value> index);
  bool fillsBlocks() const;
  mlir::Value inColumns(mlir::ImplicitLocOpBuilder &b, mlir::Value column) const;

  /// Takes a position of an axis apart. Returns whether it is a point of the
  /// iteration; null where every position up to `positions` is.
  mlir::Value decode(mlir::ImplicitLocOpBuilder &b, const SplitAxis &axis, mlir::Value position,
                     int64_t positions, llvm::SmallVectorImpl<mlir::Value> &index) const;
  /// The row of the image of A's other dimensions, and whether it is inside.
  mlir::Value imagePosition(PhaseBuilder &phase, mlir::Value row, llvm::ArrayRef<int> dims,
                            Position &position, bool isRounded = false) const;
  /// Where an index of a dimension of the descriptor is in the image, `at` being that of index 0
  /// (of taps, of place 0).
  mlir::Value inImage(mlir::ImplicitLocOpBuilder &b, mlir::Value at, int dim,
                      mlir::Value index) const;
  mlir::Value image(PhaseBuilder &phase) const;
  mlir::Value panelsAs(PhaseBuilder &phase, mlir::Type type) const;
  mlir::Value buffer(PhaseBuilder &phase) const;
  mlir::Value transposeBuffer(PhaseBuilder &phase, OperandIndex operand, mlir::Type type) const;
  /// Where the parts of the piece start, in elements of the image, and in pairs of those of panels.
  mlir::Value imageStart(PhaseBuilder &phase) const;
  mlir::Value panelStart(PhaseBuilder &phase) const;
  bool isInScratch(OperandIndex operand) const {
    return p.isSplitByTask(operand) || p.byEachWorker == operand;
  }
  /// Memory of an operand's parts: of the worker, or of all.
  mlir::Value partsOf(PhaseBuilder &phase, OperandIndex operand, mlir::Type type) const;

  // Pieces.
  void enterCuts(mlir::ImplicitLocOpBuilder &b, llvm::ArrayRef<SplitCut> cuts, mlir::Value number);
  /// Emits something for another piece.
  void inPlace(const Place &place, llvm::function_ref<void()> emit) {
    Place before = std::exchange(here, place);
    emit();
    here = before;
  }
  /// The index in the whole iteration of one in the piece.
  mlir::Value indexOf(mlir::ImplicitLocOpBuilder &b, int dim, mlir::Value index) const;
  /// What the piece adds to the indices of a tensor's dimension; the same to `index`.
  mlir::Value movedBy(mlir::ImplicitLocOpBuilder &b, OperandIndex operand, int dim,
                      mlir::Value index) const;
  /// Whether indices of the piece are inside the iteration; null: all are.
  mlir::Value isInside(mlir::ImplicitLocOpBuilder &b, llvm::ArrayRef<int> dims,
                       llvm::ArrayRef<mlir::Value> index) const;
  /// Whether a point of the iteration has an element of B; null: each has.
  mlir::Value meetsB(mlir::ImplicitLocOpBuilder &b, llvm::ArrayRef<mlir::Value> index) const;
  llvm::SmallVector<int> reductionDims() const;
  /// Whether pieces reach past a tensor's dimension.
  bool leaves(OperandIndex operand, int dim) const;
  /// The same of an image, which has whole strides.
  bool imageLeaves(int dim) const;

  KernelModule &module;
  const ContractionBody &body;
  const ContractionDescriptor &d;
  const SplitProduct &p;
  ContractionStrategy strategy;
  ContractionEmitter base;
  /// The description with the extents that pieces reach.
  ContractionDescriptor reached;
  /// The piece, and the part of K.
  Place here;
  mlir::Value part;
  llvm::SmallVector<Ahead> ahead;
  int64_t offsets[2] = {0, 0}, transposeOffsets[2] = {0, 0};
  int64_t bufferOffset = 0, turnedOffset = 0, storedOffset = 0;
};

/// Whether the products of a block fetch what its epilogue reads and writes from outer memory.
bool fetchesResults(const ContractionBody &body, const ContractionDescriptor &descriptor,
                    const SplitProduct &product, const KernelModule &module);
/// Whether whole vectors of results go past the caches.
bool storesPast(const ContractionBody &body, const ContractionDescriptor &descriptor,
                const SplitProduct &product, const KernelModule &module);

} // namespace dl

#endif // DL_LIB_CODEGEN_SPLITPRODUCTEMITTER_H
