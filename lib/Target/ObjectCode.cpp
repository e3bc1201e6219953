//===- ObjectCode.cpp - From the LLVM dialect to object code --------------===//

#include "dl/Target/ObjectCode.h"
#include "Backend.h"
#include "FastSelection.h"
#include "FenceShuffles.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/PassManager.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/IPO/Internalize.h"
#include "llvm/Transforms/InstCombine/InstCombine.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/GVN.h"
#include "llvm/Transforms/Scalar/LICM.h"
#include "llvm/Transforms/Scalar/LoopPassManager.h"
#include "llvm/Transforms/Scalar/SimplifyCFG.h"

using namespace mlir;

namespace dl {

void registerTranslations(DialectRegistry &registry) {
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
}

namespace {

/// Turns LLVM's errors, which end the process by default, into diagnostics.
struct ErrorForwarder : llvm::DiagnosticHandler {
  explicit ErrorForwarder(Location loc) : loc(loc) {}

  bool handleDiagnostics(const llvm::DiagnosticInfo &info) override {
    if (info.getSeverity() != llvm::DS_Error)
      return true;
    std::string text;
    llvm::raw_string_ostream os(text);
    llvm::DiagnosticPrinterRawOStream printer(os);
    info.print(printer);
    emitError(loc) << "code generation failed: " << text;
    failed = true;
    return true;
  }

  Location loc;
  bool failed = false;
};

} // namespace

/// Marks functions: they throw nothing, so no unwind tables; and some CPUs
/// prefer vectors narrower than those that were chosen for them.
static void annotate(llvm::Module &module, const Machine &machine) {
  for (llvm::Function &function : module) {
    function.setDoesNotThrow();
    if (function.isDeclaration())
      continue;
    std::string bits = std::to_string(machine.vectorBits);
    function.addFnAttr("prefer-vector-width", bits);
    function.addFnAttr("min-legal-vector-width", bits);
  }
}

/// IR passes. No vectoriser and no unroller at any level: the kernels come vectorised and
/// unrolled, with equal values merged and addresses in the form that x86 has. Elsewhere LLVM's
/// strength reduction makes them, and wants their parts simplified.
static void optimize(llvm::Module &module, llvm::TargetMachine &target, int optLevel) {
  if (optLevel < 3 && target.getTargetTriple().isX86()) {
    prepareFastSelection(module);
    return fenceShuffles(module);
  }
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager cgscc;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&target);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(cgscc);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, cgscc, modules);

  llvm::FunctionPassManager passes;
  passes.addPass(llvm::EarlyCSEPass());
  passes.addPass(llvm::InstCombinePass());
  if (optLevel >= 3) {
    passes.addPass(llvm::createFunctionToLoopPassAdaptor(llvm::LICMPass(llvm::LICMOptions()),
                                                         /*UseMemorySSA=*/true));
    passes.addPass(llvm::GVNPass());
    passes.addPass(llvm::SimplifyCFGPass());
  }
  for (llvm::Function &function : module)
    if (!function.isDeclaration())
      passes.run(function, functions);
}

/// LLVM IR of the modules as one. Null: a diagnostic or an error of the context
/// says why.
static std::unique_ptr<llvm::Module> translate(ArrayRef<ModuleOp> modules,
                                               llvm::LLVMContext &context) {
  std::unique_ptr<llvm::Module> linked;
  llvm::StringSet<> visible;
  for (ModuleOp module : modules) {
    // The verifier of the LLVM dialect has seen the module.
    std::unique_ptr<llvm::Module> translated = translateModuleToLLVMIR(
        module, context, module.getName().value_or("dl"), /*disableVerification=*/true);
    if (!translated)
      return nullptr;
    if (linked) {
      if (llvm::Linker::linkModules(*linked, std::move(translated)))
        return nullptr;
      continue;
    }
    linked = std::move(translated);
    for (const llvm::GlobalValue &value : linked->global_values())
      if (!value.isDeclaration())
        visible.insert(value.getName());
  }
  if (modules.size() > 1)
    llvm::internalizeModule(
        *linked, [&](const llvm::GlobalValue &value) { return visible.contains(value.getName()); });
  return linked;
}

CodeGenerator::CodeGenerator(const Machine &machine, int optLevel)
    : machine(machine), optLevel(optLevel) {}

CodeGenerator::~CodeGenerator() {
  if (backend)
    Backend::giveBack(std::move(backend));
}

FailureOr<std::unique_ptr<llvm::MemoryBuffer>>
CodeGenerator::compileLinked(ArrayRef<ModuleOp> modules, OutputKind kind, CodeRole role) {
  ModuleOp first = modules.front();
  Location loc = first.getLoc();
  if (!backend)
    backend = Backend::take(loc, machine);
  if (!backend)
    return failure();
  backend->setLevel(optLevel, role);
  llvm::TargetMachine &target = backend->getTarget();

  llvm::LLVMContext context;
  auto handler = std::make_unique<ErrorForwarder>(loc);
  ErrorForwarder &errors = *handler;
  context.setDiagnosticHandler(std::move(handler));
  std::unique_ptr<llvm::Module> module = translate(modules, context);
  if (!module)
    return failure();
  module->setTargetTriple(llvm::Triple(machine.triple));
  module->setDataLayout(target.createDataLayout());
  annotate(*module, machine);
  if (optLevel > 0 && role == CodeRole::Kernels)
    optimize(*module, target, optLevel);

  llvm::SmallVector<char, 0> bytes;
  if (kind == OutputKind::LLVMIR) {
    llvm::raw_svector_ostream os(bytes);
    module->print(os, nullptr);
  } else {
    auto written = backend->write(*module, kind);
    if (errors.failed)
      backend->forgetPasses();
    if (failed(written))
      return emitError(loc) << "this target cannot write "
                            << (kind == OutputKind::Assembly ? "assembly" : "objects");
    bytes = std::move(*written);
  }
  if (errors.failed)
    return failure();
  return std::unique_ptr<llvm::MemoryBuffer>(std::make_unique<llvm::SmallVectorMemoryBuffer>(
      std::move(bytes), first.getName().value_or("dl"), /*RequiresNullTerminator=*/false));
}

FailureOr<std::unique_ptr<llvm::MemoryBuffer>>
CodeGenerator::compile(ModuleOp module, OutputKind kind, CodeRole role) {
  return compileLinked(module, kind, role);
}

} // namespace dl
