// RUN: dlc-opt %s -dl-codegen | FileCheck %s
// RUN: dlc-opt %s -dl-codegen="lower=true" -o /dev/null

// Taps are unrolled where all windows lie inside the image.
// CHECK-LABEL: module @pool_k0_max_pool2d
// CHECK-COUNT-4: vector.load
// CHECK: vector.store
dl.model @pool(%x: tensor<2x24x24x16xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "max_pool2d"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %1 = dl.max_pool2d %a {kernel = [2, 2], layout = nhwc}
    dl.yield %1
  }
  dl.return %y
}

// With padding, loops over the taps inside.
// CHECK-LABEL: module @padded_k0_max_pool2d
// CHECK: arith.maxsi
// CHECK: arith.minsi
// CHECK: scf.for {{.*}} iter_args
// CHECK: scf.for {{.*}} iter_args
dl.model @padded(%x: tensor<2x9x9x16xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "max_pool2d"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %1 = dl.max_pool2d %a {kernel = [3, 3], strides = [2, 2], padding = [1, 1, 1, 1], layout = nhwc}
    dl.yield %1
  }
  dl.return %y
}

// Windows side by side: each stores all of its pixels; what no window reaches
// gets zeros in phases of their own.
// CHECK-LABEL: module @tiling_k0_max_pool2d_backward
// CHECK: phase0
// CHECK-COUNT-4: vector.store
// CHECK: phase1
// CHECK: vector.store
// CHECK: phase2
// CHECK: vector.store
dl.model @tiling(%x: tensor<2x5x5x16xf32>, %g: tensor<2x2x2x16xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "max_pool2d_backward"(%a = %x, %b = %g) attributes {places = array<i64: 2, 0>} {
    %1 = dl.max_pool2d_backward %a, %b {kernel = [2, 2], layout = nhwc}
    dl.yield %1
  }
  dl.return %y
}

// Windows that overlap: a task writes the number of one's largest tap to its scratch, behind
// those of the rows before its own; then pixels add up, without a loop over the windows that
// reach one. Where nothing of a cell is at a border, all of that is straight code.
// CHECK-LABEL: module @overlapping_k0_max_pool2d_backward
// CHECK: phase0
// CHECK: vector.store {{.*}} vector<16xi32>
// CHECK: scf.for
// CHECK: scf.for
// CHECK: scf.if
// CHECK-NOT: scf
// CHECK: vector.store {{.*}} vector<16xi32>
// CHECK-NOT: scf
// CHECK-COUNT-4: vector.load {{.*}} vector<16xi32>
// CHECK-NOT: scf
// CHECK: vector.store {{.*}} vector<16xf32>
// CHECK: else
// CHECK-NOT: phase1
dl.model @overlapping(%x: tensor<2x5x5x16xf32>, %g: tensor<2x4x4x16xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "max_pool2d_backward"(%a = %x, %b = %g) attributes {places = array<i64: 2, 0>} {
    %1 = dl.max_pool2d_backward %a, %b {kernel = [2, 2], strides = [1, 1], layout = nhwc}
    dl.yield %1
  }
  dl.return %y
}

// Channels are looped over where all taps of all their vectors would be much code.
// CHECK-LABEL: module @channels_k0_max_pool2d
// CHECK: scf.for {{.*}} step %c16
// CHECK-COUNT-9: vector.load
// CHECK-NOT: vector.load
// CHECK: vector.store
dl.model @channels(%x: tensor<2x9x9x64xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "max_pool2d"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %1 = dl.max_pool2d %a {kernel = [3, 3], layout = nhwc}
    dl.yield %1
  }
  dl.return %y
}

// Shares of the windows of which a pixel is a tap, by a factor where all have as many.
// CHECK-LABEL: module @shares_k0_avg_pool2d_backward
// CHECK: scf.if
// CHECK-NOT: arith.divf
// CHECK: arith.mulf
// CHECK: else
// CHECK: arith.divf
dl.model @shares(%g: tensor<2x7x7x16xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "avg_pool2d_backward"(%a = %g) attributes {places = array<i64: 2, 0>} {
    %1 = dl.avg_pool2d_backward %a {kernel = [3, 3], strides = [2, 2], padding = [1, 1, 1, 1], count_include_pad = false, input_size = [14, 14], layout = nhwc}
    dl.yield %1
  }
  dl.return %y
}
