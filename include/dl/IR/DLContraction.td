//===- DLContraction.td - Products and convolutions -------*- tablegen -*-===//

#ifndef DL_CONTRACTION_TD
#define DL_CONTRACTION_TD

include "dl/IR/DLBase.td"

def DL_MatmulOp : DL_Op<"matmul"> {
  let summary = "matrix product of the last two dimensions";
  let description = [{
    `dl.matmul %a, %b`: [..., M, K] by [..., K, N] gives [..., M, N]. With
    `transpose_a`, a is [..., K, M]; with `transpose_b`, b is [..., N, K].
    Leading dimensions broadcast by NumPy's rule.
  }];
  let arguments = (ins DL_FloatTensor:$lhs, DL_FloatTensor:$rhs,
                       DL_DefaultBool<"false">:$transpose_a,
                       DL_DefaultBool<"false">:$transpose_b);
  let results = (outs DL_FloatTensor:$result);
}

def DL_LinearOp : DL_Op<"linear"> {
  let summary = "x W + b: a dense layer";
  let description = [{
    `dl.linear %x, %w, %b`: x is [..., in], w is [in, out], or [out, in] with
    `transpose_weight` (PyTorch's order); b is [out] and may be left out.
  }];
  let arguments = (ins DL_FloatTensor:$input, DL_FloatTensor:$weight,
                       Optional<DL_FloatTensor>:$bias,
                       DL_DefaultBool<"false">:$transpose_weight);
  let results = (outs DL_FloatTensor:$result);
}

/// What convolutions share. A window of [kh, kw] taps, `dilation` apart, moves
/// by `strides` over an input padded by [top, left, bottom, right] zeros.
/// layout nchw: images [N, C, H, W], weights [O, C / groups, kh, kw];
/// layout nhwc: images [N, H, W, C], weights [kh, kw, C / groups, O].
class DL_ConvBase<string mnemonic, dag extra> : DL_Op<mnemonic> {
  let results = (outs DL_FloatTensor:$result);
  let arguments = !con(extra, (ins
    DL_DefaultI64Array<"{1, 1}">:$strides,
    DL_DefaultI64Array<"{0, 0, 0, 0}">:$padding,
    DL_DefaultI64Array<"{1, 1}">:$dilation,
    DefaultValuedAttr<ConfinedAttr<I64Attr, [IntPositive]>, "1">:$groups,
    DL_Layout:$layout));
}

def DL_Conv2DOp : DL_ConvBase<"conv2d", (ins
    DL_FloatTensor:$input, DL_FloatTensor:$weight, Optional<DL_FloatTensor>:$bias)> {
  let summary = "two-dimensional convolution (cross-correlation)";
  let description = [{
    y[n, o, i, j] = b[o] + sum over c, u, v of
      x[n, c, i * s + u * d - p, j * s + v * d - p] * w[o, c, u, v]
  }];
}

def DL_Conv2DBackwardDataOp : DL_ConvBase<"conv2d_backward_data", (ins
    DL_FloatTensor:$cotangent, DL_FloatTensor:$weight, DenseI64ArrayAttr:$input_size)> {
  let summary = "the adjoint of conv2d in its input: also a transposed convolution";
  let description = [{ `input_size` is [H, W] of the input of the convolution. }];
}

def DL_Conv2DBackwardWeightsOp : DL_ConvBase<"conv2d_backward_weights", (ins
    DL_FloatTensor:$input, DL_FloatTensor:$cotangent, DenseI64ArrayAttr:$kernel_size)> {
  let summary = "the adjoint of conv2d in its weights";
  let description = [{ `kernel_size` is [kh, kw]. }];
}

def DL_ConvTranspose2DOp : DL_Op<"conv_transpose2d", [DL_Composite]> {
  let summary = "two-dimensional transposed convolution: the adjoint of conv2d in its input";
  let description = [{
    `dl.conv_transpose2d %x, %w, %b {strides = [2, 2]}`: each element of x adds its
    window of weights to the result, of height
    (H - 1) * s - p_top - p_bottom + (kh - 1) * d + 1 + output_padding. Weights are
    those of the convolution whose adjoint this is: [C, O / groups, kh, kw] for
    nchw, [kh, kw, O / groups, C] for nhwc, with C the channels of x.
  }];
  let results = (outs DL_FloatTensor:$result);
  let arguments = (ins
    DL_FloatTensor:$input, DL_FloatTensor:$weight, Optional<DL_FloatTensor>:$bias,
    DL_DefaultI64Array<"{1, 1}">:$strides,
    DL_DefaultI64Array<"{0, 0, 0, 0}">:$padding,
    DL_DefaultI64Array<"{0, 0}">:$output_padding,
    DL_DefaultI64Array<"{1, 1}">:$dilation,
    DefaultValuedAttr<ConfinedAttr<I64Attr, [IntPositive]>, "1">:$groups,
    DL_Layout:$layout);
}

#endif // DL_CONTRACTION_TD
