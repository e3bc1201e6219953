//===- SplitProduct.h - f32 products by bf16 tiles --------------*- C++ -*-===//
//
// Where a CPU multiplies tiles of bf16 (AMX) many times faster than vectors of
// f32, a contraction of f32 takes that way: each element is the sum of three
// bf16, x = h + m + l, each what is left by those before it. Of the nine
// products of parts six matter,
//
//   x * y = hh + hm + mh + mm + hl + lh    (+ less than 2^-22 of it)
//
// and the tiles add them in f32: the error is at or below that of f32
// multiply-adds. Three things differ from those:
//
//  * An infinity and NaN have no such sum, and a sum of parts may overflow where
//    that of products does not. Then a part is no number, nor is any sum that it is
//    in: a block of the result with an element that is not finite is computed again,
//    by f32 multiply-adds of the operands themselves (SplitProductResults.cpp).
//  * Tiles flush denormals: parts and sums below 2^-126 are zero.
//  * The order of the sum differs (it is the same for any number of threads).
//
// The iteration is cut in pieces whose operands fit the L2 cache (SplitProductCuts.cpp),
// of which a task has some, and a worker those of several tasks in a row. It splits the
// operands of the first one into its scratch memory; those of each other one while it
// multiplies the piece before, a few vectors after each product of tiles: products keep a
// unit busy that splitting does not need, but hardware does not look far past them. What no cut
// divides is read by all tasks: each worker splits it by itself, or, where that is too much for its
// L2 cache, or kept from run to run, a phase before does. Splitting costs about a cycle an element,
// more where it is brought from afar, and a multiplication and addition 1/65.
//
// A piece of A is an image: a copy of the tensor, padding included, its dimensions
// permuted, in three planes h, m, l. A tile of it is 16 rows of 32 elements, a
// constant distance apart: rows lie along the *row axis* (dimensions M), the 32
// elements along the *run* (dimensions K), so taps read the same image at another
// place. An axis may be several dimensions that are one in the image; where that
// takes positions that are no point of the iteration (the columns of an image that a
// window cannot start at), rows are computed that nobody stores, and k multiplied by
// zeros of B:
//
//   image rows of 8 columns, windows of 3:   o o o o o o - - o o o o o o - - ...
//
// Where windows are several positions apart and their taps lie between, the image can be
// *deinterleaved*: positions that are as far apart lie side by side, those of each remainder
// by themselves, so that windows of a tap follow one another:
//
//   stride 2:   0 1 2 3 4 5 6 7   ~>   0 2 4 6   1 3 5 7
//
// B is packed in panels of 16 columns: [panel][k / 32][h, m, l][k / 2][column][k % 2].
// Where C has other dimensions of columns (the residues of a strided gradient, batches that
// A does not have), each of their indices has panels of its own for the same image. Taps
// that a residue does not meet are left out, with their panels.
//
//===----------------------------------------------------------------------===//

#ifndef DL_LIB_CODEGEN_SPLITPRODUCT_H
#define DL_LIB_CODEGEN_SPLITPRODUCT_H

#include "TileProduct.h"
#include "dl/CodeGen/CodeGen.h"
#include "dl/CodeGen/ContractionStrategy.h"

#include <optional>

namespace dl {

/// Dimensions of the descriptor as one.
struct SplitAxis {
  /// Outer to inner, and positions from one index to the next; the innermost's is 1.
  llvm::SmallVector<int> dims;
  llvm::SmallVector<int64_t> spans;
  /// Positions up to the last point.
  int64_t length = 0;
};

/// A dimension in blocks of `size` indices, of which the last may be shorter.
struct SplitCut {
  int dim = -1;
  int64_t size = 0, count = 1;
};

/// Number of combinations of the blocks of some dimensions.
int64_t piecesOf(llvm::ArrayRef<SplitCut> cuts);

/// Of a dimension of the iteration that moves inside strides of a deinterleaved image: index i is
/// at place first + i * step of the tensor's dimension.
struct SplitTaps {
  /// The dimensions of the image that the quotient by the stride, and what is left, move along.
  int quotient = -1, residue = -1;
  int64_t stride = 1, unit = 1, first = 0, step = 0;

  int64_t quotientOf(int64_t index) const { return (first + index * step) / stride; }
  int64_t residueOf(int64_t index) const { return (first + index * step) % stride / unit; }
};

struct SplitProduct {
  /// The description with the extents of a piece.
  ContractionDescriptor piece;
  /// Dimensions that are cut, outer to inner: of M and batch, of N, of K.
  llvm::SmallVector<SplitCut> rowCuts, columnCuts, reductionCuts;

  /// The image of A: its dimensions, outer to inner; the indices that it holds and its strides,
  /// for each. These are the tensor's dimensions, and behind them what strides along
  /// `deinterleaved` ones leave.
  llvm::SmallVector<int> order, deinterleaved;
  llvm::SmallVector<IndexRange> ranges;
  llvm::SmallVector<int64_t> imageStrides;
  /// Elements of a row (the innermost dimension, padded), of the image, and of a
  /// plane: the image and what the last tiles read behind it. Where the
  /// iteration's origin lies.
  int64_t rowLength = 0, imageCount = 0, plane = 0, origin = 0;
  /// A vector of the tensor lies along another dimension than a row of the image.
  bool transposes = false;
  /// For each dimension of the descriptor, in the image; 0 for those of `taps`.
  llvm::SmallVector<int64_t> strides;
  llvm::SmallDenseMap<int, SplitTaps> taps;

