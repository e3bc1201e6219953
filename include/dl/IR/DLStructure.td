//===- DLStructure.td - Models, leaves and kernels --------*- tablegen -*-===//

#ifndef DL_STRUCTURE_TD
#define DL_STRUCTURE_TD

include "dl/IR/DLBase.td"

def DL_ModelOp : Op<DL_Dialect, "model", [
    Symbol, IsolatedFromAbove, SingleBlock,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmBlockArgumentNames"]>]> {
  let summary = "a graph: inputs are arguments, outputs are what dl.return names";
  let description = [{
    ```mlir
    dl.model @perceptron(%x: tensor<?x2xf32>) {
      %w = dl.parameter "w" {init = glorot_uniform} : tensor<2x1xf32>
      %b = dl.parameter "b" : tensor<1xf32>
      %score = dl.linear %x, %w, %b
      dl.return %score
    }
    ```
    The names of the arguments are the names of the inputs. A training step is a
    model too: it returns the loss and metrics and updates its variables.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrArrayAttr:$input_names);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def DL_ReturnOp : Op<DL_Dialect, "return", [
    Terminator, HasParent<"ModelOp">]> {
  let summary = "the outputs of a model, and new values for its variables";
  let description = [{
    ```mlir
    dl.return %loss, %logits update "w" = %w1, "b" = %b1
    ```
    An output's name is the name of its value, or `output<i>` where that is a number.
  }];
  let arguments = (ins Variadic<DL_Tensor>:$values,
                       StrArrayAttr:$output_names, StrArrayAttr:$updated);
  let extraClassDeclaration = [{
    /// The values are the outputs, then the updates.
    ::mlir::OperandRange getOutputs() { return getValues().take_front(getOutputNames().size()); }
    ::mlir::OperandRange getUpdates() { return getValues().drop_front(getOutputNames().size()); }
  }];
  let builders = [OpBuilder<(ins "::mlir::ValueRange":$outputs,
                                 "::llvm::ArrayRef<::llvm::StringRef>":$names,
                                 "::mlir::ValueRange":$updates,
                                 "::llvm::ArrayRef<::llvm::StringRef>":$updated)>];
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def DL_ParameterOp : Op<DL_Dialect, "parameter", [
    Pure, HasParent<"ModelOp">,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "a variable of the model: its value when the model starts to run";
  let description = [{
    ```mlir
    %w = dl.parameter "conv1.weight" {init = he_normal} : tensor<32x1x5x5xf32>
    %m = dl.parameter "bn.mean" {trainable = false} : tensor<32xf32>
    ```
    `init`: zeros (the default), ones, glorot_uniform, glorot_normal, he_uniform,
    he_normal, lecun_uniform, lecun_normal, or `"normal(0.01)"`,
    `"uniform(-0.1, 0.1)"`, `"constant(0.5)"`. `role` tells what the variable is
    to the program: a parameter, the optimiser's state or the step counter.
    `storage`, where given, is the permutation by which the file's dimensions are
    stored: the type of the result is the stored one.
  }];
  let arguments = (ins StrAttr:$name,
                       DefaultValuedAttr<StrAttr, "\"zeros\"">:$init,
                       DL_DefaultBool<"true">:$trainable,
                       DefaultValuedAttr<DL_Keyword<["parameter", "optimizer", "counter"]>,
                                         "\"parameter\"">:$role,
                       OptionalAttr<DenseI64ArrayAttr>:$storage,
                       OptionalAttr<DenseI64ArrayAttr>:$fans);
  let results = (outs DL_Tensor:$result);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The type as the model file declares it (`storage` undone).
    ::mlir::RankedTensorType getDeclaredType();
  }];
}

def DL_ConstantOp : Op<DL_Dialect, "constant", [Pure, ConstantLike]> {
  let summary = "a constant: `dl.constant dense<0.5> : tensor<f32>`";
  let arguments = (ins ElementsAttr:$value);
  let results = (outs DL_Tensor:$result);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasFolder = 1;
  let builders = [OpBuilder<(ins "::mlir::DenseElementsAttr":$value)>];
}

def DL_KernelOp : Op<DL_Dialect, "kernel", [
    Pure, HasParent<"ModelOp">, IsolatedFromAbove, SingleBlock,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmBlockArgumentNames"]>]> {
  let summary = "ops fused into one kernel";
  let description = [{
    ```mlir
    %y = dl.kernel "conv2d+relu"(%x = %0, %w = %conv1.weight) {
      %1 = dl.conv2d %x, %w {layout = nhwc}
      %2 = dl.relu %1
      dl.yield %2
    }
    ```
    One anchor (a contraction, reduction, window or loop) with what is computed
    before and after it. `label` tells people what was fused. Attributes that
    later passes add (strategy, buffers) stay in the attribute dictionary.
  }];
  let arguments = (ins Variadic<DL_Tensor>:$inputs, StrAttr:$label);
  let results = (outs Variadic<DL_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def DL_YieldOp : Op<DL_Dialect, "yield", [Pure, Terminator, HasParent<"KernelOp">]> {
  let summary = "the results of a kernel";
  let arguments = (ins Variadic<DL_Tensor>:$results);
  let hasCustomAssemblyFormat = 1;
}

#endif // DL_STRUCTURE_TD
