//===- DLBase.td - The dl dialect: types, attributes, op bases -*- tablegen -*-===//

#ifndef DL_BASE_TD
#define DL_BASE_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def DL_Dialect : Dialect {
  let name = "dl";
  let cppNamespace = "::dl";
  let summary = "Neural networks as graphs of pure ops on tensors";
  let description = [{
    A model is a `dl.model`: inputs are its arguments, parameters are declared
    by `dl.parameter`, layers follow, `dl.return` names the outputs. All other
    ops are pure functions of tensors; their result types are inferred from the
    operands, so a model file spells only the types of inputs and parameters.
  }];
  let usePropertiesForAttributes = 0;
  let hasConstantMaterializer = 1;
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

def DL_Float : AnyTypeOf<[F32, F64], "f32 or f64">;
def DL_Index : AnyTypeOf<[I32, I64], "i32 or i64">;
def DL_Element : AnyTypeOf<[F32, F64, I1, I32, I64], "f32, f64, i1, i32 or i64">;

def DL_FloatTensor : RankedTensorOf<[F32, F64]>;
def DL_IndexTensor : RankedTensorOf<[I32, I64]>;
def DL_BoolTensor : RankedTensorOf<[I1]>;
def DL_Tensor : RankedTensorOf<[F32, F64, I1, I32, I64]>;

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

/// A string attribute that is one of a few words; written bare: `layout = nhwc`.
class DL_Keyword<list<string> words> : ConfinedAttr<StrAttr, [
  AttrConstraint<
    CPred<"::llvm::is_contained({\"" # !interleave(words, "\", \"") # "\"}, "
          "::llvm::cast<::mlir::StringAttr>($_self).getValue())">,
    "one of " # !interleave(words, ", ")>]>;

def DL_Layout : DefaultValuedAttr<DL_Keyword<["nchw", "nhwc"]>, "\"nchw\""> {
  let convertFromStorage = "$_self.getValue()";
}

class DL_DefaultBool<string value> : DefaultValuedAttr<BoolAttr, value>;
class DL_DefaultI64Array<string value> : DefaultValuedAttr<DenseI64ArrayAttr, value>;

//===----------------------------------------------------------------------===//
// Op bases
//===----------------------------------------------------------------------===//

/// The op is a combination of other dl ops; `decompose` (IR/Decompose.h)
/// writes it so, and gradient, lowering and reference follow.
def DL_Composite : NativeOpTrait<"IsComposite"> { let cppNamespace = "::dl"; }

/// The op maps each element alone: result shape is the broadcast of the
/// operands' shapes (NumPy's rule), and loops over it may be fused freely.
def DL_Elementwise : NativeOpTrait<"IsElementwise"> { let cppNamespace = "::dl"; }

/// Costs as much as tens of additions: better computed once than twice.
def DL_Transcendental : NativeOpTrait<"IsTranscendental"> { let cppNamespace = "::dl"; }

/// No gradient flows through any operand: the derivative is zero wherever it
/// exists, or the operands are integers.
def DL_NoGradient : NativeOpTrait<"HasNoGradient"> { let cppNamespace = "::dl"; }

/// Every op of the dialect that is neither structure nor leaf: pure, types
/// inferred, written `dl.name %a, %b {attribute = value}`.
class DL_Op<string mnemonic, list<Trait> traits = [], code definitions = "">
    : Op<DL_Dialect, mnemonic, !listconcat([Pure, InferTypeOpAdaptor], traits)> {
  let hasCustomAssemblyFormat = 1;
  let extraClassDefinition = [{
    ::mlir::ParseResult $cppClass::parse(::mlir::OpAsmParser &parser,
                                         ::mlir::OperationState &result) {
      return ::dl::parseLayer<$cppClass>(parser, result);
    }
    void $cppClass::print(::mlir::OpAsmPrinter &printer) {
      ::dl::printLayer(printer, *this);
    }
  }] # definitions;
}

/// Body of inferReturnTypes for the ops of a family that share one shape rule.
class DL_InferBy<string rule> {
  code definition = [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(
        ::mlir::MLIRContext *context, std::optional<::mlir::Location> location,
        Adaptor adaptor, ::llvm::SmallVectorImpl<::mlir::Type> &inferredReturnTypes) {
      return }] # rule # [{(location, adaptor, inferredReturnTypes);
    }
  }];
}

#endif // DL_BASE_TD
