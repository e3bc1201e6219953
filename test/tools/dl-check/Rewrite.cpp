//===- Rewrite.cpp - Other forms of the model to check --------------------===//

#include "Rewrite.h"
#include "dl/Autodiff/Gradient.h"
#include "dl/IR/Decompose.h"
#include "dl/IR/Specialize.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OperationSupport.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

#include <fmt/format.h>

using namespace mlir;

namespace dl::check {

Diagnostics::Diagnostics(MLIRContext *context)
    : handler(context, [this](Diagnostic &diagnostic) {
        text += (text.empty() ? "" : "; ") + diagnostic.str();
        for (Diagnostic &note : diagnostic.getNotes())
          text += "; note: " + note.str();
        return success();
      }) {}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

static Type withElement(Type tensor, Type element) {
  auto type = cast<RankedTensorType>(tensor);
  return isa<FloatType>(type.getElementType()) ? type.clone(element) : type;
}

static DenseElementsAttr withElement(DenseElementsAttr elements, Type element) {
  auto floats = dyn_cast<DenseFPElementsAttr>(elements);
  if (!floats)
    return elements;
  return floats.mapValues(element, [&](const APFloat &value) {
    APFloat converted = value;
    bool losesInfo;
    converted.convert(cast<FloatType>(element).getFloatSemantics(), APFloat::rmNearestTiesToEven,
                      &losesInfo);
    return converted.bitcastToAPInt();
  });
}

/// Replaces the float type wherever it does not follow from the operands.
static void setElement(ModelOp model, Type element) {
  for (BlockArgument argument : model.getBody().getArguments())
    argument.setType(withElement(argument.getType(), element));
  for (Operation &op : model.getBody().front()) {
    if (auto parameter = dyn_cast<ParameterOp>(op)) {
      parameter.getResult().setType(
          cast<RankedTensorType>(withElement(parameter.getType(), element)));
    } else if (auto constant = dyn_cast<ConstantOp>(op)) {
      DenseElementsAttr value = withElement(cast<DenseElementsAttr>(constant.getValue()), element);
      constant.setValueAttr(value);
      constant.getResult().setType(cast<RankedTensorType>(value.getType()));
    } else if (auto cast = dyn_cast<CastOp>(op); cast && isa<FloatType>(cast.getTo())) {
      cast.setTo(element);
    } else if (auto oneHot = dyn_cast<OneHotOp>(op)) {
      oneHot.setTo(element);
    }
  }
}

Result<OwnedModel> specialize(ModelOp model, int64_t batch, Type element) {
  OwnedModel copy = model.clone();
  Diagnostics diagnostics(model.getContext());
  if (element)
    setElement(*copy, element);
  if (failed(specializeBatch(*copy, batch)) || failed(verify(*copy)))
    return diagnostics.error();
  return copy;
}

//===----------------------------------------------------------------------===//
// Decomposition and gradients
//===----------------------------------------------------------------------===//

OwnedModel decomposeAll(ModelOp model) {
  OwnedModel copy = model.clone();
  bool changed = true;
  while (changed) {
    changed = false;
    for (Operation &op : llvm::make_early_inc_range(copy->getBody().front())) {
      if (!isComposite(&op))
        continue;
      OpBuilder builder(&op);
      SmallVector<Value> results = decomposeOp(&op, builder);
      op.replaceAllUsesWith(results);
      op.erase();
      changed = true;
    }
  }
  return copy;
}

static bool isFloatValue(Value value) {
  return isa<FloatType>(cast<RankedTensorType>(value.getType()).getElementType());
}

Result<OwnedModel> buildGradientModel(ModelOp model) {
  OwnedModel copy = model.clone();
  Block &body = copy->getBody().front();
  auto terminator = cast<ReturnOp>(body.getTerminator());
  SmallVector<std::string> names;
  SmallVector<Value> inputs, outputs, cotangents;
  SmallVector<Attribute> inputNames(copy->getInputNames().getValue());
  for (auto [argument, name] : llvm::zip(body.getArguments(), inputNames))
    if (isFloatValue(argument)) {
      inputs.push_back(argument);
      names.push_back("d_" + cast<StringAttr>(name).str());
    }
  for (auto parameter : copy->getBody().getOps<ParameterOp>())
    if (isFloatValue(parameter)) {
      inputs.push_back(parameter);
      names.push_back("d_" + parameter.getName().str());
    }
  OpBuilder builder(terminator);
  for (Value output : terminator.getOutputs())
    if (isFloatValue(output)) {
      outputs.push_back(output);
      cotangents.push_back(body.addArgument(output.getType(), output.getLoc()));
      inputNames.push_back(builder.getStringAttr(
          fmt::format("cotangent{}_{}", cotangents.size() - 1, inputNames.size())));
    }
  if (inputs.empty() || outputs.empty())
    return OwnedModel();
  copy->setInputNamesAttr(builder.getArrayAttr(inputNames));
  Diagnostics diagnostics(model.getContext());
  auto gradients = buildGradients(builder, outputs, cotangents, inputs);
  if (failed(gradients))
    return diagnostics.error();
  SmallVector<StringRef> nameRefs(names.begin(), names.end());
  ReturnOp::create(builder, terminator.getLoc(), *gradients, nameRefs, ValueRange(),
                   ArrayRef<StringRef>());
  terminator.erase();
  if (failed(verify(*copy)))
    return diagnostics.error();
  return copy;
}

//===----------------------------------------------------------------------===//
// Round trip
//===----------------------------------------------------------------------===//

Status checkRoundTrip(ModelOp model) {
  for (bool isGeneric : {false, true}) {
    std::string text;
    llvm::raw_string_ostream os(text);
    model->print(os, OpPrintingFlags().printGenericOpForm(isGeneric));
    Diagnostics diagnostics(model.getContext());
    auto module = parseSourceString<ModuleOp>(text, model.getContext());
    if (!module)
      return Error{
          fmt::format("printed but not parsed ({}):\n{}", diagnostics.error().message, text)};
    if (!OperationEquivalence::isEquivalentTo(model, *module->getOps<ModelOp>().begin(),
                                              OperationEquivalence::IgnoreLocations))
      return Error{fmt::format("another model after printing and parsing:\n{}", text)};
  }
  return {};
}

} // namespace dl::check
