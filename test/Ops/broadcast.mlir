// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known(
// CHECK: %{{.*}} = dl.broadcast %x {shape = [2, 2, 3]} : tensor<2x2x3xf32>
dl.model @known(%x: tensor<2x1xf32>) attributes {
    check.value.x = dense<[[1.0], [2.0]]> : tensor<2x1xf32>,
    check.expect.y = dense<[[[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]], [[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]]> : tensor<2x2x3xf32>,
    check.exact} {
  %y = dl.broadcast %x {shape = [2, 2, 3]}
  dl.return %y
}

// CHECK-LABEL: dl.model @scalar(
// CHECK: dl.broadcast %x {shape = []} : tensor<f32>
dl.model @scalar(%x: tensor<f32>) {
  %y = dl.broadcast %x {shape = []}
  dl.return %y
}

// CHECK-LABEL: dl.model @from_scalar(
// CHECK: dl.broadcast %x {shape = [5, 19]} : tensor<5x19xf32>
dl.model @from_scalar(%x: tensor<f32>) {
  %y = dl.broadcast %x {shape = [5, 19]}
  dl.return %y
}

// CHECK-LABEL: dl.model @to_empty(
// CHECK: dl.broadcast %x {shape = [0, 3]} : tensor<0x3xf32>
dl.model @to_empty(%x: tensor<1x3xf32>) {
  %y = dl.broadcast %x {shape = [0, 3]}
  dl.return %y
}

// CHECK-LABEL: dl.model @own_extent(
// CHECK: dl.broadcast %x {shape = [-1, 19]} : tensor<4x19xf32>
dl.model @own_extent(%x: tensor<4x1xf32>) {
  %y = dl.broadcast %x {shape = [-1, 19]}
  dl.return %y
}

dl.model @row(%x: tensor<19xf32>) {
  %y = dl.broadcast %x {shape = [5, 19]}
  dl.return %y
}

dl.model @middle(%x: tensor<3x1x7xf32>) {
  %y = dl.broadcast %x {shape = [2, 3, 5, 7]}
  dl.return %y
}

dl.model @same(%x: tensor<3x7xf32>) {
  %y = dl.broadcast %x {shape = [3, 7]}
  dl.return %y
}

dl.model @integers(%x: tensor<3xi32>) {
  %y = dl.broadcast %x {shape = [4, 3]}
  dl.return %y
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: dl.broadcast %x {shape = [-1, 17]} : tensor<?x17xf32>
dl.model @open_batch(%x: tensor<?x1xf32>) attributes {check.batch = [0, 1, 5]} {
  %y = dl.broadcast %x {shape = [-1, 17]}
  dl.return %y
}

// -----

dl.model @rank(%x: tensor<2x3xf32>) {
  // expected-error @below {{expected at least 2 extents, got 1}}
  %y = dl.broadcast %x {shape = [3]}
  dl.return %y
}

// -----

dl.model @extent(%x: tensor<2x3xf32>) {
  // expected-error @below {{expected an extent that 3 broadcasts to (dimension 1), got 4}}
  %y = dl.broadcast %x {shape = [2, 4]}
  dl.return %y
}

// -----

dl.model @negative(%x: tensor<2x1xf32>) {
  // expected-error @below {{expected an extent that 1 broadcasts to (dimension 1), got -2}}
  %y = dl.broadcast %x {shape = [2, -2]}
  dl.return %y
}

// -----

dl.model @no_own_extent(%x: tensor<3xf32>) {
  // expected-error @below {{expected an extent that 1 broadcasts to (dimension 0), got -1}}
  %y = dl.broadcast %x {shape = [-1, 3]}
  dl.return %y
}
