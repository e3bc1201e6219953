//===- LowerMemory.cpp - Flat memory as pointers --------------------------===//

#include "LowerMemory.h"

#include "KernelModule.h"

#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace dl {

void passPointers(ModuleOp module) {
  OpBuilder b(module.getContext());
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isDeclaration())
      continue;
    b.setInsertionPointToStart(&function.getBody().front());
    for (BlockArgument argument : function.getArguments()) {
      Type type = argument.getType();
      if (!isa<MemRefType>(type))
        continue;
      argument.setType(pointer);
      auto cast = UnrealizedConversionCastOp::create(b, function.getLoc(), type, argument);
      argument.replaceAllUsesExcept(cast.getResult(0), cast);
    }
    function.setFunctionType(b.getFunctionType(function.getBody().getArgumentTypes(),
                                               function.getFunctionType().getResults()));
  }
}

static MemRefType memoryType(Value memory) { return cast<MemRefType>(memory.getType()); }

template <typename Op> static unsigned alignmentOf(Op op, Value memory) {
  return op.getAlignment().value_or(storageBytes(memoryType(memory).getElementType()));
}

static Value offsetPointer(OpBuilder &b, Location loc, Type element, Value pointer,
                           LLVM::GEPArg distance) {
  return LLVM::GEPOp::create(b, loc, pointer.getType(), element, pointer, distance);
}

namespace {
/// Addresses by memory and index.
using Addresses = DenseMap<std::pair<Value, Value>, Value>;

/// What all patterns of memory share.
template <typename Op> struct MemoryPattern : ConvertOpToLLVMPattern<Op> {
  MemoryPattern(const LLVMTypeConverter &converter, PatternBenefit benefit,
                std::shared_ptr<Addresses> addresses)
      : ConvertOpToLLVMPattern<Op>(converter, benefit), addresses(std::move(addresses)) {}

  /// The address of memory[index + distance of the op]; `pointer` is where memory begins.
  Value addressOf(ConversionPatternRewriter &b, Op op, Value memory, Value pointer,
                  Value index) const;
  Value addressOf(ConversionPatternRewriter &b, Op op, Value memory, Value pointer) const {
    return addressOf(b, op, memory, pointer, op.getIndices().front());
  }
  Type converted(Type type) const { return this->getTypeConverter()->convertType(type); }

private:
  std::shared_ptr<Addresses> addresses;
};
} // namespace

template <typename Op>
Value MemoryPattern<Op>::addressOf(ConversionPatternRewriter &b, Op op, Value memory, Value pointer,
                                   Value index) const {
  Location loc = op.getLoc();
  auto distance = op->template getAttrOfType<IntegerAttr>(kDistance);
  int64_t constant = distance ? distance.getInt() : 0;
  Type element = memoryType(memory).getElementType();
  if (std::optional<int64_t> known = getConstantIntValue(index)) {
    constant += *known;
  } else {
    // Another access of the block may have it already.
    Value &shared = (*addresses)[{memory, index}];
    if (!shared || shared.getParentBlock() != b.getInsertionBlock())
      shared = offsetPointer(b, loc, element, pointer, b.getRemappedValue(index));
    pointer = shared;
  }
  if (constant == 0)
    return pointer;
  if (llvm::isInt<32>(constant))
    return offsetPointer(b, loc, element, pointer, static_cast<int32_t>(constant));
  Value far = LLVM::ConstantOp::create(b, loc, b.getI64Type(), constant);
  return offsetPointer(b, loc, element, pointer, far);
}

namespace {

/// memref.load and vector.load: memory, indices.
template <typename Op> struct LowerLoad : MemoryPattern<Op> {
  using MemoryPattern<Op>::MemoryPattern;
  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Value memory = op->getOperand(0);
    Value at = this->addressOf(b, op, memory, adaptor.getOperands()[0]);
    b.replaceOpWithNewOp<LLVM::LoadOp>(op, this->converted(op.getType()), at,
                                       alignmentOf(op, memory), /*isVolatile=*/false,
                                       op.getNontemporal());
    return success();
  }
};

/// memref.store and vector.store: what is stored, memory, indices.
template <typename Op> struct LowerStore : MemoryPattern<Op> {
  using MemoryPattern<Op>::MemoryPattern;
  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Value memory = op->getOperand(1);
    Value at = this->addressOf(b, op, memory, adaptor.getOperands()[1]);
    b.replaceOpWithNewOp<LLVM::StoreOp>(op, adaptor.getOperands()[0], at, alignmentOf(op, memory),
                                        /*isVolatile=*/false, op.getNontemporal());
    return success();
  }
};

