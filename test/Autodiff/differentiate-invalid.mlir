// RUN: dlc-opt %s --dl-differentiate=wrt=n -verify-diagnostics

// expected-error @below {{expected a float input or trainable parameter to differentiate by, got 'n'}}
dl.model @integer(%x: tensor<3xf32>, %n: tensor<3xi32>) {
  dl.return %x
}
