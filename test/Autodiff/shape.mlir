// RUN: dlc-opt %s --dl-differentiate=cotangent | FileCheck %s
// RUN: dlc-opt %s --dl-differentiate=cotangent --dl-differentiate=cotangent | dlc-opt -o /dev/null

// CHECK-LABEL: dl.model @reshape
// CHECK-NEXT: dl.reshape %cotangent {shape = [2, 3, 4]}
dl.model @reshape(%x: tensor<2x3x4xf32>) {
  %y = dl.reshape %x {shape = [4, -1]}
  dl.return %y
}

// CHECK-LABEL: dl.model @flatten
// CHECK-NEXT: dl.reshape %cotangent {shape = [2, 3, 4]}
dl.model @flatten(%x: tensor<2x3x4xf32>) {
  %y = dl.flatten %x
  dl.return %y
}

// CHECK-LABEL: dl.model @transpose
// CHECK-NEXT: dl.transpose %cotangent {permutation = [1, 2, 0]} : tensor<2x3x4xf32>
dl.model @transpose(%x: tensor<2x3x4xf32>) {
  %y = dl.transpose %x {permutation = [2, 0, 1]}
  dl.return %y
}

// CHECK-LABEL: dl.model @broadcast
// CHECK-NEXT: %[[S:.*]] = dl.sum %cotangent {axes = [0, 2]} : tensor<3xf32>
// CHECK-NEXT: dl.reshape %[[S]] {shape = [3, 1]}
dl.model @broadcast(%x: tensor<3x1xf32>) {
  %y = dl.broadcast %x {shape = [2, 3, 4]}
  dl.return %y
}
