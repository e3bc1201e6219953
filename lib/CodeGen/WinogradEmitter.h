//===- WinogradEmitter.h - The phases of a transformed convolution -*- C++ -*-===//
//
// In up to three phases:
//
//   weights    (unless they are wanted) to their points, in panels as the
//              micro-kernel reads them: [block][point][panel][k][columns];
//   or operand the other one, where tasks bring the weights themselves ("late")
//   multiply   a task is a chunk of tiles: to the points, products, and back; or,
//              late, a chunk of tiles and a block of columns;
//              where weights are wanted, all chunks of a part of the tiles, whose
//              sums go back from the points once
//   finish     (weights wanted) the parts added in order, then the epilogue:
//              as for any contraction whose K is split
//
//===----------------------------------------------------------------------===//

#ifndef DL_LIB_CODEGEN_WINOGRADEMITTER_H
#define DL_LIB_CODEGEN_WINOGRADEMITTER_H

#include "ContractionEmitter.h"
#include "WinogradStrategy.h"

namespace dl {

/// Adds the phases of a contraction that is computed so, and notes how results are stored.
void emitWinograd(KernelModule &module, const ContractionBody &body, WinogradStrategy &winograd);

class WinogradEmitter : public ContractionEmitter {
public:
  WinogradEmitter(KernelModule &module, const ContractionBody &body,
                  const ContractionDescriptor &descriptor, const ContractionStrategy &results,
                  const WinogradStrategy &winograd);

  void emit();

private:
  /// Values at the points: a plane for each point, of a row for each tile (or
  /// input channel).
  struct Planes {
    int64_t offset = 0, row = 0, plane = 0, count = 0;
    /// bf16: that many elements from a part to the next; 0: f32.
    int64_t part = 0;
    static Planes of(int64_t points, int64_t rows, int64_t columns);
    static Planes ofParts(int64_t points, int64_t rows, int64_t columns);
  };
  /// Memory, and the index of the first element in it.
  struct Start {
    mlir::Value memory, at;
  };
  /// The place of a tile in a tensor: its image, and the index of its first
  /// element down and across (below zero in the padding).
  struct TilePlace {
    mlir::Value image, row, column;
  };
  /// Channels that a loop takes: the number of the first in the tensor, how many.
  struct Channels {
    mlir::Value first;
    int64_t count = 0;
  };
  using Body = llvm::function_ref<void(mlir::Value, mlir::Value)>;
  /// Element `column` (a constant) of row `row` of a patch.
  using LoadElement = llvm::function_ref<mlir::Value(mlir::Value row, int64_t column)>;
  /// Weights at a position, of a tap.
  using LoadTap = llvm::function_ref<mlir::Value(Position at, mlir::Value row, mlir::Value tap)>;
  using PlaceWeights = llvm::function_ref<mlir::Value(mlir::Value k, mlir::Value column)>;
  using StoreElement =
      llvm::function_ref<void(mlir::Value row, int64_t column, mlir::Value element)>;

  // WinogradPatches.cpp: to the points and back.
  void applyToRow(PhaseBuilder &phase, const LinearMap &map, mlir::Value row, LoadElement load,
                  mlir::Value start = nullptr);
  void applyToColumns(PhaseBuilder &phase, const LinearMap &map, mlir::Value memory, mlir::Value at,
                      int64_t plane);
  void fromPoints(PhaseBuilder &phase, const LinearMap &map, mlir::Value memory, mlir::Value at,
                  int64_t plane, StoreElement store);
  void forChannels(PhaseBuilder &phase, int64_t count, Body body);
  Position positionIn(PhaseBuilder &phase, const WinogradTensor &tensor) const;
  TilePlace locate(PhaseBuilder &phase, const WinogradTensor &tensor, mlir::Value tile) const;
  void prefetch(PhaseBuilder &phase, const WinogradTensor &tensor, mlir::Value tile,
                Channels channels);
  void transformTiles(PhaseBuilder &phase, Expression &expression, const WinogradTensor &tensor,
                      const LinearMap &map, mlir::Value firstTile, mlir::Value count,
                      Channels channels, Start target, const Planes &shape);
  void transformPatch(PhaseBuilder &phase, Expression &expression, const WinogradTensor &tensor,
                      const LinearMap &map, const TilePlace &place, Channels channels, Start target,
                      const Planes &shape);
  void storeTiles(PhaseBuilder &phase, Expression &expression, mlir::Value firstTile,
                  mlir::Value count, Channels channels);
  void addTiles(PhaseBuilder &phase, mlir::Value count, int64_t channels);
  void sweepImages(PhaseBuilder &phase, Expression &expression, mlir::Value firstTile,
                   mlir::Value count, Channels channels);

