// RUN: dlc-opt %s -dl-graph-pipeline "-dl-codegen=packs-variables=true" | FileCheck %s
// RUN: dlc-opt %s -dl-graph-pipeline -dl-codegen | FileCheck %s --check-prefix=EACH

// What is packed of a variable is packed by a function of its own, into memory whose
// address follows those of the variables, and the program reads it there.
// CHECK: module @dlc_dense {
// CHECK-LABEL: llvm.func @dlc_dense(
// CHECK-SAME: %[[VARIABLES:.*]]: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr)
// CHECK: llvm.getelementptr %[[VARIABLES]][2]
// CHECK-NOT: dense_k0_matmul_add_entry0
// CHECK: dense_k0_matmul_add_entry1
// CHECK-LABEL: llvm.func @dlc_dense_pack(
// CHECK-SAME: %[[PACKED:.*]]: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %[[SCRATCH:.*]]: !llvm.ptr, %{{.*}}: !llvm.ptr)
// CHECK: llvm.getelementptr %[[PACKED]][0]
// CHECK: llvm.getelementptr %[[PACKED]][2]
// CHECK: llvm.store %[[SCRATCH]]
// CHECK: dense_k0_matmul_add_entry0
// CHECK-NOT: dense_k0_matmul_add_entry1

// EACH: llvm.func @dlc_dense(
// EACH-NOT: _pack(
dl.model @dense(%x: tensor<64x512xf32>) {
  %w = dl.parameter "w" : tensor<1024x512xf32>
  %b = dl.parameter "b" : tensor<1024xf32>
  %y = dl.linear %x, %w, %b {transpose_weight = true}
  dl.return %y
}

// A variable that the program writes is packed in each run, and so is an input.
// CHECK: module @dlc_updated {
// CHECK: llvm.func @dlc_updated(
// CHECK-NOT: _pack(
dl.model @updated(%x: tensor<64x512xf32>, %v: tensor<512x1024xf32>) {
  %w = dl.parameter "w" : tensor<512x1024xf32>
  %y = dl.matmul %x, %w
  %z = dl.matmul %x, %v
  %next = dl.add %w, %w
  dl.return %y, %z update "w" = %next
}
