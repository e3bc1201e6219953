// RUN: dlc-opt %s --dl-sink-reshapes | FileCheck %s

// CHECK-LABEL: @dense_of_three_dimensions
// CHECK: %[[Y:.*]] = dl.matmul
// CHECK-NEXT: %[[A:.*]] = dl.add %[[Y]], %b : tensor<20x2xf32>
// CHECK-NEXT: %[[R:.*]] = dl.relu %[[A]] : tensor<20x2xf32>
// CHECK-NEXT: dl.reshape %[[R]] {shape = [4, 5, 2]}
dl.model @dense_of_three_dimensions(%x: tensor<20x3xf32>, %w: tensor<3x2xf32>, %b: tensor<2xf32>) {
  %1 = dl.matmul %x, %w
  %2 = dl.reshape %1 {shape = [4, 5, 2]}
  %3 = dl.add %2, %b
  %4 = dl.relu %3
  dl.return %4
}

// The gradient of flatten behind relu: the mask's operand is reshaped.
// CHECK-LABEL: @mask
// CHECK: %[[G:.*]] = dl.matmul
// CHECK: %[[R:.*]] = dl.reshape %y {shape = [4, 24]}
// CHECK: %[[M:.*]] = dl.compare %[[R]]
// CHECK: %[[S:.*]] = dl.select %[[M]], %[[G]], {{.*}} : tensor<4x24xf32>
// CHECK: dl.reshape %[[S]] {shape = [4, 2, 3, 4]}
dl.model @mask(%y: tensor<4x2x3x4xf32>, %g: tensor<4x5xf32>, %w: tensor<5x24xf32>) {
  %zero = dl.constant dense<0.0> : tensor<f32>
  %1 = dl.matmul %g, %w
  %2 = dl.reshape %1 {shape = [4, 2, 3, 4]}
  %3 = dl.compare %y, %zero {predicate = gt}
  %4 = dl.select %3, %2, %zero
  dl.return %4
}

// CHECK-LABEL: @rows
// CHECK: dl.sum %x {axes = [0]} : tensor<2xf32>
dl.model @rows(%x: tensor<20x2xf32>) {
  %1 = dl.reshape %x {shape = [4, 5, 2]}
  %2 = dl.sum %1 {axes = [0, 1]}
  dl.return %2
}

// Another kernel may take the addition as well.
// CHECK-LABEL: @apart
// CHECK: %[[R:.*]] = dl.reshape
// CHECK: %[[C:.*]] = dl.conv2d
// CHECK: dl.add %[[R]], %[[C]]
dl.model @apart(%x: tensor<4x5xf32>, %w: tensor<5x24xf32>, %i: tensor<4x2x3x4xf32>,
                %k: tensor<1x1x4x4xf32>) {
  %1 = dl.matmul %x, %w
  %2 = dl.reshape %1 {shape = [4, 2, 3, 4]}
  %3 = dl.conv2d %i, %k {layout = nhwc}
  %4 = dl.add %2, %3
  dl.return %4
}
