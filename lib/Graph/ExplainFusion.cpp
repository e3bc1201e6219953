//===- ExplainFusion.cpp - Why kernels stayed apart -----------------------===//
//
// One remark for each pair of kernels that still pass a tensor through memory.
//
//===----------------------------------------------------------------------===//

#include "dl/Graph/Fusion.h"
#include "dl/Graph/Passes.h"

using namespace mlir;

namespace dl {

static void explainFusion(ModelOp model) {
  Fusion fusion(model, /*explain=*/false);
  for (KernelOp producer : fusion.kernels())
    for (KernelOp consumer : consumersOf(producer))
      if (std::string reason = fusion.obstacle(producer, consumer); !reason.empty())
        consumer.emitRemark() << "'" << consumer.getLabel() << "' is not fused with '"
                              << producer.getLabel() << "': " << reason;
}

#define GEN_PASS_DEF_EXPLAINFUSIONPASS
#include "dl/Graph/Passes.h.inc"

namespace {
struct ExplainFusionPass : impl::ExplainFusionPassBase<ExplainFusionPass> {
  void runOnOperation() override { explainFusion(getOperation()); }
};
} // namespace

} // namespace dl
