// RUN: dlc-opt %s -dl-codegen | FileCheck %s
// RUN: dlc-opt %s -dl-codegen="masked=false" | FileCheck %s --check-prefix=SHORT
// RUN: dlc-opt %s -dl-codegen="lower=true" | FileCheck %s --check-prefix=LLVM

// Dimensions that all values walk together are one; elements behind the last
// full vector are masked, or a shorter vector.
// CHECK-LABEL: module @flat_k0_relu
// CHECK: func.func private @flat_k0_relu_phase0({{.*}}: memref<1000xf32>, {{.*}}: memref<1000xf32>, {{.*}}) attributes {dl.entry = "flat_k0_relu_entry0"
// CHECK: scf.for
// CHECK: scf.for
// CHECK: vector.load {{.*}} vector<16xf32>
// CHECK: arith.cmpf olt
// CHECK: arith.select
// CHECK: vector.store {{.*}} vector<16xf32>
// CHECK: vector.maskedload
// CHECK: vector.maskedstore
// SHORT-LABEL: module @flat_k0_relu
// SHORT-NOT: masked
// SHORT: vector.load {{.*}} vector<8xf32>
// LLVM-LABEL: module @flat_k0_relu
// LLVM: llvm.func @flat_k0_relu_entry0(%{{.*}}: i64, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: !llvm.ptr)
// LLVM: llvm.getelementptr %arg3[1] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
// LLVM-NOT: {{(scf|vector|memref|arith|func)[.]}}
// LLVM: module @dlc_{{[a-z]+}} {
dl.model @flat(%x: tensor<4x25x10xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "relu"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %r = dl.relu %a
    dl.yield %r
  }
  dl.return %y
}

// A broadcast operand is read at the index it has; a scalar in all lanes.
// CHECK-LABEL: module @broadcast_k0_affine
// CHECK: memref<32xf32>, %{{.*}}: memref<1xf32>
// CHECK: vector.broadcast {{.*}} : f32 to vector<16xf32>
dl.model @broadcast(%x: tensor<6x5x32xf32>, %b: tensor<32xf32>, %s: tensor<f32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "affine"(%a = %x, %c = %b, %d = %s) attributes {places = array<i64: 2, 0>} {
    %1 = dl.mul %a, %d
    %2 = dl.add %1, %c
    dl.yield %2
  }
  dl.return %y
}

// i1 is a byte in memory.
// CHECK-LABEL: module @bits_k0_compare
// CHECK: memref<16xi8>
// CHECK: arith.cmpf une
// CHECK: arith.extui {{.*}} : vector<16xi1> to vector<16xi8>
// CHECK: vector.store {{.*}} vector<16xi8>
dl.model @bits(%x: tensor<16xf32>, %y: tensor<16xf32>) attributes {arena_bytes = 0} {
  %z = dl.kernel "compare"(%a = %x, %b = %y) attributes {places = array<i64: 2, 0>} {
    %1 = dl.compare %a, %b {predicate = ne}
    dl.yield %1
  }
  dl.return %z
}

// An empty result: no task runs, and the program does not call one.
// CHECK-LABEL: module @empty_k0_neg
// CHECK: llvm.func @dlc_empty(
// CHECK-NOT: llvm.call
// CHECK: llvm.return
dl.model @empty(%x: tensor<0x3xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "neg"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %1 = dl.neg %a
    dl.yield %1
  }
  dl.return %y
}
