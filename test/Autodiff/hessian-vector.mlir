// The gradient of a gradient along a vector is the Hessian times that vector:
// JAX's jvp(grad(f)).
// RUN: dlc-opt %s --dl-differentiate=wrt=x --dl-differentiate="wrt=x cotangent" -o %t.mlir
// RUN: dl-check %t.mlir | FileCheck %s

// CHECK: @hessian: round-trip
dl.model @hessian(%x: tensor<2x3xf64>, %w: tensor<3x4xf64>, %c: tensor<4xf64>) attributes {
    check.value.x = dense<[[0.25, 0.79, 0.55], [-0.55, -0.4, 0.75]]> : tensor<2x3xf64>,
    check.value.w = dense<[[-0.99, 0.64, 0.59, -0.06], [-0.39, -0.44, -0.49, -0.11], [0.01, 0.11, 0.99,
        0.59]]> : tensor<3x4xf64>,
    check.value.c = dense<[-0.93, 0.03, -0.07, 0.83]> : tensor<4xf64>,
    check.value.cotangent = dense<[[0.24, 0.98, -0.57], [-0.68, 0.23, -0.91]]> : tensor<2x3xf64>,
    check.expect.d_x = dense<[[-0.0796663317, -0.0166735327, 0.0142436117], [-0.000389226406, -0.0576162685,
        0.119354753]]> : tensor<2x3xf64>} {
  %1 = dl.matmul %x, %w
  %2 = dl.tanh %1
  %3 = dl.softmax %2
  %4 = dl.mul %3, %c
  %f = dl.sum %4
  dl.return %f
}
