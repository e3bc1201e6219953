// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// A tie goes to the first largest element of the window.
// CHECK-LABEL: dl.model @known_nchw(
// CHECK: %{{.*}} = dl.max_pool2d_backward %x, %g {{.*}} : tensor<1x1x4x3xf32>
dl.model @known_nchw(%x: tensor<1x1x4x3xf32>, %g: tensor<1x1x2x2xf32>) attributes {
    check.value.x = dense<[[[[1.0, 2.0, 0.0], [3.0, 3.0, -1.0], [0.0, 5.0, 5.0], [5.0, -2.0, 4.0]]]]> : tensor<1x1x4x3xf32>,
    check.exact,
    check.gradient = false,
    check.value.g = dense<[[[[1.0, 10.0], [100.0, 1000.0]]]]> : tensor<1x1x2x2xf32>,
    check.expect.y = dense<[[[[0.0, 0.0, 0.0], [1.0, 10.0, 0.0], [0.0, 1100.0, 0.0], [0.0, 0.0, 0.0]]]]> : tensor<1x1x4x3xf32>} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2], strides = [2, 1]}
  dl.return %y
}

// A tie goes to the first largest element of the window.
// CHECK-LABEL: dl.model @known_nhwc(
// CHECK: %{{.*}} = dl.max_pool2d_backward %x, %g {{.*}} : tensor<1x4x3x1xf32>
dl.model @known_nhwc(%x: tensor<1x4x3x1xf32>, %g: tensor<1x2x2x1xf32>) attributes {
    check.value.x = dense<[[[[1.0], [2.0], [0.0]], [[3.0], [3.0], [-1.0]], [[0.0], [5.0], [5.0]], [[5.0], [-2.0], [4.0]]]]> : tensor<1x4x3x1xf32>,
    check.exact,
    check.gradient = false,
    check.value.g = dense<[[[[1.0], [10.0]], [[100.0], [1000.0]]]]> : tensor<1x2x2x1xf32>,
    check.expect.y = dense<[[[[0.0], [0.0], [0.0]], [[1.0], [10.0], [0.0]], [[0.0], [1100.0], [0.0]], [[0.0], [0.0], [0.0]]]]> : tensor<1x4x3x1xf32>} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2], strides = [2, 1], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @one_nchw(
// CHECK: tensor<1x1x1x1xf32>
dl.model @one_nchw(%x: tensor<1x1x1x1xf32>, %g: tensor<1x1x1x1xf32>) {
  %y = dl.max_pool2d_backward %x, %g {kernel = [1, 1]}
  dl.return %y
}

// CHECK-LABEL: dl.model @one_nhwc(
// CHECK: tensor<1x1x1x1xf32>
dl.model @one_nhwc(%x: tensor<1x1x1x1xf32>, %g: tensor<1x1x1x1xf32>) {
  %y = dl.max_pool2d_backward %x, %g {kernel = [1, 1], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @plain_nchw(
// CHECK: tensor<2x3x4x6xf32>
dl.model @plain_nchw(%x: tensor<2x3x4x6xf32>, %g: tensor<2x3x2x3xf32>) attributes {check.second_gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2]}
  dl.return %y
}

// CHECK-LABEL: dl.model @plain_ties_nchw(
// CHECK: tensor<2x3x4x6xf32>
dl.model @plain_ties_nchw(%x: tensor<2x3x4x6xf32>, %g: tensor<2x3x2x3xf32>) attributes {check.ties, check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2]}
  dl.return %y
}

