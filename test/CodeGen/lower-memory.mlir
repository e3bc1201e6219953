// RUN: dlc-opt %s -dl-codegen="lower=true" | FileCheck %s

// Memory is a pointer from the start; the constant part of an index is a distance of its own.
// CHECK-LABEL: llvm.func internal @twice_k0_add_phase0
// CHECK-NOT: llvm.insertvalue
// CHECK: %[[AT:.*]] = llvm.getelementptr %arg3[%[[INDEX:.*]]] : (!llvm.ptr, i64) -> !llvm.ptr, f32
// CHECK-NEXT: llvm.load %[[AT]] {alignment = 4 : i64}
// CHECK: %[[NEXT:.*]] = llvm.getelementptr %[[AT]][16] : (!llvm.ptr) -> !llvm.ptr, f32
// CHECK-NEXT: llvm.load %[[NEXT]]
// CHECK-NOT: llvm.getelementptr %arg3[
dl.model @twice(%x: tensor<4096xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "add"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %r = dl.add %a, %a
    dl.yield %r
  }
  dl.return %y
}
