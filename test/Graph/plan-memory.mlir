// RUN: dlc-opt %s --dl-form-kernels --dl-schedule --dl-plan-memory --dl-verify-plan | FileCheck %s

// Elementwise chains run in place; the last result goes to the output.
// CHECK-LABEL: @in_place
// CHECK-SAME: arena_bytes = 448 : i64
// CHECK: "exp"{{.*}}places = array<i64: 0, 0>
// CHECK: "neg"{{.*}}places = array<i64: 0, 0>
// CHECK: "log"{{.*}}places = array<i64: 2, 0>
dl.model @in_place(%x: tensor<100xf32>) {
  %1 = dl.exp %x
  %2 = dl.neg %1
  %3 = dl.log %2
  dl.return %3
}

// A product does not overwrite what it reads; memory is used again after the
// last reader. i1 takes a byte.
// CHECK-LABEL: @reuse
// CHECK-SAME: arena_bytes = 128 : i64
// CHECK: "matmul"{{.*}}places = array<i64: 0, [[A:[0-9]+]]>
// CHECK: "matmul"{{.*}}places = array<i64: 0, [[B:[0-9]+]]>
// CHECK: "matmul"{{.*}}places = array<i64: 0, [[A]]>
// CHECK: "compare"{{.*}}places = array<i64: 2, 0>
dl.model @reuse(%x: tensor<4x4xf32>) {
  %1 = dl.matmul %x, %x
  %2 = dl.matmul %1, %1
  %3 = dl.matmul %2, %2
  %4 = dl.compare %3, %x {predicate = lt}
  dl.return %4
}

// A view keeps what it shows alive.
// CHECK-LABEL: @view
// CHECK-SAME: arena_bytes = 192 : i64
dl.model @view(%x: tensor<4x4xf32>) {
  %1 = dl.matmul %x, %x
  %2 = dl.reshape %1 {shape = [16]}
  %3 = dl.matmul %1, %x
  %4 = dl.matmul %3, %3
  %5 = dl.reshape %4 {shape = [16]}
  %6 = dl.add %2, %5
  dl.return %6
}

// Variables count in the order of the model.
// CHECK-LABEL: @variables
// CHECK-SAME: arena_bytes = 0 : i64
// CHECK: "exp"{{.*}}places = array<i64: 1, 1>
// CHECK: "neg"{{.*}}places = array<i64: 1, 0>
dl.model @variables() {
  %a = dl.parameter "a" : tensor<4xf32>
  %b = dl.parameter "b" : tensor<4xf32>
  %1 = dl.exp %b
  %2 = dl.neg %a
  dl.return update "b" = %1, "a" = %2
}

// Nothing takes no room.
// CHECK-LABEL: @empty
// CHECK-SAME: arena_bytes = 0 : i64
dl.model @empty(%x: tensor<0x4xf32>) {
  %1 = dl.exp %x
  %2 = dl.sum %1 {axes = [1]}
  dl.return %2
}
