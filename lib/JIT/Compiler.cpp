//===- Compiler.cpp - From a graph to code in memory ----------------------===//

#include "dl/JIT/Compiler.h"
#include "Diagnostics.h"
#include "Linker.h"
#include "dl/Autodiff/TrainingStep.h"
#include "dl/CodeGen/CodeGen.h"
#include "dl/Graph/Pipeline.h"
#include "dl/IR/Specialize.h"
#include "dl/Target/ObjectCode.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringSet.h"

#include <atomic>
#include <chrono>
#include <thread>

using namespace mlir;

namespace dl {

//===----------------------------------------------------------------------===//
// Time
//===----------------------------------------------------------------------===//

namespace {
/// Notes the time that a phase took when it ends.
class PhaseTimer {
public:
  PhaseTimer(CompileReport *report, const char *phase) : report(report), phase(phase) {}
  ~PhaseTimer() {
    std::chrono::duration<double> passed = Clock::now() - start;
    if (report)
      report->times.push_back({phase, passed.count()});
  }

private:
  using Clock = std::chrono::steady_clock;
  CompileReport *report;
  const char *phase;
  Clock::time_point start = Clock::now();
};
} // namespace

//===----------------------------------------------------------------------===//
// The graph
//===----------------------------------------------------------------------===//

/// The model of the request's kind, beside `model` in its module.
static FailureOr<ModelOp> buildKind(ModelOp model, const ProgramRequest &request) {
  switch (request.kind) {
  case ProgramRequest::Kind::Forward:
    return model;
  case ProgramRequest::Kind::Evaluation:
    return buildEvaluation(model, request.loss);
  case ProgramRequest::Kind::Step:
    return buildTrainingStep(model, request.loss, request.optimizer);
  }
  return failure();
}

static OwningOpRef<ModuleOp> cloneAlone(const Model::Impl &impl) {
  ModelOp model = impl.model;
  OwningOpRef<ModuleOp> module = ModuleOp::create(model.getLoc());
  module->push_back(model->clone());
  return module;
}

static ModelOp onlyModel(ModuleOp module) { return *module.getOps<ModelOp>().begin(); }

FailureOr<OwningOpRef<ModuleOp>> buildGraph(const Model &model, const ProgramRequest &request) {
  OwningOpRef<ModuleOp> module = cloneAlone(model.getImpl());
  ModelOp clone = onlyModel(*module);
  if (failed(specializeBatch(clone, request.batch)))
    return failure();
  FailureOr<ModelOp> built = buildKind(clone, request);
  if (failed(built))
    return failure();
  for (ModelOp other : llvm::make_early_inc_range(module->getOps<ModelOp>()))
    if (other != *built)
      other.erase();
  return module;
}

static LogicalResult optimizeGraph(ModuleOp module, const CompileOptions &options,
                                   const CompileReport *report) {
  GraphOptions graph;
  graph.optLevel = options.optLevel;
  graph.fusion = options.fusion;
  graph.explain = report && report->explain;
  PassManager manager(module.getContext());
  // Each phase asserts its own promises.
  manager.enableVerifier(false);
  buildGraphPipeline(manager, graph);
  return manager.run(module);
}

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

/// What lies between a graph and its objects.
namespace {
class Compilation {
public:
  Compilation(ModuleOp module, const CompileOptions &options, CompileReport *report)
      : module(module), options(options), report(report) {}

  /// Graph optimiser.
  LogicalResult optimize();
  /// Loops of each distinct kernel, and the program that calls them.
  LogicalResult generate();
  /// An object of each module, the program first.
  LogicalResult compile();
  /// All modules as one.
  FailureOr<std::unique_ptr<llvm::MemoryBuffer>> compileLinked(OutputKind kind);

  FailureOr<std::shared_ptr<LoadedProgram>> load();

  Program program;
  std::vector<std::unique_ptr<llvm::MemoryBuffer>> outputs;

private:
  FailureOr<std::unique_ptr<llvm::MemoryBuffer>> compileUnit(size_t index);
  void defineSize(StringRef suffix, int64_t bytes);

