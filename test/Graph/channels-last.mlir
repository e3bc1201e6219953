// RUN: dlc-opt %s --dl-channels-last | FileCheck %s

// CHECK-LABEL: @convolution
// CHECK-DAG: %[[X:.*]] = dl.transpose %x {permutation = [0, 2, 3, 1]} : tensor<4x8x8x3xf32>
// CHECK-DAG: %[[W:.*]] = dl.transpose %w {permutation = [2, 3, 1, 0]} : tensor<3x3x3x5xf32>
// CHECK: %[[Y:.*]] = dl.conv2d %[[X]], %[[W]], %b {{{.*}}layout = nhwc{{.*}}} : tensor<4x4x4x5xf32>
// CHECK: dl.transpose %[[Y]] {permutation = [0, 3, 1, 2]} : tensor<4x5x4x4xf32>
dl.model @convolution(%x: tensor<4x3x8x8xf32>) {
  %w = dl.parameter "w" : tensor<5x3x3x3xf32>
  %b = dl.parameter "b" : tensor<5xf32>
  %y = dl.conv2d %x, %w, %b {strides = [2, 2], padding = [1, 1, 0, 0]}
  dl.return %y
}

// CHECK-LABEL: @adjoints
// CHECK: dl.conv2d_backward_data {{.*}}layout = nhwc{{.*}} : tensor<4x8x8x3xf32>
// CHECK-NEXT: dl.transpose {{.*}} {permutation = [0, 3, 1, 2]} : tensor<4x3x8x8xf32>
// CHECK: dl.conv2d_backward_weights {{.*}}layout = nhwc{{.*}} : tensor<3x3x3x5xf32>
// CHECK-NEXT: dl.transpose {{.*}} {permutation = [3, 2, 0, 1]} : tensor<5x3x3x3xf32>
dl.model @adjoints(%x: tensor<4x3x8x8xf32>, %g: tensor<4x5x6x6xf32>) {
  %w = dl.parameter "w" : tensor<5x3x3x3xf32>
  %dx = dl.conv2d_backward_data %g, %w {input_size = [8, 8]}
  %dw = dl.conv2d_backward_weights %x, %g {kernel_size = [3, 3]}
  dl.return %dx, %dw
}

// CHECK-LABEL: @pooling
// CHECK: dl.max_pool2d {{.*}}layout = nhwc{{.*}} : tensor<2x2x2x3xf32>
// CHECK: dl.max_pool2d_backward {{.*}}layout = nhwc{{.*}} : tensor<2x4x4x3xf32>
// CHECK: dl.max_pool2d_gather {{.*}}layout = nhwc{{.*}} : tensor<2x2x2x3xf32>
dl.model @pooling(%x: tensor<2x3x4x4xf32>, %g: tensor<2x3x2x2xf32>) {
  %y = dl.max_pool2d %x {kernel = [2, 2]}
  %dx = dl.max_pool2d_backward %x, %g {kernel = [2, 2]}
  %v = dl.max_pool2d_gather %x, %dx {kernel = [2, 2]}
  dl.return %y, %v
}

// CHECK-LABEL: @is_channels_last
// CHECK-NOT: dl.transpose
dl.model @is_channels_last(%x: tensor<2x4x4x3xf32>) {
  %y = dl.max_pool2d %x {kernel = [2, 2], layout = nhwc}
  dl.return %y
}
