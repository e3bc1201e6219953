//===- WinogradStrategy.h - Convolutions by Winograd's transform -*- C++ -*-===//
//
// A contraction whose descriptor has two pairs of dimensions that slide over one
// of its tensors (index = position + tap, in rows and in columns) is a
// convolution of stride 1, or a gradient of one. The tensors are then
//
//   image    where positions and taps meet       forward: A   weights': A   data': C
//   weights  taps, not positions                          B             C         B
//   result   positions, not taps                          C             B         A
//
// and any of them may be the one that is wanted (C): the algorithm is the same,
// transposed (WinogradTransform.h). The result is covered with tiles of m x m
// elements, the image with overlapping patches of n x n. Tiles are taken in
// chunks, so that what lies between the phases stays in the L2 cache:
//
//   weights wanted     for each chunk: image and result to their points, and
//                      sums[p][ic][oc] += image[p][tile][ic] * result[p][tile][oc]
//                      (or both to their points before, and all tiles at once)
//   otherwise          one operand to its points, then for each block of columns
//                      products[p][tile][n] = operand[p][tile][k] * weights[p][k][n]
//                      and back from the points
//
// Either all weights are brought to their points first, and a task takes a chunk of
// tiles; or, where weights are many and tiles few, a task takes a block of columns
// and brings the weights that it needs to their points itself, a chunk of K at a
// time, so that 4 times as many values as there are weights (36 points of 9 taps)
// go no further than the L2 cache.
//
//===----------------------------------------------------------------------===//

#ifndef DL_LIB_CODEGEN_WINOGRADSTRATEGY_H
#define DL_LIB_CODEGEN_WINOGRADSTRATEGY_H

#include "WinogradTransform.h"
#include "dl/CodeGen/CodeGen.h"
#include "dl/CodeGen/ContractionStrategy.h"

namespace dl {

/// Where a tensor has the dimensions of a convolution.
struct WinogradTensor {
  OperandIndex operand = kA;
  /// Dimensions of the tensor: images (-1: one), rows, columns, channels. The
  /// weights have none of images, but two of channels: inputs and outputs.
  int images = -1, rows = -1, columns = -1, channels = -1, outputs = -1;
  /// Weights: taps are stored last to first.
  bool isFlipped = false;
};

struct WinogradStrategy {
  /// Of the descriptor.
  BackwardDataForm form = BackwardDataForm::Scatter;
  WinogradTensor image, weights, result;
  int64_t images = 1, inputs = 0, outputs = 0, taps = 0;
  /// Elements of a tile of the result in each direction, and points.
  int64_t size = 0, points = 0;
  /// Tiles of one image, down and across, and tiles that a chunk takes.
  int64_t tileRows = 0, tileColumns = 0, chunk = 0;

  /// The register tile.
  int64_t rows = 1, vectors = 1, lanes = 1;
  /// Channels summed over and columns made, unless weights are wanted; columns
  /// of a block.
  int64_t reduction = 0, columns = 0, block = 0;
  /// Tasks bring the weights to their points, for so many of the channels summed
  /// over at a time; 0: a phase before does.
  int64_t depth = 0;
  /// What is brought to its points first, and read by all tasks, each worker brings by
  /// itself where the L2 cache holds it: to fetch what another core has written takes as
  /// long.
  std::optional<OperandIndex> byEachWorker;
  /// Tasks that follow one another, so those of a worker, share tiles before they share
  /// channels: what it has brought to the points is what it reads.
  bool tilesFirst = false;
  /// Weights wanted: input and output channels that a task takes, and parts that
  /// the tiles are split in; whether image and result are brought to their points
  /// before, instead of by each task.
  int64_t inputBlock = 0, outputBlock = 0, parts = 1;
  bool pointsFirst = false;
  /// Results are so large that tiles store them past the caches.
  bool storesPast = false;
  /// Products are of tiles of bf16 (TileProduct.h), the operand and the weights in three parts:
  /// where the result is wanted, and a phase brings the weights.
  bool usesTiles = false;
  /// Estimated cycles.
  double cycles = 0;

  bool wants(const WinogradTensor &tensor) const { return tensor.operand == kC; }
  int64_t tiles() const { return images * tileRows * tileColumns; }
  int64_t tilesOfImage() const { return tileRows * tileColumns; }
  int64_t allPoints() const { return points * points; }
  int64_t chunks() const { return (tiles() + chunk - 1) / chunk; }
  bool isLate() const { return depth > 0; }
  /// Weights wanted: likewise, whether they share outputs before they share inputs, where
  /// the result is the larger: so all workers read the smaller.
  bool outputsFirst() const { return outputs > inputs && outputs > outputBlock; }
  /// Channels summed over that a panel of weights has.
  int64_t kOfPanel() const { return isLate() ? depth : reduction; }
  int64_t tasks() const;
  /// Tiles in memory: whole register tiles.
  int64_t paddedChunk() const { return (chunk + rows - 1) / rows * rows; }
  int64_t panelWidth() const { return vectors * lanes; }
  /// Columns in memory: whole panels.
  int64_t paddedBlock() const { return (block + panelWidth() - 1) / panelWidth() * panelWidth(); }
  /// One line for people: `winograd 2x2 of 5x5, ...`.
  std::string describe() const;
};

/// The convolution of stride 1, or the gradient of one, that a contraction is, without
/// sizes; failure where it is none.
mlir::FailureOr<WinogradStrategy> recognizeWinograd(const ContractionDescriptor &descriptor);

/// How to compute a contraction this way; failure where it is no such
/// convolution or has too few channels. `keepsWeights`: a phase that brings weights to
/// their points runs once for many runs. `splits`: whether products may be of tiles.
mlir::FailureOr<WinogradStrategy> chooseWinograd(const ContractionDescriptor &descriptor,
                                                 const Machine &machine, bool keepsWeights,
                                                 SplitProducts splits);

/// The estimated cycles of computing it as it is.
double directCycles(const ContractionDescriptor &descriptor, const Machine &machine);

} // namespace dl

#endif // DL_LIB_CODEGEN_WINOGRADSTRATEGY_H
