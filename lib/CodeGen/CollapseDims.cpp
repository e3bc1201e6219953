//===- CollapseDims.cpp - Fewer, longer dimensions ------------------------===//
//
// Dimensions that are walked together form a class: those of an elementwise
// op's result with those of its operands, and so on. Two classes can be one
// dimension where each value that has one of them has the other right behind
// it, or broadcasts along both, and each reduction reduces both or neither.
//
//===----------------------------------------------------------------------===//

#include "CollapseDims.h"

#include "KernelForm.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace dl {
namespace {

using Dim = std::pair<void *, int64_t>; // a value and one of its dimensions

class Collapser {
public:
  explicit Collapser(KernelOp kernel) : kernel(kernel) {}

  void run() {
    collectValues();
    joinDims();
    numberClasses();
    mergeClasses();
    rewrite();
  }

private:
  static Dim dimOf(Value value, int64_t dim) { return {value.getAsOpaquePointer(), dim}; }
  static int64_t rankOf(Value value) { return cast<RankedTensorType>(value.getType()).getRank(); }
  static int64_t extentOf(Value value, int64_t dim) {
    return cast<RankedTensorType>(value.getType()).getDimSize(dim);
  }

  void collectValues();
  void join(Value a, int64_t i, Value b, int64_t j) { dims.unionSets(dimOf(a, i), dimOf(b, j)); }
  void joinRightAligned(Value result, Value operand);
  void joinDims();
  void joinReduction(Operation *op);
  void numberClasses();
  bool broadcasts(Value value, int cls) const;
  bool canMerge(int first, int second) const;
  void mergeClasses();
  void rewrite();
  void rewriteAxes(Operation *op, const DenseMap<Value, SmallVector<SmallVector<int64_t>>> &groups);

  KernelOp kernel;
  SmallVector<Value> values;
  llvm::EquivalenceClasses<Dim> dims;
  /// Dimensions whose index is used as a number or shifted, reduced ones by reduction.
  SmallVector<std::pair<Value, int64_t>> pinnedDims;
  SmallVector<SmallVector<std::pair<Value, int64_t>>> reducedDims;

  SmallVector<int64_t> extents;              // of each class
  DenseMap<Value, SmallVector<int>> classes; // of each dimension of each value
  llvm::DenseSet<int> pinned;
  SmallVector<llvm::DenseSet<int>> reduced;
  SmallVector<int> next; // class merged right behind this one, or -1
};

} // namespace

void Collapser::collectValues() {
  Block &body = kernel.getBody().front();
  llvm::append_range(values, body.getArguments());
  for (Operation &op : body.without_terminator())
    llvm::append_range(values, op.getResults());
}

void Collapser::joinRightAligned(Value result, Value operand) {
  int64_t offset = rankOf(result) - rankOf(operand);
  for (int64_t dim = 0; dim < rankOf(operand); ++dim)
    join(result, dim + offset, operand, dim);
}

static SmallVector<int64_t> axesOf(Operation *op) {
  if (auto argmax = dyn_cast<ArgmaxOp>(op)) {
    int64_t rank = argmax.getInput().getType().getRank(), axis = argmax.getAxis();
    return {axis < 0 ? axis + rank : axis};
  }
  return TypeSwitch<Operation *, SmallVector<int64_t>>(op).Case<SumOp, MaxOp, MinOp>(
      [](auto reduction) { return reduction.getReducedAxes(); });
}

void Collapser::joinReduction(Operation *op) {
  Value input = op->getOperand(0), result = op->getResult(0);
  SmallVector<int64_t> axes = axesOf(op);
  bool keepdims = rankOf(result) == rankOf(input);
  auto &here = reducedDims.emplace_back();
  int64_t kept = 0;
  for (int64_t dim = 0; dim < rankOf(input); ++dim) {
    bool isReduced = llvm::is_contained(axes, dim);
    if (isReduced)
      here.push_back({input, dim});
    if (isReduced && isa<ArgmaxOp>(op))
      pinnedDims.push_back({input, dim});
    if (keepdims)
      join(input, dim, result, dim);
    else if (!isReduced)
      join(input, dim, result, kept++);
  }
}

void Collapser::joinDims() {
  for (Value value : values)
    for (int64_t dim = 0; dim < rankOf(value); ++dim)
      dims.insert(dimOf(value, dim));
  Value firstReduced;
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    if (isReduction(&op)) {
      joinReduction(&op);
      // All reductions walk one iteration space.
      if (firstReduced)
        joinRightAligned(firstReduced, op.getOperand(0));
      firstReduced = firstReduced ? firstReduced : op.getOperand(0);
    } else if (auto transpose = dyn_cast<TransposeOp>(op)) {
      for (auto [dim, source] : llvm::enumerate(transpose.getPermutation()))
        join(transpose, dim, transpose.getInput(), source);
    } else if (auto slice = dyn_cast<SliceOp>(op)) {
      for (int64_t dim = 0; dim < rankOf(slice); ++dim) {
        if (extentOf(slice, dim) == extentOf(slice.getInput(), dim)) {
          join(slice, dim, slice.getInput(), dim);
          continue;
        }
        pinnedDims.push_back({slice, dim});
        pinnedDims.push_back({slice.getInput(), dim});
      }
    } else if (auto oneHot = dyn_cast<OneHotOp>(op)) {
      int64_t rank = rankOf(oneHot.getIndices());
      for (int64_t dim = 0; dim < rank; ++dim)
        join(oneHot, dim, oneHot.getIndices(), dim);
      pinnedDims.push_back({oneHot, rank});
    } else {
      for (Value operand : op.getOperands())
        joinRightAligned(op.getResult(0), operand);
    }
  }
}

