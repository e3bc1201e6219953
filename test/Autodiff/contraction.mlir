// RUN: dlc-opt %s --dl-differentiate=cotangent | FileCheck %s
// RUN: dlc-opt %s --dl-differentiate=cotangent --dl-differentiate=cotangent | dlc-opt -o /dev/null

// CHECK-LABEL: dl.model @matmul(
// CHECK-NEXT: %[[DA:.*]] = dl.matmul %cotangent, %b {transpose_b = true} : tensor<2x3xf32>
// CHECK-NEXT: %[[DB:.*]] = dl.matmul %a, %cotangent {transpose_a = true} : tensor<3x4xf32>
// CHECK-NEXT: dl.return %[[DA]], %[[DB]]
dl.model @matmul(%a: tensor<2x3xf32>, %b: tensor<3x4xf32>) {
  %c = dl.matmul %a, %b
  dl.return %c
}

// CHECK-LABEL: dl.model @matmul_ta(
// CHECK-NEXT: dl.matmul %b, %cotangent {transpose_b = true} : tensor<3x2xf32>
// CHECK-NEXT: dl.matmul %a, %cotangent : tensor<3x4xf32>
dl.model @matmul_ta(%a: tensor<3x2xf32>, %b: tensor<3x4xf32>) {
  %c = dl.matmul %a, %b {transpose_a = true}
  dl.return %c
}

// CHECK-LABEL: dl.model @matmul_tb(
// CHECK-NEXT: dl.matmul %cotangent, %b : tensor<2x3xf32>
// CHECK-NEXT: dl.matmul %cotangent, %a {transpose_a = true} : tensor<4x3xf32>
dl.model @matmul_tb(%a: tensor<2x3xf32>, %b: tensor<4x3xf32>) {
  %c = dl.matmul %a, %b {transpose_b = true}
  dl.return %c
}

// CHECK-LABEL: dl.model @matmul_ta_tb(
// CHECK-NEXT: dl.matmul %b, %cotangent {transpose_a = true, transpose_b = true} : tensor<3x2xf32>
// CHECK-NEXT: dl.matmul %cotangent, %a {transpose_a = true, transpose_b = true} : tensor<4x3xf32>
dl.model @matmul_ta_tb(%a: tensor<3x2xf32>, %b: tensor<4x3xf32>) {
  %c = dl.matmul %a, %b {transpose_a = true, transpose_b = true}
  dl.return %c
}

// Batches that were broadcast are summed.
// CHECK-LABEL: dl.model @matmul_batch(
// CHECK: %[[DA:.*]] = dl.matmul %cotangent, %b {transpose_b = true} : tensor<5x6x2x3xf32>
// CHECK: %[[DB:.*]] = dl.matmul %a, %cotangent {transpose_a = true} : tensor<5x6x3x4xf32>
// CHECK: dl.sum %[[DA]] {axes = [0], keepdims = true} : tensor<1x6x2x3xf32>
// CHECK: dl.sum %[[DB]] {axes = [1], keepdims = true} : tensor<5x1x3x4xf32>
dl.model @matmul_batch(%a: tensor<1x6x2x3xf32>, %b: tensor<5x1x3x4xf32>) {
  %c = dl.matmul %a, %b
  dl.return %c
}

// One matrix for all: one product over all rows.
// CHECK-LABEL: dl.model @matmul_shared(
// CHECK: %[[A:.*]] = dl.reshape %a {shape = [10, 3]}
// CHECK: %[[G:.*]] = dl.reshape %cotangent {shape = [10, 4]}
// CHECK: dl.matmul %[[A]], %[[G]] {transpose_a = true} : tensor<3x4xf32>
dl.model @matmul_shared(%a: tensor<5x2x3xf32>, %b: tensor<3x4xf32>) {
  %c = dl.matmul %a, %b
  dl.return %c
}

// CHECK-LABEL: dl.model @linear(
// CHECK-NEXT: %[[DX:.*]] = dl.linear %cotangent, %w {transpose_weight = true} : tensor<5x3xf32>
// CHECK-NEXT: %[[DW:.*]] = dl.matmul %x, %cotangent {transpose_a = true} : tensor<3x4xf32>
// CHECK-NEXT: %[[DB:.*]] = dl.sum %cotangent {axes = [0]} : tensor<4xf32>
// CHECK-NEXT: dl.return %[[DX]], %[[DW]], %[[DB]]
dl.model @linear(%x: tensor<5x3xf32>, %w: tensor<3x4xf32>, %b: tensor<4xf32>) {
  %y = dl.linear %x, %w, %b
  dl.return %y
}

// CHECK-LABEL: dl.model @linear_transposed(
// CHECK: dl.linear %cotangent, %w : tensor<2x5x3xf32>
// CHECK: %[[X:.*]] = dl.reshape %x {shape = [10, 3]}
// CHECK: %[[G:.*]] = dl.reshape %cotangent {shape = [10, 4]}
// CHECK: dl.matmul %[[G]], %[[X]] {transpose_a = true} : tensor<4x3xf32>
dl.model @linear_transposed(%x: tensor<2x5x3xf32>, %w: tensor<4x3xf32>) {
  %y = dl.linear %x, %w {transpose_weight = true}
  dl.return %y
}

// CHECK-LABEL: dl.model @linear_vector(
// CHECK: dl.linear %cotangent, %w {transpose_weight = true} : tensor<3xf32>
// CHECK: dl.reshape %x {shape = [1, 3]}
dl.model @linear_vector(%x: tensor<3xf32>, %w: tensor<3x4xf32>, %b: tensor<4xf32>) {
  %y = dl.linear %x, %w, %b
  dl.return %y
}
