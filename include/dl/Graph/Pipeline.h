//===- Pipeline.h - From a graph to kernels in memory -----------*- C++ -*-===//

#ifndef DL_GRAPH_PIPELINE_H
#define DL_GRAPH_PIPELINE_H

#include "mlir/Pass/PassManager.h"

namespace dl {

struct GraphOptions {
  /// As CompileOptions::optLevel and CompileOptions::fusion.
  int optLevel = 2;
  bool fusion = true;
  /// Where `--explain` goes: a remark for each decision, on the op it concerns.
  bool explain = false;
};

/// Adds the graph optimiser's passes. In: a verified dl.model with static
/// shapes. Out, and asserted by the last pass: the model's body holds
/// dl.parameter, dl.constant, dl.reshape (a view of its operand), dl.kernel and
/// dl.return alone; kernels hold primitive ops, images nhwc; every kernel's
/// results have a place (see Placement.h).
void buildGraphPipeline(mlir::OpPassManager &manager, const GraphOptions &options);

} // namespace dl

#endif // DL_GRAPH_PIPELINE_H
