//===- Passes.h - Passes of the Graph layer ---------------------*- C++ -*-===//

#ifndef DL_GRAPH_PASSES_H
#define DL_GRAPH_PASSES_H

#include "dl/IR/DLOps.h"

#include "mlir/Pass/Pass.h"

namespace dl {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "dl/Graph/Passes.h.inc"

/// Registers `dl-graph-pipeline`, with the options of GraphOptions.
void registerGraphPipeline();

} // namespace dl

#endif // DL_GRAPH_PASSES_H
