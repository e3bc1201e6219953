// RUN: dlc-opt %s --dl-form-kernels | FileCheck %s

// CHECK-LABEL: @each_op_a_kernel
dl.model @each_op_a_kernel(%x: tensor<4x3xf32>) {
  // CHECK-NEXT: %w = dl.parameter "w"
  %w = dl.parameter "w" : tensor<3x2xf32>
  // A value for all elements is carried inside, a table is an argument.
  // CHECK-NEXT: %[[TABLE:.*]] = dl.constant
  %half = dl.constant dense<0.5> : tensor<f32>
  %table = dl.constant dense<[1.0, 2.0]> : tensor<2xf32>
  // CHECK-NEXT: %[[Y:.*]] = dl.kernel "matmul"(%in0 = %x, %in1 = %w) {
  // CHECK-NEXT:   %[[P:.*]] = dl.matmul %in0, %in1
  // CHECK-NEXT:   dl.yield %[[P]]
  %1 = dl.matmul %x, %w
  // CHECK: %[[H:.*]] = dl.kernel "mul"(%in0 = %[[Y]]) {
  // CHECK-NEXT:   dl.constant dense<5.0
  %2 = dl.mul %1, %half
  // CHECK: %[[T:.*]] = dl.kernel "add"(%in0 = %[[H]], %in1 = %[[TABLE]]) {
  %3 = dl.add %2, %table
  // One argument for an operand that is used twice.
  // CHECK: %[[S:.*]] = dl.kernel "mul"(%in0 = %[[T]]) {
  %4 = dl.mul %3, %3
  // A reshape is a view.
  // CHECK: dl.reshape %[[S]]
  %5 = dl.reshape %4 {shape = [8]}
  dl.return %5
}
