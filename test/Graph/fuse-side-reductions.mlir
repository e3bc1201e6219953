// RUN: dlc-opt %s --dl-form-kernels --dl-fuse-side-reductions --dl-fuse-epilogues | FileCheck %s

// CHECK-LABEL: @dense
// CHECK: %[[K:.*]]:2 = dl.kernel "matmul+sum+sub"(%in0 = %x, %in1 = %g, %in2 = %b) {
// CHECK:   %[[W:.*]] = dl.matmul %in0, %in1 {transpose_a = true}
// CHECK:   %[[S:.*]] = dl.sum %in1 {axes = [0]}
// CHECK:   %[[B:.*]] = dl.sub %in2, %[[S]]
// CHECK:   dl.yield %[[W]], %[[B]]
// CHECK: dl.return %[[K]]#0 update "b" = %[[K]]#1
dl.model @dense(%x: tensor<4x3xf32>, %g: tensor<4x5xf32>) {
  %b = dl.parameter "b" : tensor<5xf32>
  %1 = dl.sum %g {axes = [0]}
  %2 = dl.sub %b, %1
  %3 = dl.matmul %x, %g {transpose_a = true}
  dl.return %3 update "b" = %2
}

// CHECK-LABEL: @convolution
// CHECK: dl.kernel "conv2d_backward_weights+sum"
// CHECK-NOT: dl.kernel
dl.model @convolution(%x: tensor<2x8x8x3xf32>, %g: tensor<2x6x6x4xf32>) {
  %1 = dl.sum %g {axes = [0, 1, 2]}
  %2 = dl.conv2d_backward_weights %x, %g {kernel_size = [3, 3], layout = nhwc}
  dl.return %1, %2
}

// Other axes, or the other operand.
// CHECK-LABEL: @apart
// CHECK-COUNT-3: dl.kernel "{{sum|matmul}}"
dl.model @apart(%x: tensor<4x3xf32>, %g: tensor<4x5xf32>) {
  %1 = dl.sum %g {axes = [1]}
  %2 = dl.sum %x {axes = [0]}
  %3 = dl.matmul %x, %g {transpose_a = true}
  dl.return %1, %2, %3
}
