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

/// `lanes` elements of a row from `column` on, of which the first `active` are there.
static Position positionAt(PhaseBuilder &phase, Value row, Value column, int64_t active,
                           int64_t lanes) {
  Position position{{row, column}, 1, lanes, Value()};
  if (active < lanes && phase.kernel.machine().hasMaskedMemory)
    position.mask = leadingMask(phase.b, active, lanes);
  else
    position.lanes = active;
  return position;
}

static Value loadVector(PhaseBuilder &phase, const Rows &rows, const Position &from) {
  if (auto constant = rows.operand.getDefiningOp<ConstantOp>())
    return Expression(phase).at(constant, {});
  auto type = cast<RankedTensorType>(rows.operand.getType());
  return loadElement(phase.b, phase.argument(cast<BlockArgument>(rows.operand)),
                     {rows.count, rows.length}, type.getElementType(), from);
}

/// Asks for what lies behind `length` elements of a row, where outer memory holds the operand.
static void fetchBehind(PhaseBuilder &phase, const Rows &rows, Value row, Value column,
                        int64_t length) {
  auto argument = dyn_cast<BlockArgument>(rows.operand);
  int64_t bytes = storageBytes(cast<RankedTensorType>(rows.operand.getType()).getElementType());
  if (!argument || rows.count * rows.length * bytes <= phase.kernel.machine().l2Bytes)
    return;
  for (int64_t offset = 0; offset < length; offset += Machine::lineBytes / bytes) {
    Value ahead = phase.index(offset + kStreamAhead);
    Value place = linearIndex(phase.b, {row, column, ahead}, {rows.length, 1, 1});
    fetchLine(phase.b, phase.argument(argument), place);
  }
}

/// Copies `length` elements of a row from `column` on, vector by vector.
static void copyVectors(PhaseBuilder &phase, const Rows &rows, Value row, Value column,
                        int64_t length, int64_t lanes, bool past) {
  ImplicitLocOpBuilder &b = phase.b;
  fetchBehind(phase, rows, row, column, length);
  SmallVector<std::pair<Position, Value>> loaded;
  for (int64_t offset = 0; offset < length; offset += lanes) {
    Value here = linearIndex(b, {column, phase.index(offset)}, {1, 1});
    Position at = positionAt(phase, row, here, std::min(lanes, length - offset), lanes);
    loaded.push_back({at, loadVector(phase, rows, at)});
  }
  for (auto &[at, element] : loaded) {
    at.indices[1] = linearIndex(b, {at.indices[1], phase.index(rows.offset)}, {1, 1});
    at.bypasses = past && !at.mask && at.lanes == lanes;
    storeElement(b, element, phase.result(0), {rows.count, rows.whole}, at);
  }
}

/// Copies `length` elements of a row from `begin` on.
static void copyPart(PhaseBuilder &phase, const Rows &rows, Value row, Value begin, int64_t length,
                     int64_t lanes, bool past) {
  constexpr int64_t vectors = 4;
  int64_t step = vectors * lanes, rest = length % step;
  Value tail = linearIndex(phase.b, {begin, phase.index(length - rest)}, {1, 1});
  buildLoop(phase.b, begin, tail, step,
            [&](Value column) { copyVectors(phase, rows, row, column, step, lanes, past); });
  copyVectors(phase, rows, row, tail, rest, lanes, past);
}

/// Part number `part` of a row.
static void copyRow(PhaseBuilder &phase, const Rows &rows, Value row, Value part, int64_t parts,
                    int64_t partLength, int64_t lanes, bool past) {
  ImplicitLocOpBuilder &b = phase.b;
  Value begin = linearIndex(b, {part}, {partLength});
  int64_t rest = rows.length - (parts - 1) * partLength;
  if (parts == 1 || rest == partLength)
    return copyPart(phase, rows, row, parts == 1 ? phase.index(0) : begin, rest, lanes, past);
  Value isLast = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, part, phase.index(parts - 1));
  auto branch = scf::IfOp::create(b, isLast, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  copyPart(phase, rows, row, begin, rest, lanes, past);
  b.setInsertionPointToStart(branch.elseBlock());
  copyPart(phase, rows, row, begin, partLength, lanes, past);
}

/// Whether a result is so large that whole vectors should go past the caches, and rows
/// begin at multiples of one in it (LoopNest::canBypass).
static bool canBypass(KernelModule &module, const Rows &rows, int64_t lanes) {
  const Machine &machine = module.machine();
  auto type = cast<RankedTensorType>(rows.operand.getType());
  int64_t bytes = storageBytes(type.getElementType());
  return lanes * bytes * 8 == machine.vectorBits && rows.whole % lanes == 0 &&
         rows.offset % lanes == 0 && isLargeResult(machine, rows.count * rows.whole * bytes);
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
    phase.emitStores({0U}, canBypass(module, rows, lanes), [&](bool past) {
      buildLoop(b, first, last, 1, [&](Value row) {
        copyRow(phase, rows, row, part, partsPerRow, most, lanes, past);
      });
    });
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
