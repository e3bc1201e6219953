// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known(
// CHECK: dl.adam %w, %g, %m, %v, %t {lr = 0.01}
dl.model @known(%w: tensor<3xf32>, %g: tensor<3xf32>, %m: tensor<3xf32>, %v: tensor<3xf32>, %t: tensor<f32>) attributes {
    check.value.w = dense<[1.0, -2.0, 0.5]> : tensor<3xf32>,
    check.value.g = dense<[0.5, 0.25, -1.0]> : tensor<3xf32>,
    check.value.m = dense<[0.1, 0.2, -0.3]> : tensor<3xf32>,
    check.value.v = dense<[0.01, 0.5, 0.2]> : tensor<3xf32>,
    check.value.t = dense<3.0> : tensor<f32>,
    check.expect.w1 = dense<[0.997205191, -2.00058591, 0.501667992]> : tensor<3xf32>,
    check.expect.m1 = dense<[0.14, 0.205, -0.37]> : tensor<3xf32>,
    check.expect.v1 = dense<[0.01024, 0.4995625, 0.2008]> : tensor<3xf32>,
    check.gradient = false} {
  %w1, %m1, %v1 = dl.adam %w, %g, %m, %v, %t {lr = 0.01}
  dl.return %w1, %m1, %v1
}

dl.model @options(%w: tensor<3xf32>, %g: tensor<3xf32>, %m: tensor<3xf32>, %v: tensor<3xf32>, %t: tensor<f32>) attributes {
    check.value.w = dense<[1.0, -2.0, 0.5]> : tensor<3xf32>,
    check.value.g = dense<[0.5, 0.25, -1.0]> : tensor<3xf32>,
    check.value.m = dense<[0.1, 0.2, -0.3]> : tensor<3xf32>,
    check.value.v = dense<[0.01, 0.5, 0.2]> : tensor<3xf32>,
    check.value.t = dense<3.0> : tensor<f32>,
    check.expect.w1 = dense<[0.99393005, -2.00085309, 0.503336248]> : tensor<3xf32>,
    check.expect.m1 = dense<[0.2, 0.17, -0.43]> : tensor<3xf32>,
    check.expect.v1 = dense<[0.0135, 0.495025, 0.207025]> : tensor<3xf32>,
    check.gradient = false} {
  %w1, %m1, %v1 = dl.adam %w, %g, %m, %v, %t {lr = 0.01, beta1 = 0.8, beta2 = 0.99, eps = 0.001, weight_decay = 0.1}
  dl.return %w1, %m1, %v1
}

// The bias corrections make it lr * sign(g).
dl.model @first_step(%w: tensor<3xf32>, %g: tensor<3xf32>, %m: tensor<3xf32>, %v: tensor<3xf32>, %t: tensor<f32>) attributes {
    check.value.w = dense<[1.0, -2.0, 0.5]> : tensor<3xf32>,
    check.value.g = dense<[0.5, 0.25, -1.0]> : tensor<3xf32>,
    check.value.m = dense<[0.0, 0.0, 0.0]> : tensor<3xf32>,
    check.value.v = dense<[0.0, 0.0, 0.0]> : tensor<3xf32>,
    check.value.t = dense<1.0> : tensor<f32>,
    check.expect.w1 = dense<[0.999, -2.001, 0.501]> : tensor<3xf32>,
    check.expect.m1 = dense<[0.05, 0.025, -0.1]> : tensor<3xf32>,
    check.expect.v1 = dense<[0.00025, 6.25e-05, 0.001]> : tensor<3xf32>,
    check.gradient = false} {
  %w1, %m1, %v1 = dl.adam %w, %g, %m, %v, %t {lr = 0.001}
  dl.return %w1, %m1, %v1
}

dl.model @scalar(%w: tensor<f32>, %g: tensor<f32>, %m: tensor<f32>, %v: tensor<f32>, %t: tensor<f32>) attributes {
    check.low.v = 0.1,
    check.high.v = 1.0,
    check.low.t = 1.0,
    check.high.t = 5.0,
    check.gradient = false} {
  %w1, %m1, %v1 = dl.adam %w, %g, %m, %v, %t {lr = 0.01}
  dl.return %w1, %m1, %v1
}

dl.model @empty(%w: tensor<0x3xf32>, %g: tensor<0x3xf32>, %m: tensor<0x3xf32>, %v: tensor<0x3xf32>, %t: tensor<f32>) attributes {
    check.low.v = 0.1,
    check.high.v = 1.0,
    check.low.t = 1.0,
    check.high.t = 5.0,
    check.gradient = false} {
  %w1, %m1, %v1 = dl.adam %w, %g, %m, %v, %t {lr = 0.01}
  dl.return %w1, %m1, %v1
}

