//===- DLWindow.td - Pooling ------------------------------*- tablegen -*-===//

#ifndef DL_WINDOW_TD
#define DL_WINDOW_TD

include "dl/IR/DLBase.td"

/// What poolings share: a window of `kernel` taps as in conv2d; `strides` are
/// the kernel's extents unless given. Padding takes no part in the result.
/// With `ceil_mode` a last window that only partly lies inside counts too.
class DL_PoolBase<string mnemonic, string rule, dag extra>
    : DL_Op<mnemonic, [], DL_InferBy<rule>.definition> {
  let results = (outs DL_FloatTensor:$result);
  let arguments = !con(extra, (ins
    DenseI64ArrayAttr:$kernel,
    OptionalAttr<DenseI64ArrayAttr>:$strides,
    DL_DefaultI64Array<"{0, 0, 0, 0}">:$padding,
    DL_DefaultI64Array<"{1, 1}">:$dilation,
    DL_DefaultBool<"false">:$ceil_mode,
    DL_Layout:$layout));
}

def DL_MaxPool2DOp : DL_PoolBase<"max_pool2d", "::dl::inferPool", (ins DL_FloatTensor:$input)> {
  let summary = "largest element of each window";
}

def DL_MaxPool2DBackwardOp : DL_PoolBase<"max_pool2d_backward", "::dl::inferPoolBackward", (ins
    DL_FloatTensor:$input, DL_FloatTensor:$cotangent)> {
  let summary = "each window's cotangent, added where the window's first largest element lies";
}

def DL_MaxPool2DGatherOp : DL_PoolBase<"max_pool2d_gather", "::dl::inferPoolGather", (ins
    DL_FloatTensor:$input, DL_FloatTensor:$values)> {
  let summary = "each window's element of `values` where the window's first largest input lies";
  let description = [{ The adjoint of max_pool2d_backward in its cotangent. }];
}

def DL_AvgPool2DOp : DL_PoolBase<"avg_pool2d", "::dl::inferPool", (ins
    DL_FloatTensor:$input, DL_DefaultBool<"true">:$count_include_pad)> {
  let summary = "mean of each window";
  let description = [{
    The sum of a window's elements divided by their number, to which padding
    counts with `count_include_pad`; 0 where there is none.
  }];
}

def DL_AvgPool2DBackwardOp : DL_PoolBase<"avg_pool2d_backward", "::dl::inferAvgPoolBackward", (ins
    DL_FloatTensor:$cotangent, DenseI64ArrayAttr:$input_size,
    DL_DefaultBool<"true">:$count_include_pad)> {
  let summary = "the adjoint of avg_pool2d: each window's cotangent, shared among its elements";
  let description = [{ `input_size` is [H, W] of the input of the pooling. }];
}

#endif // DL_WINDOW_TD
