// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known(
// CHECK: %{{.*}} = dl.bce %p, %t : tensor<f32>
dl.model @known(%p: tensor<3xf32>, %t: tensor<3xf32>) attributes {
    check.low = 0.05,
    check.high = 0.95,
    check.value.p = dense<[0.25, 0.5, 0.9]> : tensor<3xf32>,
    check.value.t = dense<[1.0, 0.0, 1.0]> : tensor<3xf32>,
    check.expect.y = dense<0.728267352> : tensor<f32>} {
  %y = dl.bce %p, %t
  dl.return %y
}

// Logarithms are cut off at -100.
dl.model @cut_off(%p: tensor<4xf32>, %t: tensor<4xf32>) attributes {
    check.value.p = dense<[0.0, 1.0, 0.0, 1.0]> : tensor<4xf32>,
    check.value.t = dense<[1.0, 0.0, 0.0, 1.0]> : tensor<4xf32>,
    check.expect.y = dense<50.0> : tensor<f32>,
    check.gradient = false} {
  %y = dl.bce %p, %t
  dl.return %y
}

// CHECK-LABEL: dl.model @scalar(
// CHECK: dl.bce %p, %t : tensor<f32>
dl.model @scalar(%p: tensor<f32>, %t: tensor<f32>) attributes {check.low = 0.05, check.high = 0.95} {
  %y = dl.bce %p, %t
  dl.return %y
}

// The mean of nothing is NaN.
dl.model @empty(%p: tensor<0x3xf32>, %t: tensor<0x3xf32>) attributes {
    check.low = 0.05,
    check.high = 0.95,
    check.expect.y = dense<0x7FC00000> : tensor<f32>,
    check.gradient = false} {
  %y = dl.bce %p, %t
  dl.return %y
}

dl.model @odd(%p: tensor<5x7xf32>, %t: tensor<5x7xf32>) attributes {check.low = 0.05, check.high = 0.95} {
  %y = dl.bce %p, %t
  dl.return %y
}

dl.model @images(%p: tensor<2x3x3x5xf32>, %t: tensor<2x3x3x5xf32>) attributes {
    check.low = 0.05,
    check.high = 0.95,
    check.second_gradient = false} {
  %y = dl.bce %p, %t
  dl.return %y
}

dl.model @large(%p: tensor<33x19xf32>, %t: tensor<33x19xf32>) attributes {
    check.low = 0.05,
    check.high = 0.95,
    check.gradient = false} {
  %y = dl.bce %p, %t
  dl.return %y
}

dl.model @wide(%p: tensor<3x5xf64>, %t: tensor<3x5xf64>) attributes {check.low = 0.05, check.high = 0.95} {
  %y = dl.bce %p, %t
  dl.return %y
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: dl.bce %p, %t : tensor<f32>
dl.model @open_batch(%p: tensor<?x7xf32>, %t: tensor<?x7xf32>) attributes {
    check.low = 0.05,
    check.high = 0.95,
    check.batch = [1, 5]} {
  %y = dl.bce %p, %t
  dl.return %y
}

// -----

dl.model @shapes(%p: tensor<2x3xf32>, %t: tensor<2x1xf32>) {
  // expected-error @below {{expected a target of the prediction's shape 2x3, got 2x1}}
  %y = dl.bce %p, %t
  dl.return %y
}

// -----

dl.model @ranks(%p: tensor<2x1xf32>, %t: tensor<2xf32>) {
  // expected-error @below {{expected a target of the prediction's shape 2x1, got 2}}
  %y = dl.bce %p, %t
  dl.return %y
}

// -----

dl.model @element_types(%p: tensor<2xf32>, %t: tensor<2xf64>) {
  // expected-error @below {{expected operands of one element type, got 'f32' and 'f64'}}
  %y = dl.bce %p, %t
  dl.return %y
}

// -----

dl.model @integers(%p: tensor<2xi32>, %t: tensor<2xi32>) {
  // expected-error @below {{operand #0 must be ranked tensor of 32-bit float or 64-bit float values, but got 'tensor<2xi32>'}}
  %y = dl.bce %p, %t
  dl.return %y
}
