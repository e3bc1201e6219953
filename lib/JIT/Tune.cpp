//===- Tune.cpp - Measuring other ways to compute a kernel ----------------===//

#include "Tune.h"
#include "Pool.h"
#include "dl/CodeGen/CodeGen.h"

#include <chrono>

namespace dl {

namespace {

/// A program with memory to run in, and the least time of each kernel so far.
class Trial {
public:
  Trial(size_t choice, std::shared_ptr<LoadedProgram> program, dlrt_pool *pool);

  Status run();

  size_t choice;
  std::vector<double> seconds;

private:
  void allocate(const TensorSpec &spec, std::vector<void *> &addresses);

  std::shared_ptr<LoadedProgram> program;
  dlrt_pool *pool;
  Arenas arenas;
  std::vector<Tensor> tensors;
  std::vector<void *> variables, inputs, outputs;
};

} // namespace

/// Some numbers: the time of a kernel does not depend on them, as long as they
/// stay normal.
static void fill(Tensor &tensor) {
  if (tensor.dtype() == DType::F32)
    for (size_t i = 0; i < tensor.span<float>().size(); ++i)
      tensor.data<float>()[i] = 0.01f * static_cast<float>(i % 17);
  if (tensor.dtype() == DType::F64)
    for (size_t i = 0; i < tensor.span<double>().size(); ++i)
      tensor.data<double>()[i] = 0.01 * static_cast<double>(i % 17);
}

void Trial::allocate(const TensorSpec &spec, std::vector<void *> &addresses) {
  fill(tensors.emplace_back(spec.dtype, spec.shape));
  addresses.push_back(tensors.back().raw());
}

Trial::Trial(size_t choice, std::shared_ptr<LoadedProgram> loaded, dlrt_pool *pool)
    : choice(choice), seconds(loaded->kernels.size(), std::numeric_limits<double>::infinity()),
      program(std::move(loaded)), pool(pool), arenas(program->arenaBytes(dlrt_pool_workers(pool))) {
  for (const ProgramVariable &variable : program->variables)
    allocate(variable.spec, variables);
  for (const TensorSpec &spec : program->inputs)
    allocate(spec, inputs);
  for (const TensorSpec &spec : program->outputs)
    allocate(spec, outputs);
}

Status Trial::run() {
  char *arena = arenas.acquire();
  if (!arena)
    return Error{"error: no memory to measure kernels in"};
  program->run(variables.data(), inputs.data(), outputs.data(), arena, pool);
  std::vector<double> now(seconds.size());
  auto *time = reinterpret_cast<const dlrt_phase_time *>(arena + program->timesOffset);
  for (auto [kernel, phase] : program->timedPhases) {
    now[kernel] += static_cast<double>(time->end - time->start) * 1e-9;
    ++time;
  }
  arenas.release(arena);
  for (size_t i = 0; i < now.size(); ++i)
    seconds[i] = std::min(seconds[i], now[i]);
  return {};
}

/// In turns, so that all see the machine in the same moods.
static Status runInTurns(std::vector<std::unique_ptr<Trial>> &trials) {
  constexpr double kSeconds = 1;
  constexpr int kLeast = 5, kMost = 200;
  using Clock = std::chrono::steady_clock;
  auto start = Clock::now();
  for (int turn = 0; turn < kMost; ++turn) {
    if (turn >= kLeast && std::chrono::duration<double>(Clock::now() - start).count() > kSeconds)
      break;
    for (auto &trial : trials)
      if (Status status = trial->run(); !status)
        return status;
  }
  return {};
}

Result<std::vector<TunedKernel>> tuneKernels(CompileTrial compile, const CompileOptions &options) {
  // What is faster by less than this may be slower tomorrow.
  constexpr double kClearly = 0.97;
  auto pool = sharedPool(options.threads);
  if (!pool)
    return pool.error();
  std::vector<std::unique_ptr<Trial>> trials;
  for (size_t choice = 0; choice < std::size(kKernelChoices); ++choice) {
    auto program = compile(choice);
    if (program)
      trials.push_back(std::make_unique<Trial>(choice, std::move(program), pool->get()));
    else if (choice == 0)
      return std::vector<TunedKernel>();
  }
  if (Status status = runInTurns(trials); !status)
    return status.error();
  std::vector<TunedKernel> tuned;
  for (size_t i = 0; i < trials[0]->seconds.size(); ++i) {
    double before = trials[0]->seconds[i];
    TunedKernel best{0, before, before};
    for (auto &trial : trials)
      if (trial->seconds[i] < best.after && trial->seconds[i] < kClearly * before)
        best = {trial->choice, before, trial->seconds[i]};
    tuned.push_back(best);
  }
  return tuned;
}

} // namespace dl