// CHECK-LABEL: dl.model @plain_nhwc(
// CHECK: tensor<2x4x6x3xf32>
dl.model @plain_nhwc(%x: tensor<2x4x6x3xf32>, %g: tensor<2x2x3x3xf32>) attributes {check.second_gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @plain_ties_nhwc(
// CHECK: tensor<2x4x6x3xf32>
dl.model @plain_ties_nhwc(%x: tensor<2x4x6x3xf32>, %g: tensor<2x2x3x3xf32>) attributes {check.ties, check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @overlapping_nchw(
// CHECK: tensor<1x2x5x6xf32>
dl.model @overlapping_nchw(%x: tensor<1x2x5x6xf32>, %g: tensor<1x2x3x5xf32>) {
  %y = dl.max_pool2d_backward %x, %g {kernel = [3, 2], strides = [1, 1]}
  dl.return %y
}

// CHECK-LABEL: dl.model @overlapping_nhwc(
// CHECK: tensor<1x5x6x2xf32>
dl.model @overlapping_nhwc(%x: tensor<1x5x6x2xf32>, %g: tensor<1x3x5x2xf32>) {
  %y = dl.max_pool2d_backward %x, %g {kernel = [3, 2], strides = [1, 1], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @leftover_nchw(
// CHECK: tensor<1x2x5x7xf32>
dl.model @leftover_nchw(%x: tensor<1x2x5x7xf32>, %g: tensor<1x2x2x2xf32>) {
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 3]}
  dl.return %y
}

// CHECK-LABEL: dl.model @leftover_nhwc(
// CHECK: tensor<1x5x7x2xf32>
dl.model @leftover_nhwc(%x: tensor<1x5x7x2xf32>, %g: tensor<1x2x2x2xf32>) {
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 3], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @ceil_nchw(
// CHECK: tensor<1x2x5x6xf32>
dl.model @ceil_nchw(%x: tensor<1x2x5x6xf32>, %g: tensor<1x2x3x2xf32>) {
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2], strides = [2, 3], ceil_mode = true}
  dl.return %y
}

// CHECK-LABEL: dl.model @ceil_nhwc(
// CHECK: tensor<1x5x6x2xf32>
dl.model @ceil_nhwc(%x: tensor<1x5x6x2xf32>, %g: tensor<1x3x2x2xf32>) {
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2], strides = [2, 3], ceil_mode = true, layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @ceil_padded_nchw(
// CHECK: tensor<1x1x6x5xf32>
dl.model @ceil_padded_nchw(%x: tensor<1x1x6x5xf32>, %g: tensor<1x1x4x2xf32>) {
  %y = dl.max_pool2d_backward %x, %g {kernel = [3, 3], strides = [2, 3], padding = [1, 1, 1, 1], ceil_mode = true}
  dl.return %y
}

// CHECK-LABEL: dl.model @ceil_padded_nhwc(
// CHECK: tensor<1x6x5x1xf32>
dl.model @ceil_padded_nhwc(%x: tensor<1x6x5x1xf32>, %g: tensor<1x4x2x1xf32>) {
  %y = dl.max_pool2d_backward %x, %g {kernel = [3, 3], strides = [2, 3], padding = [1, 1, 1, 1], ceil_mode = true, layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @padded_nchw(
// CHECK: tensor<1x2x4x5xf32>
dl.model @padded_nchw(%x: tensor<1x2x4x5xf32>, %g: tensor<1x2x3x2xf32>) {
  %y = dl.max_pool2d_backward %x, %g {kernel = [3, 3], strides = [2, 2], padding = [1, 0, 2, 1]}
  dl.return %y
}

// CHECK-LABEL: dl.model @padded_ties_nchw(
// CHECK: tensor<1x2x4x5xf32>
dl.model @padded_ties_nchw(%x: tensor<1x2x4x5xf32>, %g: tensor<1x2x3x2xf32>) attributes {check.ties, check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [3, 3], strides = [2, 2], padding = [1, 0, 2, 1]}
  dl.return %y
}

// CHECK-LABEL: dl.model @padded_nhwc(
// CHECK: tensor<1x4x5x2xf32>
dl.model @padded_nhwc(%x: tensor<1x4x5x2xf32>, %g: tensor<1x3x2x2xf32>) {
  %y = dl.max_pool2d_backward %x, %g {kernel = [3, 3], strides = [2, 2], padding = [1, 0, 2, 1], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @padded_ties_nhwc(
// CHECK: tensor<1x4x5x2xf32>
dl.model @padded_ties_nhwc(%x: tensor<1x4x5x2xf32>, %g: tensor<1x3x2x2xf32>) attributes {check.ties, check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [3, 3], strides = [2, 2], padding = [1, 0, 2, 1], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @dilated_nchw(
// CHECK: tensor<1x1x6x7xf32>
dl.model @dilated_nchw(%x: tensor<1x1x6x7xf32>, %g: tensor<1x1x5x2xf32>) {
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 3], strides = [1, 2], padding = [1, 0, 0, 1], dilation = [2, 2]}
  dl.return %y
}

// CHECK-LABEL: dl.model @dilated_nhwc(
// CHECK: tensor<1x6x7x1xf32>
dl.model @dilated_nhwc(%x: tensor<1x6x7x1xf32>, %g: tensor<1x5x2x1xf32>) {
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 3], strides = [1, 2], padding = [1, 0, 0, 1], dilation = [2, 2], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @gaps_nchw(
// CHECK: tensor<1x1x7x7xf32>
dl.model @gaps_nchw(%x: tensor<1x1x7x7xf32>, %g: tensor<1x1x3x2xf32>) {
  %y = dl.max_pool2d_backward %x, %g {kernel = [1, 2], strides = [3, 4]}
  dl.return %y
}

// CHECK-LABEL: dl.model @gaps_nhwc(
// CHECK: tensor<1x7x7x1xf32>
dl.model @gaps_nhwc(%x: tensor<1x7x7x1xf32>, %g: tensor<1x3x2x1xf32>) {
  %y = dl.max_pool2d_backward %x, %g {kernel = [1, 2], strides = [3, 4], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @empty_nchw(
// CHECK: tensor<0x2x4x4xf32>
dl.model @empty_nchw(%x: tensor<0x2x4x4xf32>, %g: tensor<0x2x2x2xf32>) {
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2]}
  dl.return %y
}

// CHECK-LABEL: dl.model @empty_nhwc(
// CHECK: tensor<0x4x4x2xf32>
dl.model @empty_nhwc(%x: tensor<0x4x4x2xf32>, %g: tensor<0x2x2x2xf32>) {
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @large_nchw(
// CHECK: tensor<2x19x8x10xf32>
dl.model @large_nchw(%x: tensor<2x19x8x10xf32>, %g: tensor<2x19x4x5xf32>) attributes {check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2]}
  dl.return %y
}

// CHECK-LABEL: dl.model @large_nhwc(
// CHECK: tensor<2x8x10x19xf32>
dl.model @large_nhwc(%x: tensor<2x8x10x19xf32>, %g: tensor<2x4x5x19xf32>) attributes {check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @large_overlapping_nchw(
// CHECK: tensor<2x33x9x7xf32>
dl.model @large_overlapping_nchw(%x: tensor<2x33x9x7xf32>, %g: tensor<2x33x5x4xf32>) attributes {check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [3, 3], strides = [2, 2], padding = [1, 1, 1, 1]}
  dl.return %y
}

// CHECK-LABEL: dl.model @large_overlapping_ties_nchw(
// CHECK: tensor<2x33x9x7xf32>
dl.model @large_overlapping_ties_nchw(%x: tensor<2x33x9x7xf32>, %g: tensor<2x33x5x4xf32>) attributes {check.ties, check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [3, 3], strides = [2, 2], padding = [1, 1, 1, 1]}
  dl.return %y
}

// CHECK-LABEL: dl.model @large_overlapping_nhwc(
// CHECK: tensor<2x9x7x33xf32>
dl.model @large_overlapping_nhwc(%x: tensor<2x9x7x33xf32>, %g: tensor<2x5x4x33xf32>) attributes {check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [3, 3], strides = [2, 2], padding = [1, 1, 1, 1], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @large_overlapping_ties_nhwc(
// CHECK: tensor<2x9x7x33xf32>
dl.model @large_overlapping_ties_nhwc(%x: tensor<2x9x7x33xf32>, %g: tensor<2x5x4x33xf32>) attributes {check.ties, check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [3, 3], strides = [2, 2], padding = [1, 1, 1, 1], layout = nhwc}
  dl.return %y
}

// Several bands of rows, of which two compute the numbers of some windows.
// CHECK-LABEL: dl.model @bands_nhwc(
// CHECK: tensor<2x41x9x5xf32>
dl.model @bands_nhwc(%x: tensor<2x41x9x5xf32>, %g: tensor<2x21x5x5xf32>) attributes {check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [3, 3], strides = [2, 2], padding = [1, 1, 1, 1], dilation = [1, 1], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @bands_ties_nhwc(
// CHECK: tensor<2x41x9x5xf32>
dl.model @bands_ties_nhwc(%x: tensor<2x41x9x5xf32>, %g: tensor<2x21x5x5xf32>) attributes {check.ties, check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [3, 3], strides = [2, 2], padding = [1, 1, 1, 1], dilation = [1, 1], layout = nhwc}
  dl.return %y
}

// A loop over vectors of channels, and a rest.
// CHECK-LABEL: dl.model @many_channels_nhwc(
// CHECK: tensor<1x9x8x83xf32>
dl.model @many_channels_nhwc(%x: tensor<1x9x8x83xf32>, %g: tensor<1x9x4x83xf32>) attributes {check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [3, 2], strides = [1, 2], padding = [1, 0, 1, 0], dilation = [1, 1], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @many_channels_ties_nhwc(
// CHECK: tensor<1x9x8x83xf32>
dl.model @many_channels_ties_nhwc(%x: tensor<1x9x8x83xf32>, %g: tensor<1x9x4x83xf32>) attributes {check.ties, check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [3, 2], strides = [1, 2], padding = [1, 0, 1, 0], dilation = [1, 1], layout = nhwc}
  dl.return %y
}

// More taps than are unrolled.
// CHECK-LABEL: dl.model @looped_taps_nhwc(
// CHECK: tensor<1x23x6x3xf32>
dl.model @looped_taps_nhwc(%x: tensor<1x23x6x3xf32>, %g: tensor<1x23x6x3xf32>) attributes {check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [5, 5], strides = [1, 1], padding = [2, 2, 2, 2], dilation = [1, 1], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @looped_taps_ties_nhwc(
// CHECK: tensor<1x23x6x3xf32>
dl.model @looped_taps_ties_nhwc(%x: tensor<1x23x6x3xf32>, %g: tensor<1x23x6x3xf32>) attributes {check.ties, check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [5, 5], strides = [1, 1], padding = [2, 2, 2, 2], dilation = [1, 1], layout = nhwc}
  dl.return %y
}

// More pixels between windows than are unrolled.
// CHECK-LABEL: dl.model @wide_stride_nhwc(
// CHECK: tensor<1x13x11x4xf32>
dl.model @wide_stride_nhwc(%x: tensor<1x13x11x4xf32>, %g: tensor<1x3x3x4xf32>) attributes {check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2], strides = [5, 4], padding = [1, 1, 1, 1], dilation = [1, 1], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @wide_stride_ties_nhwc(
// CHECK: tensor<1x13x11x4xf32>
dl.model @wide_stride_ties_nhwc(%x: tensor<1x13x11x4xf32>, %g: tensor<1x3x3x4xf32>) attributes {check.ties, check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2], strides = [5, 4], padding = [1, 1, 1, 1], dilation = [1, 1], layout = nhwc}
  dl.return %y
}

// Pixels that no window reaches.
// CHECK-LABEL: dl.model @wide_gaps_nhwc(
// CHECK: tensor<1x11x13x6xf32>
dl.model @wide_gaps_nhwc(%x: tensor<1x11x13x6xf32>, %g: tensor<1x4x4x6xf32>) attributes {check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 3], strides = [3, 4], padding = [0, 1, 1, 1], dilation = [1, 1], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @wide_gaps_ties_nhwc(
// CHECK: tensor<1x11x13x6xf32>
dl.model @wide_gaps_ties_nhwc(%x: tensor<1x11x13x6xf32>, %g: tensor<1x4x4x6xf32>) attributes {check.ties, check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 3], strides = [3, 4], padding = [0, 1, 1, 1], dilation = [1, 1], layout = nhwc}
  dl.return %y
}

// Taps of a pixel that are far apart.
// CHECK-LABEL: dl.model @dilated_strided_nhwc(
// CHECK: tensor<1x14x15x7xf32>
dl.model @dilated_strided_nhwc(%x: tensor<1x14x15x7xf32>, %g: tensor<1x6x7x7xf32>) attributes {check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [3, 3], strides = [2, 2], padding = [2, 1, 1, 2], dilation = [3, 2], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @dilated_strided_ties_nhwc(
// CHECK: tensor<1x14x15x7xf32>
dl.model @dilated_strided_ties_nhwc(%x: tensor<1x14x15x7xf32>, %g: tensor<1x6x7x7xf32>) attributes {check.ties, check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [3, 3], strides = [2, 2], padding = [2, 1, 1, 2], dilation = [3, 2], layout = nhwc}
  dl.return %y
}

// A last window that reaches behind the image.
// CHECK-LABEL: dl.model @ceil_mode_nhwc(
// CHECK: tensor<1x10x8x9xf32>
dl.model @ceil_mode_nhwc(%x: tensor<1x10x8x9xf32>, %g: tensor<1x5x4x9xf32>) attributes {check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [3, 3], strides = [2, 2], padding = [0, 0, 0, 0], dilation = [1, 1], ceil_mode = true, layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @ceil_mode_ties_nhwc(
// CHECK: tensor<1x10x8x9xf32>
dl.model @ceil_mode_ties_nhwc(%x: tensor<1x10x8x9xf32>, %g: tensor<1x5x4x9xf32>) attributes {check.ties, check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [3, 3], strides = [2, 2], padding = [0, 0, 0, 0], dilation = [1, 1], ceil_mode = true, layout = nhwc}
  dl.return %y
}

// The first NaN of a window is its largest element; windows that share it add up.
// CHECK-LABEL: dl.model @overlapping_nan_nhwc(
// CHECK: tensor<1x3x3x1xf32>
dl.model @overlapping_nan_nhwc(%x: tensor<1x3x3x1xf32>, %g: tensor<1x2x2x1xf32>) attributes {
    check.value.x = dense<[[[[0xFF800000], [0xFF800000], [1.0]], [[0xFF800000], [0x7FC00000], [2.0]], [[3.0], [0x7FC00000], [0x7F800000]]]]> : tensor<1x3x3x1xf32>,
    check.value.g = dense<[[[[1.0], [10.0]], [[100.0], [1000.0]]]]> : tensor<1x2x2x1xf32>,
    check.exact,
    check.gradient = false,
    check.expect.y = dense<[[[[0.0], [0.0], [0.0]], [[0.0], [1111.0], [0.0]], [[0.0], [0.0], [0.0]]]]> : tensor<1x3x3x1xf32>} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2], strides = [1, 1], layout = nhwc}
  dl.return %y
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: tensor<?x4x6x3xf32>
dl.model @open_batch(%x: tensor<?x4x6x3xf32>, %g: tensor<?x2x3x3xf32>) attributes {
    check.batch = [0, 1, 2],
    check.second_gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2], layout = nhwc}
  dl.return %y
}

// -----

dl.model @no_kernel(%x: tensor<1x2x4x4xf32>, %g: tensor<1x2x2x2xf32>) {
  // expected-error @below {{requires attribute 'kernel'}}
  %y = dl.max_pool2d_backward %x, %g
  dl.return %y
}

// -----

dl.model @kernel_length(%x: tensor<1x2x4x4xf32>, %g: tensor<1x2x2x2xf32>) {
  // expected-error @below {{expected 2 integers as 'kernel', got 1}}
  %y = dl.max_pool2d_backward %x, %g {kernel = [2]}
  dl.return %y
}

// -----

dl.model @kernel_zero(%x: tensor<1x2x4x4xf32>, %g: tensor<1x2x2x2xf32>) {
  // expected-error @below {{expected 'kernel' in [1, 16777216], got 0}}
  %y = dl.max_pool2d_backward %x, %g {kernel = [0, 2]}
  dl.return %y
}

// -----

dl.model @strides_length(%x: tensor<1x2x4x4xf32>, %g: tensor<1x2x2x2xf32>) {
  // expected-error @below {{expected 2 integers as 'strides', got 1}}
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2], strides = [2]}
  dl.return %y
}

// -----

dl.model @strides_zero(%x: tensor<1x2x4x4xf32>, %g: tensor<1x2x2x2xf32>) {
  // expected-error @below {{expected 'strides' in [1, 16777216], got 0}}
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2], strides = [1, 0]}
  dl.return %y
}

// -----

dl.model @padding_length(%x: tensor<1x2x4x4xf32>, %g: tensor<1x2x2x2xf32>) {
  // expected-error @below {{expected 4 integers as 'padding', got 2}}
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2], padding = [1, 1]}
  dl.return %y
}

// -----

dl.model @padding_negative(%x: tensor<1x2x4x4xf32>, %g: tensor<1x2x2x2xf32>) {
  // expected-error @below {{expected 'padding' in [0, 16777216], got -1}}
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2], padding = [0, 0, -1, 0]}
  dl.return %y
}

// -----

dl.model @dilation_zero(%x: tensor<1x2x4x4xf32>, %g: tensor<1x2x2x2xf32>) {
  // expected-error @below {{expected 'dilation' in [1, 16777216], got 0}}
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2], dilation = [0, 1]}
  dl.return %y
}

// -----

dl.model @layout(%x: tensor<1x2x4x4xf32>, %g: tensor<1x2x2x2xf32>) {
  // expected-error @below {{attribute 'layout' failed to satisfy constraint: string attribute one of nchw, nhwc}}
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2], layout = hwcn}
  dl.return %y
}

