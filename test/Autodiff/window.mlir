// RUN: dlc-opt %s --dl-differentiate=cotangent | FileCheck %s
// RUN: dlc-opt %s --dl-differentiate=cotangent --dl-differentiate=cotangent | dlc-opt -o /dev/null

// CHECK-LABEL: dl.model @max_pool2d(
// CHECK-NEXT: %[[D:.*]] = dl.max_pool2d_backward %x, %cotangent {ceil_mode = true, dilation = [1, 2], kernel = [2, 3], layout = nhwc, padding = [1, 0, 0, 2], strides = [2, 1]}
// CHECK-NEXT: dl.return %[[D]]
dl.model @max_pool2d(%x: tensor<2x7x8x3xf32>) {
  %y = dl.max_pool2d %x {kernel = [2, 3], strides = [2, 1], padding = [1, 0, 0, 2],
                         dilation = [1, 2], ceil_mode = true, layout = nhwc}
  dl.return %y
}

// What is picked does not change with x: its cotangent is zero.
// CHECK-LABEL: dl.model @backward(
// CHECK: %[[DG:.*]] = dl.max_pool2d_gather %x, %cotangent {kernel = [2, 2]}
// CHECK: %[[DX:.*]] = dl.constant dense<0.000000e+00> : tensor<2x3x8x8xf32>
// CHECK: dl.return %[[DX]], %[[DG]]
dl.model @backward(%x: tensor<2x3x8x8xf32>, %g: tensor<2x3x4x4xf32>) {
  %d = dl.max_pool2d_backward %x, %g {kernel = [2, 2]}
  dl.return %d
}

// CHECK-LABEL: dl.model @gather(
// CHECK: %[[DV:.*]] = dl.max_pool2d_backward %x, %cotangent {kernel = [2, 2]}
// CHECK: %[[DX:.*]] = dl.constant dense<0.000000e+00> : tensor<2x3x8x8xf32>
// CHECK: dl.return %[[DX]], %[[DV]]
dl.model @gather(%x: tensor<2x3x8x8xf32>, %values: tensor<2x3x8x8xf32>) {
  %y = dl.max_pool2d_gather %x, %values {kernel = [2, 2]}
  dl.return %y
}
