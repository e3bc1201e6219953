//===- CollapseDims.h - Fewer, longer dimensions ----------------*- C++ -*-===//

#ifndef DL_LIB_CODEGEN_COLLAPSEDIMS_H
#define DL_LIB_CODEGEN_COLLAPSEDIMS_H

#include "dl/IR/DLOps.h"

#include "mlir/IR/OwningOpRef.h"

namespace dl {

/// A copy of a loop kernel in which neighbouring dimensions that every value
/// treats alike are one:
///
///   add [100, 24, 24, 32], [32]   ~>   add [57600, 32], [32]
///
/// Only types and the numbers of axes change, not the order of elements. The
/// copy has no parent, and the types of its results are those of the original.
mlir::OwningOpRef<KernelOp> collapseDims(KernelOp kernel);

} // namespace dl

#endif // DL_LIB_CODEGEN_COLLAPSEDIMS_H
