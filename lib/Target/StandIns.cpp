//===- StandIns.cpp - What the fast selector does not know ----------------===//

#include "StandIns.h"
#include "FuseProducts.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/IntrinsicInst.h"

using namespace llvm;

namespace dl {

//===----------------------------------------------------------------------===//
// Marks
//===----------------------------------------------------------------------===//

MDNode *StandIn::mark(LLVMContext &context) const {
  Type *i32 = Type::getInt32Ty(context);
  SmallVector<Metadata *> parts = {ConstantAsMetadata::get(ConstantInt::get(i32, kind)),
                                   ConstantAsMetadata::get(ConstantInt::get(i32, immediate))};
  if (lanes)
    parts.push_back(ConstantAsMetadata::get(lanes));
  return MDNode::get(context, parts);
}

std::optional<StandIn> StandIn::of(const MDNode *mark) {
  if (!mark || mark->getNumOperands() < 2)
    return std::nullopt;
  auto part = [&](unsigned index) {
    return cast<ConstantAsMetadata>(mark->getOperand(index))->getValue();
  };
  auto number = [&](unsigned index) {
    return static_cast<unsigned>(cast<ConstantInt>(part(index))->getZExtValue());
  };
  return StandIn{static_cast<Kind>(number(0)), number(1),
                 mark->getNumOperands() > 2 ? part(2) : nullptr};
}

//===----------------------------------------------------------------------===//
// Shuffles
//===----------------------------------------------------------------------===//

/// One or more floats of one register.
static bool isRegister(const Type *type) {
  if (!type->getScalarType()->isFloatTy() && !type->getScalarType()->isDoubleTy())
    return false;
  unsigned bits = type->getPrimitiveSizeInBits().getKnownMinValue();
  return !type->isVectorTy() || bits == 128 || bits == 256 || bits == 512;
}

static bool isVectorRegister(const Type *type) { return type->isVectorTy() && isRegister(type); }

namespace {
/// A shuffle as an instruction of two vectors.
struct ShuffleForm {
  StandIn standIn;
  Value *first, *second;
};

/// What a run of lanes of the result is: of which operand, and which lanes.
struct Source {
  int operand = -1;
  int place = -1;
};
} // namespace

/// The sources of runs of so many lanes; empty: some run is no run of one operand. Lanes that
/// may be anything are not looked for: emitters have none.
static SmallVector<Source> sourcesOf(ArrayRef<int> mask, int lanes, int run) {
  SmallVector<Source> sources;
  for (int at = 0; at < lanes; at += run) {
    int from = mask[at];
    if (from < 0 || from % run != 0)
      return {};
    for (int i = 1; i < run; ++i)
      if (mask[at + i] != from + i)
        return {};
    sources.push_back({from / lanes, from % lanes / run});
  }
  return sources;
}

/// Pieces of `each` places: the first half of a result's piece is of one operand, the second
/// of one, at places of the piece that are the same in all pieces, or, with `anywhere`, of the
/// whole. The places are the immediate, the first in its lowest bits.
static std::optional<ShuffleForm> matchHalves(const ShuffleVectorInst &shuffle,
                                              ArrayRef<Source> sources, int each,
                                              StandIn::Kind kind) {
  int half = each / 2, bits = each == 2 ? 1 : 2;
  unsigned immediate = 0;
  int operands[2] = {sources[0].operand, sources[half].operand};
  for (auto [index, source] : enumerate(sources)) {
    int at = static_cast<int>(index), piece = at / each;
    int place = source.place - piece * each;
    bool isRepeated = each == 4 && piece > 0;
    if (source.operand != operands[at % each / half] || place < 0 || place >= each)
      return std::nullopt;
    if (isRepeated && ((immediate >> (at % each * bits)) & 3) != static_cast<unsigned>(place))
      return std::nullopt;
    if (!isRepeated)
      immediate |= static_cast<unsigned>(place) << (at * bits);
  }
  return ShuffleForm{
      {kind, immediate}, shuffle.getOperand(operands[0]), shuffle.getOperand(operands[1])};
}

/// Lanes that stay in their place, of one operand or the other. Masks have 8 or 16 bits.
static std::optional<ShuffleForm> matchBlend(const ShuffleVectorInst &shuffle,
                                             ArrayRef<Source> sources) {
  unsigned immediate = 0;
  for (auto [lane, source] : enumerate(sources)) {
    if (source.place != static_cast<int>(lane))
      return std::nullopt;
    immediate |= static_cast<unsigned>(source.operand) << lane;
  }
  if (sources.size() != 8 && sources.size() != 16)
    return std::nullopt;
  return ShuffleForm{{StandIn::Blend, immediate}, shuffle.getOperand(0), shuffle.getOperand(1)};
}

/// Any lanes of two operands.
static std::optional<ShuffleForm> matchPermutation(const ShuffleVectorInst &shuffle) {
  if (shuffle.isSingleSource())
    return std::nullopt;
  LLVMContext &context = shuffle.getContext();
  ArrayRef<int> mask = shuffle.getShuffleMask();
  SmallVector<uint32_t> narrow(mask.begin(), mask.end());
  SmallVector<uint64_t> wide(mask.begin(), mask.end());
  bool isFloat = shuffle.getType()->getScalarType()->isFloatTy();
  Constant *lanes =
      isFloat ? ConstantDataVector::get(context, narrow) : ConstantDataVector::get(context, wide);
  return ShuffleForm{
      {StandIn::Permutation, 0, lanes}, shuffle.getOperand(0), shuffle.getOperand(1)};
}

/// As one instruction of floats of a register; none: there is no such one.
static std::optional<ShuffleForm> matchShuffle(const ShuffleVectorInst &shuffle) {
  auto *type = dyn_cast<FixedVectorType>(shuffle.getType());
  if (!type || !isVectorRegister(type) || shuffle.getOperand(0)->getType() != type)
    return std::nullopt;
  int lanes = static_cast<int>(type->getNumElements());
  int inGranule = type->getElementType()->isFloatTy() ? 4 : 2;
  ArrayRef<int> mask = shuffle.getShuffleMask();
  SmallVector<Source> single = sourcesOf(mask, lanes, 1);
  if (single.empty())
    return std::nullopt;
  std::optional<ShuffleForm> form = matchBlend(shuffle, single);
  if (auto runs = sourcesOf(mask, lanes, inGranule); !form && !runs.empty() && lanes > inGranule)
    form = matchHalves(shuffle, runs, lanes / inGranule, StandIn::Granules);
  if (!form)
    form = matchHalves(shuffle, single, inGranule, StandIn::Shuffle);
  if (!form)
    form = matchPermutation(shuffle);
  // Operands that are constants are for the other selector.
  if (form && (isa<Constant>(form->first) || isa<Constant>(form->second)))
    return std::nullopt;
  return form;
}

//===----------------------------------------------------------------------===//
// A block
//===----------------------------------------------------------------------===//

static bool isZero(const Value *value) {
  auto *constant = dyn_cast<Constant>(value);
  return constant && constant->isNullValue() && isVectorRegister(constant->getType());
}

namespace {
/// Goes through a block from its end, as the fast selector does.
class BlockWalk {
public:
  BlockWalk(BasicBlock &block, bool hasFMA) : block(block), hasFMA(hasFMA) {}
  void run();

private:
  bool isPassed(const Instruction &instruction) const;
  bool passesPhis();
  bool isUnused(const Instruction &instruction) const;
  bool replace(Instruction &instruction);
  bool broadcast(ShuffleVectorInst &shuffle);
  bool shuffle(ShuffleVectorInst &shuffle);
  bool dropFence(IntrinsicInst &call);
  void takeConstants(Instruction &instruction);
  Value *zeroBefore(Instruction &user, Type *type);
  Value *loadBefore(Instruction &user, Constant *constant);

