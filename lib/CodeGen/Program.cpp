//===- Program.cpp - Code for a planned model -----------------------------===//

#include "CollapseDims.h"
#include "ContractionKernel.h"
#include "KernelForm.h"
#include "MainProgram.h"
#include "dl/Graph/Kernels.h"
#include "dl/Graph/Placement.h"
#include "dl/Runtime/Runtime.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/xxhash.h"

#include <algorithm>

using namespace mlir;

namespace dl {

/// Types and ops, but neither names nor places.
std::string kernelKey(KernelOp kernel) {
  std::string key;
  llvm::raw_string_ostream os(key);
  DenseMap<Value, unsigned> numbers;
  Block &body = kernel.getBody().front();
  for (BlockArgument argument : body.getArguments()) {
    numbers[argument] = numbers.size();
    os << argument.getType() << ',';
  }
  for (Operation &op : body) {
    os << op.getName() << '(';
    for (Value operand : op.getOperands())
      os << numbers.lookup(operand) << ',';
    os << ')' << op.getAttrDictionary() << ':';
    for (Value result : op.getResults()) {
      numbers[result] = numbers.size();
      os << result.getType() << ',';
    }
    os << '\n';
  }
  return key;
}

/// A name as a part of a symbol.
static std::string symbolOf(StringRef text) {
  std::string name = text.str();
  std::ranges::replace_if(name, [](char c) { return !llvm::isAlnum(c); }, '_');
  return name;
}

std::string entrySymbol(StringRef model) { return "dlc_" + symbolOf(model); }

/// A symbol that tells what the kernel is: `mnist_k3_conv2d_relu`.
static std::string kernelName(ModelOp model, KernelOp kernel, size_t index) {
  return symbolOf(model.getSymName()) + "_k" + std::to_string(index) + "_" +
         symbolOf(kernel.getLabel());
}

/// One that is the same in every model: `conv2d_relu_` and a hash of the key.
static std::string kernelName(KernelOp kernel, StringRef key) {
  llvm::XXH128_hash_t hash = llvm::xxh3_128bits(llvm::arrayRefFromStringRef(key));
  return symbolOf(kernel.getLabel()) + "_" + llvm::utohexstr(hash.high64, /*LowerCase=*/true, 16) +
         llvm::utohexstr(hash.low64, /*LowerCase=*/true, 16);
}

static FailureOr<KernelCode> generateKernel(KernelOp kernel, StringRef name,
                                            const CodeGenOptions &options) {
  FailureOr<KernelForm> form = classifyKernel(kernel);
  if (failed(form))
    return failure();
  OwningOpRef<KernelOp> collapsed;
  if (*form == KernelForm::Loops) {
    collapsed = collapseDims(kernel);
    kernel = *collapsed;
  }
  KernelModule module(kernel, name, options);
  LogicalResult emitted = success();
  switch (*form) {
  case KernelForm::Contraction:
    emitted = emitContractionKernel(module);
    break;
  case KernelForm::Window:
    emitted = emitWindowKernel(module);
    break;
  case KernelForm::Concat:
    emitted = emitConcatKernel(module);
    break;
  case KernelForm::Loops:
    emitted = emitLoopKernel(module);
    break;
  }
  if (failed(emitted))
    return failure();
  return module.take();
}

bool hasChoices(KernelOp kernel) {
  return llvm::any_of(kernel.getBody().front(), [](Operation &op) { return isContraction(&op); });
}

/// For reports: what two kernels of one code may differ in.
static void describe(KernelOp kernel, KernelCode &code) {
  code.label = kernel.getLabel().str();
  if (kernel.getNumResults() == 0)
    return;
  auto type = cast<RankedTensorType>(kernel.getResult(0).getType());
  llvm::raw_string_ostream os(code.result);
  for (int64_t extent : type.getShape())
    os << extent << 'x';
  os << type.getElementType();
}

/// Reserves memory for the times of all phases of a run, behind the planned values.
static void planTimes(Program &program, ArrayRef<size_t> codeOf) {
  for (size_t code : codeOf)
    for (auto [index, phase] : llvm::enumerate(program.kernels[code].phases))
      if (phase.tasks != 0 && !program.kernels[code].isBefore(phase))
        program.timedPhases.push_back({static_cast<int64_t>(code), static_cast<int64_t>(index)});
  program.timesOffset = program.plannedBytes;
  size_t bytes = program.timedPhases.size() * sizeof(dlrt_phase_time);
  program.plannedBytes += static_cast<int64_t>(llvm::alignTo(bytes, 64));
}

/// What code generation relies on (see Graph/Pipeline.h).
static LogicalResult verifyPlanned(ModelOp model) {
  for (Operation &op : model.getBody().front()) {
    if (!isa<ParameterOp, ConstantOp, ReshapeOp, KernelOp, ReturnOp>(op))
      return op.emitOpError() << "expected a planned model, got an op outside of a kernel";
    auto kernel = dyn_cast<KernelOp>(op);
    if (!kernel)
      continue;
    auto places = kernel->getAttrOfType<DenseI64ArrayAttr>(kPlaces);
    if (!places || places.size() != 2 * static_cast<int64_t>(kernel.getNumResults()))
      return kernel.emitOpError() << "expected '" << kPlaces << "' with two integers a result";
  }
  if (!model->getAttrOfType<IntegerAttr>(kArenaBytes))
    return model.emitOpError() << "expected '" << kArenaBytes << "' on a planned model";
  return success();
}

/// Objects hold constants, and reach what they hold by 32-bit distances.
static LogicalResult verifyConstants(ModelOp model) {
  constexpr int64_t most = int64_t(1) << 30;
  int64_t bytes = 0;
  for (auto constant : model.getBody().getOps<ConstantOp>()) {
    auto type = cast<RankedTensorType>(constant.getType());
    int64_t own = type.getNumElements() * storageBytes(type.getElementType());
    if (own > most - bytes)
      return constant.emitOpError()
             << "expected constants of at most " << most << " bytes in a model, got " << type
             << "; larger values are parameters";
    bytes += own;
  }
  return success();
}

/// The operands that are variables which the model does not write.
static SmallVector<unsigned> variablesOf(KernelOp kernel, const llvm::StringSet<> &updated) {
  SmallVector<unsigned> variables;
  for (auto [index, operand] : llvm::enumerate(kernel.getOperands())) {
    auto parameter = lookThroughViews(operand).getDefiningOp<ParameterOp>();
    if (parameter && !updated.contains(parameter.getName()))
      variables.push_back(index);
  }
  return variables;
}

static llvm::StringSet<> updatedBy(ModelOp model) {
  llvm::StringSet<> names;
  auto exit = cast<ReturnOp>(model.getBody().front().getTerminator());
  for (StringRef name : exit.getUpdated().getAsValueRange<StringAttr>())
    names.insert(name);
  return names;
}

FailureOr<Program> generateProgram(ModelOp model, const CodeGenOptions &options,
                                   KernelSource *source) {
  model.getContext()
      ->loadDialect<arith::ArithDialect, cf::ControlFlowDialect, func::FuncDialect,
                    LLVM::LLVMDialect, math::MathDialect, memref::MemRefDialect, scf::SCFDialect,
                    ub::UBDialect, vector::VectorDialect>();
  if (failed(verifyPlanned(model)) || failed(verifyConstants(model)))
    return failure();
  Program program;
  program.entry = entrySymbol(model.getSymName());
  llvm::StringMap<size_t> known;
  llvm::StringSet<> updated = updatedBy(model);
  SmallVector<size_t> codeOf;
  for (auto kernel : model.getBody().getOps<KernelOp>()) {
    CodeGenOptions chosen = options;
    std::string plainKey = kernelKey(kernel), key = plainKey;
    if (options.packsVariables && hasChoices(kernel))
      chosen.variables = variablesOf(kernel, updated);
    for (unsigned variable : chosen.variables)
      key += "variable " + std::to_string(variable) + "\n";
    auto [it, isNew] = known.try_emplace(key, program.kernels.size());
    codeOf.push_back(it->second);
    if (!isNew)
      continue;
    size_t choice = source && hasChoices(kernel) ? source->choiceOf(plainKey) : 0;
    std::optional<KernelCode> code = source ? source->find(key, choice) : std::nullopt;
    if (!code) {
      std::string name = source && source->hasObjects()
                             ? kernelName(kernel, key)
                             : kernelName(model, kernel, program.kernels.size());
      chosen.choice = kKernelChoices[choice];
      FailureOr<KernelCode> generated = generateKernel(kernel, name, chosen);
      if (failed(generated))
        return failure();
      code = std::move(*generated);
    }
    code->key = std::move(key);
    code->choice = choice;
    describe(kernel, *code);
    if (!code->isPacked)
      program.workspaceBytes = std::max(program.workspaceBytes, code->workspaceBytes);
    program.scratchBytes = std::max(program.scratchBytes, code->scratchBytes);
    program.kernels.push_back(std::move(*code));
  }
  int64_t arenaBytes = model->getAttrOfType<IntegerAttr>(kArenaBytes).getInt();
  program.plannedBytes = llvm::alignTo(arenaBytes, 64);
  if (options.profile)
    planTimes(program, codeOf);
  buildMainProgram(model, codeOf, options.machine, program);
  return program;
}

} // namespace dl
