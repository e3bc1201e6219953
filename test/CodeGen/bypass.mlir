// RUN: dlc %s --target=x86_64-linux-gnu --march=avx512 --emit=asm | FileCheck %s
// RUN: dlc %s --target=aarch64-linux-gnu --emit=asm | FileCheck %s --check-prefix=OTHER

// A result far larger than the second-level cache goes past the caches where it lies at
// a multiple of a vector and over no operand, which the code sees when it runs.
// CHECK: vmovntps %zmm
// CHECK: vmovups %zmm{{.*}}, {{.*}}(
// CHECK: sfence
// OTHER-NOT: fence
dl.model @large(%x: tensor<1048583xf32>) {
  %y = dl.relu %x
  dl.return %y
}
