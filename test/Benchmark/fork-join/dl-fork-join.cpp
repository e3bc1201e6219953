//===- dl-fork-join.cpp - What a fork and join costs ----------------------===//
//
// dl-fork-join [WORKERS [MILLISECONDS]]
//
// Times phases that do nothing: of a busy pool, with and without some work of the
// caller between two phases, and of one that sleeps. Empty tasks are over before
// another worker takes one: what a phase costs the caller. Tasks that meet, one a
// worker, wait for each other: the way there and back.
//
//===----------------------------------------------------------------------===//

#include "dl/Runtime/Runtime.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

static double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

static void emptyTask(int64_t, int64_t, int64_t, void *const *) {}

/// Tasks that have begun, in all phases.
static std::atomic<int64_t> arrived;

/// args: the number of workers, which is that of tasks.
static void meetingTask(int64_t, int64_t, int64_t, void *const *args) {
  int64_t workers = *static_cast<const int64_t *>(args[0]);
  int64_t phaseEnd = arrived++ / workers * workers + workers;
  while (arrived < phaseEnd) {
  }
}

namespace {
struct Phase {
  const char *name;
  dlrt_task task;
  int64_t tasks;
};
} // namespace

static void workFor(double seconds) {
  for (double end = now() + seconds; now() < end;) {
  }
}

/// Prints median and best of samples, in seconds.
static void report(const Phase &phase, const char *when, std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  std::printf("%4lld %s tasks, %-24s median %.2f us, best %.2f us\n",
              static_cast<long long>(phase.tasks), phase.name, when,
              1e6 * samples[samples.size() / 2], 1e6 * samples[0]);
}

/// Phases one after the other. What lies between them is taken off.
static void timeBusy(dlrt_pool *pool, const Phase &phase, double gap, double seconds) {
  constexpr int kPhases = 200;
  int64_t workers = dlrt_pool_workers(pool);
  void *args[] = {&workers};
  auto time = [&](bool fork) {
    double start = now();
    for (int i = 0; i < kPhases; ++i) {
      if (fork)
        dlrt_parallel_for(pool, phase.task, args, phase.tasks);
      if (gap > 0)
        workFor(gap);
    }
    return (now() - start) / kPhases;
  };
  std::vector<double> samples;
  double end = now() + seconds;
  do
    samples.push_back(std::max(time(true) - time(false), 0.));
  while (now() < end);
  char when[32];
  std::snprintf(when, sizeof when, "%g us between phases:", 1e6 * gap);
  report(phase, when, std::move(samples));
}

static void timeAsleep(dlrt_pool *pool, const Phase &phase, double seconds) {
  int64_t workers = dlrt_pool_workers(pool);
  void *args[] = {&workers};
  std::vector<double> samples;
  double end = now() + seconds;
  do {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    double start = now();
    dlrt_parallel_for(pool, phase.task, args, phase.tasks);
    samples.push_back(now() - start);
  } while (now() < end);
  report(phase, "asleep:", std::move(samples));
}

int main(int argc, char **argv) {
  int workers = argc > 1 ? std::atoi(argv[1]) : 2;
  double seconds = 1e-3 * (argc > 2 ? std::atof(argv[2]) : 200);
  dlrt_pool *pool = dlrt_pool_create(workers);
  if (!pool)
    return std::fprintf(stderr, "dl-fork-join: no pool of '%s' workers\n", argv[1]), 1;
  const Phase phases[] = {{"empty", emptyTask, 24}, {"meeting", meetingTask, workers}};
  for (const Phase &phase : phases) {
    for (double gap : {0., 1e-6, 10e-6})
      timeBusy(pool, phase, gap, seconds);
    timeAsleep(pool, phase, seconds);
  }
  dlrt_pool_destroy(pool);
}
