/*===- ThreadPool.c - Worker threads for compiled code ---------------------===*\
|*                                                                            *|
|* The tasks of a job are cut into one range for each worker, as even as can  *|
|* be, and the ranges into chunks of consecutive tasks. A worker claims       *|
|* chunks of its own range, in order, then those that others left, the last   *|
|* first: each time a share of what is left, so in the end single chunks, and *|
|* all workers finish at about the same time though tasks, or cores, differ.  *|
|* So the same worker sees the same part of the data from job to job (its     *|
|* caches help), and nobody waits for a worker that sleeps or that the system *|
|* has taken off its core.                                                    *|
|*                                                                            *|
|* The state of a range is one 64-bit word, its ticket: generation of the job *|
|* (32 bits), next chunk, end (16 bits each). Claiming is a compare-and-swap  *|
|* of the ticket. A job's description is written only when all chunks of the  *|
|* job before are done, so when no ticket has chunks left: a claim that       *|
|* succeeds proves that the description read before it was that of the job.   *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/

#define _GNU_SOURCE
#include "dl/Runtime/Runtime.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
  kMaxWorkers = 1024,
  /* Chunks of one worker: enough to balance; of what is left a claim takes one in so
     many: few enough claims to be fast. Where tasks are best run in a row, its own range
     at once if it is short, else all but one in so many of what is left. */
  kChunksPerWorker = 64,
  kClaimShare = 8,
  kShortRow = 4,
  kRestShare = 4,
  /* Rounds of waiting before sleep, about 50 µs: longer than the gap between
     two kernels, shorter than anything a person or a battery notices. */
  kSpins = 1500
};

typedef struct {
  alignas(64) _Atomic uint64_t ticket;
} range;

typedef struct {
  dlrt_pool *pool;
  int index;
  pthread_t thread;
} worker;

struct dlrt_pool {
  /* The job. Written by its caller alone, before the tickets. */
  alignas(64) _Atomic(dlrt_task) task;
  _Atomic(dlrt_task) prepare;
  _Atomic(void *const *) args;
  _Atomic int64_t tasks;
  _Atomic int64_t prepares;
  _Atomic int64_t chunkSize;
  _Atomic bool inRow;
  /* Generation of the job; what idle workers watch. */
  alignas(64) _Atomic uint32_t generation;
  _Atomic int sleepers; /* workers asleep, or about to be, that nobody woke yet */
  _Atomic int callersCore;
  _Atomic bool stop;
  /* Chunks not done yet; whether the caller sleeps until there are none. */
  alignas(64) _Atomic uint32_t pending;
  _Atomic bool callerSleeps;
  /* Held by the caller whose job it is. */
  alignas(64) atomic_flag busy;
  int workers, spins;
  worker *threads;
  range *ranges;
};

/* Returns true when somebody woke it, false when the word was another already. */
static bool futexWait(_Atomic uint32_t *word, uint32_t expected) {
  return syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0) == 0;
}

