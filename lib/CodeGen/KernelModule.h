//===- KernelModule.h - The module of one kernel ----------------*- C++ -*-===//
//
// What all kernels share, whatever their form: a module, a function for each
// phase, memory by operand, result, workspace and scratch. The function of a
// phase is
//
//   func.func @<name>_phase<i>(%begin: index, %end: index, %worker: index,
//                              %arg: memref<Nxf32> ..., %workspace: memref<Bxi8>,
//                              %scratch: memref<Bxi8>)
//
// with a loop over the tasks [begin, end); lowerToLLVM makes it the entry that
// takes the pointers from `args` (see CodeGen.h). Memory is flat: one dimension,
// static, row-major; i1 is stored as a byte of 0 or 1.
//
//===----------------------------------------------------------------------===//

#ifndef DL_LIB_CODEGEN_KERNELMODULE_H
#define DL_LIB_CODEGEN_KERNELMODULE_H

#include "dl/CodeGen/CodeGen.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace dl {

/// On the function of a phase: its name as an entry, and the bytes of scratch
/// each worker owns.
inline constexpr llvm::StringLiteral kEntry = "dl.entry";
/// Tasks of a phase, of whose numbers its function gets a range.
inline constexpr llvm::StringLiteral kTasks = "dl.tasks";
inline constexpr llvm::StringLiteral kScratchBytes = "dl.scratch_bytes";

/// The element type in memory: i8 for i1, else the type itself.
mlir::Type storageType(mlir::Type elementType);
int64_t storageBytes(mlir::Type elementType);

class KernelModule;

/// Whether results of so many bytes should be stored past the caches: writing to memory is
/// then a third cheaper, as lines are not read before. Of the last-level cache nobody knows
/// how much is left to a kernel: a few times the second level count as large. Results of eight
/// times, handed on around four tensors, are made and read 1.1 times as fast so, around eight
/// tensors 1.4 times, and between two 0.9 times. `computes`: there is much arithmetic beside each
/// store, which hides that lines are read; then results are large from twice as many bytes on.
bool isLargeResult(const Machine &machine, int64_t bytes, bool computes = false);

/// The function of one phase while it is built; `b` inserts into the loop over
/// the tasks.
struct PhaseBuilder {
  KernelModule &kernel;
  mlir::ImplicitLocOpBuilder b;
  mlir::func::FuncOp function;
  /// Number of the task and of the worker that runs it (index).
  mlir::Value task, worker;
  /// The tasks that the function is called for: [begin, end).
  mlir::Value beginTask() { return function.getArgument(0); }
  mlir::Value endTask() { return function.getArgument(1); }
  /// Whether stores went past the caches: others see them after a fence.
  bool bypasses = false;
  /// Parts of the workspace and of scratch that it has asked for: by their memory, offset and type.
  llvm::DenseMap<std::tuple<mlir::Value, int64_t, mlir::Type>, mlir::Value> views{};

  /// Memory of an argument of the dl.kernel's body.
  mlir::Value argument(mlir::BlockArgument argument);
  /// Memory of a result of the dl.kernel.
  mlir::Value result(unsigned index);
  /// Builds `emit`, which stores whole vectors of `results`: where `mayBypass`, once with
  /// true, past the caches, for where these begin at multiples of a vector and over no
  /// argument, and once for elsewhere.
  void emitStores(llvm::ArrayRef<unsigned> results, bool mayBypass,
                  llvm::function_ref<void(bool)> emit);
  /// `count` elements from a byte offset that reserveWorkspace or
  /// reserveScratch returned. All tasks share the workspace; scratch is the
  /// worker's own. Emitted outside the loop over the tasks.
  mlir::Value workspace(int64_t offset, mlir::Type elementType, int64_t count);
  mlir::Value scratch(int64_t offset, mlir::Type elementType, int64_t count);
  /// Memory of a constant that is no splat.
  mlir::Value constant(mlir::DenseElementsAttr value);

