// RUN: dlc %s --target=x86_64-linux-gnu --march=avx512 --emit=asm | FileCheck %s
// RUN: dlc %s --target=x86_64-linux-gnu --march=avx2 --emit=asm | FileCheck %s --check-prefix=PART --implicit-check-not=vmovnt

// Blocks that are transposed in registers go past the caches row by row (bypass.mlir).
// Half of a vector is loaded beside the other half.
// CHECK: vinsertf64x4 {{.*}}(%{{.*}}), %zmm
// CHECK: vpermt2pd
// CHECK: vmovntp{{[sd]}} %zmm
// CHECK: sfence

// A vector that is only a part of a line stays in the caches until the next one completes it.
// PART: retq
dl.model @transposed(%x: tensor<1024x1031xf32>) {
  %y = dl.transpose %x {permutation = [1, 0]}
  dl.return %y
}
