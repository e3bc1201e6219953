//===- ConcatKernel.cpp - Tensors behind each other -----------------------===//
//
// Along axis a, the dimensions from a on are one contiguous row of each operand,
// and a part of a row of the result: a concat copies rows. Each operand has a
// phase; a task copies some rows, or a part of one that is long.
//
//===----------------------------------------------------------------------===//

#include "Expression.h"
#include "KernelForm.h"
#include "LoopNest.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

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

/// Copies [begin, begin + length) of a row, length <= the given one where `end` is reached.
static void copyRow(PhaseBuilder &phase, const Rows &rows, Value row, Value begin, Value end,
                    int64_t lanes) {
  Expression expression(phase);
  auto type = cast<RankedTensorType>(rows.operand.getType());
  auto move = [&](Value column, int64_t width) {
    Position from{{row, column}, width > 1 ? 1 : -1, width, Value()};
    Value element;
    if (auto constant = rows.operand.getDefiningOp<ConstantOp>()) {
      element = expression.at(constant, {});
    } else {
      element = loadElement(phase.b, phase.argument(cast<BlockArgument>(rows.operand)),
                            {rows.count, rows.length}, type.getElementType(), from);
    }
    Position to = from;
    to.indices[1] = linearIndex(phase.b, {column, phase.index(rows.offset)}, {1, 1});
    storeElement(phase.b, element, phase.result(0), {rows.count, rows.whole}, to);
  };
  // Whole vectors, then what is left one by one.
  Value room = arith::SubIOp::create(phase.b, end, begin);
  Value vectors = arith::DivUIOp::create(phase.b, room, phase.index(lanes));
  Value tail = linearIndex(phase.b, {begin, vectors}, {1, lanes});
  buildLoop(phase.b, begin, tail, lanes, [&](Value column) { move(column, lanes); });
  buildLoop(phase.b, tail, end, 1, [&](Value column) { move(column, 1); });
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
    int64_t partLength = partsPerRow == 1 ? rows.length : most;
    Value begin = linearIndex(b, {arith::RemUIOp::create(b, phase.task, parts)}, {partLength});
    Value end = linearIndex(b, {begin, phase.index(partLength)}, {1, 1});
    end = arith::MinSIOp::create(b, end, phase.index(rows.length));
    buildLoop(b, first, last, 1, [&](Value row) { copyRow(phase, rows, row, begin, end, lanes); });
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
