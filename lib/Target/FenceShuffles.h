//===- FenceShuffles.h - Transpositions as they are -------------*- C++ -*-===//

#ifndef DL_LIB_TARGET_FENCESHUFFLES_H
#define DL_LIB_TARGET_FENCESHUFFLES_H

#include "llvm/IR/Module.h"

namespace dl {

/// Puts a fence between shuffles of two vectors each, as a transposition has them in
/// levels:
///
///   c = shuffle a, b; e = shuffle c, d  ~>  c = arithmetic.fence (shuffle a, b); ...
///
/// LLVM's x86 backend tries to make one instruction of each shuffle and all that it is
/// made from, which it cannot, and takes most of a kernel's compile time for it. The
/// fence is no instruction in the end.
void fenceShuffles(llvm::Module &module);

} // namespace dl

#endif // DL_LIB_TARGET_FENCESHUFFLES_H
