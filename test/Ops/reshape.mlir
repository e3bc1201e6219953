// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known(
// CHECK: %{{.*}} = dl.reshape %x {shape = [3, -1]} : tensor<3x2xf32>
dl.model @known(%x: tensor<2x3xf32>) attributes {
    check.value.x = dense<[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]> : tensor<2x3xf32>,
    check.expect.y = dense<[[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]> : tensor<3x2xf32>,
    check.exact} {
  %y = dl.reshape %x {shape = [3, -1]}
  dl.return %y
}

// CHECK-LABEL: dl.model @to_scalar(
// CHECK: dl.reshape %x {shape = []} : tensor<f32>
dl.model @to_scalar(%x: tensor<1x1xf32>) {
  %y = dl.reshape %x {shape = []}
  dl.return %y
}

// CHECK-LABEL: dl.model @from_scalar(
// CHECK: dl.reshape %x {shape = [1, 1]} : tensor<1x1xf32>
dl.model @from_scalar(%x: tensor<f32>) {
  %y = dl.reshape %x {shape = [1, 1]}
  dl.return %y
}

// CHECK-LABEL: dl.model @empty(
// CHECK: dl.reshape %x {shape = [5, 0]} : tensor<5x0xf32>
dl.model @empty(%x: tensor<0x3xf32>) {
  %y = dl.reshape %x {shape = [5, 0]}
  dl.return %y
}

// CHECK-LABEL: dl.model @inferred_empty(
// CHECK: dl.reshape %x {shape = [-1, 3]} : tensor<0x3xf32>
dl.model @inferred_empty(%x: tensor<0x3xf32>) {
  %y = dl.reshape %x {shape = [-1, 3]}
  dl.return %y
}

dl.model @between(%x: tensor<3x5x7xf32>) {
  %e = dl.exp %x
  %r = dl.reshape %e {shape = [7, 15]}
  %y = dl.tanh %r
  dl.return %y
}

dl.model @integers(%x: tensor<4x3xi64>) {
  %y = dl.reshape %x {shape = [12]}
  dl.return %y
}

dl.model @booleans(%x: tensor<4x3xi1>) {
  %y = dl.reshape %x {shape = [2, 6]}
  dl.return %y
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: dl.reshape %x {shape = [-1, 6]} : tensor<?x6xf32>
dl.model @open_batch(%x: tensor<?x2x3xf32>) attributes {check.batch = [0, 1, 5]} {
  %y = dl.reshape %x {shape = [-1, 6]}
  dl.return %y
}

// CHECK-LABEL: dl.model @closed_by_shape(
// CHECK: dl.reshape %x {shape = [2, 6]} : tensor<2x6xf32>
dl.model @closed_by_shape(%x: tensor<?x3xf32>) attributes {check.batch = [4]} {
  %y = dl.reshape %x {shape = [2, 6]}
  dl.return %y
}

// -----

dl.model @count(%x: tensor<2x3xf32>) {
  // expected-error @below {{expected 6 elements, got 7 in shape 7}}
  %y = dl.reshape %x {shape = [7]}
  dl.return %y
}

// -----

dl.model @open_count(%x: tensor<?x3xf32>) {
  // expected-error @below {{expected 3 elements, got 7 in shape 7}}
  %y = dl.reshape %x {shape = [7]}
  dl.return %y
}

// -----

dl.model @multiple(%x: tensor<2x3xf32>) {
  // expected-error @below {{expected 6 elements, got a multiple of 4}}
  %y = dl.reshape %x {shape = [-1, 4]}
  dl.return %y
}

// -----

dl.model @open_multiple(%x: tensor<?x6xf32>) {
  // expected-error @below {{expected 6 elements beside the open extent, got 3}}
  %y = dl.reshape %x {shape = [-1, 3]}
  dl.return %y
}

// -----

dl.model @two_unknown(%x: tensor<2x3xf32>) {
  // expected-error @below {{expected extents of at least 0 and at most one -1, got [-1, -1]}}
  %y = dl.reshape %x {shape = [-1, -1]}
  dl.return %y
}

// -----

dl.model @negative(%x: tensor<2x3xf32>) {
  // expected-error @below {{expected extents of at least 0 and at most one -1, got [-2, 3]}}
  %y = dl.reshape %x {shape = [-2, 3]}
  dl.return %y
}

// -----

dl.model @overflow(%x: tensor<2x3xf32>) {
  // expected-error @below {{expected a number of elements below 2^63, got shape 4294967296x4294967296}}
  %y = dl.reshape %x {shape = [4294967296, 4294967296]}
  dl.return %y
}

// -----

dl.model @two_open(%x: tensor<?x1xf32>) {
  %t = dl.transpose %x {permutation = [1, 0]}
  %s = dl.add %x, %t
  // expected-error @below {{expected at most one open extent, got ?x?}}
  %y = dl.reshape %s {shape = [-1]}
  dl.return %y
}

// -----

dl.model @no_shape(%x: tensor<2x3xf32>) {
  // expected-error @below {{requires attribute 'shape'}}
  %y = dl.reshape %x
  dl.return %y
}
