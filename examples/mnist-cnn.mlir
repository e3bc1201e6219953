// The small convolutional network of many introductory courses: two
// convolutions with pooling, one dense layer; 62,346 parameters.
dl.model @mnist_cnn(%image: tensor<?x28x28x1xf32>) {
  %w1 = dl.parameter "conv1.weight" {init = he_normal} : tensor<5x5x1x32xf32>
  %b1 = dl.parameter "conv1.bias" : tensor<32xf32>
  %w2 = dl.parameter "conv2.weight" {init = he_normal} : tensor<5x5x32x64xf32>
  %b2 = dl.parameter "conv2.bias" : tensor<64xf32>
  %w3 = dl.parameter "dense.weight" {init = he_normal} : tensor<1024x10xf32>
  %b3 = dl.parameter "dense.bias" : tensor<10xf32>

  %1 = dl.conv2d %image, %w1, %b1 {layout = nhwc}
  %2 = dl.relu %1
  %3 = dl.max_pool2d %2 {kernel = [2, 2], layout = nhwc}
  %4 = dl.conv2d %3, %w2, %b2 {layout = nhwc}
  %5 = dl.relu %4
  %6 = dl.max_pool2d %5 {kernel = [2, 2], layout = nhwc}
  %7 = dl.flatten %6
  %logits = dl.linear %7, %w3, %b3
  dl.return %logits
}
