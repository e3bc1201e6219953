// Forms of loop and window kernels, compiled for each instruction set that is here.
// RUN: dl-check --only=code %s
// RUN: dl-check --only=code --march=generic %s
// RUN: %if avx2 %{ dl-check --only=code --march=avx2 %s %}

// Rows in groups, of which the last is short.
dl.model @grouped_softmax(%x: tensor<21x133xf32>) attributes {check.gradient = false} {
  %y = dl.softmax %x
  dl.return %y
}
dl.model @grouped_layer_norm(%x: tensor<11x77xf64>, %s: tensor<77xf64>, %b: tensor<77xf64>) attributes {check.gradient = false} {
  %y = dl.layer_norm %x, %s, %b
  dl.return %y
}
dl.model @grouped_log_sum_exp(%x: tensor<1x300xf32>, %z: tensor<10x300xf32>) attributes {check.gradient = false} {
  %y = dl.log_sum_exp %x {axes = [1]}
  %w = dl.log_sum_exp %z {axes = [1]}
  dl.return %y, %w
}
dl.model @grouped_cross_entropy(%x: tensor<13x131xf32>, %t: tensor<13xi32>) attributes {check.labels = 131, check.gradient = false} {
  %y = dl.cross_entropy %x, %t
  dl.return %y
}

// Values of a row that take long are lanes of a vector: of short rows as well, with a short group
// behind, where other operands have an element for each row, and dimensions of one element stay.
dl.model @rows_as_lanes(%x: tensor<53x10xf32>, %t: tensor<53xi32>, %z: tensor<48x10xf32>, %u: tensor<48xi32>) attributes {check.labels = 12, check.gradient = false} {
  %y = dl.cross_entropy %x, %t
  %w = dl.cross_entropy %z, %u
  %s = dl.softmax %x
  %r = dl.log_softmax %z
  dl.return %y, %w, %s, %r
}
dl.model @weighted_rows(%x: tensor<1x37x70xf32>, %v: tensor<1x37xf32>) attributes {check.low = 0.5, check.high = 2.0, check.gradient = false} {
  %s = dl.sum %x {axes = [2]}
  %l = dl.log %s
  %a = dl.mul %l, %v
  %e = dl.exp %a
  %q = dl.div %e, %s
  %m = dl.max %x {axes = [2]}
  %y = dl.sub %q, %m
  dl.return %y
}
dl.model @rows_of_rows(%x: tensor<3x11x70xf32>) attributes {check.gradient = false} {
  %y = dl.log_sum_exp %x {axes = [2]}
  %t = dl.transpose %x {permutation = [1, 0, 2]}
  %z = dl.log_sum_exp %t {axes = [2]}
  dl.return %y, %z
}

// Labels of which some are of no class: a row loses nothing by those.
dl.model @picked_cross_entropy(%x: tensor<53x131xf32>, %t: tensor<53xi32>) attributes {check.labels = 160, check.gradient = false} {
  %y = dl.cross_entropy %x, %t
  dl.return %y
}
// Rows of more than the second-level cache, which a pass over the row before asks for.
dl.model @ahead(%x: tensor<1301x531xf32>, %t: tensor<1301xi32>) attributes {check.labels = 531, check.gradient = false} {
  %y = dl.log_softmax %x
  %z = dl.cross_entropy %x, %t
  dl.return %y, %z
}
dl.model @ahead_layer_norm(%x: tensor<67x6000xf64>, %s: tensor<6000xf64>, %b: tensor<6000xf64>) attributes {check.gradient = false} {
  %y = dl.layer_norm %x, %s, %b
  dl.return %y
}

// Rows whose results go past the caches, where those are as small as of no CPU in particular.
dl.model @past(%x: tensor<1031x1024xf32>) attributes {check.gradient = false} {
  %y = dl.softmax %x
  dl.return %y
}

dl.model @past_columns(%x: tensor<1031x1024xf32>) attributes {check.gradient = false} {
  %y = dl.softmax %x {axis = 0}
  dl.return %y
}

dl.model @past_concat(%x: tensor<515x1024xf32>, %z: tensor<515x1041xf32>, %w: tensor<515x15xf32>) attributes {check.gradient = false} {
  %y = dl.concat %x, %z, %w {axis = 1}
  dl.return %y
}
dl.model @past_windows(%x: tensor<2x65x70x64xf32>, %g: tensor<2x33x35x64xf32>, %h: tensor<2x32x35x64xf32>) attributes {check.ties, check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [3, 3], strides = [2, 2], padding = [1, 1, 1, 1], layout = nhwc}
  %z = dl.max_pool2d_backward %x, %h {kernel = [2, 2], strides = [2, 2], layout = nhwc}
  %w = dl.avg_pool2d_backward %g {kernel = [3, 3], strides = [2, 2], padding = [1, 1, 1, 1], input_size = [65, 70], layout = nhwc}
  dl.return %y, %z, %w
}
dl.model @past_transposed(%x: tensor<1040x1031xf32>) attributes {check.gradient = false} {
  %y = dl.transpose %x {permutation = [1, 0]}
  dl.return %y
}

