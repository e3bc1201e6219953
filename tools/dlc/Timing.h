//===- Timing.h - Timing what runs in microseconds --------------*- C++ -*-===//

#ifndef DL_TOOLS_DLC_TIMING_H
#define DL_TOOLS_DLC_TIMING_H

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace dl::driver {

/// Seconds of one run.
struct Times {
  double median = 0, best = 0;
  size_t runs = 0;
};

/// A sample at least as long as this makes the clock's own cost negligible.
inline constexpr double kLeastSample = 10e-6;

inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Median and best of samples. Sorts them.
inline Times summarize(std::vector<double> &samples, size_t runsEach) {
  std::sort(samples.begin(), samples.end());
  return {samples[samples.size() / 2], samples.front(), samples.size() * runsEach};
}

/// Runs for the given time after a fifth of it to warm up: caches, page tables, the clock of the
/// core. Short runs are timed several at once, long ones so many times at the least.
template <typename Run> Times timeRuns(Run &&run, double seconds, size_t leastSamples = 1) {
  double start = now();
  size_t warm = 0;
  do
    run(), ++warm;
  while (now() - start < seconds / 5);
  double estimate = (now() - start) / static_cast<double>(warm);
  size_t each = estimate < kLeastSample ? static_cast<size_t>(kLeastSample / estimate) + 1 : 1;

  std::vector<double> samples;
  start = now();
  do {
    double before = now();
    for (size_t i = 0; i < each; ++i)
      run();
    samples.push_back((now() - before) / static_cast<double>(each));
  } while (samples.size() < leastSamples || now() - start < seconds);
  return summarize(samples, each);
}

/// The same, each run by itself and after `prepare`, whose time does not count. Seconds are those
/// of all runs and preparations.
template <typename Run, typename Prepare>
Times timePreparedRuns(Run &&run, Prepare &&prepare, double seconds) {
  std::vector<double> samples;
  double start = now();
  run();
  do {
    prepare();
    double before = now();
    run();
    samples.push_back(now() - before);
  } while (now() - start < seconds);
  return summarize(samples, 1);
}

} // namespace dl::driver

#endif // DL_TOOLS_DLC_TIMING_H
