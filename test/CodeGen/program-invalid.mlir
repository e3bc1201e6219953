// RUN: dlc-opt %s -dl-codegen -split-input-file -verify-diagnostics

dl.model @not_planned(%x: tensor<4xf32>) attributes {arena_bytes = 0} {
  // expected-error @below {{expected a planned model, got an op outside of a kernel}}
  %y = dl.relu %x
  dl.return %y
}

// -----

dl.model @no_places(%x: tensor<4xf32>) attributes {arena_bytes = 0} {
  // expected-error @below {{expected 'places' with two integers a result}}
  %y = dl.kernel "relu"(%a = %x) {
    %1 = dl.relu %a
    dl.yield %1
  }
  dl.return %y
}

// -----

// expected-error @below {{expected 'arena_bytes' on a planned model}}
dl.model @no_arena(%x: tensor<4xf32>) {
  %y = dl.kernel "relu"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %1 = dl.relu %a
    dl.yield %1
  }
  dl.return %y
}

// -----

dl.model @composite(%x: tensor<4x3xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "softmax"(%a = %x) attributes {places = array<i64: 2, 0>} {
    // expected-error @below {{expected a primitive op in a kernel}}
    %1 = dl.softmax %a
    dl.yield %1
  }
  dl.return %y
}

// -----

dl.model @nchw(%x: tensor<1x3x4x4xf32>) attributes {arena_bytes = 0} {
  %y = dl.kernel "pool"(%a = %x) attributes {places = array<i64: 2, 0>} {
    // expected-error @below {{expected layout nhwc in a kernel, got nchw}}
    %1 = dl.max_pool2d %a {kernel = [2, 2]}
    dl.yield %1
  }
  dl.return %y
}

// -----

dl.model @two_anchors(%x: tensor<4x4xf32>) attributes {arena_bytes = 0} {
  // expected-error @below {{expected at most one contraction or window, got 2}}
  %y = dl.kernel "matmuls"(%a = %x) attributes {places = array<i64: 2, 0>} {
    // expected-note @below {{here: dl.matmul}}
    %1 = dl.matmul %a, %a
    // expected-note @below {{here: dl.matmul}}
    %2 = dl.matmul %1, %a
    dl.yield %2
  }
  dl.return %y
}

// -----

dl.model @window_and_sum(%x: tensor<1x4x4x3xf32>) attributes {arena_bytes = 0} {
  // expected-error @below {{expected no reduction beside a window}}
  %y = dl.kernel "pool"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %1 = dl.max_pool2d %a {kernel = [2, 2], layout = nhwc}
    %2 = dl.sum %1
    dl.yield %2
  }
  dl.return %y
}

// -----

dl.model @window_shape(%x: tensor<1x4x4x3xf32>) attributes {arena_bytes = 0} {
  // expected-error @below {{expected result 1 to have the window's shape 1x2x2x3, got 1x4x4x3}}
  %y, %z = dl.kernel "pool"(%a = %x) attributes {places = array<i64: 2, 0, 2, 1>} {
    %1 = dl.max_pool2d %a {kernel = [2, 2], layout = nhwc}
    %2 = dl.relu %a
    dl.yield %1, %2
  }
  dl.return %y, %z
}

// -----

dl.model @two_spaces(%x: tensor<4x3xf32>) attributes {arena_bytes = 0} {
  %y, %z = dl.kernel "sums"(%a = %x) attributes {places = array<i64: 2, 0, 2, 1>} {
    // expected-note @below {{the first one is over axes of 4x3}}
    %1 = dl.sum %a {axes = [0]}
    // expected-error @below {{expected all reductions of a kernel over the same axes of one shape}}
    %2 = dl.sum %a {axes = [1]}
    dl.yield %1, %2
  }
  dl.return %y, %z
}
