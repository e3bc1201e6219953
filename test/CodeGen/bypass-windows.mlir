// RUN: dlc %s --target=x86_64-linux-gnu --march=avx512 --emit=asm | FileCheck %s

// A gradient of pooling goes past the caches, where no operand lies below it; the numbers of the
// largest taps stay.
// CHECK: vmovdqu64 %zmm
// CHECK: vmovntps %zmm
// CHECK: vmovups %zmm{{.*}}, {{.*}}(
// CHECK: sfence
dl.model @windows(%x: tensor<2x65x65x64xf32>, %g: tensor<2x33x33x64xf32>) {
  %y = dl.max_pool2d_backward %x, %g {kernel = [3, 3], strides = [2, 2], padding = [1, 1, 1, 1], layout = nhwc}
  dl.return %y
}
