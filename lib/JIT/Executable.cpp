//===- Executable.cpp - A compiled forward pass ---------------------------===//

#include "dl/Executable.h"
#include "Options.h"
#include "Programs.h"

namespace dl {

struct Executable::Impl {
  Impl(const Model &model, const CompileOptions &options, std::shared_ptr<dlrt_pool> pool)
      : model(model), programs(model, ProgramRequest(), options, store, mutex, std::move(pool),
                               /*isMain=*/true) {}

  /// Changes variables while no run is going on. Programs learn of it with their next run,
  /// once for many changes.
  template <typename Change> auto change(Change change) {
    std::unique_lock lock(mutex);
    return change();
  }

  Model model;
  VariableStore store;
  /// Shared by runs; alone: who changes variables or adds programs.
  std::shared_mutex mutex;
  ProgramCache programs;
};

Result<Executable> compile(const Model &model, const CompileOptions &options) {
  auto pool = preparePool(options);
  if (!pool)
    return pool.error();
  auto impl = std::make_shared<Executable::Impl>(model, options, *pool);
  {
    std::lock_guard lock(model.getImpl().compiling);
    if (Status status = impl->store.addAll(model.getImpl().model, options.seed); !status)
      return status.error();
  }
  if (std::optional<int64_t> batch = knownBatch(model, options))
    if (auto program = impl->programs.get(*batch); !program)
      return program.error();
  return Executable(std::move(impl));
}

Status Executable::runInto(std::span<const TensorView> inputs, std::span<Tensor> outputs) const {
  Result<int64_t> batch = checkBatch(impl->model.inputs(), inputs, "input");
  if (!batch)
    return batch.error();
  // The lock keeps the variables as they are, and is taken once in all calls but those
  // that compile, or find variables changed.
  std::shared_lock lock(impl->mutex);
  BoundProgram *program = impl->programs.find(*batch);
  if (!program) {
    lock.unlock();
    auto compiled = impl->programs.get(*batch);
    if (!compiled)
      return compiled.error();
    program = *compiled;
    lock.lock();
  }
  while (program->isStale()) {
    lock.unlock();
    {
      std::unique_lock alone(impl->mutex);
      // Another run may have done so meanwhile.
      if (program->isStale())
        program->refresh();
    }
    lock.lock();
  }
  if (Status status = checkOutputs(program->get().outputs, outputs); !status)
    return status;
  return program->run(inputs, outputs);
}

Result<std::vector<Tensor>> Executable::run(std::span<const TensorView> inputs) const {
  Result<int64_t> batch = checkBatch(impl->model.inputs(), inputs, "input");
  if (!batch)
    return batch.error();
  auto program = impl->programs.get(*batch);
  if (!program)
    return program.error();
  std::vector<Tensor> outputs;
  for (const TensorSpec &spec : (*program)->get().outputs)
    outputs.emplace_back(spec.dtype, spec.shape);
  if (Status status = runInto(inputs, outputs); !status)
    return status.error();
  return outputs;
}

Result<Tensor> Executable::parameter(const std::string &name) const {
  std::shared_lock lock(impl->mutex);
  Result<size_t> index = impl->store.find(name);
  if (!index)
    return index.error();
  return impl->store.read(*index);
}

Status Executable::setParameter(const std::string &name, TensorView value) {
  return impl->change([&]() -> Status {
    Result<size_t> index = impl->store.find(name);
    if (!index)
      return index.error();
    if (Status status = impl->store.check(*index, value); !status)
      return status;
    impl->store.write(*index, value);
    return {};
  });
}

Status Executable::loadWeights(const std::string &path) {
  return impl->change([&]() -> Status {
    std::vector<size_t> all = allOf(impl->store);
    auto read = readVariables(path, impl->store, all, /*exact=*/false);
    return read ? Status() : Status(read.error());
  });
}

Result<size_t> Executable::arenaBytes(int64_t batch) const {
  auto program = impl->programs.get(batchOf(impl->model, batch));
  if (!program)
    return program.error();
  return (*program)->arenaBytes();
}

Result<Profile> Executable::profile(int64_t batch) const {
  auto program = impl->programs.get(batchOf(impl->model, batch));
  if (!program)
    return program.error();
  return (*program)->profile();
}

} // namespace dl