  BasicBlock &block;
  bool hasFMA;
  DenseMap<Type *, Instruction *> zeros;
  DenseMap<Constant *, Instruction *> loads;
  SmallSetVector<Instruction *, 16> replaced;
};
} // namespace

/// Constants that are vectors, but zeros, and negations are for the other selector.
static bool isPlain(const Value *value) {
  if (isa<Constant>(value))
    return !value->getType()->isVectorTy() || isZero(value);
  auto *instruction = dyn_cast<Instruction>(value);
  return !instruction || instruction->getOpcode() != Instruction::FNeg;
}

/// Whether values of a type are in a register as they are.
static bool isLegal(const Type *type) {
  const Type *element = type->getScalarType();
  bool isNumber = element->isFloatTy() || element->isDoubleTy() || element->isIntegerTy(8) ||
                  element->isIntegerTy(16) || element->isIntegerTy(32) || element->isIntegerTy(64);
  if (!type->isVectorTy())
    return isNumber || type->isPointerTy() || type->isIntegerTy(1);
  return isNumber && is_contained({128, 256, 512}, type->getPrimitiveSizeInBits().getFixedValue());
}

static bool hasLegalTypes(const Instruction &instruction) {
  return (instruction.getType()->isVoidTy() || isLegal(instruction.getType())) &&
         all_of(instruction.operands(),
                [](const Value *value) { return isLegal(value->getType()); });
}

/// Whole registers of 32-bit numbers.
static bool isWholeRegister(const Type *type) {
  return type->isVectorTy() && type->getScalarSizeInBits() == 32 &&
         type->getPrimitiveSizeInBits() == 512;
}

/// Whether constants are the only operands that the fast selector does not make.
static bool areNumbers(const Instruction &instruction) {
  return isWholeRegister(instruction.getType()) &&
         all_of(instruction.operands(),
                [](const Value *value) { return isPlain(value) || isa<Constant>(value); });
}

/// What the fast selector takes, or, where it does not, leaves to the other one alone. All that
/// is above another instruction goes to the other one.
bool BlockWalk::isPassed(const Instruction &instruction) const {
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
    return hasLegalTypes(instruction) && all_of(instruction.operands(), isPlain);
  case Instruction::FDiv:
    return StandIn::of(instruction.getMetadata(LLVMContext::MD_pcsections)).has_value();
  case Instruction::BitCast:
    return isWholeRegister(instruction.getType()) &&
           isWholeRegister(instruction.getOperand(0)->getType()) &&
           isPlain(instruction.getOperand(0));
  case Instruction::IntToPtr:
  case Instruction::PtrToInt:
    return hasLegalTypes(instruction) && !instruction.getType()->isVectorTy() &&
           instruction.getType()->getScalarSizeInBits() % 64 == 0;
  case Instruction::Add:
  case Instruction::And:
  case Instruction::Or:
    if (areNumbers(instruction))
      return true;
    [[fallthrough]];
  case Instruction::Sub:
  case Instruction::Mul:
  case Instruction::Shl:
  case Instruction::LShr:
  case Instruction::ICmp:
  case Instruction::Select:
    return hasLegalTypes(instruction) && !instruction.getOperand(0)->getType()->isVectorTy();
  default:
    return false;
  }
}

