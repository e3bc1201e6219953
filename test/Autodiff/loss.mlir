// RUN: dlc-opt %s --dl-differentiate=cotangent | FileCheck %s
// RUN: dlc-opt %s --dl-differentiate=cotangent --dl-differentiate=cotangent | dlc-opt -o /dev/null

// Integer labels have no cotangent; a label out of range has a row of zeros.
// CHECK-LABEL: dl.model @cross_entropy(
// CHECK: %[[PICKED:.*]] = dl.one_hot %label {depth = 10, to = f32}
// CHECK: %[[P:.*]] = dl.softmax %x {axis = 1}
// CHECK: %[[VALID:.*]] = dl.sum %[[PICKED]] {axes = [1], keepdims = true}
// CHECK: dl.constant dense<2.500000e-01>
// CHECK: %[[V:.*]] = dl.mul %[[P]], %[[VALID]]
// CHECK: %[[D:.*]] = dl.sub %[[V]], %[[PICKED]]
// CHECK: %[[DX:.*]] = dl.mul %[[D]], %{{.*}} : tensor<4x10xf32>
// CHECK: dl.return %[[DX]] {output_names = ["d_x"]}
dl.model @cross_entropy(%x: tensor<4x10xf32>, %label: tensor<4xi64>) {
  %loss = dl.cross_entropy %x, %label
  dl.return %loss
}

// CHECK-LABEL: dl.model @mse(
// CHECK: %[[E:.*]] = dl.sub %p, %t
// CHECK: dl.constant dense<2.500000e-01>
// CHECK: %[[DP:.*]] = dl.mul %[[E]], %{{.*}} : tensor<4x2xf32>
// CHECK: %[[DT:.*]] = dl.neg %[[DP]]
// CHECK: dl.return %[[DP]], %[[DT]]
dl.model @mse(%p: tensor<4x2xf32>, %t: tensor<4x2xf32>) {
  %loss = dl.mse %p, %t
  dl.return %loss
}

// CHECK-LABEL: dl.model @bce(
// CHECK: %[[E:.*]] = dl.sub %p, %t
// CHECK: %[[V:.*]] = dl.maximum
// CHECK: dl.div %[[E]], %[[V]]
dl.model @bce(%p: tensor<4xf32>, %t: tensor<4xf32>) {
  %loss = dl.bce %p, %t
  dl.return %loss
}

// CHECK-LABEL: dl.model @bce_with_logits(
// CHECK: %[[P:.*]] = dl.sigmoid %x
// CHECK: dl.sub %[[P]], %t
dl.model @bce_with_logits(%x: tensor<4xf32>, %t: tensor<4xf32>) {
  %loss = dl.bce_with_logits %x, %t
  dl.return %loss
}

// Through its decomposition.
// CHECK-LABEL: dl.model @hinge(
// CHECK: %[[R:.*]] = dl.relu
// CHECK: dl.compare %[[R]], %{{.*}} {predicate = gt}
dl.model @hinge(%x: tensor<4xf32>, %t: tensor<4xf32>) {
  %loss = dl.hinge %x, %t
  dl.return %loss
}
