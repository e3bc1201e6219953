// RUN: dlc-opt %s --dl-channels-last --dl-sink-transposes | FileCheck %s

// Between two convolutions nothing is transposed.
// CHECK-LABEL: @between
// CHECK-DAG: dl.transpose %x {permutation = [0, 2, 3, 1]}
// CHECK-DAG: dl.transpose %w {permutation = [2, 3, 1, 0]}
// CHECK-DAG: dl.transpose %v {permutation = [2, 3, 1, 0]}
// CHECK-DAG: %[[C:.*]] = dl.conv2d
// CHECK-DAG: %[[R:.*]] = dl.relu %[[C]]
// CHECK-DAG: %[[P:.*]] = dl.max_pool2d %[[R]]
// CHECK-DAG: %[[D:.*]] = dl.conv2d %[[P]]
// CHECK: dl.transpose %[[D]] {permutation = [0, 3, 1, 2]}
// CHECK-NEXT: dl.return
dl.model @between(%x: tensor<2x3x16x16xf32>) {
  %w = dl.parameter "w" : tensor<4x3x3x3xf32>
  %v = dl.parameter "v" : tensor<5x4x3x3xf32>
  %1 = dl.conv2d %x, %w
  %2 = dl.relu %1
  %3 = dl.max_pool2d %2 {kernel = [2, 2]}
  %4 = dl.conv2d %3, %v
  dl.return %4
}

// A value for each channel broadcasts along the new last dimension.
// CHECK-LABEL: @scale
// CHECK: %[[S:.*]] = dl.reshape %s {shape = [1, 1, 1, 4]}
// CHECK: dl.mul {{.*}}, %[[S]] : tensor<2x6x6x4xf32>
// CHECK: dl.transpose {{.*}} {permutation = [0, 3, 1, 2]}
dl.model @scale(%x: tensor<2x3x8x8xf32>) {
  %w = dl.parameter "w" : tensor<4x3x3x3xf32>
  %s = dl.parameter "s" : tensor<4x1x1xf32>
  %1 = dl.conv2d %x, %w
  %2 = dl.mul %1, %s
  dl.return %2
}

// CHECK-LABEL: @reductions
// CHECK: %[[Y:.*]] = dl.conv2d
// CHECK-DAG: dl.sum %[[Y]] {axes = [1, 2]} : tensor<2x4xf32>
// CHECK-DAG: %[[M:.*]] = dl.max %[[Y]] {axes = [3], keepdims = true} : tensor<2x6x6x1xf32>
// CHECK-DAG: dl.reshape %[[M]] {shape = [2, 1, 6, 6]}
// CHECK-DAG: dl.argmax %[[Y]] {axis = 3{{.*}}} : tensor<2x6x6xi32>
// CHECK-DAG: %[[H:.*]] = dl.min %[[Y]] {axes = [1]} : tensor<2x6x4xf32>
// CHECK-DAG: dl.transpose %[[H]] {permutation = [0, 2, 1]} : tensor<2x4x6xf32>
dl.model @reductions(%x: tensor<2x3x8x8xf32>) {
  %w = dl.parameter "w" : tensor<4x3x3x3xf32>
  %1 = dl.conv2d %x, %w
  %2 = dl.sum %1 {axes = [2, 3]}
  %3 = dl.max %1 {axes = [1], keepdims = true}
  %4 = dl.argmax %1 {axis = 1}
  %5 = dl.min %1 {axes = [2]}
  dl.return %2, %3, %4, %5
}

// One channel: no element moves.
// CHECK-LABEL: @one_channel
// CHECK: dl.reshape %x {shape = [2, 8, 8, 1]}
// CHECK-NOT: dl.transpose %x
dl.model @one_channel(%x: tensor<2x1x8x8xf32>) {
  %w = dl.parameter "w" : tensor<4x1x3x3xf32>
  %1 = dl.conv2d %x, %w
  dl.return %1
}

// The gradient of a parameter stays as it is computed; the parameter follows.
// CHECK-LABEL: @update
// CHECK: %[[G:.*]] = dl.conv2d_backward_weights
// CHECK: dl.mul %[[G]]
// CHECK: dl.transpose %w {permutation = [2, 3, 1, 0]}
// CHECK: %[[W:.*]] = dl.sub {{.*}} : tensor<3x3x3x4xf32>
// CHECK: dl.transpose %[[W]] {permutation = [3, 2, 0, 1]}
dl.model @update(%x: tensor<2x3x8x8xf32>, %g: tensor<2x4x6x6xf32>) {
  %w = dl.parameter "w" : tensor<4x3x3x3xf32>
  %lr = dl.constant dense<0.1> : tensor<f32>
  %1 = dl.conv2d_backward_weights %x, %g {kernel_size = [3, 3]}
  %2 = dl.mul %1, %lr
  %3 = dl.sub %w, %2
  dl.return update "w" = %3
}

// A computed tensor that is not transposed stops it.
// CHECK-LABEL: @stopped
// CHECK: %[[Y:.*]] = dl.conv2d
// CHECK: %[[T:.*]] = dl.transpose %[[Y]]
// CHECK: dl.add %[[T]]
dl.model @stopped(%x: tensor<2x3x8x8xf32>, %a: tensor<2x4x6x3xf32>, %b: tensor<3x6xf32>) {
  %w = dl.parameter "w" : tensor<4x3x3x3xf32>
  %1 = dl.conv2d %x, %w
  %2 = dl.matmul %a, %b
  %3 = dl.add %1, %2
  dl.return %3
}

// Each broadcasts along what the other has: nothing to gain.
// CHECK-LABEL: @crossed
// CHECK: %[[T:.*]] = dl.transpose
// CHECK: dl.maximum %[[T]]
dl.model @crossed(%x: tensor<1x3x4x5xf32>, %y: tensor<1x3x5x4xf32>) {
  %1 = dl.matmul %x, %y
  %2 = dl.transpose %1 {permutation = [2, 1, 3, 0]}
  %3 = dl.matmul %x, %y
  %4 = dl.maximum %2, %3
  dl.return %4
}

// CHECK-LABEL: @one_element
// CHECK-NOT: dl.transpose
dl.model @one_element(%x: tensor<3x3xf32>) {
  %1 = dl.sum %x {keepdims = true}
  %2 = dl.transpose %1 {permutation = [1, 0]}
  %3 = dl.tanh %2
  dl.return %3
}
