//===- SplitProductEmitter.h - The phases of a product by tiles -*- C++ -*-===//
//
//   split A, split B   the image and the panels, in the workspace
//   multiply           blocks of tiles; each goes through a buffer in scratch to
//                      the epilogue, or is a partial sum
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
  /// Where a block of tiles is. `index`: of each dimension of the descriptor
  /// outside the axes; `row`: the first position of the row axis.
  struct Block {
    llvm::SmallVector<mlir::Value> index;
    mlir::Value row, column, image, panel, part;
  };

  // SplitProductStaging.cpp
  void emitImage();
  void copyImageRow(PhaseBuilder &phase, Expression &expression, mlir::Value row);
  void transposeImageRow(PhaseBuilder &phase, Expression &expression, mlir::Value row);
  void transposeBlock(PhaseBuilder &phase, Expression &expression, const Position &position,
                      mlir::Value at, mlir::Value across, mlir::Value along);
  void clearBehindImage(PhaseBuilder &phase);
  void clearImage(PhaseBuilder &phase, mlir::Value at, int64_t count);
  void emitPanels();
  void packBlock(PhaseBuilder &phase, Expression &expression,
                 llvm::SmallVectorImpl<mlir::Value> &index, mlir::Value firstK, mlir::Value column,
                 mlir::Value at);
  void packColumns(PhaseBuilder &phase, Expression &expression,
                   llvm::SmallVectorImpl<mlir::Value> &index, mlir::Value firstK,
                   mlir::Value column, mlir::Value at);
  void packTransposed(PhaseBuilder &phase, Expression &expression,
                      llvm::SmallVectorImpl<mlir::Value> &index, mlir::Value firstK,
                      mlir::Value column, mlir::Value at);
  bool packsTransposed() const;
  void storeForTranspose(PhaseBuilder &phase, int64_t part, mlir::Value number, mlir::Value vector);
  void transposeParts(PhaseBuilder &phase,
                      llvm::function_ref<void(mlir::Value, int64_t, mlir::Value)> store);
  Position positionOf(mlir::ImplicitLocOpBuilder &b, OperandIndex operand,
                      llvm::ArrayRef<mlir::Value> index) const;
  Parts split(mlir::ImplicitLocOpBuilder &b, Expression &expression, mlir::Value source,
              const Position &position);

  // SplitProductTiles.cpp
  void emitMultiply();
  void emitTask(PhaseBuilder &phase, Expression &expression);
  void emitBlock(PhaseBuilder &phase, Expression &expression, Block block, mlir::Value item,
                 mlir::Value columnBlock);
  void multiplyTiles(PhaseBuilder &phase, const Block &block);
  void multiplyStep(PhaseBuilder &phase, mlir::Value image, mlir::Value panel);
  /// What happens at a run of K, given its place in the image and the panel and
  /// the values carried so far.
  using RunBody = llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value, mlir::Value,
                                                                    mlir::ValueRange)>;
  llvm::SmallVector<mlir::Value> loopOverK(PhaseBuilder &phase, const Block &block, unsigned level,
                                           mlir::Value image, mlir::Value panel,
                                           mlir::ValueRange carried, RunBody body) const;
  /// The blocks of 32 of the run that the part of K has.
  std::pair<mlir::Value, mlir::Value> partOfK(PhaseBuilder &phase, const Block &block,
                                              int64_t extent, bool isSplit) const;
  mlir::Value hasNonFinite(PhaseBuilder &phase);
  void recompute(PhaseBuilder &phase, const Block &block);
  mlir::Value recomputeVector(PhaseBuilder &phase, const Block &block, mlir::Value image,
                              mlir::Value panel);
  mlir::Value elementOfA(PhaseBuilder &phase, mlir::Value at) const;
  mlir::Value elementsOfB(PhaseBuilder &phase, mlir::Value panel, mlir::Value k) const;
  void storeBlock(PhaseBuilder &phase, Expression &expression, const Block &block);
  void storeRow(PhaseBuilder &phase, Expression &expression, const Block &block, mlir::Value number,
                llvm::ArrayRef<mlir::Value> index);
  void configureTiles(PhaseBuilder &phase);

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
  int64_t blockRows() const { return p.rowTiles * kTileRows; }
  int64_t bufferColumns() const { return p.columnTiles * kTileColumns; }

  KernelModule &module;
  const ContractionBody &body;
  const ContractionDescriptor &d;
  const SplitProduct &p;
  ContractionStrategy strategy;
  ContractionEmitter base;
  int64_t imageOffset = 0, panelsOffset = 0, bufferOffset = 0, transposeOffset = 0;
};

} // namespace dl

#endif // DL_LIB_CODEGEN_SPLITPRODUCTEMITTER_H
