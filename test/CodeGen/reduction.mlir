// RUN: dlc-opt %s -dl-codegen -cse -canonicalize | FileCheck %s
// RUN: dlc-opt %s -dl-codegen="lower=true" -o /dev/null
// RUN: dlc-opt %s -dl-codegen="lower=true vector-bits=128 masked=false fma=false" -o /dev/null

// Short rows stay in registers: the exponentials are computed once.
// CHECK-LABEL: module @softmax_k0_softmax
// CHECK-COUNT-1: vector.maskedload
// CHECK: arith.cmpf ogt
// CHECK: vector.shuffle
// CHECK: math.fma
// CHECK-NOT: vector.maskedload
// CHECK: arith.divf
// CHECK: vector.maskedstore
dl.model @softmax(%x: tensor<100x10xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "softmax"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %m = dl.max %a {axes = [1], keepdims = true}
    %s = dl.sub %a, %m
    %e = dl.exp %s
    %t = dl.sum %e {axes = [1], keepdims = true}
    %r = dl.div %e, %t
    dl.yield %r
  }
  dl.return %y
}

// Rows of more than a few steps make each pass in groups of eight: the largest elements
// and the sums lie in the scratch. The second pass asks for the rows of the next group.
// CHECK-LABEL: module @grouped_k0_softmax
// CHECK: scf.for {{.*}} step %c8
// CHECK: scf.for
// CHECK: arith.cmpf ogt
// CHECK: memref.store {{.*}} memref<8xf32>
// CHECK: scf.for
// CHECK: memref.load {{.*}} memref<8xf32>
// CHECK: arith.addi {{.*}}, %c2048
// CHECK: memref.prefetch {{.*}} read, locality<3>, data
// CHECK: math.fma
// CHECK: memref.store {{.*}} memref<8xf32>
// CHECK: scf.for
// CHECK: memref.load {{.*}} memref<8xf32>
// CHECK: arith.divf
// CHECK: vector.store
dl.model @grouped(%x: tensor<100x256xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "softmax"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %m = dl.max %a {axes = [1], keepdims = true}
    %s = dl.sub %a, %m
    %e = dl.exp %s
    %t = dl.sum %e {axes = [1], keepdims = true}
    %r = dl.div %e, %t
    dl.yield %r
  }
  dl.return %y
}

// Rows that come from behind the second-level cache: the second pass over one asks for the
// next.
// CHECK-LABEL: module @ahead_k0_softmax
// CHECK: arith.cmpf ogt
// CHECK: scf.for
// CHECK: memref.prefetch {{.*}} read, locality<3>, data
// CHECK: math.fma
// CHECK: arith.divf
// CHECK-NOT: memref.prefetch
// CHECK: vector.store
dl.model @ahead(%x: tensor<2048x512xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "softmax"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %m = dl.max %a {axes = [1], keepdims = true}
    %s = dl.sub %a, %m
    %e = dl.exp %s
    %t = dl.sum %e {axes = [1], keepdims = true}
    %r = dl.div %e, %t
    dl.yield %r
  }
  dl.return %y
}

// In groups where nothing of their shape is written.
// CHECK-LABEL: module @reads_k0_sums
// CHECK: scf.for {{.*}} step %c4
// CHECK: arith.cmpf ogt
// CHECK: memref.store {{.*}} memref<4xf32>
// CHECK: scf.for
// CHECK: memref.prefetch {{.*}} read, locality<3>, data
// CHECK: math.fma
dl.model @reads(%x: tensor<2048x512xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "sums"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %m = dl.max %a {axes = [1], keepdims = true}
    %s = dl.sub %a, %m
    %e = dl.exp %s
    %t = dl.sum %e {axes = [1], keepdims = true}
    dl.yield %t
  }
  dl.return %y
}

// A logarithm of sixteen rows' sums at once; the last ten have theirs one after the other.
// CHECK-LABEL: module @lanes_k0_logs
// CHECK: scf.for {{.*}} step %c16
// CHECK: memref.store {{.*}} memref<16xf32>
// CHECK: scf.if
// CHECK: vector.load {{.*}} memref<16xf32>, vector<16xf32>
// CHECK: math.fma {{.*}} vector<16xf32>
// CHECK: vector.store {{.*}} memref<16xf32>, vector<16xf32>
// CHECK: } else {
// CHECK: memref.load {{.*}} memref<16xf32>
// CHECK: math.fma {{.*}} f32
// CHECK: memref.store {{.*}} memref<16xf32>
// CHECK: memref.store {{.*}} memref<90xf32>
dl.model @lanes(%x: tensor<90x10xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "logs"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %m = dl.max %a {axes = [1], keepdims = true}
    %s = dl.sub %a, %m
    %t = dl.sum %s {axes = [1]}
    %l = dl.log %t
    dl.yield %l
  }
  dl.return %y
}

