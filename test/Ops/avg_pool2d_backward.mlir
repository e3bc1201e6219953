// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known(
// CHECK: dl.avg_pool2d_backward %g
dl.model @known(%g: tensor<1x1x2x2xf32>) attributes {
    check.value.g = dense<[[[[1.0, 2.0], [-3.0, 4.0]]]]> : tensor<1x1x2x2xf32>,
    check.expect.dx = dense<[[[[0.25, 0.75, 0.5], [0.25, 0.75, 0.5], [-0.75, 0.25, 1.0], [-0.75, 0.25, 1.0]]]]> : tensor<1x1x4x3xf32>} {
  %dx = dl.avg_pool2d_backward %g {kernel = [2, 2], strides = [2, 1], input_size = [4, 3]}
  dl.return %dx
}

// CHECK-LABEL: dl.model @shape0_nchw(
// CHECK: dl.avg_pool2d_backward %x
dl.model @shape0_nchw(%x: tensor<2x3x2x3xf32>) {
  %r = dl.avg_pool2d_backward %x {kernel = [2, 2], input_size = [4, 6]}
  dl.return %r
}

// CHECK-LABEL: dl.model @shape0_nhwc(
// CHECK: dl.avg_pool2d_backward %x
dl.model @shape0_nhwc(%x: tensor<2x2x3x19xf32>) attributes {check.second_gradient = false} {
  %r = dl.avg_pool2d_backward %x {kernel = [2, 2], input_size = [4, 6], layout = nhwc}
  dl.return %r
}

// CHECK-LABEL: dl.model @shape1_nchw(
// CHECK: dl.avg_pool2d_backward %x
dl.model @shape1_nchw(%x: tensor<2x3x2x3xf32>) {
  %r = dl.avg_pool2d_backward %x {kernel = [3, 3], strides = [2, 2], padding = [1, 1, 1, 1], input_size = [4, 6]}
  dl.return %r
}

// CHECK-LABEL: dl.model @shape1_nhwc(
// CHECK: dl.avg_pool2d_backward %x
dl.model @shape1_nhwc(%x: tensor<2x2x3x19xf32>) attributes {check.second_gradient = false} {
  %r = dl.avg_pool2d_backward %x {kernel = [3, 3], strides = [2, 2], padding = [1, 1, 1, 1], input_size = [4, 6], layout = nhwc}
  dl.return %r
}

// CHECK-LABEL: dl.model @shape2_nchw(
// CHECK: dl.avg_pool2d_backward %x
dl.model @shape2_nchw(%x: tensor<2x3x4x6xf32>) {
  %r = dl.avg_pool2d_backward %x {kernel = [3, 3], strides = [1, 1], padding = [1, 1, 1, 1], count_include_pad = false, input_size = [4, 6]}
  dl.return %r
}

// CHECK-LABEL: dl.model @shape2_nhwc(
// CHECK: dl.avg_pool2d_backward %x
dl.model @shape2_nhwc(%x: tensor<2x4x6x19xf32>) attributes {check.second_gradient = false} {
  %r = dl.avg_pool2d_backward %x {kernel = [3, 3], strides = [1, 1], padding = [1, 1, 1, 1], count_include_pad = false, input_size = [4, 6], layout = nhwc}
  dl.return %r
}

// CHECK-LABEL: dl.model @shape3_nchw(
// CHECK: dl.avg_pool2d_backward %x
dl.model @shape3_nchw(%x: tensor<2x3x2x4xf32>) {
  %r = dl.avg_pool2d_backward %x {kernel = [2, 3], strides = [2, 2], padding = [0, 1, 1, 2], dilation = [2, 1], input_size = [4, 6]}
  dl.return %r
}

// CHECK-LABEL: dl.model @shape3_nhwc(
// CHECK: dl.avg_pool2d_backward %x
dl.model @shape3_nhwc(%x: tensor<2x2x4x19xf32>) attributes {check.second_gradient = false} {
  %r = dl.avg_pool2d_backward %x {kernel = [2, 3], strides = [2, 2], padding = [0, 1, 1, 2], dilation = [2, 1], input_size = [4, 6], layout = nhwc}
  dl.return %r
}

// CHECK-LABEL: dl.model @shape4_nchw(
// CHECK: dl.avg_pool2d_backward %x
dl.model @shape4_nchw(%x: tensor<2x3x3x4xf32>) {
  %r = dl.avg_pool2d_backward %x {kernel = [3, 3], strides = [2, 2], padding = [1, 1, 1, 1], ceil_mode = true, input_size = [4, 6]}
  dl.return %r
}

