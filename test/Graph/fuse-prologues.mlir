// RUN: dlc-opt %s --dl-form-kernels --dl-fuse-loops --dl-fuse-prologues | FileCheck %s

// CHECK-LABEL: @mask
// CHECK: dl.kernel "matmul+compare+select"(%in0 = %y, %in1 = %g, %in2 = %w) {
// CHECK:   %[[G:.*]] = dl.select {{.*}}, %in1,
// CHECK:   dl.matmul %[[G]], %in2
// CHECK-NOT: dl.kernel
dl.model @mask(%y: tensor<4x5xf32>, %g: tensor<4x5xf32>, %w: tensor<5x3xf32>) {
  %zero = dl.constant dense<0.0> : tensor<f32>
  %1 = dl.compare %y, %zero {predicate = gt}
  %2 = dl.select %1, %g, %zero
  %3 = dl.matmul %2, %w
  dl.return %3
}

// Into the epilogue: what computes another operand of it.
// CHECK-LABEL: @epilogue
// CHECK: dl.kernel "matmul+exp+add"
// CHECK-NOT: dl.kernel
dl.model @epilogue(%x: tensor<4x5xf32>, %w: tensor<5x3xf32>, %z: tensor<4x3xf32>) {
  %0 = dl.exp %z
  %y = dl.kernel "matmul+add"(%a = %x, %b = %w, %c = %0) {
    %1 = dl.matmul %a, %b
    %2 = dl.add %1, %c
    dl.yield %2
  }
  dl.return %y
}

// Too dear to compute for each tile; read twice; of a smaller shape.
// CHECK-LABEL: @apart
// CHECK: dl.kernel "exp"
// CHECK: dl.kernel "matmul"
// CHECK: dl.kernel "neg"
// CHECK: dl.kernel "matmul"
// CHECK: dl.kernel "add"
// CHECK: dl.kernel "matmul"
dl.model @apart(%x: tensor<4x5xf32>, %w: tensor<5x3xf32>, %b: tensor<5xf32>) {
  %1 = dl.exp %x
  %2 = dl.matmul %1, %w
  %3 = dl.neg %x
  %4 = dl.matmul %3, %w
  %5 = dl.add %x, %b
  %6 = dl.matmul %5, %w
  dl.return %2, %3, %4, %6
}
