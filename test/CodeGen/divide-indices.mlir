// RUN: dlc-opt %s --dl-graph-pipeline -dl-codegen="vector-bits=512 fma masked lower=true" | FileCheck %s

// Tiles are found in images of 7 x 9 of them by products: nothing is divided, since numbers of
// tasks and tiles have bounds.
// CHECK: llvm.func @tiles_k0_conv2d_entry1
// CHECK-NOT: llvm.udiv
// CHECK-NOT: llvm.urem
// CHECK: llvm.lshr
// CHECK-NOT: llvm.udiv
// CHECK-NOT: llvm.urem
// CHECK: llvm.func @dlc_tiles(
dl.model @tiles(%x: tensor<4x28x36x64xf32>) {
  %w = dl.parameter "w" : tensor<3x3x64x64xf32>
  %1 = dl.conv2d %x, %w {layout = nhwc, padding = [1, 1, 1, 1]}
  dl.return %1
}

// Loops that end at the lesser of two bounds have one.
// CHECK: llvm.func @pooled_k0_avg_pool2d_entry0
// CHECK-NOT: llvm.udiv
// CHECK-NOT: llvm.urem
// CHECK: llvm.lshr
// CHECK-NOT: llvm.udiv
// CHECK-NOT: llvm.urem
// CHECK: llvm.func @dlc_pooled(
dl.model @pooled(%x: tensor<2x56x56x64xf32>) {
  %1 = dl.avg_pool2d %x {kernel = [2, 2], layout = nhwc}
  dl.return %1
}
