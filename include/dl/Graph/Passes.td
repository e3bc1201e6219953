//===- Passes.td - Passes of the Graph layer --------------*- tablegen -*-===//

#ifndef DL_GRAPH_PASSES_TD
#define DL_GRAPH_PASSES_TD

include "mlir/Pass/PassBase.td"

class DL_ModelPass<string argument> : Pass<argument, "::dl::ModelOp">;

//===----------------------------------------------------------------------===//
// Decompose
//===----------------------------------------------------------------------===//

def DecomposePass : DL_ModelPass<"dl-decompose"> {
  let summary = "write composite ops in terms of primitive ones";
}

def SplitBiasPass : DL_ModelPass<"dl-split-bias"> {
  let summary = "bias operands become additions, dense layers matrix products";
}

//===----------------------------------------------------------------------===//
// Layout
//===----------------------------------------------------------------------===//

def ChannelsLastPass : DL_ModelPass<"dl-channels-last"> {
  let summary = "convolutions and poolings in layout nhwc, transposes around them";
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

def FormKernelsPass : DL_ModelPass<"dl-form-kernels"> {
  let summary = "put every op that computes into a kernel of its own";
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

def SchedulePass : DL_ModelPass<"dl-schedule"> {
  let summary = "order kernels, variables being updated in place after their last reader";
}

def PlanMemoryPass : DL_ModelPass<"dl-plan-memory"> {
  let summary = "give every kernel's results a place: output, variable or arena";
}

def VerifyPlanPass : DL_ModelPass<"dl-verify-plan"> {
  let summary = "assert what the graph pipeline promises";
}

#endif // DL_GRAPH_PASSES_TD
