// RUN: dlc-opt %s -dl-graph-pipeline "-dl-codegen=vector-bits=512 masked=true" | FileCheck %s

// Rows of 10: the ends of the rows of a tile are stored together, after what is read for them.
// CHECK-LABEL: func.func private @update_k0
// CHECK: scf.for
// CHECK: vector.maskedload
// CHECK: vector.maskedstore
// CHECK-NOT: vector.maskedload
// CHECK: vector.maskedstore
dl.model @update(%x: tensor<64x32xf32>, %w: tensor<64x10xf32>) {
  %k = dl.parameter "k" : tensor<32x10xf32>
  %p = dl.matmul %x, %k
  %y = dl.sub %w, %p
  dl.return %y
}
