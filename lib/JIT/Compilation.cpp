//===- Compilation.cpp - From a graph to objects --------------------------===//

#include "Compilation.h"
#include "Diagnostics.h"
#include "dl/CodeGen/CodeGen.h"
#include "dl/Graph/Pipeline.h"
#include "dl/Support/Cores.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/PassManager.h"

#include <atomic>
#include <thread>

using namespace mlir;

namespace dl {

ModelOp onlyModel(ModuleOp module) { return *module.getOps<ModelOp>().begin(); }

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

LogicalResult Compilation::optimize() {
  PhaseTimer timer(report, "graph");
  return optimizeGraph(module, options, report);
}

LogicalResult Compilation::generate() {
  PhaseTimer timer(report, "codegen");
  Result<Machine> found = Machine::get(options.march, options.target);
  if (!found)
    return emitError(UnknownLoc::get(module.getContext())) << messageOf(found.error());
  machine = *found;
  CodeGenOptions codegen;
  codegen.machine = machine;
  codegen.optLevel = options.optLevel;
  codegen.winograd = options.winograd ? Winograd::WhereFaster : Winograd::Never;
  if (!options.splitF32)
    codegen.splitProducts = SplitProducts::Never;
  codegen.explain = report && report->explain;
  codegen.profile = options.profile;
  codegen.packsVariables = keepsPacked;
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

FailureOr<std::unique_ptr<llvm::MemoryBuffer>> Compilation::compileUnit(size_t index,
                                                                        CodeGenerator &generator) {
  if (index == 0)
    return generator.compile(*program.main, OutputKind::Object, CodeRole::Program);
  KernelCode &kernel = program.kernels[index - 1];
  if (!kernel.module)
    return cache->takeObject(kernel);
  if (failed(lowerToLLVM(*kernel.module)))
    return failure();
  auto object = generator.compile(*kernel.module, OutputKind::Object);
  if (succeeded(object) && cache)
    cache->keepKernel(kernel, **object);
  return object;
}

/// Calls `work` on as many threads as there are cores, but at most `count`.
static void onThreads(size_t count, llvm::function_ref<void()> work) {
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
  objects.resize(order.size());
  std::atomic<size_t> next = 0;
  std::atomic<bool> failed = false;
  onThreads(order.size(), [&] {
    CodeGenerator generator(machine, options.optLevel);
    for (size_t i; !failed && (i = next++) < order.size();) {
      auto output = compileUnit(order[i], generator);
      if (llvm::failed(output))
        failed = true;
      else
        objects[order[i]] = std::move(*output);
    }
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

/// Callers of the packing function need not know whether anything is packed.
void Compilation::exportPack() {
  defineSize("_packed_bytes", program.packedBytes);
  if (program.packedBytes > 0)
    return;
  OpBuilder b = OpBuilder::atBlockEnd(program.main->getBody());
  auto entry = program.main->lookupSymbol<LLVM::LLVMFuncOp>(program.entry);
  auto pack = LLVM::LLVMFuncOp::create(b, module.getLoc(), program.entry + "_pack",
                                       entry.getFunctionType());
  b.setInsertionPointToStart(pack.addEntryBlock(b));
  LLVM::ReturnOp::create(b, module.getLoc(), ValueRange());
}

FailureOr<std::unique_ptr<llvm::MemoryBuffer>> Compilation::compileLinked(OutputKind kind) {
  PhaseTimer timer(report, "llvm");
  if (options.exportPack)
    exportPack();
  defineSize("_worker_bytes", program.scratchBytes);
  defineSize("_arena_bytes", program.plannedBytes + program.workspaceBytes);
  SmallVector<ModuleOp> modules = {*program.main};
  for (KernelCode &kernel : program.kernels)
    modules.push_back(*kernel.module);
  std::atomic<size_t> next = 1;
  std::atomic<bool> failed = false;
  onThreads(program.kernels.size(), [&] {
    for (size_t i; !failed && (i = next++) < modules.size();)
      if (llvm::failed(lowerToLLVM(modules[i])))
        failed = true;
  });
  if (failed)
    return failure();
  return CodeGenerator(machine, options.optLevel).compileLinked(modules, kind);
}

ProgramImage Compilation::image() {
  ProgramImage image = ProgramImage::describe(onlyModel(module), program);
  image.objects = std::move(objects);
  return image;
}

FailureOr<std::shared_ptr<LoadedProgram>> load(ProgramImage image, Location loc,
                                               CompileReport *report) {
  PhaseTimer timer(report, "link");
  auto program = loadImage(std::move(image));
  if (!program)
    return emitError(loc) << "compiled code cannot be linked: "
                          << llvm::toString(program.takeError());
  return std::move(*program);
}

} // namespace dl
