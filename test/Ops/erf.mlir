// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known(
// CHECK: %{{.*}} = dl.erf %x : tensor<4xf32>
dl.model @known(%x: tensor<4xf32>) attributes {
    check.value.x = dense<[-1.0, 0.0, 0.5, 2.0]> : tensor<4xf32>,
    check.expect.y = dense<[-0.842700793, 0.0, 0.520499878, 0.995322265]> : tensor<4xf32>} {
  %y = dl.erf %x
  dl.return %y
}

dl.model @special(%x: tensor<5xf32>) attributes {
    check.value.x = dense<[0xFF800000, 0x7F800000, 0x7FC00000, 3.9, -0.0]> : tensor<5xf32>,
    check.expect.y = dense<[-1.0, 1.0, 0x7FC00000, 0.99999996523, -0.0]> : tensor<5xf32>,
    check.gradient = false} {
  %y = dl.erf %x
  dl.return %y
}

// CHECK-LABEL: dl.model @scalar(
// CHECK: dl.erf %x : tensor<f32>
dl.model @scalar(%x: tensor<f32>) {
  %y = dl.erf %x
  dl.return %y
}

dl.model @empty(%x: tensor<0x3xf32>) {
  %y = dl.erf %x
  dl.return %y
}

dl.model @odd(%x: tensor<3x5x7xf32>) {
  %y = dl.erf %x
  dl.return %y
}

// CHECK-LABEL: dl.model @wide(
// CHECK: dl.erf %x : tensor<2x33xf64>
dl.model @wide(%x: tensor<2x33xf64>) {
  %y = dl.erf %x
  dl.return %y
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: dl.erf %x : tensor<?x17xf32>
dl.model @open_batch(%x: tensor<?x17xf32>) attributes {check.batch = [0, 1, 5]} {
  %y = dl.erf %x
  dl.return %y
}

// -----

dl.model @integers(%x: tensor<2xi32>) {
  // expected-error @below {{operand #0 must be ranked tensor of 32-bit float or 64-bit float values, but got 'tensor<2xi32>'}}
  %y = dl.erf %x
  dl.return %y
}

// -----

dl.model @two_operands(%x: tensor<2xf32>) {
  // expected-error @below {{expected 1 operand, got 2}}
  %y = dl.erf %x, %x
  dl.return %y
}

// -----

dl.model @unknown_option(%x: tensor<2xf32>) {
  // expected-error @below {{'dl.erf' has no option 'axis'}}
  %y = dl.erf %x {axis = 1}
  dl.return %y
}
