//===- Assembly.h - The syntax of layers ------------------------*- C++ -*-===//
//
// A model file reads like a list of layers: `%y = dl.conv2d %x, %w, %b {strides
// = [2, 2], layout = nhwc}`. MLIR's parser wants a type for every operand; here
// the types of values are remembered while a model (or kernel) is parsed, so
// they need not be written. Outside, or for operands that no dl op defined, the
// functional type stands behind the op: `: (tensor<2xf32>) -> tensor<2xf32>`.
//
//===----------------------------------------------------------------------===//

#ifndef DL_IR_ASSEMBLY_H
#define DL_IR_ASSEMBLY_H

#include "mlir/IR/OpImplementation.h"
#include "llvm/ADT/StringMap.h"

namespace dl {

/// Types of the values defined so far in the region being parsed. Scopes nest;
/// each thread has its own innermost one.
class ValueScope {
public:
  ValueScope();
  ~ValueScope();
  ValueScope(const ValueScope &) = delete;
  ValueScope &operator=(const ValueScope &) = delete;

  static ValueScope *current();

  void define(llvm::StringRef name, unsigned number, mlir::Type type);
  /// Null where the value is unknown.
  mlir::Type lookup(const mlir::OpAsmParser::UnresolvedOperand &operand) const;

private:
  llvm::StringMap<mlir::Type> types;
  ValueScope *outer;
};

/// Remembers the results of the op being parsed in the current scope.
void defineResults(mlir::OpAsmParser &parser, llvm::ArrayRef<mlir::Type> types);
/// Resolves operands whose types the current scope knows; an error at the first
/// that it does not know.
mlir::ParseResult resolveInScope(mlir::OpAsmParser &parser,
                                 llvm::ArrayRef<mlir::OpAsmParser::UnresolvedOperand> operands,
                                 llvm::SmallVectorImpl<mlir::Value> &values);

/// `{key = value, ...}`, possibly absent. A value is an attribute, a bare word
/// (a string attribute) or a list of integers `[1, 2]`.
mlir::ParseResult parseOptions(mlir::OpAsmParser &parser, mlir::NamedAttrList &attributes);
/// An error where an option is none of the op's attributes.
mlir::ParseResult checkOptionNames(mlir::OpAsmParser &parser, llvm::SMLoc loc,
                                   const mlir::OperationState &result);
void printOptions(mlir::OpAsmPrinter &printer, mlir::Operation *op,
                  llvm::ArrayRef<llvm::StringRef> elided);

/// What ODS demands of an op's operands and attributes, which must hold before
/// its shape rule may run.
struct LayerContract {
  size_t minOperands, maxOperands;
  llvm::function_ref<llvm::LogicalResult(mlir::OperationState &)> checkAttributes;
};

/// Operands, options, inferred results.
mlir::ParseResult parseLayer(mlir::OpAsmParser &parser, mlir::OperationState &result,
                             const LayerContract &contract);
void printLayer(mlir::OpAsmPrinter &printer, mlir::Operation *op);

template <typename Op, size_t count = 0> constexpr std::pair<size_t, size_t> operandBounds() {
  namespace trait = mlir::OpTrait;
  if constexpr (count == 0) {
    if (Op::template hasTrait<trait::OneOperand>())
      return {1, 1};
    return operandBounds<Op, 1>();
  } else if constexpr (count < 8) {
    if (Op::template hasTrait<trait::AtLeastNOperands<count>::template Impl>())
      return {count, count + 1};
    if constexpr (count > 1)
      if (Op::template hasTrait<trait::NOperands<count>::template Impl>())
        return {count, count};
    return operandBounds<Op, count + 1>();
  } else {
    return {0, ~size_t(0)};
  }
}

template <typename Op>
mlir::ParseResult parseLayer(mlir::OpAsmParser &parser, mlir::OperationState &result) {
  auto check = [](mlir::OperationState &state) {
    auto emitError = [&] {
      return mlir::emitError(state.location) << "'" << state.name.getStringRef() << "' op ";
    };
    if (failed(state.name.verifyInherentAttrs(state.attributes, emitError)))
      return llvm::failure();
    return typename Op::Adaptor(state.operands,
                                state.attributes.getDictionary(state.location.getContext()))
        .verify(state.location);
  };
  auto [least, most] = operandBounds<Op>();
  return parseLayer(parser, result, LayerContract{least, most, check});
}

} // namespace dl

#endif // DL_IR_ASSEMBLY_H
