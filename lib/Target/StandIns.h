//===- StandIns.h - What the fast selector does not know --------*- C++ -*-===//

#ifndef DL_LIB_TARGET_STANDINS_H
#define DL_LIB_TARGET_STANDINS_H

#include "llvm/IR/Module.h"
#include "llvm/Pass.h"

namespace dl {

/// LLVM's fast selector knows no broadcasts, no shuffles and no vectors of constants, and leaves a
/// block from there on to the other one, which takes ten times as long. Nor does it know
/// prefetches, which it leaves alone, without their address. Where it would meet them,
/// instructions that it knows stand in for them, marked with what they mean:
///
///   splat(load p)                 ~>  load <16 x float> p
///   shuffle a, b, [0, 2, 16, 18]  ~>  fdiv a, b
///   phi(zeroinitializer)          ~>  phi(load volatile <16 x float> p)
///   prefetch p                    ~>  load volatile i8 p
///   lshr x, splat 16              ~>  fdiv x, x
///   and x, splat 7                ~>  and x, (load <16 x i32> @constant)
///
/// With `hasFMA` multiply-adds become two instructions (FuseProducts.h).
void putStandIns(llvm::Module &module, bool hasFMA);

/// For x86, after selection: what they stand in for.
///
///   d = VMOVUPSZrm p              ~>  d = VBROADCASTSSZrm p
///   d = VMULPSZrm a, p            ~>  d = VMULPSZrmb a, p
///   d = VDIVPSZrr a, b            ~>  d = VSHUFPSZrri a, b, 136
///   d = VDIVPSZrr a, a            ~>  d = VPSRLDZri a, 16
///   d = VMOVUPSZrm p              ~>  d = AVX512_512_SET0
///   d = MOV8rm p                  ~>  PREFETCHT0 p
///
/// It is an error of the compilation where one is missing.
llvm::FunctionPass *createStandInReplacer();

/// What a stand-in stands in for, with its immediate: of a blend, a bit for each lane, set
/// where it is of the second operand; of a prefetch, its locality; of a shift, its bits. A
/// permutation has the vector of its lanes.
struct StandIn {
  enum Kind { Broadcast, Zero, Prefetch, Blend, Shuffle, Granules, Permutation, Shift };

  Kind kind;
  unsigned immediate = 0;
  llvm::Constant *lanes = nullptr;

  /// The mark that selection hands on to machine instructions.
  llvm::MDNode *mark(llvm::LLVMContext &context) const;
  /// None: a mark of something else, or null.
  static std::optional<StandIn> of(const llvm::MDNode *mark);
};

} // namespace dl

#endif // DL_LIB_TARGET_STANDINS_H
