//===- Form.cpp - What may stand in one kernel ----------------------------===//

#include "dl/Graph/Form.h"
#include "dl/Graph/Kernels.h"
#include "dl/IR/Inference.h"

#include "llvm/ADT/SetVector.h"

#include <fmt/format.h>

using namespace mlir;

namespace dl {

static ArrayRef<int64_t> shapeOf(Value value) { return tensorType(value).getShape(); }

static std::string nameOf(Operation *op) { return op->getName().stripDialect().str(); }

static bool isConstant(Value value) { return value.getDefiningOp<ConstantOp>() != nullptr; }

/// NumPy's rule, one way.
static bool broadcastsTo(ArrayRef<int64_t> from, ArrayRef<int64_t> to) {
  if (from.size() > to.size())
    return false;
  for (auto [a, b] : llvm::zip(llvm::reverse(from), llvm::reverse(to)))
    if (a != 1 && a != b)
      return false;
  return true;
}

static SmallVector<Operation *> anchorsIn(Block &body) {
  SmallVector<Operation *> anchors;
  for (Operation &op : body)
    if (isContraction(&op) || isWindow(&op))
      anchors.push_back(&op);
  return anchors;
}

Operation *anchorOf(Block &body) {
  SmallVector<Operation *> anchors = anchorsIn(body);
  return anchors.empty() ? nullptr : anchors.front();
}

SmallVector<Operation *> prologueOf(Operation *anchor) {
  llvm::SetVector<Operation *> slice;
  auto addOperands = [&](Operation *op) {
    for (Value operand : op->getOperands())
      if (Operation *def = operand.getDefiningOp(); def && !isConstant(operand))
        slice.insert(def);
  };
  addOperands(anchor);
  for (size_t i = 0; i < slice.size(); ++i)
    addOperands(slice[i]);
  return slice.takeVector();
}

//===----------------------------------------------------------------------===//
// Contractions and windows
//===----------------------------------------------------------------------===//

namespace {
/// A kernel around one anchor: sorts its values into prologue, epilogue and side
/// reduction while it checks them.
class AnchoredForm {
public:
  AnchoredForm(Block &body, Operation *anchor) : body(body), anchor(anchor) {}

  std::string error() {
    for (Value operand : anchor->getOperands())
      if (std::string text = prologueError(operand); !text.empty())
        return text;
    main.insert(anchor->getResult(0));
    for (Operation &op : body)
      if (isSideSum(&op))
        sideShape = shapeOf(op.getResult(0));
    for (Operation &op : body.without_terminator()) {
      if (&op == anchor || isa<ConstantOp>(op) || prologue.contains(op.getResult(0)))
        continue;
      if (std::string text = epilogueError(&op); !text.empty())
        return text;
    }
    for (Value value : body.getTerminator()->getOperands())
      if (!main.contains(value) && !side.contains(value))
        return "a value before the anchor would have to be stored";
    return {};
  }

private:
  /// What feeds an operand of the anchor: arguments of its shape, elementwise.
  std::string prologueError(Value operand) {
    llvm::SetVector<Value> values;
    values.insert(operand);
    for (size_t i = 0; i < values.size(); ++i) {
      Operation *def = values[i].getDefiningOp();
      bool isWhole = shapeOf(values[i]) == shapeOf(operand);
      if (def && isa<ConstantOp>(def) && values[i] != operand)
        continue;
      if (!isWhole)
        return "an operand of the anchor would be computed by broadcasting";
      if (!def)
        continue;
      if (!isElementwise(def))
        return fmt::format("{} cannot stand before {}", nameOf(def), nameOf(anchor));
      prologue.insert(values[i]);
      values.insert_range(def->getOperands());
    }
    return {};
  }

  /// The operand whose sum over all but the last dimension may stand beside.
  Value summableOperand() const {
    if (auto matmul = dyn_cast<MatmulOp>(anchor))
      return matmul.getTransposeB() || shapeOf(matmul.getRhs()).size() != 2 ||
                     shapeOf(matmul.getLhs()).size() != 2
                 ? Value()
                 : Value(matmul.getRhs());
    if (auto conv = dyn_cast<Conv2DBackwardWeightsOp>(anchor))
      return conv.getCotangent();
    return {};
  }

  bool isSideSum(Operation *op) const {
    auto sum = dyn_cast<SumOp>(op);
    if (!sum || sum.getKeepdims() || sum.getInput() != summableOperand())
      return false;
    return llvm::equal(sum.getReducedAxes(),
                       llvm::seq<int64_t>(shapeOf(sum.getInput()).size() - 1));
  }

  std::string epilogueError(Operation *op) {
    Value result = op->getResult(0);
    if (isSideSum(op)) {
      side.insert(result);
      return {};
    }
    if (!isElementwise(op))
      return fmt::format("{} cannot stand in a kernel of {}", nameOf(op), nameOf(anchor));
    bool isMain = shapeOf(result) == shapeOf(anchor->getResult(0));
    if (!isMain && !(sideShape && shapeOf(result) == *sideShape))
      return fmt::format("{} has shape {}, {} has {}", nameOf(op), formatShape(shapeOf(result)),
                         nameOf(anchor), formatShape(shapeOf(anchor->getResult(0))));
    llvm::DenseSet<Value> &own = isMain ? main : side;
    for (Value operand : op->getOperands()) {
      bool isOutside = isConstant(operand) || isa<BlockArgument>(operand);
      if (!own.contains(operand) && !(isOutside && broadcastsTo(shapeOf(operand), shapeOf(result))))
        return fmt::format("{} reads a value of another part of the kernel", nameOf(op));
    }
    own.insert(result);
    return {};
  }

