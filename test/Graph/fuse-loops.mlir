// RUN: dlc-opt %s --dl-decompose --canonicalize --cse --dl-form-kernels --dl-fuse-loops | FileCheck %s

// One kernel over rows.
// CHECK-LABEL: @softmax
// CHECK: dl.kernel "max+sub+exp+sum+div+mul"
// CHECK-NOT: dl.kernel
dl.model @softmax(%x: tensor<4x10xf32>) {
  %y = dl.softmax %x
  dl.return %y
}

// The mean over rows reduces other axes than the rows do.
// CHECK-LABEL: @cross_entropy
// CHECK: %[[ROWS:.*]] = dl.kernel "{{.*}}max+sub{{.*}}"(%{{.*}} = %{{.*}}, %{{.*}} = %{{.*}}) {
// CHECK:   dl.yield {{.*}}
// CHECK: dl.kernel "sum+mul"(%in0 = %[[ROWS]])
// CHECK-NOT: dl.kernel
dl.model @cross_entropy(%x: tensor<4x10xf32>, %t: tensor<4xi32>) {
  %loss = dl.cross_entropy %x, %t
  dl.return %loss
}

// CHECK-LABEL: @chain
// CHECK: dl.kernel "exp+add+relu"(%in0 = %x, %in1 = %y)
// CHECK-NOT: dl.kernel
dl.model @chain(%x: tensor<4x10xf32>, %y: tensor<10xf32>) {
  %1 = dl.exp %x
  %2 = dl.add %1, %y
  %3 = dl.relu %2
  dl.return %3
}

// Not computed again for each row; reduced along the rows and along the columns.
// CHECK-LABEL: @apart
// CHECK: dl.kernel "exp"
// CHECK: dl.kernel "add+sum"
// CHECK: dl.kernel "sum"
dl.model @apart(%x: tensor<4x10xf32>, %y: tensor<10xf32>) {
  %1 = dl.exp %y
  %2 = dl.add %x, %1
  %3 = dl.sum %2 {axes = [1]}
  %4 = dl.sum %2 {axes = [0]}
  dl.return %3, %4
}

// A reduced value that meets the last dimension instead of the rows.
// CHECK-LABEL: @square
// CHECK: dl.kernel "sum"
// CHECK: dl.kernel "add"
dl.model @square(%x: tensor<4x4xf32>) {
  %1 = dl.sum %x {axes = [1]}
  %2 = dl.add %x, %1
  dl.return %2
}
