// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known(
// CHECK: dl.avg_pool2d %x
dl.model @known(%x: tensor<1x1x4x3xf32>) attributes {
    check.value.x = dense<[[[[1.0, 2.0, 0.0], [3.0, 3.0, -1.0], [0.0, 5.0, 5.0], [5.0, -2.0, 4.0]]]]> : tensor<1x1x4x3xf32>,
    check.expect.y = dense<[[[[2.25, 1.0], [2.0, 3.0]]]]> : tensor<1x1x2x2xf32>} {
  %y = dl.avg_pool2d %x {kernel = [2, 2], strides = [2, 1]}
  dl.return %y
}

// CHECK-LABEL: dl.model @padded(
// CHECK: dl.avg_pool2d %x
dl.model @padded(%x: tensor<1x1x4x3xf32>) attributes {
    check.value.x = dense<[[[[1.0, 2.0, 0.0], [3.0, 3.0, -1.0], [0.0, 5.0, 5.0], [5.0, -2.0, 4.0]]]]> : tensor<1x1x4x3xf32>,
    check.expect.y = dense<[[[[0.25, 0.5], [0.75, 3.0], [1.25, 0.5]]]]> : tensor<1x1x3x2xf32>} {
  %y = dl.avg_pool2d %x {kernel = [2, 2], padding = [1, 1, 1, 1]}
  dl.return %y
}

// CHECK-LABEL: dl.model @not_counted(
// CHECK: dl.avg_pool2d %x
dl.model @not_counted(%x: tensor<1x1x4x3xf32>) attributes {
    check.value.x = dense<[[[[1.0, 2.0, 0.0], [3.0, 3.0, -1.0], [0.0, 5.0, 5.0], [5.0, -2.0, 4.0]]]]> : tensor<1x1x4x3xf32>,
    check.expect.y = dense<[[[[1.0, 1.0], [1.5, 3.0], [5.0, 1.0]]]]> : tensor<1x1x3x2xf32>} {
  %y = dl.avg_pool2d %x {kernel = [2, 2], padding = [1, 1, 1, 1], count_include_pad = false}
  dl.return %y
}

// CHECK-LABEL: dl.model @ceil_mode(
// CHECK: dl.avg_pool2d %x
dl.model @ceil_mode(%x: tensor<1x1x4x3xf32>) attributes {
    check.value.x = dense<[[[[1.0, 2.0, 0.0], [3.0, 3.0, -1.0], [0.0, 5.0, 5.0], [5.0, -2.0, 4.0]]]]> : tensor<1x1x4x3xf32>,
    check.expect.y = dense<[[[[0.666666687, 0.666666687], [0.833333313, 2.0]]]]> : tensor<1x1x2x2xf32>} {
  %y = dl.avg_pool2d %x {kernel = [3, 2], padding = [1, 1, 1, 1], ceil_mode = true}
  dl.return %y
}

