// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known(
// CHECK: dl.layer_norm %x, %s, %b
dl.model @known(%x: tensor<2x3xf32>, %s: tensor<3xf32>, %b: tensor<3xf32>) attributes {
    check.value.x = dense<[[1.0, 2.0, 3.0], [0.0, -1.0, 4.0]]> : tensor<2x3xf32>,
    check.value.s = dense<[1.0, 2.0, -1.0]> : tensor<3xf32>,
    check.value.b = dense<[0.5, 0.0, 1.0]> : tensor<3xf32>,
    check.expect.y = dense<[[-0.724735618, 0.0, -0.224735618], [0.0370904505, -1.8516382, -0.388728619]]> : tensor<2x3xf32>} {
  %y = dl.layer_norm %x, %s, %b
  dl.return %y
}

// CHECK-LABEL: dl.model @whole(
// CHECK: dl.layer_norm %x, %s, %b
dl.model @whole(%x: tensor<2x3xf32>, %s: tensor<2x3xf32>, %b: tensor<2x3xf32>) attributes {
    check.value.x = dense<[[1.0, 2.0, 3.0], [0.0, -1.0, 4.0]]> : tensor<2x3xf32>,
    check.value.s = dense<[[1.0, 2.0, -1.0], [0.5, 0.0, 1.0]]> : tensor<2x3xf32>,
    check.value.b = dense<[[0.5, 0.0, 1.0], [1.0, 2.0, -1.0]]> : tensor<2x3xf32>,
    check.expect.y = dense<[[0.207280159, 0.585439682, 0.121840477], [0.560920238, 2.0, 0.463599205]]> : tensor<2x3xf32>} {
  %y = dl.layer_norm %x, %s, %b {axis = 0, eps = 1.0e-3}
  dl.return %y
}

// CHECK-LABEL: dl.model @two_axes(
// CHECK: dl.layer_norm %x, %y, %z
dl.model @two_axes(%x: tensor<3x5x7xf32>, %y: tensor<5x7xf32>, %z: tensor<5x7xf32>) {
  %r = dl.layer_norm %x, %y, %z {axis = 1}
  dl.return %r
}

// CHECK-LABEL: dl.model @odd(
// CHECK: dl.layer_norm %x, %y, %z
dl.model @odd(%x: tensor<5x19xf32>, %y: tensor<19xf32>, %z: tensor<19xf32>) {
  %r = dl.layer_norm %x, %y, %z
  dl.return %r
}

// CHECK-LABEL: dl.model @long(
// CHECK: dl.layer_norm %x, %y, %z
dl.model @long(%x: tensor<3x1003xf32>, %y: tensor<1003xf32>, %z: tensor<1003xf32>) attributes {check.gradient = false} {
  %r = dl.layer_norm %x, %y, %z
  dl.return %r
}

// CHECK-LABEL: dl.model @empty(
// CHECK: dl.layer_norm %x, %y, %z
dl.model @empty(%x: tensor<0x3xf32>, %y: tensor<3xf32>, %z: tensor<3xf32>) {
  %r = dl.layer_norm %x, %y, %z
  dl.return %r
}

// CHECK-LABEL: dl.model @wide(
// CHECK: dl.layer_norm %x, %y, %z
dl.model @wide(%x: tensor<3x17xf64>, %y: tensor<17xf64>, %z: tensor<17xf64>) {
  %r = dl.layer_norm %x, %y, %z
  dl.return %r
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: dl.layer_norm %x, %y, %z
dl.model @open_batch(%x: tensor<?x10xf32>, %y: tensor<10xf32>, %z: tensor<10xf32>) attributes {check.batch = [0, 1, 5]} {
  %r = dl.layer_norm %x, %y, %z
  dl.return %r
}

// Rows in groups, the last of which is short.
// CHECK-LABEL: dl.model @grouped(
// CHECK: dl.layer_norm %x, %y, %z
dl.model @grouped(%x: tensor<19x135xf32>, %y: tensor<135xf32>, %z: tensor<135xf32>) attributes {check.second_gradient = false} {
  %r = dl.layer_norm %x, %y, %z
  dl.return %r
}

// -----

dl.model @axis(%x: tensor<2x3xf32>, %y: tensor<3xf32>, %z: tensor<3xf32>) {
  // expected-error @below {{expected an axis in [-2, 2), got 2}}
  %r = dl.layer_norm %x, %y, %z {axis = 2}
  dl.return %r
}

// -----

dl.model @scale(%x: tensor<2x3xf32>, %y: tensor<2xf32>, %z: tensor<3xf32>) {
  // expected-error @below {{expected a scale of shape 3, got 2}}
  %r = dl.layer_norm %x, %y, %z
  dl.return %r
}

// -----

dl.model @bias(%x: tensor<2x3xf32>, %y: tensor<3xf32>, %z: tensor<3x1xf32>) {
  // expected-error @below {{expected a bias of shape 3, got 3x1}}
  %r = dl.layer_norm %x, %y, %z
  dl.return %r
}

// -----

dl.model @types(%x: tensor<2x3xf32>, %y: tensor<3xf64>, %z: tensor<3xf32>) {
  // expected-error @below {{expected operands of one element type, got 'f32' and 'f64'}}
  %r = dl.layer_norm %x, %y, %z
  dl.return %r
}