/// Some memory, which is not read.
static Value *anyPointer(Function &function) {
  for (Argument &argument : function.args())
    if (argument.getType()->isPointerTy())
      return &argument;
  return ConstantPointerNull::get(PointerType::get(function.getContext(), 0));
}

/// All users of a block share one, before the first of them.
Value *BlockWalk::zeroBefore(Instruction &user, Type *type) {
  Instruction *&zero = zeros[type];
  if (zero) {
    zero->moveBefore(user.getIterator());
    return zero;
  }
  IRBuilder<> b(&user);
  Value *place = anyPointer(*block.getParent());
  zero = b.CreateAlignedLoad(type, place, Align(4), /*isVolatile=*/true);
  zero->setMetadata(LLVMContext::MD_pcsections, StandIn{StandIn::Zero}.mark(b.getContext()));
  return zero;
}

/// From memory: all users of a block share one.
Value *BlockWalk::loadBefore(Instruction &user, Constant *constant) {
  Instruction *&load = loads[constant];
  if (load) {
    load->moveBefore(user.getIterator());
    return load;
  }
  Module &module = *block.getModule();
  GlobalVariable *memory = nullptr;
  for (GlobalVariable &global : module.globals())
    if (global.isConstant() && global.hasPrivateLinkage() && global.hasInitializer() &&
        global.getInitializer() == constant)
      memory = &global;
  if (!memory) {
    memory = new GlobalVariable(module, constant->getType(), /*isConstant=*/true,
                                GlobalValue::PrivateLinkage, constant);
    memory->setAlignment(Align(64));
  }
  IRBuilder<> b(&user);
  load = b.CreateAlignedLoad(constant->getType(), memory, Align(64));
  load->setMetadata(LLVMContext::MD_invariant_load, MDNode::get(b.getContext(), {}));
  return load;
}

