// RUN: dlc-opt %s -dl-codegen="lower=true" | FileCheck %s

// Memory is a pointer from the start; the constant part of an index is a distance of its own.
// CHECK-LABEL: llvm.func @twice_k0_add_entry0
// The entry loads the pointers from its last argument.
// CHECK: %[[ARG:.*]] = llvm.getelementptr %arg3[0]
// CHECK-NEXT: %[[X:.*]] = llvm.load %[[ARG]] : !llvm.ptr -> !llvm.ptr
// CHECK-NOT: llvm.insertvalue
// CHECK: %[[AT:.*]] = llvm.getelementptr %[[X]][%[[INDEX:.*]]] : (!llvm.ptr, i64) -> !llvm.ptr, f32
// CHECK-NEXT: llvm.load %[[AT]] {alignment = 4 : i64}
// CHECK: %[[NEXT:.*]] = llvm.getelementptr %[[AT]][16] : (!llvm.ptr) -> !llvm.ptr, f32
// CHECK-NEXT: llvm.load %[[NEXT]]
// CHECK-NOT: llvm.getelementptr %[[X]][%[[INDEX]]]
// CHECK: llvm.return
dl.model @twice(%x: tensor<4096xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "add"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %r = dl.add %a, %a
    dl.yield %r
  }
  dl.return %y
}

// Loops over K carry pointers into both operands.
// CHECK-LABEL: llvm.func @product_k0_matmul_entry0
// CHECK: %[[PLACE:.*]] = llvm.getelementptr %arg3[2]
// CHECK-NEXT: %[[RESULT:.*]] = llvm.load %[[PLACE]]
// CHECK: ^bb{{[0-9]+}}({{.*}} !llvm.ptr, %[[B:[0-9]+]]: !llvm.ptr):
// CHECK: llvm.load %[[B]]
// CHECK: llvm.intr.fmuladd
// CHECK: llvm.getelementptr %[[B]][128] : (!llvm.ptr) -> !llvm.ptr, f32
// CHECK: llvm.br {{.*}} !llvm.ptr, !llvm.ptr)
// All rows of a tile are stored at distances from one address.
// CHECK: %[[C:.*]] = llvm.getelementptr %[[RESULT]][
// CHECK: llvm.store {{.*}}, %[[C]] {
// CHECK: %[[ROW:.*]] = llvm.getelementptr %[[C]][64]
// CHECK-NEXT: llvm.store {{.*}}, %[[ROW]] {
// CHECK-NOT: llvm.getelementptr %[[RESULT]][
// CHECK: llvm.return
dl.model @product(%x: tensor<8x100xf32>, %y: tensor<100x64xf32>) attributes {arena_bytes = 0} {
  %z = dl.kernel "matmul"(%a = %x, %b = %y) attributes {places = array<i64: 2, 0>} {
    %r = dl.matmul %a, %b
    dl.yield %r
  }
  dl.return %z
}

// Pixels are one dimension for the product, and where their rows of the result lie takes no division
// by the extents of the image.
// CHECK-LABEL: llvm.func @pointwise_k0_conv2d_entry0
// CHECK: llvm.intr.fmuladd
// CHECK-NOT: llvm.udiv
// CHECK-NOT: llvm.urem
// CHECK: llvm.return
dl.model @pointwise(%x: tensor<4x5x7x32xf32>, %w: tensor<1x1x32x16xf32>) attributes {arena_bytes = 0} {
  %z = dl.kernel "conv2d"(%a = %x, %b = %w) attributes {places = array<i64: 2, 0>} {
    %r = dl.conv2d %a, %b {layout = nhwc}
    dl.yield %r
  }
  dl.return %z
}

// What has no counterpart in LLVM of the same operands (a conversion from integers) goes through
// MLIR's conversion, with what stands around it replaced before.
// CHECK-LABEL: llvm.func @number_k0_cast_entry0
// CHECK-NOT: unrealized_conversion_cast
// CHECK: llvm.sitofp
// CHECK: llvm.return
dl.model @number(%x: tensor<64xi32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "cast"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %r = dl.cast %a {to = f32}
    dl.yield %r
  }
  dl.return %y
}
