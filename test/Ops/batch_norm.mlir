// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known(
// CHECK: dl.batch_norm %x, %s, %b, %m, %v
dl.model @known(%x: tensor<2x3x2x2xf32>, %s: tensor<3xf32>, %b: tensor<3xf32>, %m: tensor<3xf32>, %v: tensor<3xf32>) attributes {
    check.value.x = dense<[[[[-1.25, -1.25], [-0.25, -0.5]], [[0.75, 0.75], [-0.25, -2.0]], [[0.5, -0.25], [1.5, 0.25]]], [[[0.25, 0.75], [-0.25, -0.0]], [[1.0, 1.25], [2.0, 0.0]], [[0.5, -0.5], [-0.75, -2.25]]]]> : tensor<2x3x2x2xf32>,
    check.value.s = dense<[1.0, 2.0, -1.0]> : tensor<3xf32>,
    check.value.b = dense<[0.5, 0.0, 1.0]> : tensor<3xf32>,
    check.value.m = dense<[0.5, 0.0, -1.0]> : tensor<3xf32>,
    check.value.v = dense<[1.0, 2.0, 0.5]> : tensor<3xf32>,
    check.expect.y = dense<[[[[-1.24999118, -1.24999118], [-0.249996245, -0.499994993]], [[1.0606575, 1.0606575], [-0.35355249, -2.82841992]], [[-1.12129903, -0.0606495142], [-2.53549838, -0.76774919]]], [[[0.250001252, 0.749998748], [-0.249996245, 2.50339508e-06]], [[1.41420996, 1.76776242], [2.82841992, 0.0]], [[-1.12129903, 0.292900324], [0.646450162, 2.76774931]]]]> : tensor<2x3x2x2xf32>,
    check.low = 0.5} {
  %y = dl.batch_norm %x, %s, %b, %m, %v
  dl.return %y
}

// CHECK-LABEL: dl.model @last(
// CHECK: dl.batch_norm %x, %s, %b, %m, %v
dl.model @last(%x: tensor<2x3xf32>, %s: tensor<3xf32>, %b: tensor<3xf32>, %m: tensor<3xf32>, %v: tensor<3xf32>) attributes {
    check.value.x = dense<[[1.0, 2.0, 3.0], [0.0, -1.0, 4.0]]> : tensor<2x3xf32>,
    check.value.s = dense<[1.0, 2.0, -1.0]> : tensor<3xf32>,
    check.value.b = dense<[0.5, 0.0, 1.0]> : tensor<3xf32>,
    check.value.m = dense<[0.5, 0.0, -1.0]> : tensor<3xf32>,
    check.value.v = dense<[1.0, 2.0, 0.5]> : tensor<3xf32>,
    check.expect.y = dense<[[0.997518539, 2.82138252, -4.60112], [0.00248143077, -1.41069126, -6.00139999]]> : tensor<2x3xf32>,
    check.low = 0.5} {
  %y = dl.batch_norm %x, %s, %b, %m, %v {axis = -1, eps = 1.0e-2}
  dl.return %y
}

// CHECK-LABEL: dl.model @nhwc(
// CHECK: dl.batch_norm %x, %y, %z, %u, %v
dl.model @nhwc(%x: tensor<2x3x5x17xf32>, %y: tensor<17xf32>, %z: tensor<17xf32>, %u: tensor<17xf32>, %v: tensor<17xf32>) attributes {check.low = 0.5} {
  %r = dl.batch_norm %x, %y, %z, %u, %v {axis = 3}
  dl.return %r
}

// CHECK-LABEL: dl.model @wide(
// CHECK: dl.batch_norm %x, %y, %z, %u, %v
dl.model @wide(%x: tensor<4x5xf64>, %y: tensor<5xf64>, %z: tensor<5xf64>, %u: tensor<5xf64>, %v: tensor<5xf64>) attributes {check.low = 0.5} {
  %r = dl.batch_norm %x, %y, %z, %u, %v
  dl.return %r
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: dl.batch_norm %x, %y, %z, %u, %v
dl.model @open_batch(%x: tensor<?x3x2x2xf32>, %y: tensor<3xf32>, %z: tensor<3xf32>, %u: tensor<3xf32>, %v: tensor<3xf32>) attributes {check.low = 0.5, check.batch = [0, 1, 5]} {
  %r = dl.batch_norm %x, %y, %z, %u, %v
  dl.return %r
}

// -----

dl.model @axis(%x: tensor<2xf32>, %y: tensor<2xf32>, %z: tensor<2xf32>, %u: tensor<2xf32>, %v: tensor<2xf32>) {
  // expected-error @below {{expected an axis in [-1, 1), got 1}}
  %r = dl.batch_norm %x, %y, %z, %u, %v
  dl.return %r
}

// -----

dl.model @mean(%x: tensor<2x3xf32>, %y: tensor<3xf32>, %z: tensor<3xf32>, %u: tensor<2xf32>, %v: tensor<3xf32>) {
  // expected-error @below {{expected a mean of shape 3, got 2}}
  %r = dl.batch_norm %x, %y, %z, %u, %v
  dl.return %r
}

// -----

dl.model @variance(%x: tensor<2x3xf32>, %y: tensor<3xf32>, %z: tensor<3xf32>, %u: tensor<3xf32>, %v: tensor<1x3xf32>) {
  // expected-error @below {{expected a variance of shape 3, got 1x3}}
  %r = dl.batch_norm %x, %y, %z, %u, %v
  dl.return %r
}
