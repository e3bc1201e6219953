// RUN: dlc %s --target=x86_64-linux-gnu --march=avx512 --emit=asm | FileCheck %s
// RUN: dlc %s --target=x86_64-linux-gnu --march=avx512 --no-winograd --emit=asm | FileCheck %s
// RUN: dlc %s --target=x86_64-linux-gnu --march=avx512 --explain --emit=kernels 2>&1 | FileCheck %s --check-prefix=EXPLAIN
// RUN: dlc %s --target=aarch64-linux-gnu --emit=asm | FileCheck %s --check-prefix=OTHER

// Tiles of a contraction, and those that come back from Winograd's points, go past the caches
// like full tiles of a loop (bypass.mlir).
// EXPLAIN: remark: conv2d+relu: winograd{{.*}}results stored past the caches
// CHECK: vmovntps %zmm
// CHECK: vmovups %zmm{{.*}}, {{.*}}(
// CHECK: sfence
// OTHER-NOT: fence
dl.model @image(%x: tensor<2x128x128x32xf32>) {
  %w = dl.parameter "w" : tensor<3x3x32x128xf32>
  %y = dl.conv2d %x, %w {padding = [1, 1, 1, 1], layout = nhwc}
  %z = dl.relu %y
  dl.return %z
}