// -----

dl.model @height(%x: tensor<1x2x4x4xf32>, %g: tensor<1x2x2x2xf32>) {
  // expected-error @below {{expected a padded height of at least the window's 5, got 4}}
  %y = dl.max_pool2d_backward %x, %g {kernel = [5, 2]}
  dl.return %y
}

// -----

dl.model @width(%x: tensor<1x2x4x4xf32>, %g: tensor<1x2x2x2xf32>) {
  // expected-error @below {{expected a padded width of at least the window's 5, got 4}}
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2], dilation = [1, 4]}
  dl.return %y
}

// -----

dl.model @all_padding(%x: tensor<1x2x4x4xf32>, %g: tensor<1x2x2x2xf32>) {
  // expected-error @below {{expected padding below the window's 2, got 2}}
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2], padding = [0, 0, 2, 0]}
  dl.return %y
}

// -----

dl.model @rank(%x: tensor<2x4x4xf32>, %g: tensor<1x2x2x2xf32>) {
  // expected-error @below {{expected an input of 4 dimensions, got 3}}
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2]}
  dl.return %y
}

// -----

dl.model @cotangent(%x: tensor<1x2x4x4xf32>, %g: tensor<1x2x4x4xf32>) {
  // expected-error @below {{expected a cotangent of type 'tensor<1x2x2x2xf32>', got 'tensor<1x2x4x4xf32>'}}
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2]}
  dl.return %y
}

// -----

dl.model @element_types(%x: tensor<1x2x4x4xf32>, %g: tensor<1x2x2x2xf64>) {
  // expected-error @below {{expected a cotangent of type 'tensor<1x2x2x2xf32>', got 'tensor<1x2x2x2xf64>'}}
  %y = dl.max_pool2d_backward %x, %g {kernel = [2, 2]}
  dl.return %y
}