/* Returns how many it woke. */
static int futexWake(_Atomic uint32_t *word, int count) {
  return (int)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

static void pauseCore(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/*===----------------------------------------------------------------------===*\
|* Chunks
\*===----------------------------------------------------------------------===*/

static uint64_t makeTicket(uint32_t generation, uint32_t next, uint32_t end) {
  return (uint64_t)generation << 32 | next << 16 | end;
}

/* The first task of a worker's range. */
static int64_t firstTask(const dlrt_pool *pool, int64_t tasks, int64_t worker) {
  int64_t workers = pool->workers;
  return tasks / workers * worker + tasks % workers * worker / workers;
}

/* How many of the chunks that are left a worker claims. */
static uint32_t claimOf(uint32_t left, bool inRow) {
  if (!inRow)
    return (left + kClaimShare - 1) / kClaimShare;
  return left <= kShortRow ? left : left - left / kRestShare;
}

/* What a worker does of a job. */
typedef struct {
  uint32_t done; /* chunks that it has not told the pool of */
  bool isPrepared;
} share;

/* Claims chunks of a range and runs them: the next of the worker's own, the last of
   another's. False where none is left. */
static bool runChunks(dlrt_pool *pool, range *from, int index, share *own) {
  bool isOwn = from == &pool->ranges[index];
  uint64_t ticket = atomic_load_explicit(&from->ticket, memory_order_acquire);
  for (;;) {
    uint32_t next = ticket >> 16 & 0xffff, end = ticket & 0xffff;
    if (next == end)
      return false;
    dlrt_task task = atomic_load_explicit(&pool->task, memory_order_acquire);
    dlrt_task prepare = atomic_load_explicit(&pool->prepare, memory_order_acquire);
    void *const *args = atomic_load_explicit(&pool->args, memory_order_acquire);
    int64_t tasks = atomic_load_explicit(&pool->tasks, memory_order_acquire);
    int64_t prepares = atomic_load_explicit(&pool->prepares, memory_order_acquire);
    int64_t size = atomic_load_explicit(&pool->chunkSize, memory_order_acquire);
    bool inRow = atomic_load_explicit(&pool->inRow, memory_order_acquire);
    uint32_t claimed = claimOf(end - next, inRow && isOwn);
    uint64_t rest = isOwn ? ticket + (claimed << 16) : ticket - claimed;
    if (!atomic_compare_exchange_weak_explicit(&from->ticket, &ticket, rest, memory_order_acq_rel,
                                               memory_order_acquire))
      continue;
    if (prepare && !own->isPrepared)
      prepare(0, prepares, index, args);
    own->isPrepared = true;
    int64_t number = from - pool->ranges, last = firstTask(pool, tasks, number + 1);
    int64_t begin = firstTask(pool, tasks, number) + (isOwn ? next : end - claimed) * size;
    int64_t behind = begin + claimed * size;
    task(begin, behind < last ? behind : last, index, args);
    own->done += claimed;
    return true;
  }
}

/* Runs what is left of the job: first the worker's own range, then the others. No job
   follows before all chunks are told of, so those of one call are of one job. */
static void work(dlrt_pool *pool, int index) {
  share own = {0, false};
  for (int i = 0; i < pool->workers; ++i) {
    int other = index + i < pool->workers ? index + i : index + i - pool->workers;
    while (runChunks(pool, &pool->ranges[other], index, &own)) {
    }
  }
  if (own.done > 0 && atomic_fetch_sub(&pool->pending, own.done) == own.done &&
      atomic_load(&pool->callerSleeps))
    futexWake(&pool->pending, 1);
}

/*===----------------------------------------------------------------------===*\
|* Workers
\*===----------------------------------------------------------------------===*/

/* A worker that finds itself on the core where the caller works would wait for it: the
   system may leave both there for long, another core idle. */
static void leaveCallersCore(const dlrt_pool *pool) {
  int core = atomic_load_explicit(&pool->callersCore, memory_order_relaxed);
  bool mayShare = pool->spins < kSpins;
  cpu_set_t all, others;
  if (mayShare || sched_getcpu() != core || sched_getaffinity(0, sizeof all, &all) != 0)
    return;
  others = all;
  CPU_CLR(core, &others);
  if (CPU_COUNT(&others) > 0 && sched_setaffinity(0, sizeof others, &others) == 0)
    sched_setaffinity(0, sizeof all, &all);
}

/* Returns when the generation is no longer `seen`. */
static uint32_t awaitJob(dlrt_pool *pool, uint32_t seen) {
  for (int i = 0; i < pool->spins; ++i) {
    uint32_t now = atomic_load_explicit(&pool->generation, memory_order_acquire);
    if (now != seen)
      return now;
    pauseCore();
  }
  /* Either the caller sees the sleeper, or the sleeper the new generation. Who wakes
     a sleeper takes it off the count: a flag that the caller clears may be one that
     was set for the sleep after the one it ends. */
  uint32_t now;
  while ((now = atomic_load(&pool->generation)) == seen) {
    atomic_fetch_add(&pool->sleepers, 1);
    if (!futexWait(&pool->generation, seen))
      atomic_fetch_sub(&pool->sleepers, 1);
  }
  return now;
}

static void *workerMain(void *argument) {
  worker *self = argument;
  dlrt_pool *pool = self->pool;
  uint32_t seen = 0;
  for (;;) {
    seen = awaitJob(pool, seen);
    if (atomic_load(&pool->stop))
      return NULL;
    leaveCallersCore(pool);
    work(pool, self->index);
  }
}

/* A new generation, and awake whoever sleeps. Once: until they run, which takes
   as long as some jobs, those that follow need no system call. */
static void announce(dlrt_pool *pool) {
  atomic_store_explicit(&pool->callersCore, sched_getcpu(), memory_order_relaxed);
  atomic_fetch_add(&pool->generation, 1);
  if (atomic_load(&pool->sleepers) > 0)
    atomic_fetch_sub(&pool->sleepers, futexWake(&pool->generation, kMaxWorkers));
}

/*===----------------------------------------------------------------------===*\
|* The pool
\*===----------------------------------------------------------------------===*/

static int availableCores(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    return CPU_COUNT(&set);
  return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

dlrt_pool *dlrt_pool_create(int workers) {
  if (workers < 1 || workers > kMaxWorkers)
    return NULL;
  dlrt_pool *pool = aligned_alloc(64, sizeof *pool);
  range *ranges = aligned_alloc(64, sizeof *ranges * (size_t)workers);
  worker *threads = calloc((size_t)workers, sizeof *threads);
  if (!pool || !ranges || !threads) {
    free(pool);
    free(ranges);
    free(threads);
    return NULL;
  }
  *pool = (struct dlrt_pool){.busy = ATOMIC_FLAG_INIT, .ranges = ranges, .threads = threads};
  /* With more workers than cores a spinning one keeps a working one waiting. */
  pool->spins = workers > availableCores() ? 1 : kSpins;
  for (int i = 0; i < workers; ++i)
    atomic_init(&ranges[i].ticket, 0);
  pool->workers = workers;
  for (int started = 1; started < workers; ++started) {
    worker *self = &threads[started];
    *self = (worker){.pool = pool, .index = started};
    if (pthread_create(&self->thread, NULL, workerMain, self) != 0) {
      pool->workers = started;
      dlrt_pool_destroy(pool);
      return NULL;
    }
  }
  return pool;
}

void dlrt_pool_destroy(dlrt_pool *pool) {
  if (!pool)
    return;
  atomic_store(&pool->stop, true);
  announce(pool);
  for (int i = 1; i < pool->workers; ++i)
    pthread_join(pool->threads[i].thread, NULL);
  free(pool->threads);
  free(pool->ranges);
  free(pool);
}

int dlrt_pool_workers(const dlrt_pool *pool) { return pool ? pool->workers : 1; }

/* Describes the job and hands its chunks to the ranges. */
static void publish(dlrt_pool *pool, dlrt_task prepare, int64_t prepares, dlrt_task task,
                    void *const *args, int64_t tasks, bool inRow) {
  int64_t parts = (int64_t)pool->workers * kChunksPerWorker;
  int64_t size = (tasks + parts - 1) / parts;
  uint32_t chunks[kMaxWorkers], all = 0;
  for (int i = 0; i < pool->workers; ++i) {
    int64_t own = firstTask(pool, tasks, i + 1) - firstTask(pool, tasks, i);
    chunks[i] = (uint32_t)((own + size - 1) / size);
    all += chunks[i];
  }
  atomic_store_explicit(&pool->task, task, memory_order_release);
  atomic_store_explicit(&pool->prepare, prepare, memory_order_release);
  atomic_store_explicit(&pool->prepares, prepares, memory_order_release);
  atomic_store_explicit(&pool->args, args, memory_order_release);
  atomic_store_explicit(&pool->tasks, tasks, memory_order_release);
  atomic_store_explicit(&pool->chunkSize, size, memory_order_release);
  atomic_store_explicit(&pool->inRow, inRow, memory_order_release);
  atomic_store_explicit(&pool->pending, all, memory_order_release);
  uint32_t generation = atomic_load_explicit(&pool->generation, memory_order_relaxed) + 1;
  for (int i = 0; i < pool->workers; ++i)
    atomic_store_explicit(&pool->ranges[i].ticket, makeTicket(generation, 0, chunks[i]),
                          memory_order_release);
}

/* Waits for the chunks that other workers still run. */
static void join(dlrt_pool *pool) {
  for (int i = 0; i < pool->spins; ++i) {
    if (atomic_load_explicit(&pool->pending, memory_order_acquire) == 0)
      return;
    pauseCore();
  }
  atomic_store(&pool->callerSleeps, true);
  uint32_t left;
  while ((left = atomic_load(&pool->pending)) != 0)
    futexWait(&pool->pending, left);
  atomic_store(&pool->callerSleeps, false);
}

void dlrt_prepared_for(dlrt_pool *pool, dlrt_task prepare, int64_t prepares, dlrt_task task,
                       void *const *args, int64_t tasks, int64_t inRow) {
  if (tasks <= 0)
    return;
  if (!pool || pool->workers == 1 || tasks == 1 ||
      atomic_flag_test_and_set_explicit(&pool->busy, memory_order_acquire)) {
    if (prepare)
      prepare(0, prepares, 0, args);
    task(0, tasks, 0, args);
    return;
  }
  publish(pool, prepare, prepares, task, args, tasks, inRow != 0);
  announce(pool);
  work(pool, 0);
  join(pool);
  atomic_flag_clear_explicit(&pool->busy, memory_order_release);
}

void dlrt_parallel_for(dlrt_pool *pool, dlrt_task task, void *const *args, int64_t tasks) {
  dlrt_prepared_for(pool, NULL, 0, task, args, tasks, /*inRow=*/0);
}
