// RUN: dlc-opt %s --dl-split-bias | FileCheck %s

// CHECK-LABEL: @convolutions
// CHECK: %[[Y:.*]] = dl.conv2d %x, %w {{{.*}}layout = nhwc{{.*}}}
// CHECK: dl.add %[[Y]], %b
// CHECK-DAG: %[[Z:.*]] = dl.conv2d %z, %v : tensor
// CHECK-DAG: %[[B:.*]] = dl.reshape %b {shape = [5, 1, 1]}
// CHECK: dl.add %[[Z]], %[[B]]
dl.model @convolutions(%x: tensor<4x8x8x3xf32>, %z: tensor<4x3x8x8xf32>) {
  %w = dl.parameter "w" : tensor<3x3x3x5xf32>
  %v = dl.parameter "v" : tensor<5x3x3x3xf32>
  %b = dl.parameter "b" : tensor<5xf32>
  %1 = dl.conv2d %x, %w, %b {layout = nhwc, strides = [2, 2]}
  %2 = dl.conv2d %z, %v, %b
  dl.return %1, %2
}

// CHECK-LABEL: @dense
// CHECK: %[[Y:.*]] = dl.matmul %x, %w : tensor<4x2xf32>
// CHECK-NEXT: dl.add %[[Y]], %b
// CHECK-NEXT: dl.matmul %x, %v {transpose_b = true} : tensor<4x2xf32>
// CHECK-NEXT: dl.return
dl.model @dense(%x: tensor<4x3xf32>) {
  %w = dl.parameter "w" : tensor<3x2xf32>
  %v = dl.parameter "v" : tensor<2x3xf32>
  %b = dl.parameter "b" : tensor<2xf32>
  %1 = dl.linear %x, %w, %b
  %2 = dl.linear %x, %v {transpose_weight = true}
  dl.return %1, %2
}

// Rows of features, whatever the rank; an empty batch has no rows.
// CHECK-LABEL: @ranks
// CHECK: dl.reshape %x {shape = [20, 3]}
// CHECK: dl.matmul {{.*}} : tensor<20x2xf32>
// CHECK: dl.add
// CHECK: dl.reshape {{.*}} {shape = [4, 5, 2]}
// CHECK: dl.reshape %v {shape = [1, 3]}
// CHECK: dl.reshape {{.*}} {shape = [2]}
// CHECK: dl.reshape %e {shape = [0, 3]}
// CHECK: dl.reshape {{.*}} {shape = [0, 7, 2]}
dl.model @ranks(%x: tensor<4x5x3xf32>, %v: tensor<3xf32>, %e: tensor<0x7x3xf32>) {
  %w = dl.parameter "w" : tensor<3x2xf32>
  %b = dl.parameter "b" : tensor<2xf32>
  %1 = dl.linear %x, %w, %b
  %2 = dl.linear %v, %w
  %3 = dl.linear %e, %w
  dl.return %1, %2, %3
}
