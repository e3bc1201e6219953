// A whole training step against one written in JAX (f64): loss, metric, new
// parameters, new state.
// RUN: dlc-opt %s --dl-training-step="loss=bce optimizer=adam,lr=0.1,weight_decay=0.01" -o %t.mlir
// RUN: dl-check %t.mlir | FileCheck %s

// CHECK: @bottleneck_step: round-trip, decomposition
dl.model @bottleneck(%x: tensor<4x3xf64>) attributes {
    check.gradient = false,
    check.value.x = dense<[[0.53, 0.82, -0.7], [0.87, -0.99, 0.51], [0.62, -0.73, -0.16], [0.63, -0.97,
        0.26]]> : tensor<4x3xf64>,
    check.value.target = dense<[[1.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 1.0, 1.0], [0.0, 1.0, 0.0]]> :
        tensor<4x3xf64>,
    check.value.step = dense<3.0> : tensor<f64>,
    check.value.w = dense<[[-0.74, 0.69], [0.89, 0.81], [0.14, -0.71]]> : tensor<3x2xf64>,
    check.value.v = dense<[[-0.62, 0.86, 0.1], [-0.64, 0.77, 0.28]]> : tensor<2x3xf64>,
    check.value.w.mean = dense<[[0.14, -0.25], [-0.18, -0.52], [-0.92, 0.75]]> : tensor<3x2xf64>,
    check.value.w.variance = dense<[[0.06, 0.1], [0.36, 0.5], [0.95, 0.26]]> : tensor<3x2xf64>,
    check.value.v.mean = dense<[[-0.94, -0.75, 0.93], [0.32, -0.14, 0.05]]> : tensor<2x3xf64>,
    check.value.v.variance = dense<[[0.75, 0.31, 0.18], [0.37, 0.29, 0.04]]> : tensor<2x3xf64>,
    check.expect.loss = dense<0.897248402> : tensor<f64>,
    check.expect.correct = dense<0> : tensor<i32>,
    check.expect.step = dense<4.0> : tensor<f64>,
    check.expect.w = dense<[[-0.749520093, 0.70347499], [0.894634533, 0.82184149], [0.155731225,
        -0.734201224]]> : tensor<3x2xf64>,
    check.expect.w.mean = dense<[[0.126831676, -0.231765658], [-0.151242862, -0.455416648], [-0.833941945,
        0.671175207]]> : tensor<3x2xf64>,
    check.expect.w.variance = dense<[[0.0599400692, 0.0999045774], [0.359651572, 0.499515834], [0.949053531,
        0.259741463]]> : tensor<3x2xf64>,
    check.expect.v = dense<[[-0.601832325, 0.88194474, 0.0635637757], [-0.648358511, 0.774011392,
        0.276066195]]> : tensor<2x3xf64>,
    check.expect.v.mean = dense<[[-0.855743085, -0.664552969, 0.840779311], [0.276533787, -0.117492516,
        0.0427913696]]> : tensor<2x3xf64>,
    check.expect.v.variance = dense<[[0.749259493, 0.309700914, 0.179821428], [0.369643147, 0.289717238,
        0.0399604878]]> : tensor<2x3xf64>} {
  %w = dl.parameter "w" : tensor<3x2xf64>
  %v = dl.parameter "v" : tensor<2x3xf64>
  %1 = dl.matmul %x, %w
  %2 = dl.tanh %1
  %3 = dl.matmul %2, %v
  %y = dl.sigmoid %3
  dl.return %y
}
