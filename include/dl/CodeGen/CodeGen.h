//===- CodeGen.h - From planned kernels to code -----------------*- C++ -*-===//
//
// Each distinct kernel of a planned model becomes a module of its own (so that
// kernels compile in parallel), plus one module with the program that calls
// them.
//
// A kernel runs in phases; a phase is a number of independent tasks, run by
//   void entry(int64_t begin, int64_t end, int64_t worker, void *const *args)
// for tasks [begin, end) on a worker. `args` holds a pointer for each operand
// and result of the dl.kernel, then the kernel's workspace (shared by its
// tasks, dead after it) and the base of the workers' scratch memory (worker w
// owns scratchBytes from scratchBytes * w on). Tasks write disjoint parts of
// results and workspace, so the bits do not depend on who runs them. A phase may
// prepare the next: each worker runs all of it by itself before its first task there,
// and leaves in its scratch what its tasks read.
//
// The program is
//   void dlc_<model>(void *const *variables, void *const *inputs,
//                    void *const *outputs, char *arena, void *pool)
// and, where operands are kept packed (CodeGenOptions::packsVariables), a second
// function of that type, dlc_<model>_pack, which looks at variables, arena and pool
// alone: it packs what the program reads from the memory whose address follows those
// of the variables, and is called whenever these have changed.
// The arena holds the planned values, then the workspace, then the scratch of
// each worker of the pool. Phases go through `dlrt_parallel_for` (Runtime.h), those
// that another prepares, or whose tasks are run in a row, through `dlrt_prepared_for`;
// one whose work is below the cost of a fork is called directly. With
// CodeGenOptions::profile all go through `dlrt_timed_for`.
//
//===----------------------------------------------------------------------===//

#ifndef DL_CODEGEN_CODEGEN_H
#define DL_CODEGEN_CODEGEN_H

#include "dl/IR/DLOps.h"
#include "dl/Support/Machine.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <memory>
#include <optional>
#include <vector>

namespace dl {

/// Whether convolutions go through Winograd's transform, which takes fewer
/// multiplications and rounds otherwise. Always: wherever it can, for tests.
enum class Winograd { Never, WhereFaster, Always };

/// Whether f32 contractions become products of bf16 parts by tiles (three for each
/// element, as accurate as f32), on machines that have them.
enum class SplitProducts { Never, WhereFaster, WherePossible };

/// A way to compute a contraction.
struct KernelChoice {
  /// Vectors in a row of the register tile; 0: what the model estimates best.
  int64_t vectors = 0;
  /// Convolutions: the transform always or never, unless it is turned off.
  std::optional<Winograd> winograd = std::nullopt;
  /// Tiles wherever they can, or never, unless they are turned off.
  std::optional<SplitProducts> splitProducts = std::nullopt;
};

/// What tuning tries. The first is the model's choice.
inline constexpr KernelChoice kKernelChoices[] = {
    {},
    {1},
    {2},
    {3},
    {4},
    {6},
    {0, Winograd::Never},
    {0, Winograd::Always},
    {0, std::nullopt, SplitProducts::Never},
    {0, std::nullopt, SplitProducts::WherePossible},
};

struct CodeGenOptions {
  Machine machine;
  SplitProducts splitProducts = SplitProducts::WhereFaster;
  int optLevel = 2;
  Winograd winograd = Winograd::WhereFaster;
  /// Remarks on strategies.
  bool explain = false;
  /// The program notes when each phase ran (see Program::timedPhases).
  bool profile = false;
  /// For contractions.
  KernelChoice choice;
  /// What kernels only pack of variables that the program does not write is packed
  /// before it runs: see Program::packedBytes.
  bool packsVariables = false;
  /// Of the kernel that is generated: operands that are such variables.
  llvm::SmallVector<unsigned> variables = {};
};

/// Whether workers share the tasks of a phase, or each that takes part in the next one
/// runs them all before. Packing: shared, and all it does is to pack a variable. InRow:
/// shared, and each task makes ready what the next one begins with.
enum class PhaseKind : int64_t { Shared, Preparation, Packing, InRow };

/// One phase of a kernel.
struct Phase {
  std::string entry;
  int64_t tasks = 1;
  PhaseKind kind = PhaseKind::Shared;

