// A model whose object object-conv.c runs: strides, padding, groups, pooling.
dl.model @conv(%x: tensor<2x13x11x3xf32>) {
  %w1 = dl.parameter "first" : tensor<3x3x3x20xf32>
  %w2 = dl.parameter "depthwise" : tensor<3x3x1x20xf32>
  %w3 = dl.parameter "last" : tensor<60x7xf32>
  %1 = dl.conv2d %x, %w1 {strides = [2, 1], padding = [1, 0, 1, 2], layout = nhwc}
  %2 = dl.sigmoid %1
  %3 = dl.conv2d %2, %w2 {padding = [1, 1, 1, 1], groups = 20, layout = nhwc}
  %4 = dl.tanh %3
  %5 = dl.max_pool2d %4 {kernel = [5, 3], layout = nhwc}
  %6 = dl.flatten %5
  %7 = dl.matmul %6, %w3
  %y = dl.log_softmax %7 {axis = 1}
  dl.return %y
}
