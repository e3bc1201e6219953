//===- LoopAnalysis.h - What a loop kernel computes, in order ---*- C++ -*-===//

#ifndef DL_LIB_CODEGEN_LOOPANALYSIS_H
#define DL_LIB_CODEGEN_LOOPANALYSIS_H

#include "KernelModule.h"

namespace dl {

/// A loop kernel walks the iteration shape once for each level of reductions
/// (a level needs the results of those before it) and, where results of the
/// iteration shape need the last level, once more to write them.
///
///   softmax:  max                          level 0
///             sum of exp(x - max)          level 1
///             exp(x - max) / sum           written by a sweep
struct LoopAnalysis {
  llvm::SmallVector<int64_t> shape;
  /// Ascending; empty where nothing is reduced.
  llvm::SmallVector<int64_t> reducedAxes;
  llvm::SmallVector<llvm::SmallVector<mlir::Operation *>> levels;

  /// Results of the iteration shape, and whether the pass of the last level can
  /// write them (else a sweep does).
  llvm::SmallVector<unsigned> fullResults;
  bool lastLevelWrites = false;
  /// Results that follow from reductions, one element a kept position.
  llvm::SmallVector<unsigned> reducedResults;
  /// Results of other shapes that have nothing to do with the reductions, by shape.
  llvm::SmallVector<llvm::SmallVector<unsigned>> otherResults;

  /// For each level, the transcendental values of the iteration shape that its pass
  /// computes and a later pass needs again.
  llvm::SmallVector<llvm::SmallVector<mlir::Operation *>> reused;

  /// For each level, values of a kept position that follow from it and take long: a
  /// logarithm, a quotient. One instruction may compute those of several positions.
  llvm::SmallVector<llvm::SmallVector<mlir::Operation *>> keptValues;

  /// The pass that computes transcendental values of the iteration shape, if it is not the first.
  std::optional<size_t> computingPass;

  /// Operations an element of the iteration shape costs.
  double weight = 1;

  bool isReduced(int64_t dim) const { return llvm::is_contained(reducedAxes, dim); }

  int64_t keptElements() const;

  static mlir::FailureOr<LoopAnalysis> get(KernelModule &module);
};

/// Of an op with one result.
mlir::Type elementTypeOf(mlir::Operation *op);

} // namespace dl

#endif // DL_LIB_CODEGEN_LOOPANALYSIS_H