  mlir::Value index(int64_t value);

private:
  /// i1: results begin at multiples of `bytes`, and none lies over an argument.
  mlir::Value areApart(llvm::ArrayRef<unsigned> results, int64_t bytes);
  mlir::Value view(mlir::Value bytes, int64_t offset, mlir::Type elementType, int64_t count);
};

class KernelModule {
public:
  KernelModule(KernelOp kernel, llvm::StringRef name, const CodeGenOptions &options);

  KernelOp op() const { return kernel; }
  mlir::Block &body() const { return kernel->getRegion(0).front(); }
  YieldOp yield() const { return llvm::cast<YieldOp>(body().back()); }
  const CodeGenOptions &options() const { return codegenOptions; }
  const Machine &machine() const { return codegenOptions.machine; }
  mlir::ModuleOp module() const { return *code.module; }

  /// Reserves bytes, aligned to 64; returns their offset.
  int64_t reserveWorkspace(int64_t bytes);
  int64_t reserveScratch(int64_t bytes);
  /// The same for what is made of a value by a phase that does nothing else. Where it is a
  /// variable, and the workspace has no more than such, that phase runs before.
  int64_t reservePacked(int64_t bytes, mlir::Value source);
  /// Whether, so far, the workspace holds packed variables and nothing else.
  bool isPacked() const { return packedBytes > 0 && packedBytes == code.workspaceBytes; }
  /// Whether a value is a variable that the program does not write.
  bool isVariable(mlir::Value value) const;
  /// Adds what one run of the kernel computes and moves.
  void addWork(double flops, double bytes);

  /// Adds a phase of `tasks` tasks. `emit` builds what one task does.
  void addPhase(int64_t tasks, llvm::function_ref<void(PhaseBuilder &)> emit);
  /// Adds one each of whose tasks makes ready what the next one begins with.
  void addPhaseInRow(int64_t tasks, llvm::function_ref<void(PhaseBuilder &)> emit);
  /// Adds one that each worker runs by itself, before its tasks of the next phase: it
  /// writes scratch alone.
  void addPreparation(int64_t tasks, llvm::function_ref<void(PhaseBuilder &)> emit);
  /// Adds a phase that makes what `reservePacked` reserved memory for.
  void addPackingPhase(int64_t tasks, mlir::Value source,
                       llvm::function_ref<void(PhaseBuilder &)> emit);

  /// The finished code. No phase may be added afterwards.
  KernelCode take();

private:
  KernelOp kernel;
  CodeGenOptions codegenOptions;
  KernelCode code;
  /// Of the workspace, what holds packed variables.
  int64_t packedBytes = 0;
};

/// Builds code for where a condition holds and for where it does not.
void buildIf(mlir::ImplicitLocOpBuilder &b, mlir::Value condition, llvm::function_ref<void()> then,
             llvm::function_ref<void()> otherwise);
/// The same with values of the one or the other.
llvm::SmallVector<mlir::Value>
buildChoice(mlir::ImplicitLocOpBuilder &b, mlir::Value condition, mlir::TypeRange types,
            llvm::function_ref<llvm::SmallVector<mlir::Value>()> then,
            llvm::function_ref<llvm::SmallVector<mlir::Value>()> otherwise);

/// Builds `for (i = lower; i < upper; i += step) body(i)` at the builder's
/// place; a single iteration is inlined where the bounds are constant.
void buildLoop(mlir::ImplicitLocOpBuilder &b, mlir::Value lower, mlir::Value upper, int64_t step,
               llvm::function_ref<void(mlir::Value)> body);
void buildLoop(mlir::ImplicitLocOpBuilder &b, int64_t lower, int64_t upper, int64_t step,
               llvm::function_ref<void(mlir::Value)> body);
/// The same with values carried from iteration to iteration.
llvm::SmallVector<mlir::Value> buildReduceLoop(
    mlir::ImplicitLocOpBuilder &b, mlir::Value lower, mlir::Value upper, int64_t step,
    mlir::ValueRange initial,
    llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value, mlir::ValueRange)> body);

} // namespace dl

#endif // DL_LIB_CODEGEN_KERNELMODULE_H
