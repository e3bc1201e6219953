//===- Fusion.h - Merging kernels -------------------------------*- C++ -*-===//
//
// Fusion starts from one kernel for each op and merges them two by two. Each
// pass of fusion says which pairs it looks for (`canFuse...`); what they share
// is here: a merge must keep the graph free of cycles and give a kernel that has
// a form (Form.h).
//
//===----------------------------------------------------------------------===//

#ifndef DL_GRAPH_FUSION_H
#define DL_GRAPH_FUSION_H

#include "dl/IR/DLOps.h"

#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace dl {

class Fusion {
public:
  Fusion(ModelOp model, bool explain);

  /// Kernels in the order in which they stand.
  llvm::SmallVector<KernelOp> kernels();

  /// Makes one kernel of two, or null where that cannot be or costs more than
  /// it saves. `what` is for people: "into the epilogue of". Invalidates both.
  KernelOp merge(KernelOp first, KernelOp second, llvm::StringRef what);

  /// Why two kernels cannot be one; empty where they could.
  std::string obstacle(KernelOp first, KernelOp second);

  /// Brings the kernels into an order in which operands come first: merging
  /// leaves them in any.
  void sort();

private:
  KernelOp tryBuild(KernelOp first, KernelOp second, std::string &reason);
  KernelOp build(KernelOp first, KernelOp second);
  void replace(KernelOp first, KernelOp second, KernelOp merged);

  ModelOp model;
  mlir::IRRewriter rewriter;
  bool explain;
};

/// Calls `fuse` with each producer and a consumer of its, as long as that merges
/// any: it returns the merged kernel or null.
void fuseAlongEdges(Fusion &fusion,
                    llvm::function_ref<KernelOp(KernelOp producer, KernelOp consumer)> fuse);

/// The kernels that read results of a kernel directly, each once, in order.
llvm::SmallVector<KernelOp> consumersOf(KernelOp kernel);
/// True where the second kernel depends on the first through a third.
bool dependsIndirectly(KernelOp second, KernelOp first);

/// The contraction or window of a kernel; null for loops.
mlir::Operation *anchorOf(KernelOp kernel);
/// True for kernels of elementwise ops alone.
bool isElementwiseKernel(KernelOp kernel);
/// True for kernels of loops that reduce.
bool isReductionKernel(mlir::Operation *op);

} // namespace dl

#endif // DL_GRAPH_FUSION_H
