//===- Assembly.cpp - The syntax of layers --------------------------------===//

#include "dl/IR/Assembly.h"
#include "dl/IR/DLOps.h"
#include "dl/IR/Inference.h"

#include "mlir/IR/Builders.h"

#include <fmt/format.h>

using namespace mlir;

namespace dl {

//===----------------------------------------------------------------------===//
// Scopes
//===----------------------------------------------------------------------===//

static thread_local ValueScope *innermost = nullptr;

ValueScope::ValueScope() : outer(innermost) { innermost = this; }
ValueScope::~ValueScope() { innermost = outer; }
ValueScope *ValueScope::current() { return innermost; }

static std::string keyOf(StringRef name, unsigned number) {
  return (name + "#" + Twine(number)).str();
}

void ValueScope::define(StringRef name, unsigned number, Type type) {
  types[keyOf(name, number)] = type;
}

Type ValueScope::lookup(const OpAsmParser::UnresolvedOperand &operand) const {
  return types.lookup(keyOf(operand.name.drop_front(), operand.number));
}

void defineResults(OpAsmParser &parser, ArrayRef<Type> types) {
  ValueScope *scope = ValueScope::current();
  if (!scope)
    return;
  for (auto [i, type] : llvm::enumerate(types)) {
    auto [name, number] = parser.getResultName(i);
    if (!name.empty())
      scope->define(name, number, type);
  }
}

ParseResult resolveInScope(OpAsmParser &parser, ArrayRef<OpAsmParser::UnresolvedOperand> operands,
                           SmallVectorImpl<Value> &values) {
  ValueScope *scope = ValueScope::current();
  for (const OpAsmParser::UnresolvedOperand &operand : operands) {
    Type type = scope ? scope->lookup(operand) : Type();
    if (!type)
      return parser.emitError(operand.location)
             << "the type of " << operand.name
             << " is not known here: expected a value defined above by a dl op, or the types of "
                "operands and results after ':'";
    if (parser.resolveOperand(operand, type, values))
      return failure();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

/// Anything that the attribute parser does not know is a bare word.
static ParseResult parseOptionValue(OpAsmParser &parser, Attribute &value) {
  OptionalParseResult attribute = parser.parseOptionalAttribute(value, Type());
  if (attribute.has_value())
    return *attribute;
  StringRef word;
  if (parser.parseOptionalKeyword(&word))
    return parser.emitError(parser.getCurrentLocation(), "expected a value");
  value = parser.getBuilder().getStringAttr(word);
  return success();
}

ParseResult parseOptions(OpAsmParser &parser, NamedAttrList &attributes) {
  Builder &builder = parser.getBuilder();
  if (failed(parser.parseOptionalLBrace()))
    return success();
  if (succeeded(parser.parseOptionalRBrace()))
    return success();
  auto parseOne = [&]() -> ParseResult {
    std::string key;
    SMLoc loc = parser.getCurrentLocation();
    if (parser.parseKeywordOrString(&key))
      return failure();
    if (attributes.get(key))
      return parser.emitError(loc) << "option '" << key << "' is given twice";
    Attribute value = builder.getUnitAttr();
    if (succeeded(parser.parseOptionalEqual()) && parseOptionValue(parser, value))
      return failure();
    if (auto list = dyn_cast<ArrayAttr>(value)) {
      if (llvm::all_of(list, [](Attribute a) {
            auto integer = dyn_cast<IntegerAttr>(a);
            return integer && integer.getType().isInteger(64);
          })) {
        SmallVector<int64_t> numbers;
        for (Attribute a : list)
          numbers.push_back(cast<IntegerAttr>(a).getInt());
        value = builder.getDenseI64ArrayAttr(numbers);
      }
    }
    attributes.append(key, value);
    return success();
  };
  return failure(parser.parseCommaSeparatedList(parseOne) || parser.parseRBrace());
}

/// True for text that parseOptionValue reads as a bare word: an identifier that
/// is not a keyword of MLIR's own syntax.
static bool isBareWord(StringRef text) {
  static constexpr StringRef taken[] = {
      "true",       "false",   "dense", "array",  "unit",   "f16",     "bf16",    "f32",
      "f64",        "index",   "loc",   "none",   "tensor", "vector",  "memref",  "affine_map",
      "affine_set", "complex", "tuple", "opaque", "sparse", "strided", "distinct"};
  bool isInteger =
      text.size() > 1 && text[0] == 'i' && llvm::all_of(text.drop_front(), llvm::isDigit);
  return !isInteger && !text.empty() && !llvm::is_contained(taken, text) &&
         (llvm::isAlpha(text[0]) || text[0] == '_') &&
         llvm::all_of(text, [](char c) { return llvm::isAlnum(c) || c == '_'; });
}

/// True for an i64 or f64, which is what a number without a type is parsed as.
/// Infinities and NaN are printed as bits, which need their type.
static bool isPlainNumber(Attribute value) {
  if (auto number = dyn_cast<FloatAttr>(value))
    return number.getType().isF64() && number.getValue().isFinite();
  auto number = dyn_cast<IntegerAttr>(value);
  return number && number.getType().isInteger(64);
}

/// The shortest decimal that is parsed as the same number; MLIR's syntax wants
/// a point in it.
static void printFloat(OpAsmPrinter &printer, double number) {
  std::string text = fmt::format("{}", number);
  if (size_t exponent = text.find('e'); text.find('.') == std::string::npos)
    text.insert(exponent == std::string::npos ? text.size() : exponent, ".0");
  printer << text;
}

static void printOptionValue(OpAsmPrinter &printer, Attribute value) {
  if (auto text = dyn_cast<StringAttr>(value); text && isBareWord(text.getValue())) {
    printer << text.getValue();
  } else if (auto numbers = dyn_cast<DenseI64ArrayAttr>(value)) {
    printer << '[';
    llvm::interleaveComma(numbers.asArrayRef(), printer.getStream());
    printer << ']';
  } else if (auto number = dyn_cast<FloatAttr>(value); number && isPlainNumber(value)) {
    printFloat(printer, number.getValueAsDouble());
  } else if (isPlainNumber(value)) {
    printer.printAttributeWithoutType(value);
  } else {
    printer.printAttribute(value);
  }
}

void printOptions(OpAsmPrinter &printer, Operation *op, ArrayRef<StringRef> elided) {
  NamedAttrList defaults;
  op->getName().populateDefaultAttrs(defaults);
  SmallVector<NamedAttribute> shown;
  for (NamedAttribute attribute : op->getAttrs())
    if (!llvm::is_contained(elided, attribute.getName().getValue()) &&
        defaults.get(attribute.getName()) != attribute.getValue())
      shown.push_back(attribute);
  if (shown.empty())
    return;
  printer << " {";
  llvm::interleaveComma(shown, printer.getStream(), [&](NamedAttribute attribute) {
    printer << attribute.getName().getValue();
    if (isa<UnitAttr>(attribute.getValue()))
      return;
    printer << " = ";
    printOptionValue(printer, attribute.getValue());
  });
  printer << '}';
}

ParseResult checkOptionNames(OpAsmParser &parser, SMLoc loc, const OperationState &result) {
  // Names with a dot belong to another dialect; passes may leave such a note.
  for (NamedAttribute option : result.attributes)
    if (StringRef key = option.getName();
        !key.contains('.') && !llvm::is_contained(result.name.getAttributeNames(), key))
      return parser.emitError(loc) << "'" << result.name << "' has no option '" << key << "'";
  return success();
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

ParseResult parseLayer(OpAsmParser &parser, OperationState &result, const LayerContract &contract) {
  SmallVector<OpAsmParser::UnresolvedOperand> operands;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseOperandList(operands) || parseOptions(parser, result.attributes))
    return failure();
  if (operands.size() < contract.minOperands || operands.size() > contract.maxOperands) {
    auto diag = parser.emitError(loc) << "expected " << contract.minOperands;
    if (contract.maxOperands != contract.minOperands)
      diag << " or " << contract.maxOperands;
    return diag << (contract.maxOperands == 1 ? " operand" : " operands") << ", got "
                << operands.size();
  }
  if (checkOptionNames(parser, loc, result))
    return failure();

  Type written;
  SMLoc typeLoc;
  if (succeeded(parser.parseOptionalColon())) {
    typeLoc = parser.getCurrentLocation();
    if (parser.parseType(written))
      return failure();
  }
  if (auto function = dyn_cast_or_null<FunctionType>(written)) {
    if (parser.resolveOperands(operands, function.getInputs(), loc, result.operands))
      return failure();
  } else if (resolveInScope(parser, operands, result.operands)) {
    return failure();
  }

  // What every shape rule takes for granted; the rest ODS verifies after parsing.
  for (Value operand : result.operands)
    if (!isa<RankedTensorType>(operand.getType()))
      return parser.emitError(loc)
             << "expected ranked tensors as operands, got " << operand.getType();

  SmallVector<Type> inferred;
  if (failed(contract.checkAttributes(result)))
    return failure();
  // An op carries its defaults; only what differs from them is written.
  result.name.populateDefaultAttrs(result.attributes);
  const auto *rule = result.name.getInterface<InferTypeOpInterface>();
  if (failed(rule->inferReturnTypes(parser.getContext(), result.location, result.operands,
                                    result.attributes.getDictionary(parser.getContext()),
                                    /*properties=*/nullptr, result.regions, inferred)) ||
      llvm::any_of(inferred,
                   [&](Type type) { return failed(checkTensorType(result.location, type)); }))
    return failure();
  if (auto function = dyn_cast_or_null<FunctionType>(written)) {
    if (function.getResults() != ArrayRef<Type>(inferred))
      return parser.emitError(typeLoc)
             << "expected result types " << inferred << ", got " << function.getResults();
  } else if (written && (inferred.size() != 1 || inferred[0] != written)) {
    return parser.emitError(typeLoc) << "expected result type " << inferred << ", got " << written;
  }
  result.addTypes(inferred);
  defineResults(parser, inferred);
  return success();
}

/// True where the parser will know the operand's type: it stands in the same
/// model or kernel and was defined by a dl op or as an argument of one.
static bool isKnownInScope(Value operand) {
  Operation *parent = operand.getParentBlock()->getParentOp();
  if (!isa_and_nonnull<ModelOp, KernelOp>(parent))
    return false;
  Operation *def = operand.getDefiningOp();
  return !def || isa_and_nonnull<DLDialect>(def->getDialect());
}

void printLayer(OpAsmPrinter &printer, Operation *op) {
  if (op->getNumOperands() != 0) {
    printer << ' ';
    printer.printOperands(op->getOperands());
  }
  printOptions(printer, op, {});
  if (llvm::all_of(op->getOperands(), isKnownInScope)) {
    if (op->getNumResults() == 1)
      printer << " : " << op->getResult(0).getType();
    return;
  }
  printer << " : ";
  printer.printFunctionalType(op);
}

} // namespace dl
