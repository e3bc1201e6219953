// RUN: dlc-opt %s --dl-graph-pipeline -dl-codegen=vector-bits=512 | FileCheck %s

// Three of the four residues of a strided gradient meet no tap, two of them as whole rows. What
// is left of them, to store the epilogue's values, is shared like the work of the first: 128 tasks
// each.
// CHECK: module @dlc_{{[a-z]+}} {
// CHECK: llvm.func @dlc_residues(
// CHECK: %[[TASKS:.*]] = llvm.mlir.constant(384 : i64)
// CHECK-NEXT: %[[ENTRY:.*]] = llvm.mlir.addressof @residues_k0_conv2d_backward_data_add_entry
// CHECK-NEXT: llvm.call @dlrt_parallel_for(%{{.*}}, %[[ENTRY]], %{{.*}}, %[[TASKS]])
dl.model @residues(%g: tensor<8x16x16x32xf32>, %w: tensor<1x1x16x32xf32>, %x: tensor<8x32x32x16xf32>) {
  %1 = dl.conv2d_backward_data %g, %w {input_size = [32, 32], layout = nhwc, strides = [2, 2]}
  %2 = dl.add %1, %x
  dl.return %2
}

// Where few tasks multiply, 56 of 182, they are spread evenly among those that only store.
// CHECK: func.func private @few_k0_conv2d_backward_data_phase3
// CHECK: %[[PLACE:.*]] = arith.remui %{{.*}}, %c182
// CHECK: %[[PRODUCT:.*]] = arith.muli %[[PLACE]], %c56
// CHECK: %[[NUMBER:.*]] = arith.divui %[[PRODUCT]], %c182
// CHECK: %[[NEXT:.*]] = arith.divui %{{.*}}, %c182
// CHECK: arith.cmpi ult, %[[NUMBER]], %[[NEXT]]
dl.model @few(%g: tensor<1x14x14x64xf32>, %w: tensor<1x1x96x64xf32>) {
  %1 = dl.conv2d_backward_data %g, %w {input_size = [28, 28], layout = nhwc, strides = [2, 2]}
  dl.return %1
}
