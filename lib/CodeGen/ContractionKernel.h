//===- ContractionKernel.h - Matmul and convolution kernels -----*- C++ -*-===//

#ifndef DL_LIB_CODEGEN_CONTRACTIONKERNEL_H
#define DL_LIB_CODEGEN_CONTRACTIONKERNEL_H

#include "KernelModule.h"

namespace dl {

/// Adds the phases of a kernel whose anchor is a contraction.
llvm::LogicalResult emitContractionKernel(KernelModule &module);

} // namespace dl

#endif // DL_LIB_CODEGEN_CONTRACTIONKERNEL_H
