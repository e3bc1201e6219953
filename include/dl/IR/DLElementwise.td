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
def DL_ExpOp : DL_UnaryOp<"exp"> { let summary = "e to the power of x"; }
def DL_LogOp : DL_UnaryOp<"log"> { let summary = "natural logarithm of x"; }
def DL_SqrtOp : DL_UnaryOp<"sqrt"> { let summary = "square root of x"; }
def DL_RsqrtOp : DL_UnaryOp<"rsqrt"> { let summary = "1 / sqrt(x)"; }
def DL_TanhOp : DL_UnaryOp<"tanh"> { let summary = "hyperbolic tangent of x"; }
def DL_SigmoidOp : DL_UnaryOp<"sigmoid"> { let summary = "1 / (1 + exp(-x))"; }
def DL_ReluOp : DL_UnaryOp<"relu"> {
  let summary = "max(x, 0); its gradient at 0 is 0";
  let hasFolder = 1;
}
def DL_ReciprocalOp : DL_UnaryOp<"reciprocal"> { let summary = "1 / x"; }

def DL_AddOp : DL_BinaryOp<"add", [Commutative]> { let summary = "x + y"; let hasFolder = 1; }
def DL_SubOp : DL_BinaryOp<"sub"> { let summary = "x - y"; let hasFolder = 1; }
def DL_MulOp : DL_BinaryOp<"mul", [Commutative]> { let summary = "x * y"; let hasFolder = 1; }
def DL_DivOp : DL_BinaryOp<"div"> { let summary = "x / y"; let hasFolder = 1; }
def DL_PowOp : DL_BinaryOp<"pow"> {
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

#endif // DL_ELEMENTWISE_TD
