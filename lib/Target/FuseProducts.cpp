//===- FuseProducts.cpp - Multiply-adds for the fast selector -------------===//

#include "FuseProducts.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/CodeGen/MachineFunctionPass.h"
#include "llvm/CodeGen/MachineInstrBuilder.h"
#include "llvm/CodeGen/MachineRegisterInfo.h"
#include "llvm/CodeGen/TargetInstrInfo.h"
#include "llvm/CodeGen/TargetSubtargetInfo.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/IntrinsicInst.h"

using namespace llvm;

namespace dl {

//===----------------------------------------------------------------------===//
// Before selection
//===----------------------------------------------------------------------===//

/// Constants that are vectors, and negations, are for the other selector.
static bool isPlain(const Value *value) {
  if (isa<Constant>(value))
    return !value->getType()->isVectorTy();
  auto *instruction = dyn_cast<Instruction>(value);
  return !instruction || instruction->getOpcode() != Instruction::FNeg;
}

/// What the fast selector takes, or, where it does not, leaves to the other one alone. All that
/// is above another instruction goes to the other one.
static bool isPassed(const Instruction &instruction) {
  switch (instruction.getOpcode()) {
  case Instruction::Call:
  case Instruction::Br:
  case Instruction::Ret:
    return true;
  case Instruction::Load:
  case Instruction::Store:
  case Instruction::GetElementPtr:
  case Instruction::FAdd:
  case Instruction::FSub:
  case Instruction::FMul:
    return all_of(instruction.operands(), isPlain);
  case Instruction::Add:
  case Instruction::Sub:
  case Instruction::Mul:
  case Instruction::And:
  case Instruction::Or:
  case Instruction::Shl:
  case Instruction::LShr:
  case Instruction::ICmp:
  case Instruction::Select:
    return !instruction.getOperand(0)->getType()->isVectorTy();
  default:
    return false;
  }
}

/// One or more floats of one register.
static bool isRegister(const Type *type) {
  if (!type->getScalarType()->isFloatTy() && !type->getScalarType()->isDoubleTy())
    return false;
  unsigned bits = type->getPrimitiveSizeInBits().getKnownMinValue();
  return !type->isVectorTy() || bits == 128 || bits == 256 || bits == 512;
}

static void split(IntrinsicInst *call) {
  IRBuilder<> b(call);
  MDNode *mark = MDNode::get(b.getContext(), {});
  FastMathFlags flags;
  flags.setAllowContract();
  b.setFastMathFlags(flags);
  auto *product = cast<Instruction>(b.CreateFMul(call->getArgOperand(0), call->getArgOperand(1)));
  auto *sum = cast<Instruction>(b.CreateFAdd(product, call->getArgOperand(2)));
  for (Instruction *part : {product, sum})
    part->setMetadata(LLVMContext::MD_pcsections, mark);
  call->replaceAllUsesWith(sum);
  call->eraseFromParent();
}

static void splitProducts(BasicBlock &block) {
  for (Instruction &instruction : make_early_inc_range(reverse(block))) {
    if (!isPassed(instruction))
      return;
    auto *call = dyn_cast<IntrinsicInst>(&instruction);
    if (call && is_contained({Intrinsic::fma, Intrinsic::fmuladd}, call->getIntrinsicID()) &&
        isRegister(call->getType()) && all_of(call->args(), isPlain))
      split(call);
  }
}

void splitProducts(Module &module) {
  for (Function &function : module)
    for (BasicBlock &block : function)
      splitProducts(block);
}

//===----------------------------------------------------------------------===//
// After selection
//===----------------------------------------------------------------------===//

namespace {
/// What an addition's instruction may be fused with, and into what: of registers, and with
/// the product's second operand in memory.
struct Fusion {
  unsigned product, fused, productOfMemory, fusedOfMemory;
};

class ProductFuser : public MachineFunctionPass {
public:
  static char ID;
  ProductFuser() : MachineFunctionPass(ID) {}

