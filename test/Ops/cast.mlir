// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// Towards zero.
// CHECK-LABEL: dl.model @to_integer(
// CHECK: dl.cast %x {to = i32} : tensor<6xi32>
dl.model @to_integer(%x: tensor<6xf32>) attributes {
    check.value.x = dense<[-1.75, -0.5, 0.0, 0.5, 2.999, 100.0]> : tensor<6xf32>,
    check.expect.i = dense<[-1, 0, 0, 0, 2, 100]> : tensor<6xi32>,
    check.expect.l = dense<[-1, 0, 0, 0, 2, 100]> : tensor<6xi64>,
    check.gradient = false} {
  %i = dl.cast %x {to = i32}
  %l = dl.cast %x {to = i64}
  dl.return %i, %l
}

dl.model @to_boolean(%x: tensor<3xf32>, %n: tensor<3xi32>) attributes {
    check.value.x = dense<[0.0, -0.5, 2.0]> : tensor<3xf32>,
    check.value.n = dense<[0, 256, -1]> : tensor<3xi32>,
    check.expect.b = dense<[false, true, true]> : tensor<3xi1>,
    check.expect.c = dense<[false, true, true]> : tensor<3xi1>,
    check.gradient = false} {
  %b = dl.cast %x {to = i1}
  %c = dl.cast %n {to = i1}
  dl.return %b, %c
}

// A true i1 is 1, not -1.
dl.model @from_boolean(%b: tensor<2xi1>) attributes {
    check.value.b = dense<[false, true]> : tensor<2xi1>,
    check.expect.x = dense<[0.0, 1.0]> : tensor<2xf32>,
    check.expect.n = dense<[0, 1]> : tensor<2xi32>,
    check.expect.l = dense<[0, 1]> : tensor<2xi64>} {
  %x = dl.cast %b {to = f32}
  %n = dl.cast %b {to = i32}
  %l = dl.cast %b {to = i64}
  dl.return %x, %n, %l
}

// By way of f64 the tie would round to even: 9007199254740992.
dl.model @rounded_once(%n: tensor<2xi64>) attributes {
    check.exact,
    check.value.n = dense<[9007199791611905, -3]> : tensor<2xi64>,
    check.expect.x = dense<[9007200328482816.0, -3.0]> : tensor<2xf32>} {
  %x = dl.cast %n {to = f32}
  dl.return %x
}

// CHECK-LABEL: dl.model @widen(
// CHECK: dl.cast %x {to = f64} : tensor<3x7xf64>
dl.model @widen(%x: tensor<3x7xf32>) {
  %y = dl.cast %x {to = f64}
  dl.return %y
}

// CHECK-LABEL: dl.model @narrow(
// CHECK: dl.cast %x {to = f32} : tensor<3x7xf32>
dl.model @narrow(%x: tensor<3x7xf64>) {
  %y = dl.cast %x {to = f32}
  dl.return %y
}

dl.model @same(%x: tensor<3x7xf32>) {
  %y = dl.cast %x {to = f32}
  dl.return %y
}

dl.model @integers(%n: tensor<19xi32>) attributes {check.labels = 1000} {
  %l = dl.cast %n {to = i64}
  %m = dl.cast %l {to = i32}
  %x = dl.cast %l {to = f64}
  dl.return %l, %m, %x
}

dl.model @scalar(%n: tensor<i64>) {
  %x = dl.cast %n {to = f32}
  dl.return %x
}

dl.model @empty(%n: tensor<0xi64>) {
  %x = dl.cast %n {to = f32}
  dl.return %x
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: dl.cast %n {to = f32} : tensor<?xf32>
dl.model @open_batch(%n: tensor<?xi32>) attributes {check.batch = [0, 1, 19]} {
  %x = dl.cast %n {to = f32}
  dl.return %x
}

// -----

dl.model @no_type(%x: tensor<2xf32>) {
  // expected-error @below {{requires attribute 'to'}}
  %y = dl.cast %x
  dl.return %y
}

// -----

dl.model @half(%x: tensor<2xf32>) {
  // expected-error @below {{expected 'to' to be f32, f64, i1, i32 or i64, got 'f16'}}
  %y = dl.cast %x {to = f16}
  dl.return %y
}

// -----

dl.model @not_a_type(%x: tensor<2xf32>) {
  // expected-error @below {{attribute 'to' failed to satisfy constraint: any type attribute}}
  %y = dl.cast %x {to = 3}
  dl.return %y
}
