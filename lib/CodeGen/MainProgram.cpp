//===- MainProgram.cpp - The program that calls the kernels ---------------===//

#include "MainProgram.h"

#include "KernelForm.h"
#include "KernelModule.h"
#include "dl/Graph/Placement.h"
#include "dl/Runtime/Runtime.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace dl {

namespace {
/// Seconds, rough, that a second worker saves in a kernel, and those that it
/// costs because one core reads what the other wrote.
struct ForkGain {
  double saved = 0, crossing = 0;
};
} // namespace

/// A second worker takes half of the work over, for a fork and join of each
/// phase. Kernels split their work as suits them, so about half of what the
/// caches of a core hold crosses over to the other, unless it never changes: operands, results, and
/// what one phase makes for another. Data that no such cache holds comes from outer memory either
/// way.
static ForkGain forkGain(const KernelCode &code, double steadyBytes, const Machine &machine) {
  // What forks cost, and what a core does and moves a second.
  constexpr double kFork = 1e-6, kCrossing = 24e9, kInner = 60e9, kOuter = 20e9;
  double flopsPerSecond = (machine.hasFMA ? 0.3e9 : 0.15e9) * machine.vectorBits;
  auto cache = static_cast<double>(machine.l2Bytes);
  double alone =
      std::max(code.flops / flopsPerSecond, code.bytes / (code.bytes > cache ? kOuter : kInner));
  int64_t forks =
      llvm::count_if(code.phases, [](const Phase &phase) { return !phase.isPreparation(); });
  double moved = std::max(code.bytes - steadyBytes, 0.0);
  if (!code.isPacked)
    moved += static_cast<double>(code.workspaceBytes);
  return {alone / 2 - kFork * static_cast<double>(forks), std::min(moved, cache) / kCrossing};
}

namespace {
class MainBuilder {
public:
  MainBuilder(ModelOp model, const Machine &machine, Program &program)
      : program(program), machine(machine), b(model.getLoc(), model.getContext()) {
    program.main = ModuleOp::create(model.getLoc(), program.entry);
    pointer = LLVM::LLVMPointerType::get(b.getContext());
    i64 = b.getI64Type();
    none = LLVM::LLVMVoidType::get(b.getContext());
  }

  void build(ModelOp model, ArrayRef<size_t> codeOf);

private:
  /// A kernel of the model, its code, and where in the memory of packed variables its own lie.
  struct Call {
    KernelOp kernel;
    const KernelCode &code;
    int64_t packedAt;
    /// Of operands that no kernel writes.
    double steadyBytes;
  };

  void plan(ModelOp model, ArrayRef<size_t> codeOf);
  bool isWorthForking() const;
  void buildFunction(StringRef name, function_ref<void(const Call &, Value)> emit);
  LLVM::LLVMFuncOp declare(StringRef name, ArrayRef<Type> arguments);
  Value offset(Value base, int64_t bytes);
  Value loadPointer(Value table, int64_t index);
  void store(Value address, Value table, int64_t index);
  Value constantPointer(ConstantOp op);
  Value pointerTo(Value value);
  Value packedMemory(int64_t at);
  Value count(const Phase *phase);
  Value isInRow(const Phase &phase);
  LLVM::LLVMFuncOp entryOf(const Phase &phase);
  Value addressOf(const Phase *phase);
  void callPhase(const Phase *preparation, const Phase &phase, bool isParallel, Value table);
  void callTimed(const Phase *preparation, const Phase &phase, bool isParallel, Value table);
  void callKernel(const Call &call, Value table);
  void packVariables(const Call &call, Value table);

  /// Arguments of the program's function.
  enum Argument { Variables, Inputs, Outputs, Arena, Pool };

