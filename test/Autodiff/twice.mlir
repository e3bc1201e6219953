// The gradient of a gradient: products of a Hessian with a vector.
// RUN: dlc-opt %s --dl-differentiate=wrt=x --dl-differentiate="wrt=x cotangent" --canonicalize | FileCheck %s
// RUN: dlc-opt %examples/mnist-cnn.mlir --dl-specialize=batch=2 --dl-differentiate --dl-differentiate \
// RUN:   | FileCheck %s --check-prefix=CNN

// f = sum(x³): its Hessian is diagonal, 6 x.
// CHECK-LABEL: dl.model @cube(%x: tensor<3xf64>, %cotangent: tensor<3xf64>)
// CHECK: dl.return %{{.*}} {output_names = ["d_x"]}
dl.model @cube(%x: tensor<3xf64>) {
  %1 = dl.mul %x, %x
  %2 = dl.mul %1, %x
  dl.return %2
}

// relu's gradient is constant between its steps: its derivative is zero, not an
// error.
// CHECK-LABEL: dl.model @relu
// CHECK: dl.constant dense<0.000000e+00> : tensor<3xf64>
dl.model @relu(%x: tensor<3xf64>) {
  %y = dl.relu %x
  dl.return %y
}

// CHECK-LABEL: dl.model @ties
// CHECK: dl.constant dense<0.000000e+00> : tensor<3xf64>
dl.model @ties(%x: tensor<3xf64>) {
  %y = dl.max %x
  dl.return %y
}

// CNN-LABEL: dl.model @mnist_cnn(
// CNN: dl.max_pool2d_gather
// CNN: dl.return {{.*}} {output_names = ["d_conv1.weight", "d_conv1.bias", "d_conv2.weight", "d_conv2.bias", "d_dense.weight", "d_dense.bias", "d_image"]}
