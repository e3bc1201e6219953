// RUN: dlc-opt %s --dl-specialize=batch=8 | FileCheck %s
// RUN: dlc-opt %s --dl-specialize=batch=0 | FileCheck %s --check-prefix=EMPTY

// CHECK-LABEL: dl.model @classifier(%image: tensor<8x1x28x28xf32>, %label: tensor<8xi32>)
// EMPTY-LABEL: dl.model @classifier(%image: tensor<0x1x28x28xf32>, %label: tensor<0xi32>)
dl.model @classifier(%image: tensor<?x1x28x28xf32>, %label: tensor<?xi32>) {
  %w = dl.parameter "w" : tensor<4x1x5x5xf32>
  %v = dl.parameter "v" : tensor<576x10xf32>
  // CHECK: dl.conv2d {{.*}} : tensor<8x4x24x24xf32>
  // EMPTY: dl.conv2d {{.*}} : tensor<0x4x24x24xf32>
  %0 = dl.conv2d %image, %w
  // CHECK: dl.max_pool2d {{.*}} : tensor<8x4x12x12xf32>
  %1 = dl.max_pool2d %0 {kernel = [2, 2]}
  // CHECK: dl.reshape %{{.*}} {shape = [-1, 576]} : tensor<8x576xf32>
  // EMPTY: dl.reshape %{{.*}} {shape = [-1, 576]} : tensor<0x576xf32>
  %2 = dl.reshape %1 {shape = [-1, 576]}
  // CHECK: dl.linear {{.*}} : tensor<8x10xf32>
  %logits = dl.linear %2, %v
  // CHECK: dl.cross_entropy {{.*}} : tensor<f32>
  %loss = dl.cross_entropy %logits, %label
  dl.return %logits, %loss
}

// A model without open extents stays as it is.
// CHECK-LABEL: dl.model @closed(%x: tensor<3x2xf64>)
dl.model @closed(%x: tensor<3x2xf64>) {
  // CHECK: dl.exp %x : tensor<3x2xf64>
  %y = dl.exp %x
  dl.return %y
}

// The body of a kernel follows its operands.
// CHECK-LABEL: dl.model @kernel(%x: tensor<8x2xf32>)
dl.model @kernel(%x: tensor<?x2xf32>) {
  // CHECK: dl.kernel
  // CHECK: dl.exp {{.*}} : tensor<8x2xf32>
  // CHECK: dl.neg {{.*}} : tensor<8x2xf32>
  %y = dl.kernel "exp"(%a = %x) {
    %1 = dl.exp %a
    dl.yield %1
  }
  %z = dl.neg %y
  dl.return %z
}
