// RUN: dlc-opt %s --dl-simplify | FileCheck %s

// CHECK-LABEL: @transposed_operands
// CHECK: dl.matmul %a, %b {transpose_a = true} : tensor<2x4x6xf32>
// CHECK: dl.matmul %c, %b : tensor<2x4x6xf32>
// CHECK: %[[T:.*]] = dl.transpose %d
// CHECK: dl.matmul %[[T]], %b
dl.model @transposed_operands(%a: tensor<2x5x4xf32>, %b: tensor<2x5x6xf32>, %c: tensor<2x4x5xf32>,
                              %d: tensor<4x2x5xf32>) {
  %1 = dl.transpose %a {permutation = [0, 2, 1]}
  %2 = dl.matmul %1, %b
  %3 = dl.transpose %c {permutation = [0, 2, 1]}
  %4 = dl.matmul %3, %b {transpose_a = true}
  %5 = dl.transpose %d {permutation = [1, 0, 2]}
  %6 = dl.matmul %5, %b
  dl.return %2, %4, %6
}

// CHECK-LABEL: @broadcasts
// CHECK-DAG: dl.add %x, %b
// CHECK-DAG: %[[B:.*]] = dl.broadcast %b
// CHECK-DAG: dl.exp %[[B]]
// CHECK-DAG: %[[C:.*]] = dl.constant dense<4.000000e+00>
// CHECK-DAG: dl.mul %b, %[[C]] : tensor<3xf32>
dl.model @broadcasts(%x: tensor<4x3xf32>, %b: tensor<3xf32>) {
  %1 = dl.broadcast %b {shape = [4, 3]}
  %2 = dl.add %x, %1
  %3 = dl.exp %1
  %4 = dl.sum %1 {axes = [0]}
  dl.return %2, %3, %4
}

// CHECK-LABEL: @reductions
// CHECK: dl.reshape %x {shape = [4, 3]}
// CHECK: dl.sum %y {axes = [1], keepdims = true}
// CHECK: dl.max %y {axes = [0]} : tensor<3xf32>
dl.model @reductions(%x: tensor<4x1x3xf32>, %y: tensor<4x3xf32>) {
  %1 = dl.sum %x {axes = [1]}
  %2 = dl.sum %y {axes = [1]}
  %3 = dl.reshape %2 {shape = [4, 1]}
  %4 = dl.max %y {axes = [0], keepdims = true}
  %5 = dl.reshape %4 {shape = [3]}
  dl.return %1, %3, %5
}

// Sums of elements that differ, and of none.
// CHECK-LABEL: @sums_that_stay
// CHECK-COUNT-2: dl.sum
dl.model @sums_that_stay(%b: tensor<3xf32>) {
  %1 = dl.broadcast %b {shape = [4, 3]}
  %2 = dl.sum %1
  %3 = dl.broadcast %b {shape = [0, 3]}
  %4 = dl.sum %3 {axes = [0]}
  dl.return %2, %4
}

// CHECK-LABEL: @quotients
// CHECK: %[[Q:.*]] = dl.constant dense<2.500000e-01>
// CHECK: dl.mul %x, %[[Q]]
// CHECK: dl.div %x
dl.model @quotients(%x: tensor<3xf32>) {
  %four = dl.constant dense<4.0> : tensor<f32>
  %three = dl.constant dense<3.0> : tensor<f32>
  %1 = dl.div %x, %four
  %2 = dl.div %x, %three
  dl.return %1, %2
}

// Tables are computed at compile time, but for functions that are not rounded
// correctly.
// CHECK-LABEL: @tables
// CHECK-DAG: dl.constant dense<{{\[\[}}1.100000e+01, 2.200000e+01], [1.300000e+01, 2.400000e+01]]>
// CHECK-DAG: dl.exp
dl.model @tables() {
  %a = dl.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %b = dl.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %1 = dl.add %a, %b
  %2 = dl.exp %a
  dl.return %1, %2
}
