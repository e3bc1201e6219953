// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known(
// CHECK: dl.dropout_train %x, %seed, %step
dl.model @known(%x: tensor<3x4xf32>, %seed: tensor<i64>, %step: tensor<f64>) attributes {
    check.value.x = dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [9.0, 10.0, 11.0, 12.0]]> : tensor<3x4xf32>,
    check.value.seed = dense<81985529216486895> : tensor<i64>,
    check.value.step = dense<7.0> : tensor<f64>,
    check.gradient = false,
    check.expect.y = dense<[[0.0, 0.0, 6.0, 8.0], [10.0, 12.0, 0.0, 16.0], [18.0, 20.0, 22.0, 24.0]]> : tensor<3x4xf32>} {
  %y = dl.dropout_train %x, %seed, %step {p = 0.5, stream = 3}
  dl.return %y
}

// CHECK-LABEL: dl.model @odd(
// CHECK: dl.dropout_train %x, %seed, %step
dl.model @odd(%x: tensor<5x3x7xf32>, %seed: tensor<i64>, %step: tensor<f64>) attributes {check.low.step = 0.0, check.high.step = 100.0} {
  %r = dl.dropout_train %x, %seed, %step {p = 0.3, stream = 0}
  dl.return %r
}

// CHECK-LABEL: dl.model @long(
// CHECK: dl.dropout_train %x, %seed, %step
dl.model @long(%x: tensor<70000xf32>, %seed: tensor<i64>, %step: tensor<f64>) attributes {check.low.step = 0.0, check.high.step = 100.0, check.gradient = false} {
  %r = dl.dropout_train %x, %seed, %step {p = 0.1, stream = 1}
  dl.return %r
}

// CHECK-LABEL: dl.model @nothing_dropped(
// CHECK: dl.dropout_train %x, %seed, %step
dl.model @nothing_dropped(%x: tensor<5x3xf32>, %seed: tensor<i64>, %step: tensor<f64>) attributes {check.low.step = 0.0, check.high.step = 100.0} {
  %r = dl.dropout_train %x, %seed, %step {p = 0.0, stream = 1}
  dl.return %r
}

// CHECK-LABEL: dl.model @wide(
// CHECK: dl.dropout_train %x, %seed, %step
dl.model @wide(%x: tensor<5x19xf64>, %seed: tensor<i64>, %step: tensor<f64>) attributes {check.low.step = 0.0, check.high.step = 100.0} {
  %r = dl.dropout_train %x, %seed, %step {p = 0.7, stream = 1}
  dl.return %r
}

// CHECK-LABEL: dl.model @empty(
// CHECK: dl.dropout_train %x, %seed, %step
dl.model @empty(%x: tensor<0x3xf32>, %seed: tensor<i64>, %step: tensor<f64>) attributes {check.low.step = 0.0, check.high.step = 100.0} {
  %r = dl.dropout_train %x, %seed, %step {p = 0.5, stream = 1}
  dl.return %r
}

// Rows of whole blocks of 64 elements, and of blocks and a rest.
dl.model @rows(%x: tensor<5x192xf32>, %s: tensor<192xf32>, %seed: tensor<i64>, %step: tensor<f64>) attributes {check.low.step = 0.0, check.high.step = 100.0, check.gradient = false} {
  %a = dl.mul %x, %s
  %r = dl.dropout_train %a, %seed, %step {p = 0.4, stream = 1}
  dl.return %r
}
dl.model @uneven_rows(%x: tensor<7x203xf32>, %s: tensor<203xf32>, %seed: tensor<i64>, %step: tensor<f64>) attributes {check.low.step = 0.0, check.high.step = 100.0, check.gradient = false} {
  %a = dl.mul %x, %s
  %r = dl.dropout_train %a, %seed, %step {p = 0.4, stream = 1}
  dl.return %r
}

// Rows that begin within the words of a counter, and columns.
dl.model @shifted_rows(%x: tensor<6x70xf32>, %s: tensor<70xf32>, %seed: tensor<i64>, %step: tensor<f64>) attributes {check.low.step = 0.0, check.high.step = 100.0, check.gradient = false} {
  %a = dl.mul %x, %s
  %r = dl.dropout_train %a, %seed, %step {p = 0.4, stream = 1}
  dl.return %r
}
dl.model @columns(%x: tensor<40x33xf32>, %seed: tensor<i64>, %step: tensor<f64>) attributes {check.low.step = 0.0, check.high.step = 100.0, check.gradient = false} {
  %a = dl.dropout_train %x, %seed, %step {p = 0.4, stream = 1}
  %r = dl.transpose %a {permutation = [1, 0]}
  %s = dl.sum %a {axes = [0]}
  dl.return %r, %s
}

// The numbers are those of the place in row-major order, whatever is fused around.
dl.model @fused(%x: tensor<9x35xf32>, %seed: tensor<i64>, %step: tensor<f64>) attributes {check.low.step = 0.0} {
  %a = dl.tanh %x
  %b = dl.dropout_train %a, %seed, %step {p = 0.5, stream = 2}
  %c = dl.transpose %b {permutation = [1, 0]}
  %s = dl.sum %b {axes = [1]}
  dl.return %c, %s
}

// -----

dl.model @probability(%x: tensor<2xf32>, %seed: tensor<i64>, %step: tensor<f64>) {
  // expected-error @below {{expected 'p' in [0, 1), got -1.000000e-01}}
  %r = dl.dropout_train %x, %seed, %step {p = -0.1, stream = 0}
  dl.return %r
}

// -----

dl.model @seed(%x: tensor<2xf32>, %seed: tensor<2xi64>, %step: tensor<f64>) {
  // expected-error @below {{expected scalars as seed and step, got 'tensor<2xi64>' and 'tensor<f64>'}}
  %r = dl.dropout_train %x, %seed, %step {p = 0.1, stream = 0}
  dl.return %r
}

// -----

dl.model @stream(%x: tensor<2xf32>, %seed: tensor<i64>, %step: tensor<f64>) {
  // expected-error @below {{expected a stream below 2^32, got 4294967296}}
  %r = dl.dropout_train %x, %seed, %step {p = 0.1, stream = 4294967296}
  dl.return %r
}
