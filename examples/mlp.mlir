// A multilayer perceptron for digits: 784-128-64-10, relu. Loss: cross_entropy.
dl.model @mlp(%image: tensor<?x28x28x1xf32>) {
  %w1 = dl.parameter "dense1.weight" {init = he_normal} : tensor<784x128xf32>
  %b1 = dl.parameter "dense1.bias" : tensor<128xf32>
  %w2 = dl.parameter "dense2.weight" {init = he_normal} : tensor<128x64xf32>
  %b2 = dl.parameter "dense2.bias" : tensor<64xf32>
  %w3 = dl.parameter "dense3.weight" {init = he_normal} : tensor<64x10xf32>
  %b3 = dl.parameter "dense3.bias" : tensor<10xf32>

  %1 = dl.flatten %image
  %2 = dl.linear %1, %w1, %b1
  %3 = dl.relu %2
  %4 = dl.linear %3, %w2, %b2
  %5 = dl.relu %4
  %logits = dl.linear %5, %w3, %b3
  dl.return %logits
}
