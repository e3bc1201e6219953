//===- Tune.cpp - Measuring other ways to compute a kernel ----------------===//

#include "Tune.h"
#include "Pool.h"

#include <algorithm>
#include <chrono>

namespace dl {

namespace {

/// A program with memory to run in, and the times of each kernel so far.
class Trial {
public:
  Trial(size_t choice, std::shared_ptr<LoadedProgram> program, dlrt_pool *pool);

  Status run();
  /// The least time of a kernel.
  double best(size_t kernel) const { return *std::ranges::min_element(seconds[kernel]); }
  void forget();

  size_t choice;
  /// Of each kernel, a time for each run.
  std::vector<std::vector<double>> seconds;

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
    : choice(choice), seconds(loaded->kernels.size()), program(std::move(loaded)), pool(pool),
      arenas(program->arenaBytes(dlrt_pool_workers(pool))) {
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
    seconds[i].push_back(now[i]);
  return {};
}

void Trial::forget() {
  for (std::vector<double> &times : seconds)
    times.clear();
}

/// In turns, so that all see the machine in the same moods, and not always one
/// after the same other.
static Status runInTurns(std::vector<std::unique_ptr<Trial>> &trials) {
  constexpr double kSeconds = 1;
  constexpr int kLeast = 8, kMost = 200;
  using Clock = std::chrono::steady_clock;
  auto start = Clock::now();
  for (int turn = 0; turn < kMost; ++turn) {
    if (turn >= kLeast && std::chrono::duration<double>(Clock::now() - start).count() > kSeconds)
      break;
    for (auto &trial : trials)
      if (Status status = trial->run(); !status)
        return status;
    std::ranges::reverse(trials);
  }
  return {};
}

static Trial &trialOf(const std::vector<std::unique_ptr<Trial>> &trials, size_t choice) {
  return **std::ranges::find_if(trials, [&](const auto &trial) { return trial->choice == choice; });
}

/// What is faster by less may be slower tomorrow.
static constexpr double kLeastGain = 0.03;

/// The fastest choice that seems faster than the default, and agrees with it.
static size_t findCandidate(const std::vector<std::unique_ptr<Trial>> &trials, size_t kernel,
                            Trials &programs) {
  double before = trialOf(trials, 0).best(kernel);
  std::vector<const Trial *> faster;
  for (const auto &trial : trials)
    if (trial->choice != 0 && trial->best(kernel) < (1 - kLeastGain) * before)
      faster.push_back(trial.get());
  std::ranges::sort(faster, {}, [&](const Trial *trial) { return trial->best(kernel); });
  for (const Trial *trial : faster)
    if (programs.agrees(kernel, trial->choice))
      return trial->choice;
  return 0;
}

namespace {
/// The middle of times, and how far the middle half of them lies apart.
struct Spread {
  explicit Spread(std::vector<double> times) {
    std::ranges::sort(times);
    median = times[times.size() / 2];
    width = times[times.size() * 3 / 4] - times[times.size() / 4];
  }
  double median, width;
};
} // namespace

/// Whether times differ by more than chance.
static bool isClearlyLess(const Spread &after, const Spread &before) {
  double gain = before.median - after.median;
  return gain > kLeastGain * before.median && gain > 2 * std::max(before.width, after.width);
}

Result<std::vector<TunedKernel>> tuneKernels(Trials &programs, const CompileOptions &options) {
  auto pool = sharedPool(options.threads);
  if (!pool)
    return pool.error();
  std::vector<std::unique_ptr<Trial>> trials;
  for (size_t choice = 0; choice < std::size(kKernelChoices); ++choice) {
    auto program = programs.compileAll(choice);
    if (program)
      trials.push_back(std::make_unique<Trial>(choice, std::move(program), pool->get()));
    else if (choice == 0)
      return std::vector<TunedKernel>();
  }
  if (Status status = runInTurns(trials); !status)
    return status.error();

  std::vector<size_t> candidates;
  for (size_t kernel = 0; kernel < trials[0]->seconds.size(); ++kernel)
    candidates.push_back(findCandidate(trials, kernel, programs));
  std::vector<TunedKernel> tuned(candidates.size());
  auto program = programs.compileEach(candidates);
  if (!program)
    return tuned;

  std::erase_if(trials, [](const auto &trial) { return trial->choice != 0; });
  Trial &before = *trials[0];
  before.forget();
  trials.push_back(std::make_unique<Trial>(1, std::move(program), pool->get()));
  Trial &after = *trials[1];
  if (Status status = runInTurns(trials); !status)
    return status.error();
  for (size_t kernel = 0; kernel < tuned.size(); ++kernel) {
    Spread plain(before.seconds[kernel]), candidate(after.seconds[kernel]);
    bool isKept = candidates[kernel] != 0 && isClearlyLess(candidate, plain);
    tuned[kernel] = {isKept ? candidates[kernel] : 0, plain.median,
                     isKept ? candidate.median : plain.median};
  }
  return tuned;
}

} // namespace dl
