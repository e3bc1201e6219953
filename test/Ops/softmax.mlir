// RUN: dlc-opt %s -split-input-file -verify-diagnostics | dlc-opt -split-input-file | FileCheck %s
// RUN: dl-check %s

// CHECK-LABEL: dl.model @known(
// CHECK: %{{.*}} = dl.softmax %x : tensor<2x3xf32>
// CHECK: dl.softmax %x {axis = 0} : tensor<2x3xf32>
dl.model @known(%x: tensor<2x3xf32>) attributes {
    check.value.x = dense<[[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]> : tensor<2x3xf32>,
    check.expect.y = dense<[[0.0900305732, 0.244728471, 0.665240956], [0.333333333, 0.333333333, 0.333333333]]> : tensor<2x3xf32>,
    check.expect.z = dense<[[0.731058579, 0.880797078, 0.952574127], [0.268941421, 0.119202922, 0.0474258732]]> : tensor<2x3xf32>} {
  %y = dl.softmax %x
  %z = dl.softmax %x {axis = 0}
  dl.return %y, %z
}

// No overflow: computed from x - max(x).
dl.model @large(%x: tensor<2x3xf32>) attributes {
    check.value.x = dense<[[1000.0, 999.0, 0.0], [-1000.0, -1000.0, -1001.0]]> : tensor<2x3xf32>,
    check.expect.y = dense<[[0.731058579, 0.268941421, 0.0], [0.422318798, 0.422318798, 0.155362403]]> : tensor<2x3xf32>,
    check.gradient = false} {
  %y = dl.softmax %x
  dl.return %y
}

dl.model @one(%x: tensor<1xf32>) attributes {check.expect.y = dense<[1.0]> : tensor<1xf32>} {
  %y = dl.softmax %x
  dl.return %y
}

dl.model @empty(%x: tensor<0x3xf32>) {
  %y = dl.softmax %x
  dl.return %y
}

dl.model @odd(%x: tensor<5x19xf32>) {
  %y = dl.softmax %x
  dl.return %y
}

dl.model @ten(%x: tensor<7x10xf32>) {
  %y = dl.softmax %x
  dl.return %y
}

dl.model @many_classes(%x: tensor<3x1003xf32>) attributes {check.gradient = false} {
  %y = dl.softmax %x
  dl.return %y
}

// The exponentials of a vector wait in memory for their sum.
dl.model @many_rows(%x: tensor<300x70xf32>) attributes {check.gradient = false} {
  %y = dl.softmax %x {axis = 0}
  dl.return %y
}

dl.model @many_wide(%x: tensor<2x301xf64>) attributes {check.gradient = false} {
  %y = dl.softmax %x
  dl.return %y
}

dl.model @middle(%x: tensor<3x5x7xf32>) {
  %y = dl.softmax %x {axis = 1}
  dl.return %y
}

dl.model @first(%x: tensor<5x3x3xf32>) {
  %y = dl.softmax %x {axis = -3}
  dl.return %y
}

dl.model @wide(%x: tensor<3x17xf64>) {
  %y = dl.softmax %x
  dl.return %y
}

// CHECK-LABEL: dl.model @open_batch(
// CHECK: dl.softmax %x : tensor<?x10xf32>
dl.model @open_batch(%x: tensor<?x10xf32>) attributes {check.batch = [0, 1, 5]} {
  %y = dl.softmax %x
  dl.return %y
}

// Rows in groups, the last of which is short; both axes.
dl.model @grouped(%x: tensor<21x133xf32>) attributes {check.second_gradient = false} {
  %y = dl.softmax %x
  dl.return %y
}

dl.model @grouped_outer(%x: tensor<3x7x150xf64>) attributes {check.gradient = false} {
  %y = dl.softmax %x
  dl.return %y
}

// A row with infinity is NaN, as is one with NaN; the rows of its group are not.
dl.model @grouped_infinite(%x: tensor<9x90xf32>, %d: tensor<9x1xf32>) attributes {
    check.value.d = dense<[[1.0], [0x7F800000], [1.0], [0x7FC00000], [1.0], [1.0], [1.0], [1.0], [0xFF800000]]> : tensor<9x1xf32>,
    check.gradient = false} {
  %a = dl.mul %x, %d
  %y = dl.softmax %a
  dl.return %y
}

// -----

dl.model @axis(%x: tensor<2x3xf32>) {
  // expected-error @below {{expected an axis in [-2, 2), got 2}}
  %y = dl.softmax %x {axis = 2}
  dl.return %y
}

// -----

dl.model @scalar(%x: tensor<f32>) {
  // expected-error @below {{expected an axis in [0, 0), got -1}}
  %y = dl.softmax %x
  dl.return %y
}

// -----

dl.model @integers(%x: tensor<2xi32>) {
  // expected-error @below {{operand #0 must be ranked tensor of 32-bit float or 64-bit float values, but got 'tensor<2xi32>'}}
  %y = dl.softmax %x
  dl.return %y
}
