//===- Passes.td - Passes of the IR layer -----------------*- tablegen -*-===//

#ifndef DL_IR_PASSES_TD
#define DL_IR_PASSES_TD

include "mlir/Pass/PassBase.td"

def SpecializePass : Pass<"dl-specialize", "::dl::ModelOp"> {
  let summary = "close the open batch size and infer all types again";
  let options = [
    Option<"batch", "batch", "int64_t", /*default=*/"1", "the batch size">,
  ];
}

#endif // DL_IR_PASSES_TD
