//===- SplitProductEmitter.h - The phases of a product by tiles -*- C++ -*-===//
//
//   split A, split B   of what no cut divides: the image and the panels, in the
//                      workspace
//   multiply           pieces, whose operands are split before where the phases above
//                      did not, by blocks of tiles; each block goes through a buffer in
//                      scratch to the epilogue, or is a partial sum
//   finish             as in ContractionEmitter.h
//
//===----------------------------------------------------------------------===//

#ifndef DL_LIB_CODEGEN_SPLITPRODUCTEMITTER_H
#define DL_LIB_CODEGEN_SPLITPRODUCTEMITTER_H

#include "ContractionEmitter.h"
#include "SplitProduct.h"

namespace dl {

class SplitProductEmitter {
public:
  SplitProductEmitter(KernelModule &module, const ContractionBody &body,
                      const ContractionDescriptor &descriptor, const SplitProduct &product);

  void emit();

private:
  /// h, m and l of 16 elements, each in the high half of 32 bits.
  using Parts = std::array<mlir::Value, kSplitParts>;
  /// Where a block of tiles is in its piece. `index`: of each dimension of the descriptor
  /// outside the axes; `row`: the first position of the row axis; `sums`: of the buffer.
  struct Block {
    llvm::SmallVector<mlir::Value> index;
    mlir::Value row, column, image, panel, sums;
  };

  /// Loops over pieces of columns; over panels: the first column, and where they go; over
  /// blocks: items and column blocks.
  using ColumnLoop = llvm::function_ref<void(llvm::function_ref<void(mlir::Value)>)>;
  using PanelLoop = llvm::function_ref<void(llvm::function_ref<void(mlir::Value, mlir::Value)>)>;
  using BlockLoop = llvm::function_ref<void(llvm::function_ref<void(mlir::Value, mlir::Value)>)>;

  // SplitProductParts.cpp
  Parts split(mlir::ImplicitLocOpBuilder &b, Expression &expression, mlir::Value source,
              const Position &position);
  void fetchAhead(PhaseBuilder &phase, const Position &position, int dim, int64_t count);
  void storeForTranspose(PhaseBuilder &phase, int64_t part, mlir::Value number, mlir::Value vector);
  void transposeParts(PhaseBuilder &phase,
                      llvm::function_ref<void(mlir::Value, int64_t, mlir::Value)> store);

  // SplitProductImage.cpp
  void emitImage();
  void splitImage(PhaseBuilder &phase, Expression &expression);
  void splitImageUnit(PhaseBuilder &phase, Expression &expression, mlir::Value number);
  int64_t imageUnits() const;
  void copyImageRow(PhaseBuilder &phase, Expression &expression, mlir::Value row);
  void transposeImageBlocks(PhaseBuilder &phase, Expression &expression, mlir::Value number);
  void transposeBlock(PhaseBuilder &phase, Expression &expression, const Position &position,
                      mlir::Value at, mlir::Value across, mlir::Value along);
  void clearBehindImage(PhaseBuilder &phase);
  void clearImage(PhaseBuilder &phase, mlir::Value at, int64_t count);

  // SplitProductPanels.cpp
  void emitPanels();
  void splitPanelsOfPiece(PhaseBuilder &phase, Expression &expression);
  void splitPanels(PhaseBuilder &phase, Expression &expression, mlir::Value batch,
                   mlir::Value first, mlir::Value end, mlir::Value block);
  void packColumns(PhaseBuilder &phase, Expression &expression,
                   llvm::SmallVectorImpl<mlir::Value> &index, mlir::Value firstK,
                   const PanelLoop &overPanels);
  void packTransposed(PhaseBuilder &phase, Expression &expression,
                      llvm::SmallVectorImpl<mlir::Value> &index, mlir::Value firstK,
                      mlir::Value column, mlir::Value at);
  bool packsTransposed() const;
  Position positionOf(mlir::ImplicitLocOpBuilder &b, OperandIndex operand,
                      llvm::ArrayRef<mlir::Value> index) const;

