/* Trains examples/xor.mlir by the object of its step, from the values of
   npy.py's weights, and writes the variables as .npy: object-step FILE STEPS. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void dlc_xor_step(void *const *variables, void *const *inputs, void *const *outputs, char *arena,
                  void *pool);
extern const int64_t dlc_xor_step_arena_bytes, dlc_xor_step_worker_bytes;

enum { HiddenWeight = 16, HiddenBias = 8, OutWeight = 8, OutBias = 1 };

/* Each parameter, then its velocity: the order of the variables. */
static float hiddenWeight[2][HiddenWeight], hiddenBias[2][HiddenBias];
static float outWeight[2][OutWeight], outBias[2][OutBias];

static void fillWeights(float *values, int count) {
  for (int i = 0; i < count; ++i)
    values[i] = (float)(i % 7 - 3) / 64;
}

static void train(int steps) {
  static float x[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}}, target[4] = {0, 1, 1, 0};
  float loss;
  int64_t correct;
  void *variables[] = {hiddenWeight[0], hiddenWeight[1], hiddenBias[0], hiddenBias[1],
                       outWeight[0],    outWeight[1],    outBias[0],    outBias[1]};
  void *inputs[] = {x, target}, *outputs[] = {&loss, &correct};
  size_t bytes = (size_t)(dlc_xor_step_arena_bytes + dlc_xor_step_worker_bytes);
  char *arena = aligned_alloc(64, (bytes + 127) / 64 * 64);
  for (int i = 0; i < steps; ++i)
    dlc_xor_step(variables, inputs, outputs, arena, NULL);
  free(arena);
}

int main(int argc, char **argv) {
  if (argc != 3)
    return 1;
  fillWeights(hiddenWeight[0], HiddenWeight);
  fillWeights(hiddenBias[0], HiddenBias);
  fillWeights(outWeight[0], OutWeight);
  fillWeights(outBias[0], OutBias);
  train(atoi(argv[2]));

  FILE *file = fopen(argv[1], "wb");
  if (!file)
    return 1;
  fwrite("\x93NUMPY\1\0\x76\0", 1, 10, file);
  fprintf(file, "%-117s\n", "{'descr': '<f4', 'fortran_order': False, 'shape': (66,), }");
  /* As a checkpoint has them: parameters first. */
  for (int i = 0; i < 2; ++i) {
    fwrite(hiddenWeight[i], sizeof hiddenWeight[i], 1, file);
    fwrite(hiddenBias[i], sizeof hiddenBias[i], 1, file);
    fwrite(outWeight[i], sizeof outWeight[i], 1, file);
    fwrite(outBias[i], sizeof outBias[i], 1, file);
  }
  return fclose(file) != 0;
}
