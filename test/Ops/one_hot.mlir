// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// An index outside [0, depth) gives zeros.
// CHECK-LABEL: dl.model @known(
// CHECK: %{{.*}} = dl.one_hot %i {depth = 3, to = f32} : tensor<4x3xf32>
dl.model @known(%i: tensor<4xi32>) attributes {
    check.value.i = dense<[2, 0, -1, 3]> : tensor<4xi32>,
    check.expect.y = dense<[[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]> : tensor<4x3xf32>,
    check.exact} {
  %y = dl.one_hot %i {depth = 3, to = f32}
  dl.return %y
}

// CHECK-LABEL: dl.model @scalar(
// CHECK: dl.one_hot %i {depth = 4, to = f32} : tensor<4xf32>
dl.model @scalar(%i: tensor<i64>) {
  %y = dl.one_hot %i {depth = 4, to = f32}
  dl.return %y
}

dl.model @empty(%i: tensor<0xi32>) {
  %y = dl.one_hot %i {depth = 4, to = f32}
  dl.return %y
}

dl.model @odd(%i: tensor<3x7xi64>) attributes {check.labels = 19} {
  %y = dl.one_hot %i {depth = 19, to = f32}
  dl.return %y
}

// CHECK-LABEL: dl.model @wide(
// CHECK: dl.one_hot %i {depth = 10, to = f64} : tensor<5x10xf64>
dl.model @wide(%i: tensor<5xi32>) attributes {check.labels = 10} {
  %y = dl.one_hot %i {depth = 10, to = f64}
  dl.return %y
}

// An i64 index is compared whole.
dl.model @long(%i: tensor<2xi64>) attributes {
    check.value.i = dense<[4294967297, 1]> : tensor<2xi64>,
    check.expect.y = dense<[[0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]]> : tensor<2x4xf32>} {
  %y = dl.one_hot %i {depth = 4, to = f32}
  dl.return %y
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: dl.one_hot %i {depth = 10, to = f32} : tensor<?x10xf32>
dl.model @open_batch(%i: tensor<?xi32>) attributes {check.batch = [0, 1, 5], check.labels = 10} {
  %y = dl.one_hot %i {depth = 10, to = f32}
  dl.return %y
}

// -----

dl.model @type(%i: tensor<2xi32>) {
  // expected-error @below {{expected 'to' to be f32 or f64, got 'i32'}}
  %y = dl.one_hot %i {depth = 3, to = i32}
  dl.return %y
}

// -----

dl.model @depth(%i: tensor<2xi32>) {
  // expected-error @below {{attribute 'depth' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
  %y = dl.one_hot %i {depth = 0, to = f32}
  dl.return %y
}

// -----

dl.model @no_depth(%i: tensor<2xi32>) {
  // expected-error @below {{requires attribute 'depth'}}
  %y = dl.one_hot %i {to = f32}
  dl.return %y
}

// -----

dl.model @floats(%x: tensor<2xf32>) {
  // expected-error @below {{operand #0 must be ranked tensor of 32-bit signless integer or 64-bit signless integer values, but got 'tensor<2xf32>'}}
  %y = dl.one_hot %x {depth = 3, to = f32}
  dl.return %y
}
