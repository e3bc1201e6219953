//===- KernelPasses.h - The code generator's passes for kernels -*- C++ -*-===//

#ifndef DL_LIB_TARGET_KERNELPASSES_H
#define DL_LIB_TARGET_KERNELPASSES_H

#include "dl/Support/Machine.h"

#include "llvm/IR/LegacyPassManager.h"

#include <vector>

namespace dl {

/// The passes that are left out on some machine, by the names that LLVM shows.
std::vector<llvm::StringRef> unwantedPassNames();

/// The pipeline of LLVM's code generator without what finds nothing to do in kernels,
/// or nothing that was measured to be worth its time.
class KernelPassManager : public llvm::legacy::PassManager {
public:
  /// From -O3 on no pass is left out. `usesTiles`: for modules that multiply tiles.
  KernelPassManager(const Machine &machine, int optLevel, bool usesTiles);

  /// Takes the pass, or deletes it.
  void add(llvm::Pass *pass) override;

private:
  bool wants(llvm::StringRef name) const;

  bool isWhole, isX86, keepsOrder, hasTiles, usesTiles;
};

} // namespace dl

#endif // DL_LIB_TARGET_KERNELPASSES_H
