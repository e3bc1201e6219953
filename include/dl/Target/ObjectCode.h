//===- ObjectCode.h - From the LLVM dialect to object code ------*- C++ -*-===//

#ifndef DL_TARGET_OBJECTCODE_H
#define DL_TARGET_OBJECTCODE_H

#include "dl/Support/Machine.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/MemoryBuffer.h"

namespace dl {

class Backend;

/// What a CodeGenerator needs to be in the registry of its modules' context.
void registerTranslations(mlir::DialectRegistry &registry);

enum class OutputKind { LLVMIR, Assembly, Object };

/// What a module is made of: kernels, or a program that calls them, whose own
/// instructions take no time.
enum class CodeRole { Kernels, Program };

/// Compiles modules of the LLVM dialect for a machine, one after the other (each in an LLVM
/// context of its own) by passes that are made once. For threads: one each.
class CodeGenerator {
public:
  CodeGenerator(const Machine &machine, int optLevel);
  ~CodeGenerator();

  mlir::FailureOr<std::unique_ptr<llvm::MemoryBuffer>>
  compile(mlir::ModuleOp module, OutputKind kind, CodeRole role = CodeRole::Kernels);
  /// The same for modules that call each other: they become one, in which nothing
  /// but what the first of them defines is visible from outside. All lie in one
  /// context, and at least one is there.
  mlir::FailureOr<std::unique_ptr<llvm::MemoryBuffer>>
  compileLinked(llvm::ArrayRef<mlir::ModuleOp> modules, OutputKind kind,
                CodeRole role = CodeRole::Kernels);

private:
  Machine machine;
  int optLevel;
  std::unique_ptr<Backend> backend;
};

} // namespace dl

#endif // DL_TARGET_OBJECTCODE_H