// Of a product with a one_hot the sum along the classes reads one element.
// CHECK-LABEL: module @picked_k0_sum
// CHECK: memref.load {{.*}} memref<100xi32>
// CHECK: arith.cmpi ult
// CHECK: memref.load {{.*}} memref<25600xf32>
// CHECK: arith.select
// CHECK-NOT: vector.load
// CHECK: memref.store
dl.model @picked(%x: tensor<100x256xf32>, %t: tensor<100xi32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "sum"(%a = %x, %b = %t) attributes {places = array<i64: 2, 0>} {
    %o = dl.one_hot %b {depth = 256, to = f32}
    %p = dl.mul %o, %a
    %1 = dl.sum %p {axes = [1]}
    dl.yield %1
  }
  dl.return %y
}

// Long rows: a loop with four accumulators.
// CHECK-LABEL: module @row_k0_sum
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>)
dl.model @row(%x: tensor<8x1000xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "sum"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %1 = dl.sum %a {axes = [1]}
    dl.yield %1
  }
  dl.return %y
}

// Columns: lanes along the kept dimension.
// CHECK-LABEL: module @column_k0_sum
// CHECK: scf.for {{.*}} iter_args
// CHECK: vector.load {{.*}} vector<16xf32>
// CHECK-NOT: vector.shuffle
// CHECK: module @{{[a-z_]+}} {
dl.model @column(%x: tensor<50x64xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "sum"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %1 = dl.sum %a {axes = [0]}
    dl.yield %1
  }
  dl.return %y
}

// Values that a pass keeps are computed once, and tiles are narrow, so that the first-level
// cache holds them.
// CHECK-LABEL: module @kept_k0_softmax
// CHECK: scf.for {{.*}} iter_args
// CHECK: arith.cmpf ogt
// CHECK: scf.for {{.*}} iter_args
// CHECK-COUNT-2: vector.load {{.*}} memref<65536xf32>
// CHECK-NOT: vector.load
// CHECK-COUNT-2: vector.store {{.*}} memref<2048xf32>
// CHECK-COUNT-2: vector.load {{.*}} memref<65536xf32>
// CHECK-NOT: vector.load
// CHECK-COUNT-2: vector.store {{.*}} memref<2048xf32>
// CHECK-NOT: vector.load
// CHECK: scf.yield
// CHECK: vector.load {{.*}} memref<2048xf32>
// CHECK-NOT: vector.load {{.*}} memref<65536xf32>
// CHECK: module
dl.model @kept(%x: tensor<64x1024xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "softmax"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %m = dl.max %a {axes = [0], keepdims = true}
    %s = dl.sub %a, %m
    %e = dl.exp %s
    %t = dl.sum %e {axes = [0], keepdims = true}
    %r = dl.mul %e, %t
    dl.yield %r
  }
  dl.return %y
}

// Where the pass of a reduction writes, what it loaded is not loaded again behind a store.
// CHECK-LABEL: module @writes_k0_sums
// CHECK: scf.for {{.*}} iter_args
// CHECK-COUNT-4: vector.load {{.*}} vector<16xf32>
// CHECK-NOT: vector.load
// CHECK-COUNT-4: vector.store {{.*}} vector<16xf32>
// CHECK-NOT: vector.load
// CHECK: scf.yield
dl.model @writes(%x: tensor<64x1024xf32>) attributes {arena_bytes = 0} {
  %y, %z = dl.kernel "sums"(%a = %x) attributes {places = array<i64: 2, 0, 2, 1>} {
    %s = dl.mul %a, %a
    %t = dl.sum %s {axes = [0], keepdims = true}
    dl.yield %s, %t
  }
  dl.return %y, %z
}

// A sum of exponentials is streamed beside the maximum that they are below: one phase reads the
// operand for both, two combine what parts have, and the last one sweeps.
// CHECK-LABEL: module @together_k0_softmax
// CHECK: phase0
// CHECK: scf.for {{.*}} step %c8
// CHECK: scf.for {{.*}} iter_args
// CHECK: vector.load %arg3
// CHECK: scf.for {{.*}} iter_args
// CHECK: vector.load %arg3
// CHECK: phase1
// CHECK-NOT: vector.load %arg3
// CHECK: phase3
// CHECK: vector.load %arg3
// CHECK-NOT: phase4
dl.model @together(%x: tensor<2048x512xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "softmax"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %m = dl.max %a {axes = [0], keepdims = true}
    %s = dl.sub %a, %m
    %e = dl.exp %s
    %t = dl.sum %e {axes = [0], keepdims = true}
    %r = dl.div %e, %t
    dl.yield %r
  }
  dl.return %y
}

