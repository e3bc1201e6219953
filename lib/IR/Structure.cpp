//===- Structure.cpp - Models, leaves and kernels -------------------------===//

#include "dl/IR/Assembly.h"
#include "dl/IR/DLOps.h"
#include "dl/IR/Inference.h"
#include "dl/IR/Initializer.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace dl {

//===----------------------------------------------------------------------===//
// dl.model
//===----------------------------------------------------------------------===//

ParseResult ModelOp::parse(OpAsmParser &parser, OperationState &result) {
  Builder &builder = parser.getBuilder();
  StringAttr name;
  SmallVector<OpAsmParser::Argument> arguments;
  if (parser.parseSymbolName(name, getSymNameAttrName(result.name), result.attributes) ||
      parser.parseArgumentList(arguments, OpAsmParser::Delimiter::Paren, /*allowType=*/true) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();
  ValueScope scope;
  SmallVector<StringRef> names;
  for (OpAsmParser::Argument &argument : arguments) {
    names.push_back(argument.ssaName.name.drop_front());
    scope.define(names.back(), argument.ssaName.number, argument.type);
  }
  result.addAttribute(getInputNamesAttrName(result.name), builder.getStrArrayAttr(names));
  return parser.parseRegion(*result.addRegion(), arguments);
}

void ModelOp::print(OpAsmPrinter &printer) {
  printer << ' ';
  printer.printSymbolName(getSymName());
  printer << '(';
  llvm::interleaveComma(getBody().getArguments(), printer.getStream(),
                        [&](BlockArgument argument) { printer.printRegionArgument(argument); });
  printer << ')';
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs(),
                                           {getSymNameAttrName(), getInputNamesAttrName()});
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

void ModelOp::getAsmBlockArgumentNames(Region &region, OpAsmSetValueNameFn setName) {
  for (auto [argument, name] :
       llvm::zip(region.getArguments(), getInputNames().getAsValueRange<StringAttr>()))
    setName(argument, name);
}

LogicalResult ModelOp::verify() {
  if (getInputNames().size() != getBody().getNumArguments())
    return emitOpError() << "expected " << getBody().getNumArguments() << " input names, got "
                         << getInputNames().size();
  for (BlockArgument argument : getBody().getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type)
      return emitOpError() << "expected ranked tensors as inputs, got " << argument.getType();
    Type element = type.getElementType();
    if (!element.isF32() && !element.isF64() && !element.isInteger(1) && !element.isInteger(32) &&
        !element.isInteger(64))
      return emitOpError() << "expected inputs of f32, f64, i1, i32 or i64, got " << type;
    if (failed(checkTensorType(getLoc(), type)))
      return failure();
    for (auto [dim, extent] : llvm::enumerate(type.getShape()))
      if (ShapedType::isDynamic(extent) && dim != 0)
        return emitOpError() << "expected an open extent in dimension 0 alone (the batch), got "
                             << type;
  }
  llvm::StringSet<> names;
  for (auto parameter : getBody().getOps<ParameterOp>())
    if (!names.insert(parameter.getName()).second)
      return parameter.emitOpError() << "'" << parameter.getName() << "' is declared twice";
  if (!isa_and_nonnull<ReturnOp>(getBody().front().empty() ? nullptr : &getBody().front().back()))
    return emitOpError() << "expected a dl.return at the end";
  return success();
}

//===----------------------------------------------------------------------===//
// dl.return
//===----------------------------------------------------------------------===//

/// The name of a value where it is a word, else `output<i>`.
static std::string outputName(StringRef ssaName, size_t index) {
  bool isNumber = llvm::all_of(ssaName, llvm::isDigit);
  return isNumber ? ("output" + Twine(index)).str() : ssaName.str();
}

void ReturnOp::build(OpBuilder &builder, OperationState &state, ValueRange outputs,
                     ArrayRef<StringRef> names, ValueRange updates, ArrayRef<StringRef> updated) {
  state.addOperands(outputs);
  state.addOperands(updates);
  state.addAttribute(getOutputNamesAttrName(state.name), builder.getStrArrayAttr(names));
  state.addAttribute(getUpdatedAttrName(state.name), builder.getStrArrayAttr(updated));
}

ParseResult ReturnOp::parse(OpAsmParser &parser, OperationState &result) {
  Builder &builder = parser.getBuilder();
  SmallVector<OpAsmParser::UnresolvedOperand> outputs, updates;
  SmallVector<Attribute> outputNames, updated;
  if (parser.parseOperandList(outputs))
    return failure();
  for (auto [index, output] : llvm::enumerate(outputs))
    outputNames.push_back(builder.getStringAttr(outputName(output.name.drop_front(), index)));
  if (succeeded(parser.parseOptionalKeyword("update"))) {
    auto parseOne = [&]() -> ParseResult {
      std::string name;
      if (parser.parseString(&name) || parser.parseEqual() ||
          parser.parseOperand(updates.emplace_back()))
        return failure();
      updated.push_back(builder.getStringAttr(name));
      return success();
    };
    if (parser.parseCommaSeparatedList(parseOne))
      return failure();
  }
  if (parser.parseOptionalAttrDict(result.attributes) ||
      resolveInScope(parser, outputs, result.operands) ||
      resolveInScope(parser, updates, result.operands))
    return failure();
  if (!result.attributes.get(getOutputNamesAttrName(result.name)))
    result.addAttribute(getOutputNamesAttrName(result.name), builder.getArrayAttr(outputNames));
  result.addAttribute(getUpdatedAttrName(result.name), builder.getArrayAttr(updated));
  return success();
}

