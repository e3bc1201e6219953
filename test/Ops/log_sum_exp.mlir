// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known(
// CHECK: dl.log_sum_exp %x
dl.model @known(%x: tensor<2x3xf32>) attributes {
    check.value.x = dense<[[1.0, 2.0, 3.0], [0.0, -1.0, 4.0]]> : tensor<2x3xf32>,
    check.expect.y = dense<[3.40760589, 4.02474499]> : tensor<2xf32>} {
  %y = dl.log_sum_exp %x {axes = [1]}
  dl.return %y
}

// CHECK-LABEL: dl.model @all(
// CHECK: dl.log_sum_exp %x
dl.model @all(%x: tensor<2x3xf32>) attributes {
    check.value.x = dense<[[1.0, 2.0, 3.0], [0.0, -1.0, 4.0]]> : tensor<2x3xf32>,
    check.expect.y = dense<4.45619345> : tensor<f32>} {
  %y = dl.log_sum_exp %x
  dl.return %y
}

dl.model @infinite(%x: tensor<3x2xf32>) attributes {
    check.value.x = dense<[[0xFF800000, 0xFF800000], [0x7F800000, 1.0], [1000.0, 0x7FC00000]]> : tensor<3x2xf32>,
    check.expect.y = dense<[0xFF800000, 0x7F800000, 0x7FC00000]> : tensor<3xf32>,
    check.gradient = false} {
  %y = dl.log_sum_exp %x {axes = [1]}
  dl.return %y
}

dl.model @large(%x: tensor<2x2xf32>) attributes {
    check.value.x = dense<[[1000.0, 1000.0], [-1000.0, -1000.0]]> : tensor<2x2xf32>,
    check.expect.y = dense<[1000.69315, -999.306853]> : tensor<2xf32>,
    check.gradient = false} {
  %y = dl.log_sum_exp %x {axes = [1]}
  dl.return %y
}

// CHECK-LABEL: dl.model @keepdims(
// CHECK: dl.log_sum_exp %x
dl.model @keepdims(%x: tensor<5x19xf32>) {
  %r = dl.log_sum_exp %x {axes = [-1], keepdims = true}
  dl.return %r
}

// CHECK-LABEL: dl.model @first(
// CHECK: dl.log_sum_exp %x
dl.model @first(%x: tensor<5x3x7xf32>) {
  %r = dl.log_sum_exp %x {axes = [0]}
  dl.return %r
}

// CHECK-LABEL: dl.model @two_axes(
// CHECK: dl.log_sum_exp %x
dl.model @two_axes(%x: tensor<3x5x7xf32>) {
  %r = dl.log_sum_exp %x {axes = [0, 2]}
  dl.return %r
}

// CHECK-LABEL: dl.model @scalar(
// CHECK: dl.log_sum_exp %x
dl.model @scalar(%x: tensor<f32>) {
  %r = dl.log_sum_exp %x
  dl.return %r
}

// CHECK-LABEL: dl.model @empty(
// CHECK: dl.log_sum_exp %x
dl.model @empty(%x: tensor<3x0xf32>) {
  %r = dl.log_sum_exp %x {axes = [1]}
  dl.return %r
}

// CHECK-LABEL: dl.model @long(
// CHECK: dl.log_sum_exp %x
dl.model @long(%x: tensor<3x1003xf32>) attributes {check.gradient = false} {
  %r = dl.log_sum_exp %x {axes = [1]}
  dl.return %r
}

// CHECK-LABEL: dl.model @wide(
// CHECK: dl.log_sum_exp %x
dl.model @wide(%x: tensor<3x17xf64>) {
  %r = dl.log_sum_exp %x {axes = [1]}
  dl.return %r
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: dl.log_sum_exp %x
dl.model @open_batch(%x: tensor<?x10xf32>) attributes {check.batch = [0, 1, 5]} {
  %r = dl.log_sum_exp %x {axes = [1]}
  dl.return %r
}

// Rows in groups, the last of which is short.
dl.model @grouped(%x: tensor<13x101xf32>) attributes {check.second_gradient = false} {
  %y = dl.log_sum_exp %x {axes = [1]}
  dl.return %y
}

// -----

dl.model @axis(%x: tensor<2x3xf32>) {
  // expected-error @below {{expected an axis in [-2, 2), got 2}}
  %r = dl.log_sum_exp %x {axes = [2]}
  dl.return %r
}

// -----

dl.model @twice(%x: tensor<2x3xf32>) {
  // expected-error @below {{expected distinct axes, got 1 twice}}
  %r = dl.log_sum_exp %x {axes = [1, -1]}
  dl.return %r
}
