//===- Backend.h - LLVM's code generator for a machine ----------*- C++ -*-===//

#ifndef DL_LIB_TARGET_BACKEND_H
#define DL_LIB_TARGET_BACKEND_H

#include "dl/Target/ObjectCode.h"

#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

namespace dl {

/// LLVM's view of a machine, and the passes that write code for it. Both take a good part of
/// the time of a small kernel to make, and serve one module after the other.
class Backend {
public:
  /// One that nobody uses at the moment, or a new one. Null: a diagnostic says why.
  static std::unique_ptr<Backend> take(mlir::Location loc, const Machine &machine);
  /// For those who take one later.
  static void giveBack(std::unique_ptr<Backend> backend);
  ~Backend();

  /// Sets how much LLVM's code generator does. Before anything else asks the target.
  void setLevel(int optLevel, CodeRole role);
  llvm::TargetMachine &getTarget() { return *target; }

  /// Assembly or an object of a module, by the level that was set. Fails where this target
  /// cannot write it.
  mlir::FailureOr<llvm::SmallVector<char, 0>> write(llvm::Module &module, OutputKind kind);
  /// After an error nobody knows what the passes hold.
  void forgetPasses();

private:
  struct Writer;

  Backend(const Machine &machine, std::unique_ptr<llvm::TargetMachine> target);
  Writer *writerOf(OutputKind kind, bool usesTiles);
  bool selectsFast() const;

  Machine machine;
  std::unique_ptr<llvm::TargetMachine> target;
  int level = 0;
  CodeRole role = CodeRole::Kernels;
  std::vector<std::unique_ptr<Writer>> writers;
};

} // namespace dl

#endif // DL_LIB_TARGET_BACKEND_H
