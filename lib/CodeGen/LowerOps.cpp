//===- LowerOps.cpp - Ops that have a counterpart in LLVM -----------------===//
//
// Nearly all ops of a kernel become one op of the LLVM dialect, with the same operands and
// results, but for indices, which become 64 bits, and memory, which becomes a pointer. They
// are replaced in one walk: a conversion that finds patterns for each op and can undo what
// it did takes five times as long. What is left goes through that.
//
//===----------------------------------------------------------------------===//

#include "KernelModule.h"
#include "LowerMemory.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace dl {

namespace {

class OpLowering {
public:
  explicit OpLowering(ModuleOp module);
  void run(func::FuncOp function);

private:
  template <typename Source, typename Target> void addPair() {
    counterparts.try_emplace(TypeID::get<Source>(), Target::getOperationName(), b.getContext());
  }
  bool isLowered(Operation *op) const;
  void retype(func::FuncOp function);
  void passPointer(BlockArgument argument);
  void castIndices(Operation *op);
  Value lower(Operation *op);
  Value lowerConstant(arith::ConstantOp op);
  Value lowerIndexCast(Operation *op);
  Value lowerBroadcast(vector::BroadcastOp op);
  Value lowerShuffle(vector::ShuffleOp op);
  Value lowerElements(vector::FromElementsOp op);
  void handPointers(Operation *op);
  void lowerBranch(Operation *op);

  OpBuilder b;
  MemoryLowering memory;
  DenseMap<TypeID, OperationName> counterparts;
  /// What `lower` does not replace.
  llvm::SmallPtrSet<Operation *, 16> staying;
};

} // namespace

OpLowering::OpLowering(ModuleOp module) : b(module.getContext()) {
  addPair<arith::AddFOp, LLVM::FAddOp>();
  addPair<arith::AddIOp, LLVM::AddOp>();
  addPair<arith::AndIOp, LLVM::AndOp>();
  addPair<arith::BitcastOp, LLVM::BitcastOp>();
  addPair<arith::DivFOp, LLVM::FDivOp>();
  addPair<arith::DivUIOp, LLVM::UDivOp>();
  addPair<arith::ExtFOp, LLVM::FPExtOp>();
  addPair<arith::MaxSIOp, LLVM::SMaxOp>();
  addPair<arith::MaxUIOp, LLVM::UMaxOp>();
  addPair<arith::MaximumFOp, LLVM::MaximumOp>();
  addPair<arith::MinSIOp, LLVM::SMinOp>();
  addPair<arith::MinUIOp, LLVM::UMinOp>();
  addPair<arith::MinimumFOp, LLVM::MinimumOp>();
  addPair<arith::MulFOp, LLVM::FMulOp>();
  addPair<arith::MulIOp, LLVM::MulOp>();
  addPair<arith::NegFOp, LLVM::FNegOp>();
  addPair<arith::OrIOp, LLVM::OrOp>();
  addPair<arith::RemUIOp, LLVM::URemOp>();
  addPair<arith::SelectOp, LLVM::SelectOp>();
  addPair<arith::ShLIOp, LLVM::ShlOp>();
  addPair<arith::ShRUIOp, LLVM::LShrOp>();
  addPair<arith::SubFOp, LLVM::FSubOp>();
  addPair<arith::SubIOp, LLVM::SubOp>();
  addPair<arith::TruncFOp, LLVM::FPTruncOp>();
  addPair<arith::XOrIOp, LLVM::XOrOp>();
  addPair<math::AbsFOp, LLVM::FAbsOp>();
  addPair<math::CopySignOp, LLVM::CopySignOp>();
  addPair<math::FmaOp, LLVM::FMAOp>();
  addPair<math::SqrtOp, LLVM::SqrtOp>();
  addPair<vector::BitCastOp, LLVM::BitcastOp>();
  addPair<vector::FMAOp, LLVM::FMulAddOp>();
}

/// Whether LLVM has the type as it is.
static bool isPlain(Type type) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.getRank() == 1 && !vector.isScalable() && isPlain(vector.getElementType());
  return isa<IntegerType, FloatType>(type);
}

