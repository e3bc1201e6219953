// RUN: dlc-opt %s -dl-codegen -cse -canonicalize | FileCheck %s
// RUN: dlc-opt %s -dl-codegen="lower=true" -o /dev/null

// Keys of the rounds are made before the tasks.
// CHECK-LABEL: module @dropped_k0_dropout
// CHECK: arith.addi {{.*}}-1640531527
// CHECK: scf.for
// CHECK-NOT: -1640531527
// Of a tile of four vectors two take the words of eight counters, which fill a register.
// CHECK-COUNT-38: arith.muli {{.*}} : vector<8xi64>
// CHECK-NOT: arith.muli {{.*}} : vector<8xi64>
// CHECK: return
dl.model @dropped(%x: tensor<4096xf32>, %seed: tensor<i64>, %step: tensor<f64>) attributes {arena_bytes = 0} {
  %y = dl.kernel "dropout"(%a = %x, %b = %seed, %c = %step) attributes {places = array<i64: 2, 0>} {
    %r = dl.dropout_train %a, %b, %c {p = 0.4, stream = 1}
    dl.yield %r
  }
  dl.return %y
}
