// A model whose object object.c runs.
dl.model @small(%x: tensor<?x251xf32>) {
  %w1 = dl.parameter "first.weight" : tensor<251x512xf32>
  %b1 = dl.parameter "first.bias" : tensor<512xf32>
  %w2 = dl.parameter "second.weight" : tensor<512x3xf32>
  %1 = dl.linear %x, %w1, %b1
  %2 = dl.tanh %1
  %3 = dl.matmul %2, %w2
  %y = dl.softmax %3 {axis = 1}
  dl.return %y
}
