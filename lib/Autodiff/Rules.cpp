//===- Rules.cpp - The table of gradient rules ----------------------------===//

#include "Rules.h"

#include "llvm/ADT/DenseMap.h"

using namespace mlir;

namespace dl {

namespace {
using RuleTable = llvm::DenseMap<TypeID, GradientRule>;
} // namespace

template <typename Op> static void addRule(RuleTable &table) {
  // Structure and leaves have no inferred types, and no gradient either.
  constexpr bool isLayer = Op::template hasTrait<InferTypeOpInterface::Trait>();
  if constexpr (isLayer && !Op::template hasTrait<HasNoGradient>()) {
    if constexpr (hasOwnGradient<Op>)
      table[TypeID::get<Op>()] = [](Operation *op, ValueRange cotangents, OpBuilder &builder) {
        return gradient(llvm::cast<Op>(op), cotangents, builder);
      };
    else
      table[TypeID::get<Op>()] = differentiateDecomposition;
  }
}

template <typename... Ops> static RuleTable makeTable() {
  RuleTable table;
  (addRule<Ops>(table), ...);
  return table;
}

GradientRule findRule(Operation *op) {
  static const RuleTable table = makeTable<
#define GET_OP_LIST
#include "dl/IR/DLOps.cpp.inc"
      >();
  return table.lookup(op->getName().getTypeID());
}

bool isDiscrete(Operation *op) {
  return op->hasTrait<HasNoGradient>() && !op->hasTrait<IsComposite>();
}

} // namespace dl
