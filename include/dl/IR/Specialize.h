//===- Specialize.h - Close the open batch size -----------------*- C++ -*-===//

#ifndef DL_IR_SPECIALIZE_H
#define DL_IR_SPECIALIZE_H

#include "dl/IR/DLOps.h"

namespace dl {

/// Gives every open extent of the inputs the value `batch` and infers all types
/// again. On failure an op's shape rule has said why; the model is then in no
/// usable state (clone it first where that matters).
llvm::LogicalResult specializeBatch(ModelOp model, int64_t batch);

} // namespace dl

#endif // DL_IR_SPECIALIZE_H
