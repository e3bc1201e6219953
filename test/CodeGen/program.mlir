// RUN: dlc-opt %s -dl-codegen | FileCheck %s

// Identical kernels are generated once; places become pointers.
// CHECK: module @twice_k0_relu
// CHECK-NOT: module @twice_k1
// CHECK: module @dlc_{{[a-z]+}} {
// CHECK: llvm.func @twice_k0_relu_entry0(i64, i64, i64, !llvm.ptr)
// CHECK: llvm.func @dlrt_parallel_for(!llvm.ptr, !llvm.ptr, !llvm.ptr, i64)
// CHECK: llvm.func @dlc_twice(%[[VARIABLES:.*]]: !llvm.ptr, %[[INPUTS:.*]]: !llvm.ptr, %[[OUTPUTS:.*]]: !llvm.ptr, %[[ARENA:.*]]: !llvm.ptr, %[[POOL:.*]]: !llvm.ptr)
// CHECK: llvm.getelementptr %[[INPUTS]][0]
// CHECK: llvm.call @twice_k0_relu_entry0
// CHECK: llvm.getelementptr %[[OUTPUTS]][0]
// CHECK: llvm.call @twice_k0_relu_entry0
dl.model @twice(%x: tensor<64xf32>) attributes {arena_bytes = 256} {
  %h = dl.kernel "relu"(%a = %x) attributes {places = array<i64: 0, 0>} {
    %1 = dl.relu %a
    dl.yield %1
  }
  %y = dl.kernel "relu"(%b = %h) attributes {places = array<i64: 2, 0>} {
    %2 = dl.relu %b
    dl.yield %2
  }
  dl.return %y
}

// What takes a while goes to the pool; constants are globals.
// CHECK: module @dlc_{{[a-z]+}} {
// CHECK: llvm.mlir.global internal constant @constant0
// CHECK: llvm.func @dlc_large(
// CHECK: llvm.mlir.addressof @constant0
// CHECK: llvm.mlir.addressof @large_k0_add_entry0
// CHECK: llvm.call @dlrt_parallel_for
dl.model @large(%x: tensor<500000x2xf32>) attributes {arena_bytes = 0} {
  %c = dl.constant dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %r = dl.reshape %c {shape = [2]}
  %y = dl.kernel "add"(%a = %x, %b = %r) attributes {places = array<i64: 2, 0>} {
    %e = dl.exp %a
    %1 = dl.add %e, %b
    dl.yield %1
  }
  dl.return %y
}

// Weights that nothing writes are in the caches of both cores; as an input, they would have
// to cross over in each run, which takes longer than half of the products.
// CHECK: llvm.func @dlc_steady(
// CHECK: llvm.call @dlrt_parallel_for
// CHECK: llvm.func @dlc_unsteady(
// CHECK-NOT: llvm.call @dlrt_parallel_for
// CHECK: llvm.return
dl.model @steady(%x: tensor<2x256xf32>) attributes {arena_bytes = 0} {
  %w = dl.parameter "w" : tensor<256x192xf32>
  %y = dl.kernel "matmul"(%a = %x, %b = %w) attributes {places = array<i64: 2, 0>} {
    %1 = dl.matmul %a, %b
    dl.yield %1
  }
  dl.return %y
}

dl.model @unsteady(%x: tensor<2x256xf32>, %w: tensor<256x192xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "matmul"(%a = %x, %b = %w) attributes {places = array<i64: 2, 0>} {
    %1 = dl.matmul %a, %b
    dl.yield %1
  }
  dl.return %y
}

// Little arithmetic on much data is not worth another core's fetching it.
// CHECK: llvm.func @dlc_moved(
// CHECK-NOT: llvm.call @dlrt_parallel_for
// CHECK: llvm.return
dl.model @moved(%x: tensor<20000xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "add"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %1 = dl.add %a, %a
    dl.yield %1
  }
  dl.return %y
}
