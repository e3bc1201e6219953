// RUN: dlc-opt %s --dl-differentiate -split-input-file -verify-diagnostics

// All that keeps the gradient from x, each with its place.
dl.model @rounded(%x: tensor<3x4xf32>, %y: tensor<3x4xf32>) {
  // expected-note @below {{'dl.argmax' is constant between its steps: no gradient passes it}}
  %best = dl.argmax %x
  %hot = dl.one_hot %best {depth = 4, to = f32}
  // expected-note @below {{'dl.cast' is constant between its steps: no gradient passes it}}
  %whole = dl.cast %x {to = i32}
  %back = dl.cast %whole {to = f32}
  // expected-note @below {{'dl.compare' is constant between its steps: no gradient passes it}}
  %larger = dl.compare %x, %y {predicate = gt}
  %ones = dl.cast %larger {to = f32}
  %1 = dl.add %hot, %back
  %2 = dl.add %1, %ones
  // expected-error @below {{cannot differentiate this: 3 ops block the gradient}}
  %3 = dl.mul %2, %y
  dl.return %3
}

// -----

// An update has no rule.
dl.model @update(%x: tensor<3xf32>) {
  %w = dl.parameter "w" : tensor<3xf32>
  // expected-error @below {{cannot differentiate this: 1 op blocks the gradient}}
  // expected-note @below {{'dl.sgd' has no gradient rule}}
  %1 = dl.sgd %w, %x {lr = 0.1}
  dl.return %1
}

// -----

// A kernel has none either: differentiate before fusion.
dl.model @kernel(%x: tensor<3xf32>) {
  // expected-error @below {{cannot differentiate this: 1 op blocks the gradient}}
  // expected-note @below {{'dl.kernel' has no gradient rule}}
  %1 = dl.kernel "exp"(%a = %x) {
    %2 = dl.exp %a
    dl.yield %2
  }
  dl.return %1
}

// -----

dl.model @integer(%x: tensor<3xf32>) {
  %1 = dl.cast %x {to = i32}
  // expected-error @below {{expected a first output of f32 or f64 with a static shape, got 'tensor<3xi32>'}}
  dl.return %1
}

// -----

dl.model @open(%x: tensor<?xf32>) {
  %1 = dl.exp %x
  // expected-error @below {{expected a first output of f32 or f64 with a static shape, got 'tensor<?xf32>'}}
  dl.return %1
}

// -----

dl.model @no_output(%x: tensor<3xf32>) {
  // expected-error @below {{expected an output to differentiate}}
  dl.return
}