// CHECK-LABEL: dl.model @nhwc(
// CHECK: dl.avg_pool2d %x
dl.model @nhwc(%x: tensor<1x4x3x1xf32>) attributes {
    check.value.x = dense<[[[[1.0], [2.0], [0.0]], [[3.0], [3.0], [-1.0]], [[0.0], [5.0], [5.0]], [[5.0], [-2.0], [4.0]]]]> : tensor<1x4x3x1xf32>,
    check.expect.y = dense<[[[[2.25], [1.0]], [[2.0], [3.0]]]]> : tensor<1x2x2x1xf32>} {
  %y = dl.avg_pool2d %x {kernel = [2, 2], strides = [2, 1], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @shape0_nchw(
// CHECK: dl.avg_pool2d %x
dl.model @shape0_nchw(%x: tensor<2x3x4x6xf32>) {
  %r = dl.avg_pool2d %x {kernel = [2, 2]}
  dl.return %r
}

// CHECK-LABEL: dl.model @shape0_nhwc(
// CHECK: dl.avg_pool2d %x
dl.model @shape0_nhwc(%x: tensor<2x4x6x19xf32>) attributes {check.second_gradient = false} {
  %r = dl.avg_pool2d %x {kernel = [2, 2], layout = nhwc}
  dl.return %r
}

// CHECK-LABEL: dl.model @shape1_nchw(
// CHECK: dl.avg_pool2d %x
dl.model @shape1_nchw(%x: tensor<2x3x4x6xf32>) {
  %r = dl.avg_pool2d %x {kernel = [3, 3], strides = [2, 2], padding = [1, 1, 1, 1]}
  dl.return %r
}

// CHECK-LABEL: dl.model @shape1_nhwc(
// CHECK: dl.avg_pool2d %x
dl.model @shape1_nhwc(%x: tensor<2x4x6x19xf32>) attributes {check.second_gradient = false} {
  %r = dl.avg_pool2d %x {kernel = [3, 3], strides = [2, 2], padding = [1, 1, 1, 1], layout = nhwc}
  dl.return %r
}

// CHECK-LABEL: dl.model @shape2_nchw(
// CHECK: dl.avg_pool2d %x
dl.model @shape2_nchw(%x: tensor<2x3x4x6xf32>) {
  %r = dl.avg_pool2d %x {kernel = [3, 3], strides = [1, 1], padding = [1, 1, 1, 1], count_include_pad = false}
  dl.return %r
}

// CHECK-LABEL: dl.model @shape2_nhwc(
// CHECK: dl.avg_pool2d %x
dl.model @shape2_nhwc(%x: tensor<2x4x6x19xf32>) attributes {check.second_gradient = false} {
  %r = dl.avg_pool2d %x {kernel = [3, 3], strides = [1, 1], padding = [1, 1, 1, 1], count_include_pad = false, layout = nhwc}
  dl.return %r
}

// CHECK-LABEL: dl.model @shape3_nchw(
// CHECK: dl.avg_pool2d %x
dl.model @shape3_nchw(%x: tensor<2x3x4x6xf32>) {
  %r = dl.avg_pool2d %x {kernel = [2, 3], strides = [2, 2], padding = [0, 1, 1, 2], dilation = [2, 1]}
  dl.return %r
}

// CHECK-LABEL: dl.model @shape3_nhwc(
// CHECK: dl.avg_pool2d %x
dl.model @shape3_nhwc(%x: tensor<2x4x6x19xf32>) attributes {check.second_gradient = false} {
  %r = dl.avg_pool2d %x {kernel = [2, 3], strides = [2, 2], padding = [0, 1, 1, 2], dilation = [2, 1], layout = nhwc}
  dl.return %r
}

// CHECK-LABEL: dl.model @shape4_nchw(
// CHECK: dl.avg_pool2d %x
dl.model @shape4_nchw(%x: tensor<2x3x4x6xf32>) {
  %r = dl.avg_pool2d %x {kernel = [3, 3], strides = [2, 2], padding = [1, 1, 1, 1], ceil_mode = true}
  dl.return %r
}

// CHECK-LABEL: dl.model @shape4_nhwc(
// CHECK: dl.avg_pool2d %x
dl.model @shape4_nhwc(%x: tensor<2x4x6x19xf32>) attributes {check.second_gradient = false} {
  %r = dl.avg_pool2d %x {kernel = [3, 3], strides = [2, 2], padding = [1, 1, 1, 1], ceil_mode = true, layout = nhwc}
  dl.return %r
}

// CHECK-LABEL: dl.model @shape5_nchw(
// CHECK: dl.avg_pool2d %x
dl.model @shape5_nchw(%x: tensor<2x3x4x6xf32>) {
  %r = dl.avg_pool2d %x {kernel = [4, 6]}
  dl.return %r
}

// CHECK-LABEL: dl.model @shape5_nhwc(
// CHECK: dl.avg_pool2d %x
dl.model @shape5_nhwc(%x: tensor<2x4x6x19xf32>) attributes {check.second_gradient = false} {
  %r = dl.avg_pool2d %x {kernel = [4, 6], layout = nhwc}
  dl.return %r
}

// CHECK-LABEL: dl.model @shape6_nchw(
// CHECK: dl.avg_pool2d %x
dl.model @shape6_nchw(%x: tensor<2x3x4x6xf32>) {
  %r = dl.avg_pool2d %x {kernel = [5, 5], strides = [1, 1], padding = [2, 2, 2, 2]}
  dl.return %r
}

// CHECK-LABEL: dl.model @shape6_nhwc(
// CHECK: dl.avg_pool2d %x
dl.model @shape6_nhwc(%x: tensor<2x4x6x19xf32>) attributes {check.second_gradient = false} {
  %r = dl.avg_pool2d %x {kernel = [5, 5], strides = [1, 1], padding = [2, 2, 2, 2], layout = nhwc}
  dl.return %r
}

// CHECK-LABEL: dl.model @wide(
// CHECK: dl.avg_pool2d %x
dl.model @wide(%x: tensor<1x2x4x4xf64>) {
  %r = dl.avg_pool2d %x {kernel = [2, 2]}
  dl.return %r
}

// CHECK-LABEL: dl.model @empty(
// CHECK: dl.avg_pool2d %x
dl.model @empty(%x: tensor<0x2x4x4xf32>) {
  %r = dl.avg_pool2d %x {kernel = [2, 2]}
  dl.return %r
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: dl.avg_pool2d %x
dl.model @open_batch(%x: tensor<?x2x4x4xf32>) attributes {check.batch = [0, 1, 3]} {
  %r = dl.avg_pool2d %x {kernel = [2, 2]}
  dl.return %r
}

// -----

dl.model @rank(%x: tensor<2x3x4xf32>) {
  // expected-error @below {{expected an input of 4 dimensions, got 3}}
  %r = dl.avg_pool2d %x {kernel = [2, 2]}
  dl.return %r
}

// -----

dl.model @large(%x: tensor<1x1x4x4xf32>) {
  // expected-error @below {{expected a padded height of at least the window's 5, got 4}}
  %r = dl.avg_pool2d %x {kernel = [5, 5]}
  dl.return %r
}

// -----

dl.model @padding(%x: tensor<1x1x4x4xf32>) {
  // expected-error @below {{expected padding below the window's 2, got 2}}
  %r = dl.avg_pool2d %x {kernel = [2, 2], padding = [2, 0, 0, 0]}
  dl.return %r
}
