// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// The first of those that tie.
// CHECK-LABEL: dl.model @known(
// CHECK: %{{.*}} = dl.argmax %x : tensor<2xi32>
// CHECK: dl.argmax %x {axis = 0} : tensor<3xi32>
dl.model @known(%x: tensor<2x3xf32>) attributes {
    check.value.x = dense<[[1.0, 7.0, 7.0], [4.0, 0.5, 3.0]]> : tensor<2x3xf32>,
    check.expect.y = dense<[1, 0]> : tensor<2xi32>,
    check.expect.z = dense<[1, 0, 0]> : tensor<3xi32>} {
  %y = dl.argmax %x
  %z = dl.argmax %x {axis = 0}
  dl.return %y, %z
}

// CHECK-LABEL: dl.model @one(
// CHECK: dl.argmax %x : tensor<i32>
dl.model @one(%x: tensor<1xf32>) attributes {check.expect.y = dense<0> : tensor<i32>} {
  %y = dl.argmax %x
  dl.return %y
}

dl.model @infinite(%x: tensor<2x2xf32>) attributes {
    check.value.x = dense<[[0xFF800000, 0xFF800000], [0.0, 0x7F800000]]> : tensor<2x2xf32>,
    check.expect.y = dense<[0, 1]> : tensor<2xi32>} {
  %y = dl.argmax %x
  dl.return %y
}

dl.model @empty(%x: tensor<0x3xf32>) {
  %y = dl.argmax %x
  dl.return %y
}

dl.model @odd(%x: tensor<5x19xf32>) {
  %y = dl.argmax %x
  dl.return %y
}

// CHECK-LABEL: dl.model @middle(
// CHECK: dl.argmax %x {axis = 1} : tensor<3x7xi32>
dl.model @middle(%x: tensor<3x5x7xf32>) {
  %y = dl.argmax %x {axis = 1}
  dl.return %y
}

dl.model @ties(%x: tensor<7x19xf32>) attributes {check.ties} {
  %y = dl.argmax %x
  %z = dl.argmax %x {axis = 0}
  dl.return %y, %z
}

dl.model @wide(%x: tensor<3x33xf64>) {
  %y = dl.argmax %x
  dl.return %y
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: dl.argmax %x : tensor<?xi32>
dl.model @open_batch(%x: tensor<?x10xf32>) attributes {check.batch = [0, 1, 5]} {
  %y = dl.argmax %x
  dl.return %y
}

// -----

dl.model @axis(%x: tensor<2x3xf32>) {
  // expected-error @below {{expected an axis in [-2, 2), got 2}}
  %y = dl.argmax %x {axis = 2}
  dl.return %y
}

// -----

dl.model @scalar(%x: tensor<f32>) {
  // expected-error @below {{expected an axis in [0, 0), got -1}}
  %y = dl.argmax %x
  dl.return %y
}

// -----

dl.model @nothing(%x: tensor<2x0xf32>) {
  // expected-error @below {{expected at least one element along axis 1}}
  %y = dl.argmax %x
  dl.return %y
}

// -----

dl.model @integers(%x: tensor<2xi32>) {
  // expected-error @below {{operand #0 must be ranked tensor of 32-bit float or 64-bit float values, but got 'tensor<2xi32>'}}
  %y = dl.argmax %x
  dl.return %y
}