  // WinogradWeights.cpp: weights to their points.
  int reductionDim() const;
  int columnDim() const;
  bool areWeightsAcross() const;
  int64_t weightPlane() const;
  int64_t panelElements() const { return w.kOfPanel() * w.panelWidth(); }
  void reserveWeights();
  void emitWeights();
  mlir::Value allWeights(PhaseBuilder &phase) const;
  mlir::Value bringBlock(PhaseBuilder &phase, Expression &expression, mlir::Value firstK,
                         Channels columns);
  void bringWeights(PhaseBuilder &phase, Expression &expression, mlir::Value firstK,
                    mlir::Value endK, Channels columns, mlir::Value memory, PlaceWeights place);
  mlir::Value columnPlace(PhaseBuilder &phase, mlir::Value column) const;
  bool areTapsHeld() const;
  void storeWeights(PhaseBuilder &phase, mlir::Value memory, mlir::Value at, LoadElement load);
  void storeHeldWeights(PhaseBuilder &phase, mlir::Value memory, mlir::Value at, LoadElement load);
  void transposeTaps(PhaseBuilder &phase, Position position, bool isWhole, LoadTap load);

  // WinogradTiles.cpp: products by tiles.
  void splitColumns(PhaseBuilder &phase, const LinearMap &map, mlir::Value memory, mlir::Value at,
                    const Planes &shape);
  int64_t partsOfPanel() const;
  void emitWeightParts();
  void multiplyByTiles(PhaseBuilder &phase, mlir::Value block, mlir::Value count);
  mlir::Value operandParts(PhaseBuilder &phase, mlir::Type type) const;
  mlir::Value weightParts(PhaseBuilder &phase, mlir::Type type) const;

  // WinogradEmitter.cpp: phases and products.
  std::pair<mlir::Value, mlir::Value> tilesOf(PhaseBuilder &phase, mlir::Value chunk) const;
  void emitOverChannels();
  void emitLate();
  void finishTiles(PhaseBuilder &phase, Expression &expression, mlir::Value first,
                   mlir::Value count, mlir::Value block);
  int64_t reserveStaged(const WinogradTensor &tensor, int64_t elements);
  mlir::Value staged(PhaseBuilder &phase, const WinogradTensor &tensor, int64_t offset,
                     int64_t elements) const;
  void addStaging(const WinogradTensor &tensor, int64_t tasks,
                  llvm::function_ref<void(PhaseBuilder &)> emit);
  void emitPoints(const WinogradTensor &tensor, const LinearMap &map, const Planes &shape,
                  int64_t blocks, int64_t channels);
  MicroKernel productOf(Start left, Start right) const;
  void multiplyChannels(PhaseBuilder &phase, Start operand, Start weights, mlir::Value count,
                        mlir::Value adds);
  void addTile(PhaseBuilder &phase, const MicroKernel &kernel, mlir::Value sums, mlir::Value at,
               mlir::Value adds);
  static mlir::Value isAbove(mlir::ImplicitLocOpBuilder &b, mlir::Value index, mlir::Value other);
  void clear(PhaseBuilder &phase, mlir::Value memory, int64_t count);
  void bindSum(Expression &expression);

  // WinogradGradient.cpp: products over tiles, where weights are wanted.
  void emitOverTiles();
  void reserveTiles();
  void emitGradientTask(PhaseBuilder &phase);
  void multiplyTiles(PhaseBuilder &phase, Start image, Start result, mlir::Value count,
                     mlir::Value adds);
  void sumResult(PhaseBuilder &phase, Start result, mlir::Value count);
  void storeSideSums(PhaseBuilder &phase, mlir::Value part, Channels inputs, Channels outputs);
  void storeSums(PhaseBuilder &phase, Expression &expression, mlir::Value part, Channels inputs,
                 Channels outputs);
  void fetchTaps(PhaseBuilder &phase, Position position, Channels outputs);
  void storePart(PhaseBuilder &phase, mlir::Value at, mlir::Value part, Position position);
  void storeWhole(PhaseBuilder &phase, Expression &expression, mlir::Value at, Position position);

  mlir::Value load(PhaseBuilder &phase, mlir::Value memory, mlir::Value at) const;
  mlir::Value patch(PhaseBuilder &phase) const;
  mlir::Value planes(PhaseBuilder &phase, const Planes &planes) const {
    return phase.scratch(planes.offset, d.element, planes.count);
  }
  mlir::Value taps(PhaseBuilder &phase) const {
    return phase.scratch(tapsOffset, d.element, w.taps * w.taps * w.lanes * w.lanes);
  }
  const WinogradStrategy &w;
  const WinogradTransforms transforms;
  /// Points of operands, the products or sums, and the image while it is summed.
  Planes in, second, out;
  int64_t partsOffset = 0, storedOffset = 0;
  int64_t weightsOffset = 0, tapsOffset = 0, patchOffset = 0, imageOffset = 0, sideSums = 0;
  int64_t imageHeight = 0, imageWidth = 0;
};

} // namespace dl

#endif // DL_LIB_CODEGEN_WINOGRADEMITTER_H
