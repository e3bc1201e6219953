//===- Options.cpp - What compile and compileTrainer share ----------------===//

#include "Options.h"
#include "dl/Support/Machine.h"

#include <fmt/format.h>

namespace dl {

Result<std::shared_ptr<dlrt_pool>> preparePool(const CompileOptions &options) {
  if (options.optLevel < 0 || options.optLevel > 3)
    return Error{
        fmt::format("error: expected an optimisation level of 0 to 3, got {}", options.optLevel)};
  if (options.batch < 0)
    return Error{fmt::format("error: expected a batch size of 0 or more, got {}", options.batch)};
  if (!options.target.empty())
    return Error{
        fmt::format("error: code for '{}' is only emitted: expected no target", options.target)};
  if (Result<Machine> machine = Machine::get(options.march); !machine)
    return machine.error();
  return sharedPool(options.threads);
}

bool hasOpenBatch(const Model &model) {
  return llvm::any_of(model.inputs(), [](const TensorSpec &spec) {
    return !spec.shape.empty() && spec.shape[0] == kOpen;
  });
}

std::optional<int64_t> knownBatch(const Model &model, const CompileOptions &options) {
  if (!hasOpenBatch(model))
    return 1;
  if (options.batch != 0)
    return options.batch;
  return std::nullopt;
}

int64_t batchOf(const Model &model, int64_t batch) { return hasOpenBatch(model) ? batch : 1; }

Status checkOutputs(std::span<const TensorSpec> specs, std::span<const Tensor> outputs) {
  if (outputs.size() != specs.size())
    return Error{fmt::format("error: expected {} output{}, got {}", specs.size(),
                             specs.size() == 1 ? "" : "s", outputs.size())};
  for (size_t i = 0; i < specs.size(); ++i) {
    const TensorSpec &spec = specs[i];
    const Tensor &output = outputs[i];
    if (output.dtype() != spec.dtype || output.shape() != spec.shape || !output.raw())
      return Error{fmt::format("error: expected output '{}' to be {}, got {}", spec.name,
                               toString(spec.shape, spec.dtype),
                               toString(output.shape(), output.dtype()))};
  }
  return {};
}

std::vector<size_t> allOf(const VariableStore &store) {
  std::vector<size_t> indices(store.size());
  for (size_t i = 0; i < indices.size(); ++i)
    indices[i] = i;
  return indices;
}

} // namespace dl