  Block &body;
  Operation *anchor;
  llvm::DenseSet<Value> prologue, main, side;
  std::optional<ArrayRef<int64_t>> sideShape;
};
} // namespace

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

static SmallVector<int64_t> axesOf(Operation *reduction) {
  int64_t rank = shapeOf(reduction->getOperand(0)).size();
  if (auto argmax = dyn_cast<ArgmaxOp>(reduction))
    return reducedAxes(rank, ArrayRef<int64_t>{static_cast<int64_t>(argmax.getAxis())});
  auto axes = reduction->getAttrOfType<DenseI64ArrayAttr>("axes");
  return reducedAxes(rank, axes ? std::optional(axes.asArrayRef()) : std::nullopt);
}

IterationSpace iterationSpaceOf(Block &body) {
  for (Operation &op : body)
    if (isReduction(&op))
      return {tensorType(op.getOperand(0)), axesOf(&op)};
  // The yields agree in shape.
  return {tensorType(body.getTerminator()->getOperand(0)), {}};
}

namespace {
/// A kernel of elementwise ops and reductions over one space.
class LoopForm {
public:
  explicit LoopForm(Block &body) : body(body), space(iterationSpaceOf(body)) {
    whole = space.type.getShape();
    kept = reducedShape(whole, space.axes, /*keepdims=*/true);
    dropped = reducedShape(whole, space.axes, /*keepdims=*/false);
  }

  std::string error() {
    for (Operation &op : body.without_terminator()) {
      if (isa<ConstantOp>(op))
        continue;
      std::string text = isReduction(&op) ? reductionError(&op) : pointwiseError(&op);
      if (!text.empty())
        return text;
    }
    for (Value value : body.getTerminator()->getOperands()) {
      ArrayRef<int64_t> shape = shapeOf(value);
      if (shape != whole &&
          (space.axes.empty() || (shape != ArrayRef(kept) && shape != ArrayRef(dropped))))
        return fmt::format("a result of shape {} does not fit loops over {}", formatShape(shape),
                           formatShape(whole));
    }
    return {};
  }

private:
  std::string reductionError(Operation *op) {
    if (shapeOf(op->getOperand(0)) != whole || axesOf(op) != space.axes)
      return fmt::format("{} reduces other axes or another shape than its neighbours", nameOf(op));
    if (axesOf(op).empty())
      return {};
    reduced.insert(op->getResult(0));
    return {};
  }

  std::string pointwiseError(Operation *op) {
    Value result = op->getResult(0);
    ArrayRef<int64_t> shape = shapeOf(result);
    if (isa<TransposeOp, SliceOp, OneHotOp>(op))
      return isa<BlockArgument>(op->getOperand(0)) && shape == whole
                 ? ""
                 : fmt::format("{} is not at the start of its kernel", nameOf(op));
    if (!isElementwise(op) && !isa<BroadcastOp, DropoutTrainOp>(op))
      return fmt::format("{} cannot stand in loops", nameOf(op));
    if (!broadcastsTo(shape, whole) && shape != ArrayRef(dropped))
      return fmt::format("{} has shape {}, its kernel iterates over {}", nameOf(op),
                         formatShape(shape), formatShape(whole));
    for (Value operand : op->getOperands())
      if (std::string text = operandError(operand, shape); !text.empty())
        return text;
    if (llvm::any_of(op->getOperands(), [&](Value operand) { return reduced.contains(operand); }) &&
        (shape == ArrayRef(kept) || shape == ArrayRef(dropped)))
      reduced.insert(result);
    return {};
  }

  /// A reduction's value meets values of its own shape, or, with axes kept,
  /// those of the whole space.
  std::string operandError(Value operand, ArrayRef<int64_t> shape) {
    if (!reduced.contains(operand) || shapeOf(operand) == shape)
      return {};
    if (shapeOf(operand) == ArrayRef(kept) && shape == whole)
      return {};
    return fmt::format("a reduced value of shape {} meets shape {}", formatShape(shapeOf(operand)),
                       formatShape(shape));
  }

  Block &body;
  IterationSpace space;
  ArrayRef<int64_t> whole;
  SmallVector<int64_t> kept, dropped;
  llvm::DenseSet<Value> reduced;
};
} // namespace

/// A concat stands alone, with constants it may have among its operands.
static std::string concatError(Block &body) {
  for (Operation &op : body.without_terminator())
    if (!isa<ConcatOp, ConstantOp>(op))
      return fmt::format("{} cannot stand beside concat", nameOf(&op));
  bool isAlone = llvm::hasSingleElement(body.getOps<ConcatOp>()) &&
                 body.getTerminator()->getNumOperands() == 1;
  return isAlone ? "" : "concat stands alone in its kernel";
}

std::string formError(Block &body) {
  if (!body.getOps<ConcatOp>().empty())
    return concatError(body);
  SmallVector<Operation *> anchors = anchorsIn(body);
  if (anchors.size() > 1)
    return fmt::format("{} and {} are both anchors", nameOf(anchors[0]), nameOf(anchors[1]));
  if (anchors.size() == 1)
    return AnchoredForm(body, anchors.front()).error();
  return LoopForm(body).error();
}

} // namespace dl
