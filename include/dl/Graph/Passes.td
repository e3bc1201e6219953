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

def SimplifyPass : DL_ModelPass<"dl-simplify"> {
  let summary = "local rewrites between several ops";
}

//===----------------------------------------------------------------------===//
// Layout
//===----------------------------------------------------------------------===//

def ChannelsLastPass : DL_ModelPass<"dl-channels-last"> {
  let summary = "convolutions and poolings in layout nhwc, transposes around them";
}

def SinkTransposesPass : DL_ModelPass<"dl-sink-transposes"> {
  let summary = "move transposes to the borders of the model, where they cancel or stay";
}

def StoreTransposedPass : DL_ModelPass<"dl-store-transposed"> {
  let summary = "store variables as all their readers want them";
}

def SinkReshapesPass : DL_ModelPass<"dl-sink-reshapes"> {
  let summary = "elementwise ops on matrix products before they are reshaped";
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

/// A pass of fusion: explains what it does where asked to.
class DL_FusionPass<string argument> : DL_ModelPass<argument> {
  let options = [
    Option<"explain", "explain", "bool", /*default=*/"false", "a remark for each merge">,
  ];
}

def RematerializePass : DL_ModelPass<"dl-rematerialize"> {
  let summary = "masks, one-hot rows, broadcasts and normalised products beside each user";
}

def FormKernelsPass : DL_ModelPass<"dl-form-kernels"> {
  let summary = "put every op that computes into a kernel of its own";
}

def FuseMasksPass : DL_FusionPass<"dl-fuse-masks"> {
  let summary = "masks, one-hot rows and normalised products into the kernel that reads them";
}

def FuseSideReductionsPass : DL_FusionPass<"dl-fuse-side-reductions"> {
  let summary = "bias gradients into the kernels of weight gradients";
}

def FuseEpiloguesPass : DL_FusionPass<"dl-fuse-epilogues"> {
  let summary = "elementwise kernels into the contraction or window before them";
}

def FuseLoopsPass : DL_FusionPass<"dl-fuse-loops"> {
  let summary = "elementwise ops and reductions over one space into one loop nest";
}

def FuseProloguesPass : DL_FusionPass<"dl-fuse-prologues"> {
  let summary = "elementwise kernels into the contraction or window behind them";
}

def FuseSiblingsPass : DL_FusionPass<"dl-fuse-siblings"> {
  let summary = "kernels of loops over the same operand into one";
}

def ExplainFusionPass : DL_ModelPass<"dl-explain-fusion"> {
  let summary = "a remark for each pair of kernels that stayed apart, with the reason";
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
