// A convolutional network for photographs of 32 x 32 pixels, with dropout: two
// blocks of two convolutions and a pooling, a dense layer, the ten classes;
// 271,786 parameters. Loss: cross_entropy; momentum.
dl.model @cifar10_cnn(%image: tensor<?x32x32x3xf32>) {
  %w1 = dl.parameter "conv1.weight" {init = he_normal} : tensor<3x3x3x32xf32>
  %b1 = dl.parameter "conv1.bias" : tensor<32xf32>
  %w2 = dl.parameter "conv2.weight" {init = he_normal} : tensor<3x3x32x32xf32>
  %b2 = dl.parameter "conv2.bias" : tensor<32xf32>
  %w3 = dl.parameter "conv3.weight" {init = he_normal} : tensor<3x3x32x64xf32>
  %b3 = dl.parameter "conv3.bias" : tensor<64xf32>
  %w4 = dl.parameter "conv4.weight" {init = he_normal} : tensor<3x3x64x64xf32>
  %b4 = dl.parameter "conv4.bias" : tensor<64xf32>
  %w5 = dl.parameter "dense1.weight" {init = he_normal} : tensor<1600x128xf32>
  %b5 = dl.parameter "dense1.bias" : tensor<128xf32>
  %w6 = dl.parameter "dense2.weight" {init = he_normal} : tensor<128x10xf32>
  %b6 = dl.parameter "dense2.bias" : tensor<10xf32>

  %1 = dl.conv2d %image, %w1, %b1 {layout = nhwc}
  %2 = dl.relu %1
  %3 = dl.conv2d %2, %w2, %b2 {layout = nhwc}
  %4 = dl.relu %3
  %5 = dl.max_pool2d %4 {kernel = [2, 2], layout = nhwc}
  %6 = dl.dropout %5 {p = 0.25}
  %7 = dl.conv2d %6, %w3, %b3 {layout = nhwc}
  %8 = dl.relu %7
  %9 = dl.conv2d %8, %w4, %b4 {layout = nhwc}
  %10 = dl.relu %9
  %11 = dl.max_pool2d %10 {kernel = [2, 2], layout = nhwc}
  %12 = dl.dropout %11 {p = 0.25}
  %13 = dl.flatten %12
  %14 = dl.linear %13, %w5, %b5
  %15 = dl.relu %14
  %16 = dl.dropout %15 {p = 0.5}
  %logits = dl.linear %16, %w6, %b6
  dl.return %logits
}
