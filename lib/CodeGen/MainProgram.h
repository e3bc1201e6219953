//===- MainProgram.h - The program that calls the kernels -------*- C++ -*-===//

#ifndef DL_LIB_CODEGEN_MAINPROGRAM_H
#define DL_LIB_CODEGEN_MAINPROGRAM_H

#include "dl/CodeGen/CodeGen.h"

namespace dl {

/// Builds the main module of a program (LLVM dialect; see CodeGen.h).
/// `codeOf[i]` is the index in program.kernels of the i-th dl.kernel. The machine
/// tells which kernels are worth a fork.
void buildMainProgram(ModelOp model, llvm::ArrayRef<size_t> codeOf, const Machine &machine,
                      Program &program);

} // namespace dl

#endif // DL_LIB_CODEGEN_MAINPROGRAM_H
