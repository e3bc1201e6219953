//===- DLDialect.h - The dl dialect -----------------------------*- C++ -*-===//

#ifndef DL_IR_DLDIALECT_H
#define DL_IR_DLDIALECT_H

#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"

namespace dl {

/// Marks ops that `decompose` writes in terms of other dl ops.
template <typename Op> struct IsComposite : mlir::OpTrait::TraitBase<Op, IsComposite> {};
/// Marks ops that cost as much as tens of additions.
template <typename Op> struct IsTranscendental : mlir::OpTrait::TraitBase<Op, IsTranscendental> {};
/// Marks ops that map each element alone (with NumPy broadcasting).
template <typename Op> struct IsElementwise : mlir::OpTrait::TraitBase<Op, IsElementwise> {};
/// Marks ops through which no gradient flows.
template <typename Op> struct HasNoGradient : mlir::OpTrait::TraitBase<Op, HasNoGradient> {};

} // namespace dl

#include "dl/IR/DLDialect.h.inc"

#endif // DL_IR_DLDIALECT_H
