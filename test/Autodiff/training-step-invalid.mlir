// RUN: dlc-opt %s --dl-training-step="loss=cross_entropy optimizer=adam" -verify-diagnostics -split-input-file
// RUN: not dlc-opt %s --dl-training-step="loss=l1" 2>&1 | FileCheck %s --check-prefix=LOSS
// RUN: not dlc-opt %s --dl-training-step="optimizer=lamb,lr=1" 2>&1 | FileCheck %s --check-prefix=OPTIMIZER

// LOSS: error: 'dl.model' op expected the loss cross_entropy, mse, bce, bce_with_logits or hinge, got 'l1'
// OPTIMIZER: error: expected the optimizer sgd or adam, got 'lamb'
dl.model @rank(%x: tensor<2x3x4xf32>) {
  %w = dl.parameter "w" : tensor<4xf32>
  %1 = dl.add %x, %w
  // expected-error @below {{expected logits of 2 dimensions for cross_entropy, got 'tensor<2x3x4xf32>'}}
  dl.return %1
}

// -----

dl.model @no_classes(%x: tensor<2x0xf32>) {
  %w = dl.parameter "w" : tensor<1xf32>
  %1 = dl.add %x, %w
  // expected-error @below {{expected at least one class for cross_entropy, got 'tensor<2x0xf32>'}}
  dl.return %1
}

// -----

// expected-error @below {{expected a trainable parameter}}
dl.model @nothing_to_train(%x: tensor<2x3xf32>) {
  %w = dl.parameter "w" {trainable = false} : tensor<3xf32>
  %1 = dl.add %x, %w
  dl.return %1
}

// -----

dl.model @no_output(%x: tensor<2x3xf32>) {
  %w = dl.parameter "w" : tensor<3xf32>
  // expected-error @below {{expected an output to take the loss of}}
  dl.return
}

// -----

dl.model @integers(%x: tensor<2x3xi32>) {
  %w = dl.parameter "w" : tensor<3xf32>
  // expected-error @below {{expected a first output of f32 or f64 to take the loss of, got 'tensor<2x3xi32>'}}
  dl.return %x
}

// -----

dl.model @taken(%x: tensor<2x3xf32>) {
  %w = dl.parameter "w" : tensor<3xf32>
  // expected-error @below {{expected another name: the optimizer's variable is 'w.mean'}}
  %m = dl.parameter "w.mean" : tensor<3xf32>
  %1 = dl.add %x, %w
  dl.return %1
}

// -----

dl.model @blocked(%x: tensor<2x3xf32>) {
  %w = dl.parameter "w" : tensor<3x3xf32>
  %1 = dl.linear %x, %w
  // expected-note @below {{'dl.argmax' is constant between its steps: no gradient passes it}}
  %2 = dl.argmax %1
  %3 = dl.one_hot %2 {depth = 3, to = f32}
  // expected-error @below {{cannot differentiate this: 1 op blocks the gradient}}
  dl.return %3
}

// -----

dl.model @own_update(%x: tensor<2x3xf32>) {
  %w = dl.parameter "w" : tensor<3xf32>
  %1 = dl.add %x, %w
  %2 = dl.neg %w
  // expected-error @below {{expected no update of the trainable parameter 'w', which the optimizer updates}}
  dl.return %1 update "w" = %2
}

// -----

dl.model @open(%x: tensor<?x3xf32>) {
  %w = dl.parameter "w" : tensor<3xf32>
  // expected-error @below {{expected a static shape to differentiate, got 'tensor<?x3xf32>'}}
  %1 = dl.add %x, %w
  dl.return %1
}
