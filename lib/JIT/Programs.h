//===- Programs.h - Programs bound to their variables -----------*- C++ -*-===//

#ifndef DL_LIB_JIT_PROGRAMS_H
#define DL_LIB_JIT_PROGRAMS_H

#include "Pool.h"
#include "Variables.h"

#include <map>
#include <shared_mutex>

namespace dl {

/// The batch size of a call, or 1 where nothing is open. Error: number, type or
/// shape do not fit, or two tensors disagree about the batch.
Result<int64_t> checkBatch(std::span<const TensorSpec> specs, std::span<const TensorView> tensors,
                           const char *what);

/// Addresses for a call; on the stack, as a run allocates nothing.
using Addresses = llvm::SmallVector<void *, 32>;

/// The elements of tensors. Programs never write their inputs.
Addresses addressesOf(std::span<const TensorView> inputs);
Addresses addressesOf(std::span<Tensor> outputs);

/// A loaded program and the addresses of its variables.
class BoundProgram {
public:
  /// Precondition: nobody else uses the store. `adopt`: the store takes over the
  /// program's storage.
  BoundProgram(std::shared_ptr<LoadedProgram> program, VariableStore &store,
               std::shared_ptr<dlrt_pool> pool, bool adopt);

  const LoadedProgram &get() const { return *program; }
  size_t arenaBytes() const { return program->arenaBytes(dlrt_pool_workers(pool.get())); }

  /// True where addresses, converted copies or packed variables are older than the store.
  bool isStale() const {
    bool hasCopies = !copies.empty() || program->packedBytes > 0;
    return boundLayout != store.layout || (hasCopies && copied != store.version);
  }
  /// Brings them up to date. Precondition: no run is going on.
  void refresh();

  /// Runs. Precondition: not stale; as many inputs and outputs as the program
  /// has, of its types and shapes. Error: no memory for the arena.
  Status run(std::span<const TensorView> inputs, std::span<Tensor> outputs) const;
  /// The same on addresses and an arena of the caller.
  void call(void *const *inputs, void *const *outputs, char *arena) const {
    if (program->timedPhases.empty())
      program->run(addresses.data(), inputs, outputs, arena, pool.get());
    else
      callTimed(inputs, outputs, arena);
  }
  /// An arena for runs, to be given back. Error: no memory.
  Result<char *> acquireArena() const;
  void releaseArena(char *arena) const { arenas.release(arena); }
  /// After a run that updates variables: takes updated copies over.
  void commit();

  /// What the runs took so far, where the program was compiled to tell.
  Profile profile() const;

  /// Tensors for the outputs of one run after the other, made on first use.
  std::span<Tensor> ownOutputs();

private:
  void bind();
  void pack();
  void callTimed(void *const *inputs, void *const *outputs, char *arena) const;
  /// Adds the times that a run left in its arena.
  void addTimes(const char *arena, double seconds) const;
  void forgetFirst() const;

  /// A variable whose storage differs from the store's.
  struct Copy {
    size_t variable;
    Storage storage;
    bool updated;
    Tensor value;
  };

  std::shared_ptr<LoadedProgram> program;
  VariableStore &store;
  std::shared_ptr<dlrt_pool> pool;
  std::vector<void *> addresses;
  std::vector<Copy> copies;
  /// What the program packs of variables, and the scratch for it.
  Tensor packed;
  uint64_t copied = 0, boundLayout = 0;
  bool updates = false;
  std::vector<Tensor> outputs;
  mutable Arenas arenas;
  mutable std::mutex profiling;
  mutable Profile times;
  mutable bool isFirstForgotten = false;
};

/// The programs of one kind: one for each batch size, compiled when first asked
/// for.
class ProgramCache {
public:
  ProgramCache(Model model, ProgramRequest request, CompileOptions options, VariableStore &store,
               std::shared_mutex &mutex, std::shared_ptr<dlrt_pool> pool, bool isMain)
      : model(std::move(model)), request(std::move(request)), options(std::move(options)),
        store(store), mutex(mutex), pool(std::move(pool)), isMain(isMain) {}

  /// Compiles where necessary; programs stay as long as the cache. Precondition:
  /// `mutex` is not held.
  Result<BoundProgram *> get(int64_t batch);
  /// Null where none was compiled. Precondition: `mutex` is held.
  BoundProgram *find(int64_t batch) const;

private:
  Model model;
  ProgramRequest request;
  CompileOptions options;
  VariableStore &store;
  /// Guards the store and the programs.
  std::shared_mutex &mutex;
  std::shared_ptr<dlrt_pool> pool;
  /// The first program decides how the store keeps its variables.
  bool isMain;
  /// One compilation at a time, so that nothing is compiled twice.
  std::mutex compiling;
  std::map<int64_t, std::unique_ptr<BoundProgram>> programs;
};

} // namespace dl

#endif // DL_LIB_JIT_PROGRAMS_H
