// The first network of many courses: one hidden layer of ten sigmoids, and a
// softmax over the ten digits. Loss: cross_entropy.
dl.model @mlp_sigmoid(%image: tensor<?x28x28x1xf32>) {
  %w1 = dl.parameter "hidden.weight" {init = glorot_uniform} : tensor<784x10xf32>
  %b1 = dl.parameter "hidden.bias" : tensor<10xf32>
  %w2 = dl.parameter "out.weight" {init = glorot_uniform} : tensor<10x10xf32>
  %b2 = dl.parameter "out.bias" : tensor<10xf32>

  %1 = dl.flatten %image
  %2 = dl.linear %1, %w1, %b1
  %3 = dl.sigmoid %2
  %4 = dl.linear %3, %w2, %b2
  %p = dl.softmax %4
  dl.return %p
}
