//===- ObjectCode.h - From the LLVM dialect to object code ------*- C++ -*-===//

#ifndef DL_TARGET_OBJECTCODE_H
#define DL_TARGET_OBJECTCODE_H

#include "dl/Support/Machine.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/MemoryBuffer.h"

namespace dl {

/// What compileModule needs to be in the registry of its modules' context.
void registerTranslations(mlir::DialectRegistry &registry);

enum class OutputKind { LLVMIR, Assembly, Object };

/// Compiles a module of the LLVM dialect for a machine. Thread-safe for
/// different modules (each compilation has an LLVM context of its own).
mlir::FailureOr<std::unique_ptr<llvm::MemoryBuffer>>
compileModule(mlir::ModuleOp module, const Machine &machine, int optLevel, OutputKind kind);
/// The same for modules that call each other: they become one, in which nothing
/// but what the first of them defines is visible from outside. All lie in one
/// context, and at least one is there.
mlir::FailureOr<std::unique_ptr<llvm::MemoryBuffer>>
compileLinked(llvm::ArrayRef<mlir::ModuleOp> modules, const Machine &machine, int optLevel,
              OutputKind kind);

} // namespace dl

#endif // DL_TARGET_OBJECTCODE_H
