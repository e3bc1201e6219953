//===- LowerMemory.cpp - Flat memory as pointers --------------------------===//

#include "LowerMemory.h"

#include "KernelModule.h"

#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace dl {

static MemRefType memoryType(Value memory) { return cast<MemRefType>(memory.getType()); }

template <typename Op> static unsigned alignmentOf(Op op, Value memory) {
  return op.getAlignment().value_or(storageBytes(memoryType(memory).getElementType()));
}

bool MemoryLowering::isLowered(Operation *op) {
  return isa<memref::LoadOp, memref::StoreOp, memref::PrefetchOp, memref::ViewOp, memref::SubViewOp,
             memref::GetGlobalOp, memref::ExtractAlignedPointerAsIndexOp, vector::LoadOp,
             vector::StoreOp, vector::MaskedLoadOp, vector::MaskedStoreOp, vector::GatherOp>(op);
}

/// Where memory begins; an op that stays makes memory that is cast.
Value MemoryLowering::pointerOf(OpBuilder &b, Value memory) {
  Value &pointer = pointers[memory];
  if (pointer)
    return pointer;
  auto type = LLVM::LLVMPointerType::get(b.getContext());
  auto cast = memory.getDefiningOp<UnrealizedConversionCastOp>();
  if (cast && cast.getOperand(0).getType() == type)
    return pointer = cast.getOperand(0);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointAfterValue(memory);
  return pointer =
             UnrealizedConversionCastOp::create(b, memory.getLoc(), type, memory).getResult(0);
}

static Value offsetPointer(OpBuilder &b, Location loc, Type element, Value pointer,
                           LLVM::GEPArg distance) {
  return LLVM::GEPOp::create(b, loc, pointer.getType(), element, pointer, distance);
}

/// The address of memory[index + distance of the op].
Value MemoryLowering::addressOf(OpBuilder &b, Operation *op, Value memory, Value index) {
  Location loc = op->getLoc();
  auto distance = op->getAttrOfType<IntegerAttr>(kDistance);
  int64_t constant = distance ? distance.getInt() : 0;
  Type element = memoryType(memory).getElementType();
  Value pointer = pointerOf(b, memory);
  if (std::optional<int64_t> known = getConstantIntValue(index)) {
    constant += *known;
  } else {
    // Another access of the block may have it already.
    Value &shared = addresses[{memory, index}];
    if (!shared || shared.getParentBlock() != b.getInsertionBlock())
      shared = offsetPointer(b, loc, element, pointer, index);
    pointer = shared;
  }
  if (constant == 0)
    return pointer;
  if (llvm::isInt<32>(constant))
    return offsetPointer(b, loc, element, pointer, static_cast<int32_t>(constant));
  Value far = LLVM::ConstantOp::create(b, loc, b.getI64Type(), constant);
  return offsetPointer(b, loc, element, pointer, far);
}

/// What an access reads; null where it is none.
Value MemoryLowering::lowerLoad(OpBuilder &b, Operation *op) {
  Location loc = op->getLoc();
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case<memref::LoadOp, vector::LoadOp>([&](auto load) {
        Value memory = load->getOperand(0);
        return LLVM::LoadOp::create(
            b, loc, load.getType(), addressOf(b, op, memory, load.getIndices().front()),
            alignmentOf(load, memory), /*isVolatile=*/false, load.getNontemporal());
      })
      .Case([&](vector::MaskedLoadOp load) {
        Value at = addressOf(b, op, load.getBase(), load.getIndices().front());
        return LLVM::MaskedLoadOp::create(b, loc, load.getType(), at, load.getMask(),
                                          load.getPassThru(), alignmentOf(load, load.getBase()));
      })
      .Case([&](vector::GatherOp load) {
        Value memory = load.getBase(), at = addressOf(b, op, memory, load.getOffsets().front());
        Value all = LLVM::GEPOp::create(b, loc, load.getVectorType().clone(at.getType()),
                                        memoryType(memory).getElementType(), at,
                                        LLVM::GEPArg(load.getIndices()));
        return LLVM::masked_gather::create(b, loc, load.getType(), all, load.getMask(),
                                           load.getPassThru(), alignmentOf(load, memory));
      })
      .Case([&](memref::ExtractAlignedPointerAsIndexOp address) {
        return LLVM::PtrToIntOp::create(b, loc, b.getI64Type(), pointerOf(b, address.getSource()));
      })
      .Default([](Operation *) { return Value(); });
}

void MemoryLowering::lowerStore(OpBuilder &b, Operation *op) {
  Location loc = op->getLoc();
  llvm::TypeSwitch<Operation *>(op)
      .Case<memref::StoreOp, vector::StoreOp>([&](auto store) {
        Value memory = store->getOperand(1);
        LLVM::StoreOp::create(
            b, loc, store->getOperand(0), addressOf(b, op, memory, store.getIndices().front()),
            alignmentOf(store, memory), /*isVolatile=*/false, store.getNontemporal());
      })
      .Case([&](vector::MaskedStoreOp store) {
        Value at = addressOf(b, op, store.getBase(), store.getIndices().front());
        LLVM::MaskedStoreOp::create(b, loc, store.getValueToStore(), at, store.getMask(),
                                    alignmentOf(store, store.getBase()));
      })
      .Case([&](memref::PrefetchOp fetch) {
        Value at = addressOf(b, op, fetch.getMemref(), fetch.getIndices().front());
        LLVM::Prefetch::create(b, loc, at, fetch.getIsWrite(), fetch.getLocalityHint(),
                               fetch.getIsDataCache());
      });
}

void MemoryLowering::lower(OpBuilder &b, Operation *op) {
  Value made = llvm::TypeSwitch<Operation *, Value>(op)
                   .Case([&](memref::ViewOp view) {
                     return addressOf(b, op, view.getSource(), op->getOperand(1));
                   })
                   .Case([&](memref::SubViewOp view) {
                     return addressOf(b, op, view.getSource(), view.getOffsets().front());
                   })
                   .Case([&](memref::GetGlobalOp global) {
                     auto type = LLVM::LLVMPointerType::get(b.getContext());
                     return LLVM::AddressOfOp::create(b, op->getLoc(), type, global.getName());
                   })
                   .Default([](Operation *) { return Value(); });
  if (made) {
    pointers[op->getResult(0)] = made;
    return;
  }
  if (Value loaded = lowerLoad(b, op))
    op->getResult(0).replaceAllUsesWith(loaded);
  else
    lowerStore(b, op);
  op->erase();
}

void lowerGlobals(ModuleOp module) {
  for (auto global : llvm::make_early_inc_range(module.getOps<memref::GlobalOp>())) {
    OpBuilder b(global);
    MemRefType memory = global.getType();
    auto type = LLVM::LLVMArrayType::get(memory.getElementType(), memory.getNumElements());
    LLVM::GlobalOp::create(b, global.getLoc(), type, global.getConstant(), LLVM::Linkage::Private,
                           global.getSymName(), global.getInitialValue().value(),
                           global.getAlignment().value_or(0));
    global.erase();
  }
}

void convertMemory(LLVMTypeConverter &converter) {
  converter.addConversion(
      [](MemRefType type) -> Type { return LLVM::LLVMPointerType::get(type.getContext()); });
}

} // namespace dl