  bool isPreparation() const { return kind == PhaseKind::Preparation; }
  bool isInRow() const { return kind == PhaseKind::InRow; }
};

/// The code of one distinct kernel: func, scf, memref, vector, arith, math.
struct KernelCode {
  std::string name;
  /// A text that two kernels share exactly where the same code serves both, with
  /// the same options.
  std::string key;
  /// What it computes, as `conv2d+relu`, and the type of its first result.
  std::string label, result;
  /// Which of kKernelChoices it is.
  size_t choice = 0;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<Phase> phases;
  int64_t workspaceBytes = 0;
  int64_t scratchBytes = 0;
  /// The workspace holds nothing but packed variables, so that it is kept from run to
  /// run, and phases that pack are left out of these.
  bool isPacked = false;
  /// Whether a phase of it runs before the program.
  bool isBefore(const Phase &phase) const { return isPacked && phase.kind == PhaseKind::Packing; }
  /// Arithmetic and memory traffic of one run, for the cost model and reports.
  double flops = 0, bytes = 0;
};

/// A compiled model before LLVM. The modules live in the context of the model.
struct Program {
  /// The symbol of the program's function: see entrySymbol.
  std::string entry;
  std::vector<KernelCode> kernels;
  /// The program itself, in the LLVM dialect.
  mlir::OwningOpRef<mlir::ModuleOp> main;
  /// Arena: planned values; then the largest workspace; then, for each worker,
  /// the largest scratch.
  int64_t plannedBytes = 0, workspaceBytes = 0, scratchBytes = 0;
  /// The memory of packed variables, and the symbol of the function that packs them; 0:
  /// there are none. Its arena has the scratch of each worker alone.
  int64_t packedBytes = 0;
  std::string packEntry;

  /// A phase of `kernels[kernel]`.
  struct TimedPhase {
    int64_t kernel, phase;
  };
  /// With CodeGenOptions::profile: the phases in the order of their calls. A run
  /// leaves a dlrt_phase_time for each in the arena, from timesOffset on (within
  /// the planned bytes).
  std::vector<TimedPhase> timedPhases;
  int64_t timesOffset = 0;

  int64_t arenaBytes(int workers) const {
    return plannedBytes + workspaceBytes + scratchBytes * workers;
  }
};

/// The symbol that a model's program has in objects: `dlc_` and its name, with `_`
/// for what C does not take in names. The prefix keeps it apart from the C library
/// and the runtime, whatever the model's name is.
std::string entrySymbol(llvm::StringRef model);

/// Knows the code of kernels that were generated before.
class KernelSource {
public:
  virtual ~KernelSource() = default;
  /// A kernel by its key and choice, without a module; nothing: it must be
  /// generated.
  virtual std::optional<KernelCode> find(llvm::StringRef key, size_t choice) = 0;
  /// Which of kKernelChoices a contraction is to be computed by.
  virtual size_t choiceOf(llvm::StringRef key) { return 0; }
  /// False: it knows choices alone.
  virtual bool hasObjects() const { return true; }
};

/// A text that two kernels share exactly where the same code serves both.
std::string kernelKey(KernelOp kernel);
/// Whether a kernel may be computed by other choices than the first.
bool hasChoices(KernelOp kernel);

/// Generates code for a planned model (see Graph/Pipeline.h). Kernels that
/// `source` knows stay without a module; with a source of objects, kernels are named
/// by their key, so that a name means the same code in every model.
mlir::FailureOr<Program> generateProgram(ModelOp model, const CodeGenOptions &options,
                                         KernelSource *source = nullptr);

/// Lowers a kernel's module to the LLVM dialect. Thread-safe for different
/// modules of one context.
llvm::LogicalResult lowerToLLVM(mlir::ModuleOp module);

} // namespace dl

#endif // DL_CODEGEN_CODEGEN_H
