// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known(
// CHECK: %{{.*}} = dl.matmul %a, %b : tensor<2x2xf32>
dl.model @known(%a: tensor<2x3xf32>, %b: tensor<3x2xf32>) attributes {
    check.value.a = dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>,
    check.value.b = dense<[[1.0, -1.0], [0.0, 2.0], [0.5, 1.0]]> : tensor<3x2xf32>,
    check.expect.y = dense<[[2.5, 6.0], [7.0, 12.0]]> : tensor<2x2xf32>,
    check.exact} {
  %y = dl.matmul %a, %b
  dl.return %y
}

// CHECK-LABEL: dl.model @known_tb(
// CHECK: %{{.*}} = dl.matmul %a, %b {transpose_b = true} : tensor<2x2xf32>
dl.model @known_tb(%a: tensor<2x3xf32>, %b: tensor<2x3xf32>) attributes {
    check.value.a = dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>,
    check.value.b = dense<[[1.0, 0.0, 0.5], [-1.0, 2.0, 1.0]]> : tensor<2x3xf32>,
    check.expect.y = dense<[[2.5, 6.0], [7.0, 12.0]]> : tensor<2x2xf32>,
    check.exact} {
  %y = dl.matmul %a, %b {transpose_b = true}
  dl.return %y
}

// CHECK-LABEL: dl.model @known_ta(
// CHECK: %{{.*}} = dl.matmul %a, %b {transpose_a = true} : tensor<2x2xf32>
dl.model @known_ta(%a: tensor<3x2xf32>, %b: tensor<3x2xf32>) attributes {
    check.value.a = dense<[[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]> : tensor<3x2xf32>,
    check.value.b = dense<[[1.0, -1.0], [0.0, 2.0], [0.5, 1.0]]> : tensor<3x2xf32>,
    check.expect.y = dense<[[2.5, 6.0], [7.0, 12.0]]> : tensor<2x2xf32>,
    check.exact} {
  %y = dl.matmul %a, %b {transpose_a = true}
  dl.return %y
}

// CHECK-LABEL: dl.model @known_ta_tb(
// CHECK: %{{.*}} = dl.matmul %a, %b {transpose_a = true, transpose_b = true} : tensor<2x2xf32>
dl.model @known_ta_tb(%a: tensor<3x2xf32>, %b: tensor<2x3xf32>) attributes {
    check.value.a = dense<[[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]> : tensor<3x2xf32>,
    check.value.b = dense<[[1.0, 0.0, 0.5], [-1.0, 2.0, 1.0]]> : tensor<2x3xf32>,
    check.expect.y = dense<[[2.5, 6.0], [7.0, 12.0]]> : tensor<2x2xf32>,
    check.exact} {
  %y = dl.matmul %a, %b {transpose_a = true, transpose_b = true}
  dl.return %y
}

dl.model @one(%a: tensor<1x1xf32>, %b: tensor<1x1xf32>) {
  %y = dl.matmul %a, %b
  dl.return %y
}

dl.model @row(%a: tensor<1x9xf32>, %b: tensor<9x19xf32>) {
  %y = dl.matmul %a, %b
  dl.return %y
}

dl.model @column(%a: tensor<19x9xf32>, %b: tensor<9x1xf32>) {
  %y = dl.matmul %a, %b
  dl.return %y
}

dl.model @outer(%a: tensor<5x1xf32>, %b: tensor<1x18xf32>) {
  %y = dl.matmul %a, %b
  dl.return %y
}

dl.model @odd(%a: tensor<7x5xf32>, %b: tensor<5x19xf32>) attributes {check.second_gradient = false} {
  %y = dl.matmul %a, %b
  dl.return %y
}

dl.model @deep(%a: tensor<3x37xf32>, %b: tensor<37x5xf32>) attributes {check.second_gradient = false} {
  %y = dl.matmul %a, %b
  dl.return %y
}

dl.model @large_nn(%a: tensor<33x35xf32>, %b: tensor<35x37xf32>) attributes {check.gradient = false} {
  %y = dl.matmul %a, %b
  dl.return %y
}

dl.model @odd_nn(%a: tensor<5x3xf32>, %b: tensor<3x7xf32>) {
  %y = dl.matmul %a, %b
  dl.return %y
}

dl.model @large_nt(%a: tensor<33x35xf32>, %b: tensor<37x35xf32>) attributes {check.gradient = false} {
  %y = dl.matmul %a, %b {transpose_b = true}
  dl.return %y
}

dl.model @odd_nt(%a: tensor<5x3xf32>, %b: tensor<7x3xf32>) {
  %y = dl.matmul %a, %b {transpose_b = true}
  dl.return %y
}

dl.model @large_tn(%a: tensor<35x33xf32>, %b: tensor<35x37xf32>) attributes {check.gradient = false} {
  %y = dl.matmul %a, %b {transpose_a = true}
  dl.return %y
}

dl.model @odd_tn(%a: tensor<3x5xf32>, %b: tensor<3x7xf32>) {
  %y = dl.matmul %a, %b {transpose_a = true}
  dl.return %y
}

dl.model @large_tt(%a: tensor<35x33xf32>, %b: tensor<37x35xf32>) attributes {check.gradient = false} {
  %y = dl.matmul %a, %b {transpose_a = true, transpose_b = true}
  dl.return %y
}

dl.model @odd_tt(%a: tensor<3x5xf32>, %b: tensor<7x3xf32>) {
  %y = dl.matmul %a, %b {transpose_a = true, transpose_b = true}
  dl.return %y
}

// CHECK-LABEL: dl.model @nothing_summed(
// CHECK: dl.matmul %a, %b : tensor<2x3xf32>
dl.model @nothing_summed(%a: tensor<2x0xf32>, %b: tensor<0x3xf32>) attributes {
    check.expect.y = dense<[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]> : tensor<2x3xf32>} {
  %y = dl.matmul %a, %b
  dl.return %y
}

// CHECK-LABEL: dl.model @empty(
// CHECK: dl.matmul %a, %b : tensor<0x2xf32>
dl.model @empty(%a: tensor<0x3xf32>, %b: tensor<3x2xf32>) {
  %y = dl.matmul %a, %b
  dl.return %y
}

// CHECK-LABEL: dl.model @batch(
// CHECK: dl.matmul %a, %b : tensor<3x2x4xf32>
dl.model @batch(%a: tensor<3x2x5xf32>, %b: tensor<3x5x4xf32>) {
  %y = dl.matmul %a, %b
  dl.return %y
}

// CHECK-LABEL: dl.model @batch_broadcast(
// CHECK: dl.matmul %a, %b : tensor<3x2x2x3xf32>
dl.model @batch_broadcast(%a: tensor<3x1x2x5xf32>, %b: tensor<2x5x3xf32>) {
  %y = dl.matmul %a, %b
  dl.return %y
}

// CHECK-LABEL: dl.model @batch_and_matrix(
// CHECK: dl.matmul %a, %b : tensor<3x2x4xf32>
dl.model @batch_and_matrix(%a: tensor<3x2x5xf32>, %b: tensor<5x4xf32>) {
  %y = dl.matmul %a, %b
  dl.return %y
}

// CHECK-LABEL: dl.model @batch_transposed(
// CHECK: tensor<2x3x4xf32>
dl.model @batch_transposed(%a: tensor<2x5x3xf32>, %b: tensor<2x4x5xf32>) {
  %y = dl.matmul %a, %b {transpose_a = true, transpose_b = true}
  dl.return %y
}

dl.model @same_operand(%a: tensor<4x4xf32>) {
  %y = dl.matmul %a, %a {transpose_b = true}
  dl.return %y
}

dl.model @wide(%a: tensor<5x7xf64>, %b: tensor<7x9xf64>) attributes {check.second_gradient = false} {
  %y = dl.matmul %a, %b
  dl.return %y
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: dl.matmul %a, %b : tensor<?x9xf32>
dl.model @open_batch(%a: tensor<?x7xf32>, %b: tensor<7x9xf32>) attributes {
    check.batch = [0, 1, 5],
    check.second_gradient = false} {
  %y = dl.matmul %a, %b
  dl.return %y
}

// -----

dl.model @element_types(%a: tensor<2x3xf32>, %b: tensor<3x2xf64>) {
  // expected-error @below {{expected operands of one element type, got 'f32' and 'f64'}}
  %y = dl.matmul %a, %b
  dl.return %y
}

// -----

dl.model @vector(%a: tensor<3xf32>, %b: tensor<3x2xf32>) {
  // expected-error @below {{expected operands of at least 2 dimensions, got 1 and 2}}
  %y = dl.matmul %a, %b
  dl.return %y
}

// -----

dl.model @inner(%a: tensor<2x3xf32>, %b: tensor<4x2xf32>) {
  // expected-error @below {{expected equal inner extents, got 3 of lhs 2x3 and 4 of rhs 4x2}}
  %y = dl.matmul %a, %b
  dl.return %y
}

// -----

dl.model @inner_transposed(%a: tensor<2x3xf32>, %b: tensor<3x2xf32>) {
  // expected-error @below {{expected equal inner extents, got 3 of lhs 2x3 and 2 of rhs 3x2}}
  %y = dl.matmul %a, %b {transpose_b = true}
  dl.return %y
}

// -----

dl.model @batch_extents(%a: tensor<2x2x3xf32>, %b: tensor<3x3x2xf32>) {
  // expected-error @below {{expected shapes that broadcast, got 2 and 3: dimension 0 is 2 against 3}}
  %y = dl.matmul %a, %b
  dl.return %y
}

// -----

dl.model @integers(%a: tensor<2x2xi32>, %b: tensor<2x2xi32>) {
  // expected-error @below {{operand #0 must be ranked tensor of 32-bit float or 64-bit float values, but got 'tensor<2x2xi32>'}}
  %y = dl.matmul %a, %b
  dl.return %y
}
