// A perceptron: learns AND and OR of signs, and cannot learn XOR.
// Loss: hinge.
dl.model @perceptron(%x: tensor<?x2xf32>) {
  %w = dl.parameter "weight" {init = zeros} : tensor<2x1xf32>
  %b = dl.parameter "bias" : tensor<1xf32>
  %y = dl.linear %x, %w, %b
  dl.return %y
}