  ModuleOp module;
  const CompileOptions &options;
  CompileReport *report;
  Machine machine;
};
} // namespace

LogicalResult Compilation::optimize() {
  PhaseTimer timer(report, "graph");
  return optimizeGraph(module, options, report);
}

LogicalResult Compilation::generate() {
  PhaseTimer timer(report, "codegen");
  Result<Machine> found = Machine::get(options.march);
  if (!found)
    return emitError(UnknownLoc::get(module.getContext()))
           << StringRef(found.error().message).ltrim("error: ");
  machine = *found;
  CodeGenOptions codegen;
  codegen.machine = machine;
  codegen.optLevel = options.optLevel;
  codegen.explain = report && report->explain;
  FailureOr<Program> generated = generateProgram(onlyModel(module), codegen);
  if (failed(generated))
    return failure();
  program = std::move(*generated);
  if (report)
    for (const KernelCode &kernel : program.kernels)
      report->kernels.push_back(
          {kernel.name, kernel.flops, kernel.bytes, kernel.workspaceBytes, kernel.scratchBytes});
  return success();
}

FailureOr<std::unique_ptr<llvm::MemoryBuffer>> Compilation::compileUnit(size_t index) {
  if (index == 0)
    return compileModule(*program.main, machine, options.optLevel, OutputKind::Object);
  ModuleOp kernel = *program.kernels[index - 1].module;
  if (failed(lowerToLLVM(kernel)))
    return failure();
  return compileModule(kernel, machine, options.optLevel, OutputKind::Object);
}

/// Calls `body` for each index, on as many threads as there are cores.
static void parallelFor(size_t count, llvm::function_ref<void(size_t)> body) {
  std::atomic<size_t> next = 0;
  auto work = [&] {
    for (size_t i; (i = next++) < count;)
      body(i);
  };
  size_t helpers = std::min<size_t>(count, std::max(1u, std::thread::hardware_concurrency()));
  std::vector<std::thread> threads;
  for (size_t i = 1; i < helpers; ++i)
    threads.emplace_back(work);
  work();
  for (std::thread &thread : threads)
    thread.join();
}

/// Modules by their size, the largest first: the last ones to be compiled should
/// be short, or one core works while the others wait.
static std::vector<size_t> largestFirst(const Program &program) {
  std::vector<size_t> order = {0}, sizes = {0};
  for (const KernelCode &kernel : program.kernels) {
    size_t ops = 0;
    ModuleOp(*kernel.module)->walk([&](Operation *) { ++ops; });
    order.push_back(order.size());
    sizes.push_back(ops);
  }
  llvm::stable_sort(order, [&](size_t a, size_t b) { return sizes[a] > sizes[b]; });
  return order;
}

LogicalResult Compilation::compile() {
  PhaseTimer timer(report, "llvm");
  std::vector<size_t> order = largestFirst(program);
  outputs.resize(order.size());
  std::atomic<bool> failed = false;
  parallelFor(order.size(), [&](size_t i) {
    if (failed)
      return;
    auto output = compileUnit(order[i]);
    if (llvm::failed(output))
      failed = true;
    else
      outputs[order[i]] = std::move(*output);
  });
  return llvm::failure(failed);
}

/// A constant of the program's name and a suffix, for callers without a compiler.
void Compilation::defineSize(StringRef suffix, int64_t bytes) {
  OpBuilder b = OpBuilder::atBlockBegin(program.main->getBody());
  LLVM::GlobalOp::create(b, module.getLoc(), b.getI64Type(), /*isConstant=*/true,
                         LLVM::Linkage::External, program.entry + suffix.str(),
                         b.getI64IntegerAttr(bytes));
}

FailureOr<std::unique_ptr<llvm::MemoryBuffer>> Compilation::compileLinked(OutputKind kind) {
  PhaseTimer timer(report, "llvm");
  defineSize("_worker_bytes", program.scratchBytes);
  defineSize("_arena_bytes", program.plannedBytes + program.workspaceBytes);
  SmallVector<ModuleOp> modules = {*program.main};
  for (KernelCode &kernel : program.kernels)
    modules.push_back(*kernel.module);
  std::atomic<bool> failed = false;
  parallelFor(program.kernels.size(), [&](size_t i) {
    if (!failed && llvm::failed(lowerToLLVM(modules[i + 1])))
      failed = true;
  });
  if (failed)
    return failure();
  return dl::compileLinked(modules, machine, options.optLevel, kind);
}

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

namespace {
class JITProgram : public LoadedProgram {
public:
  JITProgram(ModelOp model, const Program &program, std::unique_ptr<CodeImage> code);

private:
  std::unique_ptr<CodeImage> code;
};
} // namespace

JITProgram::JITProgram(ModelOp model, const Program &program, std::unique_ptr<CodeImage> image)
    : code(std::move(image)) {
  entry = reinterpret_cast<Entry>(code->entry());
  plannedBytes = program.plannedBytes;
  workspaceBytes = program.workspaceBytes;
  scratchBytes = program.scratchBytes;

  Block &body = model.getBody().front();
  auto exit = cast<ReturnOp>(body.getTerminator());
  llvm::StringSet<> updated;
  for (StringRef name : exit.getUpdated().getAsValueRange<StringAttr>())
    updated.insert(name);
  for (auto parameter : body.getOps<ParameterOp>()) {
    ProgramVariable variable;
    variable.spec = specOf(parameter.getName(), parameter.getDeclaredType());
    if (auto storage = parameter.getStorage(); storage && !llvm::is_sorted(*storage))
      variable.storage = storage->vec();
    variable.role = parameter.getRole().str();
    variable.updated = updated.contains(parameter.getName());
    variables.push_back(std::move(variable));
  }
  for (auto [name, input] :
       llvm::zip(model.getInputNames().getAsValueRange<StringAttr>(), body.getArguments()))
    inputs.push_back(specOf(name, input.getType()));
  for (auto [name, output] :
       llvm::zip(exit.getOutputNames().getAsValueRange<StringAttr>(), exit.getOutputs()))
    outputs.push_back(specOf(name, output.getType()));
}

FailureOr<std::shared_ptr<LoadedProgram>> Compilation::load() {
  PhaseTimer timer(report, "link");
  auto code = CodeImage::link(std::move(outputs), program.entry);
  if (!code)
    return emitError(module.getLoc())
           << "compiled code cannot be linked: " << llvm::toString(code.takeError());
  return std::shared_ptr<LoadedProgram>(
      std::make_shared<JITProgram>(onlyModel(module), program, std::move(*code)));
}

FailureOr<std::shared_ptr<LoadedProgram>>
compileGraph(ModuleOp module, const CompileOptions &options, CompileReport *report) {
  Compilation compilation(module, options, report);
  if (failed(compilation.optimize()) || failed(compilation.generate()) ||
      failed(compilation.compile()))
    return failure();
  return compilation.load();
}

//===----------------------------------------------------------------------===//
// Requests
//===----------------------------------------------------------------------===//

static FailureOr<OwningOpRef<ModuleOp>>
buildTimed(const Model &model, const ProgramRequest &request, CompileReport *report) {
  PhaseTimer timer(report, "build");
  return buildGraph(model, request);
}

Result<std::shared_ptr<LoadedProgram>> compileProgram(const Model &model,
                                                      const ProgramRequest &request,
                                                      const CompileOptions &options,
                                                      CompileReport *report) {
  const Model::Impl &impl = model.getImpl();
  std::lock_guard lock(impl.compiling);
  DiagnosticCapture diagnostics(impl.context.get(), impl.source, impl.sourceName);
  auto module = buildTimed(model, request, report);
  if (failed(module))
    return diagnostics.error("the graph of '" + impl.name + "' cannot be built");
  auto program = compileGraph(**module, options, report);
  if (report)
    report->remarks += diagnostics.remarks();
  if (failed(program))
    return diagnostics.error("'" + impl.name + "' cannot be compiled");
  return *program;
}

static std::string print(Operation *op) {
  std::string text;
  llvm::raw_string_ostream os(text);
  op->print(os);
  return text + "\n";
}

/// The text of a stage of a compilation that starts from `module`.
static FailureOr<std::string> runTo(Stage stage, ModuleOp module, const CompileOptions &options,
                                    CompileReport *report) {
  if (stage == Stage::Graph || stage == Stage::Step)
    return print(onlyModel(module));
  Compilation compilation(module, options, report);
  if (failed(compilation.optimize()))
    return failure();
  if (stage == Stage::Fused)
    return print(onlyModel(module));
  if (failed(compilation.generate()))
    return failure();
  std::string text;
  if (stage == Stage::Kernels) {
    for (KernelCode &kernel : compilation.program.kernels)
      text += print(*kernel.module);
    return text;
  }
  auto kind = stage == Stage::LLVM       ? OutputKind::LLVMIR
              : stage == Stage::Assembly ? OutputKind::Assembly
                                         : OutputKind::Object;
  auto output = compilation.compileLinked(kind);
  if (failed(output))
    return failure();
  return (*output)->getBuffer().str();
}

Result<std::string> emitStage(const Model &model, const ProgramRequest &request,
                              const CompileOptions &options, Stage stage, CompileReport *report) {
  const Model::Impl &impl = model.getImpl();
  std::lock_guard lock(impl.compiling);
  DiagnosticCapture diagnostics(impl.context.get(), impl.source, impl.sourceName);
  auto module = buildTimed(model, request, report);
  if (failed(module))
    return diagnostics.error("the graph of '" + impl.name + "' cannot be built");
  FailureOr<std::string> text = runTo(stage, **module, options, report);
  if (report)
    report->remarks += diagnostics.remarks();
  if (failed(text))
    return diagnostics.error("'" + impl.name + "' cannot be compiled");
  return *text;
}

} // namespace dl
