//===- Placement.h - Where the tensors of a planned model live --*- C++ -*-===//
//
// The memory plan is written into the IR: the attribute `places` of a dl.kernel
// holds two integers for each result, space and position; `arena_bytes` on the
// dl.model is the size of the arena.
//
// After planning
//  * every output of the model is a kernel's result placed in that output (or a
//    dl.reshape of one);
//  * every update of a variable is a kernel's result placed in that variable,
//    and every other reader of the variable's old value comes before it;
//  * no two live values of the arena overlap; a kernel's result may overlap an
//    operand only where the kernel reads that operand at the index it writes.
//
//===----------------------------------------------------------------------===//

#ifndef DL_GRAPH_PLACEMENT_H
#define DL_GRAPH_PLACEMENT_H

#include "dl/IR/DLOps.h"

namespace dl {

enum class Space : int64_t { Arena = 0, Variable = 1, Output = 2, Input = 3, Constant = 4 };

/// Arena: byte offset (a multiple of 64). Variable: index among the model's
/// dl.parameter ops. Output: index among the outputs of dl.return. Input: index
/// among the model's arguments. Constant: no position; the value is a dl.constant.
struct Place {
  Space space = Space::Arena;
  int64_t position = 0;
};

inline constexpr llvm::StringLiteral kPlaces = "places";
inline constexpr llvm::StringLiteral kArenaBytes = "arena_bytes";

/// The place of any value of a planned model, dl.reshape looked through.
Place placeOf(mlir::Value value);
void setPlaces(KernelOp kernel, llvm::ArrayRef<Place> places);

} // namespace dl

#endif // DL_GRAPH_PLACEMENT_H
