//===- ReduceAddresses.cpp - Addresses that loops step through ------------===//

#include "ReduceAddresses.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/ScalarEvolution.h"
#include "llvm/Analysis/ScalarEvolutionExpressions.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/Transforms/Scalar/LoopPassManager.h"
#include "llvm/Transforms/Utils/Local.h"
#include "llvm/Transforms/Utils/ScalarEvolutionExpander.h"

using namespace llvm;

namespace dl {

/// Pointers that a loop steps through; more would be spilt.
static constexpr size_t kMostPointers = 6;

namespace {
/// The operand of an instruction that is an address, and its distance in bytes
/// from the pointer that it shares.
struct Access {
  Use *address;
  int64_t distance = 0;
};

/// Addresses by where they start and how far they step, but for constants.
using Groups = MapVector<std::pair<const SCEV *, const SCEV *>, SmallVector<Access>>;
} // namespace

/// The address that an instruction reads or writes; null where it has none.
static Use *addressOf(Instruction &instruction) {
  if (auto *load = dyn_cast<LoadInst>(&instruction))
    return &load->getOperandUse(LoadInst::getPointerOperandIndex());
  if (auto *store = dyn_cast<StoreInst>(&instruction))
    return &store->getOperandUse(StoreInst::getPointerOperandIndex());
  auto *intrinsic = dyn_cast<IntrinsicInst>(&instruction);
  if (intrinsic && intrinsic->getIntrinsicID() == Intrinsic::masked_load)
    return &intrinsic->getArgOperandUse(0);
  if (intrinsic && intrinsic->getIntrinsicID() == Intrinsic::masked_store)
    return &intrinsic->getArgOperandUse(1);
  return nullptr;
}

static SmallVector<Use *> addressesIn(Loop &loop) {
  SmallVector<Use *> addresses;
  for (BasicBlock *block : loop.blocks())
    for (Instruction &instruction : *block)
      if (Use *address = addressOf(instruction))
        addresses.push_back(address);
  return addresses;
}

static Groups groupAddresses(Loop &loop, ArrayRef<Use *> addresses, ScalarEvolution &evolution) {
  Groups groups;
  for (Use *address : addresses) {
    auto *moving = dyn_cast<SCEVAddRecExpr>(evolution.getSCEV(address->get()));
    if (!moving || moving->getLoop() != &loop || !moving->isAffine() ||
        !isa<SCEVConstant>(moving->getStepRecurrence(evolution)))
      continue;
    const SCEV *start = moving->getStart();
    int64_t distance = 0;
    auto *sum = dyn_cast<SCEVAddExpr>(start);
    if (auto *constant = sum ? dyn_cast<SCEVConstant>(sum->getOperand(0)) : nullptr) {
      distance = constant->getAPInt().getSExtValue();
      start = evolution.getAddExpr(start, evolution.getNegativeSCEV(constant));
    }
    // Further away than an instruction can say.
    if (!isInt<31>(distance))
      continue;
    groups[{start, moving->getStepRecurrence(evolution)}].push_back({address, distance});
  }
  return groups;
}

/// One pointer for all addresses of a group.
static void sharePointer(Loop &loop, const SCEV *start, const SCEV *step, ArrayRef<Access> group,
                         SCEVExpander &expander) {
  Type *type = group.front().address->get()->getType();
  BasicBlock *header = loop.getHeader();
  Value *first = expander.expandCodeFor(start, type, loop.getLoopPreheader()->getTerminator());
  IRBuilder<> b(header, header->begin());
  PHINode *pointer = b.CreatePHI(type, 2, "address");
  b.SetInsertPoint(loop.getLoopLatch()->getTerminator());
  Value *next = b.CreatePtrAdd(pointer, cast<SCEVConstant>(step)->getValue());
  pointer->addIncoming(first, loop.getLoopPreheader());
  pointer->addIncoming(next, loop.getLoopLatch());
  for (const Access &access : group) {
    b.SetInsertPoint(cast<Instruction>(access.address->getUser()));
    access.address->set(
        access.distance == 0 ? pointer : b.CreatePtrAdd(pointer, b.getInt64(access.distance)));
  }
}

/// Whether anything changed.
static bool shareAddresses(Loop &loop, ArrayRef<Use *> addresses, ScalarEvolution &evolution) {
  Groups groups = groupAddresses(loop, addresses, evolution);
  auto largestFirst = map_to_vector(groups, [](const auto &entry) { return &entry; });
  sort(largestFirst, [](auto *a, auto *b) {
    return a->second.size() != b->second.size() ? a->second.size() > b->second.size() : a < b;
  });
  largestFirst.truncate(std::min(largestFirst.size(), kMostPointers));
  SCEVExpander expander(evolution, "address");
  SmallVector<WeakTrackingVH> replaced;
  for (const auto *entry : largestFirst) {
    const auto &[start, step] = entry->first;
    ArrayRef<Access> group = entry->second;
    if (!expander.isSafeToExpandAt(start, loop.getLoopPreheader()->getTerminator()))
      continue;
    for (const Access &access : group)
      replaced.push_back(access.address->get());
    sharePointer(loop, start, step, group, expander);
  }
  RecursivelyDeleteTriviallyDeadInstructionsPermissive(replaced);
  return !replaced.empty();
}

PreservedAnalyses ReduceAddressesPass::run(Loop &loop, LoopAnalysisManager &,
                                           LoopStandardAnalysisResults &results, LPMUpdater &) {
  if (!loop.isInnermost() || !loop.getLoopPreheader() || !loop.getLoopLatch())
    return PreservedAnalyses::all();
  return shareAddresses(loop, addressesIn(loop), results.SE) ? getLoopPassPreservedAnalyses()
                                                             : PreservedAnalyses::all();
}

} // namespace dl