  Program &program;
  const Machine &machine;
  ImplicitLocOpBuilder b;
  Type pointer, i64, none;
  LLVM::LLVMFuncOp function, parallelFor;
  SmallVector<Call> calls;
  /// Variables of the model; addresses that a call takes at most.
  int64_t variables = 0, tableSize = 0;
  int64_t timedPhases = 0;
  bool isForked = false;
  DenseMap<Attribute, LLVM::GlobalOp> constants;
};
} // namespace

LLVM::LLVMFuncOp MainBuilder::declare(StringRef name, ArrayRef<Type> arguments) {
  if (auto known = program.main->lookupSymbol<LLVM::LLVMFuncOp>(name))
    return known;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(program.main->getBody());
  return LLVM::LLVMFuncOp::create(b, name, LLVM::LLVMFunctionType::get(none, arguments));
}

Value MainBuilder::offset(Value base, int64_t bytes) {
  if (bytes == 0)
    return base;
  Value shift = LLVM::ConstantOp::create(b, i64, bytes);
  return LLVM::GEPOp::create(b, pointer, b.getI8Type(), base, ArrayRef<LLVM::GEPArg>{shift});
}

Value MainBuilder::loadPointer(Value table, int64_t index) {
  Value at = LLVM::GEPOp::create(b, pointer, pointer, table,
                                 ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(index)});
  return LLVM::LoadOp::create(b, pointer, at);
}

/// A global with the elements of a constant, in row-major order.
Value MainBuilder::constantPointer(ConstantOp op) {
  auto value = cast<DenseElementsAttr>(op.getValue());
  LLVM::GlobalOp &global = constants[value];
  if (!global) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(program.main->getBody());
    Type element = value.getElementType();
    if (element.isInteger(1))
      value = value.mapValues(storageType(element), [](const APInt &bit) { return bit.zext(8); });
    value = value.reshape(RankedTensorType::get({value.getNumElements()}, storageType(element)));
    auto type = LLVM::LLVMArrayType::get(storageType(element), value.getNumElements());
    global = LLVM::GlobalOp::create(b, type, /*isConstant=*/true, LLVM::Linkage::Internal,
                                    "constant" + std::to_string(constants.size() - 1), value,
                                    /*alignment=*/64);
  }
  return LLVM::AddressOfOp::create(b, global);
}

Value MainBuilder::pointerTo(Value value) {
  Place place = placeOf(value);
  switch (place.space) {
  case Space::Arena:
    return offset(function.getArgument(Arena), place.position);
  case Space::Variable:
    return loadPointer(function.getArgument(Variables), place.position);
  case Space::Output:
    return loadPointer(function.getArgument(Outputs), place.position);
  case Space::Input:
    return loadPointer(function.getArgument(Inputs), place.position);
  case Space::Constant:
    break;
  }
  while (auto reshape = value.getDefiningOp<ReshapeOp>())
    value = reshape.getInput();
  return constantPointer(value.getDefiningOp<ConstantOp>());
}

/// Memory that packed variables have from a byte on.
Value MainBuilder::packedMemory(int64_t at) {
  return offset(loadPointer(function.getArgument(Variables), variables), at);
}

void MainBuilder::store(Value address, Value table, int64_t index) {
  Value at = LLVM::GEPOp::create(b, pointer, pointer, table,
                                 ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(index)});
  LLVM::StoreOp::create(b, address, at);
}

void MainBuilder::callKernel(const Call &call, Value table) {
  const KernelCode &code = call.code;
  Value arena = function.getArgument(Arena);
  SmallVector<Value> pointers;
  for (Value operand : call.kernel->getOperands())
    pointers.push_back(pointerTo(operand));
  for (Value result : call.kernel->getResults())
    pointers.push_back(pointerTo(result));
  pointers.push_back(code.isPacked ? packedMemory(call.packedAt)
                                   : offset(arena, program.plannedBytes));
  pointers.push_back(offset(arena, program.plannedBytes + program.workspaceBytes));
  for (auto [index, address] : llvm::enumerate(pointers))
    store(address, table, index);
  bool forks = isForked && forkGain(code, call.steadyBytes, machine).saved > 0;
  const Phase *preparation = nullptr;
  for (const Phase &phase : code.phases) {
    if (phase.tasks == 0 || code.isBefore(phase))
      continue;
    if (phase.isPreparation()) {
      preparation = &phase;
      continue;
    }
    bool isParallel = forks && phase.tasks > 1;
    if (program.timedPhases.empty())
      callPhase(preparation, phase, isParallel, table);
    else
      callTimed(preparation, phase, isParallel, table);
    preparation = nullptr;
  }
}

