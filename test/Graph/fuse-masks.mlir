// RUN: dlc-opt %s --dl-rematerialize --dl-form-kernels --dl-fuse-masks --dl-fuse-epilogues | FileCheck %s

// The mask goes to the select, which reads its operand, not to the product, which
// would have to store it.
// CHECK-LABEL: @relu_gradient
// CHECK: dl.kernel "matmul+relu"
// CHECK: dl.kernel "matmul+compare+select"
// CHECK-NOT: dl.kernel
dl.model @relu_gradient(%x: tensor<4x5xf32>, %w: tensor<5x3xf32>, %v: tensor<3x3xf32>) {
  %zero = dl.constant dense<0.0> : tensor<f32>
  %1 = dl.matmul %x, %w
  %2 = dl.relu %1
  %3 = dl.matmul %2, %v
  %4 = dl.compare %2, %zero {predicate = gt}
  %5 = dl.select %4, %3, %zero
  dl.return %2, %5
}

// A normalisation's forward and backward pass read the product alone.
// CHECK-LABEL: @normalised
// CHECK: %[[C:.*]] = dl.kernel "matmul"
// CHECK: dl.kernel "sub+mul+add"(%in0 = %[[C]]
// CHECK: dl.kernel "sub+mul"(%in0 = %[[C]]
// CHECK-NOT: dl.kernel
dl.model @normalised(%x: tensor<4x5xf32>, %w: tensor<5x3xf32>, %r: tensor<3xf32>, %b: tensor<3xf32>, %g: tensor<4x3xf32>) {
  %1 = dl.matmul %x, %w
  %2 = dl.sum %1 {axes = [0]}
  %3 = dl.sub %1, %2
  %4 = dl.mul %3, %r
  %5 = dl.add %4, %b
  %6 = dl.mul %4, %g
  dl.return %5, %6
}

// Also where its sums are of distances from a guess.
// CHECK-LABEL: @normalised_from_guess
// CHECK: %[[C:.*]] = dl.kernel "matmul"
// CHECK: dl.kernel "sub+sum"(%in0 = %[[C]]
// CHECK: dl.kernel "sub+mul+add"(%in0 = %[[C]]
// CHECK: dl.kernel "sub+mul"(%in0 = %[[C]]
// CHECK-NOT: dl.kernel
dl.model @normalised_from_guess(%x: tensor<4x5xf32>, %w: tensor<5x3xf32>, %r: tensor<3xf32>, %b: tensor<3xf32>, %guess: tensor<3xf32>, %g: tensor<4x3xf32>) {
  %1 = dl.matmul %x, %w
  %2 = dl.sub %1, %guess
  %3 = dl.sum %2 {axes = [0]}
  %m = dl.add %guess, %3
  %4 = dl.sub %1, %m
  %5 = dl.mul %4, %r
  %6 = dl.add %5, %b
  %7 = dl.mul %5, %g
  dl.return %6, %7
}
