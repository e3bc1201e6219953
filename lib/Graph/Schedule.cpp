//===- Schedule.cpp - The order of kernels --------------------------------===//
//
// Two things decide. What is right: a variable is updated in place, so the
// kernel that writes its new value runs after all that read the old one; where
// no order does that, the new value is computed beside it and copied at the end.
// What is good: of the kernels that may run next, the one that adds least to
// the memory in use, then the one whose operands are most recent (in a cache).
//
//===----------------------------------------------------------------------===//

#include "dl/Graph/InPlace.h"
#include "dl/Graph/Kernels.h"
#include "dl/Graph/Passes.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace dl {

static ReturnOp returnOf(ModelOp model) {
  return cast<ReturnOp>(model.getBody().front().getTerminator());
}

static KernelOp producerOf(Value value) {
  return lookThroughViews(value).getDefiningOp<KernelOp>();
}

//===----------------------------------------------------------------------===//
// What is returned
//===----------------------------------------------------------------------===//

/// Drops updates that leave a variable as it is.
static void dropIdleUpdates(ReturnOp op) {
  SmallVector<Value> values(op.getOutputs());
  SmallVector<Attribute> names;
  for (auto [name, value] : llvm::zip(op.getUpdated(), op.getUpdates())) {
    auto parameter = lookThroughViews(value).getDefiningOp<ParameterOp>();
    if (parameter && parameter.getNameAttr() == name)
      continue;
    names.push_back(name);
    values.push_back(value);
  }
  op.getValuesMutable().assign(values);
  op.setUpdatedAttr(ArrayAttr::get(op.getContext(), names));
}

static void copyOperand(OpOperand &operand) {
  OpBuilder builder(operand.getOwner());
  operand.set(createCopy(builder, operand.getOwner()->getLoc(), operand.get()).getResult(0));
}

static MutableArrayRef<OpOperand> updatesOf(ReturnOp op) {
  return op->getOpOperands().drop_front(op.getOutputs().size());
}

/// Afterwards each returned value is (a view of) a kernel's result of its own,
/// so that the kernel can write it where the caller wants it.
static void separateReturned(ReturnOp op) {
  llvm::DenseSet<Value> taken;
  auto separate = [&](OpOperand &operand) {
    if (!producerOf(operand.get()) || !taken.insert(lookThroughViews(operand.get())).second)
      copyOperand(operand);
  };
  llvm::for_each(updatesOf(op), separate);
  llvm::for_each(op->getOpOperands().take_front(op.getOutputs().size()), separate);
}

//===----------------------------------------------------------------------===//
// Precedence
//===----------------------------------------------------------------------===//

namespace {
/// Which kernel runs before which.
class Precedence {
public:
  explicit Precedence(ModelOp model) {
    for (auto kernel : model.getBody().getOps<KernelOp>()) {
      after[kernel];
      for (Value input : kernel.getInputs())
        if (KernelOp producer = producerOf(input))
          add(producer, kernel);
    }
  }

  void add(KernelOp first, KernelOp second) {
    after[second];
    after[first].insert(second);
  }

  bool reaches(KernelOp from, KernelOp to) const {
    llvm::SetVector<Operation *> seen;
    seen.insert(from);
    for (size_t i = 0; i < seen.size(); ++i) {
      if (seen[i] == to.getOperation())
        return true;
      seen.insert_range(after.lookup(seen[i]));
    }
    return false;
  }

  llvm::MapVector<Operation *, llvm::SetVector<Operation *>> after;
};
} // namespace

static SmallVector<KernelOp> readersOf(ParameterOp parameter) {
  SmallVector<KernelOp> readers;
  for (auto kernel : parameter->getParentOfType<ModelOp>().getBody().getOps<KernelOp>())
    if (llvm::any_of(kernel.getInputs(),
                     [&](Value input) { return lookThroughViews(input) == parameter.getResult(); }))
      readers.push_back(kernel);
  return readers;
}

/// True where the kernel may write the variable's new value over the old one
/// once all other readers have run.
static bool canUpdateInPlace(KernelOp kernel, unsigned result, ParameterOp parameter,
                             ArrayRef<KernelOp> readers, const Precedence &precedence) {
  if (!canOverwrite(kernel, result, parameter.getResult()))
    return false;
  return llvm::none_of(readers, [&](KernelOp reader) {
    return reader != kernel && precedence.reaches(kernel, reader);
  });
}

