// RUN: dlc-opt %s --dl-differentiate=cotangent | FileCheck %s
// RUN: dlc-opt %s --dl-differentiate=cotangent --dl-differentiate=cotangent | dlc-opt -o /dev/null

// CHECK-LABEL: dl.model @sum
// CHECK-NEXT: %[[KEPT:.*]] = dl.reshape %cotangent {shape = [2, 1, 4]}
// CHECK-NEXT: %[[D:.*]] = dl.broadcast %[[KEPT]] {shape = [2, 3, 4]}
// CHECK-NEXT: dl.return %[[D]]
dl.model @sum(%x: tensor<2x3x4xf32>) {
  %y = dl.sum %x {axes = [-2]}
  dl.return %y
}

// CHECK-LABEL: dl.model @sum_keeping
// CHECK-NEXT: dl.broadcast %cotangent {shape = [2, 3, 4]}
dl.model @sum_keeping(%x: tensor<2x3x4xf32>) {
  %y = dl.sum %x {axes = [1, 2], keepdims = true}
  dl.return %y
}

// Through its decomposition.
// CHECK-LABEL: dl.model @mean
// CHECK: %[[C:.*]] = dl.constant dense<2.500000e-01>
// CHECK: %[[G:.*]] = dl.mul %cotangent, %[[C]]
// CHECK: dl.reshape %[[G]] {shape = [3, 1]}
// CHECK: dl.broadcast {{.*}} {shape = [3, 4]}
dl.model @mean(%x: tensor<3x4xf32>) {
  %y = dl.mean %x {axes = [1]}
  dl.return %y
}

// Ties share.
// CHECK-LABEL: dl.model @max
// CHECK: %[[Y:.*]] = dl.max %x {axes = [1]}
// CHECK: %[[KEPT:.*]] = dl.reshape %[[Y]] {shape = [3, 1]}
// CHECK: %[[MASK:.*]] = dl.compare %x, %[[KEPT]] {predicate = eq}
// CHECK: %[[ONES:.*]] = dl.select %[[MASK]]
// CHECK: %[[TIES:.*]] = dl.sum %[[ONES]] {axes = [1], keepdims = true}
// CHECK: %[[SHARE:.*]] = dl.div %{{.*}}, %[[TIES]]
// CHECK: dl.select %[[MASK]], %[[SHARE]], %{{.*}}
dl.model @max(%x: tensor<3x4xf32>) {
  %y = dl.max %x {axes = [1]}
  dl.return %y
}

// CHECK-LABEL: dl.model @min
// CHECK: dl.compare %x, %{{.*}} {predicate = eq}
dl.model @min(%x: tensor<3x4xf32>) {
  %y = dl.min %x
  dl.return %y
}

// CHECK-LABEL: dl.model @softmax
// CHECK: %[[Y:.*]] = dl.softmax %x {axis = 0}
// CHECK: %[[P:.*]] = dl.mul %cotangent, %[[Y]]
// CHECK: %[[S:.*]] = dl.sum %[[P]] {axes = [0], keepdims = true}
// CHECK: %[[D:.*]] = dl.sub %cotangent, %[[S]]
// CHECK: dl.mul %[[Y]], %[[D]]
dl.model @softmax(%x: tensor<3x4xf32>) {
  %y = dl.softmax %x {axis = 0}
  dl.return %y
}

// CHECK-LABEL: dl.model @log_softmax
// CHECK: %[[Y:.*]] = dl.log_softmax %x
// CHECK: %[[P:.*]] = dl.exp %[[Y]]
// CHECK: %[[S:.*]] = dl.sum %cotangent {axes = [1], keepdims = true}
// CHECK: %[[T:.*]] = dl.mul %[[P]], %[[S]]
// CHECK: dl.sub %cotangent, %[[T]]
dl.model @log_softmax(%x: tensor<3x4xf32>) {
  %y = dl.log_softmax %x
  dl.return %y
}
