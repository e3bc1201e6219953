// Expected values that are wrong.
dl.model @value(%x: tensor<2xf32>) attributes {
    check.value.x = dense<[-1.0, -2.0]> : tensor<2xf32>,
    check.expect.y = dense<[1.0, 3.0]> : tensor<2xf32>} {
  %y = dl.neg %x
  dl.return %y {output_names = ["y"]}
}

// A name that no output has.
dl.model @no_such_output(%x: tensor<2xf32>) attributes {
    check.expect.z = dense<[1.0, 3.0]> : tensor<2xf32>} {
  %y = dl.neg %x
  dl.return %y
}

// A value of another shape.
dl.model @value_shape(%x: tensor<2xf32>) attributes {
    check.value.x = dense<[1.0, 3.0, 4.0]> : tensor<3xf32>} {
  %y = dl.neg %x
  dl.return %y
}

// At the kink of relu central differences give a half.
dl.model @gradient(%x: tensor<1xf32>) attributes {
    check.value.x = dense<0.0> : tensor<1xf32>} {
  %y = dl.relu %x
  dl.return %y
}

// What agrees.
dl.model @right(%x: tensor<1xf32>) {
  %y = dl.neg %x
  dl.return %y
}
