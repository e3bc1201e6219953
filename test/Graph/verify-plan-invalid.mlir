// RUN: dlc-opt %s --dl-verify-plan -verify-diagnostics -split-input-file

dl.model @outside(%x: tensor<4xf32>) attributes {arena_bytes = 0 : i64} {
  // expected-error @below {{expected to be part of a kernel}}
  %1 = dl.exp %x
  dl.return %1
}

// -----

dl.model @composite(%x: tensor<4xf32>) attributes {arena_bytes = 0 : i64} {
  %1 = dl.kernel "softmax"(%a = %x) attributes {places = array<i64: 2, 0>} {
    // expected-error @below {{expected primitive ops in a kernel}}
    %2 = dl.softmax %a
    dl.yield %2
  }
  dl.return %1
}

// -----

dl.model @layout(%x: tensor<1x1x4x4xf32>) attributes {arena_bytes = 0 : i64} {
  %1 = dl.kernel "max_pool2d"(%a = %x) attributes {places = array<i64: 2, 0>} {
    // expected-error @below {{expected images in layout nhwc in a kernel, got nchw}}
    %2 = dl.max_pool2d %a {kernel = [2, 2]}
    dl.yield %2
  }
  dl.return %1
}

// -----

dl.model @bias(%x: tensor<1x4x4x1xf32>, %w: tensor<1x1x1x1xf32>, %b: tensor<1xf32>) attributes {arena_bytes = 0 : i64} {
  %1 = dl.kernel "conv2d"(%a = %x, %c = %w, %d = %b) attributes {places = array<i64: 2, 0>} {
    // expected-error @below {{expected no bias in a kernel}}
    %2 = dl.conv2d %a, %c, %d {layout = nhwc}
    dl.yield %2
  }
  dl.return %1
}

// -----

dl.model @open(%x: tensor<?xf32>) attributes {arena_bytes = 0 : i64} {
  %1 = dl.kernel "exp"(%a = %x) attributes {places = array<i64: 2, 0>} {
    // expected-error @below {{expected static shapes, got 'tensor<?xf32>'}}
    %2 = dl.exp %a
    dl.yield %2
  }
  dl.return %1
}

// -----

// expected-error @below {{expected the attribute 'arena_bytes'}}
dl.model @no_arena(%x: tensor<4xf32>) {
  %1 = dl.kernel "exp"(%a = %x) attributes {places = array<i64: 2, 0>} {
    %2 = dl.exp %a
    dl.yield %2
  }
  dl.return %1
}

// -----

dl.model @no_place(%x: tensor<4xf32>) attributes {arena_bytes = 0 : i64} {
  // expected-error @below {{expected 'places' with two integers for each of 1 results}}
  %1 = dl.kernel "exp"(%a = %x) {
    %2 = dl.exp %a
    dl.yield %2
  }
  dl.return %1
}

// -----

dl.model @beyond(%x: tensor<4xf32>) attributes {arena_bytes = 64 : i64} {
  // expected-error @below {{expected a multiple of 64 within the arena of 64 bytes as place of a result, got 64}}
  %1 = dl.kernel "exp"(%a = %x) attributes {places = array<i64: 0, 64>} {
    %2 = dl.exp %a
    dl.yield %2
  }
  dl.return
}

// -----

dl.model @unaligned(%x: tensor<4xf32>) attributes {arena_bytes = 64 : i64} {
  // expected-error @below {{expected a multiple of 64 within the arena of 64 bytes as place of a result, got 4}}
  %1 = dl.kernel "exp"(%a = %x) attributes {places = array<i64: 0, 4>} {
    %2 = dl.exp %a
    dl.yield %2
  }
  dl.return
}

// -----

dl.model @output(%x: tensor<4xf32>) attributes {arena_bytes = 64 : i64} {
  %1 = dl.kernel "exp"(%a = %x) attributes {places = array<i64: 0, 0>} {
    %2 = dl.exp %a
    dl.yield %2
  }
  // expected-error @below {{expected output 0 to be a kernel's result placed there}}
  dl.return %1
}

// -----

dl.model @update(%x: tensor<4xf32>) attributes {arena_bytes = 64 : i64} {
  %w = dl.parameter "w" : tensor<4xf32>
  %1 = dl.kernel "exp"(%a = %x) attributes {places = array<i64: 0, 0>} {
    %2 = dl.exp %a
    dl.yield %2
  }
  // expected-error @below {{expected the update of variable 0 to be a kernel's result placed there}}
  dl.return update "w" = %1
}

// -----

dl.model @overwritten(%x: tensor<4xf32>) attributes {arena_bytes = 64 : i64} {
  %1 = dl.kernel "exp"(%a = %x) attributes {places = array<i64: 0, 0>} {
    %5 = dl.exp %a
    dl.yield %5
  }
  %2 = dl.kernel "log"(%a = %x) attributes {places = array<i64: 0, 0>} {
    %5 = dl.log %a
    dl.yield %5
  }
  // expected-error @below {{expected operand 0 in memory, got it overwritten}}
  %3 = dl.kernel "add"(%a = %1, %b = %2) attributes {places = array<i64: 2, 0>} {
    %5 = dl.add %a, %b
    dl.yield %5
  }
  dl.return %3
}

// -----

// The old value is read after the new one was written.
dl.model @stale(%x: tensor<4xf32>) attributes {arena_bytes = 64 : i64} {
  %w = dl.parameter "w" : tensor<4xf32>
  %1 = dl.kernel "exp"(%a = %x) attributes {places = array<i64: 1, 0>} {
    %5 = dl.exp %a
    dl.yield %5
  }
  // expected-error @below {{expected operand 0 in memory, got it overwritten}}
  %2 = dl.kernel "log"(%a = %w) attributes {places = array<i64: 2, 0>} {
    %5 = dl.log %a
    dl.yield %5
  }
  dl.return %2 update "w" = %1
}

// -----

dl.model @over_operand(%x: tensor<4x4xf32>) attributes {arena_bytes = 64 : i64} {
  %1 = dl.kernel "exp"(%a = %x) attributes {places = array<i64: 0, 0>} {
    %5 = dl.exp %a
    dl.yield %5
  }
  // expected-error @below {{expected result 0 beside operand 0, got it over it}}
  %2 = dl.kernel "matmul"(%a = %1) attributes {places = array<i64: 0, 0>} {
    %5 = dl.matmul %a, %a
    dl.yield %5
  }
  dl.return
}

// -----

dl.model @overlap(%x: tensor<4xf32>) attributes {arena_bytes = 64 : i64} {
  // expected-error @below {{expected results that do not overlap}}
  %1:2 = dl.kernel "exp+log"(%a = %x) attributes {places = array<i64: 0, 0, 0, 0>} {
    %5 = dl.exp %a
    %6 = dl.log %a
    dl.yield %5, %6
  }
  dl.return
}
