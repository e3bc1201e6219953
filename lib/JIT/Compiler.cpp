//===- Compiler.cpp - From a graph to code in memory ----------------------===//

#include "dl/JIT/Compiler.h"
#include "CodeCache.h"
#include "Diagnostics.h"
#include "ProgramImage.h"
#include "Tune.h"
#include "dl/Autodiff/TrainingStep.h"
#include "dl/CodeGen/CodeGen.h"
#include "dl/Graph/Pipeline.h"
#include "dl/IR/Specialize.h"
#include "dl/Support/Cores.h"
#include "dl/Target/ObjectCode.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringSet.h"

#include <atomic>
#include <chrono>
#include <fmt/format.h>
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
  Compilation(ModuleOp module, const CompileOptions &options, CompileReport *report,
              CodeCache *cache = nullptr)
      : module(module), options(options), report(report), cache(cache) {}

  /// Graph optimiser.
  LogicalResult optimize();
  /// Loops of each distinct kernel, and the program that calls them.
  LogicalResult generate();
  /// An object of each module, the program first.
  LogicalResult compile();
  /// All modules as one.
  FailureOr<std::unique_ptr<llvm::MemoryBuffer>> compileLinked(OutputKind kind);

  /// What `compile` made.
  ProgramImage image();

  Program program;
  std::vector<std::unique_ptr<llvm::MemoryBuffer>> outputs;

private:
  FailureOr<std::unique_ptr<llvm::MemoryBuffer>> compileUnit(size_t index);
  void defineSize(StringRef suffix, int64_t bytes);

  ModuleOp module;
  const CompileOptions &options;
  CompileReport *report;
  CodeCache *cache;
  Machine machine;
};
} // namespace

LogicalResult Compilation::optimize() {
  PhaseTimer timer(report, "graph");
  return optimizeGraph(module, options, report);
}

LogicalResult Compilation::generate() {
  PhaseTimer timer(report, "codegen");
  Result<Machine> found = Machine::get(options.march, options.target);
  if (!found)
    return emitError(UnknownLoc::get(module.getContext()))
           << StringRef(found.error().message).ltrim("error: ");
  machine = *found;
  CodeGenOptions codegen;
  codegen.machine = machine;
  codegen.optLevel = options.optLevel;
  codegen.winograd = options.winograd ? Winograd::WhereFaster : Winograd::Never;
  if (!options.splitF32)
    codegen.splitProducts = SplitProducts::Never;
  codegen.explain = report && report->explain;
  codegen.profile = options.profile;
  FailureOr<Program> generated = generateProgram(onlyModel(module), codegen, cache);
  if (failed(generated))
    return failure();
  program = std::move(*generated);
  if (report)
    for (KernelCode &kernel : program.kernels) {
      report->kernels.push_back(
          {kernel.name, kernel.flops, kernel.bytes, kernel.workspaceBytes, kernel.scratchBytes});
      report->cachedKernels += !kernel.module;
    }
  return success();
}

FailureOr<std::unique_ptr<llvm::MemoryBuffer>> Compilation::compileUnit(size_t index) {
  if (index == 0)
    return compileModule(*program.main, machine, options.optLevel, OutputKind::Object);
  KernelCode &kernel = program.kernels[index - 1];
  if (!kernel.module)
    return cache->takeObject(kernel);
  if (failed(lowerToLLVM(*kernel.module)))
    return failure();
  auto object = compileModule(*kernel.module, machine, options.optLevel, OutputKind::Object);
  if (succeeded(object) && cache)
    cache->keepKernel(kernel, **object);
  return object;
}

