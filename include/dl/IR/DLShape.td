//===- DLShape.td - Ops that move elements ----------------*- tablegen -*-===//

#ifndef DL_SHAPE_TD
#define DL_SHAPE_TD

include "dl/IR/DLBase.td"

def DL_ReshapeOp : DL_Op<"reshape"> {
  let summary = "the same elements in another shape: `dl.reshape %x {shape = [-1, 784]}`";
  let description = [{
    One extent may be -1: it follows from the others. An open batch size stays
    open where -1 stands for it.
  }];
  let arguments = (ins DL_Tensor:$input, DenseI64ArrayAttr:$shape);
  let results = (outs DL_Tensor:$result);
  let hasFolder = 1;
}

def DL_FlattenOp : DL_Op<"flatten", [DL_Composite]> {
  let summary = "dimensions before `axis` become one, and those from it on another";
  let arguments = (ins DL_Tensor:$input, DefaultValuedAttr<I64Attr, "1">:$axis);
  let results = (outs DL_Tensor:$result);
}

def DL_TransposeOp : DL_Op<"transpose"> {
  let summary = "dimensions in another order: result dimension i is input dimension permutation[i]";
  let arguments = (ins DL_Tensor:$input, DenseI64ArrayAttr:$permutation);
  let results = (outs DL_Tensor:$result);
  let hasFolder = 1;
}

def DL_BroadcastOp : DL_Op<"broadcast"> {
  let summary = "copies along dimensions of extent 1 and new leading ones, by NumPy's rule";
  let description = [{
    `dl.broadcast %x {shape = [8, 3]}`. An extent of -1 is the input's own
    (which must have that dimension).
  }];
  let arguments = (ins DL_Tensor:$input, DenseI64ArrayAttr:$shape);
  let results = (outs DL_Tensor:$result);
  let hasFolder = 1;
}

def DL_SliceOp : DL_Op<"slice"> {
  let summary = "the elements from `starts` to `ends` (exclusive) along some axes";
  let description = [{
    `dl.slice %x {axes = [1], starts = [0], ends = [-1]}`. Without `axes` the
    leading ones are meant. As in Python, negative axes and indices count from the
    end, and indices beyond the ends are cut off.
  }];
  let arguments = (ins DL_Tensor:$input, OptionalAttr<DenseI64ArrayAttr>:$axes,
                       DenseI64ArrayAttr:$starts, DenseI64ArrayAttr:$ends);
  let results = (outs DL_Tensor:$result);
  let extraClassDeclaration = [{
    /// The index in the input of the result's first element.
    ::llvm::SmallVector<int64_t> getOffsets();
  }];
}

def DL_ConcatOp : DL_Op<"concat"> {
  let summary = "tensors behind each other along an axis; they agree in all other dimensions";
  let description = [{ `dl.concat %a, %b, %c {axis = 1}` }];
  let arguments = (ins Variadic<DL_Tensor>:$inputs, I64Attr:$axis);
  let results = (outs DL_Tensor:$result);
}

def DL_OneHotOp : DL_Op<"one_hot", [DL_NoGradient]> {
  let summary = "1 at the index, 0 elsewhere, along a new last dimension";
  let description = [{
    `dl.one_hot %labels {depth = 10, to = f32}`: [..., ] to [..., depth]. An
    index outside [0, depth) gives a row of zeros.
  }];
  let arguments = (ins DL_IndexTensor:$indices, ConfinedAttr<I64Attr, [IntPositive]>:$depth,
                       TypeAttr:$to);
  let results = (outs DL_FloatTensor:$result);
}

#endif // DL_SHAPE_TD
