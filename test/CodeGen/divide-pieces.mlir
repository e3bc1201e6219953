// RUN: dlc %s --march=sapphirerapids --emit=llvm | FileCheck %s

// Pieces, their blocks and the units that are split between products are found by products too:
// numbers of pieces are what is left at most, and powers of two shift.
// CHECK: define {{.*}}@pieces_k0_matmul_entry0
// CHECK-NOT: {{udiv|urem}} i64 %{{[0-9]+}}, {{[0-9]}}
// CHECK: call void @llvm.x86.tdpbf16ps
// CHECK-NOT: {{udiv|urem}} i64 %{{[0-9]+}}, {{[0-9]}}
// CHECK: attributes
dl.model @pieces(%x: tensor<4000x300xf32>, %z: tensor<300x500xf32>) {
  %y = dl.matmul %x, %z
  dl.return %y
}