// CHECK-LABEL: dl.model @shape4_nhwc(
// CHECK: dl.avg_pool2d_backward %x
dl.model @shape4_nhwc(%x: tensor<2x3x4x19xf32>) attributes {check.second_gradient = false} {
  %r = dl.avg_pool2d_backward %x {kernel = [3, 3], strides = [2, 2], padding = [1, 1, 1, 1], ceil_mode = true, input_size = [4, 6], layout = nhwc}
  dl.return %r
}

// CHECK-LABEL: dl.model @shape5_nchw(
// CHECK: dl.avg_pool2d_backward %x
dl.model @shape5_nchw(%x: tensor<2x3x1x1xf32>) {
  %r = dl.avg_pool2d_backward %x {kernel = [4, 6], input_size = [4, 6]}
  dl.return %r
}

// CHECK-LABEL: dl.model @shape5_nhwc(
// CHECK: dl.avg_pool2d_backward %x
dl.model @shape5_nhwc(%x: tensor<2x1x1x19xf32>) attributes {check.second_gradient = false} {
  %r = dl.avg_pool2d_backward %x {kernel = [4, 6], input_size = [4, 6], layout = nhwc}
  dl.return %r
}

// CHECK-LABEL: dl.model @shape6_nchw(
// CHECK: dl.avg_pool2d_backward %x
dl.model @shape6_nchw(%x: tensor<2x3x4x6xf32>) {
  %r = dl.avg_pool2d_backward %x {kernel = [5, 5], strides = [1, 1], padding = [2, 2, 2, 2], input_size = [4, 6]}
  dl.return %r
}

// CHECK-LABEL: dl.model @shape6_nhwc(
// CHECK: dl.avg_pool2d_backward %x
dl.model @shape6_nhwc(%x: tensor<2x4x6x19xf32>) attributes {check.second_gradient = false} {
  %r = dl.avg_pool2d_backward %x {kernel = [5, 5], strides = [1, 1], padding = [2, 2, 2, 2], input_size = [4, 6], layout = nhwc}
  dl.return %r
}