static bool isPlainOrIndex(Type type) { return type.isIndex() || isPlain(type); }

static bool isCarried(Type type) { return isPlainOrIndex(type) || isa<MemRefType>(type); }

/// Whether an op says more than its operands and results do, or is of a kind that stays.
static bool hasFlags(Operation *op) {
  auto math = dyn_cast<arith::ArithFastMathInterface>(op);
  if (math && math.getFastMathFlagsAttr() &&
      math.getFastMathFlagsAttr().getValue() != arith::FastMathFlags::none)
    return true;
  auto sum = dyn_cast<arith::ArithIntegerOverflowFlagsInterface>(op);
  if (sum && sum.getOverflowAttr() &&
      sum.getOverflowAttr().getValue() != arith::IntegerOverflowFlags::none)
    return true;
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case<arith::DivUIOp, arith::ShRUIOp>([](auto exact) { return exact.getIsExact(); })
      .Case([](arith::TruncFOp narrow) { return narrow.getRoundingmodeAttr() != nullptr; })
      .Case([](cf::CondBranchOp branch) { return branch.getBranchWeightsAttr() != nullptr; })
      .Case([](vector::ExtractOp element) {
        return element.hasDynamicPosition() || isa<VectorType>(element.getType());
      })
      .Case([](vector::ReductionOp reduction) {
        return reduction.getKind() != vector::CombiningKind::OR || reduction.getAcc();
      })
      .Default(false);
}

/// Whether `lower` replaces an op.
bool OpLowering::isLowered(Operation *op) const {
  if (MemoryLowering::isLowered(op))
    return true;
  auto isKnown = [&] {
    return counterparts.contains(op->getName().getTypeID()) ||
           isa<arith::CmpIOp, arith::CmpFOp, arith::ConstantOp, arith::IndexCastOp,
               arith::IndexCastUIOp, cf::BranchOp, cf::CondBranchOp, vector::ShuffleOp,
               vector::BroadcastOp, vector::ExtractOp, vector::FromElementsOp, vector::ReductionOp>(
               op);
  };
  if (isa<func::CallOp>(op))
    return op->getNumResults() == 0;
  if (!isKnown() || hasFlags(op))
    return false;
  if (auto broadcast = dyn_cast<vector::BroadcastOp>(op))
    if (isa<VectorType>(broadcast.getSource().getType()))
      return false;
  if (op->hasTrait<OpTrait::IsTerminator>())
    return llvm::all_of(op->getOperandTypes(), isCarried);
  return llvm::all_of(op->getOperandTypes(), isPlainOrIndex) &&
         llvm::all_of(op->getResultTypes(), isPlainOrIndex);
}

/// An op that stays takes indices, and makes them.
void OpLowering::castIndices(Operation *op) {
  auto cast = [&](Type type, Value value) {
    return UnrealizedConversionCastOp::create(b, op->getLoc(), type, value);
  };
  b.setInsertionPoint(op);
  for (OpOperand &operand : op->getOpOperands())
    if (operand.get().getType().isIndex())
      operand.set(cast(b.getIndexType(), operand.get()).getResult(0));
  b.setInsertionPointAfter(op);
  for (Value result : op->getResults())
    if (result.getType().isIndex()) {
      auto wide = cast(b.getI64Type(), result);
      result.replaceAllUsesExcept(wide.getResult(0), wide);
    }
}

/// Gives all indices 64 bits, but those of ops that stay, and hands memory on as pointers.
void OpLowering::retype(func::FuncOp function) {
  for (Operation &op : llvm::make_early_inc_range(function.getOps()))
    if (!isLowered(&op)) {
      staying.insert(&op);
      castIndices(&op);
    }
  auto widen = [&](Value value) {
    if (value.getType().isIndex())
      value.setType(b.getI64Type());
  };
  for (Block &block : function.getBody()) {
    for (BlockArgument argument : block.getArguments()) {
      widen(argument);
      if (isa<MemRefType>(argument.getType()))
        passPointer(argument);
    }
    for (Operation &op : block)
      if (!isa<UnrealizedConversionCastOp>(op) && !staying.contains(&op))
        llvm::for_each(op.getResults(), widen);
  }
}

