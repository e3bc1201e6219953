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
/// In a region, also what it takes from around it, of which each index reads one sum, made by
/// `outside`.
void splitIndices(mlir::Region &region, mlir::OpBuilder &outside);

/// Memory, which is flat in kernels, becomes a pointer, and each access one address:
///
///   memory[i] {dl.distance = 5}  ~>  p = &memory[i]; p[5]
///
/// What neighbours share is computed once then, and the constant is part of an
/// instruction. MLIR's own lowering takes a descriptor of memory apart and adds up the
/// index at each access.
class MemoryLowering {
public:
  /// Whether `lower` knows an op.
  static bool isLowered(mlir::Operation *op);
  /// Replaces an access, whose index has 64 bits, by one of the LLVM dialect before it.
  /// Of an op that makes memory the pointer is noted.
  void lower(mlir::OpBuilder &b, mlir::Operation *op);
  /// Where memory begins.
  mlir::Value pointerOf(mlir::OpBuilder &b, mlir::Value memory);

private:
  mlir::Value addressOf(mlir::OpBuilder &b, mlir::Operation *op, mlir::Value memory,
                        mlir::Value index);
  mlir::Value lowerLoad(mlir::OpBuilder &b, mlir::Operation *op);
  void lowerStore(mlir::OpBuilder &b, mlir::Operation *op);

  /// By memory.
  llvm::DenseMap<mlir::Value, mlir::Value> pointers;
  /// By memory and index.
  llvm::DenseMap<std::pair<mlir::Value, mlir::Value>, mlir::Value> addresses;
};

/// Ops of phases become those of the LLVM dialect, where one has the same operands, and
/// phases its functions; globals as well. What has none stays, between casts.
void lowerOps(mlir::ModuleOp module);

/// What memory holds from the start becomes a global of the LLVM dialect.
void lowerGlobals(mlir::ModuleOp module);

/// Memory is a pointer, for ops that stay.
void convertMemory(mlir::LLVMTypeConverter &converter);

} // namespace dl

#endif // DL_LIB_CODEGEN_LOWERMEMORY_H
