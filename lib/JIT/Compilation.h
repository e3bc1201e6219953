//===- Compilation.h - From a graph to objects ------------------*- C++ -*-===//

#ifndef DL_LIB_JIT_COMPILATION_H
#define DL_LIB_JIT_COMPILATION_H

#include "CodeCache.h"
#include "dl/Target/ObjectCode.h"

#include <chrono>

namespace dl {

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

/// What lies between a graph and its objects. On failure diagnostics of the
/// module's context say why.
class Compilation {
public:
  /// `module` holds one model, of static shapes. `report` and `cache` may be null;
  /// kernels that the cache knows are taken from there. `keepsPacked`: who runs the program
  /// packs its variables before (LoadedProgram::pack).
  Compilation(mlir::ModuleOp module, const CompileOptions &options, CompileReport *report,
              CodeCache *cache, bool keepsPacked = false)
      : module(module), options(options), report(report), cache(cache), keepsPacked(keepsPacked) {}

  /// Graph optimiser.
  llvm::LogicalResult optimize();
  /// Loops of each distinct kernel, and the program that calls them.
  llvm::LogicalResult generate();
  /// An object of each module, the program first.
  llvm::LogicalResult compile();
  /// All modules as one. Precondition: none of them is an object of the cache.
  mlir::FailureOr<std::unique_ptr<llvm::MemoryBuffer>> compileLinked(OutputKind kind);

  /// What `compile` made.
  ProgramImage image();

  Program program;

private:
  mlir::FailureOr<std::unique_ptr<llvm::MemoryBuffer>> compileUnit(size_t index,
                                                                   CodeGenerator &generator);
  void defineSize(llvm::StringRef suffix, int64_t bytes);
  void exportPack();

  mlir::ModuleOp module;
  const CompileOptions &options;
  CompileReport *report;
  CodeCache *cache;
  bool keepsPacked;
  Machine machine;
  std::vector<ObjectFile> objects;
};

/// The model that is alone in a module.
ModelOp onlyModel(mlir::ModuleOp module);

/// Links a program into this process.
mlir::FailureOr<std::shared_ptr<LoadedProgram>> load(ProgramImage image, mlir::Location loc,
                                                     CompileReport *report);

} // namespace dl

#endif // DL_LIB_JIT_COMPILATION_H
