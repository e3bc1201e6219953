//===- Passes.h - Passes of code generation ---------------------*- C++ -*-===//

#ifndef DL_CODEGEN_PASSES_H
#define DL_CODEGEN_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace dl {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "dl/CodeGen/Passes.h.inc"

} // namespace dl

#endif // DL_CODEGEN_PASSES_H