/// Of the operands, variables alone have an address before a run.
void MainBuilder::packVariables(const Call &call, Value table) {
  KernelOp kernel = call.kernel;
  for (auto [index, operand] : llvm::enumerate(kernel.getOperands()))
    if (placeOf(operand).space == Space::Variable)
      store(pointerTo(operand), table, index);
  int64_t arguments = kernel.getNumOperands() + kernel.getNumResults();
  store(packedMemory(call.packedAt), table, arguments);
  store(function.getArgument(Arena), table, arguments + 1);
  for (const Phase &phase : call.code.phases)
    if (phase.tasks > 0 && call.code.isBefore(phase))
      callPhase(/*preparation=*/nullptr, phase, /*isParallel=*/phase.tasks > 1, table);
}

LLVM::LLVMFuncOp MainBuilder::entryOf(const Phase &phase) {
  return declare(phase.entry, {i64, i64, i64, pointer});
}

/// The tasks of a phase, and its function; none of no phase.
Value MainBuilder::count(const Phase *phase) {
  return LLVM::ConstantOp::create(b, i64, phase ? phase->tasks : 0);
}

Value MainBuilder::isInRow(const Phase &phase) {
  return LLVM::ConstantOp::create(b, i64, static_cast<int64_t>(phase.isInRow()));
}

Value MainBuilder::addressOf(const Phase *phase) {
  if (!phase)
    return LLVM::ZeroOp::create(b, pointer);
  return LLVM::AddressOfOp::create(b, entryOf(*phase));
}

void MainBuilder::callPhase(const Phase *preparation, const Phase &phase, bool isParallel,
                            Value table) {
  if (!isParallel) {
    Value zero = LLVM::ConstantOp::create(b, i64, 0);
    for (const Phase *part : {preparation, &phase})
      if (part)
        LLVM::CallOp::create(b, entryOf(*part), ValueRange{zero, count(part), zero, table});
    return;
  }
  Value pool = function.getArgument(Pool), tasks = count(&phase), address = addressOf(&phase);
  if (!preparation && !phase.isInRow()) {
    LLVM::CallOp::create(b, parallelFor, ValueRange{pool, address, table, tasks});
    return;
  }
  LLVM::LLVMFuncOp preparedFor =
      declare("dlrt_prepared_for", {pointer, pointer, i64, pointer, pointer, i64, i64});
  LLVM::CallOp::create(b, preparedFor,
                       ValueRange{pool, addressOf(preparation), count(preparation), address, table,
                                  tasks, isInRow(phase)});
}

void MainBuilder::callTimed(const Phase *preparation, const Phase &phase, bool isParallel,
                            Value table) {
  LLVM::LLVMFuncOp timedFor =
      declare("dlrt_timed_for", {pointer, pointer, i64, pointer, pointer, i64, i64, pointer});
  Value pool = isParallel ? Value(function.getArgument(Pool)) : LLVM::ZeroOp::create(b, pointer);
  int64_t at = program.timesOffset + timedPhases * int64_t(sizeof(dlrt_phase_time));
  timedPhases += preparation ? 2 : 1;
  Value times = offset(function.getArgument(Arena), at);
  LLVM::CallOp::create(b, timedFor,
                       ValueRange{pool, addressOf(preparation), count(preparation),
                                  addressOf(&phase), table, count(&phase), isInRow(phase), times});
}

