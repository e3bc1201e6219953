// RUN: dlc-opt %s --dl-graph-pipeline -dl-codegen=vector-bits=512 | FileCheck %s

// All tasks read all of the small operand, which is packed before: each worker packs its own.
// CHECK: module @dlc_{{[a-z]+}} {
// CHECK: llvm.func @dlrt_prepared_for(!llvm.ptr, !llvm.ptr, i64, !llvm.ptr, !llvm.ptr, i64, i64)
// CHECK: llvm.func @dlc_small(
// CHECK: %[[TASKS:.*]] = llvm.mlir.constant(80 : i64)
// CHECK-NEXT: %[[ENTRY:.*]] = llvm.mlir.addressof @small_k0_matmul_entry1
// CHECK-NEXT: %[[PREPARE:.*]] = llvm.mlir.addressof @small_k0_matmul_entry0
// CHECK-NEXT: %[[PREPARES:.*]] = llvm.mlir.constant(2 : i64)
// CHECK-NEXT: %[[ROW:.*]] = llvm.mlir.constant(0 : i64)
// CHECK-NEXT: llvm.call @dlrt_prepared_for(%{{.*}}, %[[PREPARE]], %[[PREPARES]], %[[ENTRY]], %{{.*}}, %[[TASKS]], %[[ROW]])
// CHECK-NEXT: llvm.return
dl.model @small(%a: tensor<64x256xf32>, %b: tensor<512x256xf32>) {
  %1 = dl.matmul %a, %b {transpose_b = true}
  dl.return %1
}

// What no second worker helps with is prepared by the one.
// CHECK: llvm.func @dlc_tiny(
// CHECK: llvm.call @tiny_k0_matmul_entry0
// CHECK: llvm.call @tiny_k0_matmul_entry1
// CHECK-NEXT: llvm.return
dl.model @tiny(%a: tensor<16x64xf32>, %b: tensor<128x64xf32>) {
  %1 = dl.matmul %a, %b {transpose_b = true}
  dl.return %1
}
