//===- Passes.td - Passes of code generation --------------*- tablegen -*-===//

#ifndef DL_CODEGEN_PASSES_TD
#define DL_CODEGEN_PASSES_TD

include "mlir/Pass/PassBase.td"

def CodeGenPass : Pass<"dl-codegen", "::mlir::ModuleOp"> {
  let summary = "replace each planned model by the modules of its kernels and its program";
  let options = [
    Option<"vectorBits", "vector-bits", "int", /*default=*/"512", "width of the machine's vectors">,
    Option<"fma", "fma", "bool", /*default=*/"true", "the machine has fused multiply-add">,
    Option<"masked", "masked", "bool", /*default=*/"true", "the machine has masked memory access">,
    Option<"packs", "packs-variables", "bool", /*default=*/"false",
           "variables are packed before the program runs">,
    Option<"lower", "lower", "bool", /*default=*/"false", "lower the kernels to the LLVM dialect">,
  ];
}

#endif // DL_CODEGEN_PASSES_TD
