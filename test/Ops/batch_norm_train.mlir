// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known(
// CHECK: dl.batch_norm_train %x, %s, %b, %m, %v
dl.model @known(%x: tensor<2x3x2x2xf32>, %s: tensor<3xf32>, %b: tensor<3xf32>, %m: tensor<3xf32>, %v: tensor<3xf32>) attributes {
    check.value.x = dense<[[[[-1.25, -1.25], [-0.25, -0.5]], [[0.75, 0.75], [-0.25, -2.0]], [[0.5, -0.25], [1.5, 0.25]]], [[[0.25, 0.75], [-0.25, -0.0]], [[1.0, 1.25], [2.0, 0.0]], [[0.5, -0.5], [-0.75, -2.25]]]]> : tensor<2x3x2x2xf32>,
    check.value.s = dense<[1.0, 2.0, -1.0]> : tensor<3xf32>,
    check.value.b = dense<[0.5, 0.0, 1.0]> : tensor<3xf32>,
    check.value.m = dense<[0.5, 0.0, -1.0]> : tensor<3xf32>,
    check.value.v = dense<[1.0, 2.0, 0.5]> : tensor<3xf32>,
    check.expect.y = dense<[[[[-0.950087368, -0.950087368], [0.596672475, 0.209982514]], [[0.552999139, 0.552999139], [-1.21659803, -4.31339312]], [[0.398073524, 1.12038529], [-0.565008879, 0.638844132]]], [[[1.37005234, 2.14343238], [0.596672475, 0.983362436]], [[0.995398402, 1.43779767], [2.76499557, -0.774198771]], [[0.398073524, 1.36115587], [1.60192645, 3.04655004]]]]> : tensor<2x3x2x2xf32>,
    check.expect.p = dense<[0.418749988, 0.0437499993, -0.912499964]> : tensor<3xf32>,
    check.expect.q = dense<[0.947767854, 1.9459821, 0.573214293]> : tensor<3xf32>} {
  %y, %p, %q = dl.batch_norm_train %x, %s, %b, %m, %v
  dl.return %y, %p, %q
}

// CHECK-LABEL: dl.model @last(
// CHECK: dl.batch_norm_train %x, %s, %b, %m, %v
dl.model @last(%x: tensor<4x3xf32>, %s: tensor<3xf32>, %b: tensor<3xf32>, %m: tensor<3xf32>, %v: tensor<3xf32>) attributes {
    check.value.x = dense<[[1.0, 2.0, 3.0], [0.0, -1.0, 4.0], [3.0, 2.0, 1.0], [4.0, -1.0, 0.0]]> : tensor<4x3xf32>,
    check.value.s = dense<[1.0, 2.0, -1.0]> : tensor<3xf32>,
    check.value.b = dense<[0.5, 0.0, 1.0]> : tensor<3xf32>,
    check.value.m = dense<[0.5, 0.0, -1.0]> : tensor<3xf32>,
    check.value.v = dense<[1.0, 2.0, 0.5]> : tensor<3xf32>,
    check.expect.y = dense<[[-0.132329106, 1.99955571, 0.367670894], [-0.764658213, -1.99955571, -0.264658213], [1.13232911, 1.99955571, 1.63232911], [1.76465821, -1.99955571, 2.26465821]]> : tensor<4x3xf32>,
    check.expect.p = dense<[0.875, 0.125, -0.25]> : tensor<3xf32>,
    check.expect.q = dense<[1.58333325, 2.25, 1.20833325]> : tensor<3xf32>} {
  %y, %p, %q = dl.batch_norm_train %x, %s, %b, %m, %v {axis = -1, momentum = 0.25, eps = 1.0e-3}
  dl.return %y, %p, %q
}

// One element a channel has no variance; the running one moves towards 0.
// CHECK-LABEL: dl.model @single(
// CHECK: dl.batch_norm_train %x, %s, %b, %m, %v
dl.model @single(%x: tensor<1x2xf32>, %s: tensor<2xf32>, %b: tensor<2xf32>, %m: tensor<2xf32>, %v: tensor<2xf32>) attributes {
    check.value.x = dense<[[3.0, -1.0]]> : tensor<1x2xf32>,
    check.value.s = dense<[1.0, 2.0]> : tensor<2xf32>,
    check.value.b = dense<[0.5, 0.25]> : tensor<2xf32>,
    check.value.m = dense<[1.0, 0.0]> : tensor<2xf32>,
    check.value.v = dense<[1.0, 2.0]> : tensor<2xf32>,
    check.expect.y = dense<[[0.5, 0.25]]> : tensor<1x2xf32>,
    check.expect.p = dense<[1.5, -0.25]> : tensor<2xf32>,
    check.expect.q = dense<[0.75, 1.5]> : tensor<2xf32>, check.gradient = false} {
  %y, %p, %q = dl.batch_norm_train %x, %s, %b, %m, %v {momentum = 0.25}
  dl.return %y, %p, %q
}

