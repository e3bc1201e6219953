//===- CodeGenPass.cpp - Code generation as a pass ------------------------===//
//
// For dlc-opt and tests: the library is called through CodeGen.h.
//
//===----------------------------------------------------------------------===//

#include "dl/CodeGen/CodeGen.h"
#include "dl/CodeGen/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace dl {

#define GEN_PASS_DEF_CODEGENPASS
#include "dl/CodeGen/Passes.h.inc"

/// Replaces a model by its kernels' modules and the program.
static LogicalResult replaceByCode(ModelOp model, const CodeGenOptions &options, bool lower) {
  FailureOr<Program> program = generateProgram(model, options);
  if (failed(program))
    return failure();
  OpBuilder builder(model);
  for (KernelCode &kernel : program->kernels) {
    if (lower && failed(lowerToLLVM(*kernel.module)))
      return failure();
    builder.insert(kernel.module.release());
  }
  builder.insert(program->main.release());
  model.erase();
  return success();
}

namespace {
struct CodeGenPass : impl::CodeGenPassBase<CodeGenPass> {
  using CodeGenPassBase::CodeGenPassBase;

  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, cf::ControlFlowDialect, func::FuncDialect,
                    LLVM::LLVMDialect, math::MathDialect, memref::MemRefDialect, scf::SCFDialect,
                    ub::UBDialect, vector::VectorDialect>();
  }

  void runOnOperation() override {
    CodeGenOptions options;
    options.machine.vectorBits = vectorBits;
    options.machine.vectorRegisters = vectorBits == 512 ? 32 : 16;
    options.machine.hasFMA = fma;
    options.machine.hasMaskedMemory = masked;
    options.packsVariables = packs;
    for (auto model : llvm::make_early_inc_range(getOperation().getOps<ModelOp>()))
      if (failed(replaceByCode(model, options, lower)))
        return signalPassFailure();
  }
};
} // namespace

} // namespace dl
