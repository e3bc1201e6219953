//===- KernelPasses.cpp - The code generator's passes for kernels ---------===//

#include "KernelPasses.h"
#include "FuseProducts.h"
#include "StandIns.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Pass.h"
#include "llvm/TargetParser/Triple.h"

namespace dl {

/// By the names that LLVM shows. Each visits every function, and many want analyses of
/// their own. One that a later LLVM calls otherwise runs again, and a test says so.
static const llvm::StringSet<> &unwantedPasses() {
  static const llvm::StringSet<> names = {
      // Kernels have no atomics, no calls but of the mathematics, no exceptions, no
      // collected memory, no variables of threads, no jumps to computed places.
      "Expand Atomic instructions",
      "Merge contiguous icmps into a memcmp",
      "Expand memcmp() to load/stores",
      "Lower Garbage Collection Instructions",
      "Shadow Stack GC Lowering",
      "Analyze Machine Code For Garbage Collection",
      "Partially inline calls to library functions",
      "Replace intrinsics with calls to vector library",
      "Expand indirectbr instructions",
      "Prepare callbr",
      "Exception handling preparation",
      "Contiguously Lay Out Funclets",
      "ObjC ARC contraction",
      "Local Dynamic TLS Access Clean-up",
      "Fixup Statepoint Caller Saved",
      "StackMap Liveness Analysis",
      "Merge disjoint stack slots",
      // They are not instrumented, guarded or debugged.
      "Instrument function entry/exit with calls to e.g. mcount() (post inlining)",
      "Safe Stack instrumentation pass",
      "Insert stack protectors",
      "Insert KCFI indirect call checks",
      "Insert fentry calls",
      "Insert XRay ops",
      "Implement the 'patchable-function' attribute",
      "Machine Sanitizer Binary Metadata",
      "Pseudo Probe Inserter",
      "Check CFA info and insert CFI instructions if needed",
      "Remove Redundant DEBUG_VALUE analysis",
      "Live DEBUG_VALUE analysis",
      "Remove Loads Into Fake Uses",
      "Stack Frame Layout Analysis",
      "Register Allocation Pass Scoring",
      "X86 speculative load hardening",
      "X86 Load Value Injection (LVI) Load Hardening",
      "X86 Load Value Injection (LVI) Ret-Hardening",
      "X86 Speculative Execution Side Effect Suppression",
      "X86 Indirect Branch Tracking",
      "X86 Indirect Thunks",
      "X86 Return Thunks",
      "X86 Atom pad short functions",
      // Code is straight as it was emitted, and vectors stay vectors.
      "Type-Based Alias Analysis",
      "Scoped NoAlias Alias Analysis",
      "X86 Partial Reduction",
      "X86 Domain Reassignment Pass",
      "X86 Avoid Store Forwarding Blocks",
      "X86 cmov Conversion",
      "Early Tail Duplication",
      "Tail Duplication",
      "Early If-Conversion",
      "Machine InstCombiner",
      "Live Range Shrink",
      "Shrink Wrapping analysis",
      "PostRA Machine Sink",
      "Post RA top-down list latency scheduler",
      "Stack Slot Coloring",
  };
  return names;
}

/// On x86, where an instruction's address has an index and any distance, lanes of vectors are
/// no registers of their own, numbers of the x87 are not used and positions are 64 bits.
/// Addresses are computed in the block that accesses them, and vectors of floats stay in the
/// domain of floats: nothing is left to be moved or renamed.
static const llvm::StringSet<> &unwantedOnX86() {
  static const llvm::StringSet<> names = {
      "CodeGen Prepare",
      "X86 Execution Dependency Fix",
      "BreakFalseDeps",
      "Canonicalize Freeze Instructions in Loops",
      "Loop Strength Reduction",
      "Constant Hoisting",
      "Expand IR instructions",
      "Detect Dead Lanes",
      "Init Undef Pass",
      "Rename Disconnected Subregister Components",
      "Local Stack Slot Allocation",
      "Unpack machine instruction bundles",
      "Argument Stack Rebase",
      "X86 DynAlloca Expander",
      "X86 FP Stackifier",
      "X86 Optimize Call Frame",
      "X86 PIC Global Base Reg Initialization",
      "X86 Suppress APX features for relocation",
      "X86 insert wait instruction",
  };
  return names;
}

/// Where there are no tiles.
static const llvm::StringSet<> &unwantedWithoutTiles() {
  static const llvm::StringSet<> names = {
      "Fast Tile Register Configure", "Fast Tile Register Preconfigure",
      "Lower AMX intrinsics",         "Lower AMX type for load/store",
      "Tile Register Configure",      "Tile Register Pre-configure",
      "X86 Lower Tile Copy",
  };
  return names;
}

/// Where products are those of tiles: loops wait for these, not for what other passes left inside,
/// and what is moved out of loops wants registers there.
static const llvm::StringSet<> &unwantedWithTiles() {
  static const llvm::StringSet<> names = {
      "Early Machine Loop Invariant Code Motion",
      "Machine code sinking",
  };
  return names;
}

/// Where instructions leave their operands as they are and run out of order: emitters
/// have put them in an order in which a tile fits into the registers. The scheduler
/// collects loads at the top, and spills.
static constexpr llvm::StringLiteral kScheduler = "Machine Instruction Scheduler";

/// The first pass over what was selected.
static constexpr llvm::StringLiteral kAfterSelection =
    "Finalize ISel and expand pseudo-instructions";

std::vector<llvm::StringRef> unwantedPassNames() {
  std::vector<llvm::StringRef> names = {kScheduler};
  for (const llvm::StringSet<> *set :
       {&unwantedPasses(), &unwantedOnX86(), &unwantedWithoutTiles(), &unwantedWithTiles()})
    for (const auto &entry : *set)
      names.push_back(entry.getKey());
  return names;
}

KernelPassManager::KernelPassManager(const Machine &machine, int optLevel, bool usesTiles)
    : isWhole(optLevel >= 3), isX86(llvm::Triple(machine.triple).isX86()),
      keepsOrder(isX86 && machine.vectorBits > 128), hasTiles(machine.hasTiles),
      usesTiles(usesTiles) {}

bool KernelPassManager::wants(llvm::StringRef name) const {
  return isWhole ||
         !(unwantedPasses().contains(name) || (isX86 && unwantedOnX86().contains(name)) ||
           (!hasTiles && unwantedWithoutTiles().contains(name)) ||
           (usesTiles && unwantedWithTiles().contains(name)) || (keepsOrder && name == kScheduler));
}

void KernelPassManager::add(llvm::Pass *pass) {
  if (isX86 && !isWhole && pass->getPassName() == kAfterSelection) {
    llvm::legacy::PassManager::add(createStandInReplacer());
    llvm::legacy::PassManager::add(createProductFuser());
  }
  if (wants(pass->getPassName()))
    llvm::legacy::PassManager::add(pass);
  else
    delete pass;
}

} // namespace dl
