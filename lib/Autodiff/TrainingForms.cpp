//===- TrainingForms.cpp - Ops that differ in training --------------------===//

#include "TrainingForms.h"
#include "LossOutputs.h"
#include "dl/IR/Formula.h"
#include "dl/IR/Inference.h"

#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace dl {
namespace {

class TrainingForms {
public:
  explicit TrainingForms(ModelOp model) : model(model) {}

  LogicalResult run();

private:
  void normalizeByBatch(BatchNormOp op);
  LogicalResult dropAtRandom(ArrayRef<DropoutOp> ops);
  FailureOr<ParameterOp> addVariable(StringRef name, StringRef init, Type element);
  LogicalResult addUpdates();
  /// A variable's value after the ops so far.
  Value current(ParameterOp variable) const {
    Value updated = updates.lookup(variable.getName());
    return updated ? updated : Value(variable);
  }

  ModelOp model;
  /// New values of variables.
  llvm::MapVector<StringRef, Value> updates;
};

} // namespace

/// The variable behind a running mean or variance; null where it is none.
static ParameterOp runningValue(Value value) {
  auto parameter = value.getDefiningOp<ParameterOp>();
  return parameter && !parameter.getTrainable() ? parameter : ParameterOp();
}

void TrainingForms::normalizeByBatch(BatchNormOp op) {
  ParameterOp mean = runningValue(op.getMean()), variance = runningValue(op.getVariance());
  if (!mean || !variance || mean == variance)
    return;
  OpBuilder builder(op);
  auto train = BatchNormTrainOp::create(builder, op.getLoc(), op.getOperands(), op->getAttrs());
  // Where ops share running values, each moves on what the one before it left.
  train.getMeanMutable().assign(current(mean));
  train.getVarianceMutable().assign(current(variance));
  op.getResult().replaceAllUsesWith(train.getResult());
  op.erase();
  updates[mean.getName()] = train.getNewMean();
  updates[variance.getName()] = train.getNewVariance();
}

FailureOr<ParameterOp> TrainingForms::addVariable(StringRef name, StringRef init, Type element) {
  for (auto other : model.getBody().getOps<ParameterOp>())
    if (other.getName() == name)
      return other.emitOpError() << "expected another name: the variable of dropout is '" << name
                                 << "'";
  auto builder = OpBuilder::atBlockBegin(&model.getBody().front());
  return ParameterOp::create(builder, model.getLoc(), RankedTensorType::get({}, element), name,
                             init, /*trainable=*/false, "counter", DenseI64ArrayAttr(),
                             DenseI64ArrayAttr());
}

LogicalResult TrainingForms::dropAtRandom(ArrayRef<DropoutOp> ops) {
  Builder types(model.getContext());
  // f64 counts steps without error to 2^53.
  auto step = addVariable("dropout.step", "zeros", types.getF64Type());
  auto seed = addVariable("dropout.seed", "uniform(0, 9007199254740992)", types.getI64Type());
  if (failed(step) || failed(seed))
    return failure();
  int64_t stream = 0;
  for (DropoutOp op : ops) {
    OpBuilder builder(op);
    Value dropped = DropoutTrainOp::create(builder, op.getLoc(), op.getInput(), *seed, *step,
                                           op.getPAttr(), types.getI64IntegerAttr(stream++));
    op.getResult().replaceAllUsesWith(dropped);
    op->erase();
  }
  OpBuilder builder(returnOf(model));
  Formula f(model.getLoc(), builder);
  updates[step->getName()] = f(*step) + 1.0;
  return success();
}

/// Puts the new values behind those that the model itself gives to variables.
LogicalResult TrainingForms::addUpdates() {
  ReturnOp old = returnOf(model);
  OpBuilder builder(old);
  SmallVector<Value> values(old.getUpdates());
  SmallVector<StringRef> names(old.getUpdated().getAsValueRange<StringAttr>());
  for (auto [name, value] : updates) {
    if (llvm::is_contained(names, name))
      return old.emitOpError() << "expected no update of '" << name
                               << "', which batch_norm updates in training";
    names.push_back(name);
    values.push_back(value);
  }
  SmallVector<StringRef> outputs(old.getOutputNames().getAsValueRange<StringAttr>());
  ReturnOp::create(builder, old.getLoc(), old.getOutputs(), outputs, values, names);
  old.erase();
  return success();
}

LogicalResult TrainingForms::run() {
  for (BatchNormOp op : llvm::make_early_inc_range(model.getBody().getOps<BatchNormOp>()))
    normalizeByBatch(op);
  SmallVector<DropoutOp> dropouts(model.getBody().getOps<DropoutOp>());
  if (!dropouts.empty() && failed(dropAtRandom(dropouts)))
    return failure();
  return updates.empty() ? success() : addUpdates();
}

LogicalResult useTrainingForms(ModelOp model) { return TrainingForms(model).run(); }

} // namespace dl
