//===- KernelModule.cpp - The module of one kernel ------------------------===//

#include "KernelModule.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;

namespace dl {

Type storageType(Type elementType) {
  return elementType.isInteger(1) ? IntegerType::get(elementType.getContext(), 8) : elementType;
}

int64_t storageBytes(Type elementType) {
  return llvm::divideCeil(elementType.getIntOrFloatBitWidth(), 8);
}

static MemRefType flatMemory(Type tensor) {
  auto type = cast<RankedTensorType>(tensor);
  return MemRefType::get({type.getNumElements()}, storageType(type.getElementType()));
}

static MemRefType bytesType(MLIRContext *context, int64_t bytes) {
  return MemRefType::get({bytes}, IntegerType::get(context, 8));
}

//===----------------------------------------------------------------------===//
// PhaseBuilder
//===----------------------------------------------------------------------===//

/// begin, end, worker come before the memory in a phase's function.
static constexpr unsigned kFirstMemory = 3;

Value PhaseBuilder::argument(BlockArgument argument) {
  return function.getArgument(kFirstMemory + argument.getArgNumber());
}

Value PhaseBuilder::result(unsigned index) {
  return function.getArgument(kFirstMemory + kernel.op().getNumOperands() + index);
}

Value PhaseBuilder::workspace(int64_t offset, Type elementType, int64_t count) {
  return view(function.getArguments().drop_back().back(), offset, elementType, count);
}

Value PhaseBuilder::scratch(int64_t offset, Type elementType, int64_t count) {
  return view(function.getArguments().back(), offset, elementType, count);
}

Value PhaseBuilder::view(Value bytes, int64_t offset, Type elementType, int64_t count) {
  auto type = MemRefType::get({count}, storageType(elementType));
  Value &view = views[{bytes, offset, type}];
  if (view)
    return view;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.getBody().front());
  Value shift = arith::ConstantIndexOp::create(b, offset);
  return view = memref::ViewOp::create(b, type, bytes, shift, ValueRange());
}

Value PhaseBuilder::constant(DenseElementsAttr value) {
  ModuleOp module = kernel.module();
  Type element = value.getElementType();
  if (element.isInteger(1))
    value = value.mapValues(storageType(element), [](const APInt &bit) { return bit.zext(8); });
  MemRefType type = flatMemory(value.getType());
  value = value.reshape(RankedTensorType::get(type.getShape(), type.getElementType()));
  // The same constant may be read at several places of several phases.
  memref::GlobalOp global;
  int64_t count = 0;
  for (auto known : module.getOps<memref::GlobalOp>()) {
    ++count;
    if (known.getInitialValue() == value)
      global = known;
  }
  OpBuilder::InsertionGuard guard(b);
  if (!global) {
    b.setInsertionPointToStart(module.getBody());
    global = memref::GlobalOp::create(
        b, (kernel.op()->getName().stripDialect() + "_constant" + Twine(count)).str(),
        b.getStringAttr("private"), type, value, /*constant=*/true, b.getI64IntegerAttr(64));
  }
  b.setInsertionPointToStart(&function.getBody().front());
  return memref::GetGlobalOp::create(b, type, global.getSymName());
}

Value PhaseBuilder::areApart(ArrayRef<unsigned> results, int64_t bytes) {
  auto address = [&](Value memory) {
    return memref::ExtractAlignedPointerAsIndexOp::create(b, memory).getResult();
  };
  using I = arith::CmpIPredicate;
  Value good;
  auto require = [&](I predicate, Value left, Value right) {
    Value holds = arith::CmpIOp::create(b, predicate, left, right);
    good = good ? arith::AndIOp::create(b, good, holds).getResult() : holds;
  };
  for (unsigned number : results) {
    Value here = address(result(number));
    require(I::eq, arith::AndIOp::create(b, here, index(bytes - 1)), index(0));
    for (BlockArgument operand : kernel.body().getArguments())
      require(I::ne, here, address(argument(operand)));
  }
  return good;
}

