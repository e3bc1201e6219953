//===- TargetMachine.h - LLVM's view of a machine ---------------*- C++ -*-===//

#ifndef DL_LIB_TARGET_TARGETMACHINE_H
#define DL_LIB_TARGET_TARGETMACHINE_H

#include "dl/Support/Machine.h"

#include "llvm/MC/TargetRegistry.h"

namespace dl {

/// The backend for a triple; registers the native one on first use.
Result<const llvm::Target *> lookupTarget(const llvm::Triple &triple);

} // namespace dl

#endif // DL_LIB_TARGET_TARGETMACHINE_H
