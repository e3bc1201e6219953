// Logistic regression on two features; the output is a logit.
// Loss: bce_with_logits.
dl.model @logistic_regression(%x: tensor<?x2xf32>) {
  %w = dl.parameter "weight" {init = zeros} : tensor<2x1xf32>
  %b = dl.parameter "bias" : tensor<1xf32>
  %logit = dl.linear %x, %w, %b
  dl.return %logit
}
