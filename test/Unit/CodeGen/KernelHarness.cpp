//===- KernelHarness.cpp - Compiles and runs single kernels ---------------===//

#include "KernelHarness.h"

#include "../Support/GuardedMemory.h"
#include "ContractionKernel.h"
#include "dl/Reference/Interpreter.h"
#include "dl/Target/ObjectCode.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/TargetSelect.h"

#include <cmath>
#include <cstring>
#include <ctime>
#include <limits>
#include <random>

using namespace mlir;

namespace dl::test {

/// Seconds that this thread has run: other programs do not count.
static double now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

static std::string modelText(const KernelText &text) {
  std::string inputs, operands, results, yields;
  for (size_t i = 0; i < text.types.size(); ++i) {
    std::string name = std::to_string(i), comma = i == 0 ? "" : ", ";
    inputs += comma + "%x" + name + ": tensor<" + text.types[i] + ">";
    operands += comma + "%a" + name + " = %x" + name;
  }
  for (size_t i = 0; i < text.yields.size(); ++i) {
    results += (i == 0 ? "%y" : ", %y") + std::to_string(i);
    yields += (i == 0 ? "" : ", ") + text.yields[i];
  }
  return "dl.model @m(" + inputs + ") {\n" + results + " = dl.kernel \"k\"(" + operands + ") {\n" +
         text.body + "\ndl.yield " + yields + "\n}\ndl.return " + results + "\n}\n";
}

static DType dtypeOf(Type type) {
  if (type.isF32())
    return DType::F32;
  if (type.isF64())
    return DType::F64;
  return type.isInteger(1) ? DType::Bool : type.isInteger(32) ? DType::I32 : DType::I64;
}

static Tensor makeTensor(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return Tensor(dtypeOf(tensor.getElementType()),
                Shape(tensor.getShape().begin(), tensor.getShape().end()));
}

CompiledKernel::CompiledKernel() {
  DialectRegistry registry;
  registry.insert<DLDialect, arith::ArithDialect, cf::ControlFlowDialect, func::FuncDialect,
                  LLVM::LLVMDialect, math::MathDialect, memref::MemRefDialect, scf::SCFDialect,
                  vector::VectorDialect>();
  registerTranslations(registry);
  context.appendDialectRegistry(registry);
  context.loadAllAvailableDialects();
  context.disableMultithreading();
}

CompiledKernel::~CompiledKernel() = default;

std::unique_ptr<CompiledKernel> CompiledKernel::get(const KernelText &text, const Machine &machine,
                                                    bool wantsAssembly, Winograd winograd,
                                                    SplitProducts splitProducts) {
  std::unique_ptr<CompiledKernel> compiled(new CompiledKernel);
  CodeGenOptions options;
  options.machine = machine;
  options.winograd = winograd;
  options.splitProducts = splitProducts;
  return compiled->build(text, options, wantsAssembly) ? std::move(compiled) : nullptr;
}

bool CompiledKernel::build(const KernelText &text, const CodeGenOptions &options,
                           bool wantsAssembly) {
  const Machine &machine = options.machine;
  module = parseSourceString<ModuleOp>(modelText(text), &context);
  if (!module)
    return false;
  model = *module->getOps<ModelOp>().begin();
  kernel = *model.getBody().front().getOps<KernelOp>().begin();
  double start = now();
  KernelModule building(kernel, "k", options);
  if (failed(emitContractionKernel(building)))
    return false;
  code = building.take();
  double emitted = now();
  if (failed(mlir::verify(*code.module)) || failed(lowerToLLVM(*code.module)))
    return false;
  double lowered = now();
  if (wantsAssembly) {
    auto printed = CodeGenerator(machine, 2).compile(*code.module, OutputKind::Assembly);
    if (failed(printed))
      return false;
    assembly = (*printed)->getBuffer().str();
  }
  double before = now();
  auto object = CodeGenerator(machine, 2).compile(*code.module, OutputKind::Object);
  if (failed(object))
    return false;
  objectSeconds = now() - before;
  emitSeconds = emitted - start;
  lowerSeconds = lowered - emitted;

  llvm::InitializeNativeTarget();
  jit = llvm::cantFail(llvm::orc::LLJITBuilder().create());
  llvm::cantFail(jit->getMainJITDylib().define(llvm::orc::absoluteSymbols(
      {{jit->mangleAndIntern("dlrt_enable_tiles"),
        llvm::orc::ExecutorSymbolDef(llvm::orc::ExecutorAddr::fromPtr(&dlrt_enable_tiles),
                                     llvm::JITSymbolFlags::Exported)}})));
  llvm::cantFail(jit->addObjectFile(std::move(*object)));
  for (const Phase &phase : code.phases)
    entries.push_back(llvm::cantFail(jit->lookup(phase.entry))
                          .toPtr<void (*)(int64_t, int64_t, int64_t, void *const *)>());
  return true;
}

std::string CompiledKernel::strategy() const {
  return kernel->getAttrOfType<StringAttr>("strategy").str();
}

std::vector<Tensor> CompiledKernel::randomArguments(unsigned seed) const {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<double> uniform(-1, 1);
  std::vector<Tensor> arguments;
  for (Type type : KernelOp(kernel).getOperandTypes()) {
    Tensor tensor = makeTensor(type);
    for (int64_t i = 0; i < tensor.size(); ++i) {
      double value = uniform(generator);
      if (tensor.dtype() == DType::F32)
        tensor.data<float>()[i] = static_cast<float>(value);
      else if (tensor.dtype() == DType::F64)
        tensor.data<double>()[i] = value;
      else
        tensor.data<bool>()[i] = value > 0;
    }
    arguments.push_back(std::move(tensor));
  }
  return arguments;
}

static std::vector<Tensor> interpretModel(ModelOp model, const std::vector<Tensor> &arguments) {
  std::vector<TensorView> views(arguments.begin(), arguments.end());
  Variables variables;
  return dl::interpret(model, views, variables).value();
}

std::vector<Tensor> CompiledKernel::interpret(const std::vector<Tensor> &arguments) {
  return interpretModel(model, arguments);
}

std::vector<Tensor> CompiledKernel::interpret(const KernelText &text,
                                              const std::vector<Tensor> &arguments) {
  auto other = parseSourceString<ModuleOp>(modelText(text), &context);
  return interpretModel(*other->getOps<ModelOp>().begin(), arguments);
}

std::vector<Tensor> CompiledKernel::makeResults() const {
  std::vector<Tensor> results;
  for (Type type : KernelOp(kernel).getResultTypes()) {
    Tensor &result = results.emplace_back(makeTensor(type));
    if (result.bytes() > 0)
      std::memset(result.raw(), 0xff, result.bytes());
  }
  return results;
}

namespace {

/// What one run of a kernel is given, in guarded memory.
class GuardedRun {
public:
  GuardedRun(const KernelCode &code, const std::vector<Tensor> &arguments,
             std::vector<Tensor> results, const std::vector<int> &inPlace, int workers, Guard guard)
      : results(std::move(results)) {
    for (const Tensor &argument : arguments)
      add(GuardedMemory(argument, guard));
    std::vector<bool> isConstant(arguments.size(), true);
    for (size_t i = 0; i < this->results.size(); ++i)
      if (i < inPlace.size() && inPlace[i] >= 0) {
        isConstant[inPlace[i]] = false;
        args.push_back(args[inPlace[i]]);
      } else {
        add(GuardedMemory(this->results[i].bytes(), guard));
      }
    for (size_t i = 0; i < arguments.size(); ++i)
      if (isConstant[i])
        memory[i].makeConstant();
    add(GuardedMemory(code.workspaceBytes, guard));
    add(GuardedMemory(code.scratchBytes * workers, guard));
  }

