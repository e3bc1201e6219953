// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

dl.model @known(%x: tensor<6xf32>) attributes {
    check.value.x = dense<[2.0, -0.5, 0.0, -0.0, 0x7F800000, 0x7FC00000]> : tensor<6xf32>,
    check.expect.result = dense<[0.5, -2.0, 0x7F800000, 0xFF800000, 0.0, 0x7FC00000]> : tensor<6xf32>,
    check.gradient = false} {
  %result = dl.reciprocal %x
  dl.return %result
}

// CHECK-LABEL: dl.model @scalar(
// CHECK: dl.reciprocal %x : tensor<f32>
dl.model @scalar(%x: tensor<f32>) {
  %result = dl.reciprocal %x
  dl.return %result
}

// CHECK-LABEL: dl.model @empty(
// CHECK: dl.reciprocal %x : tensor<0x3xf32>
dl.model @empty(%x: tensor<0x3xf32>) {
  %result = dl.reciprocal %x
  dl.return %result
}

// CHECK-LABEL: dl.model @odd(
// CHECK: dl.reciprocal %x : tensor<3x5x7xf32>
dl.model @odd(%x: tensor<3x5x7xf32>) {
  %result = dl.reciprocal %x
  dl.return %result
}

// CHECK-LABEL: dl.model @wide(
// CHECK: dl.reciprocal %x : tensor<2x33xf64>
dl.model @wide(%x: tensor<2x33xf64>) {
  %result = dl.reciprocal %x
  dl.return %result
}

// -----

dl.model @operands(%x: tensor<2xf32>) {
  // expected-error @below {{expected 1 operand, got 2}}
  %result = dl.reciprocal %x, %x
  dl.return %result
}
