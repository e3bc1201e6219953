// RUN: dlc %s --target=x86_64-linux-gnu --march=avx512 --emit=asm | FileCheck %s

// Four vectors are loaded, then stored past the caches where the result is large.
// CHECK-COUNT-4: vmovups {{.*}}), %zmm
// CHECK-COUNT-4: vmovntps %zmm
// CHECK: sfence
dl.model @halves(%x: tensor<512x1024xf32>, %z: tensor<512x1024xf32>) {
  %y = dl.concat %x, %z {axis = 1}
  dl.return %y
}
