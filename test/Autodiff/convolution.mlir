// RUN: dlc-opt %s --dl-differentiate=cotangent | FileCheck %s
// RUN: dlc-opt %s --dl-differentiate=cotangent --dl-differentiate=cotangent | dlc-opt -o /dev/null

// CHECK-LABEL: dl.model @conv2d(
// CHECK-NEXT: %[[DX:.*]] = dl.conv2d_backward_data %cotangent, %w {input_size = [8, 9]} : tensor<2x3x8x9xf32>
// CHECK-NEXT: %[[DW:.*]] = dl.conv2d_backward_weights %x, %cotangent {kernel_size = [3, 2]} : tensor<4x3x3x2xf32>
// CHECK-NEXT: %[[DB:.*]] = dl.sum %cotangent {axes = [0, 2, 3]} : tensor<4xf32>
// CHECK-NEXT: dl.return %[[DX]], %[[DW]], %[[DB]]
dl.model @conv2d(%x: tensor<2x3x8x9xf32>, %w: tensor<4x3x3x2xf32>, %b: tensor<4xf32>) {
  %y = dl.conv2d %x, %w, %b
  dl.return %y
}

// CHECK-LABEL: dl.model @conv2d_all_options(
// CHECK: dl.conv2d_backward_data %cotangent, %w {dilation = [1, 2], groups = 2, input_size = [8, 9], layout = nhwc, padding = [1, 0, 2, 1], strides = [2, 1]} : tensor<2x8x9x4xf32>
// CHECK: dl.conv2d_backward_weights %x, %cotangent {dilation = [1, 2], groups = 2, kernel_size = [3, 2], layout = nhwc, padding = [1, 0, 2, 1], strides = [2, 1]} : tensor<3x2x2x6xf32>
// CHECK: dl.sum %cotangent {axes = [0, 1, 2]} : tensor<6xf32>
dl.model @conv2d_all_options(%x: tensor<2x8x9x4xf32>, %w: tensor<3x2x2x6xf32>, %b: tensor<6xf32>) {
  %y = dl.conv2d %x, %w, %b {strides = [2, 1], padding = [1, 0, 2, 1], dilation = [1, 2],
                             groups = 2, layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @backward_data(
// CHECK-NEXT: dl.conv2d %cotangent, %w {strides = [2, 2]} : tensor<2x4x3x3xf32>
// CHECK-NEXT: dl.conv2d_backward_weights %cotangent, %g {kernel_size = [3, 3], strides = [2, 2]} : tensor<4x3x3x3xf32>
dl.model @backward_data(%g: tensor<2x4x3x3xf32>, %w: tensor<4x3x3x3xf32>) {
  %x = dl.conv2d_backward_data %g, %w {input_size = [8, 8], strides = [2, 2]}
  dl.return %x
}

// CHECK-LABEL: dl.model @backward_weights(
// CHECK-NEXT: dl.conv2d_backward_data %g, %cotangent {input_size = [8, 8], strides = [2, 2]} : tensor<2x3x8x8xf32>
// CHECK-NEXT: dl.conv2d %x, %cotangent {strides = [2, 2]} : tensor<2x4x3x3xf32>
dl.model @backward_weights(%x: tensor<2x3x8x8xf32>, %g: tensor<2x4x3x3xf32>) {
  %w = dl.conv2d_backward_weights %x, %g {kernel_size = [3, 3], strides = [2, 2]}
  dl.return %w
}
