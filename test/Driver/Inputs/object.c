/* Runs the object of small.mlir for 64 rows and writes the output as .npy:
   object FILE WORKERS. Values as npy.py makes them. */

#include "dl/Runtime/Runtime.h"

#include <stdio.h>
#include <stdlib.h>

void dlc_small(void *const *variables, void *const *inputs, void *const *outputs, char *arena,
               void *pool);
extern const int64_t dlc_small_arena_bytes, dlc_small_worker_bytes;

static float x[64][251], w1[251][512], b1[512], w2[512][3], y[64][3];

static void fillWeights(float *values, int count) {
  for (int i = 0; i < count; ++i)
    values[i] = (float)(i % 7 - 3) / 64;
}

int main(int argc, char **argv) {
  if (argc != 3)
    return 1;
  int workers = atoi(argv[2]);
  for (int i = 0; i < 64 * 251; ++i)
    x[i / 251][i % 251] = (float)(i % 16 + 1) / 4;
  fillWeights(w1[0], 251 * 512);
  fillWeights(b1, 512);
  fillWeights(w2[0], 512 * 3);
  void *variables[] = {w1, b1, w2}, *inputs[] = {x}, *outputs[] = {y};
  size_t bytes = (size_t)(dlc_small_arena_bytes + workers * dlc_small_worker_bytes);
  char *arena = aligned_alloc(64, (bytes + 127) / 64 * 64);
  dlrt_pool *pool = workers > 1 ? dlrt_pool_create(workers) : NULL;
  dlc_small(variables, inputs, outputs, arena, pool);
  if (pool)
    dlrt_pool_destroy(pool);
  free(arena);

  FILE *file = fopen(argv[1], "wb");
  if (!file)
    return 1;
  fwrite("\x93NUMPY\1\0\x76\0", 1, 10, file);
  fprintf(file, "%-117s\n", "{'descr': '<f4', 'fortran_order': False, 'shape': (64, 3), }");
  fwrite(y, sizeof y, 1, file);
  return fclose(file) != 0;
}
