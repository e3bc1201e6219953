//===- DLTraining.td - Losses and optimiser updates -------*- tablegen -*-===//

#ifndef DL_TRAINING_TD
#define DL_TRAINING_TD

include "dl/IR/DLBase.td"

/// A loss: (prediction, target) to the mean over all examples (a scalar).
class DL_LossOp<string mnemonic, string rule = "::dl::inferPairwiseLoss">
    : DL_Op<mnemonic, [DL_Composite], DL_InferBy<rule>.definition> {
  let arguments = (ins DL_FloatTensor:$prediction, DL_FloatTensor:$target);
  let results = (outs DL_FloatTensor:$result);
}

def DL_CrossEntropyOp : DL_LossOp<"cross_entropy", "::dl::inferCrossEntropy"> {
  let summary = "mean of -log_softmax(logits)[label]";
  let description = [{
    Logits [N, classes] and class indices [N], each in [0, classes); an index
    outside contributes 0 to the sum and still counts in N.
  }];
  let arguments = (ins DL_FloatTensor:$prediction, DL_IndexTensor:$target);
}
def DL_MSEOp : DL_LossOp<"mse"> {
  let summary = "mean of (prediction - target)² over all elements";
}
def DL_BCEOp : DL_LossOp<"bce"> {
  let summary = "mean of -(t log p + (1 - t) log(1 - p)); logarithms are cut off at -100";
}
def DL_BCEWithLogitsOp : DL_LossOp<"bce_with_logits"> {
  let summary = "bce of sigmoid(x): mean of max(x, 0) - x t + log(1 + exp(-|x|))";
}
def DL_HingeOp : DL_LossOp<"hinge"> {
  let summary = "mean of max(0, 1 - t x), for targets t of -1 or 1";
}

/// An optimiser's update of one parameter and its state.
class DL_UpdateOp<string mnemonic> : DL_Op<mnemonic, [DL_Composite, DL_NoGradient]>;

def DL_SGDOp : DL_UpdateOp<"sgd"> {
  let summary = "stochastic gradient descent with momentum";
  let description = [{
    g' = g + weight_decay * w; v' = momentum * v + g';
    w' = w - lr * (nesterov ? g' + momentum * v' : v').
    Operands w, g and, where momentum is not 0, v (starts at 0); results w' and v'.
  }];
  let arguments = (ins DL_FloatTensor:$parameter, DL_FloatTensor:$gradient,
                       Optional<DL_FloatTensor>:$velocity,
                       F64Attr:$lr,
                       DefaultValuedAttr<F64Attr, "0.0">:$momentum,
                       DL_DefaultBool<"false">:$nesterov,
                       DefaultValuedAttr<F64Attr, "0.0">:$weight_decay);
  let results = (outs Variadic<DL_FloatTensor>:$updated);
}

def DL_AdamOp : DL_UpdateOp<"adam"> {
  let summary = "Adam (Kingma and Ba, arXiv:1412.6980, algorithm 1)";
  let description = [{
    g' = g + weight_decay * w; m' = beta1 m + (1 - beta1) g';
    v' = beta2 v + (1 - beta2) g'²;
    w' = w - lr * (m' / (1 - beta1^t)) / (sqrt(v' / (1 - beta2^t)) + eps).
    Operands w, g, m, v (start at 0) and the scalar t, the number of this step
    counted from 1, in w's element type; results w', m', v'.
  }];
  let arguments = (ins DL_FloatTensor:$parameter, DL_FloatTensor:$gradient,
                       DL_FloatTensor:$mean, DL_FloatTensor:$variance, DL_FloatTensor:$step,
                       F64Attr:$lr,
                       DefaultValuedAttr<F64Attr, "0.9">:$beta1,
                       DefaultValuedAttr<F64Attr, "0.999">:$beta2,
                       DefaultValuedAttr<F64Attr, "1.0e-8">:$eps,
                       DefaultValuedAttr<F64Attr, "0.0">:$weight_decay);
  let results = (outs DL_FloatTensor:$new_parameter, DL_FloatTensor:$new_mean,
                      DL_FloatTensor:$new_variance);
}

#endif // DL_TRAINING_TD
