//===- LossOutputs.cpp - A model's loss and metrics -----------------------===//

#include "LossOutputs.h"
#include "Activity.h"
#include "dl/Autodiff/TrainingStep.h"
#include "dl/IR/Formula.h"
#include "dl/IR/Inference.h"

#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace dl {

//===----------------------------------------------------------------------===//
// Edits of a model
//===----------------------------------------------------------------------===//

ReturnOp returnOf(ModelOp model) { return cast<ReturnOp>(model.getBody().front().getTerminator()); }

/// `name`, with a number where it is taken.
static std::string uniqueName(StringRef name, ArrayAttr taken) {
  std::string unique = name.str();
  auto isTaken = [&](StringRef other) { return other == unique; };
  for (int i = 1; llvm::any_of(taken.getAsValueRange<StringAttr>(), isTaken); ++i)
    unique = (name + Twine(i)).str();
  return unique;
}

Value addInput(ModelOp model, StringRef name, Type type, Location loc) {
  SmallVector<Attribute> names(model.getInputNames().getValue());
  Builder builder(model.getContext());
  names.push_back(builder.getStringAttr(uniqueName(name, model.getInputNames())));
  model.setInputNamesAttr(builder.getArrayAttr(names));
  return model.getBody().addArgument(type, loc);
}

ModelOp cloneBeside(ModelOp model, StringRef suffix) {
  ModelOp copy = model.clone();
  copy.setSymName((model.getSymName() + suffix).str());
  SymbolTable symbols(model->getParentOp());
  symbols.insert(copy, std::next(Block::iterator(model)));
  return copy;
}

void eraseUnused(ModelOp model) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(model.getBody().front())))
    if (!isa<ParameterOp>(op) && isOpTriviallyDead(&op))
      op.erase();
}

//===----------------------------------------------------------------------===//
// Losses
//===----------------------------------------------------------------------===//

/// Number of examples (dimension 0) for which `isRight` holds; where an example
/// has several elements, all must be right.
static Value countRight(Expr isRight, Type counting) {
  Expr right = cast(isRight, counting);
  if (right.rank() > 1) {
    auto rest = llvm::to_vector(llvm::seq<int64_t>(1, right.rank()));
    right = {right.builder, MinOp::create(*right.builder, right.value,
                                          right.builder->getDenseI64ArrayAttr(rest), false)};
  }
  return cast(sumAll(right), right.builder->getI32Type());
}

/// Logits and labels: right where the largest logit is the label's.
static FailureOr<LossOutputs> addCrossEntropy(ModelOp model, Value prediction, OpBuilder &builder) {
  Location loc = returnOf(model).getLoc();
  RankedTensorType type = tensorType(prediction);
  // Models often end in a softmax, which this loss contains.
  if (auto softmax = prediction.getDefiningOp<SoftmaxOp>();
      softmax &&
      (softmax.getAxis() == uint64_t(-1) || softmax.getAxis() == uint64_t(type.getRank() - 1))) {
    prediction = softmax.getInput();
    softmax.emitRemark() << "cross_entropy takes the logits: the input of this softmax";
  }
  if (type.getRank() != 2)
    return emitError(loc) << "expected logits of 2 dimensions for cross_entropy, got " << type;
  if (type.getDimSize(1) == 0)
    return emitError(loc) << "expected at least one class for cross_entropy, got " << type;
  Value label =
      addInput(model, "label",
               RankedTensorType::get(type.getShape().take_front(), builder.getI32Type()), loc);
  Formula f(loc, builder);
  Value loss = CrossEntropyOp::create(builder, loc, prediction, label);
  Expr best = f(ArgmaxOp::create(builder, loc, prediction, /*axis=*/1));
  return LossOutputs{loss, countRight(compare(best, f(label), "eq"), type.getElementType())};
}

/// Prediction and target of one type; `margin` is positive where an element is
/// classified right, and absent where the loss is no classification.
template <typename Op>
static FailureOr<LossOutputs> addPairwise(ModelOp model, Value prediction, OpBuilder &builder,
                                          llvm::function_ref<Expr(Expr, Expr)> margin) {
  Location loc = returnOf(model).getLoc();
  Value target = addInput(model, "target", prediction.getType(), loc);
  LossOutputs outputs{Op::create(builder, loc, prediction, target), Value()};
  if (margin) {
    Formula f(loc, builder);
    Expr right = compare(margin(f(prediction), f(target)), 0.0, "gt");
    outputs.correct = countRight(right, tensorType(prediction).getElementType());
  }
  return outputs;
}

FailureOr<LossOutputs> addLoss(ModelOp model, const Loss &loss) {
  ReturnOp outputs = returnOf(model);
  if (outputs.getOutputs().empty())
    return outputs.emitOpError() << "expected an output to take the loss of";
  Value prediction = outputs.getOutputs()[0];
  if (!isFloat(prediction))
    return outputs.emitOpError()
           << "expected a first output of f32 or f64 to take the loss of, got "
           << prediction.getType();
  OpBuilder builder(outputs);
  if (loss.name == "cross_entropy")
    return addCrossEntropy(model, prediction, builder);
  if (loss.name == "mse")
    return addPairwise<MSEOp>(model, prediction, builder, nullptr);
  if (loss.name == "bce")
    return addPairwise<BCEOp>(model, prediction, builder,
                              [](Expr p, Expr t) { return (p - 0.5) * (t - 0.5); });
  if (loss.name == "bce_with_logits")
    return addPairwise<BCEWithLogitsOp>(model, prediction, builder,
                                        [](Expr x, Expr t) { return x * (t - 0.5); });
  if (loss.name == "hinge")
    return addPairwise<HingeOp>(model, prediction, builder, [](Expr x, Expr t) { return x * t; });
  return model.emitOpError()
         << "expected the loss cross_entropy, mse, bce, bce_with_logits or hinge, got '"
         << loss.name << "'";
}

//===----------------------------------------------------------------------===//
// Evaluation
//===----------------------------------------------------------------------===//

FailureOr<ModelOp> buildEvaluation(ModelOp model, const Loss &loss) {
  ModelOp evaluation = cloneBeside(model, "_evaluation");
  FailureOr<LossOutputs> added = addLoss(evaluation, loss);
  if (failed(added)) {
    evaluation.erase();
    return failure();
  }
  ReturnOp old = returnOf(evaluation);
  SmallVector<Value> values = added->values();
  // The model's own outputs keep their names.
  SmallVector<std::string> unique;
  for (StringRef name : added->names())
    unique.push_back(uniqueName(name, old.getOutputNames()));
  SmallVector<StringRef> names(unique.begin(), unique.end());
  llvm::append_range(values, old.getOutputs());
  llvm::append_range(names, old.getOutputNames().getAsValueRange<StringAttr>());
  OpBuilder builder(old);
  ReturnOp::create(builder, old.getLoc(), values, names, ValueRange(), ArrayRef<StringRef>());
  old.erase();
  return evaluation;
}

} // namespace dl
