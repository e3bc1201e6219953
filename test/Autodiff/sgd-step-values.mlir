// A whole training step against one written in JAX (f64): loss, metric, new
// parameters, new state.
// RUN: dlc-opt %s --dl-training-step="loss=cross_entropy optimizer=sgd,lr=0.1,momentum=0.9,nesterov,weight_decay=0.01" -o %t.mlir
// RUN: dl-check %t.mlir | FileCheck %s

// CHECK: @classifier_step: round-trip, decomposition
dl.model @classifier(%x: tensor<4x3xf64>) attributes {
    check.gradient = false,
    check.value.x = dense<[[0.35, -0.7, -0.12], [-0.52, -0.2, -0.81], [0.94, -0.57, 0.34], [-0.4, 0.75,
        0.32]]> : tensor<4x3xf64>,
    check.value.label = dense<[0, 2, 1, 1]> : tensor<4xi32>,
    check.value.w1 = dense<[[0.25, 0.79, 0.55, -0.55], [-0.4, 0.75, -0.99, 0.64], [0.59, -0.06, -0.39,
        -0.44]]> : tensor<3x4xf64>,
    check.value.b1 = dense<[-0.49, -0.11, 0.01, 0.11]> : tensor<4xf64>,
    check.value.w2 = dense<[[0.99, 0.59, 0.24], [0.98, -0.57, -0.68], [0.23, -0.91, -0.93], [0.03, -0.07,
        0.83]]> : tensor<4x3xf64>,
    check.value.b2 = dense<[0.26, 0.03, -0.01]> : tensor<3xf64>,
    check.value.w1.velocity = dense<[[-0.5, -0.98, -0.62, 0.38], [-0.6, -0.26, -0.99, 0.66], [-0.69, -0.46,
        0.76, 0.02]]> : tensor<3x4xf64>,
    check.value.b1.velocity = dense<[0.69, 0.28, 0.48, -0.82]> : tensor<4xf64>,
    check.value.w2.velocity = dense<[[0.08, 0.02, 0.74], [-0.28, 0.2, -0.88], [-0.22, -0.35, -0.7], [0.63,
        -0.24, 0.96]]> : tensor<4x3xf64>,
    check.value.b2.velocity = dense<[0.18, 0.21, 0.28]> : tensor<3xf64>,
    check.expect.loss = dense<1.2107121> : tensor<f64>,
    check.expect.correct = dense<1> : tensor<i32>,
    check.expect.w1 = dense<[[0.278663215, 0.827264187, 0.579608367, -0.585056935], [-0.343750407,
        0.781445338, -0.893899047, 0.566283044], [0.640659418, -0.0490540155, -0.448834219, -0.466805609]]> :
        tensor<3x4xf64>,
    check.expect.w1.velocity = dense<[[-0.387701131, -0.660337828, -0.449517723, 0.364510183], [-0.580261016,
        -0.288659674, -0.974741858, 0.700615557], [-0.593470622, -0.275505181, 0.669653784, 0.150555837]]> :
        tensor<3x4xf64>,
    check.expect.b1 = dense<[-0.557046005, -0.211686304, -0.0721239726, 0.182106581]> : tensor<4xf64>,
    check.expect.b1.velocity = dense<[0.679715818, 0.66782265, 0.659599856, -0.767929376]> : tensor<4xf64>,
    check.expect.w2 = dense<[[0.975525563, 0.594364067, 0.17861237], [0.992244513, -0.573267865,
        -0.610703648], [0.224596508, -0.85118525, -0.877482258], [-0.0446435656, -0.0326421354, 0.756434701]]>
        : tensor<4x3xf64>,
    check.expect.w2.velocity = dense<[[0.114075984, -0.0134950908, 0.673619107], [-0.197076382, 0.111936129,
        -0.781559747], [-0.0757710943, -0.475340788, -0.607988118], [0.691281924, -0.310304551, 0.841922626]]>
        : tensor<4x3xf64>,
    check.expect.b2 = dense<[0.18964778, 0.0712795778, -0.035729358]> : tensor<3xf64>,
    check.expect.b2.velocity = dense<[0.455537999, -0.117787252, 0.268049253]> : tensor<3xf64>} {
  %w1 = dl.parameter "w1" : tensor<3x4xf64>
  %b1 = dl.parameter "b1" : tensor<4xf64>
  %w2 = dl.parameter "w2" : tensor<4x3xf64>
  %b2 = dl.parameter "b2" : tensor<3xf64>
  %1 = dl.linear %x, %w1, %b1
  %2 = dl.relu %1
  %logits = dl.linear %2, %w2, %b2
  dl.return %logits
}