struct LowerPrefetch : MemoryPattern<memref::PrefetchOp> {
  using MemoryPattern::MemoryPattern;
  LogicalResult matchAndRewrite(memref::PrefetchOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Value at = addressOf(b, op, op.getMemref(), adaptor.getMemref());
    b.replaceOpWithNewOp<LLVM::Prefetch>(op, at, op.getIsWrite(), op.getLocalityHint(),
                                         op.getIsDataCache());
    return success();
  }
};

struct LowerMaskedLoad : MemoryPattern<vector::MaskedLoadOp> {
  using MemoryPattern::MemoryPattern;
  LogicalResult matchAndRewrite(vector::MaskedLoadOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Value at = addressOf(b, op, op.getBase(), adaptor.getBase());
    b.replaceOpWithNewOp<LLVM::MaskedLoadOp>(op, converted(op.getType()), at, adaptor.getMask(),
                                             adaptor.getPassThru(), alignmentOf(op, op.getBase()));
    return success();
  }
};

struct LowerMaskedStore : MemoryPattern<vector::MaskedStoreOp> {
  using MemoryPattern::MemoryPattern;
  LogicalResult matchAndRewrite(vector::MaskedStoreOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    Value at = addressOf(b, op, op.getBase(), adaptor.getBase());
    b.replaceOpWithNewOp<LLVM::MaskedStoreOp>(op, adaptor.getValueToStore(), at, adaptor.getMask(),
                                              alignmentOf(op, op.getBase()));
    return success();
  }
};

struct LowerGather : MemoryPattern<vector::GatherOp> {
  using MemoryPattern::MemoryPattern;
  LogicalResult matchAndRewrite(vector::GatherOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    MemRefType memory = memoryType(op.getBase());
    Value at = addressOf(b, op, op.getBase(), adaptor.getBase(), op.getOffsets().front());
    Type pointers = op.getVectorType().clone(at.getType());
    Value all = LLVM::GEPOp::create(b, op.getLoc(), pointers, memory.getElementType(), at,
                                    LLVM::GEPArg(adaptor.getIndices()));
    b.replaceOpWithNewOp<LLVM::masked_gather>(op, converted(op.getType()), all, adaptor.getMask(),
                                              adaptor.getPassThru(), alignmentOf(op, op.getBase()));
    return success();
  }
};

struct LowerView : MemoryPattern<memref::ViewOp> {
  using MemoryPattern::MemoryPattern;
  LogicalResult matchAndRewrite(memref::ViewOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    b.replaceOp(op, addressOf(b, op, op.getSource(), adaptor.getSource(), op.getByteShift()));
    return success();
  }
};

struct LowerSubView : MemoryPattern<memref::SubViewOp> {
  using MemoryPattern::MemoryPattern;
  LogicalResult matchAndRewrite(memref::SubViewOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    b.replaceOp(op, addressOf(b, op, op.getSource(), adaptor.getSource(), op.getOffsets().front()));
    return success();
  }
};

struct LowerAddress : ConvertOpToLLVMPattern<memref::ExtractAlignedPointerAsIndexOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(memref::ExtractAlignedPointerAsIndexOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &b) const override {
    b.replaceOpWithNewOp<LLVM::PtrToIntOp>(op, getIndexType(), adaptor.getSource());
    return success();
  }
};

struct LowerGlobal : ConvertOpToLLVMPattern<memref::GlobalOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(memref::GlobalOp op, OpAdaptor,
                                ConversionPatternRewriter &b) const override {
    MemRefType memory = op.getType();
    auto type = LLVM::LLVMArrayType::get(memory.getElementType(), memory.getNumElements());
    b.replaceOpWithNewOp<LLVM::GlobalOp>(op, type, op.getConstant(), LLVM::Linkage::Private,
                                         op.getSymName(), op.getInitialValue().value(),
                                         op.getAlignment().value_or(0));
    return success();
  }
};

struct LowerGetGlobal : ConvertOpToLLVMPattern<memref::GetGlobalOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(memref::GetGlobalOp op, OpAdaptor,
                                ConversionPatternRewriter &b) const override {
    b.replaceOpWithNewOp<LLVM::AddressOfOp>(op, getPtrType(), op.getName());
    return success();
  }
};

} // namespace

void populateMemoryPatterns(LLVMTypeConverter &converter, RewritePatternSet &patterns) {
  converter.addConversion(
      [](MemRefType type) -> Type { return LLVM::LLVMPointerType::get(type.getContext()); });
  // Before those of the vector dialect.
  PatternBenefit first(2);
  auto addresses = std::make_shared<Addresses>();
  patterns.add<LowerLoad<memref::LoadOp>, LowerLoad<vector::LoadOp>, LowerStore<memref::StoreOp>,
               LowerStore<vector::StoreOp>, LowerPrefetch, LowerMaskedLoad, LowerMaskedStore,
               LowerGather, LowerView, LowerSubView>(converter, first, addresses);
  patterns.add<LowerAddress, LowerGlobal, LowerGetGlobal>(converter, first);
}

} // namespace dl
