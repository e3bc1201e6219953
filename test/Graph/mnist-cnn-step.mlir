// The training step of the example, from the model file to planned kernels: 14
// kernels, no copies, every update in place.
// RUN: dlc-opt %examples/mnist-cnn.mlir --dl-specialize=batch=100 \
// RUN:   --dl-training-step="loss=cross_entropy optimizer=sgd,lr=0.01" --dl-graph-pipeline \
// RUN:   | FileCheck %s

// CHECK-LABEL: dl.model @mnist_cnn_step
// CHECK-SAME: arena_bytes = 165
// CHECK: dl.kernel "conv2d+add+relu"(%in0 = %image, %in1 = %conv1.weight, %in2 = %conv1.bias)
// CHECK: dl.kernel "max_pool2d"
// CHECK: dl.kernel "conv2d+add+relu"
// CHECK: dl.kernel "max_pool2d"
// CHECK: dl.reshape
// CHECK: dl.kernel "matmul+add"
// The row of cross-entropy with its gradient and the prediction.
// CHECK: %[[ROWS:.*]]:3 = dl.kernel "{{.*}}argmax{{.*}}"
// CHECK: dl.kernel "sum+mul{{.*}}"(%in0 = %[[ROWS]]#1, %in1 = %[[ROWS]]#0, %in2 = %label)
// The gradient for the layer below reads the weights before they are updated.
// CHECK: dl.kernel "matmul"(%in0 = %[[ROWS]]#2, %in1 = %dense.weight)
// CHECK: dl.kernel "matmul+sum+mul+sub"{{.*}}%dense.weight, {{.*}}%dense.bias){{.*}}places = array<i64: 1, 4, 1, 5>
// CHECK: dl.kernel "max_pool2d_backward+compare+select"
// CHECK: dl.kernel "conv2d_backward_data"({{.*}}%conv2.weight)
// CHECK: dl.kernel "conv2d_backward_weights+sum+mul+sub"{{.*}}places = array<i64: 1, 2, 1, 3>
// CHECK: dl.kernel "max_pool2d_backward+compare+select"
// CHECK: dl.kernel "conv2d_backward_weights+sum+mul+sub"{{.*}}places = array<i64: 1, 0, 1, 1>
// CHECK-NOT: dl.kernel
// CHECK: dl.return
