//===- PlanMemory.cpp - Places for the results of kernels -----------------===//
//
// Kernels run in the order in which they stand, so a tensor lives from the
// kernel that computes it to the last that reads it, views included. Outputs and
// new values of variables are written where the caller wants them. The others
// share one arena: tensors in order of falling size, each into the smallest gap
// that the tensors of overlapping lives leave. A result takes over the memory of
// an operand that dies there where the kernel may overwrite it.
//
//===----------------------------------------------------------------------===//

#include "dl/Graph/InPlace.h"
#include "dl/Graph/Kernels.h"
#include "dl/Graph/Passes.h"
#include "dl/Graph/Placement.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace dl {

constexpr int64_t kAlignment = 64;

namespace {
/// Memory of the arena, used by one tensor or by several in turn.
struct Buffer {
  int64_t bytes = 0;
  /// Positions of the first kernel that writes it and the last that reads it.
  int64_t begin = 0, end = 0;
  int64_t offset = -1;

  bool livesWith(const Buffer &other) const { return begin <= other.end && other.begin <= end; }
};

class Planner {
public:
  explicit Planner(ModelOp model) : model(model) {}

  LogicalResult run() {
    number();
    placeReturned();
    for (KernelOp kernel : kernels)
      for (OpResult result : kernel->getResults())
        if (!places.contains(result))
          assignBuffer(result);
    if (failed(layOut()))
      return failure();
    for (KernelOp kernel : kernels)
      setPlaces(kernel, llvm::map_to_vector(kernel.getResults(),
                                            [&](Value result) { return placeOfResult(result); }));
    model->setAttr(kArenaBytes, Builder(model.getContext()).getI64IntegerAttr(arenaBytes));
    return success();
  }

private:
  void number();
  void placeReturned();
  void assignBuffer(OpResult result);
  std::optional<size_t> dyingOperand(OpResult result) const;
  LogicalResult layOut();
  FailureOr<int64_t> bestOffset(const Buffer &buffer, ArrayRef<const Buffer *> placed) const;

  Place placeOfResult(Value result) const {
    auto returned = places.find(result);
    if (returned != places.end())
      return returned->second;
    return {Space::Arena, buffers[bufferOf.lookup(result)].offset};
  }

  ModelOp model;
  SmallVector<KernelOp> kernels;
  llvm::DenseMap<Operation *, int64_t> position;
  /// Position of the last kernel that reads a tensor.
  llvm::DenseMap<Value, int64_t> lastReader;
  llvm::DenseMap<Value, Place> places;
  llvm::DenseMap<Value, size_t> bufferOf;
  std::vector<Buffer> buffers;
  int64_t arenaBytes = 0;
};
} // namespace

void Planner::number() {
  for (auto kernel : model.getBody().getOps<KernelOp>()) {
    for (Value input : kernel.getInputs())
      lastReader[lookThroughViews(input)] = kernels.size();
    position[kernel] = kernels.size();
    kernels.push_back(kernel);
  }
}

/// Precondition: each returned value is a kernel's result of its own.
void Planner::placeReturned() {
  auto op = cast<ReturnOp>(model.getBody().front().getTerminator());
  for (auto [index, value] : llvm::enumerate(op.getOutputs()))
    places[lookThroughViews(value)] = {Space::Output, static_cast<int64_t>(index)};
  llvm::StringMap<int64_t> variables;
  for (auto [index, parameter] : llvm::enumerate(model.getBody().getOps<ParameterOp>()))
    variables[parameter.getName()] = index;
  for (auto [name, value] :
       llvm::zip(op.getUpdated().getAsValueRange<StringAttr>(), op.getUpdates()))
    places[lookThroughViews(value)] = {Space::Variable, variables[name]};
}

/// The buffer of an operand that nobody reads later and the result may overwrite.
std::optional<size_t> Planner::dyingOperand(OpResult result) const {
  auto kernel = cast<KernelOp>(result.getOwner());
  int64_t now = position.lookup(kernel);
  for (Value input : kernel.getInputs()) {
    Value tensor = lookThroughViews(input);
    auto found = bufferOf.find(tensor);
    if (found == bufferOf.end() || buffers[found->second].end != now)
      continue;
    // Not a buffer that another result of this kernel has taken.
    bool isTaken = llvm::any_of(kernel->getResults(), [&](Value other) {
      auto taken = bufferOf.find(other);
      return taken != bufferOf.end() && taken->second == found->second;
    });
    if (!isTaken && canOverwrite(kernel, result.getResultNumber(), tensor))
      return found->second;
  }
  return std::nullopt;
}

void Planner::assignBuffer(OpResult result) {
  int64_t begin = position.lookup(result.getOwner());
  auto reader = lastReader.find(result);
  int64_t end = reader == lastReader.end() ? begin : reader->second;
  if (std::optional<size_t> reused = dyingOperand(result)) {
    bufferOf[result] = *reused;
    buffers[*reused].end = end;
    return;
  }
  bufferOf[result] = buffers.size();
  // Below 2^63 with room to round up: such a tensor was refused long before.
  int64_t bytes = llvm::alignTo(bytesOf(result.getType()), kAlignment);
  buffers.push_back({bytes, begin, end, -1});
}

/// The start of the smallest gap between tensors that live at the same time, or
/// the end of the last of them. Fails where the arena would not be addressable.
FailureOr<int64_t> Planner::bestOffset(const Buffer &buffer,
                                       ArrayRef<const Buffer *> placed) const {
  int64_t best = -1, bestGap = std::numeric_limits<int64_t>::max(), end = 0;
  for (const Buffer *other : placed) {
    if (!other->livesWith(buffer))
      continue;
    int64_t gap = other->offset - end;
    if (gap >= buffer.bytes && gap < bestGap) {
      best = end;
      bestGap = gap;
    }
    end = std::max(end, other->offset + other->bytes);
  }
  int64_t offset = best >= 0 ? best : end, last;
  if (llvm::AddOverflow(offset, buffer.bytes, last))
    return failure();
  return offset;
}

LogicalResult Planner::layOut() {
  SmallVector<Buffer *> order;
  for (Buffer &buffer : buffers)
    order.push_back(&buffer);
  llvm::sort(order, [](Buffer *a, Buffer *b) {
    return a->bytes != b->bytes ? a->bytes > b->bytes : a < b;
  });

  SmallVector<const Buffer *> placed; // in order of offset
  for (Buffer *buffer : order) {
    FailureOr<int64_t> offset = bestOffset(*buffer, placed);
    if (failed(offset))
      return model.emitOpError() << "expected intermediate memory of less than 2^63 bytes";
    buffer->offset = *offset;
    arenaBytes = std::max(arenaBytes, *offset + buffer->bytes);
    placed.insert(
        llvm::upper_bound(placed, buffer,
                          [](const Buffer *a, const Buffer *b) { return a->offset < b->offset; }),
        buffer);
  }
  return success();
}

#define GEN_PASS_DEF_PLANMEMORYPASS
#include "dl/Graph/Passes.h.inc"

namespace {
struct PlanMemoryPass : impl::PlanMemoryPassBase<PlanMemoryPass> {
  void runOnOperation() override {
    if (failed(Planner(getOperation()).run()))
      signalPassFailure();
  }
};
} // namespace

} // namespace dl
