//===- TrainingStep.cpp - From a model to its training step ---------------===//

#include "dl/Autodiff/TrainingStep.h"
#include "Activity.h"
#include "LossOutputs.h"
#include "TrainingForms.h"
#include "dl/Autodiff/Gradient.h"
#include "dl/IR/Formula.h"
#include "dl/IR/Inference.h"
#include "dl/Support/Optimizer.h"

using namespace mlir;

namespace dl {

namespace {

/// New values of variables, by name.
struct Updates {
  SmallVector<Value> values;
  SmallVector<StringRef> names;

  void add(ParameterOp variable, Value value) {
    values.push_back(value);
    names.push_back(variable.getName());
  }
};

/// Writes the updates of one optimiser into a model.
class UpdateBuilder {
public:
  UpdateBuilder(ModelOp model, const Optimizer &optimizer)
      : model(model), optimizer(optimizer), builder(returnOf(model)) {}

  FailureOr<Updates> build(ArrayRef<ParameterOp> parameters, ValueRange gradients);

private:
  LogicalResult updateBySGD(ParameterOp parameter, Value gradient);
  LogicalResult updateByAdam(ParameterOp parameter, Value gradient);
  LogicalResult addStepCounter(ParameterOp first);
  FailureOr<ParameterOp> addVariable(ParameterOp after, const Twine &name, StringRef role,
                                     Type type);

  ModelOp model;
  const Optimizer &optimizer;
  OpBuilder builder;
  Updates updates;
  /// The number of this step, counted from 1; null where the optimiser does not
  /// count.
  Value step;
};

} // namespace

/// Declares a variable of the optimiser behind the parameter that it is for.
FailureOr<ParameterOp> UpdateBuilder::addVariable(ParameterOp after, const Twine &name,
                                                  StringRef role, Type type) {
  std::string text = name.str();
  for (auto other : model.getBody().getOps<ParameterOp>())
    if (other.getName() == text)
      return other.emitOpError() << "expected another name: the optimizer's variable is '" << text
                                 << "'";
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointAfter(after);
  return ParameterOp::create(builder, after.getLoc(), type, text, "zeros", /*trainable=*/false,
                             role, DenseI64ArrayAttr(), DenseI64ArrayAttr());
}

LogicalResult UpdateBuilder::updateBySGD(ParameterOp parameter, Value gradient) {
  ParameterOp velocity;
  if (optimizer.momentum != 0) {
    auto added =
        addVariable(parameter, parameter.getName() + ".velocity", "optimizer", parameter.getType());
    if (failed(added))
      return failure();
    velocity = *added;
  }
  auto update = SGDOp::create(builder, parameter.getLoc(), parameter, gradient,
                              velocity ? Value(velocity) : Value(), APFloat(optimizer.lr),
                              APFloat(optimizer.momentum), optimizer.nesterov,
                              APFloat(optimizer.weightDecay));
  updates.add(parameter, update.getResult(0));
  if (velocity)
    updates.add(velocity, update.getResult(1));
  return success();
}

LogicalResult UpdateBuilder::updateByAdam(ParameterOp parameter, Value gradient) {
  Type type = parameter.getType();
  auto variance = addVariable(parameter, parameter.getName() + ".variance", "optimizer", type);
  auto mean = addVariable(parameter, parameter.getName() + ".mean", "optimizer", type);
  if (failed(mean) || failed(variance))
    return failure();
  Formula f(parameter.getLoc(), builder);
  Value count = cast(f(step), tensorType(parameter).getElementType());
  auto update =
      AdamOp::create(builder, parameter.getLoc(), parameter, gradient, *mean, *variance, count,
                     APFloat(optimizer.lr), APFloat(optimizer.beta1), APFloat(optimizer.beta2),
                     APFloat(optimizer.epsilon), APFloat(optimizer.weightDecay));
  updates.add(parameter, update.getNewParameter());
  updates.add(*mean, update.getNewMean());
  updates.add(*variance, update.getNewVariance());
  return success();
}

/// Declares the counter in the element type of the first parameter.
LogicalResult UpdateBuilder::addStepCounter(ParameterOp first) {
  auto type = RankedTensorType::get({}, tensorType(first).getElementType());
  auto counter = addVariable(first, "step", "counter", type);
  if (failed(counter))
    return failure();
  Formula f(first.getLoc(), builder);
  step = f(*counter) + 1.0;
  updates.add(*counter, step);
  return success();
}

FailureOr<Updates> UpdateBuilder::build(ArrayRef<ParameterOp> parameters, ValueRange gradients) {
  bool isAdam = optimizer.name == "adam";
  if (isAdam && failed(addStepCounter(parameters.front())))
    return failure();
  for (auto [parameter, gradient] : llvm::zip(parameters, gradients))
    if (failed(isAdam ? updateByAdam(parameter, gradient) : updateBySGD(parameter, gradient)))
      return failure();
  return updates;
}

/// Adds the updates that the model makes by itself (of running averages, say).
static LogicalResult keepOwnUpdates(ReturnOp model, Updates &updates) {
  for (auto [name, value] :
       llvm::zip(model.getUpdated().getAsValueRange<StringAttr>(), model.getUpdates())) {
    if (llvm::is_contained(updates.names, name))
      return model.emitOpError() << "expected no update of the trainable parameter '" << name
                                 << "', which the optimizer updates";
    updates.names.push_back(name);
    updates.values.push_back(value);
  }
  return success();
}

/// Turns the model itself into its training step.
static LogicalResult makeTrainingStep(ModelOp model, const Loss &loss, const Optimizer &optimizer) {
  SmallVector<ParameterOp> parameters;
  for (auto parameter : model.getBody().getOps<ParameterOp>())
    if (parameter.getTrainable() && isFloat(parameter))
      parameters.push_back(parameter);
  if (parameters.empty())
    return model.emitOpError() << "expected a trainable parameter";
  if (failed(useTrainingForms(model)))
    return failure();
  FailureOr<LossOutputs> outputs = addLoss(model, loss);
  if (failed(outputs))
    return failure();

  ReturnOp old = returnOf(model);
  OpBuilder builder(old);
  Formula f(old.getLoc(), builder);
  Value one = f.constant(1.0, tensorType(outputs->loss).getElementType());
  SmallVector<Value> variables(parameters.begin(), parameters.end());
  auto gradients = buildGradients(builder, outputs->loss, one, variables);
  if (failed(gradients))
    return failure();
  auto updates = UpdateBuilder(model, optimizer).build(parameters, *gradients);
  if (failed(updates))
    return failure();
  if (failed(keepOwnUpdates(old, *updates)))
    return failure();
  ReturnOp::create(builder, old.getLoc(), outputs->values(), outputs->names(), updates->values,
                   updates->names);
  old.erase();
  eraseUnused(model);
  return success();
}

FailureOr<ModelOp> buildTrainingStep(ModelOp model, const Loss &loss, const Optimizer &optimizer) {
  if (Status status = checkOptimizer(optimizer); !status)
    return model.emitOpError() << status.error().message;
  ModelOp step = cloneBeside(model, "_step");
  if (succeeded(makeTrainingStep(step, loss, optimizer)))
    return step;
  step.erase();
  return failure();
}

} // namespace dl