// Columns of more than the second-level cache are streamed: eight rows of all tiles, with
// the partial sums in the workspace, then the next eight.
// CHECK-LABEL: module @streamed_k0_sum
// CHECK: phase0
// CHECK: vector.store
// CHECK: scf.for {{.*}} step %c8
// CHECK: scf.for {{.*}} step %c64
// CHECK-COUNT-4: vector.load
// CHECK: scf.for {{.*}} iter_args
// CHECK: arith.addf
// CHECK-COUNT-4: vector.store
// CHECK: phase1
dl.model @streamed(%x: tensor<1024x512xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "sum"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %1 = dl.sum %a {axes = [0]}
    dl.yield %1
  }
  dl.return %y
}

// A large sum is split: partial sums in the workspace, then their sum.
// CHECK-LABEL: module @split_k0_mean
// CHECK: func.func private @split_k0_mean_phase0({{.*}}memref<{{[0-9]+}}xi8>, {{.*}}memref<0xi8>)
// CHECK: memref.view
// CHECK: func.func private @split_k0_mean_phase1(
// CHECK: arith.mulf
// CHECK: memref.store
dl.model @split(%x: tensor<1024x784xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "mean"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %1 = dl.sum %a {axes = [0, 1]}
    %c = dl.constant dense<0.5> : tensor<f32>
    %2 = dl.mul %1, %c
    dl.yield %2
  }
  dl.return %y
}

// The sweep behind a split pass begins with what that read last, of each worker's tasks.
// CHECK-LABEL: module @backwards_k0_centered
// CHECK: func.func private @backwards_k0_centered_phase0(
// CHECK-NOT: arith.subi
// CHECK: func.func private @backwards_k0_centered_phase2(%[[BEGIN:[a-z0-9]+]]: index, %[[END:[a-z0-9]+]]: index
// CHECK: scf.for %[[TASK:.*]] = %[[BEGIN]] to %[[END]]
// CHECK: %[[LAST:.*]] = arith.subi %[[END]], %c1{{.*}} : index
// CHECK: %[[DONE:.*]] = arith.subi %[[TASK]], %[[BEGIN]] : index
// CHECK: %[[PART:.*]] = arith.subi %[[LAST]], %[[DONE]] : index
// CHECK: arith.muli %[[PART]]
dl.model @backwards(%x: tensor<1024x784xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "centered"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %s = dl.sum %a {axes = [0], keepdims = true}
    %d = dl.sub %a, %s
    dl.yield %d
  }
  dl.return %y
}

// CHECK-LABEL: module @argmax_k0_argmax
// CHECK: vector<16xi32>
// CHECK: memref.store {{.*}} : memref<100xi32>
dl.model @argmax(%x: tensor<100x10xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "argmax"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %1 = dl.argmax %a
    dl.yield %1
  }
  dl.return %y
}

// Long rows of a result that needs the reduction: a loop of its own.
// CHECK-LABEL: module @long_k0_normalize
// CHECK: scf.for {{.*}} iter_args
// CHECK: arith.divf
// CHECK: vector.store
dl.model @long(%x: tensor<8x1000xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "normalize"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %1 = dl.sum %a {axes = [1], keepdims = true}
    %2 = dl.div %a, %1
    dl.yield %2
  }
  dl.return %y
}

// Results of a reduction's shape are computed before one of them is stored: it may lie
// over an operand of the others, here %b, which is read once.
// CHECK-LABEL: module @over_an_operand_k0
// CHECK-COUNT-4: vector.load {{.*}} : memref<256xf32>
// CHECK-NOT: vector.load {{.*}} : memref<256xf32>
// CHECK: return
dl.model @over_an_operand(%a: tensor<2x256xf32>, %b: tensor<256xf32>) attributes {arena_bytes = 0} {
  %w, %y = dl.kernel "sum+mul+add"(%c = %a, %d = %b) attributes {places = array<i64: 2, 0, 2, 1>} {
    %s = dl.sum %c {axes = [0]}
    %p = dl.mul %d, %s
    %q = dl.add %p, %s
    dl.yield %p, %q
  }
  dl.return %w, %y
}
