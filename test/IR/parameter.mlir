// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @initialisers(
dl.model @initialisers(%x: tensor<2xf32>) attributes {check.compile = false} {
  // CHECK: dl.parameter "a" : tensor<2xf32>
  %a = dl.parameter "a" {init = zeros} : tensor<2xf32>
  // CHECK: dl.parameter "b" {init = ones} : tensor<2xf32>
  %b = dl.parameter "b" {init = ones} : tensor<2xf32>
  // CHECK: dl.parameter "c" {init = he_normal} : tensor<3x4xf32>
  %c = dl.parameter "c" {init = he_normal} : tensor<3x4xf32>
  // CHECK: dl.parameter "d" {init = "uniform(-0.1, 0.1)"} : tensor<f64>
  %d = dl.parameter "d" {init = "uniform(-0.1, 0.1)"} : tensor<f64>
  // CHECK: dl.parameter "e" {init = "normal(0.01)"} : tensor<0x3xf32>
  %e = dl.parameter "e" {init = "normal(0.01)"} : tensor<0x3xf32>
  // CHECK: dl.parameter "f" {init = "constant(0.5)"} : tensor<2xf32>
  %f = dl.parameter "f" {init = "constant(0.5)"} : tensor<2xf32>
  // CHECK: dl.parameter "g" {fans = [3, 4], init = glorot_uniform} : tensor<2xf32>
  %g = dl.parameter "g" {fans = [3, 4], init = glorot_uniform} : tensor<2xf32>
  dl.return %x
}

// CHECK-LABEL: dl.model @options(
dl.model @options(%x: tensor<2x3xf32>) {
  // CHECK: %batch_norm.mean = dl.parameter "batch_norm.mean" {trainable = false} : tensor<3xf32>
  %mean = dl.parameter "batch_norm.mean" {trainable = false} : tensor<3xf32>
  // CHECK: dl.parameter "m" {role = optimizer, trainable = false} : tensor<3xf32>
  %m = dl.parameter "m" {role = optimizer, trainable = false} : tensor<3xf32>
  // CHECK: dl.parameter "n" {role = counter, trainable = false} : tensor<i64>
  %n = dl.parameter "n" {role = counter, trainable = false} : tensor<i64>
  // CHECK: dl.parameter "stored" {storage = [1, 0]} : tensor<3x2xf32>
  %w = dl.parameter "stored" {storage = [1, 0]} : tensor<3x2xf32>
  %0 = dl.add %x, %mean
  %1 = dl.mul %0, %m
  %2 = dl.matmul %1, %w
  dl.return %2, %n
}

// -----

dl.model @open(%x: tensor<3xf32>) {
  // expected-error @below {{expected a type without open extents, got 'tensor<?xf32>'}}
  %w = dl.parameter "w" : tensor<?xf32>
  dl.return %x
}

// -----

dl.model @no_name(%x: tensor<3xf32>) {
  // expected-error @below {{expected a name}}
  %w = dl.parameter "" : tensor<3xf32>
  dl.return %x
}

// -----

dl.model @bare_name(%x: tensor<3xf32>) {
  // expected-error @below {{expected string}}
  %w = dl.parameter w : tensor<3xf32>
  dl.return %x
}

// -----

dl.model @storage(%x: tensor<3xf32>) {
  // expected-error @below {{expected 'storage' to be a permutation of the dimensions}}
  %w = dl.parameter "w" {storage = [1]} : tensor<3xf32>
  dl.return %x
}

// -----

dl.model @fans(%x: tensor<3xf32>) {
  // expected-error @below {{expected 'fans' to be 2 positive integers}}
  %w = dl.parameter "w" {fans = [1, 0]} : tensor<3xf32>
  dl.return %x
}

// -----

dl.model @init(%x: tensor<3xf32>) {
  // expected-error @below {{expected 'init' to be zeros, ones, glorot_uniform, glorot_normal, he_uniform, he_normal, lecun_uniform, lecun_normal, constant(c), normal(stddev) or uniform(low, high), got 'he'}}
  %w = dl.parameter "w" {init = he} : tensor<3xf32>
  dl.return %x
}

// -----

dl.model @init_argument(%x: tensor<3xf32>) {
  // expected-error @below {{got 'normal(-1)'}}
  %w = dl.parameter "w" {init = "normal(-1)"} : tensor<3xf32>
  dl.return %x
}

// -----

dl.model @role(%x: tensor<3xf32>) {
  // expected-error @below {{attribute 'role' failed to satisfy constraint: string attribute one of parameter, optimizer, counter}}
  %w = dl.parameter "w" {role = weight} : tensor<3xf32>
  dl.return %x
}

// -----

dl.model @unknown_option(%x: tensor<3xf32>) {
  // expected-error @below {{'dl.parameter' has no option 'nit'}}
  %w = dl.parameter "w" {nit = ones} : tensor<3xf32>
  dl.return %x
}

// -----

dl.model @twice(%x: tensor<3xf32>) {
  %w = dl.parameter "w" : tensor<3xf32>
  // expected-error @below {{'w' is declared twice}}
  %v = dl.parameter "w" : tensor<3xf32>
  dl.return %x
}

// -----

dl.model @half(%x: tensor<3xf32>) {
  // expected-error @below {{result #0 must be ranked tensor of 32-bit float or 64-bit float or 1-bit signless integer or 32-bit signless integer or 64-bit signless integer values, but got 'tensor<3xf16>'}}
  %w = dl.parameter "w" : tensor<3xf16>
  dl.return %x
}

// -----

// expected-error @below {{expects parent op 'dl.model'}}
%w = dl.parameter "w" : tensor<3xf32>

// -----

dl.model @huge(%x: tensor<3xf32>) {
  // expected-error @below {{expected a tensor of less than 2^63 bytes, got 'tensor<4x4611686018427387904xf32>'}}
  %w = dl.parameter "w" : tensor<4x4611686018427387904xf32>
  dl.return %x
}

// -----

dl.model @encoded(%x: tensor<3xf32>) {
  // expected-error @below {{expected a tensor type without encoding, got 'tensor<3xf32, 5 : i64>'}}
  %w = dl.parameter "w" : tensor<3xf32, 5>
  dl.return %x
}
