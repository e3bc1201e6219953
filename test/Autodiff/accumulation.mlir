// RUN: dlc-opt %s --dl-differentiate="wrt=x cotangent" | FileCheck %s

// A value used twice has the sum of both cotangents.
// CHECK-LABEL: dl.model @twice(
// CHECK: %[[A:.*]] = dl.neg %cotangent
// CHECK: %[[B:.*]] = dl.mul %cotangent, %{{.*}}
// CHECK: %[[S:.*]] = dl.add %[[A]], %[[B]]
// CHECK: dl.return %[[S]]
dl.model @twice(%x: tensor<3xf32>) {
  %1 = dl.exp %x
  %2 = dl.neg %x
  %y = dl.add %1, %2
  dl.return %y
}

// Both operands the same value.
// CHECK-LABEL: dl.model @square(
// CHECK-NEXT: %[[A:.*]] = dl.mul %cotangent, %x
// CHECK-NEXT: %[[B:.*]] = dl.mul %cotangent, %x
// CHECK-NEXT: %[[S:.*]] = dl.add %[[A]], %[[B]]
// CHECK-NEXT: dl.return %[[S]]
dl.model @square(%x: tensor<3xf32>) {
  %y = dl.mul %x, %x
  dl.return %y
}

// The output is the input.
// CHECK-LABEL: dl.model @identity(
// CHECK-NEXT: dl.return %cotangent {output_names = ["d_x"]}
dl.model @identity(%x: tensor<3xf32>) {
  dl.return %x
}

// No path: zeros.
// CHECK-LABEL: dl.model @unrelated(
// CHECK-NEXT: %[[Z:.*]] = dl.constant dense<0.000000e+00> : tensor<3xf32>
// CHECK-NEXT: dl.return %[[Z]]
dl.model @unrelated(%x: tensor<3xf32>, %y: tensor<2xf32>) {
  %z = dl.exp %y
  dl.return %z
}

// Only what lies between x and the output is differentiated.
// CHECK-LABEL: dl.model @activity(
// CHECK: %[[E:.*]] = dl.exp %y
// CHECK-NEXT: %[[D:.*]] = dl.mul %cotangent, %[[E]]
// CHECK-NEXT: dl.return %[[D]]
dl.model @activity(%x: tensor<3xf32>, %y: tensor<3xf32>) {
  %1 = dl.exp %y
  %2 = dl.mul %x, %1
  dl.return %2
}

// An empty tensor and a scalar.
// CHECK-LABEL: dl.model @empty(
// CHECK: dl.sum {{.*}} : tensor<f32>
dl.model @empty(%x: tensor<f32>, %y: tensor<0x3xf32>) {
  %z = dl.mul %x, %y
  dl.return %z
}
