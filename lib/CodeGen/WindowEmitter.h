//===- WindowEmitter.h - The code of pooling kernels ------------*- C++ -*-===//

#ifndef DL_LIB_CODEGEN_WINDOWEMITTER_H
#define DL_LIB_CODEGEN_WINDOWEMITTER_H

#include "WindowCells.h"
#include "WindowNest.h"

namespace dl {

/// WindowKernel.cpp has averages and what goes forward, WindowGradient.cpp the gradient of a
/// maximum.
class WindowEmitter {
public:
  WindowEmitter(KernelModule &module, mlir::Operation *anchor, const WindowNest &nest)
      : module(module), anchor(anchor), nest(nest),
        elementType(
            llvm::cast<mlir::RankedTensorType>(anchor->getResult(0).getType()).getElementType()) {}

  void emitForward();
  void emitGather();
  void emitAverage(bool padded);
  void emitAverageBackward(bool padded);
  void emitBackwardTiling();
  void emitBackward();

private:
  using Value = mlir::Value;
  using Carried = WindowNest::Carried;

  /// Numbers of largest taps in a task's scratch, for some rows of windows of an image.
  struct Numbers {
    KernelModule &module;
    llvm::SmallVector<int64_t> shape; // rows, columns, channels
    int64_t offset;
    Value firstRow; // may be below 0

    int64_t count() const { return mlir::ShapedType::getNumElements(shape); }
    Value memory(PhaseBuilder &phase) const {
      return phase.scratch(offset, phase.b.getI32Type(), count());
    }
    Position position(PhaseBuilder &phase, llvm::ArrayRef<Value> window,
                      const ChannelChunk &chunk) const;
  };

  Value input() { return anchor->getOperand(0); }
  mlir::Type vectorOf(const ChannelChunk &chunk, mlir::Type type) {
    return mlir::VectorType::get({chunk.width}, type);
  }
  Value number(PhaseBuilder &phase, const ChannelChunk &chunk, double value) {
    return numberLike(phase.b, vectorOf(chunk, elementType), value);
  }
  /// The number of a tap in all lanes, i32.
  Value tapNumber(PhaseBuilder &phase, const ChannelChunk &chunk, Value tap) {
    mlir::Type i32 = phase.b.getI32Type();
    return splat(phase.b, mlir::arith::IndexCastOp::create(phase.b, i32, tap), chunk.width);
  }
  Value isBetter(PhaseBuilder &phase, const WindowNest::Tap &tap, Value element, Value best);
  Value largestTap(PhaseBuilder &phase, llvm::ArrayRef<Value> window, const ChannelChunk &chunk,
                   bool isWhole = false);
  Value meanOf(PhaseBuilder &phase, Value sum, llvm::ArrayRef<Value> window,
               const ChannelChunk &chunk, bool padded, bool isWhole);
  Value shareOf(PhaseBuilder &phase, llvm::ArrayRef<Value> window, const ChannelChunk &chunk,
                bool padded, bool isWhole);
  void emitAverageBackwardLooped(bool padded);
  int64_t bandRows(const WindowCells &cells);
  void emitNumber(PhaseBuilder &phase, llvm::ArrayRef<Value> window, const ChannelChunk &chunk,
                  const Numbers &numbers, bool isWhole);
  void emitNumbers(PhaseBuilder &phase, Value n, Value first, Value end, const Numbers &numbers);
  void whenWindow(PhaseBuilder &phase, llvm::ArrayRef<Value> cell, const WindowCells &cells,
                  llvm::function_ref<void()> emit);
  void emitPixels(PhaseBuilder &phase, Value n, Value first, Value end, const WindowCells &cells,
                  const Numbers &numbers);
  Carried readWindow(PhaseBuilder &phase, llvm::ArrayRef<Value> window, const ChannelChunk &chunk,
                     const Numbers &numbers);
  void addChosen(PhaseBuilder &phase, llvm::ArrayRef<Value> cell, const ChannelChunk &chunk,
                 const WindowCells &cells, bool interior, const Numbers &numbers);
  void addChosenLooped(PhaseBuilder &phase, llvm::ArrayRef<Value> pixel, const ChannelChunk &chunk,
                       const Numbers &numbers);
  void store(PhaseBuilder &phase, llvm::ArrayRef<Value> pixel, const ChannelChunk &chunk,
             Value element);
  llvm::SmallVector<unsigned> allResults() const {
    return llvm::to_vector(llvm::seq<unsigned>(0, module.op().getNumResults()));
  }
  bool canBypass() const;
  void emitStores(PhaseBuilder &phase, llvm::function_ref<void()> emit);
  void addPixelPhase(llvm::ArrayRef<int64_t> shape, double pixelWork, WindowNest::PixelFn emit) {
    nest.addPixelPhase(
        shape, pixelWork, emit,
        [&](PhaseBuilder &phase, llvm::function_ref<void()> loops) { emitStores(phase, loops); });
  }
  void storeZeros(int64_t row, int64_t column, int64_t rows, int64_t columns);

  KernelModule &module;
  mlir::Operation *anchor;
  const WindowNest &nest;
  mlir::Type elementType;
  /// What is built now stores past the caches.
  bool past = false;
};

} // namespace dl

#endif // DL_LIB_CODEGEN_WINDOWEMITTER_H
