// RUN: dlc %s --march=sapphirerapids --emit=llvm | FileCheck %s

// What is split between products, at several places of a step and at once where a worker begins, is
// one function for each operand: A, whose rows lie across, is turned by another one. B, that a phase
// of its own splits, is split there, by no function.
// CHECK: define {{.*}}@shared_k0_matmul_entry0
// CHECK-NOT: @{{.*}}split_
// CHECK: define {{.*}}@shared_k0_matmul_entry1
// CHECK: call void @llvm.x86.tdpbf16ps
// CHECK: call void @[[SPLIT:.*_split_a[0-9]+]](
// CHECK: call void @llvm.x86.tdpbf16ps
// CHECK: call void @[[SPLIT]](
// CHECK: call void @[[TURN:.*_transpose_a[0-9]+]](
// CHECK: call void @[[SPLIT]](i64 0, i64 16,
// CHECK: call void @[[TURN]](i64 0, i64 3,
// CHECK-NOT: define {{.*}}{{split|transpose}}
// CHECK: define internal void @[[SPLIT]](
// CHECK: define internal void @[[TURN]](
// CHECK-NOT: define {{.*}}{{split|transpose}}
dl.model @shared(%x: tensor<128x1024xf32>, %z: tensor<128x256xf32>) {
  %y = dl.matmul %x, %z {transpose_a = true}
  dl.return %y
}
