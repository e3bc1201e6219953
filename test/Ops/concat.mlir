// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known(
// CHECK: dl.concat %x, %y
dl.model @known(%x: tensor<2x3xf32>, %y: tensor<2x1xf32>) attributes {
    check.value.x = dense<[[1.0, 2.0, 3.0], [0.0, -1.0, 4.0]]> : tensor<2x3xf32>,
    check.value.y = dense<[[1.0], [0.0]]> : tensor<2x1xf32>,
    check.expect.z = dense<[[1.0, 2.0, 3.0, 1.0], [0.0, -1.0, 4.0, 0.0]]> : tensor<2x4xf32>} {
  %z = dl.concat %x, %y {axis = 1}
  dl.return %z
}

// CHECK-LABEL: dl.model @rows(
// CHECK: dl.concat %x, %y
dl.model @rows(%x: tensor<2x3xf32>, %y: tensor<2x3xf32>) attributes {
    check.value.x = dense<[[1.0, 2.0, 3.0], [0.0, -1.0, 4.0]]> : tensor<2x3xf32>,
    check.value.y = dense<[[-1.0, -2.0, -3.0], [-0.0, 1.0, -4.0]]> : tensor<2x3xf32>,
    check.expect.z = dense<[[1.0, 2.0, 3.0], [0.0, -1.0, 4.0], [-1.0, -2.0, -3.0], [-0.0, 1.0, -4.0]]> : tensor<4x3xf32>} {
  %z = dl.concat %x, %y {axis = 0}
  dl.return %z
}

// CHECK-LABEL: dl.model @three(
// CHECK: dl.concat %x, %y, %z
dl.model @three(%x: tensor<3x5x7xf32>, %y: tensor<3x2x7xf32>, %z: tensor<3x19x7xf32>) {
  %r = dl.concat %x, %y, %z {axis = -2}
  dl.return %r
}

// CHECK-LABEL: dl.model @odd(
// CHECK: dl.concat %x, %y, %z
dl.model @odd(%x: tensor<5x33xf32>, %y: tensor<5x1xf32>, %z: tensor<5x17xf32>) {
  %r = dl.concat %x, %y, %z {axis = 1}
  dl.return %r
}

// CHECK-LABEL: dl.model @long(
// CHECK: dl.concat %x, %y
dl.model @long(%x: tensor<40000xf32>, %y: tensor<3xf32>) attributes {check.gradient = false} {
  %r = dl.concat %x, %y {axis = 0}
  dl.return %r
}

// CHECK-LABEL: dl.model @one(
// CHECK: dl.concat %x
dl.model @one(%x: tensor<5x3xf32>) {
  %r = dl.concat %x {axis = 1}
  dl.return %r
}

// CHECK-LABEL: dl.model @empty(
// CHECK: dl.concat %x, %y
dl.model @empty(%x: tensor<5x0xf32>, %y: tensor<5x2xf32>) {
  %r = dl.concat %x, %y {axis = 1}
  dl.return %r
}

// CHECK-LABEL: dl.model @wide(
// CHECK: dl.concat %x, %y
dl.model @wide(%x: tensor<5x3xf64>, %y: tensor<5x9xf64>) {
  %r = dl.concat %x, %y {axis = 1}
  dl.return %r
}

// CHECK-LABEL: dl.model @integers(
// CHECK: dl.concat %x, %y
dl.model @integers(%x: tensor<5x3xi32>, %y: tensor<5x9xi32>) {
  %r = dl.concat %x, %y {axis = 1}
  dl.return %r
}

// CHECK-LABEL: dl.model @bools(
// CHECK: dl.concat %x, %y
dl.model @bools(%x: tensor<5x3xi1>, %y: tensor<5x9xi1>) {
  %r = dl.concat %x, %y {axis = 1}
  dl.return %r
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: dl.concat %x, %y
dl.model @open_batch(%x: tensor<?x3xf32>, %y: tensor<?x4xf32>) attributes {check.batch = [0, 1, 5]} {
  %r = dl.concat %x, %y {axis = 1}
  dl.return %r
}

// -----

dl.model @axis(%x: tensor<2x3xf32>, %y: tensor<2x3xf32>) {
  // expected-error @below {{expected an axis in [-2, 2), got 2}}
  %r = dl.concat %x, %y {axis = 2}
  dl.return %r
}

// -----

dl.model @shapes(%x: tensor<2x3xf32>, %y: tensor<3x3xf32>) {
  // expected-error @below {{expected shapes that agree but for axis 1, got 2x3 and 3x3}}
  %r = dl.concat %x, %y {axis = 1}
  dl.return %r
}

// -----

dl.model @types(%x: tensor<2x3xf32>, %y: tensor<2x3xf64>) {
  // expected-error @below {{expected operands of one element type, got 'f32' and 'f64'}}
  %r = dl.concat %x, %y {axis = 1}
  dl.return %r
}

// -----

dl.model @open(%x: tensor<?x3xf32>, %y: tensor<?x3xf32>) {
  // expected-error @below {{expected a known extent along axis 0}}
  %r = dl.concat %x, %y {axis = 0}
  dl.return %r
}

// -----

dl.model @nothing() {
  // expected-error @below {{expected at least 1 operand, got 0}}
  %r = dl.concat {axis = 0}
  dl.return %r
}

// -----

dl.model @sum(%x: tensor<2x1000000000000000000xi1>) {
  // expected-error @below {{expected a tensor of less than 2^63 bytes, got 'tensor<2x2000000000000000000xi1>'}}
  %r = dl.concat %x, %x {axis = 1}
  dl.return %r
}

// -----

dl.model @overflow(%x: tensor<1000000000000000000xi1>) {
  // expected-error @below {{expected an extent below 2^63 along axis 0}}
  %r = dl.concat %x, %x, %x, %x, %x, %x, %x, %x, %x, %x {axis = 0}
  dl.return %r
}
