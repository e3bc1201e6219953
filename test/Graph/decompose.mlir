// RUN: dlc-opt %s --dl-decompose | FileCheck %s

// Composites of composites too: nothing but primitives remains.
// CHECK-LABEL: @composites
// CHECK-NOT: dl.{{softmax|flatten|mse|mean|sgd}}
// CHECK: dl.return
dl.model @composites(%x: tensor<2x3x4xf32>, %t: tensor<2x12xf32>) {
  %w = dl.parameter "w" : tensor<2x12xf32>
  %1 = dl.flatten %x
  %2 = dl.softmax %1
  %loss = dl.mse %2, %t
  %mean = dl.mean %x
  %w1 = dl.sgd %w, %2 {lr = 0.1}
  dl.return %loss, %mean update "w" = %w1
}
