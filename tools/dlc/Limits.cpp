//===- Limits.cpp - What this machine can do at most ----------------------===//

#include "Limits.h"
#include "Timing.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <sched.h>
#include <thread>

namespace dl::driver {

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

/// Moves the calling thread to one core of those in a set: the system may leave new threads on
/// their creator's core for milliseconds.
static void moveToCore(const cpu_set_t &cores, int number) {
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(core, &cores) || number-- > 0)
      continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    sched_setaffinity(0, sizeof one, &one);
    return;
  }
}

/// The sum of what the threads measure, all at the same time.
static double onThreads(int threads, const std::function<double(int)> &rate) {
  std::vector<double> rates(threads);
  std::atomic<int> waiting = threads;
  cpu_set_t cores;
  bool areEnough = sched_getaffinity(0, sizeof cores, &cores) == 0 && CPU_COUNT(&cores) >= threads;
  auto body = [&](int index) {
    if (areEnough)
      moveToCore(cores, index);
    --waiting;
    // There may be more threads than cores.
    while (waiting > 0)
      std::this_thread::yield();
    rates[index] = rate(index);
  };
  std::vector<std::thread> others;
  for (int index = 1; index < threads; ++index)
    others.emplace_back(body, index);
  body(0);
  for (std::thread &other : others)
    other.join();
  if (areEnough)
    sched_setaffinity(0, sizeof cores, &cores);
  double sum = 0;
  for (double each : rates)
    sum += each;
  return sum;
}

//===----------------------------------------------------------------------===//
// Multiply-adds
//===----------------------------------------------------------------------===//

template <int Bytes> using Vector = float __attribute__((vector_size(Bytes)));

/// Enough chains for two pipes of a latency of up to six; few enough for 16 registers.
constexpr int kChains = 12;
constexpr int kSteps = 1 << 12;

/// x = x a + b in each chain, which tends to 2. Returns its sum, so that it is computed.
template <int Bytes> [[gnu::always_inline]] inline float multiplyAdds(float scale) {
  Vector<Bytes> factor = Vector<Bytes>{} + scale, term = Vector<Bytes>{} + 1.f;
  Vector<Bytes> chains[kChains];
  for (int i = 0; i < kChains; ++i)
    chains[i] = term * static_cast<float>(i);
  for (int step = 0; step < kSteps; ++step)
#pragma clang loop unroll(full)
    for (int i = 0; i < kChains; ++i)
      chains[i] = chains[i] * factor + term;
  Vector<Bytes> sum{};
  for (const Vector<Bytes> &chain : chains)
    sum += chain;
  return sum[0];
}

/// to = -from: not a plain copy, which a compiler turns into a call of memcpy, whose stores may
/// pass the caches by as a kernel's do not.
template <int Bytes>
[[gnu::always_inline]] inline void copyArray(float *to, const float *from, size_t bytes) {
  auto *target = reinterpret_cast<Vector<Bytes> *>(to);
  auto *source = reinterpret_cast<const Vector<Bytes> *>(from);
#pragma clang loop unroll_count(4)
  for (size_t i = 0; i < bytes / Bytes; ++i)
    target[i] = -source[i];
}

/// to = a + b / 2.
template <int Bytes>
[[gnu::always_inline]] inline void triadArray(float *to, const float *a, const float *b,
                                              size_t bytes) {
  auto *target = reinterpret_cast<Vector<Bytes> *>(to);
  auto *first = reinterpret_cast<const Vector<Bytes> *>(a);
  auto *second = reinterpret_cast<const Vector<Bytes> *>(b);
#pragma clang loop unroll_count(4)
  for (size_t i = 0; i < bytes / Bytes; ++i)
    target[i] = first[i] + 0.5f * second[i];
}

namespace {
/// The loops on vectors of one width.
struct Loops {
  int lanes;
  float (*chains)(float);
  void (*copy)(float *, const float *, size_t);
  void (*triad)(float *, const float *, const float *, size_t);
};
} // namespace

