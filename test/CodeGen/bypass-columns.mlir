// RUN: dlc %s --target=x86_64-linux-gnu --march=avx512 --emit=asm | FileCheck %s

// What a sweep writes of streamed columns goes past the caches like that of rows
// (bypass-rows.mlir); the partial sums stay there.
// CHECK-LABEL: entry0:
// CHECK-NOT: vmovntps
// CHECK: vscalefps
// CHECK-NOT: vmovntps
// CHECK-LABEL: entry3:
// CHECK: vscalefps
// CHECK: vmovntps %zmm
// CHECK: vmovups %zmm{{.*}}, {{.*}}(
// CHECK: sfence
dl.model @columns(%x: tensor<1024x1024xf32>) {
  %y = dl.softmax %x {axis = 0}
  dl.return %y
}
