// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known(
// CHECK: %{{.*}} = dl.sum %x : tensor<f32>
// CHECK: dl.sum %x {axes = [1]} : tensor<2xf32>
// CHECK: dl.sum %x {axes = [-2], keepdims = true} : tensor<1x3xf32>
dl.model @known(%x: tensor<2x3xf32>) attributes {
    check.value.x = dense<[[1.0, 5.0, -2.0], [4.0, 0.5, 3.0]]> : tensor<2x3xf32>,
    check.expect.all = dense<11.5> : tensor<f32>,
    check.expect.rows = dense<[4.0, 7.5]> : tensor<2xf32>,
    check.expect.columns = dense<[[5.0, 5.5, 1.0]]> : tensor<1x3xf32>} {
  %all = dl.sum %x
  %rows = dl.sum %x {axes = [1]}
  %columns = dl.sum %x {axes = [-2], keepdims = true}
  dl.return %all, %rows, %columns
}

// The sum of nothing is 0.
dl.model @nothing(%x: tensor<2x0xf32>) attributes {
    check.expect.y = dense<[0.0, 0.0]> : tensor<2xf32>,
    check.gradient = false} {
  %y = dl.sum %x {axes = [1]}
  dl.return %y
}

// Over no axes: the operand itself.
// CHECK-LABEL: dl.model @no_axes(
// CHECK: dl.sum %x {axes = []} : tensor<2x3xf32>
dl.model @no_axes(%x: tensor<2x3xf32>) {
  %y = dl.sum %x {axes = []}
  dl.return %y
}

dl.model @special(%x: tensor<3x2xf32>) attributes {
    check.value.x = dense<[[0x7F800000, 1.0], [0x7F800000, 0xFF800000], [0x7FC00000, 1.0]]> : tensor<3x2xf32>,
    check.expect.y = dense<[0x7F800000, 0x7FC00000, 0x7FC00000]> : tensor<3xf32>,
    check.gradient = false} {
  %y = dl.sum %x {axes = [1]}
  dl.return %y
}

// CHECK-LABEL: dl.model @scalar(
// CHECK: dl.sum %x : tensor<f32>
dl.model @scalar(%x: tensor<f32>) {
  %y = dl.sum %x
  dl.return %y
}

// CHECK-LABEL: dl.model @empty(
// CHECK: dl.sum %x {axes = [1]} : tensor<0xf32>
dl.model @empty(%x: tensor<0x3xf32>) {
  %y = dl.sum %x {axes = [1]}
  dl.return %y
}

dl.model @odd_rows(%x: tensor<5x19xf32>) {
  %y = dl.sum %x {axes = [1]}
  dl.return %y
}

dl.model @odd_columns(%x: tensor<5x19xf32>) {
  %y = dl.sum %x {axes = [0]}
  dl.return %y
}

// CHECK-LABEL: dl.model @middle(
// CHECK: dl.sum %x {axes = [1], keepdims = true} : tensor<3x1x7xf32>
dl.model @middle(%x: tensor<3x5x7xf32>) {
  %y = dl.sum %x {axes = [1], keepdims = true}
  dl.return %y
}

// CHECK-LABEL: dl.model @outer_and_inner(
// CHECK: dl.sum %x {axes = [2, 0]} : tensor<5xf32>
dl.model @outer_and_inner(%x: tensor<3x5x7xf32>) {
  %y = dl.sum %x {axes = [2, 0]}
  dl.return %y
}

// CHECK-LABEL: dl.model @everything(
// CHECK: dl.sum %x {keepdims = true} : tensor<1x1x1xf32>
dl.model @everything(%x: tensor<3x5x7xf32>) {
  %y = dl.sum %x {keepdims = true}
  dl.return %y
}

// Few results of many elements: the reduction is split.
dl.model @split(%x: tensor<70000xf32>) attributes {check.gradient = false} {
  %y = dl.sum %x
  dl.return %y
}

dl.model @split_columns(%x: tensor<5003x7xf32>) attributes {check.gradient = false} {
  %y = dl.sum %x {axes = [0]}
  dl.return %y
}

dl.model @wide(%x: tensor<3x33xf64>) {
  %y = dl.sum %x {axes = [-1]}
  dl.return %y
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: dl.sum %x {axes = [1]} : tensor<?xf32>
// CHECK: dl.sum %x {axes = [0]} : tensor<17xf32>
dl.model @open_batch(%x: tensor<?x17xf32>) attributes {check.batch = [1, 5]} {
  %y = dl.sum %x {axes = [1]}
  %z = dl.sum %x {axes = [0]}
  dl.return %y, %z
}

// -----

dl.model @axis(%x: tensor<2x3xf32>) {
  // expected-error @below {{expected an axis in [-2, 2), got 2}}
  %y = dl.sum %x {axes = [2]}
  dl.return %y
}

// -----

dl.model @axis_below(%x: tensor<2x3xf32>) {
  // expected-error @below {{expected an axis in [-2, 2), got -3}}
  %y = dl.sum %x {axes = [-3]}
  dl.return %y
}

// -----

dl.model @twice(%x: tensor<2x3xf32>) {
  // expected-error @below {{expected distinct axes, got 1 twice}}
  %y = dl.sum %x {axes = [1, -1]}
  dl.return %y
}

// -----

dl.model @axes_type(%x: tensor<2x3xf32>) {
  // expected-error @below {{attribute 'axes' failed to satisfy constraint: i64 dense array attribute}}
  %y = dl.sum %x {axes = 1}
  dl.return %y
}

// -----

dl.model @integers(%x: tensor<2xi32>) {
  // expected-error @below {{operand #0 must be ranked tensor of 32-bit float or 64-bit float values, but got 'tensor<2xi32>'}}
  %y = dl.sum %x
  dl.return %y
}