  StringRef getPassName() const override { return "Fuse products and sums"; }
  bool runOnMachineFunction(MachineFunction &function) override;

private:
  void findFusions(const TargetInstrInfo &instructions);
  bool fuse(MachineInstr &sum, const TargetInstrInfo &instructions);

  DenseMap<unsigned, Fusion> fusions;
};
} // namespace

char ProductFuser::ID = 0;

/// By the names of instructions: VADD, VMUL and VFMADD231 with the same type.
void ProductFuser::findFusions(const TargetInstrInfo &instructions) {
  StringMap<unsigned> opcodes;
  for (unsigned opcode = 0; opcode < instructions.getNumOpcodes(); ++opcode) {
    StringRef name = instructions.getName(opcode);
    if (name.starts_with("VADD") || name.starts_with("VMUL") || name.starts_with("VFMADD231"))
      opcodes[name] = opcode;
  }
  for (const auto &entry : opcodes) {
    StringRef type = entry.getKey();
    if (!type.consume_front("VADD") || !type.consume_back("rr"))
      continue;
    Fusion fusion = {opcodes.lookup(("VMUL" + type + "rr").str()),
                     opcodes.lookup(("VFMADD231" + type + "r").str()),
                     opcodes.lookup(("VMUL" + type + "rm").str()),
                     opcodes.lookup(("VFMADD231" + type + "m").str())};
    if (fusion.product && fusion.fused && fusion.productOfMemory && fusion.fusedOfMemory)
      fusions[entry.getValue()] = fusion;
  }
}

bool ProductFuser::fuse(MachineInstr &sum, const TargetInstrInfo &instructions) {
  auto fusion = fusions.find(sum.getOpcode());
  if (fusion == fusions.end())
    return false;
  MachineRegisterInfo &registers = sum.getMF()->getRegInfo();
  Register value = sum.getOperand(1).getReg();
  MachineInstr *product = registers.getVRegDef(value);
  if (!product)
    return false;
  const auto &[ofRegisters, fused, ofMemory, fusedOfMemory] = fusion->second;
  bool readsMemory = product->getOpcode() == ofMemory;
  // The other selector may have merged equal products, which others then use as well.
  bool isShared = !registers.hasOneNonDBGUse(value);
  if (product->getOpcode() != (readsMemory ? ofMemory : ofRegisters) || (isShared && readsMemory))
    return false;
  auto result =
      BuildMI(*sum.getParent(), sum, sum.getDebugLoc(),
              instructions.get(readsMemory ? fusedOfMemory : fused), sum.getOperand(0).getReg())
          .add(sum.getOperand(2));
  for (const MachineOperand &operand : drop_begin(product->explicit_operands()))
    result.add(operand);
  result.cloneMemRefs(*product).setMIFlag(MachineInstr::NoFPExcept);
  if (isShared)
    for (const MachineOperand &operand : product->explicit_uses())
      registers.clearKillFlags(operand.getReg());
  else
    product->eraseFromParent();
  sum.eraseFromParent();
  return true;
}

bool ProductFuser::runOnMachineFunction(MachineFunction &function) {
  const TargetInstrInfo &instructions = *function.getSubtarget().getInstrInfo();
  if (fusions.empty())
    findFusions(instructions);
  SmallVector<MachineInstr *> sums;
  bool changed = false;
  for (MachineBasicBlock &block : function)
    for (MachineInstr &instruction : block)
      if (instruction.getPCSections()) {
        instruction.setPCSections(function, nullptr);
        changed = true;
        if (fusions.contains(instruction.getOpcode()))
          sums.push_back(&instruction);
      }
  for (MachineInstr *sum : sums)
    if (!fuse(*sum, instructions))
      function.getFunction().getContext().emitError("expected a product for a sum that is marked");
  return changed;
}

FunctionPass *createProductFuser() { return new ProductFuser(); }

} // namespace dl
