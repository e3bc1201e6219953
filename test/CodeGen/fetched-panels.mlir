// RUN: dlc-opt %s -dl-graph-pipeline "-dl-codegen=packs-variables=true" | FileCheck %s

// Weights that are kept packed pass from outer memory: each tile of rows that meets a panel
// fetches its share of the next one into the L2 cache.
// CHECK-LABEL: func.func private @far_k0_matmul_phase1
// CHECK: memref.prefetch {{.*}}, read, locality<2>, data
// CHECK: llvm.func @dlc_far_pack
dl.model @far(%x: tensor<64x256xf32>) {
  %w = dl.parameter "w" : tensor<1024x256xf32>
  %y = dl.matmul %x, %w {transpose_b = true}
  dl.return %y
}

// The L2 cache holds these.
// CHECK-LABEL: func.func private @near_k0_matmul_phase1
// CHECK-NOT: memref.prefetch
// CHECK: llvm.func @dlc_near_pack
dl.model @near(%x: tensor<64x256xf32>) {
  %w = dl.parameter "w" : tensor<128x256xf32>
  %y = dl.matmul %x, %w {transpose_b = true}
  dl.return %y
}
