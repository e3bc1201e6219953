//===- VerifyPlan.cpp - What the graph pipeline promises ------------------===//
//
// Everything that code generation takes for granted, checked against the IR
// alone (see Pipeline.h and Placement.h).
//
//===----------------------------------------------------------------------===//

#include "dl/Graph/InPlace.h"
#include "dl/Graph/Kernels.h"
#include "dl/Graph/Passes.h"
#include "dl/Graph/Placement.h"
#include "dl/IR/Decompose.h"

using namespace mlir;

namespace dl {

//===----------------------------------------------------------------------===//
// Structure
//===----------------------------------------------------------------------===//

static LogicalResult verifyInKernel(Operation &op) {
  if (isComposite(&op) || isa<LinearOp>(op))
    return op.emitOpError() << "expected primitive ops in a kernel";
  if (auto layout = op.getAttrOfType<StringAttr>("layout"); layout && layout != "nhwc")
    return op.emitOpError() << "expected images in layout nhwc in a kernel, got "
                            << layout.getValue();
  if (auto conv = dyn_cast<Conv2DOp>(op); conv && conv.getBias())
    return op.emitOpError() << "expected no bias in a kernel";
  for (Value value : op.getResults())
    if (!cast<RankedTensorType>(value.getType()).hasStaticShape())
      return op.emitOpError() << "expected static shapes, got " << value.getType();
  return success();
}

static LogicalResult verifyStructure(ModelOp model) {
  for (Operation &op : model.getBody().front()) {
    if (!isa<ParameterOp, ConstantOp, ReshapeOp, KernelOp, ReturnOp>(op))
      return op.emitOpError() << "expected to be part of a kernel";
    if (auto kernel = dyn_cast<KernelOp>(op))
      for (Operation &inner : kernel.getBody().front())
        if (failed(verifyInKernel(inner)))
          return failure();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

static LogicalResult verifyPlaced(ModelOp model) {
  if (!model->getAttrOfType<IntegerAttr>(kArenaBytes))
    return model.emitOpError() << "expected the attribute '" << kArenaBytes << "'";
  int64_t arena = model->getAttrOfType<IntegerAttr>(kArenaBytes).getInt();
  for (auto kernel : model.getBody().getOps<KernelOp>()) {
    auto places = kernel->getAttrOfType<DenseI64ArrayAttr>(kPlaces);
    if (!places || places.size() != 2 * static_cast<int64_t>(kernel.getNumResults()))
      return kernel.emitOpError() << "expected 'places' with two integers for each of "
                                  << kernel.getNumResults() << " results";
    for (Value result : kernel.getResults()) {
      Place place = placeOf(result);
      if (place.space == Space::Arena && (place.position < 0 || place.position % 64 != 0 ||
                                          bytesOf(result.getType()) > arena - place.position))
        return kernel.emitOpError() << "expected a multiple of 64 within the arena of " << arena
                                    << " bytes as place of a result, got " << place.position;
    }
  }
  return success();
}

static LogicalResult verifyReturned(ModelOp model) {
  auto op = cast<ReturnOp>(model.getBody().front().getTerminator());
  llvm::StringMap<int64_t> variables;
  for (auto [index, parameter] : llvm::enumerate(model.getBody().getOps<ParameterOp>()))
    variables[parameter.getName()] = index;
  auto verify = [&](Value value, Space space, int64_t position, StringRef what) -> LogicalResult {
    Place place = placeOf(value);
    if (place.space == space && place.position == position)
      return success();
    return op.emitOpError() << "expected " << what << " " << position
                            << " to be a kernel's result placed there";
  };
  for (auto [index, value] : llvm::enumerate(op.getOutputs()))
    if (failed(verify(value, Space::Output, index, "output")))
      return failure();
  for (auto [name, value] :
       llvm::zip(op.getUpdated().getAsValueRange<StringAttr>(), op.getUpdates()))
    if (failed(verify(value, Space::Variable, variables[name], "the update of variable")))
      return failure();
  return success();
}

namespace {
/// Which tensor each part of memory holds while the kernels run in order.
class Memory {
public:
  explicit Memory(ModelOp model) {
    for (auto parameter : model.getBody().getOps<ParameterOp>())
      write(parameter.getResult());
  }

  /// Writes a tensor over whatever lies there.
  void write(Value tensor) {
    Region region = regionOf(tensor);
    llvm::erase_if(held, [&](const auto &entry) { return entry.second.overlaps(region); });
    held.push_back({tensor, region});
  }

  bool holds(Value tensor) const {
    return llvm::any_of(held, [&](const auto &entry) { return entry.first == tensor; });
  }

  bool overlap(Value a, Value b) const { return regionOf(a).overlaps(regionOf(b)); }

private:
  struct Region {
    Space space;
    int64_t begin, end;
    bool overlaps(const Region &other) const {
      return space == other.space && begin < other.end && other.begin < end;
    }
  };

  /// Variables and outputs are units of their own.
  static Region regionOf(Value tensor) {
    Place place = placeOf(tensor);
    int64_t size = place.space == Space::Arena ? bytesOf(tensor.getType()) : 1;
    return {place.space, place.position, place.position + size};
  }

  SmallVector<std::pair<Value, Region>> held;
};
} // namespace

/// Runs the kernels in thought: each finds its operands where they were written,
/// and writes over none that it may not.
static LogicalResult verifyMemory(ModelOp model) {
  Memory memory(model);
  auto isStored = [](Value tensor) {
    return isa_and_nonnull<ParameterOp, KernelOp>(tensor.getDefiningOp()) &&
           bytesOf(tensor.getType()) != 0;
  };
  for (auto kernel : model.getBody().getOps<KernelOp>()) {
    for (auto [index, input] : llvm::enumerate(kernel.getInputs())) {
      Value tensor = lookThroughViews(input);
      if (!isStored(tensor))
        continue;
      if (!memory.holds(tensor))
        return kernel.emitOpError()
               << "expected operand " << index << " in memory, got it overwritten";
      for (OpResult result : kernel->getResults())
        if (memory.overlap(tensor, result) &&
            !canOverwrite(kernel, result.getResultNumber(), tensor))
          return kernel.emitOpError() << "expected result " << result.getResultNumber()
                                      << " beside operand " << index << ", got it over it";
    }
    for (Value result : kernel.getResults())
      if (isStored(result))
        memory.write(result);
    for (Value result : kernel.getResults())
      if (isStored(result) && !memory.holds(result))
        return kernel.emitOpError() << "expected results that do not overlap";
  }
  return success();
}

static LogicalResult verifyPlan(ModelOp model) {
  return success(succeeded(verifyStructure(model)) && succeeded(verifyPlaced(model)) &&
                 succeeded(verifyReturned(model)) && succeeded(verifyMemory(model)));
}

#define GEN_PASS_DEF_VERIFYPLANPASS
#include "dl/Graph/Passes.h.inc"

namespace {
struct VerifyPlanPass : impl::VerifyPlanPassBase<VerifyPlanPass> {
  void runOnOperation() override {
    if (failed(verifyPlan(getOperation())))
      signalPassFailure();
  }
};
} // namespace

} // namespace dl
