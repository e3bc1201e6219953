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

void splitProduct(IntrinsicInst &call) {
  IRBuilder<> b(&call);
  MDNode *mark = MDNode::get(b.getContext(), {});
  FastMathFlags flags;
  flags.setAllowContract();
  b.setFastMathFlags(flags);
  auto *product = cast<Instruction>(b.CreateFMul(call.getArgOperand(0), call.getArgOperand(1)));
  auto *sum = cast<Instruction>(b.CreateFAdd(product, call.getArgOperand(2)));
  for (Instruction *part : {product, sum})
    part->setMetadata(LLVMContext::MD_pcsections, mark);
  call.replaceAllUsesWith(sum);
}

//===----------------------------------------------------------------------===//
// After selection
//===----------------------------------------------------------------------===//

namespace {
/// What an addition's instruction may be fused with, and into what: the product's second
/// operand in a register, in memory, or one element of memory for all lanes (0: there is none).
struct Fusion {
  std::array<unsigned, 3> products, fused;
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
    auto product = [&](StringRef kind) { return opcodes.lookup(("VMUL" + type + kind).str()); };
    auto fused = [&](StringRef kind) { return opcodes.lookup(("VFMADD231" + type + kind).str()); };
    Fusion fusion = {{product("rr"), product("rm"), product("rmb")},
                     {fused("r"), fused("m"), fused("mb")}};
    if (fusion.products[0] && fusion.fused[0] && fusion.products[1] && fusion.fused[1])
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
  const auto &[products, fused] = fusion->second;
  const auto *kind = llvm::find(products, product->getOpcode());
  // The other selector may have merged equal products, which others then use as well.
  bool isShared = !registers.hasOneNonDBGUse(value);
  if (kind == products.end() || (isShared && kind != products.begin()))
    return false;
  auto result =
      BuildMI(*sum.getParent(), sum, sum.getDebugLoc(),
              instructions.get(fused[kind - products.begin()]), sum.getOperand(0).getReg())
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
