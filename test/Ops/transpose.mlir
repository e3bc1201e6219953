// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known(
// CHECK: %{{.*}} = dl.transpose %x {permutation = [1, 0]} : tensor<3x2xf32>
dl.model @known(%x: tensor<2x3xf32>) attributes {
    check.value.x = dense<[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]> : tensor<2x3xf32>,
    check.expect.y = dense<[[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]> : tensor<3x2xf32>,
    check.exact} {
  %y = dl.transpose %x {permutation = [1, 0]}
  dl.return %y
}

// Result dimension i is input dimension permutation[i].
dl.model @cycle(%x: tensor<2x2x2xf32>) attributes {
    check.value.x = dense<[[[0.0, 1.0], [2.0, 3.0]], [[4.0, 5.0], [6.0, 7.0]]]> : tensor<2x2x2xf32>,
    check.expect.y = dense<[[[0.0, 4.0], [1.0, 5.0]], [[2.0, 6.0], [3.0, 7.0]]]> : tensor<2x2x2xf32>,
    check.exact} {
  %y = dl.transpose %x {permutation = [1, 2, 0]}
  dl.return %y
}

// CHECK-LABEL: dl.model @scalar(
// CHECK: dl.transpose %x {permutation = []} : tensor<f32>
dl.model @scalar(%x: tensor<f32>) {
  %y = dl.transpose %x {permutation = []}
  dl.return %y
}

// CHECK-LABEL: dl.model @empty(
// CHECK: dl.transpose %x {permutation = [1, 0]} : tensor<3x0xf32>
dl.model @empty(%x: tensor<0x3xf32>) {
  %y = dl.transpose %x {permutation = [1, 0]}
  dl.return %y
}

dl.model @odd(%x: tensor<5x19xf32>) {
  %y = dl.transpose %x {permutation = [1, 0]}
  dl.return %y
}

dl.model @large(%x: tensor<35x37xf32>) attributes {check.gradient = false} {
  %y = dl.transpose %x {permutation = [1, 0]}
  dl.return %y
}

// CHECK-LABEL: dl.model @nchw_to_nhwc(
// CHECK: dl.transpose %x {permutation = [0, 2, 3, 1]} : tensor<2x5x7x3xf32>
dl.model @nchw_to_nhwc(%x: tensor<2x3x5x7xf32>) attributes {check.second_gradient = false} {
  %y = dl.transpose %x {permutation = [0, 2, 3, 1]}
  dl.return %y
}

dl.model @nhwc_to_nchw(%x: tensor<2x5x7x3xf32>) attributes {check.second_gradient = false} {
  %y = dl.transpose %x {permutation = [0, 3, 1, 2]}
  dl.return %y
}

dl.model @inner_kept(%x: tensor<3x4x17xf32>) attributes {check.second_gradient = false} {
  %y = dl.transpose %x {permutation = [1, 0, 2]}
  dl.return %y
}

dl.model @integers(%x: tensor<5x7xi64>) {
  %y = dl.transpose %x {permutation = [1, 0]}
  dl.return %y
}

dl.model @booleans(%x: tensor<5x7xi1>) {
  %y = dl.transpose %x {permutation = [1, 0]}
  dl.return %y
}

dl.model @wide(%x: tensor<5x7xf64>) {
  %y = dl.transpose %x {permutation = [1, 0]}
  dl.return %y
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: dl.transpose %x {permutation = [1, 0]} : tensor<7x?xf32>
dl.model @open_batch(%x: tensor<?x7xf32>) attributes {check.batch = [0, 1, 5]} {
  %y = dl.transpose %x {permutation = [1, 0]}
  dl.return %y
}

// Blocks of rows and columns, whole and at the edges.
dl.model @blocks(%x: tensor<64x32xf32>) attributes {check.gradient = false} {
  %y = dl.transpose %x {permutation = [1, 0]}
  dl.return %y
}

dl.model @edges(%x: tensor<37x51xf32>) attributes {check.gradient = false} {
  %y = dl.transpose %x {permutation = [1, 0]}
  dl.return %y
}

dl.model @images(%x: tensor<3x19x5x7xf32>) attributes {check.gradient = false} {
  %y = dl.transpose %x {permutation = [0, 2, 3, 1]}
  %z = dl.transpose %y {permutation = [0, 3, 1, 2]}
  %s = dl.tanh %y
  dl.return %s, %z
}

dl.model @edges_wide(%x: tensor<2x35x18xf64>) attributes {check.gradient = false} {
  %y = dl.transpose %x {permutation = [0, 2, 1]}
  dl.return %y
}

dl.model @integer_edges(%x: tensor<35x18xi32>) {
  %y = dl.transpose %x {permutation = [1, 0]}
  dl.return %y
}

dl.model @beside(%x: tensor<33x20xf32>, %z: tensor<20x33xf32>) attributes {check.gradient = false} {
  %a = dl.transpose %x {permutation = [1, 0]}
  %b = dl.tanh %z
  %y = dl.add %a, %b
  dl.return %y
}

dl.model @moved_far(%x: tensor<18x5x20xf32>) attributes {check.gradient = false} {
  %y = dl.transpose %x {permutation = [2, 1, 0]}
  dl.return %y
}

// -----

dl.model @short(%x: tensor<2x3xf32>) {
  // expected-error @below {{expected a permutation of the 2 dimensions, got [0]}}
  %y = dl.transpose %x {permutation = [0]}
  dl.return %y
}

// -----

dl.model @twice(%x: tensor<2x3xf32>) {
  // expected-error @below {{expected a permutation of the 2 dimensions, got [1, 1]}}
  %y = dl.transpose %x {permutation = [1, 1]}
  dl.return %y
}

// -----

dl.model @range(%x: tensor<2x3xf32>) {
  // expected-error @below {{expected a permutation of the 2 dimensions, got [0, 2]}}
  %y = dl.transpose %x {permutation = [0, 2]}
  dl.return %y
}

// -----

dl.model @no_permutation(%x: tensor<2x3xf32>) {
  // expected-error @below {{requires attribute 'permutation'}}
  %y = dl.transpose %x
  dl.return %y
}
