//===- Compiler.cpp - From a graph to code in memory ----------------------===//

#include "dl/JIT/Compiler.h"
#include "Compilation.h"
#include "Diagnostics.h"
#include "Tune.h"
#include "dl/Autodiff/TrainingStep.h"
#include "dl/IR/Specialize.h"

using namespace mlir;

namespace dl {

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

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

/// Compiles a graph; objects that `cache` knows are taken from there.
static FailureOr<ProgramImage> compileImage(ModuleOp module, const CompileOptions &options,
                                            CompileReport *report, CodeCache *cache,
                                            bool keepsPacked) {
  Compilation compilation(module, options, report, cache, keepsPacked);
  if (failed(compilation.optimize()))
    return failure();
  if (options.tune && cache && failed(tuneModule(module, options, *cache)))
    return failure();
  if (failed(compilation.generate()) || failed(compilation.compile()))
    return failure();
  return compilation.image();
}

FailureOr<std::shared_ptr<LoadedProgram>>
compileGraph(ModuleOp module, const CompileOptions &options, CompileReport *report) {
  auto image = compileImage(module, options, report, /*cache=*/nullptr, /*keepsPacked=*/false);
  if (failed(image))
    return failure();
  return load(std::move(*image), module.getLoc(), report);
}

//===----------------------------------------------------------------------===//
// The cache
//===----------------------------------------------------------------------===//

/// Null where none is to be used. An unknown machine is the compilation's error.
static Result<std::unique_ptr<CodeCache>> openCache(const CompileOptions &options) {
  Result<Machine> machine = Machine::get(options.march, options.target);
  return machine ? CodeCache::open(options, *machine) : std::unique_ptr<CodeCache>();
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

/// In a step, and between steps, variables change too often.
static bool keepsPacked(const ProgramRequest &request, const CompileOptions &options) {
  return options.keepPacked && request.kind == ProgramRequest::Kind::Forward;
}

Result<std::shared_ptr<LoadedProgram>> compileProgram(const Model &model,
                                                      const ProgramRequest &request,
                                                      const CompileOptions &options,
                                                      CompileReport *report) {
  const Model::Impl &impl = model.getImpl();
  std::lock_guard lock(impl.compiling);
  DiagnosticCapture diagnostics(impl.context.get(), impl.source, impl.sourceName);
  auto opened = openCache(options);
  if (!opened)
    return opened.error();
  std::unique_ptr<CodeCache> cache = std::move(*opened);
  // One who asks for remarks wants every phase.
  if (cache && report && report->explain)
    cache->useChoicesAlone();
  if (cache && !options.tune)
    if (auto program = loadCached(*cache, impl.model, request, report))
      return program;
  auto module = buildTimed(model, request, report);
  if (failed(module))
    return diagnostics.error("the graph of '" + impl.name + "' cannot be built");
  FailureOr<std::shared_ptr<LoadedProgram>> program = failure();
  auto image = compileImage(**module, options, report, cache.get(), keepsPacked(request, options));
  if (succeeded(image)) {
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

/// Kernels are shown as they run in memory; emitted code is as its callers call it.
static bool keepsPacked(const ProgramRequest &request, const CompileOptions &options, Stage stage) {
  return stage == Stage::Kernels ? keepsPacked(request, options) : options.exportPack;
}

/// The text of a stage of a compilation that starts from `module`.
static FailureOr<std::string> runTo(Stage stage, ModuleOp module, const CompileOptions &options,
                                    CompileReport *report, CodeCache *cache, bool keepsPacked) {
  if (stage == Stage::Graph || stage == Stage::Step)
    return print(onlyModel(module));
  Compilation compilation(module, options, report, cache, keepsPacked);
  if (failed(compilation.optimize()))
    return failure();
  if (stage == Stage::Fused)
    return print(onlyModel(module));
  if (options.tune && cache && failed(tuneModule(module, options, *cache)))
    return failure();
  if (cache)
    cache->useChoicesAlone();
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
  if (options.tune && !options.target.empty())
    return Error{"error: expected no target: kernels are measured on this machine"};
  if (options.exportPack && request.kind != ProgramRequest::Kind::Forward)
    return Error{"error: expected a forward pass: a training step changes what would be packed"};
  std::lock_guard lock(impl.compiling);
  DiagnosticCapture diagnostics(impl.context.get(), impl.source, impl.sourceName);
  auto module = buildTimed(model, request, report);
  if (failed(module))
    return diagnostics.error("the graph of '" + impl.name + "' cannot be built");
  // What runs in memory and what is emitted compute alike, so they share choices.
  auto cache = openCache(options);
  if (!cache)
    return cache.error();
  FailureOr<std::string> text =
      runTo(stage, **module, options, report, cache->get(), keepsPacked(request, options, stage));
  if (report)
    report->remarks += diagnostics.remarks();
  if (failed(text))
    return diagnostics.error("'" + impl.name + "' cannot be compiled");
  return *text;
}

} // namespace dl
