//===- TrainingStep.h - From a model to its training step -------*- C++ -*-===//

#ifndef DL_AUTODIFF_TRAININGSTEP_H
#define DL_AUTODIFF_TRAININGSTEP_H

#include "dl/IR/DLOps.h"
#include "dl/Trainer.h"

namespace dl {

/// Adds the loss to a model: a new input `target` (after the model's own), and
/// outputs in this order: `loss` (the mean over the batch, in the model's
/// element type), `correct` (i32, number of examples classified right; absent
/// where the loss is no classification), then the model's own. The name and
/// type of the target follow from the loss and the model's first output.
mlir::FailureOr<ModelOp> buildEvaluation(ModelOp model, const Loss &loss);

/// A training step as a pure graph: the evaluation, plus updates of every
/// trainable parameter and of the optimiser's state. State variables are
/// parameters with role `optimizer` (`<parameter>.velocity`, `<parameter>.mean`,
/// `<parameter>.variance`) or `counter` (`step`: number of steps done, a scalar
/// in the element type of the parameters; for adam). Updates that the model makes
/// of other variables stay. The outputs are loss and, for classification, correct. The new model
/// stands beside `model` in its module, named `<model>_step`. Precondition: static shapes.
mlir::FailureOr<ModelOp> buildTrainingStep(ModelOp model, const Loss &loss,
                                           const Optimizer &optimizer);

} // namespace dl

#endif // DL_AUTODIFF_TRAININGSTEP_H
