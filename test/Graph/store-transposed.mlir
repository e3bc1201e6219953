// RUN: dlc-opt %s --dl-store-transposed --cse | FileCheck %s

// CHECK-LABEL: @all_alike
// CHECK: %w = dl.parameter "w" {init = he_normal, storage = [2, 3, 1, 0]} : tensor<5x3x2x4xf32>
// CHECK-NOT: dl.transpose
// CHECK: %[[W:.*]] = dl.mul %w, %w
// CHECK: update "w" = %[[W]]
dl.model @all_alike() {
  %w = dl.parameter "w" {init = he_normal} : tensor<4x2x5x3xf32>
  %1 = dl.transpose %w {permutation = [2, 3, 1, 0]}
  %2 = dl.transpose %w {permutation = [2, 3, 1, 0]}
  %3 = dl.mul %1, %2
  %4 = dl.transpose %3 {permutation = [3, 2, 0, 1]}
  dl.return update "w" = %4
}

// An update in the declared order is transposed.
// CHECK-LABEL: @update_follows
// CHECK: %w = dl.parameter "w" {storage = [1, 0]} : tensor<3x2xf32>
// CHECK: %[[N:.*]] = dl.transpose %x {permutation = [1, 0]}
// CHECK: dl.return %w update "w" = %[[N]]
dl.model @update_follows(%x: tensor<2x3xf32>) {
  %w = dl.parameter "w" : tensor<2x3xf32>
  %1 = dl.transpose %w {permutation = [1, 0]}
  dl.return %1 update "w" = %x {output_names = ["y"]}
}

// Stored already: the permutations follow one another.
// CHECK-LABEL: @again
// CHECK: %w = dl.parameter "w" {storage = [2, 1, 0]} : tensor<5x4x3xf32>
dl.model @again() {
  %w = dl.parameter "w" {storage = [2, 0, 1]} : tensor<5x3x4xf32>
  %1 = dl.transpose %w {permutation = [0, 2, 1]}
  dl.return %1
}

// Readers that differ.
// CHECK-LABEL: @apart
// CHECK: %w = dl.parameter "w" : tensor<2x3xf32>
// CHECK: %v = dl.parameter "v" : tensor<2x3x4xf32>
dl.model @apart() {
  %w = dl.parameter "w" : tensor<2x3xf32>
  %v = dl.parameter "v" : tensor<2x3x4xf32>
  %1 = dl.transpose %w {permutation = [1, 0]}
  %2 = dl.transpose %v {permutation = [2, 1, 0]}
  %3 = dl.transpose %v {permutation = [1, 0, 2]}
  dl.return %w, %1, %2, %3
}
