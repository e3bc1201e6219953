// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @plain(
// CHECK: %{{.*}} = dl.sgd %w, %g {lr = 0.1} : tensor<3xf32>
dl.model @plain(%w: tensor<3xf32>, %g: tensor<3xf32>) attributes {
    check.value.w = dense<[1.0, -2.0, 0.5]> : tensor<3xf32>,
    check.value.g = dense<[0.5, 0.25, -1.0]> : tensor<3xf32>,
    check.expect.w1 = dense<[0.95, -2.025, 0.6]> : tensor<3xf32>,
    check.gradient = false} {
  %w1 = dl.sgd %w, %g {lr = 0.1}
  dl.return %w1
}

dl.model @decay(%w: tensor<3xf32>, %g: tensor<3xf32>) attributes {
    check.value.w = dense<[1.0, -2.0, 0.5]> : tensor<3xf32>,
    check.value.g = dense<[0.5, 0.25, -1.0]> : tensor<3xf32>,
    check.expect.w1 = dense<[0.9, -1.925, 0.575]> : tensor<3xf32>,
    check.gradient = false} {
  %w1 = dl.sgd %w, %g {lr = 0.1, weight_decay = 0.5}
  dl.return %w1
}

dl.model @momentum(%w: tensor<3xf32>, %g: tensor<3xf32>, %v: tensor<3xf32>) attributes {
    check.value.w = dense<[1.0, -2.0, 0.5]> : tensor<3xf32>,
    check.value.g = dense<[0.5, 0.25, -1.0]> : tensor<3xf32>,
    check.value.v = dense<[0.1, -0.2, 0.3]> : tensor<3xf32>,
    check.expect.w1 = dense<[0.94, -2.005, 0.5725]> : tensor<3xf32>,
    check.expect.v1 = dense<[0.6, 0.05, -0.725]> : tensor<3xf32>,
    check.gradient = false} {
  %w1, %v1 = dl.sgd %w, %g, %v {lr = 0.1, momentum = 0.9, weight_decay = 0.01}
  dl.return %w1, %v1
}

dl.model @nesterov(%w: tensor<3xf32>, %g: tensor<3xf32>, %v: tensor<3xf32>) attributes {
    check.value.w = dense<[1.0, -2.0, 0.5]> : tensor<3xf32>,
    check.value.g = dense<[0.5, 0.25, -1.0]> : tensor<3xf32>,
    check.value.v = dense<[0.1, -0.2, 0.3]> : tensor<3xf32>,
    check.expect.w1 = dense<[0.895, -2.0275, 0.66475]> : tensor<3xf32>,
    check.expect.v1 = dense<[0.6, 0.05, -0.725]> : tensor<3xf32>,
    check.gradient = false} {
  %w1, %v1 = dl.sgd %w, %g, %v {lr = 0.1, momentum = 0.9, weight_decay = 0.01, nesterov = true}
  dl.return %w1, %v1
}

dl.model @scalar(%w: tensor<f32>, %g: tensor<f32>, %v: tensor<f32>) attributes {check.gradient = false} {
  %w1, %v1 = dl.sgd %w, %g, %v {lr = 0.1, momentum = 0.9, nesterov = true}
  dl.return %w1, %v1
}

dl.model @empty(%w: tensor<0x3xf32>, %g: tensor<0x3xf32>, %v: tensor<0x3xf32>) attributes {check.gradient = false} {
  %w1, %v1 = dl.sgd %w, %g, %v {lr = 0.1, momentum = 0.9, nesterov = true}
  dl.return %w1, %v1
}

dl.model @odd(%w: tensor<5x19xf32>, %g: tensor<5x19xf32>, %v: tensor<5x19xf32>) attributes {check.gradient = false} {
  %w1, %v1 = dl.sgd %w, %g, %v {lr = 0.1, momentum = 0.9, nesterov = true}
  dl.return %w1, %v1
}

dl.model @wide(%w: tensor<5x7xf64>, %g: tensor<5x7xf64>, %v: tensor<5x7xf64>) attributes {check.gradient = false} {
  %w1, %v1 = dl.sgd %w, %g, %v {lr = 0.1, momentum = 0.9, nesterov = true}
  dl.return %w1, %v1
}

// In place: the new value is stored over the old one.
dl.model @step(%x: tensor<4x3xf32>) attributes {check.gradient = false} {
  %w = dl.parameter "w" : tensor<4x3xf32>
  %v = dl.parameter "w.velocity" {role = optimizer, trainable = false} : tensor<4x3xf32>
  %w1, %v1 = dl.sgd %w, %x, %v {lr = 0.1, momentum = 0.9}
  %s = dl.sum %x
  dl.return %s update "w" = %w1, "w.velocity" = %v1
}

// -----

dl.model @no_lr(%w: tensor<3xf32>, %g: tensor<3xf32>) {
  // expected-error @below {{requires attribute 'lr'}}
  %y = dl.sgd %w, %g
  dl.return %y
}

// -----

dl.model @lr_type(%w: tensor<3xf32>, %g: tensor<3xf32>) {
  // expected-error @below {{attribute 'lr' failed to satisfy constraint: 64-bit float attribute}}
  %y = dl.sgd %w, %g {lr = 1}
  dl.return %y
}

// -----

dl.model @gradient(%w: tensor<3xf32>, %g: tensor<4xf32>) {
  // expected-error @below {{expected operands of one type, got 'tensor<3xf32>' and 'tensor<4xf32>'}}
  %y = dl.sgd %w, %g {lr = 0.1}
  dl.return %y
}

// -----

dl.model @velocity(%w: tensor<3xf32>, %g: tensor<3xf32>, %v: tensor<3xf64>) {
  // expected-error @below {{expected operands of one type, got 'tensor<3xf32>' and 'tensor<3xf64>'}}
  %y, %z = dl.sgd %w, %g, %v {lr = 0.1, momentum = 0.9}
  dl.return %y
}

// -----

dl.model @no_velocity(%w: tensor<3xf32>, %g: tensor<3xf32>) {
  // expected-error @below {{expected a velocity, as momentum is not 0}}
  %y = dl.sgd %w, %g {lr = 0.1, momentum = 0.9}
  dl.return %y
}

// -----

dl.model @needless_velocity(%w: tensor<3xf32>, %g: tensor<3xf32>, %v: tensor<3xf32>) {
  // expected-error @below {{expected no velocity, as momentum is 0}}
  %y, %z = dl.sgd %w, %g, %v {lr = 0.1}
  dl.return %y
}

// -----

dl.model @nesterov(%w: tensor<3xf32>, %g: tensor<3xf32>) {
  // expected-error @below {{expected a momentum other than 0 with nesterov}}
  %y = dl.sgd %w, %g {lr = 0.1, nesterov = true}
  dl.return %y
}
