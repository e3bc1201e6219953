//===- DifferentiateModel.cpp - A model that returns gradients ------------===//

#include "Activity.h"
#include "LossOutputs.h"
#include "dl/Autodiff/Gradient.h"
#include "dl/IR/Formula.h"
#include "dl/IR/Inference.h"

using namespace mlir;

namespace dl {

namespace {
/// What a model is differentiated with respect to.
struct Variables {
  SmallVector<Value> values;
  SmallVector<std::string> names;
};
} // namespace

/// All trainable float parameters, then all float inputs.
static Variables allVariables(ModelOp model) {
  Variables all;
  for (auto parameter : model.getBody().getOps<ParameterOp>())
    if (parameter.getTrainable() && isFloat(parameter)) {
      all.values.push_back(parameter);
      all.names.push_back(parameter.getName().str());
    }
  for (auto [argument, name] : llvm::zip(model.getBody().getArguments(),
                                         model.getInputNames().getAsValueRange<StringAttr>()))
    if (isFloat(argument)) {
      all.values.push_back(argument);
      all.names.push_back(name.str());
    }
  return all;
}

static FailureOr<Variables> chooseVariables(ModelOp model, ArrayRef<std::string> wrt) {
  Variables all = allVariables(model), chosen;
  if (wrt.empty())
    return all;
  for (const std::string &name : wrt) {
    auto *it = llvm::find(all.names, name);
    if (it == all.names.end())
      return model.emitOpError() << "expected a float input or trainable parameter to "
                                    "differentiate by, got '"
                                 << name << "'";
    chosen.values.push_back(all.values[it - all.names.begin()]);
    chosen.names.push_back(name);
  }
  return chosen;
}

LogicalResult differentiateModel(ModelOp model, ArrayRef<std::string> wrt, bool withCotangent) {
  FailureOr<Variables> variables = chooseVariables(model, wrt);
  if (failed(variables))
    return failure();
  ReturnOp old = returnOf(model);
  if (old.getOutputs().empty())
    return old.emitOpError() << "expected an output to differentiate";
  Value output = old.getOutputs()[0];
  if (!isFloat(output) || !tensorType(output).hasStaticShape())
    return old.emitOpError() << "expected a first output of f32 or f64 with a static shape, got "
                             << output.getType();

  OpBuilder builder(old);
  Value cotangent;
  if (withCotangent) {
    cotangent = addInput(model, "cotangent", output.getType(), old.getLoc());
  } else {
    Formula f(old.getLoc(), builder);
    RankedTensorType type = tensorType(output);
    cotangent = broadcast(f.constant(1.0, type.getElementType()), type.getShape());
  }
  auto gradients = buildGradients(builder, output, cotangent, variables->values);
  if (failed(gradients))
    return failure();

  SmallVector<std::string> names;
  for (const std::string &name : variables->names)
    names.push_back("d_" + name);
  SmallVector<StringRef> nameRefs(names.begin(), names.end());
  ReturnOp::create(builder, old.getLoc(), *gradients, nameRefs, ValueRange(),
                   ArrayRef<StringRef>());
  old.erase();
  eraseUnused(model);
  return success();
}

} // namespace dl
