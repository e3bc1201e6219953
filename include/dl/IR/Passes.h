//===- Passes.h - Passes of the IR layer ------------------------*- C++ -*-===//

#ifndef DL_IR_PASSES_H
#define DL_IR_PASSES_H

#include "dl/IR/DLOps.h"

#include "mlir/Pass/Pass.h"

namespace dl {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "dl/IR/Passes.h.inc"

} // namespace dl

#endif // DL_IR_PASSES_H