/// Orders the writer of each variable after the variable's readers; copies
/// where that cannot be.
static Precedence orderUpdates(ModelOp model) {
  ReturnOp op = returnOf(model);
  llvm::StringMap<ParameterOp> parameters;
  for (auto parameter : model.getBody().getOps<ParameterOp>())
    parameters[parameter.getName()] = parameter;

  Precedence precedence(model);
  for (auto [name, operand] :
       llvm::zip(op.getUpdated().getAsValueRange<StringAttr>(), updatesOf(op))) {
    ParameterOp parameter = parameters[name];
    SmallVector<KernelOp> readers = readersOf(parameter);
    auto value = cast<OpResult>(lookThroughViews(operand.get()));
    auto writer = cast<KernelOp>(value.getOwner());
    if (!canUpdateInPlace(writer, value.getResultNumber(), parameter, readers, precedence)) {
      copyOperand(operand);
      KernelOp copy = producerOf(operand.get());
      precedence.add(writer, copy);
      writer = copy;
    }
    for (KernelOp reader : readers)
      if (reader != writer)
        precedence.add(reader, writer);
  }
  return precedence;
}

//===----------------------------------------------------------------------===//
// List scheduling
//===----------------------------------------------------------------------===//

namespace {
class Scheduler {
public:
  Scheduler(ModelOp model, const Precedence &precedence) : precedence(precedence) {
    for (Value value : returnOf(model).getValues())
      returned.insert(lookThroughViews(value));
    for (auto kernel : model.getBody().getOps<KernelOp>()) {
      position[kernel] = -1;
      for (Value tensor : arenaInputs(kernel))
        ++waitingReaders[tensor];
    }
    for (auto &[kernel, successors] : precedence.after)
      for (Operation *successor : successors)
        ++waitingFor[successor];
  }

  SmallVector<KernelOp> run() {
    SmallVector<KernelOp> ready, order;
    for (auto &[kernel, successors] : precedence.after)
      if (waitingFor.lookup(kernel) == 0)
        ready.push_back(cast<KernelOp>(kernel));
    while (!ready.empty()) {
      auto best = llvm::min_element(ready, [&](KernelOp a, KernelOp b) {
        Cost costA = cost(a), costB = cost(b);
        return costA != costB ? costA < costB : a->isBeforeInBlock(b);
      });
      KernelOp kernel = *best;
      ready.erase(best);
      position[kernel] = order.size();
      order.push_back(kernel);
      for (Value tensor : arenaInputs(kernel))
        --waitingReaders[tensor];
      for (Operation *successor : precedence.after.lookup(kernel))
        if (--waitingFor[successor] == 0)
          ready.push_back(cast<KernelOp>(successor));
    }
    return order;
  }

private:
  /// The distinct tensors of the arena that a kernel reads.
  llvm::SmallSetVector<Value, 8> arenaInputs(KernelOp kernel) {
    llvm::SmallSetVector<Value, 8> tensors;
    for (Value input : kernel.getInputs())
      if (Value tensor = lookThroughViews(input);
          tensor.getDefiningOp<KernelOp>() && !returned.contains(tensor))
        tensors.insert(tensor);
    return tensors;
  }

  /// What is better has the smaller cost. First what leaves no more memory in
  /// use than before, by what it needs meanwhile; then by how much the memory in
  /// use grows; then what reads the most recent tensor.
  using Cost = std::tuple<bool, int64_t, int64_t>;
  Cost cost(KernelOp kernel) {
    int64_t needed = 0, age = -1;
    for (Value result : kernel.getResults())
      if (!returned.contains(result))
        needed += bytesOf(result.getType());
    int64_t growth = needed;
    for (Value tensor : arenaInputs(kernel))
      if (waitingReaders[tensor] == 1)
        growth -= bytesOf(tensor.getType());
    for (Value input : kernel.getInputs())
      if (KernelOp producer = producerOf(input))
        age = std::max(age, position[producer]);
    return {growth > 0, growth > 0 ? growth : needed, -age};
  }

  const Precedence &precedence;
  llvm::DenseSet<Value> returned;
  llvm::DenseMap<Value, int64_t> waitingReaders;
  llvm::DenseMap<Operation *, int64_t> waitingFor, position;
};
} // namespace

/// Moves reshapes behind the definition of what they show.
static void moveViewsAfter(Operation *def) {
  Operation *last = def;
  for (Value result : def->getResults())
    for (Operation *user : llvm::to_vector(result.getUsers()))
      if (auto view = dyn_cast<ReshapeOp>(user)) {
        view->moveAfter(last);
        moveViewsAfter(view);
        last = view;
      }
}

static void schedule(ModelOp model) {
  dropIdleUpdates(returnOf(model));
  separateReturned(returnOf(model));
  Precedence precedence = orderUpdates(model);
  SmallVector<KernelOp> order = Scheduler(model, precedence).run();
  assert(order.size() == precedence.after.size() && "a graph of kernels has no cycle");
  for (KernelOp kernel : order) {
    kernel->moveBefore(returnOf(model));
    moveViewsAfter(kernel);
  }
}

#define GEN_PASS_DEF_SCHEDULEPASS
#include "dl/Graph/Passes.h.inc"

namespace {
struct SchedulePass : impl::SchedulePassBase<SchedulePass> {
  void runOnOperation() override { schedule(getOperation()); }
};
} // namespace

} // namespace dl
