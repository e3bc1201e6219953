// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known_nchw(
// CHECK: %{{.*}} = dl.conv2d_backward_data %g, %w {{.*}} : tensor<1x1x3x3xf32>
dl.model @known_nchw(%g: tensor<1x1x2x2xf32>, %w: tensor<1x1x2x2xf32>) attributes {
    check.value.g = dense<[[[[1.0, 0.0], [0.0, 2.0]]]]> : tensor<1x1x2x2xf32>,
    check.value.w = dense<[[[[1.0, 2.0], [3.0, -1.0]]]]> : tensor<1x1x2x2xf32>,
    check.expect.y = dense<[[[[1.0, 2.0, 0.0], [3.0, 1.0, 4.0], [0.0, 6.0, -2.0]]]]> : tensor<1x1x3x3xf32>,
    check.exact} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [3, 3]}
  dl.return %y
}

// CHECK-LABEL: dl.model @known_nhwc(
// CHECK: %{{.*}} = dl.conv2d_backward_data %g, %w {{.*}} : tensor<1x3x3x1xf32>
dl.model @known_nhwc(%g: tensor<1x2x2x1xf32>, %w: tensor<2x2x1x1xf32>) attributes {
    check.value.g = dense<[[[[1.0], [0.0]], [[0.0], [2.0]]]]> : tensor<1x2x2x1xf32>,
    check.value.w = dense<[[[[1.0]], [[2.0]]], [[[3.0]], [[-1.0]]]]> : tensor<2x2x1x1xf32>,
    check.expect.y = dense<[[[[1.0], [2.0], [0.0]], [[3.0], [1.0], [4.0]], [[0.0], [6.0], [-2.0]]]]> : tensor<1x3x3x1xf32>,
    check.exact} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [3, 3], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @one_nchw(
// CHECK: tensor<1x1x1x1xf32>
dl.model @one_nchw(%g: tensor<1x1x1x1xf32>, %w: tensor<1x1x1x1xf32>) {
  %y = dl.conv2d_backward_data %g, %w {input_size = [1, 1]}
  dl.return %y
}

// CHECK-LABEL: dl.model @one_nhwc(
// CHECK: tensor<1x1x1x1xf32>
dl.model @one_nhwc(%g: tensor<1x1x1x1xf32>, %w: tensor<1x1x1x1xf32>) {
  %y = dl.conv2d_backward_data %g, %w {input_size = [1, 1], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @pointwise_nchw(
// CHECK: tensor<2x3x3x4xf32>
dl.model @pointwise_nchw(%g: tensor<2x5x3x4xf32>, %w: tensor<5x3x1x1xf32>) attributes {check.second_gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [3, 4]}
  dl.return %y
}

// CHECK-LABEL: dl.model @pointwise_nhwc(
// CHECK: tensor<2x3x4x3xf32>
dl.model @pointwise_nhwc(%g: tensor<2x3x4x5xf32>, %w: tensor<1x1x3x5xf32>) attributes {check.second_gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [3, 4], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @same_nchw(
// CHECK: tensor<1x2x5x4xf32>
dl.model @same_nchw(%g: tensor<1x3x5x4xf32>, %w: tensor<3x2x3x3xf32>) attributes {check.second_gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [5, 4], padding = [1, 1, 1, 1]}
  dl.return %y
}

// CHECK-LABEL: dl.model @same_nhwc(
// CHECK: tensor<1x5x4x2xf32>
dl.model @same_nhwc(%g: tensor<1x5x4x3xf32>, %w: tensor<3x3x2x3xf32>) attributes {check.second_gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [5, 4], padding = [1, 1, 1, 1], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @asymmetric_nchw(
// CHECK: tensor<1x2x4x5xf32>
dl.model @asymmetric_nchw(%g: tensor<1x2x4x5xf32>, %w: tensor<2x2x3x2xf32>) {
  %y = dl.conv2d_backward_data %g, %w {input_size = [4, 5], padding = [0, 1, 2, 0]}
  dl.return %y
}

// CHECK-LABEL: dl.model @asymmetric_nhwc(
// CHECK: tensor<1x4x5x2xf32>
dl.model @asymmetric_nhwc(%g: tensor<1x4x5x2xf32>, %w: tensor<3x2x2x2xf32>) {
  %y = dl.conv2d_backward_data %g, %w {input_size = [4, 5], padding = [0, 1, 2, 0], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @strided_nchw(
// CHECK: tensor<2x2x6x5xf32>
dl.model @strided_nchw(%g: tensor<2x3x2x2xf32>, %w: tensor<3x2x3x2xf32>) attributes {check.second_gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [6, 5], strides = [2, 3]}
  dl.return %y
}

// CHECK-LABEL: dl.model @strided_nhwc(
// CHECK: tensor<2x6x5x2xf32>
dl.model @strided_nhwc(%g: tensor<2x2x2x3xf32>, %w: tensor<3x2x2x3xf32>) attributes {check.second_gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [6, 5], strides = [2, 3], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @strided_padded_nchw(
// CHECK: tensor<1x2x5x6xf32>
dl.model @strided_padded_nchw(%g: tensor<1x3x3x3xf32>, %w: tensor<3x2x3x3xf32>) attributes {check.second_gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [5, 6], strides = [2, 2], padding = [1, 0, 1, 2]}
  dl.return %y
}

// CHECK-LABEL: dl.model @strided_padded_nhwc(
// CHECK: tensor<1x5x6x2xf32>
dl.model @strided_padded_nhwc(%g: tensor<1x3x3x3xf32>, %w: tensor<3x3x2x3xf32>) attributes {check.second_gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [5, 6], strides = [2, 2], padding = [1, 0, 1, 2], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @dilated_nchw(
// CHECK: tensor<1x2x7x6xf32>
dl.model @dilated_nchw(%g: tensor<1x2x3x3xf32>, %w: tensor<2x2x3x2xf32>) attributes {check.second_gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [7, 6], dilation = [2, 3]}
  dl.return %y
}

// CHECK-LABEL: dl.model @dilated_nhwc(
// CHECK: tensor<1x7x6x2xf32>
dl.model @dilated_nhwc(%g: tensor<1x3x3x2xf32>, %w: tensor<3x2x2x2xf32>) attributes {check.second_gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [7, 6], dilation = [2, 3], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @dilated_strided_nchw(
// CHECK: tensor<1x1x8x7xf32>
dl.model @dilated_strided_nchw(%g: tensor<1x2x3x6xf32>, %w: tensor<2x1x2x3xf32>) {
  %y = dl.conv2d_backward_data %g, %w {input_size = [8, 7], strides = [2, 1], padding = [1, 2, 0, 1], dilation = [3, 2]}
  dl.return %y
}

// CHECK-LABEL: dl.model @dilated_strided_nhwc(
// CHECK: tensor<1x8x7x1xf32>
dl.model @dilated_strided_nhwc(%g: tensor<1x3x6x2xf32>, %w: tensor<2x3x1x2xf32>) {
  %y = dl.conv2d_backward_data %g, %w {input_size = [8, 7], strides = [2, 1], padding = [1, 2, 0, 1], dilation = [3, 2], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @grouped_nchw(
// CHECK: tensor<1x4x4x4xf32>
dl.model @grouped_nchw(%g: tensor<1x6x3x3xf32>, %w: tensor<6x2x2x2xf32>) attributes {check.second_gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [4, 4], groups = 2}
  dl.return %y
}

// CHECK-LABEL: dl.model @grouped_nhwc(
// CHECK: tensor<1x4x4x4xf32>
dl.model @grouped_nhwc(%g: tensor<1x3x3x6xf32>, %w: tensor<2x2x2x6xf32>) attributes {check.second_gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [4, 4], groups = 2, layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @depthwise_nchw(
// CHECK: tensor<1x5x4x4xf32>
dl.model @depthwise_nchw(%g: tensor<1x5x4x4xf32>, %w: tensor<5x1x3x3xf32>) attributes {check.second_gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [4, 4], padding = [1, 1, 1, 1], groups = 5}
  dl.return %y
}

// CHECK-LABEL: dl.model @depthwise_nhwc(
// CHECK: tensor<1x4x4x5xf32>
dl.model @depthwise_nhwc(%g: tensor<1x4x4x5xf32>, %w: tensor<3x3x1x5xf32>) attributes {check.second_gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [4, 4], padding = [1, 1, 1, 1], groups = 5, layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @multiplied_nchw(
// CHECK: tensor<1x3x4x4xf32>
dl.model @multiplied_nchw(%g: tensor<1x6x2x2xf32>, %w: tensor<6x1x2x2xf32>) {
  %y = dl.conv2d_backward_data %g, %w {input_size = [4, 4], strides = [2, 2], groups = 3}
  dl.return %y
}

// CHECK-LABEL: dl.model @multiplied_nhwc(
// CHECK: tensor<1x4x4x3xf32>
dl.model @multiplied_nhwc(%g: tensor<1x2x2x6xf32>, %w: tensor<2x2x1x6xf32>) {
  %y = dl.conv2d_backward_data %g, %w {input_size = [4, 4], strides = [2, 2], groups = 3, layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @everything_nchw(
// CHECK: tensor<2x4x6x7xf32>
dl.model @everything_nchw(%g: tensor<2x4x4x3xf32>, %w: tensor<4x2x3x2xf32>) attributes {check.second_gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [6, 7], strides = [2, 3], padding = [2, 0, 1, 3], dilation = [1, 2], groups = 2}
  dl.return %y
}

// CHECK-LABEL: dl.model @everything_nhwc(
// CHECK: tensor<2x6x7x4xf32>
dl.model @everything_nhwc(%g: tensor<2x4x3x4xf32>, %w: tensor<3x2x2x4xf32>) attributes {check.second_gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [6, 7], strides = [2, 3], padding = [2, 0, 1, 3], dilation = [1, 2], groups = 2, layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @unused_rows_nchw(
// CHECK: tensor<1x1x6x6xf32>
dl.model @unused_rows_nchw(%g: tensor<1x1x2x2xf32>, %w: tensor<1x1x2x2xf32>) {
  %y = dl.conv2d_backward_data %g, %w {input_size = [6, 6], strides = [3, 3]}
  dl.return %y
}

// CHECK-LABEL: dl.model @unused_rows_nhwc(
// CHECK: tensor<1x6x6x1xf32>
dl.model @unused_rows_nhwc(%g: tensor<1x2x2x1xf32>, %w: tensor<2x2x1x1xf32>) {
  %y = dl.conv2d_backward_data %g, %w {input_size = [6, 6], strides = [3, 3], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @window_in_padding_nchw(
// CHECK: tensor<1x1x2x2xf32>
dl.model @window_in_padding_nchw(%g: tensor<1x1x4x4xf32>, %w: tensor<1x1x2x2xf32>) {
  %y = dl.conv2d_backward_data %g, %w {input_size = [2, 2], padding = [3, 0, 0, 3]}
  dl.return %y
}

// CHECK-LABEL: dl.model @window_in_padding_nhwc(
// CHECK: tensor<1x2x2x1xf32>
dl.model @window_in_padding_nhwc(%g: tensor<1x4x4x1xf32>, %w: tensor<2x2x1x1xf32>) {
  %y = dl.conv2d_backward_data %g, %w {input_size = [2, 2], padding = [3, 0, 0, 3], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @empty_nchw(
// CHECK: tensor<0x2x4x4xf32>
dl.model @empty_nchw(%g: tensor<0x3x2x2xf32>, %w: tensor<3x2x3x3xf32>) {
  %y = dl.conv2d_backward_data %g, %w {input_size = [4, 4]}
  dl.return %y
}

// CHECK-LABEL: dl.model @empty_nhwc(
// CHECK: tensor<0x4x4x2xf32>
dl.model @empty_nhwc(%g: tensor<0x2x2x3xf32>, %w: tensor<3x3x2x3xf32>) {
  %y = dl.conv2d_backward_data %g, %w {input_size = [4, 4], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @large_nchw(
// CHECK: tensor<2x5x9x11xf32>
dl.model @large_nchw(%g: tensor<2x19x9x11xf32>, %w: tensor<19x5x3x3xf32>) attributes {check.gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [9, 11], padding = [1, 1, 1, 1]}
  dl.return %y
}

// CHECK-LABEL: dl.model @large_nhwc(
// CHECK: tensor<2x9x11x5xf32>
dl.model @large_nhwc(%g: tensor<2x9x11x19xf32>, %w: tensor<3x3x5x19xf32>) attributes {check.gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [9, 11], padding = [1, 1, 1, 1], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @large_strided_nchw(
// CHECK: tensor<2x16x9x10xf32>
dl.model @large_strided_nchw(%g: tensor<2x33x5x5xf32>, %w: tensor<33x16x3x3xf32>) attributes {check.gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [9, 10], strides = [2, 2], padding = [1, 1, 1, 1]}
  dl.return %y
}

// CHECK-LABEL: dl.model @large_strided_nhwc(
// CHECK: tensor<2x9x10x16xf32>
dl.model @large_strided_nhwc(%g: tensor<2x5x5x33xf32>, %w: tensor<3x3x16x33xf32>) attributes {check.gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [9, 10], strides = [2, 2], padding = [1, 1, 1, 1], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @large_grouped_nchw(
// CHECK: tensor<2x32x7x6xf32>
dl.model @large_grouped_nchw(%g: tensor<2x48x7x6xf32>, %w: tensor<48x16x3x2xf32>) attributes {check.gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [7, 6], padding = [1, 0, 1, 1], groups = 2}
  dl.return %y
}

// CHECK-LABEL: dl.model @large_grouped_nhwc(
// CHECK: tensor<2x7x6x32xf32>
dl.model @large_grouped_nhwc(%g: tensor<2x7x6x48xf32>, %w: tensor<3x2x16x48xf32>) attributes {check.gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [7, 6], padding = [1, 0, 1, 1], groups = 2, layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @large_depthwise_nchw(
// CHECK: tensor<2x35x7x6xf32>
dl.model @large_depthwise_nchw(%g: tensor<2x35x5x3xf32>, %w: tensor<35x1x3x3xf32>) attributes {check.gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [7, 6], strides = [1, 2], padding = [1, 1, 1, 1], dilation = [2, 1], groups = 35}
  dl.return %y
}

// CHECK-LABEL: dl.model @large_depthwise_nhwc(
// CHECK: tensor<2x7x6x35xf32>
dl.model @large_depthwise_nhwc(%g: tensor<2x5x3x35xf32>, %w: tensor<3x3x1x35xf32>) attributes {check.gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [7, 6], strides = [1, 2], padding = [1, 1, 1, 1], dilation = [2, 1], groups = 35, layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @five_nchw(
// CHECK: tensor<3x1x12x12xf32>
dl.model @five_nchw(%g: tensor<3x32x8x8xf32>, %w: tensor<32x1x5x5xf32>) attributes {check.gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [12, 12]}
  dl.return %y
}

// CHECK-LABEL: dl.model @five_nhwc(
// CHECK: tensor<3x12x12x1xf32>
dl.model @five_nhwc(%g: tensor<3x8x8x32xf32>, %w: tensor<5x5x1x32xf32>) attributes {check.gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [12, 12], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: tensor<?x4x5x2xf32>
dl.model @open_batch(%g: tensor<?x2x3x4xf32>, %w: tensor<3x3x2x4xf32>) attributes {
    check.batch = [0, 1, 2],
    check.second_gradient = false} {
  %y = dl.conv2d_backward_data %g, %w {input_size = [4, 5], layout = nhwc}
  dl.return %y
}

// -----

dl.model @strides_length(%g: tensor<1x3x3x3xf32>, %w: tensor<3x2x3x3xf32>) {
  // expected-error @below {{expected 2 integers as 'strides', got 1}}
  %y = dl.conv2d_backward_data %g, %w {input_size = [5, 5], strides = [2]}
  dl.return %y
}

// -----

dl.model @strides_zero(%g: tensor<1x3x3x3xf32>, %w: tensor<3x2x3x3xf32>) {
  // expected-error @below {{expected 'strides' in [1, 16777216], got 0}}
  %y = dl.conv2d_backward_data %g, %w {input_size = [5, 5], strides = [1, 0]}
  dl.return %y
}

// -----

dl.model @padding_length(%g: tensor<1x3x3x3xf32>, %w: tensor<3x2x3x3xf32>) {
  // expected-error @below {{expected 4 integers as 'padding', got 2}}
  %y = dl.conv2d_backward_data %g, %w {input_size = [5, 5], padding = [1, 1]}
  dl.return %y
}

// -----

dl.model @padding_negative(%g: tensor<1x3x3x3xf32>, %w: tensor<3x2x3x3xf32>) {
  // expected-error @below {{expected 'padding' in [0, 16777216], got -1}}
  %y = dl.conv2d_backward_data %g, %w {input_size = [5, 5], padding = [0, 0, -1, 0]}
  dl.return %y
}

// -----

dl.model @padding_huge(%g: tensor<1x3x3x3xf32>, %w: tensor<3x2x3x3xf32>) {
  // expected-error @below {{expected 'padding' in [0, 16777216], got 9223372036854775807}}
  %y = dl.conv2d_backward_data %g, %w {input_size = [5, 5], padding = [0, 0, 9223372036854775807, 0]}
  dl.return %y
}

// -----

dl.model @dilation_length(%g: tensor<1x3x3x3xf32>, %w: tensor<3x2x3x3xf32>) {
  // expected-error @below {{expected 2 integers as 'dilation', got 3}}
  %y = dl.conv2d_backward_data %g, %w {input_size = [5, 5], dilation = [1, 1, 1]}
  dl.return %y
}

// -----

dl.model @dilation_zero(%g: tensor<1x3x3x3xf32>, %w: tensor<3x2x3x3xf32>) {
  // expected-error @below {{expected 'dilation' in [1, 16777216], got 0}}
  %y = dl.conv2d_backward_data %g, %w {input_size = [5, 5], dilation = [0, 1]}
  dl.return %y
}

// -----

dl.model @layout(%g: tensor<1x3x3x3xf32>, %w: tensor<3x2x3x3xf32>) {
  // expected-error @below {{attribute 'layout' failed to satisfy constraint: string attribute one of nchw, nhwc}}
  %y = dl.conv2d_backward_data %g, %w {input_size = [5, 5], layout = chwn}
  dl.return %y
}

// -----

dl.model @groups_zero(%g: tensor<1x3x3x3xf32>, %w: tensor<3x2x3x3xf32>) {
  // expected-error @below {{attribute 'groups' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
  %y = dl.conv2d_backward_data %g, %w {input_size = [5, 5], groups = 0}
  dl.return %y
}

// -----

dl.model @element_types(%g: tensor<1x3x3x3xf32>, %w: tensor<3x2x3x3xf64>) {
  // expected-error @below {{expected operands of one element type, got 'f32' and 'f64'}}
  %y = dl.conv2d_backward_data %g, %w {input_size = [5, 5]}
  dl.return %y
}

// -----

dl.model @cotangent_rank(%g: tensor<3x3x3xf32>, %w: tensor<3x2x3x3xf32>) {
  // expected-error @below {{expected a cotangent of 4 dimensions, got 3}}
  %y = dl.conv2d_backward_data %g, %w {input_size = [5, 5]}
  dl.return %y
}

// -----

dl.model @weight_rank(%g: tensor<1x3x3x3xf32>, %w: tensor<2x3x3xf32>) {
  // expected-error @below {{expected a weight of 4 dimensions, got 3}}
  %y = dl.conv2d_backward_data %g, %w {input_size = [5, 5]}
  dl.return %y
}

// -----

dl.model @no_input_size(%g: tensor<1x3x3x3xf32>, %w: tensor<3x2x3x3xf32>) {
  // expected-error @below {{requires attribute 'input_size'}}
  %y = dl.conv2d_backward_data %g, %w
  dl.return %y
}

// -----

dl.model @input_size_length(%g: tensor<1x3x3x3xf32>, %w: tensor<3x2x3x3xf32>) {
  // expected-error @below {{expected an input_size of 2 non-negative extents}}
  %y = dl.conv2d_backward_data %g, %w {input_size = [5]}
  dl.return %y
}

// -----

dl.model @input_size_negative(%g: tensor<1x3x3x3xf32>, %w: tensor<3x2x3x3xf32>) {
  // expected-error @below {{expected an input_size of 2 non-negative extents}}
  %y = dl.conv2d_backward_data %g, %w {input_size = [5, -5]}
  dl.return %y
}

// -----

dl.model @height(%g: tensor<1x3x3x3xf32>, %w: tensor<3x2x3x3xf32>) {
  // expected-error @below {{expected a padded height of at least the window's 3, got 2}}
  %y = dl.conv2d_backward_data %g, %w {input_size = [2, 5]}
  dl.return %y
}

// -----

dl.model @groups(%g: tensor<1x3x3x3xf32>, %w: tensor<3x2x3x3xf32>) {
  // expected-error @below {{expected output channels divisible by 2 groups, got 3}}
  %y = dl.conv2d_backward_data %g, %w {input_size = [5, 5], groups = 2}
  dl.return %y
}

// -----

dl.model @cotangent(%g: tensor<1x3x3x2xf32>, %w: tensor<3x2x3x3xf32>) {
  // expected-error @below {{expected a cotangent of shape 1x3x3x3, got 1x3x3x2}}
  %y = dl.conv2d_backward_data %g, %w {input_size = [5, 5]}
  dl.return %y
}

// -----

dl.model @huge_groups(%x: tensor<1x4x3x3xf32>, %y: tensor<4x3x2x2xf32>) {
  // expected-error @below {{expected less than 2^63 channels, got 4611686018427387904 groups of 3}}
  %r = dl.conv2d_backward_data %x, %y {input_size = [4, 4], groups = 4611686018427387904}
  dl.return %r
}
