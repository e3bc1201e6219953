// RUN: dlc %s --march=sapphirerapids --emit=asm --explain 2>&1 | FileCheck %s

// What is split into parts is fetched eight rows ahead: of A, of which a row has 1 KB, and of B,
// whose rows have 2 KB, though all of a row is read.
// CHECK: tiles {{.*}}; a copied by tasks, b packed
// CHECK-DAG: prefetcht1 8192(
// CHECK-DAG: prefetcht1 16384(
dl.model @pieces(%x: tensor<4096x256xf32>, %z: tensor<256x512xf32>) {
  %y = dl.matmul %x, %z
  dl.return %y
}
