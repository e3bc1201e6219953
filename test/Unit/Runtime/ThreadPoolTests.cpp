//===- ThreadPoolTests.cpp - The pool of worker threads -----------------------===//

#include "dl/Runtime/Runtime.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <sched.h>
#include <set>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

struct Pool {
  explicit Pool(int workers) : pool(dlrt_pool_create(workers)) {}
  ~Pool() { dlrt_pool_destroy(pool); }
  operator dlrt_pool *() const { return pool; }
  dlrt_pool *pool;
};

/// args: the counters of the tasks, and the number of workers.
void countTask(int64_t begin, int64_t end, int64_t worker, void *const *args) {
  auto *counts = static_cast<std::atomic<int> *>(args[0]);
  EXPECT_LT(worker, *static_cast<int *>(args[1]));
  for (int64_t i = begin; i < end; ++i)
    ++counts[i];
}

void expectEachTaskOnce(dlrt_pool *pool, int64_t tasks) {
  std::vector<std::atomic<int>> counts(tasks);
  int workers = dlrt_pool_workers(pool);
  void *args[] = {counts.data(), &workers};
  dlrt_parallel_for(pool, countTask, args, tasks);
  for (int64_t i = 0; i < tasks; ++i)
    ASSERT_EQ(counts[i], 1) << "task " << i << " of " << tasks;
}

TEST(Runtime, RunsEachTaskOnce) {
  for (int workers : {1, 2, 3, 7}) {
    Pool pool(workers);
    ASSERT_TRUE(pool.pool);
    EXPECT_EQ(dlrt_pool_workers(pool), workers);
    for (int64_t tasks : {0, 1, 2, 3, 15, 16, 17, 100, 1000, 12345})
      expectEachTaskOnce(pool, tasks);
  }
}

TEST(Runtime, RunsOnTheCallerWithoutAPool) {
  EXPECT_EQ(dlrt_pool_workers(nullptr), 1);
  expectEachTaskOnce(nullptr, 10);
}

/// args: how long a task takes, in nanoseconds.
void sleepTask(int64_t begin, int64_t end, int64_t, void *const *args) {
  std::this_thread::sleep_for(
      std::chrono::nanoseconds(*static_cast<const int64_t *>(args[0]) * (end - begin)));
}

TEST(Runtime, TellsHowLongAPhaseTook) {
  int64_t each = 2000000;
  void *args[] = {&each};
  for (int workers : {1, 2}) {
    Pool pool(workers);
    dlrt_phase_time time;
    dlrt_timed_for(workers == 1 ? nullptr : pool.pool, nullptr, 0, sleepTask, args, 8, /*inRow=*/0,
                   &time);
    EXPECT_GE(time.busy, 8 * each);
    EXPECT_GE(time.end - time.start, 8 * each / workers);
    EXPECT_LE(time.busy, workers * (time.end - time.start));
  }
}

/// args: for each task, how many came in one piece with it.
void keepSize(int64_t begin, int64_t end, int64_t, void *const *args) {
  std::fill(static_cast<int64_t *>(args[0]) + begin, static_cast<int64_t *>(args[0]) + end,
            end - begin);
}

/// Whoever takes them: an eighth of what is left of a worker's 40 tasks at a time, and the last 8
/// one by one.
TEST(Runtime, EndsWithSingleTasks) {
  Pool pool(2);
  for (int round = 0; round < 100; ++round) {
    std::vector<int64_t> sizes(80);
    void *args[] = {sizes.data()};
    dlrt_parallel_for(pool, keepSize, args, 80);
    EXPECT_EQ(*std::max_element(sizes.begin(), sizes.end()), 5);
    for (auto own = sizes.begin(); own != sizes.end(); own += 40)
      EXPECT_GE(std::count(own, own + 40, 1), 8);
  }
}

TEST(Runtime, RejectsImpossibleSizes) {
  EXPECT_EQ(dlrt_pool_create(0), nullptr);
  EXPECT_EQ(dlrt_pool_create(-3), nullptr);
  EXPECT_EQ(dlrt_pool_create(1 << 20), nullptr);
}