  /// The description is that with A and B exchanged: rows are the result's columns, blocks of
  /// which are transposed on their way there. The smaller operand can so be the one that is split
  /// across its vectors.
  bool isSwapped = false;
  SplitAxis rows, run;
  int64_t rowStride = 0;
  /// Dimensions outside the axes; `outer`: M, batch, and columns beside `columnDim`.
  llvm::SmallVector<int> outer, outerK;
  int columnDim = -1;
  /// Residues whose taps leave B: products of those are left out.
  bool leavesTapsOut = false;
  /// The block of the result that stays in registers, in tiles.
  int64_t rowTiles = 2, columnTiles = 2;

  /// Pieces of rows that a task passes, and of columns for each; the pieces of K that
  /// a task adds up, and the parts of the sum that makes.
  int64_t rowPiecesOfTask = 1, columnPiecesOfTask = 1, chunksOfPart = 1, parts = 1;
  /// Whether an operand of which a task has a single piece has memory for the next task's, too.
  bool acrossTasks = true;
  /// Where no operand is split by tasks: items (blocks of rows, for each outer index)
  /// and column blocks of a task.
  int64_t itemsOfTask = 1, columnsOfTask = 1;
  /// A block of rows passes all columns before the next one.
  bool columnsInside = true;
  /// Of what tasks do not split: each worker does by itself, in its scratch memory.
  std::optional<OperandIndex> byEachWorker;
  /// Products fetch what the epilogue of their block reads and writes.
  bool fetchesResults = false;
  /// Whole vectors of results are stored past the caches.
  bool storesPast = false;
  /// Estimated cost, in cycles.
  double cycles = 0;

  bool isCut() const { return !rowCuts.empty() || !columnCuts.empty() || !reductionCuts.empty(); }
  /// Whether tasks split their own pieces of A, or of B.
  bool isSplitByTask(OperandIndex operand) const;
  int64_t chunks() const { return piecesOf(reductionCuts); }
  /// Several pieces of K are added up in scratch memory.
  bool accumulates() const { return chunksOfPart > 1; }
  int64_t tasks() const;
  /// Whether tasks that follow one another, of other columns, have the same image.
  bool imageStays() const {
    return isSplitByTask(kA) && rowPiecesOfTask == 1 && chunksOfPart == 1 &&
           piecesOf(columnCuts) > columnPiecesOfTask;
  }
  /// Steps (32 k of a block of tiles) for each unit of the operand's next piece that is split
  /// between their products; 0: none is.
  int64_t stepsOfUnit(OperandIndex operand) const;
  /// Memories that parts of a piece take: a second one where some are split ahead.
  int64_t memories(OperandIndex operand) const { return stepsOfUnit(operand) != 0 ? 2 : 1; }

  // Of a piece:
  int64_t runBlocks() const { return (run.length + kTileK - 1) / kTileK; }
  int64_t blockRows() const { return rowTiles * kTileRows; }
  int64_t blockColumns() const { return columnTiles * kTileColumns; }
  int64_t blockElements() const { return blockRows() * blockColumns(); }
  int64_t rowBlocks() const { return (rows.length + blockRows() - 1) / blockRows(); }
  int64_t columnBlocks() const {
    return (piece.dims[columnDim].extent + blockColumns() - 1) / blockColumns();
  }
  int64_t panels() const { return columnBlocks() * columnTiles; }
  int64_t items() const;
  /// Blocks of 32 k of a panel, and its elements.
  int64_t panelBlocks() const;
  int64_t panelElements() const { return panelBlocks() * kSplitParts * kTileElements; }
  /// Groups of panels, one for each index of the outer dimensions that B has.
  int64_t batches() const;
  int64_t steps() const { return items() * columnBlocks() * panelBlocks(); }
  /// Blocks of 32 elements of a row of the image, as far as tiles read it.
  int64_t imageBlocks() const;
  int rank() const { return static_cast<int>(piece.operands[kA].shape.size()); }
  /// The tensor's dimension that one of the image moves along.
  int tensorDim(int dim) const { return dim < rank() ? dim : deinterleaved[dim - rank()]; }
  /// Elements of the image from one index of the tensor's last dimension to the next.
  int64_t strideAcross() const { return imageStrides[rank() - 1]; }
  /// Elements of the image to the furthest index of a dimension of the descriptor.
  int64_t reach(int dim) const;
  /// Units of 16 x 32 elements that an operand is split in.
  int64_t units(OperandIndex operand) const;
  /// Bytes of the image, of the panels, and of the sums that a task has at a time.
  int64_t imageBytes() const { return plane * kSplitParts * 2; }
  int64_t panelBytes() const { return panelElements() * panels() * batches() * 2; }
  int64_t sumElements() const {
    return accumulates() ? blockElements() * items() * columnBlocks() * columnPiecesOfTask
                         : blockElements();
  }

  std::string describe() const;
};

/// How a contraction, or the one that it is with A and B exchanged, is computed by tiles; none
/// where that cannot be, or is not wanted: where f32 multiply-adds are estimated to be faster.
std::optional<SplitProduct> chooseSplitProduct(const ContractionDescriptor &descriptor,
                                               const CodeGenOptions &options);

} // namespace dl

#endif // DL_LIB_CODEGEN_SPLITPRODUCT_H
