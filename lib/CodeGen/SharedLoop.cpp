//===- SharedLoop.cpp - A loop that several places run --------------------===//

#include "SharedLoop.h"

#include "LowerMemory.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace dl {

SharedLoop::SharedLoop(PhaseBuilder &phase, StringRef name, function_ref<void(Value)> body) {
  ImplicitLocOpBuilder &b = phase.b;
  OpBuilder outside(b);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(phase.function);
  SmallVector<Type> types(2, b.getIndexType());
  auto functions = phase.kernel.module().getOps<func::FuncOp>();
  auto number = std::distance(functions.begin(), functions.end());
  std::string own = (phase.function.getName() + "_" + name + Twine(number)).str();
  function = func::FuncOp::create(b, own, b.getFunctionType(types, {}));
  function.setPrivate();
  Block *block = function.addEntryBlock();
  b.setInsertionPointToStart(block);
  buildLoop(b, block->getArgument(0), block->getArgument(1), 1, body);
  func::ReturnOp::create(b);
  splitIndices(function.getBody(), outside);
  takeArguments();
  unite();
}

/// Makes what the function reads from outside its arguments, but for constants.
void SharedLoop::takeArguments() {
  Region &region = function.getBody();
  llvm::SetVector<Value> values;
  region.walk([&](Operation *op) {
    for (Value operand : op->getOperands())
      if (!region.isAncestor(operand.getParentRegion()))
        values.insert(operand);
  });
  OpBuilder b(region);
  for (Value value : values) {
    Operation *def = value.getDefiningOp();
    Value own;
    if (def && (def->hasTrait<OpTrait::ConstantLike>() || isa<memref::GetGlobalOp>(def))) {
      own = b.clone(*def)->getResult(0);
    } else {
      own = region.addArgument(value.getType(), value.getLoc());
      captured.push_back(value);
    }
    replaceAllUsesInRegionWith(value, own, region);
  }
  function.setFunctionType(b.getFunctionType(region.getArgumentTypes(), {}));
}

/// Of functions that do the same, one stays. (Of the same loop at two places, for one.)
void SharedLoop::unite() {
  for (auto known : function->getParentOfType<ModuleOp>().getOps<func::FuncOp>()) {
    if (known == function || known.isDeclaration() || known->hasAttr(kEntry) ||
        known.getFunctionType() != function.getFunctionType() ||
        !OperationEquivalence::isRegionEquivalentTo(&known.getBody(), &function.getBody(),
                                                    OperationEquivalence::IgnoreLocations))
      continue;
    function.erase();
    function = known;
    return;
  }
}

void SharedLoop::call(ImplicitLocOpBuilder &b, Value first, Value end) const {
  SmallVector<Value> operands = {first, end};
  llvm::append_range(operands, captured);
  func::CallOp::create(b, function, operands);
}

void inlineLoopsCalledOnce(ModuleOp module) {
  llvm::StringMap<SmallVector<func::CallOp>> calls;
  module.walk([&](func::CallOp call) { calls[call.getCallee()].push_back(call); });
  for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
    auto found = calls.find(function.getName());
    if (function.isDeclaration() || found == calls.end() || found->second.size() != 1)
      continue;
    func::CallOp call = found->second.front();
    Block &body = function.getBody().front();
    body.getTerminator()->erase();
    for (auto [argument, operand] : llvm::zip_equal(body.getArguments(), call.getOperands()))
      argument.replaceAllUsesWith(operand);
    call->getBlock()->getOperations().splice(call->getIterator(), body.getOperations());
    call.erase();
    function.erase();
  }
}

} // namespace dl
