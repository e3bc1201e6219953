//===- Passes.cpp - Passes of the Autodiff layer --------------------------===//

#include "dl/Autodiff/Passes.h"
#include "dl/Autodiff/Gradient.h"
#include "dl/Autodiff/TrainingStep.h"

using namespace mlir;

namespace dl {

#define GEN_PASS_DEF_DIFFERENTIATEPASS
#define GEN_PASS_DEF_EVALUATIONPASS
#define GEN_PASS_DEF_TRAININGSTEPPASS
#include "dl/Autodiff/Passes.h.inc"

/// Replaces each model of the module by what `build` makes of it.
static LogicalResult replaceModels(ModuleOp module,
                                   llvm::function_ref<FailureOr<ModelOp>(ModelOp)> build) {
  for (ModelOp model : llvm::to_vector(module.getOps<ModelOp>())) {
    if (failed(build(model)))
      return failure();
    model.erase();
  }
  return success();
}

namespace {

struct DifferentiatePass : impl::DifferentiatePassBase<DifferentiatePass> {
  using DifferentiatePassBase::DifferentiatePassBase;
  void runOnOperation() override {
    SmallVector<std::string> names(wrt.begin(), wrt.end());
    if (failed(differentiateModel(getOperation(), names, cotangent)))
      signalPassFailure();
  }
};

struct EvaluationPass : impl::EvaluationPassBase<EvaluationPass> {
  using EvaluationPassBase::EvaluationPassBase;
  void runOnOperation() override {
    auto build = [&](ModelOp model) { return buildEvaluation(model, Loss{loss}); };
    if (failed(replaceModels(getOperation(), build)))
      signalPassFailure();
  }
};

struct TrainingStepPass : impl::TrainingStepPassBase<TrainingStepPass> {
  using TrainingStepPassBase::TrainingStepPassBase;
  void runOnOperation() override {
    Result<Optimizer> parsed = Optimizer::parse(optimizer.getValue());
    if (!parsed) {
      getOperation().emitError() << parsed.error().message;
      return signalPassFailure();
    }
    auto build = [&](ModelOp model) { return buildTrainingStep(model, Loss{loss}, *parsed); };
    if (failed(replaceModels(getOperation(), build)))
      signalPassFailure();
  }
};

} // namespace

} // namespace dl