  // SplitProductTiles.cpp
  void emitMultiply();
  void emitTask(PhaseBuilder &phase, Expression &expression);
  void multiplyPiece(PhaseBuilder &phase, Expression &expression, const ColumnLoop &overColumns,
                     const BlockLoop &overBlocks);
  std::pair<mlir::Value, mlir::Value> chunksOfTask(PhaseBuilder &phase) const;
  void enterCuts(mlir::ImplicitLocOpBuilder &b, llvm::ArrayRef<SplitCut> cuts, mlir::Value number);
  Block enterBlock(PhaseBuilder &phase, mlir::Value item, mlir::Value columnBlock,
                   mlir::Value piece) const;
  void multiplyTiles(PhaseBuilder &phase, const Block &block);
  void multiplyStep(PhaseBuilder &phase, mlir::Value image, mlir::Value panel);
  void keepStoring(PhaseBuilder &phase);
  void loopOverK(PhaseBuilder &phase, unsigned level, mlir::Value image, mlir::Value panel,
                 llvm::function_ref<void(mlir::Value, mlir::Value)> body) const;
  void configureTiles(PhaseBuilder &phase);

  // SplitProductResults.cpp
  void finishBlock(PhaseBuilder &phase, Expression &expression, const Block &block);
  mlir::Value hasNonFinite(PhaseBuilder &phase, const Block &block);
  void recompute(PhaseBuilder &phase, Expression &expression, const Block &block);
  mlir::Value recomputeVector(PhaseBuilder &phase, Expression &expression,
                              llvm::SmallVectorImpl<mlir::Value> &index);
  mlir::Value recomputeStep(PhaseBuilder &phase, Expression &expression,
                            llvm::ArrayRef<mlir::Value> index, mlir::Value sum);
  void forEachRow(PhaseBuilder &phase, const Block &block,
                  llvm::function_ref<void(mlir::Value, llvm::ArrayRef<mlir::Value>)> body);
  void storeSums(PhaseBuilder &phase, Expression &expression, const Position &position,
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
                            Position &position) const;
  mlir::Value image(PhaseBuilder &phase) const;
  mlir::Value panelsAs(PhaseBuilder &phase, mlir::Type type) const;
  mlir::Value buffer(PhaseBuilder &phase) const;
  mlir::Value transposeBuffer(PhaseBuilder &phase) const;
  /// Memory of an operand's parts: of the task, or of all.
  mlir::Value partsOf(PhaseBuilder &phase, OperandIndex operand, mlir::Type type) const;

  // Pieces.
  /// The index in the whole iteration of one in the piece.
  mlir::Value indexOf(mlir::ImplicitLocOpBuilder &b, int dim, mlir::Value index) const;
  /// What the piece adds to the indices of a tensor's dimension; the same to `index`.
  mlir::Value movedBy(mlir::ImplicitLocOpBuilder &b, OperandIndex operand, int dim,
                      mlir::Value index) const;
  /// Whether indices of the piece are inside the iteration; null: all are.
  mlir::Value isInside(mlir::ImplicitLocOpBuilder &b, llvm::ArrayRef<int> dims,
                       llvm::ArrayRef<mlir::Value> index) const;
  llvm::SmallVector<int> reductionDims() const;
  /// Whether pieces reach past a tensor's dimension.
  bool leaves(OperandIndex operand, int dim) const;

  KernelModule &module;
  const ContractionBody &body;
  const ContractionDescriptor &d;
  const SplitProduct &p;
  ContractionStrategy strategy;
  ContractionEmitter base;
  /// The description with the extents that pieces reach.
  ContractionDescriptor reached;
  /// For each dimension, the first index of the piece; null: 0. The part of K.
  llvm::SmallVector<mlir::Value> starts;
  mlir::Value part;
  int64_t offsets[2] = {0, 0}, bufferOffset = 0, transposeOffset = 0, storedOffset = 0;
};

} // namespace dl

#endif // DL_LIB_CODEGEN_SPLITPRODUCTEMITTER_H
