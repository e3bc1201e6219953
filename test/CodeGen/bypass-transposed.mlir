// RUN: dlc %s --target=x86_64-linux-gnu --march=avx512 --emit=asm | FileCheck %s

// Blocks that are transposed in registers go past the caches row by row (bypass.mlir).
// Half of a vector is loaded beside the other half.
// CHECK: vinsertf64x4 {{.*}}(%{{.*}}), %zmm
// CHECK: vpermt2pd
// CHECK: vmovntp{{[sd]}} %zmm
// CHECK: sfence
dl.model @transposed(%x: tensor<1024x1031xf32>) {
  %y = dl.transpose %x {permutation = [1, 0]}
  dl.return %y
}
