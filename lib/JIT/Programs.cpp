//===- Programs.cpp - Programs bound to their variables -------------------===//

#include "Programs.h"

#include <chrono>
#include <fmt/format.h>

namespace dl {

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

static bool fits(const TensorSpec &spec, const TensorView &tensor) {
  if (tensor.dtype != spec.dtype || tensor.shape.size() != spec.shape.size())
    return false;
  for (size_t i = 0; i < spec.shape.size(); ++i)
    if (tensor.shape[i] < 0 || (spec.shape[i] != kOpen && spec.shape[i] != tensor.shape[i]))
      return false;
  return true;
}

Result<int64_t> checkBatch(std::span<const TensorSpec> specs, std::span<const TensorView> tensors,
                           const char *what) {
  if (specs.size() != tensors.size())
    return Error{fmt::format("error: expected {} {}{}, got {}", specs.size(), what,
                             specs.size() == 1 ? "" : "s", tensors.size())};
  const TensorSpec *first = nullptr;
  int64_t batch = 1;
  for (size_t i = 0; i < specs.size(); ++i) {
    const TensorSpec &spec = specs[i];
    const TensorView &tensor = tensors[i];
    if (!fits(spec, tensor))
      return Error{
          fmt::format("error: expected {} '{}' to be {}, got {}", what, spec.name,
                      toString(spec.shape, spec.dtype),
                      toString(Shape(tensor.shape.begin(), tensor.shape.end()), tensor.dtype))};
    if (spec.shape.empty() || spec.shape[0] != kOpen)
      continue;
    if (first && tensor.shape[0] != batch)
      return Error{fmt::format("error: expected one batch size, got {} in '{}' and {} in '{}'",
                               batch, first->name, tensor.shape[0], spec.name)};
    first = &spec;
    batch = tensor.shape[0];
  }
  return batch;
}

//===----------------------------------------------------------------------===//
// Bound programs
//===----------------------------------------------------------------------===//

/// Bytes of packed variables, and of the scratch that packing takes.
static int64_t packedBytesOf(const LoadedProgram &program, const dlrt_pool *pool) {
  return program.packedBytes +
         static_cast<int64_t>(program.packScratchBytes(dlrt_pool_workers(pool)));
}

BoundProgram::BoundProgram(std::shared_ptr<LoadedProgram> loaded, VariableStore &store,
                           std::shared_ptr<dlrt_pool> pool, bool adopt)
    : program(std::move(loaded)), store(store), pool(std::move(pool)), arenas(arenaBytes()) {
  for (const ProgramVariable &wanted : program->variables) {
    updates |= wanted.updated;
    if (adopt)
      store.setStorage(store.find(wanted.spec.name).value(), wanted.storage);
  }
  if (int64_t bytes = packedBytesOf(*program, this->pool.get()); bytes > 0)
    packed = Tensor(DType::U8, {bytes});
  times.workers = dlrt_pool_workers(this->pool.get());
  times.kernels = program->kernels;
  refresh();
}

void BoundProgram::bind() {
  addresses.clear();
  copies.clear();
  for (const ProgramVariable &wanted : program->variables) {
    size_t index = store.find(wanted.spec.name).value();
    VariableStore::Variable &variable = store[index];
    if (variable.storage == wanted.storage) {
      addresses.push_back(variable.value.raw());
      continue;
    }
    Tensor value(variable.spec.dtype, variable.spec.shape);
    addresses.push_back(value.raw());
    copies.push_back({index, wanted.storage, wanted.updated, std::move(value)});
  }
  if (program->packedBytes > 0)
    addresses.push_back(packed.raw());
  boundLayout = store.layout;
}

void BoundProgram::pack() {
  if (program->packedBytes > 0)
    program->pack(addresses.data(), static_cast<char *>(packed.raw()) + program->packedBytes,
                  pool.get());
}

void BoundProgram::refresh() {
  if (boundLayout != store.layout)
    bind();
  for (Copy &copy : copies) {
    const VariableStore::Variable &variable = store[copy.variable];
    convertStorage(variable.value.raw(), variable.storage, copy.value.raw(), copy.storage,
                   variable.spec);
  }
  pack();
  copied = store.version;
}

void BoundProgram::commit() {
  if (!updates)
    return;
  ++store.version;
  for (const Copy &copy : copies) {
    VariableStore::Variable &variable = store[copy.variable];
    if (copy.updated)
      convertStorage(copy.value.raw(), copy.storage, variable.value.raw(), variable.storage,
                     variable.spec);
  }
  copied = store.version;
}

Addresses addressesOf(std::span<const TensorView> inputs) {
  Addresses addresses;
  for (const TensorView &input : inputs)
    addresses.push_back(const_cast<void *>(input.data));
  return addresses;
}

Addresses addressesOf(std::span<Tensor> outputs) {
  Addresses addresses;
  for (Tensor &output : outputs)
    addresses.push_back(output.raw());
  return addresses;
}

Result<char *> BoundProgram::acquireArena() const {
  if (char *arena = arenas.acquire())
    return arena;
  return Error{fmt::format("error: no memory for an arena of {} bytes", arenaBytes())};
}

Status BoundProgram::run(std::span<const TensorView> inputs, std::span<Tensor> results) const {
  Result<char *> arena = acquireArena();
  if (!arena)
    return arena.error();
  call(addressesOf(inputs).data(), addressesOf(results).data(), *arena);
  releaseArena(*arena);
  return {};
}

void BoundProgram::callTimed(void *const *inputs, void *const *results, char *arena) const {
  auto start = std::chrono::steady_clock::now();
  program->run(addresses.data(), inputs, results, arena, pool.get());
  std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
  addTimes(arena, passed.count());
}

/// The first run finds an arena that the system has yet to fill with zeros.
void BoundProgram::forgetFirst() const {
  isFirstForgotten = true;
  times.runs = 0;
  times.seconds = 0;
  for (Profile::Kernel &kernel : times.kernels)
    for (Profile::Phase &phase : kernel.phases)
      phase.seconds = phase.busySeconds = 0;
}

void BoundProgram::addTimes(const char *arena, double seconds) const {
  auto *time = reinterpret_cast<const dlrt_phase_time *>(arena + program->timesOffset);
  std::lock_guard lock(profiling);
  if (times.runs == 1 && !isFirstForgotten)
    forgetFirst();
  ++times.runs;
  times.seconds += seconds;
  for (auto [kernel, index] : program->timedPhases) {
    Profile::Phase &phase = times.kernels[kernel].phases[index];
    phase.seconds += static_cast<double>(time->end - time->start) * 1e-9;
    phase.busySeconds += static_cast<double>(time->busy) * 1e-9;
    ++time;
  }
}

Profile BoundProgram::profile() const {
  std::lock_guard lock(profiling);
  return times;
}

std::span<Tensor> BoundProgram::ownOutputs() {
  if (outputs.empty())
    for (const TensorSpec &spec : program->outputs)
      outputs.emplace_back(spec.dtype, spec.shape);
  return outputs;
}

//===----------------------------------------------------------------------===//
// The cache
//===----------------------------------------------------------------------===//

BoundProgram *ProgramCache::find(int64_t batch) const {
  auto it = programs.find(batch);
  return it == programs.end() ? nullptr : it->second.get();
}

Result<BoundProgram *> ProgramCache::get(int64_t batch) {
  auto lookup = [&] {
    std::shared_lock lock(mutex);
    return find(batch);
  };
  // Those whose program is there do not wait for another's compilation.
  if (BoundProgram *program = lookup())
    return program;
  std::lock_guard one(compiling);
  if (BoundProgram *program = lookup())
    return program;
  ProgramRequest closed = request;
  closed.batch = batch;
  auto program = compileProgram(model, closed, options);
  if (!program)
    return program.error();
  double bytes = bytesOf((*program)->inputs) + bytesOf((*program)->outputs) +
                 static_cast<double>((*program)->arenaBytes(dlrt_pool_workers(pool.get()))) +
                 static_cast<double>(packedBytesOf(**program, pool.get()));
  if (Status status = checkMemory(bytes, fmt::format("the tensors of '{}'", model.name())); !status)
    return status.error();
  std::unique_lock lock(mutex);
  bool adopt = isMain && programs.empty();
  auto bound = std::make_unique<BoundProgram>(*program, store, pool, adopt);
  return (programs[batch] = std::move(bound)).get();
}

} // namespace dl
