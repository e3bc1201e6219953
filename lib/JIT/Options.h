//===- Options.h - What compile and compileTrainer share --------*- C++ -*-===//

#ifndef DL_LIB_JIT_OPTIONS_H
#define DL_LIB_JIT_OPTIONS_H

#include "Pool.h"
#include "Variables.h"
#include "dl/Model.h"

namespace dl {

/// Checks the options and returns the pool they ask for. Error: an option out of
/// its range, an unknown CPU.
Result<std::shared_ptr<dlrt_pool>> preparePool(const CompileOptions &options);

/// True where an input leaves its batch size open.
bool hasOpenBatch(const Model &model);
/// The batch size that the options name; 1 for a model that leaves none open;
/// nothing where it will be known with the first inputs.
std::optional<int64_t> knownBatch(const Model &model, const CompileOptions &options);
/// The key under which programs for a batch size are kept.
int64_t batchOf(const Model &model, int64_t batch);

/// Error: number, type or shape of the tensors do not fit the closed `specs`.
Status checkOutputs(std::span<const TensorSpec> specs, std::span<const Tensor> outputs);

/// Indices of all variables.
std::vector<size_t> allOf(const VariableStore &store);

} // namespace dl

#endif // DL_LIB_JIT_OPTIONS_H
