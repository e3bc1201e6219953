//===- Passes.h - Passes of the Autodiff layer ------------------*- C++ -*-===//

#ifndef DL_AUTODIFF_PASSES_H
#define DL_AUTODIFF_PASSES_H

#include "dl/IR/DLOps.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace dl {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "dl/Autodiff/Passes.h.inc"

} // namespace dl

#endif // DL_AUTODIFF_PASSES_H
