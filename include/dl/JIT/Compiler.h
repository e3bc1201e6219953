//===- Compiler.h - From a graph to code in memory --------------*- C++ -*-===//
//
// All phases in their order. Executable and Trainer use it, and so do the tools
// that show what happens on the way (--emit, --explain, --timing).
//
//===----------------------------------------------------------------------===//

#ifndef DL_JIT_COMPILER_H
#define DL_JIT_COMPILER_H

#include "dl/JIT/ModelImpl.h"
#include "dl/Profile.h"
#include "dl/Trainer.h"

namespace dl {

/// What to make of a model.
struct ProgramRequest {
  enum class Kind { Forward, Evaluation, Step };
  Kind kind = Kind::Forward;
  /// For an evaluation and a step; for a step.
  Loss loss;
  Optimizer optimizer;
  /// The value of open extents; ignored where there are none.
  int64_t batch = 1;
};

/// The IR after a phase.
enum class Stage {
  Graph,   // dl ops, batch closed
  Step,    // the training step (or evaluation), dl ops
  Fused,   // kernels in memory, dl ops
  Kernels, // each kernel: loops, vectors
  // One module with the kernels and the program, which alone is visible:
  //   void dlc_<model>(void *const *variables, void *const *inputs,
  //                    void *const *outputs, char *arena, void *pool)
  //   const int64_t dlc_<model>_arena_bytes, dlc_<model>_worker_bytes
  // The arena has arena_bytes + worker_bytes for each worker of the pool.
  LLVM, // LLVM IR
  Assembly,
  Object, // relocatable; needs the runtime and the C library
};

/// What a compilation tells about itself.
struct CompileReport {
  struct Time {
    std::string phase;
    double seconds;
  };
  /// A distinct kernel.
  struct Kernel {
    std::string name;
    double flops, bytes;
    int64_t workspaceBytes, scratchBytes;
  };
  /// In the order of the phases. Kernels compile in parallel: wall time.
  std::vector<Time> times;
  std::vector<Kernel> kernels;
  /// The whole program came from the cache on disk; so many kernels did.
  bool isCached = false;
  size_t cachedKernels = 0;
  /// A remark for each decision, where `explain` is set.
  bool explain = false;
  std::string remarks;
};

/// A variable as a program wants it.
struct ProgramVariable {
  /// Name, element type, shape as the model declares it.
  TensorSpec spec;
  /// Stored dimension i is declared dimension storage[i]; empty: as declared.
  std::vector<int64_t> storage;
  /// `parameter`, `optimizer` or `counter`.
  std::string role;
  /// The program writes it.
  bool updated = false;
};

/// Code in memory. Immutable; runs of it may be concurrent if their arenas,
/// outputs and updated variables are distinct.
class LoadedProgram {
public:
  virtual ~LoadedProgram() = default;

  std::vector<ProgramVariable> variables;
  /// Shapes are closed.
  std::vector<TensorSpec> inputs, outputs;
  int64_t plannedBytes = 0, workspaceBytes = 0, scratchBytes = 0;
  /// Memory for what the program packs of its variables: see `pack`.
  int64_t packedBytes = 0;
  /// Where it was compiled for profiling: its kernels without times, and what a
  /// run leaves in the arena (see Program::timedPhases).
  std::vector<Profile::Kernel> kernels;
  struct TimedPhase {
    int64_t kernel, phase;
  };
  std::vector<TimedPhase> timedPhases;
  int64_t timesOffset = 0;

  size_t arenaBytes(int workers) const {
    return static_cast<size_t>(plannedBytes + workspaceBytes + scratchBytes * workers);
  }
  /// What `pack` needs besides, of those workers.
  size_t packScratchBytes(int workers) const {
    return static_cast<size_t>(packedBytes == 0 ? 0 : scratchBytes * workers);
  }
  /// Pointers in the order of `variables`, `inputs` and `outputs`; an arena of
  /// arenaBytes for the workers of the pool, 64-byte aligned; a dlrt_pool or null. Where
  /// packedBytes is not 0, the memory of packed variables follows the variables.
  void run(void *const *variableData, void *const *inputData, void *const *outputData, char *arena,
           void *pool) const {
    entry(variableData, inputData, outputData, arena, pool);
  }

  /// Packs variables for the runs that follow, until these change. `scratch` has
  /// packScratchBytes. Precondition: packedBytes is not 0.
  void pack(void *const *variableData, char *scratch, void *pool) const {
    packEntry(variableData, nullptr, nullptr, scratch, pool);
  }

protected:
  using Entry = void (*)(void *const *, void *const *, void *const *, char *, void *);
  Entry entry = nullptr, packEntry = nullptr;
};

/// The graph of a request: a clone of the model, batch closed, loss and step
/// built; alone in a module. Diagnostics go to the context.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> buildGraph(const Model &model,
                                                              const ProgramRequest &request);

/// Compiles to code in memory.
Result<std::shared_ptr<LoadedProgram>> compileProgram(const Model &model,
                                                      const ProgramRequest &request,
                                                      const CompileOptions &options,
                                                      CompileReport *report = nullptr);
/// The same for a graph as it is: one dl.model with static shapes, in a context of
/// createContext. The module is consumed. Diagnostics go to the context.
mlir::FailureOr<std::shared_ptr<LoadedProgram>>
compileGraph(mlir::ModuleOp module, const CompileOptions &options, CompileReport *report = nullptr);
/// Compiles up to a stage and returns its text (an object's bytes). Error: as in
/// compileProgram.
Result<std::string> emitStage(const Model &model, const ProgramRequest &request,
                              const CompileOptions &options, Stage stage,
                              CompileReport *report = nullptr);

} // namespace dl

#endif // DL_JIT_COMPILER_H
