// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known(
// CHECK: %{{.*}} = dl.cross_entropy %x, %t : tensor<f32>
dl.model @known(%x: tensor<2x3xf32>, %t: tensor<2xi32>) attributes {
    check.value.x = dense<[[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]> : tensor<2x3xf32>,
    check.value.t = dense<[2, 0]> : tensor<2xi32>,
    check.expect.y = dense<0.753109127> : tensor<f32>} {
  %y = dl.cross_entropy %x, %t
  dl.return %y
}

// A label outside adds 0 and still counts.
dl.model @outside(%x: tensor<4x2xf32>, %t: tensor<4xi32>) attributes {
    check.value.x = dense<[[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]> : tensor<4x2xf32>,
    check.value.t = dense<[0, -1, 2, 1]> : tensor<4xi32>,
    check.expect.y = dense<0.34657359> : tensor<f32>} {
  %y = dl.cross_entropy %x, %t
  dl.return %y
}

dl.model @large_logits(%x: tensor<2x2xf32>, %t: tensor<2xi32>) attributes {
    check.value.x = dense<[[1000.0, 0.0], [-1000.0, 1000.0]]> : tensor<2x2xf32>,
    check.value.t = dense<[0, 0]> : tensor<2xi32>,
    check.expect.y = dense<1000.0> : tensor<f32>,
    check.gradient = false} {
  %y = dl.cross_entropy %x, %t
  dl.return %y
}

dl.model @one_class(%x: tensor<3x1xf32>, %t: tensor<3xi32>) attributes {
    check.labels = 1,
    check.expect.y = dense<0.0> : tensor<f32>} {
  %y = dl.cross_entropy %x, %t
  dl.return %y
}

// The mean of nothing is NaN.
dl.model @empty(%x: tensor<0x3xf32>, %t: tensor<0xi32>) attributes {
    check.expect.y = dense<0x7FC00000> : tensor<f32>,
    check.gradient = false} {
  %y = dl.cross_entropy %x, %t
  dl.return %y
}

// CHECK-LABEL: dl.model @odd(
// CHECK: dl.cross_entropy %x, %t : tensor<f32>
dl.model @odd(%x: tensor<5x7xf32>, %t: tensor<5xi64>) attributes {check.labels = 7} {
  %y = dl.cross_entropy %x, %t
  dl.return %y
}

dl.model @ten(%x: tensor<7x10xf32>, %t: tensor<7xi32>) attributes {check.labels = 10} {
  %y = dl.cross_entropy %x, %t
  dl.return %y
}

dl.model @large(%x: tensor<33x19xf32>, %t: tensor<33xi32>) attributes {check.labels = 19, check.gradient = false} {
  %y = dl.cross_entropy %x, %t
  dl.return %y
}

dl.model @many_classes(%x: tensor<3x1003xf32>, %t: tensor<3xi64>) attributes {check.labels = 1003, check.gradient = false} {
  %y = dl.cross_entropy %x, %t
  dl.return %y
}

dl.model @wide(%x: tensor<3x5xf64>, %t: tensor<3xi32>) attributes {check.labels = 5} {
  %y = dl.cross_entropy %x, %t
  dl.return %y
}

dl.model @classifier(%x: tensor<4x5xf32>, %t: tensor<4xi32>) attributes {check.labels = 3} {
  %w = dl.parameter "w" : tensor<5x3xf32>
  %b = dl.parameter "b" : tensor<3xf32>
  %0 = dl.linear %x, %w, %b
  %y = dl.cross_entropy %0, %t
  dl.return %y
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: dl.cross_entropy %x, %t : tensor<f32>
dl.model @open_batch(%x: tensor<?x10xf32>, %t: tensor<?xi32>) attributes {check.batch = [1, 5], check.labels = 10} {
  %y = dl.cross_entropy %x, %t
  dl.return %y
}

// Rows in groups, the last of which is short.
dl.model @grouped(%x: tensor<11x131xf32>, %t: tensor<11xi32>) attributes {
    check.labels = 131, check.second_gradient = false} {
  %y = dl.cross_entropy %x, %t
  dl.return %y
}

// -----

dl.model @logits(%x: tensor<3xf32>, %t: tensor<3xi32>) {
  // expected-error @below {{expected logits of 2 dimensions, got 1}}
  %y = dl.cross_entropy %x, %t
  dl.return %y
}

// -----

dl.model @labels(%x: tensor<2x3xf32>, %t: tensor<3xi32>) {
  // expected-error @below {{expected labels of shape 2, got 3}}
  %y = dl.cross_entropy %x, %t
  dl.return %y
}

// -----

dl.model @label_rank(%x: tensor<2x3xf32>, %t: tensor<2x1xi32>) {
  // expected-error @below {{expected labels of shape 2, got 2x1}}
  %y = dl.cross_entropy %x, %t
  dl.return %y
}

// -----

dl.model @one_hot(%x: tensor<2x3xf32>, %t: tensor<2xf32>) {
  // expected-error @below {{operand #1 must be ranked tensor of 32-bit signless integer or 64-bit signless integer values, but got 'tensor<2xf32>'}}
  %y = dl.cross_entropy %x, %t
  dl.return %y
}
