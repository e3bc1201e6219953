//===- TileProduct.h - Products of tiles of bf16 ----------------*- C++ -*-===//
//
// A block of tiles of the result stays in tile registers over all of its K. For 32
// k, six products of parts (SplitProduct.h) for each tile; the order of the parts lets
// each tile of A and B that is loaded be used twice or more:
//
//   h*l h*m m*m m*h l*h h*h
//
//===----------------------------------------------------------------------===//

#ifndef DL_LIB_CODEGEN_TILEPRODUCT_H
#define DL_LIB_CODEGEN_TILEPRODUCT_H

#include "KernelModule.h"

namespace dl {

/// Rows of a tile, its k, and its columns; parts of an element.
inline constexpr int64_t kTileRows = 16, kTileK = 32, kTileColumns = 16, kSplitParts = 3;
/// Elements of a tile.
inline constexpr int64_t kTileElements = kTileRows * kTileK;
/// A store at least every so many steps of a block: see `keepStoring`.
inline constexpr int64_t kStepsOfStore = 4;

/// A block of tiles, as many as leave registers for those of A and B; in elements, how far a row
/// of A is from the next, a part of A, and a panel of 16 columns of B. In a panel 32 k are
/// [h, m, l][k / 2][column][k % 2].
struct TileBlock {
  int64_t rowTiles = 2, columnTiles = 2;
  int64_t rowStride = 0, partStride = 0, panelStride = 0;
};

/// Estimated cycles of 32 k of a block: of its products, or of the chain of six into one tile.
double stepCycles(int64_t rowTiles, int64_t columnTiles);

/// Eight whole tiles, for the time that the phase runs: without any, the system
/// need not save them with a thread's state.
void configureTiles(PhaseBuilder &phase);

/// The address of element `at` of flat memory, of so many bytes, as a number.
mlir::Value elementAddress(mlir::ImplicitLocOpBuilder &b, mlir::Value memory, mlir::Value at,
                           int64_t bytes);

/// 32 k of all tiles of a block. `image` and `panel` are addresses; `then` is what follows a
/// product, of so many.
void multiplyTiles(PhaseBuilder &phase, const TileBlock &block, mlir::Value image,
                   mlir::Value panel, llvm::function_ref<void(int64_t, int64_t)> then);

/// The sums of a block: zeros, or from and to memory at an address, rows of f32 so many elements
/// apart.
void clearSums(mlir::ImplicitLocOpBuilder &b, const TileBlock &block);
void loadSums(mlir::ImplicitLocOpBuilder &b, const TileBlock &block, mlir::Value sums,
              int64_t rowStride);
void storeSums(mlir::ImplicitLocOpBuilder &b, const TileBlock &block, mlir::Value sums,
               int64_t rowStride);

/// Stores a tile that nobody reads, to scratch memory of a tile, in every so many steps (no step:
/// always). A store that comes long after the one before, 120 products or more, was measured to
/// take 240 ns.
void keepStoring(PhaseBuilder &phase, mlir::Value step, int64_t memoryOffset);

} // namespace dl

#endif // DL_LIB_CODEGEN_TILEPRODUCT_H
