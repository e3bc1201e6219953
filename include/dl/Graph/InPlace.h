//===- InPlace.h - What a kernel may overwrite ------------------*- C++ -*-===//

#ifndef DL_GRAPH_INPLACE_H
#define DL_GRAPH_INPLACE_H

#include "dl/IR/DLOps.h"

namespace dl {

/// True where the result may lie in the memory of the input: every element of
/// the input is read for the result's element of the same index alone, at the
/// time that one is written.
bool canOverwrite(KernelOp kernel, unsigned result, unsigned input);

/// The same for a tensor that several inputs may show (through reshapes).
bool canOverwrite(KernelOp kernel, unsigned result, mlir::Value tensor);

} // namespace dl

#endif // DL_GRAPH_INPLACE_H