/// A line that an operand brought into the cache is stored there, whatever its size: in
/// place stores past the caches take three times as long.
void PhaseBuilder::emitStores(ArrayRef<unsigned> results, bool mayBypass,
                              function_ref<void(bool)> emit) {
  if (!mayBypass)
    return emit(false);
  bypasses = true;
  Value isApart = areApart(results, kernel.machine().vectorBits / 8);
  auto branch = scf::IfOp::create(b, isApart, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  emit(true);
  b.setInsertionPointToStart(branch.elseBlock());
  emit(false);
}

bool isLargeResult(const Machine &machine, int64_t bytes, bool computes) {
  int64_t caches = computes ? 16 : 8;
  return llvm::Triple(machine.triple).isX86() && bytes >= caches * machine.l2Bytes;
}

Value PhaseBuilder::index(int64_t value) { return arith::ConstantIndexOp::create(b, value); }

//===----------------------------------------------------------------------===//
// KernelModule
//===----------------------------------------------------------------------===//

KernelModule::KernelModule(KernelOp kernel, StringRef name, const CodeGenOptions &options)
    : kernel(kernel), codegenOptions(options) {
  code.name = name.str();
  code.module = ModuleOp::create(kernel.getLoc(), name);
}

static int64_t reserve(int64_t &total, int64_t bytes) {
  int64_t offset = total;
  total = llvm::alignTo(offset + bytes, 64);
  return offset;
}

int64_t KernelModule::reserveWorkspace(int64_t bytes) {
  return reserve(code.workspaceBytes, bytes);
}
int64_t KernelModule::reserveScratch(int64_t bytes) { return reserve(code.scratchBytes, bytes); }

bool KernelModule::isVariable(Value value) const {
  auto argument = dyn_cast<BlockArgument>(value);
  return argument && llvm::is_contained(codegenOptions.variables, argument.getArgNumber());
}

int64_t KernelModule::reservePacked(int64_t bytes, Value source) {
  int64_t before = code.workspaceBytes, offset = reserveWorkspace(bytes);
  if (isVariable(source))
    packedBytes += code.workspaceBytes - before;
  return offset;
}

void KernelModule::addWork(double flops, double bytes) {
  code.flops += flops;
  code.bytes += bytes;
}

void KernelModule::addPhase(int64_t tasks, function_ref<void(PhaseBuilder &)> emit) {
  ImplicitLocOpBuilder b(kernel.getLoc(), kernel.getContext());
  b.setInsertionPointToEnd(code.module->getBody());
  SmallVector<Type> types(kFirstMemory, b.getIndexType());
  for (Type type : kernel.getOperandTypes())
    types.push_back(flatMemory(type));
  for (Type type : kernel.getResultTypes())
    types.push_back(flatMemory(type));
  // Workspace and scratch grow until the kernel is finished: see take().
  types.append(2, bytesType(b.getContext(), 0));

  std::string entry = (code.name + "_entry" + Twine(code.phases.size())).str();
  auto function = func::FuncOp::create(b, (code.name + "_phase" + Twine(code.phases.size())).str(),
                                       b.getFunctionType(types, {}));
  function.setPrivate();
  function->setAttr(kEntry, b.getStringAttr(entry));
  function->setAttr(kTasks, b.getI64IntegerAttr(tasks));
  Block *block = function.addEntryBlock();
  b.setInsertionPointToStart(block);
  Value one = arith::ConstantIndexOp::create(b, 1);
  auto loop = scf::ForOp::create(b, block->getArgument(0), block->getArgument(1), one);
  func::ReturnOp::create(b);
  b.setInsertionPoint(loop.getBody()->getTerminator());

  PhaseBuilder phase{*this, b, function, loop.getInductionVar(), block->getArgument(2)};
  emit(phase);
  if (phase.bypasses) {
    b.setInsertionPoint(block->getTerminator());
    LLVM::CallIntrinsicOp::create(b, b.getStringAttr("llvm.x86.sse.sfence"), ValueRange());
  }
  code.phases.push_back({entry, tasks, PhaseKind::Shared});
}

void KernelModule::addPhaseInRow(int64_t tasks, function_ref<void(PhaseBuilder &)> emit) {
  addPhase(tasks, emit);
  code.phases.back().kind = PhaseKind::InRow;
}

void KernelModule::addPreparation(int64_t tasks, function_ref<void(PhaseBuilder &)> emit) {
  addPhase(tasks, emit);
  code.phases.back().kind = PhaseKind::Preparation;
}

void KernelModule::addPackingPhase(int64_t tasks, Value source,
                                   function_ref<void(PhaseBuilder &)> emit) {
  addPhase(tasks, emit);
  if (isVariable(source))
    code.phases.back().kind = PhaseKind::Packing;
}

KernelCode KernelModule::take() {
  code.isPacked = isPacked();
  Builder builder(kernel.getContext());
  for (auto function : code.module->getOps<func::FuncOp>()) {
    if (!function->hasAttr(kEntry))
      continue;
    unsigned scratch = function.getNumArguments() - 1;
    function.getArgument(scratch - 1).setType(bytesType(builder.getContext(), code.workspaceBytes));
    function.getArgument(scratch).setType(bytesType(builder.getContext(), code.scratchBytes));
    function.setFunctionType(
        builder.getFunctionType(function.getBody().getArgumentTypes(), TypeRange()));
    function->setAttr(kScratchBytes, builder.getI64IntegerAttr(code.scratchBytes));
  }
  return std::move(code);
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

void buildIf(ImplicitLocOpBuilder &b, Value condition, function_ref<void()> then,
             function_ref<void()> otherwise) {
  auto branch = scf::IfOp::create(b, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  then();
  b.setInsertionPointToStart(branch.elseBlock());
  otherwise();
}

SmallVector<Value> buildChoice(ImplicitLocOpBuilder &b, Value condition, TypeRange types,
                               function_ref<SmallVector<Value>()> then,
                               function_ref<SmallVector<Value>()> otherwise) {
  auto branch = scf::IfOp::create(b, types, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(b, then());
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(b, otherwise());
  return branch.getResults();
}

void buildLoop(ImplicitLocOpBuilder &b, Value lower, Value upper, int64_t step,
               function_ref<void(Value)> body) {
  std::optional<int64_t> low = getConstantIntValue(lower), high = getConstantIntValue(upper);
  if (low && high && *low >= *high)
    return;
  if (low && high && *low + step >= *high)
    return body(lower);
  auto loop = scf::ForOp::create(b, lower, upper, arith::ConstantIndexOp::create(b, step));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

void buildLoop(ImplicitLocOpBuilder &b, int64_t lower, int64_t upper, int64_t step,
               function_ref<void(Value)> body) {
  buildLoop(b, arith::ConstantIndexOp::create(b, lower), arith::ConstantIndexOp::create(b, upper),
            step, body);
}

SmallVector<Value> buildReduceLoop(ImplicitLocOpBuilder &b, Value lower, Value upper, int64_t step,
                                   ValueRange initial,
                                   function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  // A loop that carries nothing has its terminator from the start.
  if (initial.empty()) {
    buildLoop(b, lower, upper, step, [&](Value index) { body(index, {}); });
    return {};
  }
  std::optional<int64_t> low = getConstantIntValue(lower), high = getConstantIntValue(upper);
  if (low && high && *low >= *high)
    return SmallVector<Value>(initial);
  if (low && high && *low + step >= *high)
    return body(lower, initial);
  auto loop = scf::ForOp::create(b, lower, upper, arith::ConstantIndexOp::create(b, step), initial);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> carried = body(loop.getInductionVar(), loop.getRegionIterArgs());
  // A loop that carries nothing has its terminator already.
  if (!carried.empty())
    scf::YieldOp::create(b, carried);
  return SmallVector<Value>(loop.getResults());
}

} // namespace dl
