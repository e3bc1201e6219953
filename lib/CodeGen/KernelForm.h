//===- KernelForm.h - What kind of kernel it is -----------------*- C++ -*-===//
//
// Fusion makes kernels of four forms, and each has an emitter.
//
//   contraction  one matmul or convolution (or a gradient of one), elementwise
//                ops before and after it           -> emitContractionKernel
//   window       one pooling op, elementwise ops before and after it
//                                                  -> emitWindowKernel
//   loops        elementwise ops and reductions over the same axes of one shape
//                                                  -> emitLoopKernel
//   concat       one concat                        -> emitConcatKernel
//
//===----------------------------------------------------------------------===//

#ifndef DL_LIB_CODEGEN_KERNELFORM_H
#define DL_LIB_CODEGEN_KERNELFORM_H

#include "KernelModule.h"

#include "dl/Graph/Kernels.h"

namespace dl {

enum class KernelForm { Contraction, Window, Loops, Concat };

/// The form of a kernel, or a diagnostic where none fits.
mlir::FailureOr<KernelForm> classifyKernel(KernelOp kernel);

/// The emitters add phases to the module of a kernel of their form.
llvm::LogicalResult emitLoopKernel(KernelModule &module);
llvm::LogicalResult emitConcatKernel(KernelModule &module);
llvm::LogicalResult emitWindowKernel(KernelModule &module);

/// What values take in memory.
double memoryBytes(mlir::ValueRange values);

/// Arithmetic of the elementwise ops and reductions of a body, and the bytes of
/// the kernel's operands and results: an estimate for the cost model.
void addBodyWork(KernelModule &module);

} // namespace dl

#endif // DL_LIB_CODEGEN_KERNELFORM_H
