//===- ReduceAddresses.h - Addresses that loops step through ----*- C++ -*-===//

#ifndef DL_LIB_TARGET_REDUCEADDRESSES_H
#define DL_LIB_TARGET_REDUCEADDRESSES_H

#include "llvm/Analysis/LoopAnalysisManager.h"
#include "llvm/IR/OptBisect.h"
#include "llvm/IR/PassManager.h"

namespace llvm {
class LPMUpdater;
} // namespace llvm

namespace dl {

/// Addresses of an innermost loop that move alike become one pointer, stepped
/// once an iteration, with constant distances from it:
///
///   a[i * 64], a[i * 64 + 1], a[i * 64 + 2]  ~>  p[0], p[1], p[2]; p += 64
///
/// LLVM's loop strength reduction does that too, but in the unrolled loops of
/// kernels it takes longer than all the rest of code generation.
class ReduceAddressesPass : public llvm::PassInfoMixin<ReduceAddressesPass> {
public:
  llvm::PreservedAnalyses run(llvm::Loop &loop, llvm::LoopAnalysisManager &manager,
                              llvm::LoopStandardAnalysisResults &results,
                              llvm::LPMUpdater &updater);
};

/// Keeps the code generator from its own loop strength reduction.
class SkipStrengthReduction : public llvm::OptPassGate {
public:
  bool isEnabled() const override { return true; }
  bool shouldRunPass(llvm::StringRef pass, llvm::StringRef) const override {
    return pass != "Loop Strength Reduction";
  }
};

} // namespace dl

#endif // DL_LIB_TARGET_REDUCEADDRESSES_H
