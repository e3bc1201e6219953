// RUN: dlc-opt %s --dl-form-kernels --dl-fuse-siblings | FileCheck %s

// CHECK-LABEL: @one_operand
// CHECK: dl.kernel "exp+log"
// CHECK-NOT: dl.kernel
dl.model @one_operand(%x: tensor<400x100xf32>) {
  %1 = dl.exp %x
  %2 = dl.log %x
  dl.return %1, %2
}

// CHECK-LABEL: @small
// CHECK: dl.kernel "sum"(%in0 = %x, %in1 = %y)
// CHECK-NOT: dl.kernel
dl.model @small(%x: tensor<100xf32>, %y: tensor<100xf32>) {
  %1 = dl.sum %x
  %2 = dl.sum %y
  dl.return %1, %2
}

// Nothing in common, other axes, or one needs the other.
// CHECK-LABEL: @apart
// CHECK-COUNT-6: dl.kernel
dl.model @apart(%x: tensor<400x100xf32>, %y: tensor<400x100xf32>, %z: tensor<10x10xf32>) {
  %1 = dl.exp %x
  %2 = dl.log %y
  %3 = dl.sum %z {axes = [0]}
  %4 = dl.sum %z {axes = [1]}
  %5 = dl.matmul %z, %z
  %6 = dl.neg %5
  dl.return %1, %2, %3, %4, %6
}