  void *const *pointers() const { return args.data(); }
  void *scratch() const { return args.back(); }
  std::vector<Tensor> takeResults() {
    size_t first = args.size() - 2 - results.size();
    for (size_t i = 0; i < results.size(); ++i)
      if (results[i].bytes() > 0)
        std::memcpy(results[i].raw(), args[first + i], results[i].bytes());
    return std::move(results);
  }

private:
  void add(GuardedMemory bytes) {
    args.push_back(bytes.data());
    memory.push_back(std::move(bytes));
  }

  std::vector<Tensor> results;
  std::vector<GuardedMemory> memory;
  std::vector<void *> args;
};

} // namespace

std::vector<Tensor> CompiledKernel::run(const std::vector<Tensor> &arguments,
                                        const std::vector<int> &inPlace) {
  GuardedRun run(code, arguments, makeResults(), inPlace, 1, Guard::Behind);
  // Tasks rely on nothing that others left, but for those that prepare them.
  size_t preparation = 0;
  bool isPrepared = false;
  for (auto [index, phase] : llvm::enumerate(code.phases)) {
    if (phase.isPreparation()) {
      preparation = index;
      isPrepared = true;
      continue;
    }
    for (int64_t task = phase.tasks; task-- > 0;) {
      std::memset(run.scratch(), 0xff, code.scratchBytes);
      for (int64_t i = isPrepared ? code.phases[preparation].tasks : 0; i-- > 0;)
        entries[preparation](i, i + 1, 0, run.pointers());
      entries[index](task, task + 1, 0, run.pointers());
    }
    isPrepared = false;
  }
  return run.takeResults();
}

std::vector<Tensor> CompiledKernel::run(dlrt_pool *pool, const std::vector<Tensor> &arguments,
                                        const std::vector<int> &inPlace) {
  GuardedRun run(code, arguments, makeResults(), inPlace, dlrt_pool_workers(pool), Guard::Before);
  dlrt_task prepare = nullptr;
  int64_t prepares = 0;
  for (auto [phase, entry] : llvm::zip(code.phases, entries)) {
    if (phase.isPreparation()) {
      prepare = entry;
      prepares = phase.tasks;
      continue;
    }
    dlrt_prepared_for(pool, std::exchange(prepare, nullptr), prepares, entry, run.pointers(),
                      phase.tasks, phase.isInRow());
  }
  return run.takeResults();
}

double CompiledKernel::time(const std::vector<Tensor> &arguments, int repetitions) {
  Tensor workspace(DType::U8, {code.workspaceBytes}), scratch(DType::U8, {code.scratchBytes});
  std::vector<Tensor> results = makeResults();
  std::vector<void *> args;
  for (const Tensor &argument : arguments)
    args.push_back(const_cast<void *>(argument.raw()));
  for (Tensor &result : results)
    args.push_back(result.raw());
  args.insert(args.end(), {workspace.raw(), scratch.raw()});
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < repetitions; ++i) {
    double start = now();
    for (auto [phase, entry] : llvm::zip(code.phases, entries))
      entry(0, phase.tasks, 0, args.data());
    least = std::min(least, now() - start);
  }
  return least;
}

template <typename T> static double errorOf(const Tensor &actual, const Tensor &expected) {
  double error = 0, largest = 0;
  for (int64_t i = 0; i < expected.size(); ++i) {
    double difference = std::abs(static_cast<double>(actual.data<T>()[i]) -
                                 static_cast<double>(expected.data<T>()[i]));
    // A NaN anywhere is the worst of all.
    error = difference <= error ? error : difference;
    if (std::isnan(difference))
      return std::numeric_limits<double>::infinity();
    largest = std::max(largest, std::abs(static_cast<double>(expected.data<T>()[i])));
  }
  return error / std::max(largest, 1e-30);
}

double relativeError(const Tensor &actual, const Tensor &expected) {
  if (actual.shape() != expected.shape() || actual.dtype() != expected.dtype())
    return std::numeric_limits<double>::infinity();
  return expected.dtype() == DType::F64 ? errorOf<double>(actual, expected)
                                        : errorOf<float>(actual, expected);
}

} // namespace dl::test
