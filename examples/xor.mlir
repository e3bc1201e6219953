// XOR, which takes one hidden layer.
// Loss: bce (the output is a probability).
dl.model @xor(%x: tensor<?x2xf32>) {
  %w1 = dl.parameter "hidden.weight" {init = glorot_uniform} : tensor<2x8xf32>
  %b1 = dl.parameter "hidden.bias" : tensor<8xf32>
  %w2 = dl.parameter "out.weight" {init = glorot_uniform} : tensor<8x1xf32>
  %b2 = dl.parameter "out.bias" : tensor<1xf32>

  %1 = dl.linear %x, %w1, %b1
  %2 = dl.tanh %1
  %3 = dl.linear %2, %w2, %b2
  %p = dl.sigmoid %3
  dl.return %p
}
