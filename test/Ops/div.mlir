// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known(
// CHECK: %{{.*}} = dl.div %x, %y : tensor<3xf32>
dl.model @known(%x: tensor<3xf32>, %y: tensor<3xf32>) attributes {
    check.value.x = dense<[1.0, 2.5, -3.0]> : tensor<3xf32>,
    check.value.y = dense<[4.0, -0.5, 0.25]> : tensor<3xf32>,
    check.expect.z = dense<[0.25, -5.0, -12.0]> : tensor<3xf32>} {
  %z = dl.div %x, %y
  dl.return %z
}

dl.model @special(%x: tensor<5xf32>, %y: tensor<5xf32>) attributes {
    check.value.x = dense<[1.0, -1.0, 0.0, 0x7FC00000, 1.0]> : tensor<5xf32>,
    check.value.y = dense<[0.0, 0.0, 0.0, 1.0, 0x7F800000]> : tensor<5xf32>,
    check.expect.z = dense<[0x7F800000, 0xFF800000, 0x7FC00000, 0x7FC00000, 0.0]> : tensor<5xf32>,
    check.gradient = false} {
  %z = dl.div %x, %y
  dl.return %z
}

// CHECK-LABEL: dl.model @scalar(
// CHECK: dl.div %x, %y : tensor<f32>
dl.model @scalar(%x: tensor<f32>, %y: tensor<f32>) attributes {check.low.y = 0.5, check.high.y = 2.0} {
  %z = dl.div %x, %y
  dl.return %z
}

// CHECK-LABEL: dl.model @empty(
// CHECK: dl.div %x, %y : tensor<0x3xf32>
dl.model @empty(%x: tensor<0x3xf32>, %y: tensor<3xf32>) attributes {check.low.y = 0.5, check.high.y = 2.0} {
  %z = dl.div %x, %y
  dl.return %z
}

// CHECK-LABEL: dl.model @broadcast(
// CHECK: dl.div %x, %y : tensor<3x2x5xf32>
dl.model @broadcast(%x: tensor<3x1x5xf32>, %y: tensor<2x1xf32>) attributes {check.low.y = 0.5, check.high.y = 2.0} {
  %z = dl.div %x, %y
  dl.return %z
}

// CHECK-LABEL: dl.model @broadcast_scalar(
// CHECK: dl.div %x, %y : tensor<2x9xf32>
dl.model @broadcast_scalar(%x: tensor<f32>, %y: tensor<2x9xf32>) attributes {check.low.y = 0.5, check.high.y = 2.0} {
  %z = dl.div %x, %y
  dl.return %z
}

dl.model @row(%x: tensor<3x19xf32>, %y: tensor<19xf32>) attributes {check.low.y = 0.5, check.high.y = 2.0} {
  %z = dl.div %x, %y
  dl.return %z
}

dl.model @column(%x: tensor<3x19xf32>, %y: tensor<3x1xf32>) attributes {check.low.y = 0.5, check.high.y = 2.0} {
  %z = dl.div %x, %y
  dl.return %z
}

dl.model @same_operand(%x: tensor<2x5xf32>) attributes {check.low = 0.2, check.high = 2.0} {
  %z = dl.div %x, %x
  dl.return %z
}

// CHECK-LABEL: dl.model @wide(
// CHECK: dl.div %x, %y : tensor<2x17xf64>
dl.model @wide(%x: tensor<2x17xf64>, %y: tensor<2x17xf64>) attributes {check.low.y = 0.5, check.high.y = 2.0} {
  %z = dl.div %x, %y
  dl.return %z
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: dl.div %x, %y : tensor<?x17xf32>
dl.model @open_batch(%x: tensor<?x17xf32>, %y: tensor<17xf32>) attributes {
    check.low.y = 0.5,
    check.high.y = 2.0,
    check.batch = [0, 1, 4]} {
  %z = dl.div %x, %y
  dl.return %z
}

// -----

dl.model @element_types(%x: tensor<2xf32>, %y: tensor<2xf64>) {
  // expected-error @below {{expected operands of one element type, got 'f32' and 'f64'}}
  %z = dl.div %x, %y
  dl.return %z
}

// -----

dl.model @shapes(%x: tensor<2x3xf32>, %y: tensor<2x4xf32>) {
  // expected-error @below {{expected shapes that broadcast, got 2x3 and 2x4: dimension 1 is 3 against 4}}
  %z = dl.div %x, %y
  dl.return %z
}

// -----

dl.model @integers(%x: tensor<2xi32>, %y: tensor<2xi32>) {
  // expected-error @below {{operand #0 must be ranked tensor of 32-bit float or 64-bit float values, but got 'tensor<2xi32>'}}
  %z = dl.div %x, %y
  dl.return %z
}

// -----

dl.model @one_operand(%x: tensor<2xf32>) {
  // expected-error @below {{expected 2 operands, got 1}}
  %z = dl.div %x
  dl.return %z
}
