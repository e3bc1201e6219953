/* Runs the object of small.mlir for 64 rows and writes the output as .npy:
   object FILE WORKERS. Values as npy.py makes them. With PACK the object is one of
   --export-pack. */

#include "dl/Runtime/Runtime.h"

#include <stdio.h>
#include <stdlib.h>

void dlc_small(void *const *variables, void *const *inputs, void *const *outputs, char *arena,
               void *pool);
extern const int64_t dlc_small_arena_bytes, dlc_small_worker_bytes;
#ifdef PACK
void dlc_small_pack(void *const *variables, void *const *inputs, void *const *outputs, char *arena,
                    void *pool);
extern const int64_t dlc_small_packed_bytes;
#endif

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
  void *variables[] = {w1, b1, w2, NULL}, *inputs[] = {x}, *outputs[] = {y};
  size_t bytes = (size_t)(dlc_small_arena_bytes + workers * dlc_small_worker_bytes);
  char *arena = aligned_alloc(64, (bytes + 127) / 64 * 64);
  dlrt_pool *pool = workers > 1 ? dlrt_pool_create(workers) : NULL;
#ifdef PACK
  variables[3] = aligned_alloc(64, (size_t)(dlc_small_packed_bytes + 127) / 64 * 64);
  /* Zeros, which the next call replaces. */
  dlc_small_pack(variables, NULL, NULL, arena, pool);
#endif
  fillWeights(w1[0], 251 * 512);
  fillWeights(b1, 512);
  fillWeights(w2[0], 512 * 3);
#ifdef PACK
  dlc_small_pack(variables, NULL, NULL, arena, pool);
#endif
  dlc_small(variables, inputs, outputs, arena, pool);
#ifdef PACK
  free(variables[3]);
#endif
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
