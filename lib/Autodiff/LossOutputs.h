//===- LossOutputs.h - A model's loss and metrics ---------------*- C++ -*-===//

#ifndef DL_AUTODIFF_LOSSOUTPUTS_H
#define DL_AUTODIFF_LOSSOUTPUTS_H

#include "dl/IR/DLOps.h"
#include "dl/Trainer.h"

namespace dl {

/// What a loss adds to a model.
struct LossOutputs {
  mlir::Value loss;
  /// Number of examples classified right (i32); null where the loss is no
  /// classification.
  mlir::Value correct;

  llvm::SmallVector<mlir::Value> values() const {
    return correct ? llvm::SmallVector<mlir::Value>{loss, correct}
                   : llvm::SmallVector<mlir::Value>{loss};
  }
  llvm::SmallVector<llvm::StringRef> names() const {
    return correct ? llvm::SmallVector<llvm::StringRef>{"loss", "correct"}
                   : llvm::SmallVector<llvm::StringRef>{"loss"};
  }
};

/// Adds the target as last input, and loss and metrics of the first output
/// before dl.return. On failure a diagnostic says why.
mlir::FailureOr<LossOutputs> addLoss(ModelOp model, const Loss &loss);

/// The terminator of a model.
ReturnOp returnOf(ModelOp model);
/// Adds an input at the end; the name gets a number where it is taken.
mlir::Value addInput(ModelOp model, llvm::StringRef name, mlir::Type type, mlir::Location loc);
/// A copy of the model behind it in its module, named `<model><suffix>`.
ModelOp cloneBeside(ModelOp model, llvm::StringRef suffix);
/// Erases what neither the outputs nor the updates depend on; variables stay.
void eraseUnused(ModelOp model);

} // namespace dl

#endif // DL_AUTODIFF_LOSSOUTPUTS_H