/// Calls `body` for each index, on as many threads as there are cores.
static void parallelFor(size_t count, llvm::function_ref<void(size_t)> body) {
  std::atomic<size_t> next = 0;
  auto work = [&] {
    for (size_t i; (i = next++) < count;)
      body(i);
  };
  size_t helpers = std::min<size_t>(count, availableCores());
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
    if (kernel.module)
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

ProgramImage Compilation::image() {
  ProgramImage image = ProgramImage::describe(onlyModel(module), program);
  image.objects = std::move(outputs);
  return image;
}

static FailureOr<std::shared_ptr<LoadedProgram>> load(ProgramImage image, Location loc,
                                                      CompileReport *report) {
  PhaseTimer timer(report, "link");
  auto program = loadImage(std::move(image));
  if (!program)
    return emitError(loc) << "compiled code cannot be linked: "
                          << llvm::toString(program.takeError());
  return std::move(*program);
}

/// Finds the fastest choice for each contraction of a planned module, and notes
/// it in the cache.
static LogicalResult tune(ModuleOp module, const CompileOptions &options, CodeCache &cache) {
  CompileOptions profiled = options;
  profiled.profile = true;
  std::vector<std::string> keys, names;
  llvm::StringSet<> contractions; // the others have no choice
  auto compileTrial = [&](size_t choice) -> std::shared_ptr<LoadedProgram> {
    cache.setTrial(choice);
    Compilation compilation(module, profiled, /*report=*/nullptr, &cache);
    if (failed(compilation.generate()) || failed(compilation.compile()))
      return nullptr;
    for (const KernelCode &kernel : compilation.program.kernels) {
      if (kernel.choice != 0)
        contractions.insert(kernel.key);
      if (choice == 0) {
        keys.push_back(kernel.key);
        names.push_back(kernel.label + " -> " + kernel.result);
      }
    }
    auto program = load(compilation.image(), module.getLoc(), /*report=*/nullptr);
    return succeeded(program) ? *program : nullptr;
  };
  auto tuned = tuneKernels(compileTrial, options);
  cache.setTrial(std::nullopt);
  if (!tuned)
    return emitError(module.getLoc()) << StringRef(tuned.error().message).ltrim("error: ");
  for (auto [key, name, kernel] : llvm::zip(keys, names, *tuned)) {
    if (!contractions.contains(key))
      continue;
    cache.setChoice(key, kernel.choice);
    if (kernel.choice != 0 && options.onTuned)
      options.onTuned(fmt::format("{}: {:.1f} us instead of {:.1f} us", name, kernel.after * 1e6,
                                  kernel.before * 1e6));
  }
  return success();
}

/// Compiles a graph; objects that `cache` knows are taken from there.
static FailureOr<ProgramImage> compileImage(ModuleOp module, const CompileOptions &options,
                                            CompileReport *report, CodeCache *cache) {
  Compilation compilation(module, options, report, cache);
  if (failed(compilation.optimize()))
    return failure();
  if (options.tune && cache && failed(tune(module, options, *cache)))
    return failure();
  if (failed(compilation.generate()) || failed(compilation.compile()))
    return failure();
  return compilation.image();
}

FailureOr<std::shared_ptr<LoadedProgram>>
compileGraph(ModuleOp module, const CompileOptions &options, CompileReport *report) {
  auto image = compileImage(module, options, report, /*cache=*/nullptr);
  if (failed(image))
    return failure();
  return load(std::move(*image), module.getLoc(), report);
}

//===----------------------------------------------------------------------===//
// The cache
//===----------------------------------------------------------------------===//

/// Null where none is to be used: one who asks for remarks wants every phase.
static std::unique_ptr<CodeCache> openCache(const CompileOptions &options,
                                            const CompileReport *report) {
  if (report && report->explain)
    return nullptr;
  Result<Machine> machine = Machine::get(options.march, options.target);
  return machine ? CodeCache::open(options, *machine) : nullptr;
}

/// The program of an earlier compilation; null where there is none.
static std::shared_ptr<LoadedProgram> loadCached(const CodeCache &cache, ModelOp model,
                                                 const ProgramRequest &request,
                                                 CompileReport *report) {
  PhaseTimer timer(report, "cache");
  std::optional<ProgramImage> image = cache.findProgram(model, request);
  if (!image)
    return nullptr;
  std::vector<CompileReport::Kernel> kernels = image->kernels;
  auto program = loadImage(std::move(*image));
  if (program) {
    if (report) {
      report->isCached = true;
      report->cachedKernels = kernels.size();
      report->kernels = std::move(kernels);
    }
    return std::move(*program);
  }
  // Not what this build makes: compile it again.
  llvm::consumeError(program.takeError());
  return nullptr;
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
  std::unique_ptr<CodeCache> cache = openCache(options, report);
  if (cache && !options.tune)
    if (auto program = loadCached(*cache, impl.model, request, report))
      return program;
  auto module = buildTimed(model, request, report);
  if (failed(module))
    return diagnostics.error("the graph of '" + impl.name + "' cannot be built");
  FailureOr<std::shared_ptr<LoadedProgram>> program = failure();
  if (auto image = compileImage(**module, options, report, cache.get()); succeeded(image)) {
    if (cache)
      cache->keepProgram(impl.model, request, *image);
    program = load(std::move(*image), (*module)->getLoc(), report);
  }
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
