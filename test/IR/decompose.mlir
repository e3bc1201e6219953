// What the composites are in terms of primitives. Rows keep the reduced axis, so
// that a whole row is one loop nest.
// RUN: dlc-opt %s --dl-decompose | FileCheck %s

// CHECK-LABEL: dl.model @softmax
// CHECK-NEXT: %[[ONE:.*]] = dl.constant dense<1.0{{.*}}>
// CHECK-NEXT: %[[MAX:.*]] = dl.max %x {axes = [1], keepdims = true}
// CHECK-NEXT: %[[Z:.*]] = dl.sub %x, %[[MAX]]
// CHECK-NEXT: %[[E:.*]] = dl.exp %[[Z]]
// CHECK-NEXT: %[[SUM:.*]] = dl.sum %[[E]] {axes = [1], keepdims = true}
// CHECK-NEXT: %[[R:.*]] = dl.div %[[ONE]], %[[SUM]]
// CHECK-NEXT: %[[Y:.*]] = dl.mul %[[E]], %[[R]]
// CHECK-NEXT: dl.return %[[Y]]
dl.model @softmax(%x: tensor<2x5xf32>) {
  %y = dl.softmax %x
  dl.return %y
}

// CHECK-LABEL: dl.model @log_softmax
// CHECK: %[[Z:.*]] = dl.sub %x, %{{.*}}
// CHECK: %[[E:.*]] = dl.exp %[[Z]]
// CHECK: %[[SUM:.*]] = dl.sum %[[E]] {axes = [0], keepdims = true}
// CHECK: %[[LOG:.*]] = dl.log %[[SUM]]
// CHECK: dl.sub %[[Z]], %[[LOG]]
dl.model @log_softmax(%x: tensor<2x5xf32>) {
  %y = dl.log_softmax %x {axis = 0}
  dl.return %y
}

// The mean of nothing is 0 times infinity.
// CHECK-LABEL: dl.model @mean
// CHECK: %[[INF:.*]] = dl.constant dense<0x7F800000> : tensor<f32>
// CHECK: %[[SUM:.*]] = dl.sum %x {axes = [0]} : tensor<3xf32>
// CHECK: dl.mul %[[SUM]], %[[INF]]
dl.model @mean(%x: tensor<0x3xf32>) {
  %y = dl.mean %x {axes = [0]}
  dl.return %y
}

// CHECK-LABEL: dl.model @cross_entropy
// CHECK: %[[HALF:.*]] = dl.constant dense<5.000000e-01>
// CHECK: %[[PICKED:.*]] = dl.one_hot %label {depth = 5{{.*}}, to = f32}
// CHECK: %[[MAX:.*]] = dl.max %x {axes = [1], keepdims = true}
// CHECK: %[[Z:.*]] = dl.sub %x, %[[MAX]]
// CHECK: %[[E:.*]] = dl.exp %[[Z]]
// CHECK: %[[SUM:.*]] = dl.sum %[[E]] {axes = [1], keepdims = true}
// CHECK: %[[LOG:.*]] = dl.log %[[SUM]]
// CHECK: %[[D:.*]] = dl.sub %[[LOG]], %[[Z]]
// CHECK: %[[P:.*]] = dl.mul %[[PICKED]], %[[D]]
// CHECK: %[[ROWS:.*]] = dl.sum %[[P]] {axes = [1]} : tensor<2xf32>
// CHECK: %[[ALL:.*]] = dl.sum %[[ROWS]] : tensor<f32>
// CHECK: dl.mul %[[ALL]], %[[HALF]]
dl.model @cross_entropy(%x: tensor<2x5xf32>, %label: tensor<2xi32>) {
  %loss = dl.cross_entropy %x, %label
  dl.return %loss
}

// CHECK-LABEL: dl.model @sgd
// CHECK: %[[STEP:.*]] = dl.mul %g, %{{.*}}
// CHECK: dl.sub %w, %[[STEP]]
dl.model @sgd(%w: tensor<3xf32>, %g: tensor<3xf32>) {
  %w1 = dl.sgd %w, %g {lr = 0.1}
  dl.return %w1
}

// The corrections of the bias are scalars, in f64.
// CHECK-LABEL: dl.model @adam
// CHECK: %[[T:.*]] = dl.cast %t {to = f64}
// CHECK: dl.pow %{{.*}}, %[[T]] : tensor<f64>
// CHECK: dl.pow %{{.*}}, %[[T]] : tensor<f64>
// CHECK: dl.cast %{{.*}} {to = f32} : tensor<f32>
// CHECK: dl.cast %{{.*}} {to = f32} : tensor<f32>
// CHECK: dl.sqrt %{{.*}} : tensor<3xf32>
dl.model @adam(%w: tensor<3xf32>, %g: tensor<3xf32>, %m: tensor<3xf32>, %v: tensor<3xf32>,
               %t: tensor<f32>) {
  %w1, %m1, %v1 = dl.adam %w, %g, %m, %v, %t {lr = 0.1}
  dl.return %w1, %m1, %v1
}
