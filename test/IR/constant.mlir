// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @values(
dl.model @values() attributes {check.exact,
    check.expect.a = dense<0.5> : tensor<f32>, check.expect.b = dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf64>,
    check.expect.c = dense<[true, false]> : tensor<2xi1>, check.expect.d = dense<-7> : tensor<3xi32>,
    check.expect.e = dense<9223372036854775807> : tensor<i64>, check.expect.g = dense<0x7F800000> : tensor<f32>} {
  // CHECK: dl.constant dense<5.000000e-01> : tensor<f32>
  %a = dl.constant dense<0.5> : tensor<f32>
  // CHECK: dl.constant dense<{{.*}}> : tensor<2x2xf64>
  %b = dl.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf64>
  // CHECK: dl.constant dense<[true, false]> : tensor<2xi1>
  %c = dl.constant dense<[true, false]> : tensor<2xi1>
  // CHECK: dl.constant dense<-7> : tensor<3xi32>
  %d = dl.constant dense<-7> : tensor<3xi32>
  // CHECK: dl.constant dense<9223372036854775807> : tensor<i64>
  %e = dl.constant dense<9223372036854775807> : tensor<i64>
  // CHECK: dl.constant dense<> : tensor<0x3xf32>
  %f = dl.constant dense<> : tensor<0x3xf32>
  // CHECK: dl.constant dense<0x7F800000> : tensor<f32>
  %g = dl.constant dense<0x7F800000> : tensor<f32>
  dl.return %a, %b, %c, %d, %e, %f, %g
}

dl.model @operand(%x: tensor<?x3xf32>) {
  %c = dl.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %y = dl.mul %x, %c
  dl.return %y
}

// -----

dl.model @number() {
  // expected-error @below {{expected a dense tensor value}}
  %c = dl.constant 3.0
  dl.return
}

// -----

dl.model @vector() {
  // expected-error @below {{expected a dense tensor value}}
  %c = dl.constant dense<1.0> : vector<3xf32>
  dl.return
}

// -----

dl.model @sparse() {
  // expected-error @below {{expected a dense tensor value}}
  %c = dl.constant sparse<[[0]], [1.0]> : tensor<3xf32>
  dl.return
}

// -----

dl.model @list() {
  // expected-error @below {{expected a dense tensor value}}
  %c = dl.constant [1.0, 2.0]
  dl.return
}

// -----

dl.model @half() {
  // expected-error @below {{result #0 must be ranked tensor of 32-bit float or 64-bit float or 1-bit signless integer or 32-bit signless integer or 64-bit signless integer values, but got 'tensor<3xf16>'}}
  %c = dl.constant dense<1.0> : tensor<3xf16>
  dl.return
}

// -----

dl.model @other_type() {
  // expected-error @below {{expected a value of type 'tensor<3xf32>', got 'tensor<2xf32>'}}
  %c = "dl.constant"() {value = dense<1.0> : tensor<2xf32>} : () -> tensor<3xf32>
  dl.return
}

// -----

dl.model @other_sparse() {
  // expected-error @below {{expected a dense tensor value}}
  %c = "dl.constant"() {value = sparse<[[0]], [1.0]> : tensor<3xf32>} : () -> tensor<3xf32>
  dl.return
}
