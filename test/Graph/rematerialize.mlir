// RUN: dlc-opt %s --dl-rematerialize | FileCheck %s

// CHECK-LABEL: @mask
// CHECK-COUNT-2: dl.compare
// CHECK: %[[A:.*]] = dl.cast
// CHECK: %[[B:.*]] = dl.cast
// CHECK-DAG: dl.mul %x, %[[B]]
// CHECK-DAG: dl.add %x, %[[A]]
dl.model @mask(%x: tensor<4xf32>, %y: tensor<4xf32>) {
  %1 = dl.compare %x, %y {predicate = lt}
  %2 = dl.cast %1 {to = f32}
  %3 = dl.mul %x, %2
  %4 = dl.add %x, %2
  dl.return %3, %4
}

// CHECK-LABEL: @not_cheap
// CHECK-COUNT-1: dl.exp
// CHECK-NOT: dl.exp
dl.model @not_cheap(%x: tensor<4xf32>) {
  %1 = dl.exp %x
  %2 = dl.mul %1, %1
  %3 = dl.neg %1
  dl.return %2, %3
}
