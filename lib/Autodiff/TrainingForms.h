//===- TrainingForms.h - Ops that differ in training ------------*- C++ -*-===//

#ifndef DL_AUTODIFF_TRAININGFORMS_H
#define DL_AUTODIFF_TRAININGFORMS_H

#include "dl/IR/DLOps.h"

namespace dl {

/// Gives the ops of a model that differ in training the form that they have
/// there:
///
///   batch_norm  by the batch's own mean and variance; the running ones are updated
///               where they are parameters that are not trained, by one op after
///               the other where several share them. With others the op stays:
///               its statistics are frozen.
///   dropout     dropout_train, whose numbers follow from the variable
///               `dropout.seed` (drawn from the program's seed), the number of the
///               step, which `dropout.step` counts, and the number of the op.
///
/// The model declares the variables and returns their updates afterwards.
llvm::LogicalResult useTrainingForms(ModelOp model);

} // namespace dl

#endif // DL_AUTODIFF_TRAININGFORMS_H
