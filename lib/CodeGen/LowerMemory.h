//===- LowerMemory.h - Flat memory as pointers ------------------*- C++ -*-===//

#ifndef DL_LIB_CODEGEN_LOWERMEMORY_H
#define DL_LIB_CODEGEN_LOWERMEMORY_H

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/IR/BuiltinOps.h"

namespace dl {

/// On an access to memory: elements from its index to the place that is meant.
inline constexpr llvm::StringLiteral kDistance = "dl.distance";

/// Takes the constants out of the indices of accesses:
///
///   memory[(i + 2) * 64 + j]  ~>  memory[i * 64 + j] {dl.distance = 128}
///
/// What is left is the same for the rows of a tile, and computed once.
void splitIndices(mlir::ModuleOp module);

/// Functions take memory as pointers.
void passPointers(mlir::ModuleOp module);

/// Memory, which is flat in kernels, becomes a pointer, and each access one address:
///
///   memory[i] {dl.distance = 5}  ~>  p = &memory[i]; p[5]
///
/// What neighbours share is computed once then, and the constant is part of an
/// instruction. MLIR's own lowering takes a descriptor of memory apart and adds up the
/// index at each access.
void populateMemoryPatterns(mlir::LLVMTypeConverter &converter, mlir::RewritePatternSet &patterns);

} // namespace dl

#endif // DL_LIB_CODEGEN_LOWERMEMORY_H
