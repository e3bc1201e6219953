//===- Executable.cpp - A compiled forward pass ---------------------------===//

#include "dl/Executable.h"
#include "Options.h"
#include "Programs.h"

#include <algorithm>
#include <thread>

namespace dl {

struct Binding::Impl {
  /// Precondition: the executable's mutex is held alone. The program has an arena for the run.
  Impl(std::shared_ptr<Executable::Impl> executable, BoundProgram &program, char *arena,
       std::span<const TensorView> inputs, std::span<Tensor> outputs);
  ~Impl();

  /// Before the first run after a change of variables.
  void catchUp();

  std::shared_ptr<Executable::Impl> executable;
  BoundProgram &program;
  char *arena;
  Addresses inputs, outputs;
  /// The changes that the program has learned of.
  uint64_t changes = 0;
  /// Changes wait until it is false.
  std::atomic<bool> isRunning = false;
};

struct Executable::Impl {
  Impl(const Model &model, const CompileOptions &options, std::shared_ptr<dlrt_pool> pool)
      : model(model), programs(model, ProgramRequest(), options, store, mutex, std::move(pool),
                               /*isMain=*/true) {}

  /// Changes variables while no run is going on. Programs learn of it with their next run,
  /// once for many changes.
  template <typename Change> auto change(Change change) {
    std::unique_lock lock(mutex);
    // Bound runs take no lock. One that begins from here on sees the new count and waits; the
    // others have said that they are running before they read the old one.
    ++changes;
    for (const Binding::Impl *binding : bindings)
      while (binding->isRunning)
        std::this_thread::yield();
    return change();
  }

  /// The program for inputs of this batch size, which they fit.
  Result<BoundProgram *> programFor(std::span<const TensorView> inputs) {
    Result<int64_t> batch = checkBatch(model.inputs(), inputs, "input");
    return batch ? programs.get(*batch) : Result<BoundProgram *>(batch.error());
  }

  Model model;
  VariableStore store;
  /// Shared by runs; alone: who changes variables or adds programs.
  std::shared_mutex mutex;
  ProgramCache programs;
  /// Changes of variables so far.
  std::atomic<uint64_t> changes = 1;
  std::vector<const Binding::Impl *> bindings;
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

Result<Binding> Executable::bind(std::span<const TensorView> inputs,
                                 std::span<Tensor> outputs) const {
  auto program = impl->programFor(inputs);
  if (!program)
    return program.error();
  if (Status status = checkOutputs((*program)->get().outputs, outputs); !status)
    return status.error();
  Result<char *> arena = (*program)->acquireArena();
  if (!arena)
    return arena.error();
  std::unique_lock lock(impl->mutex);
  return Binding(std::make_unique<Binding::Impl>(impl, **program, *arena, inputs, outputs));
}

Result<std::vector<Tensor>> Executable::run(std::span<const TensorView> inputs) const {
  auto program = impl->programFor(inputs);
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

//===----------------------------------------------------------------------===//
// Bound runs
//===----------------------------------------------------------------------===//

Binding::Impl::Impl(std::shared_ptr<Executable::Impl> owner, BoundProgram &program, char *arena,
                    std::span<const TensorView> inputs, std::span<Tensor> outputs)
    : executable(std::move(owner)), program(program), arena(arena), inputs(addressesOf(inputs)),
      outputs(addressesOf(outputs)) {
  executable->bindings.push_back(this);
}

Binding::Impl::~Impl() {
  program.releaseArena(arena);
  std::unique_lock lock(executable->mutex);
  std::erase(executable->bindings, this);
}

void Binding::Impl::catchUp() {
  // A change that holds the lock must not wait for this run.
  isRunning = false;
  std::unique_lock alone(executable->mutex);
  if (program.isStale())
    program.refresh();
  changes = executable->changes;
  isRunning = true;
}

Binding::Binding(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
Binding::Binding(Binding &&other) noexcept = default;
Binding &Binding::operator=(Binding &&other) noexcept = default;
Binding::~Binding() = default;

void Binding::run() {
  impl->isRunning = true;
  if (impl->changes != impl->executable->changes)
    impl->catchUp();
  impl->program.call(impl->inputs.data(), impl->outputs.data(), impl->arena);
  impl->isRunning.store(false, std::memory_order_release);
}

} // namespace dl