dl.model @odd(%w: tensor<5x19xf32>, %g: tensor<5x19xf32>, %m: tensor<5x19xf32>, %v: tensor<5x19xf32>, %t: tensor<f32>) attributes {
    check.low.v = 0.1,
    check.high.v = 1.0,
    check.low.t = 1.0,
    check.high.t = 5.0,
    check.gradient = false} {
  %w1, %m1, %v1 = dl.adam %w, %g, %m, %v, %t {lr = 0.01, weight_decay = 0.1}
  dl.return %w1, %m1, %v1
}

dl.model @wide(%w: tensor<5x7xf64>, %g: tensor<5x7xf64>, %m: tensor<5x7xf64>, %v: tensor<5x7xf64>, %t: tensor<f64>) attributes {
    check.low.v = 0.1,
    check.high.v = 1.0,
    check.low.t = 1.0,
    check.high.t = 5.0,
    check.gradient = false} {
  %w1, %m1, %v1 = dl.adam %w, %g, %m, %v, %t {lr = 0.01}
  dl.return %w1, %m1, %v1
}

dl.model @step(%x: tensor<4x3xf32>) attributes {
    check.low.w.variance = 0.1,
    check.high.w.variance = 1.0,
    check.value.step = dense<0.0> : tensor<f32>,
    check.expect.step = dense<1.0> : tensor<f32>,
    check.gradient = false} {
  %w = dl.parameter "w" : tensor<4x3xf32>
  %m = dl.parameter "w.mean" {role = optimizer, trainable = false} : tensor<4x3xf32>
  %v = dl.parameter "w.variance" {role = optimizer, trainable = false} : tensor<4x3xf32>
  %n = dl.parameter "step" {role = counter, trainable = false} : tensor<f32>
  %one = dl.constant dense<1.0> : tensor<f32>
  %t = dl.add %n, %one
  %w1, %m1, %v1 = dl.adam %w, %x, %m, %v, %t {lr = 0.01}
  dl.return update "w" = %w1, "w.mean" = %m1, "w.variance" = %v1, "step" = %t
}

// -----

dl.model @no_lr(%w: tensor<3xf32>, %g: tensor<3xf32>, %m: tensor<3xf32>, %v: tensor<3xf32>, %t: tensor<f32>) {
  // expected-error @below {{requires attribute 'lr'}}
  %y, %m1, %v1 = dl.adam %w, %g, %m, %v, %t
  dl.return %y
}

// -----

dl.model @gradient(%w: tensor<3xf32>, %g: tensor<4xf32>, %m: tensor<3xf32>, %v: tensor<3xf32>, %t: tensor<f32>) {
  // expected-error @below {{expected operands of one type, got 'tensor<3xf32>' and 'tensor<4xf32>'}}
  %y, %m1, %v1 = dl.adam %w, %g, %m, %v, %t {lr = 0.1}
  dl.return %y
}

// -----

dl.model @mean(%w: tensor<3xf32>, %g: tensor<3xf32>, %m: tensor<4xf32>, %v: tensor<3xf32>, %t: tensor<f32>) {
  // expected-error @below {{expected operands of one type, got 'tensor<3xf32>' and 'tensor<4xf32>'}}
  %y, %m1, %v1 = dl.adam %w, %g, %m, %v, %t {lr = 0.1}
  dl.return %y
}

// -----

dl.model @variance(%w: tensor<3xf32>, %g: tensor<3xf32>, %m: tensor<3xf32>, %v: tensor<4xf32>, %t: tensor<f32>) {
  // expected-error @below {{expected operands of one type, got 'tensor<3xf32>' and 'tensor<4xf32>'}}
  %y, %m1, %v1 = dl.adam %w, %g, %m, %v, %t {lr = 0.1}
  dl.return %y
}

// -----

dl.model @step(%w: tensor<3xf32>, %g: tensor<3xf32>, %m: tensor<3xf32>, %v: tensor<3xf32>, %t: tensor<1xf32>) {
  // expected-error @below {{expected the step as a scalar of the parameter's element type, got 'tensor<1xf32>'}}
  %y, %m1, %v1 = dl.adam %w, %g, %m, %v, %t {lr = 0.1}
  dl.return %y
}

// -----

dl.model @step_type(%w: tensor<3xf32>, %g: tensor<3xf32>, %m: tensor<3xf32>, %v: tensor<3xf32>, %t: tensor<f64>) {
  // expected-error @below {{expected the step as a scalar of the parameter's element type, got 'tensor<f64>'}}
  %y, %m1, %v1 = dl.adam %w, %g, %m, %v, %t {lr = 0.1}
  dl.return %y
}

// -----

dl.model @operands(%w: tensor<3xf32>, %g: tensor<3xf32>, %m: tensor<3xf32>, %v: tensor<3xf32>, %t: tensor<f32>) {
  // expected-error @below {{expected 5 operands, got 4}}
  %y, %m1, %v1 = dl.adam %w, %g, %m, %v {lr = 0.1}
  dl.return %y
}
