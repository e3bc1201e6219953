// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known(
// CHECK: %{{.*}} = dl.linear %x, %w, %b : tensor<2x2xf32>
dl.model @known(%x: tensor<2x3xf32>, %w: tensor<3x2xf32>, %b: tensor<2xf32>) attributes {
    check.value.x = dense<[[1.0, 2.0, 3.0], [-1.0, 0.5, 2.0]]> : tensor<2x3xf32>,
    check.value.w = dense<[[1.0, -1.0], [0.0, 2.0], [0.5, 1.0]]> : tensor<3x2xf32>,
    check.value.b = dense<[10.0, -10.0]> : tensor<2xf32>,
    check.expect.y = dense<[[12.5, -4.0], [10.0, -6.0]]> : tensor<2x2xf32>,
    check.exact} {
  %y = dl.linear %x, %w, %b
  dl.return %y
}

// CHECK-LABEL: dl.model @no_bias(
// CHECK: dl.linear %x, %w {transpose_weight = true} : tensor<2x2xf32>
dl.model @no_bias(%x: tensor<2x3xf32>, %w: tensor<2x3xf32>) attributes {
    check.value.x = dense<[[1.0, 2.0, 3.0], [-1.0, 0.5, 2.0]]> : tensor<2x3xf32>,
    check.value.w = dense<[[1.0, 0.0, 0.5], [-1.0, 2.0, 1.0]]> : tensor<2x3xf32>,
    check.expect.y = dense<[[2.5, 6.0], [0.0, 4.0]]> : tensor<2x2xf32>,
    check.exact} {
  %y = dl.linear %x, %w {transpose_weight = true}
  dl.return %y
}

// CHECK-LABEL: dl.model @vector(
// CHECK: dl.linear %x, %w, %b : tensor<3xf32>
dl.model @vector(%x: tensor<5xf32>, %w: tensor<5x3xf32>, %b: tensor<3xf32>) {
  %y = dl.linear %x, %w, %b
  dl.return %y
}

dl.model @one(%x: tensor<1x1xf32>, %w: tensor<1x1xf32>, %b: tensor<1xf32>) {
  %y = dl.linear %x, %w, %b
  dl.return %y
}

// CHECK-LABEL: dl.model @empty(
// CHECK: dl.linear %x, %w, %b : tensor<0x3xf32>
dl.model @empty(%x: tensor<0x5xf32>, %w: tensor<5x3xf32>, %b: tensor<3xf32>) {
  %y = dl.linear %x, %w, %b
  dl.return %y
}

dl.model @odd(%x: tensor<3x7xf32>, %w: tensor<7x5xf32>, %b: tensor<5xf32>) {
  %y = dl.linear %x, %w, %b
  dl.return %y
}

dl.model @large(%x: tensor<33x35xf32>, %w: tensor<35x37xf32>, %b: tensor<37xf32>) attributes {check.gradient = false} {
  %y = dl.linear %x, %w, %b
  dl.return %y
}

dl.model @large_transposed(%x: tensor<33x35xf32>, %w: tensor<37x35xf32>, %b: tensor<37xf32>) attributes {check.gradient = false} {
  %y = dl.linear %x, %w, %b {transpose_weight = true}
  dl.return %y
}

// CHECK-LABEL: dl.model @sequence(
// CHECK: tensor<2x3x4xf32>
dl.model @sequence(%x: tensor<2x3x5xf32>, %w: tensor<4x5xf32>, %b: tensor<4xf32>) {
  %y = dl.linear %x, %w, %b {transpose_weight = true}
  dl.return %y
}

dl.model @relu(%x: tensor<5x7xf32>) {
  %w = dl.parameter "w" : tensor<7x3xf32>
  %b = dl.parameter "b" : tensor<3xf32>
  %0 = dl.linear %x, %w, %b
  %y = dl.relu %0
  dl.return %y
}

dl.model @wide(%x: tensor<3x5xf64>, %w: tensor<5x9xf64>, %b: tensor<9xf64>) {
  %y = dl.linear %x, %w, %b
  dl.return %y
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: dl.linear %x, %w, %b : tensor<?x5xf32>
dl.model @open_batch(%x: tensor<?x7xf32>, %w: tensor<7x5xf32>, %b: tensor<5xf32>) attributes {check.batch = [0, 1, 5]} {
  %y = dl.linear %x, %w, %b
  dl.return %y
}

// -----

dl.model @element_types(%x: tensor<2x3xf32>, %w: tensor<3x2xf64>) {
  // expected-error @below {{expected operands of one element type, got 'f32' and 'f64'}}
  %y = dl.linear %x, %w
  dl.return %y
}

// -----

dl.model @scalar(%x: tensor<f32>, %w: tensor<3x2xf32>) {
  // expected-error @below {{expected an input of at least 1 dimension, got a scalar}}
  %y = dl.linear %x, %w
  dl.return %y
}

// -----

dl.model @weight(%x: tensor<2x3xf32>, %w: tensor<3xf32>) {
  // expected-error @below {{expected a weight of 2 dimensions, got 1}}
  %y = dl.linear %x, %w
  dl.return %y
}

// -----

dl.model @features(%x: tensor<2x3xf32>, %w: tensor<4x2xf32>) {
  // expected-error @below {{expected 4 features (dimension 1 of the input), got 3}}
  %y = dl.linear %x, %w
  dl.return %y
}

// -----

dl.model @features_transposed(%x: tensor<2x3xf32>, %w: tensor<3x2xf32>) {
  // expected-error @below {{expected 2 features (dimension 1 of the input), got 3}}
  %y = dl.linear %x, %w {transpose_weight = true}
  dl.return %y
}

// -----

dl.model @bias(%x: tensor<2x3xf32>, %w: tensor<3x2xf32>, %b: tensor<3xf32>) {
  // expected-error @below {{expected a bias of shape 2, got 3}}
  %y = dl.linear %x, %w, %b
  dl.return %y
}

// -----

dl.model @bias_rank(%x: tensor<2x3xf32>, %w: tensor<3x2xf32>, %b: tensor<1x2xf32>) {
  // expected-error @below {{expected a bias of shape 2, got 1x2}}
  %y = dl.linear %x, %w, %b
  dl.return %y
}

// -----

dl.model @operands(%x: tensor<2x3xf32>, %w: tensor<3x2xf32>) {
  // expected-error @below {{expected 2 or 3 operands, got 1}}
  %y = dl.linear %x
  dl.return %y
}
