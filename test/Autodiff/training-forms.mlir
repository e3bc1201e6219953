// RUN: dlc-opt %s --dl-training-step="loss=mse optimizer=sgd,lr=0.1" -split-input-file -verify-diagnostics | FileCheck %s

// Dropout by a seed, a count of steps and the number of the op; batch_norm by the batch.
// CHECK-LABEL: dl.model @forms_step(
// CHECK-DAG: %[[SEED:.*]] = dl.parameter "dropout.seed" {{.*}}role = counter{{.*}} : tensor<i64>
// CHECK-DAG: %[[STEP:.*]] = dl.parameter "dropout.step" {{.*}}role = counter{{.*}} : tensor<f64>
// CHECK-DAG: %[[MEAN:.*]] = dl.parameter "mean"
// CHECK: %result, %new_mean, %new_variance = dl.batch_norm_train %{{.*}}, %{{.*}}, %{{.*}}, %[[MEAN]], %{{.*}} {momentum = 0.2}
// CHECK: %[[DROPPED:.*]] = dl.dropout_train %result, %[[SEED]], %[[STEP]] {p = 0.5, stream = 0}
// CHECK: dl.dropout_train %[[DROPPED]], %[[SEED]], %[[STEP]] {p = 0.25, stream = 1}
// CHECK: %[[NEXT:.*]] = dl.add %[[STEP]]
// CHECK: dl.dropout_train %{{.*}}, %[[SEED]], %[[STEP]] {p = 0.25, stream = 1}
// CHECK: dl.return {{.*}}"mean" = %new_mean, "variance" = %new_variance, "dropout.step" = %[[NEXT]]
dl.model @forms(%x: tensor<4x3xf32>) {
  %s = dl.parameter "scale" {init = ones} : tensor<3xf32>
  %b = dl.parameter "bias" : tensor<3xf32>
  %m = dl.parameter "mean" {trainable = false} : tensor<3xf32>
  %v = dl.parameter "variance" {init = ones, trainable = false} : tensor<3xf32>
  %1 = dl.batch_norm %x, %s, %b, %m, %v {momentum = 0.2}
  %2 = dl.dropout %1 {p = 0.5}
  %3 = dl.dropout %2 {p = 0.25}
  dl.return %3
}

// -----

// Each op normalises by its own batch; the second moves the statistics that the first left.
// CHECK-LABEL: dl.model @shared_step(
// CHECK-DAG: %[[MEAN:.*]] = dl.parameter "mean"
// CHECK-DAG: %[[VARIANCE:.*]] = dl.parameter "variance"
// CHECK: %[[FIRST:.*]], %[[MEAN1:.*]], %[[VARIANCE1:.*]] = dl.batch_norm_train %x, %{{.*}}, %{{.*}}, %[[MEAN]], %[[VARIANCE]]
// CHECK: %{{.*}}, %[[MEAN2:.*]], %[[VARIANCE2:.*]] = dl.batch_norm_train %[[FIRST]], %{{.*}}, %{{.*}}, %[[MEAN1]], %[[VARIANCE1]]
// CHECK: dl.return {{.*}}"mean" = %[[MEAN2]], "variance" = %[[VARIANCE2]]
dl.model @shared(%x: tensor<4x3xf32>) {
  %s = dl.parameter "scale" {init = ones} : tensor<3xf32>
  %b = dl.parameter "bias" : tensor<3xf32>
  %m = dl.parameter "mean" {trainable = false} : tensor<3xf32>
  %v = dl.parameter "variance" {init = ones, trainable = false} : tensor<3xf32>
  %1 = dl.batch_norm %x, %s, %b, %m, %v
  %2 = dl.batch_norm %1, %s, %b, %m, %v
  dl.return %2
}

// -----

dl.model @twice(%x: tensor<4x3xf32>) {
  %s = dl.parameter "scale" {init = ones} : tensor<3xf32>
  %b = dl.parameter "bias" : tensor<3xf32>
  %m = dl.parameter "mean" {trainable = false} : tensor<3xf32>
  %v = dl.parameter "variance" {init = ones, trainable = false} : tensor<3xf32>
  %1 = dl.batch_norm %x, %s, %b, %m, %v
  // expected-error @below {{expected no update of 'mean', which batch_norm updates in training}}
  dl.return %1 update "mean" = %b
}

// -----

// Statistics that are trained, or none of the model's variables, stay as they are.
// CHECK-LABEL: dl.model @frozen_step(
// CHECK: dl.batch_norm %
// CHECK-NOT: batch_norm_train
dl.model @frozen(%x: tensor<4x3xf32>) {
  %s = dl.parameter "scale" {init = ones} : tensor<3xf32>
  %b = dl.parameter "bias" : tensor<3xf32>
  %m = dl.constant dense<0.0> : tensor<3xf32>
  %v = dl.constant dense<1.0> : tensor<3xf32>
  %1 = dl.batch_norm %x, %s, %b, %m, %v
  dl.return %1
}

// -----

dl.model @taken(%x: tensor<4x3xf32>) {
  // expected-error @below {{expected another name: the variable of dropout is 'dropout.step'}}
  %s = dl.parameter "dropout.step" {init = ones} : tensor<3xf32>
  %1 = dl.mul %x, %s
  %2 = dl.dropout %1
  dl.return %2
}
