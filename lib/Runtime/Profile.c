/*===- Profile.c - Phases that tell how long they took ---------------------===*\
|*                                                                            *|
|* Programs compiled for profiling call this instead of dlrt_parallel_for and *|
|* instead of their small phases; others do not pay for it.                   *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/

#define _POSIX_C_SOURCE 199309L
#include "dl/Runtime/Runtime.h"

#include <stdalign.h>
#include <time.h>

/* Times of one worker in tasks, on a cache line of its own. */
typedef struct {
  alignas(64) int64_t busy;
  int64_t preparing;
} slot;

typedef struct {
  dlrt_task prepare, task;
  void *const *args;
  slot *slots;
} timed;

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void runTimed(int64_t begin, int64_t end, int64_t worker, void *const *args) {
  const timed *what = (const timed *)(const void *)args;
  int64_t start = now();
  what->task(begin, end, worker, what->args);
  what->slots[worker].busy += now() - start;
}

static void prepareTimed(int64_t begin, int64_t end, int64_t worker, void *const *args) {
  const timed *what = (const timed *)(const void *)args;
  int64_t start = now();
  what->prepare(begin, end, worker, what->args);
  what->slots[worker].preparing += now() - start;
}

void dlrt_timed_for(dlrt_pool *pool, dlrt_task prepare, int64_t prepares, dlrt_task task,
                    void *const *args, int64_t tasks, int64_t inRow, dlrt_phase_time *times) {
  int workers = dlrt_pool_workers(pool);
  slot slots[workers];
  for (int i = 0; i < workers; ++i)
    slots[i] = (slot){0, 0};
  timed what = {prepare, task, args, slots};
  int64_t start = now();
  dlrt_prepared_for(pool, prepare ? prepareTimed : NULL, prepares, runTimed, (void *const *)&what,
                    tasks, inRow);
  dlrt_phase_time all = {start, now(), 0}, before = {start, start, 0};
  for (int i = 0; i < workers; ++i) {
    all.busy += slots[i].busy;
    before.busy += slots[i].preparing;
    if (before.end - start < slots[i].preparing)
      before.end = start + slots[i].preparing;
  }
  if (prepare) {
    *times++ = before;
    all.start = before.end;
  }
  *times = all;
}
