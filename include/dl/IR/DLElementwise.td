//===- DLElementwise.td - Element-wise ops ----------------*- tablegen -*-===//

#ifndef DL_ELEMENTWISE_TD
#define DL_ELEMENTWISE_TD

include "dl/IR/DLBase.td"

/// y = f(x), element by element, on floats.
class DL_UnaryOp<string mnemonic, list<Trait> traits = []>
    : DL_Op<mnemonic, !listconcat([DL_Elementwise], traits),
            DL_InferBy<"::dl::inferElementwise">.definition> {
  let arguments = (ins DL_FloatTensor:$input);
  let results = (outs DL_FloatTensor:$result);
}

/// z = f(x, y) with NumPy broadcasting, both of one element type.
class DL_BinaryOp<string mnemonic, list<Trait> traits = []>
    : DL_UnaryOp<mnemonic, traits> {
  let arguments = (ins DL_FloatTensor:$lhs, DL_FloatTensor:$rhs);
}

def DL_NegOp : DL_UnaryOp<"neg"> { let summary = "-x"; let hasFolder = 1; }
def DL_AbsOp : DL_UnaryOp<"abs"> { let summary = "|x|; its gradient at 0 is 0"; let hasFolder = 1; }
def DL_SignOp : DL_UnaryOp<"sign", [DL_NoGradient]> {
  let summary = "-1, 0 or 1 with the sign of x; NaN stays NaN";
}
def DL_ExpOp : DL_UnaryOp<"exp", [DL_Transcendental]> { let summary = "e to the power of x"; }
def DL_LogOp : DL_UnaryOp<"log", [DL_Transcendental]> { let summary = "natural logarithm of x"; }
def DL_SqrtOp : DL_UnaryOp<"sqrt"> { let summary = "square root of x"; }
def DL_RsqrtOp : DL_UnaryOp<"rsqrt"> { let summary = "1 / sqrt(x)"; }
def DL_TanhOp : DL_UnaryOp<"tanh", [DL_Transcendental]> { let summary = "hyperbolic tangent of x"; }
def DL_SigmoidOp : DL_UnaryOp<"sigmoid", [DL_Transcendental]> { let summary = "1 / (1 + exp(-x))"; }
def DL_ErfOp : DL_UnaryOp<"erf", [DL_Transcendental]> {
  let summary = "error function: 2 / sqrt(pi) times the integral of exp(-t²) from 0 to x";
}
def DL_GeluOp : DL_UnaryOp<"gelu", [DL_Transcendental]> {
  let summary = "x times the normal distribution function of x (Hendrycks and Gimpel, arXiv:1606.08415)";
  let description = [{
    x (1 + erf(x / sqrt(2))) / 2; with `{approximate = tanh}`
    x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x³))) / 2. `dl.gelu %x`
  }];
  let arguments = (ins DL_FloatTensor:$input,
                       DefaultValuedAttr<DL_Keyword<["none", "tanh"]>, "\"none\"">:$approximate);
}
def DL_ReluOp : DL_UnaryOp<"relu"> {
  let summary = "max(x, 0); its gradient at 0 is 0";
  let hasFolder = 1;
}
def DL_ReciprocalOp : DL_UnaryOp<"reciprocal"> { let summary = "1 / x"; }

def DL_AddOp : DL_BinaryOp<"add", [Commutative]> { let summary = "x + y"; let hasFolder = 1; }
def DL_SubOp : DL_BinaryOp<"sub"> { let summary = "x - y"; let hasFolder = 1; }
def DL_MulOp : DL_BinaryOp<"mul", [Commutative]> { let summary = "x * y"; let hasFolder = 1; }
def DL_DivOp : DL_BinaryOp<"div"> { let summary = "x / y"; let hasFolder = 1; }
def DL_PowOp : DL_BinaryOp<"pow", [DL_Transcendental]> {
  let summary = "x to the power of y";
  let description = [{
    The gradient for y is y-free where x = 0 (taken as 0, the limit for y > 0).
  }];
}
def DL_MaximumOp : DL_BinaryOp<"maximum", [Commutative]> {
  let summary = "the larger of x and y, NaN if either is; a tie's gradient goes to both in halves";
}
def DL_MinimumOp : DL_BinaryOp<"minimum", [Commutative]> {
  let summary = "the smaller of x and y, NaN if either is; a tie's gradient goes to both in halves";
}

def DL_CompareOp : DL_Op<"compare", [DL_Elementwise, DL_NoGradient]> {
  let summary = "x < y, x == y, … as i1, with NumPy broadcasting";
  let description = [{
    `dl.compare %x, %y {predicate = lt}`. Ordered: false where either is NaN,
    but for `ne`, which is true there.
  }];
  let arguments = (ins DL_Tensor:$lhs, DL_Tensor:$rhs,
                       DL_Keyword<["eq", "ne", "lt", "le", "gt", "ge"]>:$predicate);
  let results = (outs DL_BoolTensor:$result);
}

def DL_SelectOp : DL_Op<"select", [DL_Elementwise]> {
  let summary = "x where the condition holds, y elsewhere, with NumPy broadcasting";
  let arguments = (ins DL_BoolTensor:$condition, DL_Tensor:$lhs, DL_Tensor:$rhs);
  let results = (outs DL_Tensor:$result);
  let hasFolder = 1;
}

def DL_CastOp : DL_Op<"cast", [DL_Elementwise]> {
  let summary = "x converted to another element type: `dl.cast %x {to = f64}`";
  let description = [{
    Floats to integers round towards zero; i1 to a number gives 0 or 1; a number
    to i1 tells whether it differs from 0.
  }];
  let arguments = (ins DL_Tensor:$input, TypeAttr:$to);
  let results = (outs DL_Tensor:$result);
  let hasFolder = 1;
}

//===----------------------------------------------------------------------===//
// Dropout
//===----------------------------------------------------------------------===//

def DL_DropoutOp : DL_Op<"dropout", [DL_Elementwise, DL_Composite]> {
  let summary = "x; in a training step, each element 0 with probability p and else x / (1 - p)";
  let description = [{ `dl.dropout %x {p = 0.5}` (Srivastava et al., JMLR 15, 2014) }];
  let arguments = (ins DL_FloatTensor:$input, DefaultValuedAttr<F64Attr, "0.5">:$p);
  let results = (outs DL_FloatTensor:$result);
}

def DL_DropoutTrainOp : DL_Op<"dropout_train"> {
  let summary = "dropout at work, by random numbers of a seed, a step and a stream";
  let description = [{
    Element i (in row-major order) stays, divided by 1 - p, where word i % 4 of
    Philox4x32-10 with the key `seed` and the counter [i / 4, stream, step] (words of 32,
    32 and 64 bits) is at least p * 2^32; else it is 0. Seed and step are scalars.
    dropout_train of a cotangent, with the same seed, step and stream, is the gradient.
  }];
  let arguments = (ins DL_FloatTensor:$input, RankedTensorOf<[I64]>:$seed,
                       RankedTensorOf<[F64]>:$step,
                       F64Attr:$p, ConfinedAttr<I64Attr, [IntNonNegative]>:$stream);
  let results = (outs DL_FloatTensor:$result);
}

#endif // DL_ELEMENTWISE_TD
