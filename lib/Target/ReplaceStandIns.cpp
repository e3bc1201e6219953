//===- ReplaceStandIns.cpp - What stand-ins stand in for ------------------===//

#include "StandIns.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/CodeGen/MachineConstantPool.h"
#include "llvm/CodeGen/MachineFunctionPass.h"
#include "llvm/CodeGen/MachineInstrBuilder.h"
#include "llvm/CodeGen/TargetInstrInfo.h"
#include "llvm/CodeGen/TargetSubtargetInfo.h"
#include "llvm/IR/InstIterator.h"

using namespace llvm;

namespace dl {

namespace {
class StandInReplacer : public MachineFunctionPass {
public:
  static char ID;
  StandInReplacer() : MachineFunctionPass(ID) {}

  StringRef getPassName() const override { return "Replace stand-ins"; }
  bool runOnMachineFunction(MachineFunction &function) override;

private:
  void findOpcodes();
  bool replace(MachineInstr &instruction);
  bool broadcast(MachineInstr &instruction);
  bool makeZero(MachineInstr &load);
  bool prefetch(MachineInstr &load, unsigned locality);
  bool shuffle(MachineInstr &division, const StandIn &standIn);
  bool shift(MachineInstr &division, unsigned bits);
  Register maskOf(MachineInstr &place, unsigned lanes, const TargetRegisterClass *type);
  Register lanesOf(MachineInstr &place, Constant *lanes);
  MachineInstrBuilder build(MachineInstr &before, StringRef name, Register result);