void BlockWalk::takeConstants(Instruction &instruction) {
  if (isa<CallBase>(instruction))
    return;
  for (Use &operand : instruction.operands()) {
    auto *constant = dyn_cast<Constant>(operand);
    if (isZero(operand))
      operand.set(zeroBefore(instruction, operand->getType()));
    else if (constant && constant->getType()->isVectorTy())
      operand.set(loadBefore(instruction, constant));
  }
}

/// Whether the fast selector can hand on what phis want of this block; their zeros are made.
bool BlockWalk::passesPhis() {
  auto isOther = [](const Value *value) {
    return isa<Constant>(value) && value->getType()->isVectorTy() && !isZero(value);
  };
  for (BasicBlock *next : successors(&block))
    for (PHINode &phi : next->phis())
      if (isOther(phi.getIncomingValueForBlock(&block)))
        return false;
  for (BasicBlock *next : successors(&block))
    for (PHINode &phi : next->phis())
      for (Use &incoming : phi.incoming_values())
        if (phi.getIncomingBlock(incoming) == &block && isZero(incoming))
          incoming.set(zeroBefore(*block.getTerminator(), incoming->getType()));
  return true;
}

/// The element that a splat repeats; null: the shuffle is none.
static Value *splatOf(const ShuffleVectorInst &shuffle) {
  auto *insert = dyn_cast<InsertElementInst>(shuffle.getOperand(0));
  if (!shuffle.isZeroEltSplat() || !insert || !isVectorRegister(shuffle.getType()))
    return nullptr;
  auto *lane = dyn_cast<ConstantInt>(insert->getOperand(2));
  return lane && lane->isZero() ? insert->getOperand(1) : nullptr;
}

/// Nothing may write between the load and where it stands in.
bool BlockWalk::broadcast(ShuffleVectorInst &shuffle) {
  auto *load = dyn_cast_or_null<LoadInst>(splatOf(shuffle));
  if (!load || load->getParent() != &block || load->isVolatile() || load->isAtomic())
    return false;
  for (Instruction *at = load; at != &shuffle; at = at->getNextNode())
    if (at->mayWriteToMemory())
      return false;
  IRBuilder<> b(&shuffle);
  auto *wide = b.CreateAlignedLoad(shuffle.getType(), load->getPointerOperand(), Align(4));
  MDNode *mark = StandIn{StandIn::Broadcast}.mark(b.getContext());
  wide->setMetadata(LLVMContext::MD_pcsections, mark);
  // An instruction that it becomes an operand of has this of it alone.
  wide->setMetadata(LLVMContext::MD_noalias, mark);
  shuffle.replaceAllUsesWith(wide);
  return true;
}

bool BlockWalk::shuffle(ShuffleVectorInst &shuffle) {
  std::optional<ShuffleForm> form = matchShuffle(shuffle);
  if (!form)
    return false;
  IRBuilder<> b(&shuffle);
  auto *standIn = cast<Instruction>(b.CreateFDiv(form->first, form->second));
  standIn->setMetadata(LLVMContext::MD_pcsections, form->standIn.mark(b.getContext()));
  shuffle.replaceAllUsesWith(standIn);
  return true;
}

