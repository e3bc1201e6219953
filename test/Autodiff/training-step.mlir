// RUN: dlc-opt %s --dl-training-step="loss=mse optimizer=sgd,lr=0.1" | FileCheck %s
// RUN: dlc-opt %s --dl-training-step="loss=mse optimizer=sgd,lr=0.1,momentum=0.9,nesterov,weight_decay=0.01" \
// RUN:   | FileCheck %s --check-prefix=MOMENTUM
// RUN: dlc-opt %s --dl-training-step="loss=mse optimizer=adam,weight_decay=1e-8" | FileCheck %s --check-prefix=ADAM
// RUN: dlc-opt %s --dl-training-step="loss=mse optimizer=adam" | dlc-opt -o /dev/null

// Frozen and integer variables stay; one that the loss does not depend on is
// updated with a gradient of zero. The model's own output is gone.
// CHECK-LABEL: dl.model @regression_step(%x: tensor<4x3xf32>, %target: tensor<4x2xf32>)
// CHECK-DAG: %w = dl.parameter "w" {init = he_normal} : tensor<3x2xf32>
// CHECK-DAG: %frozen = dl.parameter "frozen" {trainable = false} : tensor<2xf32>
// CHECK-DAG: %count = dl.parameter "count" : tensor<i32>
// CHECK-DAG: %unused = dl.parameter "unused" : tensor<5xf32>
// CHECK-NOT: dl.neg
// CHECK: %[[LOSS:.*]] = dl.mse %{{.*}}, %target
// CHECK: %[[G:.*]] = dl.matmul %x, %{{.*}} {transpose_a = true}
// CHECK: %[[ZERO:.*]] = dl.constant dense<0.000000e+00> : tensor<5xf32>
// CHECK: %[[W:.*]] = dl.sgd %w, %[[G]] {lr = 0.1} : tensor<3x2xf32>
// CHECK: %[[U:.*]] = dl.sgd %unused, %[[ZERO]]
// CHECK: dl.return %[[LOSS]] update "w" = %[[W]], "unused" = %[[U]] {output_names = ["loss"]}

// MOMENTUM: %w.velocity = dl.parameter "w.velocity" {role = optimizer, trainable = false} : tensor<3x2xf32>
// MOMENTUM: %[[NEW:.*]]:2 = dl.sgd %w, %{{.*}}, %w.velocity {lr = 0.1, momentum = 0.9, nesterov = true, weight_decay = {{.*}}}
// MOMENTUM: dl.return %{{.*}} update "w" = %[[NEW]]#0, "w.velocity" = %[[NEW]]#1, "unused" = %{{.*}}#0, "unused.velocity" = %{{.*}}#1

// ADAM: %w.mean = dl.parameter "w.mean" {role = optimizer, trainable = false} : tensor<3x2xf32>
// ADAM: %w.variance = dl.parameter "w.variance" {role = optimizer, trainable = false} : tensor<3x2xf32>
// ADAM: %step = dl.parameter "step" {role = counter, trainable = false} : tensor<f32>
// ADAM: %[[T:.*]] = dl.add %step, %{{.*}} : tensor<f32>
// ADAM: dl.adam %w, %{{.*}}, %w.mean, %w.variance, %[[T]] {lr = 0.001, weight_decay = 1.0e-08}
// ADAM: dl.return %{{.*}} update "step" = %[[T]], "w" = %{{.*}}, "w.mean" = %{{.*}}, "w.variance" = %{{.*}}, "unused"
dl.model @regression(%x: tensor<4x3xf32>) {
  %w = dl.parameter "w" {init = he_normal} : tensor<3x2xf32>
  %b = dl.parameter "frozen" {trainable = false} : tensor<2xf32>
  %n = dl.parameter "count" : tensor<i32>
  %u = dl.parameter "unused" : tensor<5xf32>
  %y = dl.linear %x, %w, %b
  %other = dl.neg %y
  dl.return %y, %other
}

// What the model updates by itself stays.
// CHECK-LABEL: dl.model @average_step
// CHECK: %[[NEW:.*]] = dl.mean %x {axes = [0]}
// CHECK: dl.return %{{.*}} update "w" = %{{.*}}, "seen" = %[[NEW]] {output_names = ["loss"]}
dl.model @average(%x: tensor<4x3xf32>) {
  %w = dl.parameter "w" : tensor<3xf32>
  %seen = dl.parameter "seen" {trainable = false} : tensor<3xf32>
  %new = dl.mean %x {axes = [0]}
  %y = dl.mul %x, %w
  dl.return %y update "seen" = %new
}