TEST(Runtime, ManyShortJobs) {
  Pool pool(3);
  for (int round = 0; round < 20000; ++round)
    expectEachTaskOnce(pool, 1 + round % 37);
}

TEST(Runtime, SeveralCallers) {
  Pool pool(3);
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&] {
      for (int round = 0; round < 2000; ++round)
        expectEachTaskOnce(pool, 1 + round % 50);
    });
  for (std::thread &caller : callers)
    caller.join();
}

TEST(Runtime, WakesSleepingWorkers) {
  Pool pool(2);
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    expectEachTaskOnce(pool, 64);
  }
}

/// What a worker tells of itself; kept busy long enough for every worker to get a task.
struct Seat {
  std::atomic<pid_t> thread = 0;
  std::atomic<int> core = -1;
};

void takeSeat(int64_t begin, int64_t end, int64_t worker, void *const *args) {
  auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(2 * (end - begin));
  Seat &seat = static_cast<Seat *>(args[0])[worker];
  seat.thread = gettid();
  seat.core = sched_getcpu();
  while (std::chrono::steady_clock::now() < until) {
  }
}

/// A worker that slept on the core where its caller works now goes to another.
TEST(Runtime, WakesOnAnotherCore) {
  cpu_set_t all, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof all, &all), 0);
  if (CPU_COUNT(&all) < 2)
    GTEST_SKIP() << "one core";
  Pool pool(2);
  std::vector<Seat> seats(2);
  void *args[] = {seats.data()};
  dlrt_parallel_for(pool, takeSeat, args, 16);
  pid_t worker = seats[1].thread;
  ASSERT_NE(worker, 0);
  int core = sched_getcpu();
  CPU_ZERO(&one);
  CPU_SET(core, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  // Where another one is busy, the system may take it back. Left alone, it never goes.
  int left = 0;
  for (int round = 0; round < 10; ++round) {
    ASSERT_EQ(sched_setaffinity(worker, sizeof one, &one), 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ASSERT_EQ(sched_setaffinity(worker, sizeof all, &all), 0);
    seats[1].core = -1;
    dlrt_parallel_for(pool, takeSeat, args, 16);
    left += seats[1].core != core;
  }
  EXPECT_GE(left, 2);
  sched_setaffinity(0, sizeof all, &all);
}

TEST(Runtime, IdleWorkersUseNoTime) {
  Pool pool(4);
  expectEachTaskOnce(pool, 100);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  std::clock_t before = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  double used = double(std::clock() - before) / CLOCKS_PER_SEC;
  EXPECT_LT(used, 0.02);
}

/// A task that takes long enough for every worker to get one.
void slowTask(int64_t begin, int64_t end, int64_t worker, void *const *args) {
  std::this_thread::sleep_for(std::chrono::milliseconds(5 * (end - begin)));
  static_cast<std::atomic<int> *>(args[0])[worker]++;
}

TEST(Runtime, AllWorkersTakePart) {
  Pool pool(3);
  std::vector<std::atomic<int>> perWorker(3);
  void *args[] = {perWorker.data()};
  dlrt_parallel_for(pool, slowTask, args, 12);
  for (int i = 0; i < 3; ++i)
    EXPECT_GT(perWorker[i], 0) << "worker " << i;
}

/// Short jobs, of which the system interrupts callers and workers anywhere as they share
/// a core: no worker may sleep through all later ones.
TEST(Runtime, LosesNoWorkerToSleep) {
  cpu_set_t before, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  CPU_ZERO(&one);
  for (int core = 0; core < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++core)
    if (CPU_ISSET(core, &before))
      CPU_SET(core, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  Pool pool(2);
  for (int round = 0; round < 10; ++round) {
    auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
    std::vector<std::atomic<int>> counts(16);
    int workers = 2;
    void *args[] = {counts.data(), &workers};
    while (std::chrono::steady_clock::now() < end)
      dlrt_parallel_for(pool, countTask, args, 16);
    std::vector<std::atomic<int>> perWorker(2);
    void *slowArgs[] = {perWorker.data()};
    dlrt_parallel_for(pool, slowTask, slowArgs, 4);
    EXPECT_GT(perWorker[1], 0) << "round " << round;
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
}

/// What each worker did, on a cache line of its own.
struct alignas(64) Done {
  int prepared = 0, tasks = 0;
};

/// args: what each worker did, and how many tasks a preparation has.
void prepareTask(int64_t begin, int64_t end, int64_t worker, void *const *args) {
  EXPECT_EQ(begin, 0);
  EXPECT_EQ(end, *static_cast<int64_t *>(args[1]));
  ++static_cast<Done *>(args[0])[worker].prepared;
}

void preparedTask(int64_t begin, int64_t end, int64_t worker, void *const *args) {
  Done &done = static_cast<Done *>(args[0])[worker];
  EXPECT_GT(done.prepared, 0);
  done.tasks += static_cast<int>(end - begin);
}

void expectPrepared(dlrt_pool *pool, int64_t tasks, int64_t inRow) {
  std::vector<Done> done(dlrt_pool_workers(pool));
  int64_t prepares = 3;
  void *args[] = {done.data(), &prepares};
  dlrt_prepared_for(pool, prepareTask, prepares, preparedTask, args, tasks, inRow);
  int64_t all = 0;
  for (const Done &own : done) {
    EXPECT_EQ(own.prepared > 0, own.tasks > 0);
    all += own.tasks;
  }
  EXPECT_EQ(all, tasks);
}

TEST(Runtime, EachWorkerPreparesFirst) {
  expectPrepared(nullptr, 5, /*inRow=*/0);
  for (int workers : {1, 2, 5}) {
    Pool pool(workers);
    for (int round = 0; round < 2000; ++round)
      expectPrepared(pool, round % 70, /*inRow=*/round % 3);
  }
}

TEST(Runtime, TellsHowLongPreparingTook) {
  int64_t each = 2000000;
  void *args[] = {&each};
  for (int workers : {1, 2}) {
    Pool pool(workers);
    dlrt_phase_time times[2];
    dlrt_timed_for(pool, sleepTask, 3, sleepTask, args, 8, /*inRow=*/0, times);
    EXPECT_GE(times[0].busy, 3 * each);
    EXPECT_GE(times[0].end - times[0].start, 3 * each);
    EXPECT_EQ(times[1].start, times[0].end);
    EXPECT_GE(times[1].busy, 8 * each);
    EXPECT_LE(times[1].busy, workers * (times[1].end - times[0].start));
  }
}

/// Tasks of which the first ones take all the time: a worker that has none of those left
/// takes them from the other.
void unevenTask(int64_t begin, int64_t end, int64_t worker, void *const *args) {
  for (int64_t i = begin; i < end; ++i)
    if (i < 16) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      ++static_cast<Done *>(args[0])[worker].tasks;
    }
}

TEST(Runtime, SharesUnevenTasks) {
  Pool pool(2);
  std::vector<Done> done(2);
  void *args[] = {done.data()};
  dlrt_parallel_for(pool, unevenTask, args, 128);
  EXPECT_EQ(done[0].tasks + done[1].tasks, 16);
  EXPECT_GE(std::min(done[0].tasks, done[1].tasks), 4);
}

/// args: for each worker, the most tasks that it was called for at once.
void longestTask(int64_t begin, int64_t end, int64_t worker, void *const *args) {
  int &longest = static_cast<Done *>(args[0])[worker].tasks;
  longest = std::max(longest, static_cast<int>(end - begin));
}

/// The most tasks that a worker of two is called for at once, in some of many jobs.
int longestRange(int64_t tasks, int64_t inRow) {
  Pool pool(2);
  std::vector<Done> done(2);
  void *args[] = {done.data()};
  for (int round = 0; round < 200; ++round)
    dlrt_prepared_for(pool, nullptr, 0, longestTask, args, tasks, inRow);
  return std::max(done[0].tasks, done[1].tasks);
}

TEST(Runtime, RangesInARowAreLonger) {
  EXPECT_EQ(longestRange(8, /*inRow=*/0), 1);
  EXPECT_EQ(longestRange(8, /*inRow=*/1), 4);
  EXPECT_EQ(longestRange(32, /*inRow=*/0), 2);
  EXPECT_EQ(longestRange(32, /*inRow=*/1), 12);
}

} // namespace
