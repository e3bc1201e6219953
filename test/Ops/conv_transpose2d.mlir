// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known(
// CHECK: dl.conv_transpose2d %x, %w, %b
dl.model @known(%x: tensor<1x2x2x2xf32>, %w: tensor<2x1x2x2xf32>, %b: tensor<1xf32>) attributes {
    check.value.x = dense<[[[[1.0, 2.0], [3.0, -1.0]], [[0.0, 1.0], [2.0, 1.0]]]]> : tensor<1x2x2x2xf32>,
    check.value.w = dense<[[[[1.0, 2.0], [0.0, -1.0]]], [[[2.0, 1.0], [1.0, 3.0]]]]> : tensor<2x1x2x2xf32>,
    check.value.b = dense<[0.5]> : tensor<1xf32>,
    check.expect.y = dense<[[[[0.5, 0.5, 1.5], [7.5, 9.5, -0.5], [2.5, 4.5, 4.5]]]]> : tensor<1x1x3x3xf32>} {
  %y = dl.conv_transpose2d %x, %w, %b {strides = [2, 1], padding = [1, 0, 1, 0], output_padding = [1, 0]}
  dl.return %y
}

// CHECK-LABEL: dl.model @nhwc(
// CHECK: dl.conv_transpose2d %x, %w
dl.model @nhwc(%x: tensor<1x2x2x2xf32>, %w: tensor<2x2x1x2xf32>) attributes {
    check.value.x = dense<[[[[1.0, 0.0], [2.0, 1.0]], [[3.0, 2.0], [-1.0, 1.0]]]]> : tensor<1x2x2x2xf32>,
    check.value.w = dense<[[[[1.0, 2.0]], [[2.0, 1.0]]], [[[0.0, 1.0]], [[-1.0, 3.0]]]]> : tensor<2x2x1x2xf32>,
    check.expect.y = dense<[[[[1.0], [2.0], [4.0], [5.0]], [[0.0], [-1.0], [1.0], [1.0]], [[7.0], [8.0], [1.0], [-1.0]], [[2.0], [3.0], [1.0], [4.0]]]]> : tensor<1x4x4x1xf32>} {
  %y = dl.conv_transpose2d %x, %w {strides = [2, 2], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @dilated(
// CHECK: dl.conv_transpose2d %x, %y, %z
dl.model @dilated(%x: tensor<2x4x3x5xf32>, %y: tensor<4x3x3x3xf32>, %z: tensor<3xf32>) attributes {check.second_gradient = false} {
  %r = dl.conv_transpose2d %x, %y, %z {strides = [2, 2], padding = [1, 1, 1, 1], dilation = [2, 1], output_padding = [1, 1]}
  dl.return %r
}

// CHECK-LABEL: dl.model @groups(
// CHECK: dl.conv_transpose2d %x, %y, %z
dl.model @groups(%x: tensor<2x4x3x3xf32>, %y: tensor<4x3x2x2xf32>, %z: tensor<6xf32>) attributes {check.second_gradient = false} {
  %r = dl.conv_transpose2d %x, %y, %z {groups = 2}
  dl.return %r
}

// CHECK-LABEL: dl.model @depthwise(
// CHECK: dl.conv_transpose2d %x, %y
dl.model @depthwise(%x: tensor<1x5x6x3xf32>, %y: tensor<3x3x1x3xf32>) attributes {check.second_gradient = false} {
  %r = dl.conv_transpose2d %x, %y {groups = 3, strides = [2, 2], layout = nhwc}
  dl.return %r
}

// CHECK-LABEL: dl.model @wide(
// CHECK: dl.conv_transpose2d %x, %y
dl.model @wide(%x: tensor<1x2x3x3xf64>, %y: tensor<2x1x2x2xf64>) {
  %r = dl.conv_transpose2d %x, %y
  dl.return %r
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: dl.conv_transpose2d %x, %y
dl.model @open_batch(%x: tensor<?x2x3x3xf32>, %y: tensor<2x1x2x2xf32>) attributes {check.batch = [0, 1, 3]} {
  %r = dl.conv_transpose2d %x, %y
  dl.return %r
}

// -----

dl.model @channels(%x: tensor<1x2x3x3xf32>, %y: tensor<3x1x2x2xf32>) {
  // expected-error @below {{expected 3 input channels (as of the weight), got 2}}
  %r = dl.conv_transpose2d %x, %y
  dl.return %r
}

// -----

dl.model @output_padding(%x: tensor<1x2x3x3xf32>, %y: tensor<2x1x2x2xf32>) {
  // expected-error @below {{expected 'output_padding' in [0, 1), below the stride, got 1}}
  %r = dl.conv_transpose2d %x, %y {output_padding = [1, 0]}
  dl.return %r
}

// -----

dl.model @output_paddings(%x: tensor<1x2x3x3xf32>, %y: tensor<2x1x2x2xf32>) {
  // expected-error @below {{expected 2 integers as 'output_padding', got 1}}
  %r = dl.conv_transpose2d %x, %y {output_padding = [1]}
  dl.return %r
}

// -----

dl.model @result(%x: tensor<1x2x1x1xf32>, %y: tensor<2x1x2x2xf32>) {
  // expected-error @below {{expected a result of at least 1 element along its height, got 0}}
  %r = dl.conv_transpose2d %x, %y {padding = [1, 1, 1, 1]}
  dl.return %r
}

// -----

dl.model @open(%x: tensor<1x2x?x1xf32>, %y: tensor<2x1x2x2xf32>) {
  // expected-error @below {{expected a known height and width}}
  %r = dl.conv_transpose2d %x, %y
  dl.return %r
}

// -----

dl.model @bias(%x: tensor<1x2x3x3xf32>, %y: tensor<2x1x2x2xf32>, %z: tensor<2xf32>) {
  // expected-error @below {{expected a bias of shape 1, got 2}}
  %r = dl.conv_transpose2d %x, %y, %z
  dl.return %r
}

// -----

dl.model @rank(%x: tensor<2x3x3xf32>, %y: tensor<2x1x2x2xf32>) {
  // expected-error @below {{expected an input of 4 dimensions, got 3}}
  %r = dl.conv_transpose2d %x, %y
  dl.return %r
}

// -----

dl.model @overflow(%x: tensor<1x1x1000000000000000000x1xf32>, %y: tensor<1x1x2x2xf32>) {
  // expected-error @below {{expected a result of less than 2^63 elements along its height}}
  %r = dl.conv_transpose2d %x, %y {strides = [10, 1]}
  dl.return %r
}

// -----

dl.model @groups(%x: tensor<1x4x3x3xf32>, %y: tensor<4x3x2x2xf32>) {
  // expected-error @below {{expected less than 2^63 channels, got 4611686018427387904 groups of 3}}
  %r = dl.conv_transpose2d %x, %y {groups = 4611686018427387904}
  dl.return %r
}