/// By the same number in all lanes.
static bool shift(Instruction &shift) {
  auto *constant = dyn_cast<Constant>(shift.getOperand(1));
  if (!constant || !isWholeRegister(shift.getType()) || isa<Constant>(shift.getOperand(0)))
    return false;
  auto *number = dyn_cast_or_null<ConstantInt>(constant->getSplatValue());
  if (!number)
    return false;
  IRBuilder<> b(&shift);
  Type *floats = FixedVectorType::get(b.getFloatTy(), 16);
  Value *bits = b.CreateBitCast(shift.getOperand(0), floats);
  auto *standIn = cast<Instruction>(b.CreateFDiv(bits, bits));
  StandIn meaning = {StandIn::Shift, static_cast<unsigned>(number->getZExtValue())};
  standIn->setMetadata(LLVMContext::MD_pcsections, meaning.mark(b.getContext()));
  shift.replaceAllUsesWith(b.CreateBitCast(standIn, shift.getType()));
  return true;
}

/// Of data that is to be read.
static bool prefetch(IntrinsicInst &call) {
  auto number = [&](unsigned argument) {
    return static_cast<unsigned>(cast<ConstantInt>(call.getArgOperand(argument))->getZExtValue());
  };
  if (number(1) != 0 || number(3) != 1)
    return false;
  IRBuilder<> b(&call);
  LoadInst *load = b.CreateAlignedLoad(b.getInt8Ty(), call.getArgOperand(0), Align(1),
                                       /*isVolatile=*/true);
  StandIn standIn = {StandIn::Prefetch, number(2)};
  load->setMetadata(LLVMContext::MD_pcsections, standIn.mark(b.getContext()));
  return true;
}

/// What stands in for a shuffle is not combined with others.
bool BlockWalk::dropFence(IntrinsicInst &call) {
  auto *fenced = dyn_cast<ShuffleVectorInst>(call.getArgOperand(0));
  if (!fenced || fenced->getParent() != &block || !matchShuffle(*fenced))
    return false;
  call.replaceAllUsesWith(fenced);
  return true;
}

/// Whether something stands in for an instruction now.
bool BlockWalk::replace(Instruction &instruction) {
  if (auto *mixed = dyn_cast<ShuffleVectorInst>(&instruction))
    return broadcast(*mixed) || shuffle(*mixed);
  if (instruction.getOpcode() == Instruction::LShr)
    return shift(instruction);
  auto *call = dyn_cast<IntrinsicInst>(&instruction);
  if (!call)
    return false;
  if (call->getIntrinsicID() == Intrinsic::prefetch)
    return prefetch(*call);
  if (call->getIntrinsicID() == Intrinsic::arithmetic_fence)
    return dropFence(*call);
  bool isProduct = is_contained({Intrinsic::fma, Intrinsic::fmuladd}, call->getIntrinsicID());
  if (!hasFMA || !isProduct || !isRegister(call->getType()) || !all_of(call->args(), isPlain) ||
      any_of(call->args(), isZero))
    return false;
  splitProduct(*call);
  return true;
}

/// Whether only what is to be erased uses it.
bool BlockWalk::isUnused(const Instruction &instruction) const {
  return !instruction.mayHaveSideEffects() && !instruction.isTerminator() &&
         all_of(instruction.users(), [&](const User *user) {
           return replaced.contains(cast<Instruction>(const_cast<User *>(user)));
         });
}

void BlockWalk::run() {
  if (!passesPhis())
    return;
  for (Instruction &instruction : reverse(block)) {
    if (isa<PHINode>(instruction))
      break;
    if (isUnused(instruction) || replace(instruction)) {
      replaced.insert(&instruction);
      continue;
    }
    if (!isPassed(instruction))
      break;
    takeConstants(instruction);
  }
  for (Instruction *instruction : replaced)
    instruction->eraseFromParent();
}

void putStandIns(Module &module, bool hasFMA) {
  for (Function &function : module)
    for (BasicBlock &block : function)
      BlockWalk(block, hasFMA).run();
}

} // namespace dl