void ReturnOp::print(OpAsmPrinter &printer) {
  if (!getOutputs().empty())
    printer << ' ';
  printer.printOperands(getOutputs());
  if (!getUpdates().empty()) {
    printer << " update ";
    llvm::interleaveComma(llvm::zip(getUpdated().getAsValueRange<StringAttr>(), getUpdates()),
                          printer.getStream(), [&](auto pair) {
                            printer.printString(std::get<0>(pair));
                            printer << " = " << std::get<1>(pair);
                          });
  }
  // A name that the value's own name gives back when parsed is not repeated.
  SmallVector<StringRef> elided = {getUpdatedAttrName()};
  bool derived = llvm::all_of(
      llvm::enumerate(llvm::zip(getOutputNames().getAsValueRange<StringAttr>(), getOutputs())),
      [&](auto entry) {
        auto [name, value] = entry.value();
        std::string text;
        llvm::raw_string_ostream os(text);
        printer.printOperand(value, os);
        return outputName(StringRef(text).drop_front(), entry.index()) == name;
      });
  if (derived)
    elided.push_back(getOutputNamesAttrName());
  printer.printOptionalAttrDict((*this)->getAttrs(), elided);
}

LogicalResult ReturnOp::verify() {
  size_t names = getOutputNames().size() + getUpdated().size();
  if (names != getValues().size())
    return emitOpError() << "expected a name for each of " << getValues().size() << " values, got "
                         << names;
  llvm::StringSet<> outputs;
  for (StringRef name : getOutputNames().getAsValueRange<StringAttr>())
    if (!outputs.insert(name).second)
      return emitOpError() << "expected distinct names of results, got '" << name
                           << "' twice (output_names gives others)";
  llvm::StringMap<ParameterOp> parameters;
  for (auto parameter : (*this)->getParentOfType<ModelOp>().getBody().getOps<ParameterOp>())
    parameters[parameter.getName()] = parameter;
  llvm::StringSet<> seen;
  for (auto [name, value] : llvm::zip(getUpdated().getAsValueRange<StringAttr>(), getUpdates())) {
    ParameterOp parameter = parameters.lookup(name);
    if (!parameter)
      return emitOpError() << "expected the name of a variable to update, got '" << name << "'";
    if (!seen.insert(name).second)
      return emitOpError() << "'" << name << "' is updated twice";
    if (parameter.getType() != value.getType())
      return emitOpError() << "expected an update of '" << name << "' of type "
                           << parameter.getType() << ", got " << value.getType();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// dl.parameter
//===----------------------------------------------------------------------===//

ParseResult ParameterOp::parse(OpAsmParser &parser, OperationState &result) {
  std::string name;
  Type type;
  SMLoc loc = parser.getCurrentLocation();
  // Not parseAttribute: it would take `: type` for the type of the string.
  if (parser.parseString(&name) || parseOptions(parser, result.attributes) ||
      checkOptionNames(parser, loc, result) || parser.parseColonType(type))
    return failure();
  result.addAttribute(getNameAttrName(result.name), parser.getBuilder().getStringAttr(name));
  result.addTypes(type);
  defineResults(parser, type);
  return success();
}

void ParameterOp::print(OpAsmPrinter &printer) {
  printer << ' ';
  printer.printString(getName());
  printOptions(printer, *this, {getNameAttrName()});
  printer << " : " << getType();
}

void ParameterOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getResult(), getName());
}

RankedTensorType ParameterOp::getDeclaredType() {
  RankedTensorType stored = getType();
  std::optional<ArrayRef<int64_t>> storage = getStorage();
  if (!storage)
    return stored;
  SmallVector<int64_t> shape(stored.getRank());
  for (auto [dim, declared] : llvm::enumerate(*storage))
    shape[declared] = stored.getDimSize(dim);
  return stored.clone(shape);
}

LogicalResult ParameterOp::verify() {
  if (!getType().hasStaticShape())
    return emitOpError() << "expected a type without open extents, got " << getType();
  if (failed(checkTensorType(getLoc(), getType())))
    return failure();
  if (getName().empty())
    return emitOpError() << "expected a name";
  if (std::optional<ArrayRef<int64_t>> storage = getStorage()) {
    SmallVector<int64_t> sorted(*storage);
    llvm::sort(sorted);
    if (sorted != llvm::to_vector(llvm::seq<int64_t>(getType().getRank())))
      return emitOpError() << "expected 'storage' to be a permutation of the dimensions";
  }
  if (getFans() && (getFans()->size() != 2 || (*getFans())[0] < 1 || (*getFans())[1] < 1))
    return emitOpError() << "expected 'fans' to be 2 positive integers";
  if (!Initializer::parse(getInit(), 1, 1))
    return emitOpError() << "expected 'init' to be zeros, ones, glorot_uniform, glorot_normal, "
                            "he_uniform, he_normal, lecun_uniform, lecun_normal, constant(c), "
                            "normal(stddev) or uniform(low, high), got '"
                         << getInit() << "'";
  return success();
}