// A loop over vectors of channels, and a rest.
// CHECK-LABEL: dl.model @many_channels_nhwc(
// CHECK: tensor<1x9x4x83xf32>
dl.model @many_channels_nhwc(%g: tensor<1x9x4x83xf32>) attributes {check.second_gradient = false} {
  %y = dl.avg_pool2d_backward %g {kernel = [3, 2], strides = [1, 2], padding = [1, 0, 1, 0], dilation = [1, 1], input_size = [9, 8], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @many_channels_uncounted_nhwc(
// CHECK: tensor<1x9x4x83xf32>
dl.model @many_channels_uncounted_nhwc(%g: tensor<1x9x4x83xf32>) attributes {check.second_gradient = false} {
  %y = dl.avg_pool2d_backward %g {kernel = [3, 2], strides = [1, 2], padding = [1, 0, 1, 0], dilation = [1, 1], count_include_pad = false, input_size = [9, 8], layout = nhwc}
  dl.return %y
}

// More taps than are unrolled.
// CHECK-LABEL: dl.model @looped_taps_nhwc(
// CHECK: tensor<1x23x6x3xf32>
dl.model @looped_taps_nhwc(%g: tensor<1x23x6x3xf32>) attributes {check.second_gradient = false} {
  %y = dl.avg_pool2d_backward %g {kernel = [5, 5], strides = [1, 1], padding = [2, 2, 2, 2], dilation = [1, 1], input_size = [23, 6], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @looped_taps_uncounted_nhwc(
// CHECK: tensor<1x23x6x3xf32>
dl.model @looped_taps_uncounted_nhwc(%g: tensor<1x23x6x3xf32>) attributes {check.second_gradient = false} {
  %y = dl.avg_pool2d_backward %g {kernel = [5, 5], strides = [1, 1], padding = [2, 2, 2, 2], dilation = [1, 1], count_include_pad = false, input_size = [23, 6], layout = nhwc}
  dl.return %y
}

// More pixels between windows than are unrolled.
// CHECK-LABEL: dl.model @wide_stride_nhwc(
// CHECK: tensor<1x3x3x4xf32>
dl.model @wide_stride_nhwc(%g: tensor<1x3x3x4xf32>) attributes {check.second_gradient = false} {
  %y = dl.avg_pool2d_backward %g {kernel = [2, 2], strides = [5, 4], padding = [1, 1, 1, 1], dilation = [1, 1], input_size = [13, 11], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @wide_stride_uncounted_nhwc(
// CHECK: tensor<1x3x3x4xf32>
dl.model @wide_stride_uncounted_nhwc(%g: tensor<1x3x3x4xf32>) attributes {check.second_gradient = false} {
  %y = dl.avg_pool2d_backward %g {kernel = [2, 2], strides = [5, 4], padding = [1, 1, 1, 1], dilation = [1, 1], count_include_pad = false, input_size = [13, 11], layout = nhwc}
  dl.return %y
}

// Pixels that no window reaches.
// CHECK-LABEL: dl.model @gaps_nhwc(
// CHECK: tensor<1x4x4x6xf32>
dl.model @gaps_nhwc(%g: tensor<1x4x4x6xf32>) attributes {check.second_gradient = false} {
  %y = dl.avg_pool2d_backward %g {kernel = [2, 3], strides = [3, 4], padding = [0, 1, 1, 1], dilation = [1, 1], input_size = [11, 13], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @gaps_uncounted_nhwc(
// CHECK: tensor<1x4x4x6xf32>
dl.model @gaps_uncounted_nhwc(%g: tensor<1x4x4x6xf32>) attributes {check.second_gradient = false} {
  %y = dl.avg_pool2d_backward %g {kernel = [2, 3], strides = [3, 4], padding = [0, 1, 1, 1], dilation = [1, 1], count_include_pad = false, input_size = [11, 13], layout = nhwc}
  dl.return %y
}

// Taps of a pixel that are far apart.
// CHECK-LABEL: dl.model @dilated_strided_nhwc(
// CHECK: tensor<1x6x7x7xf32>
dl.model @dilated_strided_nhwc(%g: tensor<1x6x7x7xf32>) attributes {check.second_gradient = false} {
  %y = dl.avg_pool2d_backward %g {kernel = [3, 3], strides = [2, 2], padding = [2, 1, 1, 2], dilation = [3, 2], input_size = [14, 15], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @dilated_strided_uncounted_nhwc(
// CHECK: tensor<1x6x7x7xf32>
dl.model @dilated_strided_uncounted_nhwc(%g: tensor<1x6x7x7xf32>) attributes {check.second_gradient = false} {
  %y = dl.avg_pool2d_backward %g {kernel = [3, 3], strides = [2, 2], padding = [2, 1, 1, 2], dilation = [3, 2], count_include_pad = false, input_size = [14, 15], layout = nhwc}
  dl.return %y
}

// A last window that reaches behind the image.
// CHECK-LABEL: dl.model @ceil_mode_nhwc(
// CHECK: tensor<1x5x4x9xf32>
dl.model @ceil_mode_nhwc(%g: tensor<1x5x4x9xf32>) attributes {check.second_gradient = false} {
  %y = dl.avg_pool2d_backward %g {kernel = [3, 3], strides = [2, 2], padding = [0, 0, 0, 0], dilation = [1, 1], ceil_mode = true, input_size = [10, 8], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @ceil_mode_uncounted_nhwc(
// CHECK: tensor<1x5x4x9xf32>
dl.model @ceil_mode_uncounted_nhwc(%g: tensor<1x5x4x9xf32>) attributes {check.second_gradient = false} {
  %y = dl.avg_pool2d_backward %g {kernel = [3, 3], strides = [2, 2], padding = [0, 0, 0, 0], dilation = [1, 1], ceil_mode = true, count_include_pad = false, input_size = [10, 8], layout = nhwc}
  dl.return %y
}

// -----

dl.model @rank(%x: tensor<2x3x4xf32>) {
  // expected-error @below {{expected a cotangent of 4 dimensions, got 3}}
  %r = dl.avg_pool2d_backward %x {kernel = [2, 2], input_size = [2, 2]}
  dl.return %r
}

// -----

dl.model @size(%x: tensor<1x1x2x2xf32>) {
  // expected-error @below {{expected an input_size of 2 non-negative extents}}
  %r = dl.avg_pool2d_backward %x {kernel = [2, 2], input_size = [4]}
  dl.return %r
}

// -----

dl.model @shape(%x: tensor<1x1x2x2xf32>) {
  // expected-error @below {{expected a cotangent of type 'tensor<1x1x4x2xf32>', got 'tensor<1x1x2x2xf32>'}}
  %r = dl.avg_pool2d_backward %x {kernel = [2, 2], input_size = [8, 4]}
  dl.return %r
}
