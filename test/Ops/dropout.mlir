// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known(
// CHECK: dl.dropout %x
dl.model @known(%x: tensor<2x3xf32>) attributes {
    check.value.x = dense<[[1.0, 2.0, 3.0], [0.0, -1.0, 4.0]]> : tensor<2x3xf32>,
    check.expect.y = dense<[[1.0, 2.0, 3.0], [0.0, -1.0, 4.0]]> : tensor<2x3xf32>} {
  %y = dl.dropout %x {p = 0.25}
  dl.return %y
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: dl.dropout %x
dl.model @open_batch(%x: tensor<?x9xf32>) attributes {check.batch = [0, 1, 5]} {
  %r = dl.dropout %x
  dl.return %r
}

// CHECK-LABEL: dl.model @wide(
// CHECK: dl.dropout %x
dl.model @wide(%x: tensor<5x9xf64>) {
  %r = dl.dropout %x
  dl.return %r
}

// -----

dl.model @probability(%x: tensor<2x3xf32>) {
  // expected-error @below {{expected 'p' in [0, 1), got 1.000000e+00}}
  %r = dl.dropout %x {p = 1.0}
  dl.return %r
}
