// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known(
// CHECK: %{{.*}} = dl.gelu %x : tensor<4xf32>
dl.model @known(%x: tensor<4xf32>) attributes {
    check.value.x = dense<[-1.0, 0.0, 0.5, 2.0]> : tensor<4xf32>,
    check.expect.y = dense<[-0.158655254, 0.0, 0.345731231, 1.95449974]> : tensor<4xf32>} {
  %y = dl.gelu %x
  dl.return %y
}

dl.model @special(%x: tensor<5xf32>) attributes {
    check.value.x = dense<[-5.0, 0x7F800000, 0x7FC00000, 100.0, -40.0]> : tensor<5xf32>,
    check.expect.y = dense<[-1.43325786e-06, 0x7F800000, 0x7FC00000, 100.0, 0.0]> : tensor<5xf32>,
    check.gradient = false} {
  %y = dl.gelu %x
  dl.return %y
}

dl.model @by_tanh(%x: tensor<4xf32>) attributes {
    check.value.x = dense<[-1.0, 0.0, 0.5, 2.0]> : tensor<4xf32>,
    check.expect.y = dense<[-0.158808009, 0.0, 0.34571401, 1.95459769]> : tensor<4xf32>} {
  %y = dl.gelu %x {approximate = tanh}
  dl.return %y
}

dl.model @by_tanh_wide(%x: tensor<2x33xf64>) {
  %y = dl.gelu %x {approximate = tanh}
  dl.return %y
}

// CHECK-LABEL: dl.model @scalar(
// CHECK: dl.gelu %x : tensor<f32>
dl.model @scalar(%x: tensor<f32>) {
  %y = dl.gelu %x
  dl.return %y
}

dl.model @empty(%x: tensor<0x3xf32>) {
  %y = dl.gelu %x
  dl.return %y
}

dl.model @odd(%x: tensor<3x5x7xf32>) {
  %y = dl.gelu %x
  dl.return %y
}

// CHECK-LABEL: dl.model @wide(
// CHECK: dl.gelu %x : tensor<2x33xf64>
dl.model @wide(%x: tensor<2x33xf64>) {
  %y = dl.gelu %x
  dl.return %y
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: dl.gelu %x : tensor<?x17xf32>
dl.model @open_batch(%x: tensor<?x17xf32>) attributes {check.batch = [0, 1, 5]} {
  %y = dl.gelu %x
  dl.return %y
}

// -----

dl.model @integers(%x: tensor<2xi32>) {
  // expected-error @below {{operand #0 must be ranked tensor of 32-bit float or 64-bit float values, but got 'tensor<2xi32>'}}
  %y = dl.gelu %x
  dl.return %y
}

// -----

dl.model @two_operands(%x: tensor<2xf32>) {
  // expected-error @below {{expected 1 operand, got 2}}
  %y = dl.gelu %x, %x
  dl.return %y
}

// -----

dl.model @unknown_option(%x: tensor<2xf32>) {
  // expected-error @below {{'dl.gelu' has no option 'axis'}}
  %y = dl.gelu %x {axis = 1}
  dl.return %y
}

// -----

dl.model @approximation(%x: tensor<2xf32>) {
  // expected-error @below {{attribute 'approximate' failed to satisfy constraint: string attribute one of none, tanh}}
  %y = dl.gelu %x {approximate = erf}
  dl.return %y
}
