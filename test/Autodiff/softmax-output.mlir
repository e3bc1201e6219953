// cross_entropy takes logits. A model that ends in a softmax over its classes is
// trained by what goes into the softmax; it still predicts probabilities.
// RUN: dlc-opt %s --dl-evaluation=loss=cross_entropy -verify-diagnostics | FileCheck %s

// CHECK-LABEL: dl.model @probabilities_evaluation(%x: tensor<4x3xf32>, %label: tensor<4xi32>)
// CHECK: %[[P:.*]] = dl.softmax %x
// CHECK: dl.cross_entropy %x, %label
// CHECK: dl.argmax %x
// CHECK: dl.return %{{.*}}, %{{.*}}, %[[P]] {output_names = ["loss", "correct", "p"]}
dl.model @probabilities(%x: tensor<4x3xf32>) {
  // expected-remark @below {{cross_entropy takes the logits: the input of this softmax}}
  %p = dl.softmax %x
  dl.return %p
}

// A softmax along another axis is a layer like any other.
// CHECK-LABEL: dl.model @columns_evaluation
// CHECK: %[[P:.*]] = dl.softmax %x {axis = 0}
// CHECK: dl.cross_entropy %[[P]], %label
dl.model @columns(%x: tensor<4x3xf32>) {
  %p = dl.softmax %x {axis = 0}
  dl.return %p
}

// A name that is taken gets a number.
// CHECK-LABEL: dl.model @taken_evaluation(%label: tensor<4x3xf32>, %label1: tensor<4xi32>)
dl.model @taken(%label: tensor<4x3xf32>) {
  dl.return %label
}