// Columns of more than the second-level cache: streamed, with a rest of a tile.
dl.model @streamed_sums(%x: tensor<1100x521xf32>) attributes {check.gradient = false, check.low = 0.5, check.high = 1.0} {
  %s = dl.sum %x {axes = [0]}
  %m = dl.max %x {axes = [0]}
  %n = dl.min %x {axes = [0]}
  dl.return %s, %m, %n
}
dl.model @streamed_softmax(%x: tensor<1100x521xf32>) attributes {check.gradient = false} {
  %y = dl.softmax %x {axis = 0}
  dl.return %y
}
// More columns than a task streams, and dimensions around.
dl.model @streamed_outer(%x: tensor<2x67x4301xf64>) attributes {check.gradient = false} {
  %y = dl.log_sum_exp %x {axes = [1]}
  dl.return %y
}
dl.model @streamed_batch_norm(%x: tensor<2x300x3x331xf32>, %s: tensor<331xf32>, %b: tensor<331xf32>, %m: tensor<331xf32>, %v: tensor<331xf32>) attributes {check.low.v = 0.5, check.gradient = false} {
  %y, %p, %q = dl.batch_norm_train %x, %s, %b, %m, %v {axis = -1}
  dl.return %y, %p, %q
}
// Divided by 0: columns of infinities, and of NaN where an element is 0 too.
dl.model @streamed_special(%x: tensor<1100x521xf32>, %d: tensor<521xf32>) attributes {check.ties, check.gradient = false} {
  %i = dl.div %x, %d
  %y = dl.max %i {axes = [0]}
  dl.return %y
}
// A sum of exponentials that is streamed beside its maximum: columns of nothing but -infinity, of
// infinities and NaN, and most rows of -infinity.
dl.model @streamed_exponentials(%x: tensor<1100x521xf32>, %n: tensor<521xi32>, %d: tensor<521xi32>, %r: tensor<1100x1xi32>) attributes {check.labels = 2, check.gradient = false} {
  %a = dl.cast %n {to = f32}
  %b = dl.cast %d {to = f32}
  %q = dl.div %a, %b
  %l = dl.neg %q
  %i = dl.add %x, %l
  %y = dl.log_softmax %i {axis = 0}
  %p = dl.add %x, %q
  %z = dl.softmax %p {axis = 0}
  %o = dl.cast %r {to = f32}
  %e = dl.log %o
  %g = dl.add %x, %e
  %w = dl.softmax %g {axis = 0}
  dl.return %y, %z, %w
}
// The same along rows: short ones, rows in groups, and one in parts.
dl.model @special_rows(%x: tensor<67x21xf32>, %d: tensor<67x21xf32>) attributes {check.ties, check.gradient = false} {
  %i = dl.div %x, %d
  %y = dl.max %i {axes = [1]}
  %z = dl.min %i {axes = [1]}
  dl.return %y, %z
}
dl.model @special_groups(%x: tensor<67x221xf64>, %n: tensor<67x1xf64>, %d: tensor<67x1xf64>) attributes {check.ties, check.gradient = false} {
  %q = dl.div %n, %d
  %i = dl.add %x, %q
  %y = dl.max %i {axes = [1], keepdims = true}
  %z = dl.sub %i, %y
  %m = dl.min %z {axes = [1]}
  dl.return %m
}
dl.model @special_parts(%x: tensor<1x200003xf32>, %n: tensor<5x1xi32>, %d: tensor<5x1xi32>) attributes {check.labels = 2, check.gradient = false} {
  %a = dl.cast %n {to = f32}
  %b = dl.cast %d {to = f32}
  %q = dl.div %a, %b
  %i = dl.add %x, %q
  %y = dl.max %i {axes = [1]}
  dl.return %y
}

// Cells of windows that overlap, with bands of rows, gaps and a rest of channels.
dl.model @overlapping(%x: tensor<2x41x9x21xf32>, %g: tensor<2x21x5x21xf32>) attributes {check.ties, check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [3, 3], strides = [2, 2], padding = [1, 1, 1, 1], layout = nhwc}
  dl.return %y
}
dl.model @dilated(%x: tensor<1x14x15x83xf32>, %g: tensor<1x6x7x83xf32>) attributes {check.gradient = false} {
  %y = dl.max_pool2d_backward %x, %g {kernel = [3, 3], strides = [2, 2], padding = [2, 1, 1, 2], dilation = [3, 2], layout = nhwc}
  dl.return %y
}
dl.model @shares(%g: tensor<2x7x5x21xf32>) attributes {check.gradient = false} {
  %y = dl.avg_pool2d_backward %g {kernel = [3, 3], strides = [2, 2], padding = [1, 1, 1, 1], count_include_pad = false, input_size = [13, 9], layout = nhwc}
  dl.return %y
}

// Beyond the caches of what does not know them better: blocks of many rows are transposed, and
// what is read is fetched ahead, up to the last element and behind it.
dl.model @far_transpose(%x: tensor<1031x1100xf32>, %z: tensor<3x700x571xf32>) attributes {check.gradient = false} {
  %y = dl.transpose %x {permutation = [1, 0]}
  %w = dl.transpose %z {permutation = [0, 2, 1]}
  dl.return %y, %w
}
dl.model @far_rows(%x: tensor<701x517xf32>) attributes {check.gradient = false} {
  %s = dl.sum %x {axes = [1]}
  %t = dl.sum %x {axes = [0]}
  %y = dl.gelu %x
  %n = dl.softmax %x {axis = 0}
  %c = dl.concat %x, %x {axis = 1}
  dl.return %s, %t, %y, %n, %c
}
