// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known(
// CHECK: %{{.*}} = dl.flatten %x : tensor<2x4xf32>
// CHECK: dl.flatten %x {axis = 2} : tensor<4x2xf32>
// CHECK: dl.flatten %x {axis = 0} : tensor<1x8xf32>
// CHECK: dl.flatten %x {axis = 3} : tensor<8x1xf32>
dl.model @known(%x: tensor<2x2x2xf32>) attributes {
    check.value.x = dense<[[[0.0, 1.0], [2.0, 3.0]], [[4.0, 5.0], [6.0, 7.0]]]> : tensor<2x2x2xf32>,
    check.expect.y = dense<[[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]> : tensor<2x4xf32>,
    check.expect.z = dense<[[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 7.0]]> : tensor<4x2xf32>,
    check.expect.v = dense<[[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]]> : tensor<1x8xf32>,
    check.expect.w = dense<[[0.0], [1.0], [2.0], [3.0], [4.0], [5.0], [6.0], [7.0]]> : tensor<8x1xf32>,
    check.exact} {
  %y = dl.flatten %x
  %z = dl.flatten %x {axis = 2}
  %v = dl.flatten %x {axis = 0}
  %w = dl.flatten %x {axis = 3}
  dl.return %y, %z, %v, %w
}

// CHECK-LABEL: dl.model @scalar(
// CHECK: dl.flatten %x {axis = 0} : tensor<1x1xf32>
dl.model @scalar(%x: tensor<f32>) {
  %y = dl.flatten %x {axis = 0}
  dl.return %y
}

// CHECK-LABEL: dl.model @negative_axis(
// CHECK: dl.flatten %x {axis = -1} : tensor<15x7xf32>
dl.model @negative_axis(%x: tensor<3x5x7xf32>) {
  %y = dl.flatten %x {axis = -1}
  dl.return %y
}

// CHECK-LABEL: dl.model @empty(
// CHECK: dl.flatten %x : tensor<0x6xf32>
dl.model @empty(%x: tensor<0x3x2xf32>) {
  %y = dl.flatten %x
  dl.return %y
}

dl.model @between(%x: tensor<3x5x7xf32>) {
  %e = dl.exp %x
  %f = dl.flatten %e
  %y = dl.tanh %f
  dl.return %y
}

dl.model @integers(%x: tensor<4x3xi32>) {
  %y = dl.flatten %x {axis = 0}
  dl.return %y
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: dl.flatten %x : tensor<?x6xf32>
dl.model @open_batch(%x: tensor<?x2x3xf32>) attributes {check.batch = [0, 1, 5]} {
  %y = dl.flatten %x
  dl.return %y
}

// -----

dl.model @axis(%x: tensor<2x3xf32>) {
  // expected-error @below {{expected an axis in [-2, 2], got 3}}
  %y = dl.flatten %x {axis = 3}
  dl.return %y
}

// -----

dl.model @axis_below(%x: tensor<2x3xf32>) {
  // expected-error @below {{expected an axis in [-2, 2], got -3}}
  %y = dl.flatten %x {axis = -3}
  dl.return %y
}
