// A small residual network for photographs of 32 x 32 pixels: a convolution, three
// blocks of two convolutions with a way around them, the mean of each channel, the
// ten classes (He et al., arXiv:1512.03385, as in its section 4.2 with n = 1);
// 78,042 trained parameters. Loss: cross_entropy; momentum.
dl.model @resnet8(%image: tensor<?x32x32x3xf32>) {
  %w1 = dl.parameter "first.weight" {init = he_normal} : tensor<3x3x3x16xf32>
  %s1 = dl.parameter "first.norm.scale" {init = ones} : tensor<16xf32>
  %b1 = dl.parameter "first.norm.bias" : tensor<16xf32>
  %m1 = dl.parameter "first.norm.mean" {trainable = false} : tensor<16xf32>
  %v1 = dl.parameter "first.norm.variance" {init = ones, trainable = false} : tensor<16xf32>
  %c1 = dl.conv2d %image, %w1 {padding = [1, 1, 1, 1], layout = nhwc}
  %n1 = dl.batch_norm %c1, %s1, %b1, %m1, %v1 {axis = 3}
  %r1 = dl.relu %n1

  // Block 1.
  %w2 = dl.parameter "block1.conv1.weight" {init = he_normal} : tensor<3x3x16x16xf32>
  %s2 = dl.parameter "block1.conv1.norm.scale" {init = ones} : tensor<16xf32>
  %b2 = dl.parameter "block1.conv1.norm.bias" : tensor<16xf32>
  %m2 = dl.parameter "block1.conv1.norm.mean" {trainable = false} : tensor<16xf32>
  %v2 = dl.parameter "block1.conv1.norm.variance" {init = ones, trainable = false} : tensor<16xf32>
  %c2 = dl.conv2d %r1, %w2 {padding = [1, 1, 1, 1], layout = nhwc}
  %n2 = dl.batch_norm %c2, %s2, %b2, %m2, %v2 {axis = 3}
  %r2 = dl.relu %n2
  %w3 = dl.parameter "block1.conv2.weight" {init = he_normal} : tensor<3x3x16x16xf32>
  %s3 = dl.parameter "block1.conv2.norm.scale" {init = ones} : tensor<16xf32>
  %b3 = dl.parameter "block1.conv2.norm.bias" : tensor<16xf32>
  %m3 = dl.parameter "block1.conv2.norm.mean" {trainable = false} : tensor<16xf32>
  %v3 = dl.parameter "block1.conv2.norm.variance" {init = ones, trainable = false} : tensor<16xf32>
  %c3 = dl.conv2d %r2, %w3 {padding = [1, 1, 1, 1], layout = nhwc}
  %n3 = dl.batch_norm %c3, %s3, %b3, %m3, %v3 {axis = 3}
  %a1 = dl.add %n3, %r1
  %y1 = dl.relu %a1

  // Block 2.
  %w4 = dl.parameter "block2.conv1.weight" {init = he_normal} : tensor<3x3x16x32xf32>
  %s4 = dl.parameter "block2.conv1.norm.scale" {init = ones} : tensor<32xf32>
  %b4 = dl.parameter "block2.conv1.norm.bias" : tensor<32xf32>
  %m4 = dl.parameter "block2.conv1.norm.mean" {trainable = false} : tensor<32xf32>
  %v4 = dl.parameter "block2.conv1.norm.variance" {init = ones, trainable = false} : tensor<32xf32>
  %c4 = dl.conv2d %y1, %w4 {strides = [2, 2], padding = [1, 1, 1, 1], layout = nhwc}
  %n4 = dl.batch_norm %c4, %s4, %b4, %m4, %v4 {axis = 3}
  %r4 = dl.relu %n4
  %w5 = dl.parameter "block2.conv2.weight" {init = he_normal} : tensor<3x3x32x32xf32>
  %s5 = dl.parameter "block2.conv2.norm.scale" {init = ones} : tensor<32xf32>
  %b5 = dl.parameter "block2.conv2.norm.bias" : tensor<32xf32>
  %m5 = dl.parameter "block2.conv2.norm.mean" {trainable = false} : tensor<32xf32>
  %v5 = dl.parameter "block2.conv2.norm.variance" {init = ones, trainable = false} : tensor<32xf32>
  %c5 = dl.conv2d %r4, %w5 {padding = [1, 1, 1, 1], layout = nhwc}
  %n5 = dl.batch_norm %c5, %s5, %b5, %m5, %v5 {axis = 3}
  %w6 = dl.parameter "block2.way.weight" {init = he_normal} : tensor<1x1x16x32xf32>
  %s6 = dl.parameter "block2.way.norm.scale" {init = ones} : tensor<32xf32>
  %b6 = dl.parameter "block2.way.norm.bias" : tensor<32xf32>
  %m6 = dl.parameter "block2.way.norm.mean" {trainable = false} : tensor<32xf32>
  %v6 = dl.parameter "block2.way.norm.variance" {init = ones, trainable = false} : tensor<32xf32>
  %c6 = dl.conv2d %y1, %w6 {strides = [2, 2], layout = nhwc}
  %n6 = dl.batch_norm %c6, %s6, %b6, %m6, %v6 {axis = 3}
  %a2 = dl.add %n5, %n6
  %y2 = dl.relu %a2

  // Block 3.
  %w7 = dl.parameter "block3.conv1.weight" {init = he_normal} : tensor<3x3x32x64xf32>
  %s7 = dl.parameter "block3.conv1.norm.scale" {init = ones} : tensor<64xf32>
  %b7 = dl.parameter "block3.conv1.norm.bias" : tensor<64xf32>
  %m7 = dl.parameter "block3.conv1.norm.mean" {trainable = false} : tensor<64xf32>
  %v7 = dl.parameter "block3.conv1.norm.variance" {init = ones, trainable = false} : tensor<64xf32>
  %c7 = dl.conv2d %y2, %w7 {strides = [2, 2], padding = [1, 1, 1, 1], layout = nhwc}
  %n7 = dl.batch_norm %c7, %s7, %b7, %m7, %v7 {axis = 3}
  %r7 = dl.relu %n7
  %w8 = dl.parameter "block3.conv2.weight" {init = he_normal} : tensor<3x3x64x64xf32>
  %s8 = dl.parameter "block3.conv2.norm.scale" {init = ones} : tensor<64xf32>
  %b8 = dl.parameter "block3.conv2.norm.bias" : tensor<64xf32>
  %m8 = dl.parameter "block3.conv2.norm.mean" {trainable = false} : tensor<64xf32>
  %v8 = dl.parameter "block3.conv2.norm.variance" {init = ones, trainable = false} : tensor<64xf32>
  %c8 = dl.conv2d %r7, %w8 {padding = [1, 1, 1, 1], layout = nhwc}
  %n8 = dl.batch_norm %c8, %s8, %b8, %m8, %v8 {axis = 3}
  %w9 = dl.parameter "block3.way.weight" {init = he_normal} : tensor<1x1x32x64xf32>
  %s9 = dl.parameter "block3.way.norm.scale" {init = ones} : tensor<64xf32>
  %b9 = dl.parameter "block3.way.norm.bias" : tensor<64xf32>
  %m9 = dl.parameter "block3.way.norm.mean" {trainable = false} : tensor<64xf32>
  %v9 = dl.parameter "block3.way.norm.variance" {init = ones, trainable = false} : tensor<64xf32>
  %c9 = dl.conv2d %y2, %w9 {strides = [2, 2], layout = nhwc}
  %n9 = dl.batch_norm %c9, %s9, %b9, %m9, %v9 {axis = 3}
  %a3 = dl.add %n8, %n9
  %y3 = dl.relu %a3

  %w = dl.parameter "dense.weight" {init = he_normal} : tensor<64x10xf32>
  %b = dl.parameter "dense.bias" : tensor<10xf32>
  %features = dl.mean %y3 {axes = [1, 2]}
  %logits = dl.linear %features, %w, %b
  dl.return %logits
}
