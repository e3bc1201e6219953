// RUN: dlc-opt %examples/mnist-cnn.mlir | FileCheck %s

// CHECK: dl.model @mnist_cnn
// CHECK: dl.parameter "conv1.weight"
