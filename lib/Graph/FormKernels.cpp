//===- FormKernels.cpp - Each op a kernel ---------------------------------===//
//
// Fusion merges kernels, so it starts from one kernel for each op. What holds
// no computation stays outside: parameters, constants and reshapes, which are
// views of their operand.
//
//===----------------------------------------------------------------------===//

#include "dl/Graph/Kernels.h"
#include "dl/Graph/Passes.h"

using namespace mlir;

namespace dl {

static bool computes(Operation *op) {
  return !isa<ParameterOp, ConstantOp, ReshapeOp, KernelOp, ReturnOp>(op);
}

static void formKernels(ModelOp model) {
  IRRewriter rewriter(model.getContext());
  for (Operation &op : llvm::make_early_inc_range(model.getBody().front()))
    if (computes(&op))
      outline(rewriter, &op);
  // Constants that all their kernels carry inside.
  for (auto constant : llvm::make_early_inc_range(model.getBody().getOps<ConstantOp>()))
    if (constant->use_empty())
      rewriter.eraseOp(constant);
}

#define GEN_PASS_DEF_FORMKERNELSPASS
#include "dl/Graph/Passes.h.inc"

namespace {
struct FormKernelsPass : impl::FormKernelsPassBase<FormKernelsPass> {
  void runOnOperation() override { formKernels(getOperation()); }
};
} // namespace

} // namespace dl