//===----------------------------------------------------------------------===//
// dl.constant
//===----------------------------------------------------------------------===//

void ConstantOp::build(OpBuilder &, OperationState &state, DenseElementsAttr value) {
  state.addAttribute(getValueAttrName(state.name), value);
  state.addTypes(value.getType());
}

ParseResult ConstantOp::parse(OpAsmParser &parser, OperationState &result) {
  Attribute value;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseAttribute(value, getValueAttrName(result.name), result.attributes) ||
      parser.parseOptionalAttrDict(result.attributes))
    return failure();
  auto elements = dyn_cast<DenseElementsAttr>(value);
  if (!elements || !isa<RankedTensorType>(elements.getType()))
    return parser.emitError(loc, "expected a dense tensor value");
  result.addTypes(elements.getType());
  defineResults(parser, elements.getType());
  return success();
}

void ConstantOp::print(OpAsmPrinter &printer) {
  printer << ' ' << getValue();
  printer.printOptionalAttrDict((*this)->getAttrs(), {getValueAttrName()});
}

LogicalResult ConstantOp::verify() {
  if (!isa<DenseElementsAttr>(getValue()))
    return emitOpError() << "expected a dense tensor value";
  if (getValue().getType() != getType())
    return emitOpError() << "expected a value of type " << getType() << ", got "
                         << getValue().getType();
  return checkTensorType(getLoc(), getType());
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

//===----------------------------------------------------------------------===//
// dl.kernel
//===----------------------------------------------------------------------===//

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  StringAttr label;
  SmallVector<OpAsmParser::UnresolvedOperand> operands;
  SmallVector<OpAsmParser::Argument> arguments;
  auto parseBinding = [&]() -> ParseResult {
    return failure(parser.parseArgument(arguments.emplace_back()) || parser.parseEqual() ||
                   parser.parseOperand(operands.emplace_back()));
  };
  if (parser.parseAttribute(label, getLabelAttrName(result.name), result.attributes) ||
      parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Paren, parseBinding) ||
      resolveInScope(parser, operands, result.operands) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();

  Region *body = result.addRegion();
  {
    ValueScope scope;
    for (auto [argument, operand] : llvm::zip(arguments, result.operands)) {
      argument.type = operand.getType();
      scope.define(argument.ssaName.name.drop_front(), argument.ssaName.number, argument.type);
    }
    if (parser.parseRegion(*body, arguments))
      return failure();
  }
  if (body->empty() || body->front().empty() || !isa<YieldOp>(body->front().back()))
    return parser.emitError(parser.getNameLoc(), "expected a dl.yield at the end");
  for (Type type : body->front().back().getOperandTypes())
    result.addTypes(type);
  defineResults(parser, result.types);
  return success();
}

void KernelOp::print(OpAsmPrinter &printer) {
  printer << ' ';
  printer.printString(getLabel());
  printer << '(';
  llvm::interleaveComma(
      llvm::zip(getBody().getArguments(), getInputs()), printer.getStream(),
      [&](auto pair) { printer << std::get<0>(pair) << " = " << std::get<1>(pair); });
  printer << ')';
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs(), {getLabelAttrName()});
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

void KernelOp::getAsmBlockArgumentNames(Region &region, OpAsmSetValueNameFn setName) {
  for (BlockArgument argument : region.getArguments())
    setName(argument, ("in" + Twine(argument.getArgNumber())).str());
}

LogicalResult KernelOp::verify() {
  Block &body = getBody().front();
  if (body.getArgumentTypes() != getInputs().getTypes())
    return emitOpError() << "expected arguments of types " << getInputs().getTypes() << ", got "
                         << body.getArgumentTypes();
  auto yield = dyn_cast_or_null<YieldOp>(body.empty() ? nullptr : &body.back());
  if (!yield)
    return emitOpError() << "expected a dl.yield at the end";
  if (yield.getOperandTypes() != getResultTypes())
    return emitOpError() << "expected results of types " << yield.getOperandTypes() << ", got "
                         << getResultTypes();
  if (getNumResults() == 0)
    return emitOpError() << "expected a result";
  return success();
}

ParseResult YieldOp::parse(OpAsmParser &parser, OperationState &result) {
  SmallVector<OpAsmParser::UnresolvedOperand> operands;
  return failure(parser.parseOperandList(operands) ||
                 parser.parseOptionalAttrDict(result.attributes) ||
                 resolveInScope(parser, operands, result.operands));
}

void YieldOp::print(OpAsmPrinter &printer) {
  if (getNumOperands() != 0)
    printer << ' ';
  printer.printOperands(getOperands());
  printer.printOptionalAttrDict((*this)->getAttrs());
}

} // namespace dl
