// RUN: dlc-opt %s -dl-codegen -cse -canonicalize | FileCheck %s

// What goes through outer memory from one end to the other is fetched 4 KB ahead: a line for each
// vector that is read.
// CHECK-LABEL: module @elements_k0_relu
// CHECK-COUNT-4: memref.prefetch {{.*}}, read, locality<2>, data
// CHECK-NOT: memref.prefetch
// CHECK: return
dl.model @elements(%x: tensor<131072xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "relu"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %r = dl.relu %a
    dl.yield %r
  }
  dl.return %y
}

// The second-level cache holds these.
// CHECK-LABEL: module @near_k0_relu
// CHECK-NOT: memref.prefetch
// CHECK: return
dl.model @near(%x: tensor<65536xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "relu"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %r = dl.relu %a
    dl.yield %r
  }
  dl.return %y
}

// Of bytes, four vectors are a line.
// CHECK-LABEL: module @bytes_k0_cast
// CHECK-COUNT-1: memref.prefetch {{.*}} memref<524288xi8>
// CHECK-NOT: memref.prefetch
// CHECK: return
dl.model @bytes(%x: tensor<524288xi1>) attributes {arena_bytes = 0} {
  %y = dl.kernel "cast"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %r = dl.cast %a {to = f32}
    dl.yield %r
  }
  dl.return %y
}

// A single pass over rows.
// CHECK-LABEL: module @rows_k0_sum
// CHECK: memref.prefetch {{.*}}, read, locality<2>, data
// CHECK: vector.load
// CHECK: arith.addf
dl.model @rows(%x: tensor<256x1024xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "sum"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %r = dl.sum %a {axes = [1]}
    dl.yield %r
  }
  dl.return %y
}

// Of several, the one that writes fetches the next row, where none computes.
// CHECK-LABEL: module @writes_k0_scale
// CHECK-NOT: memref.prefetch
// CHECK: vector.extract
// CHECK-NOT: memref.prefetch
// CHECK: vector.extract
// CHECK: memref.prefetch
// CHECK: vector.store
dl.model @writes(%x: tensor<2048x512xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "scale"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %t = dl.sum %a {axes = [1], keepdims = true}
    %d = dl.sub %a, %t
    %q = dl.mul %d, %d
    %u = dl.sum %q {axes = [1], keepdims = true}
    %r = dl.mul %d, %u
    dl.yield %r
  }
  dl.return %y
}

// Streamed columns fetch what lies eight rows behind.
// CHECK-LABEL: module @columns_k0_sum
// CHECK: arith.addi {{.*}}, %c8192
// CHECK: memref.prefetch {{.*}}, read, locality<2>, data
dl.model @columns(%x: tensor<1024x1024xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "sum"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %r = dl.sum %a {axes = [0]}
    dl.yield %r
  }
  dl.return %y
}

// CHECK-LABEL: module @behind_k0_concat
// CHECK-COUNT-4: memref.prefetch {{.*}} memref<131072xf32>
// CHECK-NOT: memref.prefetch
// CHECK: return
dl.model @behind(%x: tensor<131072xf32>, %z: tensor<1024xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "concat"(%a = %x, %b = %z) attributes {places = array<i64: 2, 0>} {
    %r = dl.concat %a, %b {axis = 0}
    dl.yield %r
  }
  dl.return %y
}

// Blocks that are transposed, and large, fetch those that come next but one.
// CHECK-LABEL: module @turned_k0_transpose
// CHECK: memref.prefetch {{.*}} memref<1148000xf32>
dl.model @turned(%x: tensor<1120x1025xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "transpose"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %r = dl.transpose %a {permutation = [1, 0]}
    dl.yield %r
  }
  dl.return %y
}
