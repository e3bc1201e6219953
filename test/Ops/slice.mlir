// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known(
// CHECK: dl.slice %x
dl.model @known(%x: tensor<2x3xf32>) attributes {
    check.value.x = dense<[[1.0, 2.0, 3.0], [0.0, -1.0, 4.0]]> : tensor<2x3xf32>,
    check.expect.y = dense<[[2.0, 3.0], [-1.0, 4.0]]> : tensor<2x2xf32>} {
  %y = dl.slice %x {axes = [1], starts = [1], ends = [3]}
  dl.return %y
}

// CHECK-LABEL: dl.model @negative(
// CHECK: dl.slice %x
dl.model @negative(%x: tensor<2x3x4xf32>) attributes {
    check.value.x = dense<[[[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0], [8.0, 9.0, 10.0, 11.0]], [[12.0, 13.0, 14.0, 15.0], [16.0, 17.0, 18.0, 19.0], [20.0, 21.0, 22.0, 23.0]]]> : tensor<2x3x4xf32>,
    check.expect.y = dense<[[[1.0, 2.0], [5.0, 6.0]], [[13.0, 14.0], [17.0, 18.0]]]> : tensor<2x2x2xf32>} {
  %y = dl.slice %x {axes = [-1, 1], starts = [-3, 0], ends = [-1, 2]}
  dl.return %y
}

// CHECK-LABEL: dl.model @cut_off(
// CHECK: dl.slice %x
dl.model @cut_off(%x: tensor<2x3xf32>) attributes {
    check.value.x = dense<[[1.0, 2.0, 3.0], [0.0, -1.0, 4.0]]> : tensor<2x3xf32>,
    check.expect.y = dense<[[2.0, 3.0], [-1.0, 4.0]]> : tensor<2x2xf32>} {
  %y = dl.slice %x {starts = [-9, 1], ends = [9, 9]}
  dl.return %y
}

// CHECK-LABEL: dl.model @rows(
// CHECK: dl.slice %x
dl.model @rows(%x: tensor<7x5x33xf32>) {
  %r = dl.slice %x {starts = [2], ends = [5]}
  dl.return %r
}

// CHECK-LABEL: dl.model @middle(
// CHECK: dl.slice %x
dl.model @middle(%x: tensor<3x9x37xf32>) {
  %r = dl.slice %x {axes = [1], starts = [3], ends = [8]}
  dl.return %r
}

// CHECK-LABEL: dl.model @columns(
// CHECK: dl.slice %x
dl.model @columns(%x: tensor<5x50xf32>) {
  %r = dl.slice %x {axes = [1], starts = [7], ends = [42]}
  dl.return %r
}

// CHECK-LABEL: dl.model @nothing(
// CHECK: dl.slice %x
dl.model @nothing(%x: tensor<5x4xf32>) {
  %r = dl.slice %x {axes = [1], starts = [3], ends = [2]}
  dl.return %r
}

// CHECK-LABEL: dl.model @whole(
// CHECK: dl.slice %x
dl.model @whole(%x: tensor<5x4xf32>) {
  %r = dl.slice %x {axes = [0], starts = [0], ends = [5]}
  dl.return %r
}

// CHECK-LABEL: dl.model @wide(
// CHECK: dl.slice %x
dl.model @wide(%x: tensor<5x9xf64>) {
  %r = dl.slice %x {axes = [1], starts = [1], ends = [9]}
  dl.return %r
}

// CHECK-LABEL: dl.model @integers(
// CHECK: dl.slice %x
dl.model @integers(%x: tensor<5x9xi32>) {
  %r = dl.slice %x {axes = [1], starts = [1], ends = [9]}
  dl.return %r
}

// CHECK-LABEL: dl.model @bools(
// CHECK: dl.slice %x
dl.model @bools(%x: tensor<5x9xi1>) {
  %r = dl.slice %x {axes = [1], starts = [1], ends = [9]}
  dl.return %r
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: dl.slice %x
dl.model @open_batch(%x: tensor<?x9xf32>) attributes {check.batch = [0, 1, 5]} {
  %r = dl.slice %x {axes = [1], starts = [1], ends = [4]}
  dl.return %r
}

// A sum of slices of one tensor is one kernel.
dl.model @difference(%x: tensor<5x40xf32>) {
  %a = dl.slice %x {axes = [1], starts = [1], ends = [40]}
  %b = dl.slice %x {axes = [1], starts = [0], ends = [39]}
  %r = dl.sub %a, %b
  dl.return %r
}

// -----

dl.model @axis(%x: tensor<2x3xf32>) {
  // expected-error @below {{expected an axis in [-2, 2), got 2}}
  %r = dl.slice %x {axes = [2], starts = [0], ends = [1]}
  dl.return %r
}

// -----

dl.model @twice(%x: tensor<2x3xf32>) {
  // expected-error @below {{expected distinct axes, got 1 twice}}
  %r = dl.slice %x {axes = [1, -1], starts = [0, 0], ends = [1, 1]}
  dl.return %r
}

// -----

dl.model @count(%x: tensor<2x3xf32>) {
  // expected-error @below {{expected one start and one end an axis, got 1 axes, 2 starts and 1 ends}}
  %r = dl.slice %x {axes = [1], starts = [0, 1], ends = [1]}
  dl.return %r
}

// -----

dl.model @open(%x: tensor<?x3xf32>) {
  // expected-error @below {{expected a known extent along axis 0}}
  %r = dl.slice %x {starts = [0], ends = [1]}
  dl.return %r
}