/// All kernels that gain by it fork, or none: where some do, the data of all
/// crosses between the cores. One of them must save more than estimates are wrong by.
bool MainBuilder::isWorthForking() const {
  constexpr double kDoubt = 0.5e-6;
  double gain = 0, most = 0;
  for (const Call &call : calls) {
    ForkGain kernel = forkGain(call.code, call.steadyBytes, machine);
    if (kernel.saved <= 0)
      continue;
    gain += kernel.saved - kernel.crossing;
    most = std::max(most, kernel.saved);
  }
  return gain > 0 && most > kDoubt;
}

/// Variables that a kernel of the model writes.
static llvm::SmallDenseSet<int64_t> writtenVariables(ModelOp model) {
  llvm::SmallDenseSet<int64_t> written;
  for (KernelOp kernel : model.getBody().getOps<KernelOp>())
    for (Value result : kernel->getResults())
      if (Place place = placeOf(result); place.space == Space::Variable)
        written.insert(place.position);
  return written;
}

/// What a kernel reads of variables that do not change from run to run.
static double steadyBytesOf(KernelOp kernel, const llvm::SmallDenseSet<int64_t> &written) {
  double sum = 0;
  for (Value operand : kernel->getOperands())
    if (Place place = placeOf(operand);
        place.space == Space::Variable && !written.contains(place.position))
      sum += memoryBytes(operand);
  return sum;
}

/// Lists the calls, and places what each packs.
void MainBuilder::plan(ModelOp model, ArrayRef<size_t> codeOf) {
  llvm::SmallDenseSet<int64_t> written = writtenVariables(model);
  for (auto [kernel, code] : llvm::zip_equal(model.getBody().getOps<KernelOp>(), codeOf)) {
    const KernelCode &own = program.kernels[code];
    calls.push_back({kernel, own, program.packedBytes, steadyBytesOf(kernel, written)});
    if (own.isPacked)
      program.packedBytes += llvm::alignTo(own.workspaceBytes, 64);
    tableSize = std::max<int64_t>(tableSize, kernel.getNumOperands() + kernel.getNumResults() + 2);
  }
  auto parameters = model.getBody().getOps<ParameterOp>();
  variables = std::distance(parameters.begin(), parameters.end());
  isForked = isWorthForking();
}

/// A function of the program's type; `emit` gets the call and a table for its addresses.
void MainBuilder::buildFunction(StringRef name, function_ref<void(const Call &, Value)> emit) {
  b.setInsertionPointToEnd(program.main->getBody());
  function = LLVM::LLVMFuncOp::create(
      b, name, LLVM::LLVMFunctionType::get(none, SmallVector<Type>(5, pointer)));
  b.setInsertionPointToStart(function.addEntryBlock(b));
  Value count = LLVM::ConstantOp::create(b, i64, tableSize);
  Value table = LLVM::AllocaOp::create(b, pointer, pointer, count);
  for (const Call &call : calls) {
    b.setLoc(call.kernel->getLoc());
    emit(call, table);
  }
  LLVM::ReturnOp::create(b, ValueRange());
}

void MainBuilder::build(ModelOp model, ArrayRef<size_t> codeOf) {
  plan(model, codeOf);
  parallelFor = declare("dlrt_parallel_for", {pointer, pointer, pointer, i64});
  buildFunction(program.entry, [&](const Call &call, Value table) { callKernel(call, table); });
  if (program.packedBytes == 0)
    return;
  program.packEntry = program.entry + "_pack";
  buildFunction(program.packEntry, [&](const Call &call, Value table) {
    if (call.code.isPacked)
      packVariables(call, table);
  });
}

void buildMainProgram(ModelOp model, ArrayRef<size_t> codeOf, const Machine &machine,
                      Program &program) {
  MainBuilder(model, machine, program).build(model, codeOf);
}

} // namespace dl