void OpLowering::passPointer(BlockArgument argument) {
  Type type = argument.getType();
  argument.setType(LLVM::LLVMPointerType::get(b.getContext()));
  b.setInsertionPointToStart(argument.getOwner());
  auto cast = UnrealizedConversionCastOp::create(b, argument.getLoc(), type, argument);
  argument.replaceAllUsesExcept(cast.getResult(0), cast);
}

Value OpLowering::lowerConstant(arith::ConstantOp op) {
  TypedAttr value = op.getValue();
  if (auto number = dyn_cast<IntegerAttr>(value); number && number.getType().isIndex())
    value = b.getI64IntegerAttr(number.getInt());
  return LLVM::ConstantOp::create(b, op.getLoc(), value);
}

/// Of an index, which has 64 bits now.
Value OpLowering::lowerIndexCast(Operation *op) {
  Value operand = op->getOperand(0);
  Type type = op->getResult(0).getType();
  unsigned from = operand.getType().getIntOrFloatBitWidth(), to = type.getIntOrFloatBitWidth();
  if (from == to)
    return operand;
  if (from > to)
    return LLVM::TruncOp::create(b, op->getLoc(), type, operand);
  if (isa<arith::IndexCastOp>(op))
    return LLVM::SExtOp::create(b, op->getLoc(), type, operand);
  return LLVM::ZExtOp::create(b, op->getLoc(), type, operand);
}

Value OpLowering::lowerBroadcast(vector::BroadcastOp op) {
  Location loc = op.getLoc();
  Type type = op.getType();
  Value none = LLVM::PoisonOp::create(b, loc, type);
  Value zero = LLVM::ConstantOp::create(b, loc, b.getI32IntegerAttr(0));
  Value first = LLVM::InsertElementOp::create(b, loc, type, none, op.getSource(), zero);
  SmallVector<int32_t> lanes(op.getType().getNumElements(), 0);
  return LLVM::ShuffleVectorOp::create(b, loc, first, none, lanes);
}

Value OpLowering::lowerShuffle(vector::ShuffleOp op) {
  SmallVector<int32_t> lanes(op.getMask());
  return LLVM::ShuffleVectorOp::create(b, op.getLoc(), op.getV1(), op.getV2(), lanes);
}

Value OpLowering::lowerElements(vector::FromElementsOp op) {
  Location loc = op.getLoc();
  Value vector = LLVM::PoisonOp::create(b, loc, op.getType());
  for (auto [lane, element] : llvm::enumerate(op.getElements())) {
    Value at = LLVM::ConstantOp::create(b, loc, b.getI64IntegerAttr(static_cast<int64_t>(lane)));
    vector = LLVM::InsertElementOp::create(b, loc, op.getType(), vector, element, at);
  }
  return vector;
}

void OpLowering::handPointers(Operation *op) {
  for (OpOperand &operand : op->getOpOperands())
    if (isa<MemRefType>(operand.get().getType()))
      operand.set(memory.pointerOf(b, operand.get()));
}

void OpLowering::lowerBranch(Operation *op) {
  handPointers(op);
  if (auto jump = dyn_cast<cf::BranchOp>(op)) {
    LLVM::BrOp::create(b, op->getLoc(), jump.getDestOperands(), jump.getDest());
    return;
  }
  auto branch = cast<cf::CondBranchOp>(op);
  LLVM::CondBrOp::create(b, op->getLoc(), branch.getCondition(), branch.getTrueDest(),
                         branch.getTrueDestOperands(), branch.getFalseDest(),
                         branch.getFalseDestOperands());
}

