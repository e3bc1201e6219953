/*===- Runtime.h - What compiled code may call ----------------------*- C -*-===*\
|*                                                                            *|
|* A pool of worker threads. Plain C, no LLVM, no C++ runtime.                *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/

#ifndef DL_RUNTIME_RUNTIME_H
#define DL_RUNTIME_RUNTIME_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dlrt_pool dlrt_pool;

/* Tasks [begin, end) of a phase, on the given worker; see CodeGen.h. */
typedef void (*dlrt_task)(int64_t begin, int64_t end, int64_t worker, void *const *args);

/* A pool of `workers` threads, the caller of dlrt_parallel_for included; NULL
   where threads or memory are lacking. Workers spin for a bound, then sleep. */
dlrt_pool *dlrt_pool_create(int workers);
void dlrt_pool_destroy(dlrt_pool *pool);
int dlrt_pool_workers(const dlrt_pool *pool);

/* Runs all tasks and returns when they are done. Which worker runs which task
   is not fixed. A NULL pool: the caller runs them all as worker 0. Several
   threads may share a pool: one at a time uses the workers, the others run
   their tasks alone. */
void dlrt_parallel_for(dlrt_pool *pool, dlrt_task task, void *const *args, int64_t tasks);

/* The same, where each worker that takes part first runs all of `prepare`, tasks
   [0, prepares), by itself: what it leaves in its own scratch memory its tasks read. A
   worker that comes from the job before may do so once more between two tasks. NULL:
   nothing. Where `inRow` is not 0, a task makes ready what the next one of its range begins
   with: ranges are longer. */
void dlrt_prepared_for(dlrt_pool *pool, dlrt_task prepare, int64_t prepares, dlrt_task task,
                       void *const *args, int64_t tasks, int64_t inRow);

/* When a phase ran, and how long its workers spent in its tasks, all together:
   nanoseconds. */
typedef struct {
  int64_t start, end, busy;
} dlrt_phase_time;

/* dlrt_prepared_for, timed. Where `prepare` is not NULL, times[0] is what preparing took,
   the longest of all workers, and times[1] the rest. */
void dlrt_timed_for(dlrt_pool *pool, dlrt_task prepare, int64_t prepares, dlrt_task task,
                    void *const *args, int64_t tasks, int64_t inRow, dlrt_phase_time *times);

/* Asks the system, once, to let this process use tiles (AMX): code that does
   calls it before. Where the system refuses, such code ends with SIGILL. */
void dlrt_enable_tiles(void);

#ifdef __cplusplus
}
#endif

#endif /* DL_RUNTIME_RUNTIME_H */
