//===- LowerToLLVM.cpp - From loops and vectors to the LLVM dialect -------===//
//
// 1. Clean up: the emitters build index arithmetic where it is convenient;
//    putting loops that are called once in their place (SharedLoop.h), dividing by products
//    (DivideIndices.cpp), taking constants out of it (SplitIndices.cpp), hoisting and merging it is
//    cheaper here than in LLVM.
// 2. Loops become branches.
// 3. Everything becomes LLVM, memory pointers (LowerMemory.h): what has a counterpart there
//    in one walk (LowerOps.cpp), the rest by MLIR's conversion.
// 4. Each phase becomes its entry, which takes the pointers from `args`.
// 5. Verify the promises: nothing but the LLVM dialect, and no allocation.
//
//===----------------------------------------------------------------------===//

#include "DivideIndices.h"
#include "KernelModule.h"
#include "LowerMemory.h"
#include "SharedLoop.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/Iterators.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"

using namespace mlir;

namespace dl {

/// Users come before what they use, backwards.
static void eraseUnused(ModuleOp module) {
  module.walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *op) {
    if (isOpTriviallyDead(op))
      op->erase();
  });
}

/// Emitters make constants where they need them; all of a function's come first, each once.
static void uniteConstants(func::FuncOp function) {
  if (function.isDeclaration())
    return;
  Block &entry = function.getBody().front();
  DenseMap<Attribute, arith::ConstantOp> known;
  function.walk([&](arith::ConstantOp constant) {
    auto [first, isNew] = known.try_emplace(constant.getValue(), constant);
    if (isNew)
      return constant->moveBefore(&entry, entry.begin());
    constant.replaceAllUsesWith(first->second.getResult());
    constant.erase();
  });
}

static void cleanUp(ModuleOp module) {
  eraseUnused(module);
  module.walk([](LoopLikeOpInterface loop) { moveLoopInvariantCode(loop); });
  IRRewriter rewriter(module.getContext());
  DominanceInfo dominance(module);
  eliminateCommonSubExpressions(rewriter, dominance, module);
}

/// Emitters fold what they build; trying it again for each op takes time.
static ConversionConfig conversionConfig() {
  ConversionConfig config;
  config.foldingMode = DialectConversionFoldingMode::Never;
  return config;
}

static LogicalResult convertLoops(ModuleOp module) {
  RewritePatternSet patterns(module.getContext());
  populateSCFToControlFlowConversionPatterns(patterns);
  ConversionTarget target(*module.getContext());
  target.addIllegalDialect<scf::SCFDialect>();
  target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
  return applyPartialConversion(module, target, std::move(patterns), conversionConfig());
}

static LogicalResult convertToLLVM(ModuleOp module) {
  MLIRContext *context = module.getContext();
  LLVMTypeConverter converter(context);
  convertMemory(converter);
  RewritePatternSet patterns(context);
  arith::populateArithToLLVMConversionPatterns(converter, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
  populateFuncToLLVMConversionPatterns(converter, patterns);
  populateMathToLLVMConversionPatterns(converter, patterns);
  populateVectorToLLVMConversionPatterns(converter, patterns);
  ub::populateUBToLLVMConversionPatterns(converter, patterns);
  LLVMConversionTarget target(*context);
  target.addLegalOp<ModuleOp>();
  if (failed(applyPartialConversion(module, target, std::move(patterns), conversionConfig())))
    return failure();
  SmallVector<UnrealizedConversionCastOp> casts;
  module.walk([&](UnrealizedConversionCastOp cast) { casts.push_back(cast); });
  reconcileUnrealizedCasts(casts);
  return success();
}

/// Makes a phase its entry, `void entry(begin, end, worker, args)`: what it took as
/// arguments is loaded from `args`; the last one is the worker's own part of the scratch.
static void makeEntry(LLVM::LLVMFuncOp phase) {
  Block &block = phase.getBody().front();
  ImplicitLocOpBuilder b(phase.getLoc(), phase->getContext());
  b.setInsertionPointToStart(&block);
  Type i64 = b.getI64Type(), pointer = LLVM::LLVMPointerType::get(b.getContext());
  constexpr unsigned kRange = 3;
  Value worker = block.getArgument(kRange - 1);
  Value args = block.insertArgument(kRange, pointer, phase.getLoc());
  unsigned count = block.getNumArguments() - kRange - 1;
  Value last;
  for (unsigned i = 0; i < count; ++i) {
    Value at = LLVM::GEPOp::create(b, pointer, pointer, args,
                                   ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(i)});
    last = LLVM::LoadOp::create(b, pointer, at);
    if (i + 1 < count)
      block.getArgument(kRange + 1 + i).replaceAllUsesWith(last);
  }
  Value bytes =
      LLVM::ConstantOp::create(b, i64, phase->getAttrOfType<IntegerAttr>(kScratchBytes).getInt());
  Value scratch = LLVM::GEPOp::create(
      b, pointer, b.getI8Type(), last,
      ArrayRef<LLVM::GEPArg>{LLVM::MulOp::create(b, bytes, worker).getResult()});
  block.getArguments().back().replaceAllUsesWith(scratch);
  block.eraseArguments(kRange + 1, count);
  phase.setFunctionType(LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()),
                                                    {i64, i64, i64, pointer}));
  phase.setSymName(phase->getAttrOfType<StringAttr>(kEntry).getValue());
  phase.setLinkage(LLVM::Linkage::External);
  phase.setSymVisibilityAttr(nullptr);
  phase->removeAttr(kEntry);
  phase->removeAttr(kScratchBytes);
  phase->removeAttr(kTasks);
}

static LogicalResult verifyLowered(ModuleOp module) {
  WalkResult result = module.walk([](Operation *op) {
    if (isa<ModuleOp>(op))
      return WalkResult::advance();
    if (!isa_and_nonnull<LLVM::LLVMDialect>(op->getDialect())) {
      op->emitError() << "expected the LLVM dialect alone after lowering, got " << op->getName();
      return WalkResult::interrupt();
    }
    auto call = dyn_cast<LLVM::CallOp>(op);
    if (call && call.getCallee() &&
        (*call.getCallee() == "malloc" || *call.getCallee() == "free")) {
      op->emitError() << "expected no allocation in a kernel";
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

static bool isLowered(ModuleOp module) {
  return !module
              .walk([](Operation *op) {
                bool isLLVM =
                    isa<ModuleOp>(op) || isa_and_nonnull<LLVM::LLVMDialect>(op->getDialect());
                return isLLVM ? WalkResult::advance() : WalkResult::interrupt();
              })
              .wasInterrupted();
}

LogicalResult lowerToLLVM(ModuleOp module) {
  inlineLoopsCalledOnce(module);
  divideIndices(module);
  for (auto function : module.getOps<func::FuncOp>())
    uniteConstants(function);
  splitIndices(module);
  cleanUp(module);
  if (failed(convertLoops(module)))
    return failure();
  lowerOps(module);
  if (!isLowered(module) && failed(convertToLLVM(module)))
    return failure();
  SmallVector<LLVM::LLVMFuncOp> phases;
  for (auto function : module.getOps<LLVM::LLVMFuncOp>())
    if (function->hasAttr(kEntry))
      phases.push_back(function);
  for (LLVM::LLVMFuncOp phase : phases)
    makeEntry(phase);
  return verifyLowered(module);
}

} // namespace dl
