// RUN: dlc-opt %s --dl-specialize=batch=7 -verify-diagnostics -split-input-file
// RUN: not dlc-opt %s --dl-specialize=batch=-3 -split-input-file 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: not dlc-opt %s --dl-specialize=batch=1152921504606846976 -split-input-file 2>&1 \
// RUN:   | FileCheck %s --check-prefix=HUGE

// NEGATIVE: error: 'dl.model' op expected a batch size of at least 0, got -3
// HUGE: error: expected a tensor of less than 2^63 bytes, got 'tensor<1152921504606846976x

dl.model @four(%x: tensor<?x3xf32>) {
  // expected-error @below {{expected 21 elements, got 12 in shape 2x6}}
  %y = dl.reshape %x {shape = [2, 6]}
  dl.return %y
}

// -----

dl.model @fixed(%x: tensor<?x3xf32>, %y: tensor<4x3xf32>) {
  // expected-error @below {{expected shapes that broadcast, got 7x3 and 4x3: dimension 0 is 7 against 4}}
  %z = dl.add %x, %y
  dl.return %z
}
