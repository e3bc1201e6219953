//===- FuseProducts.h - Multiply-adds for the fast selector -----*- C++ -*-===//

#ifndef DL_LIB_TARGET_FUSEPRODUCTS_H
#define DL_LIB_TARGET_FUSEPRODUCTS_H

#include "llvm/IR/IntrinsicInst.h"
#include "llvm/Pass.h"

namespace dl {

/// LLVM's fast selector does not know multiply-adds and leaves each, as a call, to the other
/// one, which takes 20 times as long for it as for another instruction. For a machine that
/// has them, those that the fast selector would meet (StandIns.h) become two instructions that
/// it knows, marked, one after the other:
///
///   d = fma(a, b, c)  ~>  p = fmul contract a, b; d = fadd contract p, c
///
/// Where both go to the other selector after all, it fuses them by their flags; of what the
/// fast one has made of them, the pass below makes one instruction again. The call is left
/// without users.
void splitProduct(llvm::IntrinsicInst &call);

/// For x86, after selection:
///
///   p = VMULPSZrr a, b; d = VADDPSZrr p, c  ~>  d = VFMADD231PSZr c, a, b
///
/// It is an error of the compilation where a marked addition finds no product.
llvm::FunctionPass *createProductFuser();

} // namespace dl

#endif // DL_LIB_TARGET_FUSEPRODUCTS_H