// CHECK-LABEL: dl.model @nhwc(
// CHECK: dl.batch_norm_train %x, %y, %z, %u, %v
dl.model @nhwc(%x: tensor<2x3x5x17xf32>, %y: tensor<17xf32>, %z: tensor<17xf32>, %u: tensor<17xf32>, %v: tensor<17xf32>) attributes {check.gradient = false} {
  %r, %m1, %v1 = dl.batch_norm_train %x, %y, %z, %u, %v {axis = 3}
  dl.return %r, %m1, %v1
}

// CHECK-LABEL: dl.model @few(
// CHECK: dl.batch_norm_train %x, %y, %z, %u, %v
dl.model @few(%x: tensor<2x2x3x3xf32>, %y: tensor<3xf32>, %z: tensor<3xf32>, %u: tensor<3xf32>, %v: tensor<3xf32>) {
  %r, %m1, %v1 = dl.batch_norm_train %x, %y, %z, %u, %v {axis = 3}
  dl.return %r, %m1, %v1
}

// CHECK-LABEL: dl.model @many(
// CHECK: dl.batch_norm_train %x, %y, %z, %u, %v
dl.model @many(%x: tensor<300x7x3xf32>, %y: tensor<7xf32>, %z: tensor<7xf32>, %u: tensor<7xf32>, %v: tensor<7xf32>) attributes {check.gradient = false} {
  %r, %m1, %v1 = dl.batch_norm_train %x, %y, %z, %u, %v {axis = 1}
  dl.return %r, %m1, %v1
}

// Large tensors: the moments are those about a guess, in one pass. Means far from 0, then
// a few elements far from all others, where the guess may be among them.
// CHECK-LABEL: dl.model @large(
// CHECK: dl.batch_norm_train %1, %s, %b, %m, %v
dl.model @large(%x: tensor<2x9x17x2051xf32>, %s: tensor<2051xf32>, %b: tensor<2051xf32>, %m: tensor<2051xf32>, %v: tensor<2051xf32>) attributes {check.gradient = false} {
  %0 = dl.constant dense<3.0> : tensor<f32>
  %1 = dl.add %x, %0
  %y, %p, %q = dl.batch_norm_train %1, %s, %b, %m, %v {axis = 3}
  dl.return %y, %p, %q
}

// CHECK-LABEL: dl.model @tails(
// CHECK: dl.batch_norm_train %{{[0-9]+}}, %s, %b, %m, %v
dl.model @tails(%x: tensor<67x1600x7xf32>, %s: tensor<1600xf32>, %b: tensor<1600xf32>, %m: tensor<1600xf32>, %v: tensor<1600xf32>) attributes {check.gradient = false, check.low.x = -9.0, check.high.x = 9.0} {
  %1 = dl.exp %x
  %y, %p, %q = dl.batch_norm_train %1, %s, %b, %m, %v {axis = 1}
  dl.return %y, %p, %q
}

// CHECK-LABEL: dl.model @wide(
// CHECK: dl.batch_norm_train %x, %y, %z, %u, %v
dl.model @wide(%x: tensor<4x5xf64>, %y: tensor<5xf64>, %z: tensor<5xf64>, %u: tensor<5xf64>, %v: tensor<5xf64>) {
  %r, %m1, %v1 = dl.batch_norm_train %x, %y, %z, %u, %v
  dl.return %r, %m1, %v1
}

// -----

dl.model @scale(%x: tensor<2x3xf32>, %y: tensor<2xf32>, %z: tensor<3xf32>, %u: tensor<3xf32>, %v: tensor<3xf32>) {
  // expected-error @below {{expected a scale of shape 3, got 2}}
  %r, %m1, %v1 = dl.batch_norm_train %x, %y, %z, %u, %v
  dl.return %r
}
