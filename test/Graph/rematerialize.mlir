// RUN: dlc-opt %s --dl-rematerialize | FileCheck %s

// CHECK-LABEL: @mask
// CHECK-COUNT-2: dl.compare
// CHECK: %[[A:.*]] = dl.cast
// CHECK: %[[B:.*]] = dl.cast
// CHECK-DAG: dl.mul %x, %[[B]]
// CHECK-DAG: dl.add %x, %[[A]]
dl.model @mask(%x: tensor<4xf32>, %y: tensor<4xf32>) {
  %1 = dl.compare %x, %y {predicate = lt}
  %2 = dl.cast %1 {to = f32}
  %3 = dl.mul %x, %2
  %4 = dl.add %x, %2
  dl.return %3, %4
}

// CHECK-LABEL: @not_cheap
// CHECK-COUNT-1: dl.exp
// CHECK-NOT: dl.exp
dl.model @not_cheap(%x: tensor<4xf32>) {
  %1 = dl.exp %x
  %2 = dl.mul %1, %1
  %3 = dl.neg %1
  dl.return %2, %3
}

// A normalisation's sums take the convolution's result from memory, so what else is
// computed from it is, too.
// CHECK-LABEL: @normalised
// CHECK: %[[C:.*]] = dl.conv2d
// CHECK: %[[SUM:.*]] = dl.sum %[[C]]
// CHECK-NEXT: %[[S1:.*]] = dl.sub %[[C]], %[[SUM]]
// CHECK-NEXT: %[[S2:.*]] = dl.sub %[[C]], %[[SUM]]
// CHECK-NEXT: dl.mul %[[S2]], %[[S2]]
// CHECK-NEXT: %[[S3:.*]] = dl.sub %[[C]], %[[SUM]]
// CHECK-NEXT: %[[N3:.*]] = dl.mul %[[S3]], %r
// CHECK-NEXT: %[[N1:.*]] = dl.mul %[[S1]], %r
// CHECK-NEXT: dl.add %[[N1]], %b
// CHECK-NEXT: dl.mul %g, %[[N3]]
dl.model @normalised(%x: tensor<2x8x8x3xf32>, %w: tensor<3x3x3x4xf32>, %b: tensor<4xf32>, %r: tensor<4xf32>, %g: tensor<2x6x6x4xf32>) {
  %c = dl.conv2d %x, %w {layout = nhwc}
  %sum = dl.sum %c {axes = [0, 1, 2]}
  %s = dl.sub %c, %sum
  %q = dl.mul %s, %s
  %n = dl.mul %s, %r
  %y = dl.add %n, %b
  %p = dl.mul %g, %n
  dl.return %q, %y, %p
}

// Without a reduction, or for a product, the value is computed once.
// CHECK-LABEL: @once
// CHECK-COUNT-1: dl.add
// CHECK-NOT: dl.add
// CHECK-COUNT-1: dl.sub
// CHECK-NOT: dl.sub
dl.model @once(%x: tensor<4x3xf32>, %w: tensor<3x3xf32>, %b: tensor<3xf32>) {
  %1 = dl.matmul %x, %w
  %2 = dl.add %1, %b
  %3 = dl.relu %2
  %4 = dl.neg %2
  %5 = dl.matmul %3, %w
  %6 = dl.sum %5 {axes = [0]}
  %7 = dl.sub %5, %6
  %8 = dl.matmul %7, %w
  %10 = dl.exp %7
  dl.return %4, %8, %10
}

// The same where the sums are of distances from a guess.
// CHECK-LABEL: @normalised_from_guess
// CHECK: %[[C:.*]] = dl.conv2d
// CHECK: dl.sub %[[C]], %guess
// CHECK: %[[S1:.*]] = dl.sub %[[C]], %[[M:.*]] :
// CHECK-NEXT: %[[S2:.*]] = dl.sub %[[C]], %[[M]]
// CHECK-NEXT: %[[N2:.*]] = dl.mul %[[S2]], %r
// CHECK-NEXT: %[[N1:.*]] = dl.mul %[[S1]], %r
// CHECK-NEXT: dl.add %[[N1]], %b
// CHECK-NEXT: dl.mul %g, %[[N2]]
dl.model @normalised_from_guess(%x: tensor<2x8x8x3xf32>, %w: tensor<3x3x3x4xf32>, %b: tensor<4xf32>, %r: tensor<4xf32>, %guess: tensor<4xf32>, %g: tensor<2x6x6x4xf32>) {
  %c = dl.conv2d %x, %w {layout = nhwc}
  %d = dl.sub %c, %guess
  %sum = dl.sum %d {axes = [0, 1, 2]}
  %m = dl.add %guess, %sum
  %s = dl.sub %c, %m
  %n = dl.mul %s, %r
  %y = dl.add %n, %b
  %p = dl.mul %g, %n
  dl.return %y, %p
}
