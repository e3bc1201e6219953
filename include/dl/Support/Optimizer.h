//===- Optimizer.h - Checks of an optimiser's settings ----------*- C++ -*-===//

#ifndef DL_SUPPORT_OPTIMIZER_H
#define DL_SUPPORT_OPTIMIZER_H

#include "dl/Trainer.h"

namespace dl {

/// The settings make sense: a known name, numbers in their ranges, no setting of
/// another optimiser changed.
Status checkOptimizer(const Optimizer &optimizer);

} // namespace dl

#endif // DL_SUPPORT_OPTIMIZER_H
