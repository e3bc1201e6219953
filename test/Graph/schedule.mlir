// RUN: dlc-opt %s --dl-form-kernels --dl-fuse-epilogues --dl-schedule | FileCheck %s

// The backward pass reads the old weights: the update comes after it, wherever
// it was written.
// CHECK-LABEL: @update_after_readers
// CHECK: dl.kernel "matmul"(%in0 = %g, %in1 = %w)
// CHECK: dl.kernel "matmul+sub"
dl.model @update_after_readers(%x: tensor<4x3xf32>, %g: tensor<4x5xf32>) {
  %w = dl.parameter "w" : tensor<3x5xf32>
  %1 = dl.matmul %x, %g {transpose_a = true}
  %2 = dl.sub %w, %1
  %3 = dl.matmul %g, %w {transpose_b = true}
  dl.return %3 update "w" = %2
}

// A reader that needs the new value as well as the old one: the new value lies
// beside the old until the end.
// CHECK-LABEL: @old_and_new
// CHECK: %[[NEW:.*]] = dl.kernel "exp"(%in0 = %w)
// CHECK: dl.kernel "add"(%in0 = %w, %in1 = %[[NEW]])
// CHECK: %[[COPY:.*]] = dl.kernel "copy"(%in0 = %[[NEW]])
// CHECK: update "w" = %[[COPY]]
dl.model @old_and_new() {
  %w = dl.parameter "w" : tensor<4xf32>
  %1 = dl.exp %w
  %2 = dl.add %w, %1
  dl.return %2 update "w" = %1
}

// Read at other indices than it is written.
// CHECK-LABEL: @transposed
// CHECK: %[[T:.*]] = dl.kernel "transpose"
// CHECK: %[[C:.*]] = dl.kernel "copy"(%in0 = %[[T]])
// CHECK: update "w" = %[[C]]
dl.model @transposed() {
  %w = dl.parameter "w" : tensor<4x4xf32>
  %1 = dl.transpose %w {permutation = [1, 0]}
  dl.return update "w" = %1
}

// Two variables change places.
// CHECK-LABEL: @swap
// CHECK-DAG: %[[A:.*]] = dl.kernel "copy"(%in0 = %a)
// CHECK-DAG: %[[B:.*]] = dl.kernel "copy"(%in0 = %b)
// CHECK: dl.kernel "copy"(%in0 = %
// CHECK: dl.return update "a" = %{{.*}}, "b" = %{{.*}}
dl.model @swap() {
  %a = dl.parameter "a" : tensor<4xf32>
  %b = dl.parameter "b" : tensor<4xf32>
  dl.return update "a" = %b, "b" = %a
}

// An update that changes nothing is none.
// CHECK-LABEL: @idle
// CHECK-NOT: update
dl.model @idle(%x: tensor<4xf32>) {
  %a = dl.parameter "a" : tensor<4xf32>
  %1 = dl.exp %x
  dl.return %1 update "a" = %a
}

// Every output is a kernel's result of its own.
// CHECK-LABEL: @outputs
// CHECK-DAG: %[[X:.*]] = dl.kernel "copy"(%in0 = %x)
// CHECK-DAG: %[[W:.*]] = dl.kernel "copy"(%in0 = %w)
// CHECK-DAG: %[[K:.*]] = dl.constant
// CHECK-DAG: %[[C:.*]] = dl.kernel "copy"(%in0 = %[[K]])
// CHECK-DAG: %[[E:.*]] = dl.kernel "exp"
// CHECK-DAG: %[[V:.*]] = dl.reshape %[[E]]
// CHECK-DAG: %[[F:.*]] = dl.kernel "copy"(%in0 = %[[V]])
dl.model @outputs(%x: tensor<4xf32>) {
  %w = dl.parameter "w" : tensor<4xf32>
  %c = dl.constant dense<1.0> : tensor<4xf32>
  %1 = dl.exp %x
  %2 = dl.reshape %1 {shape = [2, 2]}
  dl.return %x, %w, %c, %1, %2
}

// The chain that frees memory runs before the one that needs more.
// CHECK-LABEL: @memory
// CHECK: dl.kernel "exp"
// CHECK: dl.kernel "sum"
// CHECK: dl.kernel "log"
// CHECK: dl.kernel "sum"
dl.model @memory(%x: tensor<4x100xf32>) {
  %1 = dl.exp %x
  %2 = dl.log %x
  %3 = dl.sum %1 {axes = [1]}
  %4 = dl.sum %2 {axes = [1]}
  %5 = dl.add %3, %4
  dl.return %5
}