#define DL_LOOPS(bytes, attribute)                                                                 \
  attribute static float chains##bytes(float scale) { return multiplyAdds<bytes>(scale); }         \
  attribute static void copy##bytes(float *to, const float *from, size_t size) {                   \
    copyArray<bytes>(to, from, size);                                                              \
  }                                                                                                \
  attribute static void triad##bytes(float *to, const float *a, const float *b, size_t size) {     \
    triadArray<bytes>(to, a, b, size);                                                             \
  }                                                                                                \
  static constexpr Loops loops##bytes = {bytes / 4, chains##bytes, copy##bytes, triad##bytes};

#ifdef __x86_64__
DL_LOOPS(64, __attribute__((target("avx512f"))))
DL_LOOPS(32, __attribute__((target("avx2,fma"))))
#else
DL_LOOPS(64, )
DL_LOOPS(32, )
#endif
DL_LOOPS(16, )
#undef DL_LOOPS

static const Loops &loopsOf(int vectorBits) {
  return vectorBits >= 512 ? loops64 : vectorBits >= 256 ? loops32 : loops16;
}

/// FLOP of a call of `Loops::chains`.
static double chainsWork(const Loops &loops) { return 2. * kChains * kSteps * loops.lanes; }

double measureMultiplyAdds(int vectorBits, int threads) {
  const Loops &loops = loopsOf(vectorBits);
  return onThreads(threads, [&](int) {
    volatile float scale = 0.5f, sink = 0;
    double best = timeRuns([&] { sink = loops.chains(scale); }, 1e-3).best;
    return chainsWork(loops) / best;
  });
}

double sustainMultiplyAdds(int vectorBits, int threads, double seconds) {
  const Loops &loops = loopsOf(vectorBits);
  return onThreads(threads, [&](int) {
    volatile float scale = 0.5f, sink = 0;
    double start = now(), spent = 0, work = 0;
    do {
      sink = loops.chains(scale);
      work += chainsWork(loops);
      spent = now() - start;
    } while (spent < seconds);
    return work / spent;
  });
}

//===----------------------------------------------------------------------===//
// Bandwidth
//===----------------------------------------------------------------------===//

/// No cache holds as much: arrays of more bytes would only take memory away.
static constexpr double kMostBytes = 1 << 30;

Bandwidth::Bandwidth(int vectorBits, double bytes, int threads)
    : vectorBits(vectorBits), threads(threads),
      vectors(std::max<size_t>(static_cast<size_t>(std::min(bytes, kMostBytes) / 3 / 64 / threads),
                               4)) {
  for (int i = 0; i < threads; ++i) {
    size_t count = 3 * vectors * 16;
    arrays.emplace_back(static_cast<float *>(std::aligned_alloc(64, count * sizeof(float))));
    std::fill_n(arrays.back().get(), count, 1.f);
  }
}

/// Bytes a second of one thread on its three arrays of `bytes` each.
static double bandwidthOf(const Loops &loops, float *first, size_t bytes, bool inPlace) {
  float *second = first + bytes / 4, *third = second + bytes / 4;
  size_t half = bytes / 64 * 3 / 2 * 64; // of the three
  auto size = static_cast<double>(bytes), halfSize = static_cast<double>(half);
  if (inPlace)
    return 3. * halfSize /
           timeRuns([&] { loops.triad(first, first, first + half / 4, half); }, 1e-3).best;
  Times copied = timeRuns([&] { loops.copy(first + half / 4, first, half); }, 1e-3);
  Times summed = timeRuns([&] { loops.triad(third, first, second, bytes); }, 1e-3);
  return std::max(2. * halfSize / copied.best, 3. * size / summed.best);
}

double Bandwidth::measure(bool inPlace) {
  return onThreads(threads, [&](int index) {
    return bandwidthOf(loopsOf(vectorBits), arrays[index].get(), vectors * 64, inPlace);
  });
}

} // namespace dl::driver