  const TargetInstrInfo *instructions = nullptr;
  StringMap<unsigned> opcodes;
  Register instructionPointer;
};
} // namespace

char StandInReplacer::ID = 0;

/// Those that stand-ins may become.
void StandInReplacer::findOpcodes() {
  constexpr StringLiteral kPrefixes[] = {"VSHUF",    "VBLENDMP", "VPERMT2P", "VBROADCASTS",
                                         "KMOV",     "AVX512",   "PREFETCH", "VMOVDDUP",
                                         "VMOVAPSZ", "MOV32ri",  "VPSRLDZri"};
  for (unsigned opcode = 0; opcode < instructions->getNumOpcodes(); ++opcode) {
    StringRef name = instructions->getName(opcode);
    bool isWanted = name.ends_with("mb") ||
                    any_of(kPrefixes, [&](StringRef prefix) { return name.starts_with(prefix); });
    if (isWanted)
      opcodes[name] = opcode;
  }
}

static void findRegister(const TargetRegisterInfo &registers, StringRef name, Register &found) {
  for (unsigned i = 1; i < registers.getNumRegs() && !found; ++i)
    if (StringRef(registers.getName(i)) == name)
      found = i;
}

/// With its result, where it has one.
MachineInstrBuilder StandInReplacer::build(MachineInstr &before, StringRef name, Register result) {
  const MCInstrDesc &opcode = instructions->get(opcodes.lookup(name));
  if (!result)
    return BuildMI(*before.getParent(), before, before.getDebugLoc(), opcode);
  return BuildMI(*before.getParent(), before, before.getDebugLoc(), opcode, result);
}

/// A vector that is loaded, or what has it as an operand.
bool StandInReplacer::broadcast(MachineInstr &instruction) {
  StringRef name = instructions->getName(instruction.getOpcode());
  StringRef type = name;
  std::string wanted = (name + "b").str();
  if (type.consume_front("VMOVUP") || type.consume_front("VMOVAP"))
    wanted = name.ends_with("PDZ128rm") ? "VMOVDDUPZ128rm" : ("VBROADCASTS" + type).str();
  unsigned opcode = opcodes.lookup(wanted);
  if (!opcode || !instruction.hasOneMemOperand())
    return false;
  MachineFunction &function = *instruction.getMF();
  const MachineMemOperand &read = **instruction.memoperands_begin();
  uint64_t bytes = name.contains("PD") ? 8 : 4;
  instruction.setMemRefs(function,
                         function.getMachineMemOperand(read.getPointerInfo(), read.getFlags(),
                                                       bytes, read.getAlign()));
  instruction.setDesc(instructions->get(opcode));
  return true;
}

bool StandInReplacer::makeZero(MachineInstr &load) {
  StringRef name = instructions->getName(load.getOpcode());
  const char *bits = name.contains("Z128") ? "128" : name.contains("Z256") ? "256" : "512";
  if (!name.starts_with("VMOV"))
    return false;
  build(load, ("AVX512_" + StringRef(bits) + "_SET0").str(), load.getOperand(0).getReg());
  return true;
}

bool StandInReplacer::prefetch(MachineInstr &load, unsigned locality) {
  constexpr StringLiteral kNames[] = {"PREFETCHNTA", "PREFETCHT2", "PREFETCHT1", "PREFETCHT0"};
  if (instructions->getName(load.getOpcode()) != "MOV8rm")
    return false;
  auto result = build(load, kNames[locality], Register());
  for (const MachineOperand &operand : drop_begin(load.explicit_operands()))
    result.add(operand);
  result.cloneMemRefs(load);
  return true;
}

/// A vector of lanes, from memory of constants.
Register StandInReplacer::lanesOf(MachineInstr &place, Constant *lanes) {
  MachineFunction &function = *place.getMF();
  MachineRegisterInfo &registers = function.getRegInfo();
  Register result =
      registers.createVirtualRegister(registers.getRegClass(place.getOperand(0).getReg()));
  uint64_t bytes = lanes->getType()->getPrimitiveSizeInBits() / 8;
  StringRef name = bytes == 16 ? "VMOVAPSZ128rm" : bytes == 32 ? "VMOVAPSZ256rm" : "VMOVAPSZrm";
  findRegister(*function.getSubtarget().getRegisterInfo(), "RIP", instructionPointer);
  unsigned constant = function.getConstantPool()->getConstantPoolIndex(lanes, Align(bytes));
  auto flags = MachineMemOperand::MOLoad | MachineMemOperand::MODereferenceable |
               MachineMemOperand::MOInvariant;
  build(place, name, result)
      .addReg(instructionPointer)
      .addImm(1)
      .addReg(0)
      .addConstantPoolIndex(constant)
      .addReg(0)
      .addMemOperand(function.getMachineMemOperand(MachinePointerInfo::getConstantPool(function),
                                                   flags, bytes, Align(bytes)));
  return result;
}

/// A mask with the bits of an immediate; equal ones are merged by a later pass.
Register StandInReplacer::maskOf(MachineInstr &place, unsigned bits,
                                 const TargetRegisterClass *type) {
  MachineFunction &function = *place.getMF();
  MachineRegisterInfo &registers = function.getRegInfo();
  const MCInstrDesc &number = instructions->get(opcodes.lookup("MOV32ri"));
  Register value = registers.createVirtualRegister(instructions->getRegClass(number, 0));
  build(place, "MOV32ri", value).addImm(bits);
  Register mask = registers.createVirtualRegister(type);
  bool isLong = function.getSubtarget().getRegisterInfo()->getRegSizeInBits(*type) > 8;
  build(place, isLong ? "KMOVWkr" : "KMOVBkr", mask).addReg(value);
  return mask;
}

bool StandInReplacer::shuffle(MachineInstr &division, const StandIn &standIn) {
  StringRef type = instructions->getName(division.getOpcode());
  if (!type.consume_front("VDIV"))
    return false;
  std::string name = ("VSHUF" + type + "i").str();
  if (standIn.kind == StandIn::Granules)
    name =
        ("VSHUFF" + StringRef(type.starts_with("PS") ? "32X4" : "64X2") + type.drop_front(2) + "i")
            .str();
  if (standIn.kind == StandIn::Blend)
    name = ("VBLENDM" + type + "k").str();
  if (standIn.kind == StandIn::Permutation)
    name = ("VPERMT2" + type).str();
  unsigned opcode = opcodes.lookup(name);
  if (!opcode)
    return false;
  Register mask, lanes;
  if (standIn.kind == StandIn::Blend)
    mask = maskOf(division, standIn.immediate,
                  instructions->getRegClass(instructions->get(opcode), 1));
  if (standIn.kind == StandIn::Permutation)
    lanes = lanesOf(division, standIn.lanes);
  auto result = build(division, name, division.getOperand(0).getReg());
  if (mask)
    result.addReg(mask);
  result.add(division.getOperand(1));
  if (lanes)
    result.addReg(lanes);
  for (const MachineOperand &operand : drop_begin(division.explicit_operands(), 2))
    result.add(operand);
  if (!mask && !lanes)
    result.addImm(standIn.immediate);
  result.cloneMemRefs(division);
  return true;
}

bool StandInReplacer::shift(MachineInstr &division, unsigned bits) {
  if (instructions->getName(division.getOpcode()) != "VDIVPSZrr")
    return false;
  build(division, "VPSRLDZri", division.getOperand(0).getReg())
      .add(division.getOperand(1))
      .addImm(bits);
  return true;
}

static bool readsBroadcast(const MachineInstr &instruction) {
  return any_of(instruction.memoperands(), [](const MachineMemOperand *read) {
    return StandIn::of(read->getAAInfo().NoAlias);
  });
}

bool StandInReplacer::replace(MachineInstr &instruction) {
  std::optional<StandIn> standIn = StandIn::of(instruction.getPCSections());
  if (readsBroadcast(instruction)) {
    if (standIn)
      instruction.setPCSections(*instruction.getMF(), nullptr);
    return broadcast(instruction);
  }
  bool isReplaced = standIn->kind == StandIn::Zero       ? makeZero(instruction)
                    : standIn->kind == StandIn::Prefetch ? prefetch(instruction, standIn->immediate)
                    : standIn->kind == StandIn::Shift    ? shift(instruction, standIn->immediate)
                                                         : shuffle(instruction, *standIn);
  if (isReplaced)
    instruction.eraseFromParent();
  return isReplaced;
}

bool StandInReplacer::runOnMachineFunction(MachineFunction &function) {
  int64_t missing =
      count_if(llvm::instructions(function.getFunction()), [](const Instruction &own) {
        return StandIn::of(own.getMetadata(LLVMContext::MD_pcsections)).has_value();
      });
  if (missing == 0)
    return false;
  instructions = function.getSubtarget().getInstrInfo();
  if (opcodes.empty())
    findOpcodes();
  for (MachineBasicBlock &block : function)
    for (MachineInstr &instruction : make_early_inc_range(block))
      if (StandIn::of(instruction.getPCSections()) || readsBroadcast(instruction))
        missing -= replace(instruction);
  if (missing != 0)
    function.getFunction().getContext().emitError("expected each stand-in to be replaced");
  return true;
}

FunctionPass *createStandInReplacer() { return new StandInReplacer(); }

} // namespace dl
