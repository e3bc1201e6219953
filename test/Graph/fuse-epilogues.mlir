// RUN: dlc-opt %s --dl-form-kernels --dl-fuse-epilogues | FileCheck %s

// Bias, activation and residual addition, in the registers of the convolution.
// CHECK-LABEL: @residual
// CHECK: dl.kernel "conv2d+add+relu"(%in0 = %x, %in1 = %w, %in2 = %b, %in3 = %r) {
// CHECK-NOT: dl.kernel
dl.model @residual(%x: tensor<2x8x8x3xf32>, %r: tensor<2x8x8x4xf32>) {
  %w = dl.parameter "w" : tensor<3x3x3x4xf32>
  %b = dl.parameter "b" : tensor<4xf32>
  %1 = dl.conv2d %x, %w {padding = [1, 1, 1, 1], layout = nhwc}
  %2 = dl.add %1, %b
  %3 = dl.add %r, %2
  %4 = dl.relu %3
  dl.return %4
}

// What is read elsewhere is stored as well.
// CHECK-LABEL: @two_results
// CHECK: %[[K:.*]]:2 = dl.kernel "matmul+sigmoid+mul"
// CHECK:   %[[Y:.*]] = dl.sigmoid
// CHECK:   %[[Z:.*]] = dl.mul %[[Y]], %[[Y]]
// CHECK:   dl.yield %[[Y]], %[[Z]]
// CHECK: dl.return %[[K]]#0, %[[K]]#1
dl.model @two_results(%x: tensor<4x3xf32>, %w: tensor<3x5xf32>) {
  %1 = dl.matmul %x, %w
  %2 = dl.sigmoid %1
  %3 = dl.mul %2, %2
  dl.return %2, %3
}

// The optimiser's update behind the weight gradient.
// CHECK-LABEL: @update
// CHECK: dl.kernel "matmul+mul+sub"
// CHECK-NOT: dl.kernel
dl.model @update(%x: tensor<4x3xf32>, %g: tensor<4x5xf32>) {
  %w = dl.parameter "w" : tensor<3x5xf32>
  %lr = dl.constant dense<0.1> : tensor<f32>
  %1 = dl.matmul %x, %g {transpose_a = true}
  %2 = dl.mul %1, %lr
  %3 = dl.sub %w, %2
  dl.return update "w" = %3
}

// CHECK-LABEL: @window
// CHECK: dl.kernel "max_pool2d_backward+mul"
// CHECK-NOT: dl.kernel
dl.model @window(%x: tensor<1x4x4x2xf32>, %g: tensor<1x2x2x2xf32>, %m: tensor<1x4x4x2xf32>) {
  %1 = dl.max_pool2d_backward %x, %g {kernel = [2, 2], layout = nhwc}
  %2 = dl.mul %1, %m
  dl.return %2
}

// A reduction of the result, another shape, or a path around: no epilogue.
// CHECK-LABEL: @apart
// CHECK: %[[Y:.*]] = dl.kernel "matmul"
// CHECK: %[[M:.*]] = dl.kernel "max"(%in0 = %[[Y]])
// CHECK: dl.kernel "sub"(%in0 = %[[Y]], %in1 = %[[M]])
// CHECK: dl.kernel "add"(%in0 = %[[Y]], %in1 = %z)
dl.model @apart(%x: tensor<4x3xf32>, %w: tensor<3x5xf32>, %z: tensor<2x4x5xf32>) {
  %1 = dl.matmul %x, %w
  %2 = dl.max %1 {axes = [1], keepdims = true}
  %3 = dl.sub %1, %2
  %4 = dl.add %1, %z
  dl.return %3, %4
}

// A product that reductions alone want, of a result that is written anyway, is left
// to them.
// CHECK-LABEL: @for_reductions
// CHECK: %[[G:.*]] = dl.kernel "matmul+relu"
// CHECK: %[[P:.*]] = dl.kernel "mul"(%in0 = %[[G]], %in1 = %n)
// CHECK: dl.kernel "sum"(%in0 = %[[P]])
dl.model @for_reductions(%x: tensor<4x3xf32>, %w: tensor<3x5xf32>, %n: tensor<4x5xf32>) {
  %1 = dl.matmul %x, %w
  %2 = dl.relu %1
  %3 = dl.mul %2, %n
  %4 = dl.sum %3 {axes = [0]}
  dl.return %2, %4
}

// Not written otherwise, it is computed in the registers.
// CHECK-LABEL: @for_reductions_alone
// CHECK: dl.kernel "matmul+mul"
dl.model @for_reductions_alone(%x: tensor<4x3xf32>, %w: tensor<3x5xf32>, %n: tensor<4x5xf32>) {
  %1 = dl.matmul %x, %w
  %2 = dl.mul %1, %n
  %3 = dl.sum %2 {axes = [0]}
  dl.return %3
}
