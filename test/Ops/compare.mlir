// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// Ordered: false where either is NaN, but for `ne`.
// CHECK-LABEL: dl.model @known(
// CHECK: dl.compare %x, %y {predicate = eq} : tensor<4xi1>
dl.model @known(%x: tensor<4xf32>, %y: tensor<4xf32>) attributes {
    check.value.x = dense<[1.0, 2.0, 3.0, 0x7FC00000]> : tensor<4xf32>,
    check.value.y = dense<[2.0, 2.0, 2.0, 1.0]> : tensor<4xf32>,
    check.expect.eq_ = dense<[false, true, false, false]> : tensor<4xi1>,
    check.expect.ne_ = dense<[true, false, true, true]> : tensor<4xi1>,
    check.expect.lt_ = dense<[true, false, false, false]> : tensor<4xi1>,
    check.expect.le_ = dense<[true, true, false, false]> : tensor<4xi1>,
    check.expect.gt_ = dense<[false, false, true, false]> : tensor<4xi1>,
    check.expect.ge_ = dense<[false, true, true, false]> : tensor<4xi1>,
    check.gradient = false} {
  %eq_ = dl.compare %x, %y {predicate = eq}
  %ne_ = dl.compare %x, %y {predicate = ne}
  %lt_ = dl.compare %x, %y {predicate = lt}
  %le_ = dl.compare %x, %y {predicate = le}
  %gt_ = dl.compare %x, %y {predicate = gt}
  %ge_ = dl.compare %x, %y {predicate = ge}
  dl.return %eq_, %ne_, %lt_, %le_, %gt_, %ge_
}

dl.model @integers(%x: tensor<3xi32>, %y: tensor<3xi32>) attributes {
    check.value.x = dense<[1, 1073741824, -5]> : tensor<3xi32>,
    check.value.y = dense<[1, 1073741825, -6]> : tensor<3xi32>,
    check.expect.lt = dense<[false, true, false]> : tensor<3xi1>,
    check.expect.eq = dense<[true, false, false]> : tensor<3xi1>} {
  %lt = dl.compare %x, %y {predicate = lt}
  %eq = dl.compare %x, %y {predicate = eq}
  dl.return %lt, %eq
}

// Numbers that f64 cannot tell apart.
dl.model @long(%x: tensor<2xi64>, %y: tensor<2xi64>) attributes {
    check.value.x = dense<[1152921504606846976, 1152921504606846976]> : tensor<2xi64>,
    check.value.y = dense<[1152921504606846977, 1152921504606846976]> : tensor<2xi64>,
    check.expect.lt = dense<[true, false]> : tensor<2xi1>} {
  %lt = dl.compare %x, %y {predicate = lt}
  dl.return %lt
}

dl.model @booleans(%x: tensor<3xi1>, %y: tensor<3xi1>) attributes {
    check.value.x = dense<[false, true, true]> : tensor<3xi1>,
    check.value.y = dense<[false, false, true]> : tensor<3xi1>,
    check.expect.ne = dense<[false, true, false]> : tensor<3xi1>} {
  %ne = dl.compare %x, %y {predicate = ne}
  dl.return %ne
}

// CHECK-LABEL: dl.model @ties_eq(
// CHECK: dl.compare %x, %y {predicate = eq} : tensor<3x2x7xi1>
dl.model @ties_eq(%x: tensor<3x1x7xf32>, %y: tensor<2x1xf32>) attributes {check.ties} {
  %c = dl.compare %x, %y {predicate = eq}
  dl.return %c
}

// CHECK-LABEL: dl.model @ties_ne(
// CHECK: dl.compare %x, %y {predicate = ne} : tensor<3x2x7xi1>
dl.model @ties_ne(%x: tensor<3x1x7xf32>, %y: tensor<2x1xf32>) attributes {check.ties} {
  %c = dl.compare %x, %y {predicate = ne}
  dl.return %c
}

// CHECK-LABEL: dl.model @ties_lt(
// CHECK: dl.compare %x, %y {predicate = lt} : tensor<3x2x7xi1>
dl.model @ties_lt(%x: tensor<3x1x7xf32>, %y: tensor<2x1xf32>) attributes {check.ties} {
  %c = dl.compare %x, %y {predicate = lt}
  dl.return %c
}

// CHECK-LABEL: dl.model @ties_le(
// CHECK: dl.compare %x, %y {predicate = le} : tensor<3x2x7xi1>
dl.model @ties_le(%x: tensor<3x1x7xf32>, %y: tensor<2x1xf32>) attributes {check.ties} {
  %c = dl.compare %x, %y {predicate = le}
  dl.return %c
}

// CHECK-LABEL: dl.model @ties_gt(
// CHECK: dl.compare %x, %y {predicate = gt} : tensor<3x2x7xi1>
dl.model @ties_gt(%x: tensor<3x1x7xf32>, %y: tensor<2x1xf32>) attributes {check.ties} {
  %c = dl.compare %x, %y {predicate = gt}
  dl.return %c
}

// CHECK-LABEL: dl.model @ties_ge(
// CHECK: dl.compare %x, %y {predicate = ge} : tensor<3x2x7xi1>
dl.model @ties_ge(%x: tensor<3x1x7xf32>, %y: tensor<2x1xf32>) attributes {check.ties} {
  %c = dl.compare %x, %y {predicate = ge}
  dl.return %c
}

dl.model @scalar(%x: tensor<f32>, %y: tensor<f32>) {
  %c = dl.compare %x, %y {predicate = le}
  dl.return %c
}

dl.model @empty(%x: tensor<0x3xf32>, %y: tensor<3xf32>) {
  %c = dl.compare %x, %y {predicate = gt}
  dl.return %c
}

dl.model @open_batch(%x: tensor<?x17xf32>, %y: tensor<17xf32>) attributes {check.batch = [0, 1, 4]} {
  %c = dl.compare %x, %y {predicate = ge}
  dl.return %c
}

// -----

dl.model @predicate(%x: tensor<2xf32>) {
  // expected-error @below {{attribute 'predicate' failed to satisfy constraint: string attribute one of eq, ne, lt, le, gt, ge}}
  %c = dl.compare %x, %x {predicate = less}
  dl.return %c
}

// -----

dl.model @no_predicate(%x: tensor<2xf32>) {
  // expected-error @below {{requires attribute 'predicate'}}
  %c = dl.compare %x, %x
  dl.return %c
}

// -----

dl.model @element_types(%x: tensor<2xf32>, %y: tensor<2xi32>) {
  // expected-error @below {{expected operands of one element type, got 'f32' and 'i32'}}
  %c = dl.compare %x, %y {predicate = lt}
  dl.return %c
}

// -----

dl.model @shapes(%x: tensor<2xf32>, %y: tensor<3xf32>) {
  // expected-error @below {{expected shapes that broadcast, got 2 and 3: dimension 0 is 2 against 3}}
  %c = dl.compare %x, %y {predicate = lt}
  dl.return %c
}
