// RUN: dlc-opt %s --dl-graph-pipeline -dl-codegen=vector-bits=512 | FileCheck %s

// The residues of a strided gradient, each of which meets other taps, share their code: weights
// are packed by one phase, those that a residue meets, and loops over taps have bounds that
// are computed once for each residue.
// CHECK: func.func private @together_k0_conv2d_backward_data_phase0
// CHECK: %[[MEETS:.*]] = arith.andi
// CHECK-NEXT: scf.if %[[MEETS]]
// CHECK: func.func private @together_k0_conv2d_backward_data_phase1
// CHECK: arith.maxui
// CHECK: %[[END:.*]] = arith.maxui %{{.*}}, %[[FIRST:.*]] : index
// CHECK: scf.for %{{.*}} = %[[FIRST]] to %[[END]]
// CHECK-NOT: @together_k0_conv2d_backward_data_phase2
dl.model @together(%g: tensor<2x8x8x32xf32>, %w: tensor<3x3x16x32xf32>) {
  %1 = dl.conv2d_backward_data %g, %w {input_size = [16, 16], layout = nhwc, strides = [2, 2], padding = [1, 1, 1, 1]}
  dl.return %1
}
