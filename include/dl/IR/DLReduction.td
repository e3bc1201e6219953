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

#endif // DL_REDUCTION_TD
