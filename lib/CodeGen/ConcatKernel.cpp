//===- ConcatKernel.cpp - Tensors behind each other -----------------------===//
//
// Along axis a, the dimensions from a on are one contiguous row of each operand,
// and a part of a row of the result: a concat copies rows. Each operand has a
// phase; a task copies some rows, or a part of one that is long. What is
// behind its whole vectors is one more, masked or short.
//
//===----------------------------------------------------------------------===//

#include "Expression.h"
#include "KernelForm.h"
#include "LoopNest.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace dl {
namespace {

/// The rows of an operand, and where they lie in the result.
struct Rows {
  Value operand;
  int64_t count, length;
  /// Length of the result's rows, and the place in one of them.
  int64_t whole, offset;
};

} // namespace

/// Copies `lanes` elements of a row from `column` on, of which the first `active` are there.
static void copyVector(PhaseBuilder &phase, const Rows &rows, Value row, Value column,
                       int64_t active, int64_t lanes) {
  auto type = cast<RankedTensorType>(rows.operand.getType());
  Position from{{row, column}, 1, lanes, Value()};
  if (active < lanes && phase.kernel.machine().hasMaskedMemory)
    from.mask = leadingMask(phase.b, active, lanes);
  else
    from.lanes = active;
  Value element;
  if (auto constant = rows.operand.getDefiningOp<ConstantOp>()) {
    element = Expression(phase).at(constant, {});
  } else {
    element = loadElement(phase.b, phase.argument(cast<BlockArgument>(rows.operand)),
                          {rows.count, rows.length}, type.getElementType(), from);
  }
  Position to = from;
  to.indices[1] = linearIndex(phase.b, {column, phase.index(rows.offset)}, {1, 1});
  storeElement(phase.b, element, phase.result(0), {rows.count, rows.whole}, to);
}

/// Copies `length` elements of a row from `begin` on.
static void copyPart(PhaseBuilder &phase, const Rows &rows, Value row, Value begin, int64_t length,
                     int64_t lanes) {
  ImplicitLocOpBuilder &b = phase.b;
  int64_t rest = length % lanes;
  Value tail = linearIndex(b, {begin, phase.index(length - rest)}, {1, 1});
  buildLoop(b, begin, tail, lanes,
            [&](Value column) { copyVector(phase, rows, row, column, lanes, lanes); });
  if (rest)
    copyVector(phase, rows, row, tail, rest, lanes);
}

/// Part number `part` of a row.
static void copyRow(PhaseBuilder &phase, const Rows &rows, Value row, Value part, int64_t parts,
                    int64_t partLength, int64_t lanes) {
  ImplicitLocOpBuilder &b = phase.b;
  Value begin = linearIndex(b, {part}, {partLength});
  int64_t rest = rows.length - (parts - 1) * partLength;
  if (parts == 1 || rest == partLength)
    return copyPart(phase, rows, row, parts == 1 ? phase.index(0) : begin, rest, lanes);
  Value isLast = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, part, phase.index(parts - 1));
  auto branch = scf::IfOp::create(b, isLast, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  copyPart(phase, rows, row, begin, rest, lanes);
  b.setInsertionPointToStart(branch.elseBlock());
  copyPart(phase, rows, row, begin, partLength, lanes);
}

static void emitCopy(KernelModule &module, const Rows &rows, int64_t lanes) {
  // Elements of a task; a copy does little with each.
  constexpr int64_t most = static_cast<int64_t>(kTaskWork) / 2;
  int64_t rowsPerTask = std::max<int64_t>(1, most / std::max<int64_t>(rows.length, 1));
  int64_t partsPerRow = std::max<int64_t>(1, llvm::divideCeil(rows.length, most));
  int64_t tasks = llvm::divideCeil(rows.count, rowsPerTask) * partsPerRow;
  bool isEmpty = rows.count == 0 || rows.length == 0;
  module.addPhase(isEmpty ? 0 : tasks, [&](PhaseBuilder &phase) {
    ImplicitLocOpBuilder &b = phase.b;
    Value parts = phase.index(partsPerRow);
    Value first = linearIndex(b, {arith::DivUIOp::create(b, phase.task, parts)}, {rowsPerTask});
    Value last = linearIndex(b, {first, phase.index(rowsPerTask)}, {1, 1});
    last = arith::MinSIOp::create(b, last, phase.index(rows.count));
    Value part = arith::RemUIOp::create(b, phase.task, parts);
    buildLoop(b, first, last, 1,
              [&](Value row) { copyRow(phase, rows, row, part, partsPerRow, most, lanes); });
  });
}

LogicalResult emitConcatKernel(KernelModule &module) {
  ConcatOp concat = *module.body().getOps<ConcatOp>().begin();
  RankedTensorType type = concat.getType();
  auto axis = static_cast<int64_t>(concat.getAxis());
  axis = axis < 0 ? axis + type.getRank() : axis;
  int64_t bits = 8 * storageBytes(type.getElementType());
  int64_t lanes = module.machine().lanes(bits);
  int64_t count = ShapedType::getNumElements(type.getShape().take_front(axis));
  int64_t whole = ShapedType::getNumElements(type.getShape().drop_front(axis)), offset = 0;
  for (Value operand : concat.getInputs()) {
    auto shape = cast<RankedTensorType>(operand.getType()).getShape();
    Rows rows{operand, count, ShapedType::getNumElements(shape.drop_front(axis)), whole, offset};
    emitCopy(module, rows, lanes);
    offset += rows.length;
  }
  addBodyWork(module);
  return success();
}

} // namespace dl
