//===- ObjectCode.cpp - From the LLVM dialect to object code --------------===//

#include "dl/Target/ObjectCode.h"
#include "FenceShuffles.h"
#include "KernelPasses.h"
#include "TargetMachine.h"

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
#include "llvm/TargetParser/Triple.h"
#include "llvm/Transforms/IPO/Internalize.h"
#include "llvm/Transforms/InstCombine/InstCombine.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/GVN.h"
#include "llvm/Transforms/Scalar/LICM.h"
#include "llvm/Transforms/Scalar/LoopPassManager.h"
#include "llvm/Transforms/Scalar/SimplifyCFG.h"

#include <mutex>

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

/// Null: a diagnostic says why.
static std::unique_ptr<llvm::TargetMachine> createTargetMachine(Location loc,
                                                                const Machine &machine) {
  llvm::Triple triple(machine.triple);
  Result<const llvm::Target *> target = lookupTarget(triple);
  if (!target) {
    emitError(loc) << target.error().message;
    return nullptr;
  }
  llvm::TargetOptions options;
  if (triple.isRISCV64())
    options.MCOptions.ABIName = "lp64d";
  std::unique_ptr<llvm::TargetMachine> result((*target)->createTargetMachine(
      triple, machine.cpu, machine.features, options, llvm::Reloc::PIC_));
  if (!result)
    emitError(loc) << "no code generator for " << machine.triple;
  return result;
}

/// How much LLVM's code generator does. Kernels are vector code with their loops in order:
/// the cheap one loses nothing that was measured, in half the time.
static void setLevel(llvm::TargetMachine &target, int optLevel, CodeRole role) {
  auto level = optLevel >= 3 ? llvm::CodeGenOptLevel::Default : llvm::CodeGenOptLevel::Less;
  if (role == CodeRole::Program)
    level = llvm::CodeGenOptLevel::None;
  target.setOptLevel(level);
  // LLVM sets it for `None`, and never back.
  target.setFastISel(level == llvm::CodeGenOptLevel::None);
}

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

/// IR passes. No vectoriser and no unroller at any level: the kernels come
/// vectorised and unrolled, with addresses in the form that x86 has. Elsewhere LLVM's
/// strength reduction makes them, and wants their parts simplified.
static void optimize(llvm::Module &module, llvm::TargetMachine &target, int optLevel) {
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
  bool isX86 = target.getTargetTriple().isX86();
  if (optLevel >= 3 || !isX86)
    passes.addPass(llvm::InstCombinePass());
  if (optLevel < 3 && isX86)
    passes.addPass(FenceShufflesPass());
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

/// Assembly or an object. The pipeline of the code generator is still made of
/// LLVM's old passes.
static LogicalResult emitCode(llvm::Module &module, llvm::TargetMachine &target,
                              KernelPassManager &passes, OutputKind kind,
                              llvm::raw_pwrite_stream &os, Location loc) {
  auto type = kind == OutputKind::Assembly ? llvm::CodeGenFileType::AssemblyFile
                                           : llvm::CodeGenFileType::ObjectFile;
  if (target.addPassesToEmitFile(passes, os, nullptr, type, /*DisableVerify=*/true))
    return emitError(loc) << "this target cannot write "
                          << (kind == OutputKind::Assembly ? "assembly" : "objects");
  passes.run(module);
  return success();
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

namespace {
/// LLVM's views of machines that no generator has at the moment: what they find out about a
/// machine takes a good part of the time of a small kernel.
class TargetPool {
public:
  static TargetPool &get() {
    static TargetPool pool;
    return pool;
  }

  /// Null: there is none of this machine.
  std::unique_ptr<llvm::TargetMachine> take(const Machine &machine) {
    std::lock_guard lock(mutex);
    auto found = llvm::find_if(idle, [&](const auto &target) {
      return target->getTargetTriple().str() == machine.triple &&
             target->getTargetCPU() == machine.cpu &&
             target->getTargetFeatureString() == machine.features;
    });
    if (found == idle.end())
      return nullptr;
    std::unique_ptr<llvm::TargetMachine> target = std::move(*found);
    idle.erase(found);
    return target;
  }

  void giveBack(std::unique_ptr<llvm::TargetMachine> target) {
    constexpr size_t kKept = 16;
    std::lock_guard lock(mutex);
    idle.push_back(std::move(target));
    if (idle.size() > kKept)
      idle.erase(idle.begin());
  }

private:
  std::mutex mutex;
  std::vector<std::unique_ptr<llvm::TargetMachine>> idle;
};
} // namespace

CodeGenerator::CodeGenerator(const Machine &machine, int optLevel)
    : machine(machine), optLevel(optLevel), target(TargetPool::get().take(machine)) {}

CodeGenerator::~CodeGenerator() {
  if (target)
    TargetPool::get().giveBack(std::move(target));
}

FailureOr<std::unique_ptr<llvm::MemoryBuffer>>
CodeGenerator::compileLinked(ArrayRef<ModuleOp> modules, OutputKind kind, CodeRole role) {
  ModuleOp first = modules.front();
  Location loc = first.getLoc();
  if (!target)
    target = createTargetMachine(loc, machine);
  if (!target)
    return failure();
  setLevel(*target, optLevel, role);

  llvm::LLVMContext context;
  auto handler = std::make_unique<ErrorForwarder>(loc);
  ErrorForwarder &errors = *handler;
  context.setDiagnosticHandler(std::move(handler));
  std::unique_ptr<llvm::Module> module = translate(modules, context);
  if (!module)
    return failure();
  module->setTargetTriple(llvm::Triple(machine.triple));
  module->setDataLayout(target->createDataLayout());
  annotate(*module, machine);
  if (optLevel > 0 && role == CodeRole::Kernels)
    optimize(*module, *target, optLevel);

  KernelPassManager passes(machine, optLevel);
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream os(bytes);
  if (kind == OutputKind::LLVMIR)
    module->print(os, nullptr);
  else if (failed(emitCode(*module, *target, passes, kind, os, loc)))
    return failure();
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
