/* Runs the object of conv.mlir and writes the output as .npy: object-conv FILE.
   Values as npy.py makes them. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void dlc_conv(void *const *variables, void *const *inputs, void *const *outputs, char *arena,
              void *pool);
extern const int64_t dlc_conv_arena_bytes, dlc_conv_worker_bytes;

enum { Image = 2 * 13 * 11 * 3, First = 3 * 3 * 3 * 20, Depthwise = 3 * 3 * 20, Last = 60 * 7 };

static float x[Image], first[First], depthwise[Depthwise], last[Last], y[2][7];

static void fillWeights(float *values, int count) {
  for (int i = 0; i < count; ++i)
    values[i] = (float)(i % 7 - 3) / 64;
}

int main(int argc, char **argv) {
  if (argc != 2)
    return 1;
  for (int i = 0; i < Image; ++i)
    x[i] = (float)(i % 16 + 1) / 4;
  fillWeights(first, First);
  fillWeights(depthwise, Depthwise);
  fillWeights(last, Last);
  void *variables[] = {first, depthwise, last}, *inputs[] = {x}, *outputs[] = {y};
  size_t bytes = (size_t)(dlc_conv_arena_bytes + dlc_conv_worker_bytes);
  char *arena = aligned_alloc(64, (bytes + 127) / 64 * 64);
  dlc_conv(variables, inputs, outputs, arena, NULL);
  free(arena);

  FILE *file = fopen(argv[1], "wb");
  if (!file)
    return 1;
  fwrite("\x93NUMPY\1\0\x76\0", 1, 10, file);
  fprintf(file, "%-117s\n", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 7), }");
  fwrite(y, sizeof y, 1, file);
  return fclose(file) != 0;
}
