// An autoencoder for digits: through nine numbers and back, relu between the
// layers, sigmoid at the end. Loss: mse, with the image as its own target; Adam.
dl.model @autoencoder(%image: tensor<?x28x28x1xf32>) {
  %w1 = dl.parameter "dense1.weight" {init = he_normal} : tensor<784x128xf32>
  %b1 = dl.parameter "dense1.bias" : tensor<128xf32>
  %w2 = dl.parameter "dense2.weight" {init = he_normal} : tensor<128x64xf32>
  %b2 = dl.parameter "dense2.bias" : tensor<64xf32>
  %w3 = dl.parameter "dense3.weight" {init = he_normal} : tensor<64x36xf32>
  %b3 = dl.parameter "dense3.bias" : tensor<36xf32>
  %w4 = dl.parameter "dense4.weight" {init = he_normal} : tensor<36x18xf32>
  %b4 = dl.parameter "dense4.bias" : tensor<18xf32>
  %w5 = dl.parameter "dense5.weight" {init = he_normal} : tensor<18x9xf32>
  %b5 = dl.parameter "dense5.bias" : tensor<9xf32>
  %w6 = dl.parameter "dense6.weight" {init = he_normal} : tensor<9x18xf32>
  %b6 = dl.parameter "dense6.bias" : tensor<18xf32>
  %w7 = dl.parameter "dense7.weight" {init = he_normal} : tensor<18x36xf32>
  %b7 = dl.parameter "dense7.bias" : tensor<36xf32>
  %w8 = dl.parameter "dense8.weight" {init = he_normal} : tensor<36x64xf32>
  %b8 = dl.parameter "dense8.bias" : tensor<64xf32>
  %w9 = dl.parameter "dense9.weight" {init = he_normal} : tensor<64x128xf32>
  %b9 = dl.parameter "dense9.bias" : tensor<128xf32>
  %w10 = dl.parameter "dense10.weight" {init = he_normal} : tensor<128x784xf32>
  %b10 = dl.parameter "dense10.bias" : tensor<784xf32>

  %x0 = dl.flatten %image
  %y1 = dl.linear %x0, %w1, %b1
  %x1 = dl.relu %y1
  %y2 = dl.linear %x1, %w2, %b2
  %x2 = dl.relu %y2
  %y3 = dl.linear %x2, %w3, %b3
  %x3 = dl.relu %y3
  %y4 = dl.linear %x3, %w4, %b4
  %x4 = dl.relu %y4
  %y5 = dl.linear %x4, %w5, %b5
  %x5 = dl.relu %y5
  %y6 = dl.linear %x5, %w6, %b6
  %x6 = dl.relu %y6
  %y7 = dl.linear %x6, %w7, %b7
  %x7 = dl.relu %y7
  %y8 = dl.linear %x7, %w8, %b8
  %x8 = dl.relu %y8
  %y9 = dl.linear %x8, %w9, %b9
  %x9 = dl.relu %y9
  %y10 = dl.linear %x9, %w10, %b10
  %x10 = dl.sigmoid %y10
  %copy = dl.reshape %x10 {shape = [-1, 28, 28, 1]}
  dl.return %copy
}
