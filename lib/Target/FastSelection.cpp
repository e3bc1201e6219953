//===- FastSelection.cpp - IR that LLVM selects quickly --------------------===//

#include "FastSelection.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"

using namespace llvm;

namespace dl {

static void expandMinMax(BasicBlock &block) {
  for (Instruction &instruction : make_early_inc_range(block)) {
    auto *call = dyn_cast<MinMaxIntrinsic>(&instruction);
    if (!call || !call->getType()->isIntegerTy())
      continue;
    IRBuilder<> b(call);
    Value *isFirst = b.CreateICmp(call->getPredicate(), call->getLHS(), call->getRHS());
    call->replaceAllUsesWith(b.CreateSelect(isFirst, call->getLHS(), call->getRHS()));
    call->eraseFromParent();
  }
}

static bool addsOrMultiplies(const Instruction &instruction) {
  if (auto *call = dyn_cast<IntrinsicInst>(&instruction))
    return call->getIntrinsicID() == Intrinsic::fma || call->getIntrinsicID() == Intrinsic::fmuladd;
  return is_contained({Instruction::FAdd, Instruction::FSub, Instruction::FMul},
                      instruction.getOpcode());
}

/// Zero is made without memory. Null: the value is no such splat.
static Constant *asSplat(Value *value) {
  auto *constant = dyn_cast<Constant>(value);
  bool isSplat = constant && constant->getType()->isVectorTy() && !constant->isNullValue() &&
                 isa_and_nonnull<ConstantFP>(constant->getSplatValue());
  return isSplat ? constant : nullptr;
}

namespace {
/// Constants in memory, each once.
class ConstantMemory {
public:
  explicit ConstantMemory(Module &module) : module(module) {}

  Value *load(IRBuilder<> &b, Constant *constant) {
    GlobalVariable *global = globalOf(constant);
    LoadInst *load = b.CreateAlignedLoad(constant->getType(), global, global->getAlign());
    load->setMetadata(LLVMContext::MD_invariant_load, MDNode::get(b.getContext(), {}));
    return load;
  }

private:
  GlobalVariable *globalOf(Constant *constant) {
    GlobalVariable *&global = globals[constant];
    if (!global) {
      Type *type = constant->getType();
      global = new GlobalVariable(module, type, /*isConstant=*/true, GlobalValue::PrivateLinkage,
                                  constant, "splat");
      global->setAlignment(Align(module.getDataLayout().getTypeAllocSize(type).getFixedValue()));
      global->setUnnamedAddr(GlobalValue::UnnamedAddr::Global);
    }
    return global;
  }

  Module &module;
  DenseMap<Constant *, GlobalVariable *> globals;
};
} // namespace

static bool isMaskedAccess(const Instruction &instruction) {
  auto *call = dyn_cast<IntrinsicInst>(&instruction);
  return call &&
         is_contained({Intrinsic::masked_load, Intrinsic::masked_store}, call->getIntrinsicID());
}

/// Whether a block only loads, adds, multiplies and stores vectors.
static bool hasKnownVectors(const BasicBlock &block) {
  return all_of(block, [](const Instruction &instruction) {
    bool isVector = instruction.getType()->isVectorTy() ||
                    any_of(instruction.operand_values(),
                           [](const Value *value) { return value->getType()->isVectorTy(); });
    return !isVector || addsOrMultiplies(instruction) || isMaskedAccess(instruction) ||
           isa<LoadInst, StoreInst, PHINode>(instruction);
  });
}

static void loadSplats(BasicBlock &block, ConstantMemory &memory) {
  if (!hasKnownVectors(block))
    return;
  DenseMap<Constant *, Value *> loaded;
  for (Instruction &instruction : block) {
    if (!addsOrMultiplies(instruction))
      continue;
    for (Use &operand : instruction.operands())
      if (Constant *splat = asSplat(operand)) {
        Value *&value = loaded[splat];
        if (!value) {
          IRBuilder<> b(&instruction);
          value = memory.load(b, splat);
        }
        operand.set(value);
      }
  }
}

void prepareFastSelection(Module &module) {
  ConstantMemory memory(module);
  for (Function &function : module)
    for (BasicBlock &block : function) {
      expandMinMax(block);
      loadSplats(block, memory);
    }
}

} // namespace dl
