//===- DLReduction.td - Reductions and normalisations -----*- tablegen -*-===//

#ifndef DL_REDUCTION_TD
#define DL_REDUCTION_TD

include "dl/IR/DLBase.td"

/// A reduction over some axes (none given: over all of them). Negative axes
/// count from the end. With `keepdims`, reduced axes stay with extent 1.
class DL_ReductionOp<string mnemonic, list<Trait> traits = []>
    : DL_Op<mnemonic, traits, DL_InferBy<"::dl::inferReduction">.definition # [{
        ::llvm::SmallVector<int64_t> $cppClass::getReducedAxes() {
          return ::dl::reducedAxes(getInput().getType().getRank(), getAxes());
        }
      }]> {
  let arguments = (ins DL_FloatTensor:$input,
                       OptionalAttr<DenseI64ArrayAttr>:$axes,
                       DL_DefaultBool<"false">:$keepdims);
  let results = (outs DL_FloatTensor:$result);
  let extraClassDeclaration = [{
    /// The reduced axes, non-negative and ascending.
    ::llvm::SmallVector<int64_t> getReducedAxes();
  }];
}

def DL_SumOp : DL_ReductionOp<"sum"> { let summary = "sum over axes; 0 where nothing is summed"; }
def DL_MeanOp : DL_ReductionOp<"mean", [DL_Composite]> {
  let summary = "arithmetic mean over axes; NaN where nothing is averaged";
}
def DL_MaxOp : DL_ReductionOp<"max"> {
  let summary = "largest element over axes; -infinity where there is none";
  let description = [{ Elements that tie share the gradient equally. }];
}
def DL_MinOp : DL_ReductionOp<"min"> {
  let summary = "smallest element over axes; infinity where there is none";
  let description = [{ Elements that tie share the gradient equally. }];
}

def DL_LogSumExpOp : DL_ReductionOp<"log_sum_exp", [DL_Composite]> {
  let summary = "log(sum(exp(x))) over axes, computed from x - max(x); -infinity where nothing is summed";
}

def DL_ArgmaxOp : DL_Op<"argmax", [DL_NoGradient]> {
  let summary = "index (i32) of the first largest element along an axis";
  let arguments = (ins DL_FloatTensor:$input, DefaultValuedAttr<I64Attr, "-1">:$axis);
  let results = (outs RankedTensorOf<[I32]>:$result);
}

/// A map of vectors along one axis (default: the last) to vectors.
class DL_NormalizationOp<string mnemonic> 
    : DL_Op<mnemonic, [DL_Composite], DL_InferBy<"::dl::inferNormalization">.definition> {
  let arguments = (ins DL_FloatTensor:$input, DefaultValuedAttr<I64Attr, "-1">:$axis);
  let results = (outs DL_FloatTensor:$result);
}

def DL_SoftmaxOp : DL_NormalizationOp<"softmax"> {
  let summary = "exp(x) / sum(exp(x)) along an axis, computed from x - max(x)";
}
def DL_LogSoftmaxOp : DL_NormalizationOp<"log_softmax"> {
  let summary = "x - log(sum(exp(x))) along an axis, computed from x - max(x)";
}

def DL_LayerNormOp : DL_Op<"layer_norm", [DL_Composite]> {
  let summary = "vectors of mean 0 and variance 1, scaled and shifted (Ba et al., arXiv:1607.06450)";
  let description = [{
    `dl.layer_norm %x, %scale, %bias {axis = -1}`:
    (x - mean(x)) / sqrt(variance(x) + eps) * scale + bias, mean and variance over
    the dimensions from `axis` on; scale and bias have their shape. The variance
    is that of the population (sum / n).
  }];
  let arguments = (ins DL_FloatTensor:$input, DL_FloatTensor:$scale, DL_FloatTensor:$bias,
                       DefaultValuedAttr<I64Attr, "-1">:$axis,
                       DefaultValuedAttr<F64Attr, "1.0e-5">:$eps);
  let results = (outs DL_FloatTensor:$result);
  let extraClassDeclaration = [{
    /// The dimensions from `axis` on.
    ::llvm::SmallVector<int64_t> getReducedAxes();
  }];
}

/// Operands of batch normalisation: x, and for each channel (dimension `axis` of
/// x) a scale, a bias, and the running mean and variance.
class DL_BatchNormBase<string mnemonic>
    : DL_Op<mnemonic, [DL_Composite]> {
  let arguments = (ins DL_FloatTensor:$input, DL_FloatTensor:$scale, DL_FloatTensor:$bias,
                       DL_FloatTensor:$mean, DL_FloatTensor:$variance,
                       DefaultValuedAttr<I64Attr, "1">:$axis,
                       DefaultValuedAttr<F64Attr, "1.0e-5">:$eps,
                       DefaultValuedAttr<F64Attr, "0.1">:$momentum);
  let extraClassDeclaration = [{
    /// All dimensions but `axis`.
    ::llvm::SmallVector<int64_t> getReducedAxes();
  }];
}

def DL_BatchNormOp : DL_BatchNormBase<"batch_norm"> {
  let summary = "channels of mean 0 and variance 1, scaled and shifted (arXiv:1502.03167)";
  let description = [{
    `dl.batch_norm %x, %scale, %bias, %mean, %variance {axis = 1}`:
    (x - mean) / sqrt(variance + eps) * scale + bias. A training step takes mean
    and variance from the batch instead (batch_norm_train) and updates the running
    ones, where they are parameters that are not trained.
  }];
  let results = (outs DL_FloatTensor:$result);
}

def DL_BatchNormTrainOp : DL_BatchNormBase<"batch_norm_train"> {
  let summary = "batch_norm by the batch's own mean and variance; also new running ones";
  let description = [{
    Results: the normalised x, and m' = (1 - momentum) m + momentum * (mean of the
    batch), v' likewise with the unbiased variance (sum / (n - 1), 0 of a single
    element). x itself is divided by the population's (sum / n).
  }];
  let results = (outs DL_FloatTensor:$result, DL_FloatTensor:$new_mean,
                      DL_FloatTensor:$new_variance);
}

#endif // DL_REDUCTION_TD
