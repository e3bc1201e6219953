//===- Pipeline.cpp - From a graph to kernels in memory -------------------===//

#include "dl/Graph/Pipeline.h"
#include "dl/Graph/Passes.h"

#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace dl {

void buildGraphPipeline(OpPassManager &outer, const GraphOptions &options) {
  OpPassManager &manager =
      outer.getOpName() == ModelOp::getOperationName() ? outer : outer.nest<ModelOp>();

  // 1. Primitives, images nhwc. Everything below knows primitive ops alone; a
  //    bias is an addition like any other, split off when channels are last, so
  //    that it needs no reshape.
  manager.addPass(createDecomposePass());
  manager.addPass(createChannelsLastPass());
  manager.addPass(createSplitBiasPass());

  // 2. Clean up what the decompositions and the gradient left: constants, equal
  //    subexpressions, dead code. Patterns are applied until nothing folds any more, so that no
  //    canonicaliser is needed, which would collect the patterns of all dialects each time.
  if (options.optLevel > 0) {
    manager.addPass(createSimplifyPass());
    manager.addPass(createCSEPass());
  }

  // 3. Layout. Transposes meet and cancel, or end at the model's borders; those
  //    of parameters end in how the parameters are stored. Reshapes get out of
  //    the way of fusion.
  if (options.optLevel > 0) {
    manager.addPass(createSinkTransposesPass());
    manager.addPass(createCSEPass());
    manager.addPass(createStoreTransposedPass());
    manager.addPass(createSimplifyPass());
    manager.addPass(createSinkReshapesPass());
    manager.addPass(createCSEPass());
  }

  // 4. Kernels. One for each op, then merged. The order of the passes decides
  //    who gets an op that could go to several places: a mask goes to the op that
  //    it masks; a bias gradient to the weight gradient rather than to loops; what follows a
  //    contraction is done in its registers; only then do loops merge with loops, and what is left
  //    over goes before the contraction that reads it.
  bool fuse = options.fusion && options.optLevel > 0;
  if (fuse)
    manager.addPass(createRematerializePass());
  manager.addPass(createFormKernelsPass());
  if (fuse) {
    manager.addPass(createFuseMasksPass({options.explain}));
    manager.addPass(createFuseSideReductionsPass({options.explain}));
    manager.addPass(createFuseEpiloguesPass({options.explain}));
    manager.addPass(createFuseLoopsPass({options.explain}));
    manager.addPass(createFuseProloguesPass({options.explain}));
    manager.addPass(createFuseSiblingsPass({options.explain}));
    if (options.explain)
      manager.addPass(createExplainFusionPass());
  }

  // 5. Order and memory. The plan follows from the order: it is made last.
  manager.addPass(createSchedulePass());
  manager.addPass(createPlanMemoryPass());

  // 6. What code generation relies on.
  manager.addPass(createVerifyPlanPass());
}

namespace {
struct PipelineOptions : PassPipelineOptions<PipelineOptions> {
  Option<int> optLevel{*this, "opt-level", llvm::cl::desc("as -O of the driver"),
                       llvm::cl::init(2)};
  Option<bool> fusion{*this, "fusion", llvm::cl::desc("fuse ops into kernels"),
                      llvm::cl::init(true)};
  Option<bool> explain{*this, "explain", llvm::cl::desc("a remark for each decision"),
                       llvm::cl::init(false)};
};
} // namespace

void registerGraphPipeline() {
  PassPipelineRegistration<PipelineOptions>(
      "dl-graph-pipeline", "the graph optimiser: from a model to planned kernels",
      [](OpPassManager &manager, const PipelineOptions &options) {
        buildGraphPipeline(manager, {options.optLevel, options.fusion, options.explain});
      });
}

} // namespace dl