/// What an op with one result becomes.
Value OpLowering::lower(Operation *op) {
  Location loc = op->getLoc();
  if (auto known = counterparts.find(op->getName().getTypeID()); known != counterparts.end()) {
    OperationState state(loc, known->second);
    state.addOperands(op->getOperands());
    state.addTypes(op->getResultTypes());
    return b.create(state)->getResult(0);
  }
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](arith::ConstantOp constant) { return lowerConstant(constant); })
      .Case([&](arith::CmpIOp cmp) {
        auto predicate = static_cast<LLVM::ICmpPredicate>(cmp.getPredicate());
        return LLVM::ICmpOp::create(b, loc, cmp.getType(), predicate, cmp.getLhs(), cmp.getRhs());
      })
      .Case([&](arith::CmpFOp cmp) {
        auto predicate = static_cast<LLVM::FCmpPredicate>(cmp.getPredicate());
        return LLVM::FCmpOp::create(b, loc, cmp.getType(), predicate, cmp.getLhs(), cmp.getRhs());
      })
      .Case([&](vector::BroadcastOp broadcast) { return lowerBroadcast(broadcast); })
      .Case([&](vector::ShuffleOp shuffle) { return lowerShuffle(shuffle); })
      .Case([&](vector::FromElementsOp elements) { return lowerElements(elements); })
      .Case([&](vector::ExtractOp element) {
        Value at =
            LLVM::ConstantOp::create(b, loc, b.getI64IntegerAttr(element.getStaticPosition()[0]));
        return LLVM::ExtractElementOp::create(b, loc, element.getSource(), at);
      })
      .Case([&](vector::ReductionOp reduction) {
        return LLVM::vector_reduce_or::create(b, loc, reduction.getType(), reduction.getVector());
      })
      .Default([&](Operation *cast) { return lowerIndexCast(cast); });
}

void OpLowering::run(func::FuncOp function) {
  retype(function);
  for (Block &block : function.getBody())
    for (Operation &op : llvm::make_early_inc_range(block)) {
      // Pointers are cast where they are made.
      if (isa<UnrealizedConversionCastOp>(op) || staying.contains(&op))
        continue;
      b.setInsertionPoint(&op);
      if (MemoryLowering::isLowered(&op)) {
        memory.lower(b, &op);
        continue;
      }
      if (auto call = dyn_cast<func::CallOp>(op)) {
        handPointers(call);
        LLVM::CallOp::create(b, op.getLoc(), TypeRange(), call.getCallee(), call.getOperands());
      } else if (op.hasTrait<OpTrait::IsTerminator>()) {
        lowerBranch(&op);
      } else {
        op.getResult(0).replaceAllUsesWith(lower(&op));
      }
      op.erase();
    }
  // What made memory.
  for (Block &block : llvm::reverse(function.getBody()))
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (!isa<LLVM::LLVMDialect>(op.getDialect()) && isOpTriviallyDead(&op))
        op.erase();
}

/// Of the runtime, one that takes and gives nothing.
static void lowerDeclaration(func::FuncOp function) {
  OpBuilder b(function);
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), {});
  LLVM::LLVMFuncOp::create(b, function.getLoc(), function.getName(), type);
  function.erase();
}

/// The function of a phase, or one that it calls.
static void lowerFunction(func::FuncOp function) {
  OpBuilder b(function);
  MLIRContext *context = b.getContext();
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context),
                                          llvm::to_vector(function.getBody().getArgumentTypes()));
  auto lowered = LLVM::LLVMFuncOp::create(b, function.getLoc(), function.getName(), type);
  lowered->setDiscardableAttrs(function->getDiscardableAttrDictionary());
  if (!function->hasAttr(kEntry))
    lowered.setLinkage(LLVM::Linkage::Internal);
  lowered.getBody().takeBody(function.getBody());
  for (Block &block : lowered.getBody())
    if (auto end = dyn_cast<func::ReturnOp>(block.getTerminator())) {
      b.setInsertionPoint(end);
      LLVM::ReturnOp::create(b, end.getLoc(), ValueRange());
      end.erase();
    }
  function.erase();
}

void lowerOps(ModuleOp module) {
  lowerGlobals(module);
  for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
    if (!function.isDeclaration()) {
      OpLowering(module).run(function);
      lowerFunction(function);
    } else if (function.getNumArguments() == 0 && function.getNumResults() == 0) {
      lowerDeclaration(function);
    }
  }
}

} // namespace dl