void Collapser::numberClasses() {
  DenseMap<std::pair<void *, int64_t>, int> numbers;
  for (Value value : values) {
    SmallVector<int> &here = classes[value];
    for (int64_t dim = 0; dim < rankOf(value); ++dim) {
      auto [it, isNew] = numbers.try_emplace(dims.getLeaderValue(dimOf(value, dim)),
                                             static_cast<int>(extents.size()));
      if (isNew)
        extents.push_back(1);
      if (extentOf(value, dim) != 1)
        extents[it->second] = extentOf(value, dim);
      here.push_back(it->second);
    }
  }
  for (auto [value, dim] : pinnedDims)
    pinned.insert(classes[value][dim]);
  for (const auto &list : reducedDims) {
    auto &here = reduced.emplace_back();
    for (auto [value, dim] : list)
      here.insert(classes[value][dim]);
  }
  next.assign(extents.size(), -1);
}

bool Collapser::broadcasts(Value value, int cls) const {
  const SmallVector<int> &here = classes.find(value)->second;
  const auto *it = llvm::find(here, cls);
  return it == here.end() || extentOf(value, it - here.begin()) != extents[cls];
}

bool Collapser::canMerge(int first, int second) const {
  if (first == second || pinned.contains(first) || pinned.contains(second))
    return false;
  for (const llvm::DenseSet<int> &set : reduced)
    if (set.contains(first) != set.contains(second))
      return false;
  for (Value value : values) {
    const SmallVector<int> &here = classes.find(value)->second;
    if (llvm::count(here, first) > 1 || llvm::count(here, second) > 1)
      return false;
    int64_t i = llvm::find(here, first) - here.begin(), j = llvm::find(here, second) - here.begin();
    int64_t rank = static_cast<int64_t>(here.size());
    if (i < rank && j < rank && j != i + 1)
      return false;
    if (broadcasts(value, first) != broadcasts(value, second))
      return false;
  }
  return true;
}

void Collapser::mergeClasses() {
  llvm::DenseSet<int> taken;
  for (Value value : values)
    for (size_t dim = 0; dim + 1 < classes[value].size(); ++dim) {
      int first = classes[value][dim], second = classes[value][dim + 1];
      if (next[first] < 0 && !taken.contains(second) && canMerge(first, second)) {
        next[first] = second;
        taken.insert(second);
      }
    }
}

/// Groups of a value's dimensions that become one each.
static SmallVector<SmallVector<int64_t>> groupDims(ArrayRef<int> classes, ArrayRef<int> next) {
  SmallVector<SmallVector<int64_t>> groups;
  for (size_t dim = 0; dim < classes.size(); ++dim) {
    bool continues = dim > 0 && next[classes[dim - 1]] == classes[dim];
    if (!continues)
      groups.emplace_back();
    groups.back().push_back(static_cast<int64_t>(dim));
  }
  return groups;
}

void Collapser::rewriteAxes(Operation *op,
                            const DenseMap<Value, SmallVector<SmallVector<int64_t>>> &groups) {
  if (op->getNumOperands() == 0) // a constant
    return;
  Builder builder(op->getContext());
  const auto &input = groups.find(op->getOperand(0))->second;
  auto groupOf = [&](const SmallVector<SmallVector<int64_t>> &list, int64_t dim) {
    return llvm::find_if(list, [&](auto &group) { return llvm::is_contained(group, dim); }) -
           list.begin();
  };
  if (isReduction(op)) {
    llvm::SmallSetVector<int64_t, 4> axes;
    for (int64_t axis : axesOf(op))
      axes.insert(groupOf(input, axis));
    if (isa<ArgmaxOp>(op))
      op->setAttr("axis", builder.getI64IntegerAttr(axes.front()));
    else
      op->setAttr("axes", builder.getDenseI64ArrayAttr(axes.getArrayRef()));
  } else if (auto transpose = dyn_cast<TransposeOp>(op)) {
    SmallVector<int64_t> permutation;
    for (const auto &group : groups.find(transpose)->second)
      permutation.push_back(groupOf(input, transpose.getPermutation()[group.front()]));
    transpose.setPermutation(permutation);
  } else if (auto slice = dyn_cast<SliceOp>(op)) {
    // A dimension that is cut stands alone; whole ones need no mention.
    SmallVector<int64_t> axes, starts, ends;
    for (auto [dim, offset] : llvm::enumerate(slice.getOffsets()))
      if (extentOf(slice, dim) != extentOf(slice.getInput(), dim)) {
        axes.push_back(groupOf(input, dim));
        starts.push_back(offset);
        ends.push_back(offset + extentOf(slice, dim));
      }
    slice.setAxes(axes);
    slice.setStarts(starts);
    slice.setEnds(ends);
  }
}

void Collapser::rewrite() {
  DenseMap<Value, SmallVector<SmallVector<int64_t>>> groups;
  for (Value value : values)
    groups[value] = groupDims(classes[value], next);
  for (Operation &op : kernel.getBody().front().without_terminator())
    rewriteAxes(&op, groups);
  for (Value value : values) {
    SmallVector<int64_t> shape;
    for (const auto &group : groups[value]) {
      shape.push_back(1);
      for (int64_t dim : group)
        shape.back() *= extentOf(value, dim);
    }
    auto type = cast<RankedTensorType>(value.getType()).clone(shape);
    value.setType(type);
    if (auto constant = value.getDefiningOp<ConstantOp>())
      constant.setValueAttr(cast<DenseElementsAttr>(constant.getValue()).reshape(type));
  }
}

OwningOpRef<KernelOp> collapseDims(KernelOp kernel) {
  OwningOpRef<KernelOp> copy(cast<KernelOp>(kernel->clone()));
  Collapser(*copy).run();
  return copy;
}

} // namespace dl
