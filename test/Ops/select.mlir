// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known(
// CHECK: dl.select %c, %a, %b : tensor<2xf32>
dl.model @known(%c: tensor<2xi1>, %a: tensor<2xf32>, %b: tensor<f32>) attributes {
    check.value.c = dense<[true, false]> : tensor<2xi1>,
    check.value.a = dense<[1.0, 2.0]> : tensor<2xf32>,
    check.value.b = dense<7.0> : tensor<f32>,
    check.expect.y = dense<[1.0, 7.0]> : tensor<2xf32>} {
  %y = dl.select %c, %a, %b
  dl.return %y
}

dl.model @scalar(%c: tensor<i1>, %a: tensor<f32>, %b: tensor<f32>) {
  %y = dl.select %c, %a, %b
  dl.return %y
}

dl.model @empty(%c: tensor<0x3xi1>, %a: tensor<f32>, %b: tensor<3xf32>) {
  %y = dl.select %c, %a, %b
  dl.return %y
}

// CHECK-LABEL: dl.model @broadcast(
// CHECK: dl.select %c, %a, %b : tensor<2x3x7xf32>
dl.model @broadcast(%c: tensor<3x1xi1>, %a: tensor<2x1x1xf32>, %b: tensor<7xf32>) {
  %y = dl.select %c, %a, %b
  dl.return %y
}

dl.model @odd(%c: tensor<5x19xi1>, %a: tensor<5x19xf32>, %b: tensor<5x19xf32>) {
  %y = dl.select %c, %a, %b
  dl.return %y
}

// CHECK-LABEL: dl.model @integers(
// CHECK: dl.select %c, %a, %b : tensor<5xi32>
dl.model @integers(%c: tensor<5xi1>, %a: tensor<5xi32>, %b: tensor<5xi32>) {
  %y = dl.select %c, %a, %b
  dl.return %y
}

dl.model @long(%c: tensor<5xi1>, %a: tensor<5xi64>, %b: tensor<5xi64>) {
  %y = dl.select %c, %a, %b
  dl.return %y
}

dl.model @booleans(%c: tensor<5xi1>, %a: tensor<5xi1>, %b: tensor<5xi1>) {
  %y = dl.select %c, %a, %b
  dl.return %y
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: dl.select %c, %a, %b : tensor<?x17xf32>
dl.model @open_batch(%c: tensor<?x1xi1>, %a: tensor<?x17xf32>, %b: tensor<17xf32>) attributes {check.batch = [0, 1, 4]} {
  %y = dl.select %c, %a, %b
  dl.return %y
}

dl.model @masked(%x: tensor<4x9xf32>) attributes {check.gradient = true} {
  %zero = dl.constant dense<0.0> : tensor<f32>
  %c = dl.compare %x, %zero {predicate = gt}
  %e = dl.exp %x
  %y = dl.select %c, %e, %x
  dl.return %y
}

// -----

dl.model @condition(%c: tensor<2xf32>) {
  // expected-error @below {{operand #0 must be ranked tensor of 1-bit signless integer values, but got 'tensor<2xf32>'}}
  %y = dl.select %c, %c, %c
  dl.return %y
}

// -----

dl.model @element_types(%c: tensor<2xi1>, %a: tensor<2xf32>, %b: tensor<2xf64>) {
  // expected-error @below {{expected operands of one element type, got 'f32' and 'f64'}}
  %y = dl.select %c, %a, %b
  dl.return %y
}

// -----

dl.model @shapes(%c: tensor<2xi1>, %a: tensor<2xf32>, %b: tensor<3xf32>) {
  // expected-error @below {{expected shapes that broadcast, got 2 and 3: dimension 0 is 2 against 3}}
  %y = dl.select %c, %a, %b
  dl.return %y
}

// -----

dl.model @condition_shape(%c: tensor<4xi1>, %a: tensor<2xf32>, %b: tensor<2xf32>) {
  // expected-error @below {{expected shapes that broadcast, got 4 and 2: dimension 0 is 4 against 2}}
  %y = dl.select %c, %a, %b
  dl.return %y
}
