//===- SplitProductPieces.cpp - The pieces of a task, one split ahead -----===//
//
// A task passes its pieces of rows, for each its pieces of K, for each those of
// columns. While one is multiplied, units of the next ones are split, every so many
// steps: the panels of the next piece, and the image of the next piece of rows or K
// while all columns of this one pass. What comes next may be another task's: a worker
// passes several in a row, and splits at once only what their first piece needs. The
// parts of a piece and those of the next lie side by side. What is not split when its
// piece comes is split then.
//
//===----------------------------------------------------------------------===//

#include "SplitProductEmitter.h"
#include "SplitProductParts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace dl {

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

SplitProductEmitter::Block SplitProductEmitter::enterBlock(PhaseBuilder &phase, Value item,
                                                           Value columnBlock) const {
  ImplicitLocOpBuilder &b = phase.b;
  Block block;
  block.index.assign(d.dims.size(), phase.index(0));
  block.row = advance(b, phase.index(0), remainder(b, item, p.rowBlocks()), p.blockRows());
  Value rest = quotient(b, item, p.rowBlocks());
  block.image = advance(b, offsetBy(b, imageStart(phase), p.origin), block.row, p.rowStride);
  Value batch = advance(b, phase.index(0), panelStart(phase), 2);
  int64_t batchStride = p.panels() * p.panelElements();
  for (int dim : llvm::reverse(p.outer)) {
    int64_t extent = p.piece.dims[dim].extent;
    block.index[dim] = remainder(b, rest, extent);
    rest = quotient(b, rest, extent);
    block.image = inImage(b, block.image, dim, block.index[dim]);
    if (!d.dims[dim].terms[kB].occurs())
      continue;
    batch = advance(b, batch, block.index[dim], batchStride);
    batchStride *= extent;
  }
  block.column = advance(b, phase.index(0), columnBlock, p.blockColumns());
  block.panel = advance(b, batch, columnBlock, p.columnTiles * p.panelElements());
  // In the order of the loops over blocks.
  block.number = p.columnsInside ? advance(b, columnBlock, item, p.columnBlocks())
                                 : advance(b, item, columnBlock, p.items());
  block.sums = phase.index(0);
  return block;
}

//===----------------------------------------------------------------------===//
// Splitting between products
//===----------------------------------------------------------------------===//

/// The units that a step of the piece has a share of.
SmallVector<SplitProductEmitter::DueUnit>
SplitProductEmitter::dueUnits(PhaseBuilder &phase, Expression &expression, Value step) {
  ImplicitLocOpBuilder &b = phase.b;
  SmallVector<DueUnit> due;
  for (const Ahead &own : ahead) {
    Value number = arith::AddIOp::create(b, own.steps, step);
    int64_t steps = p.stepsOfUnit(own.operand);
    Value unit = quotient(b, number, steps);
    DueUnit next;
    next.ahead = &own;
    next.step = remainder(b, number, steps);
    next.isUnit = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, unit, own.units);
    inPlace(own.place, [&] { next.unit = this->unit(phase, expression, own.operand, unit); });
    // The last steps of a unit, at most half of them, are for the parts that are transposed.
    if (next.unit.transposes)
      next.stepsOfParts = std::clamp<int64_t>(steps / 2, 1, kSplitParts);
    int64_t stepsOfSlots = std::max<int64_t>(steps - next.stepsOfParts, 1);
    next.slots = llvm::divideCeil(kUnitSlots, stepsOfSlots);
    due.push_back(std::move(next));
  }
  return due;
}

/// The slots of a step are spread over its products, at four places, so that code stays short.
void SplitProductEmitter::splitBetween(PhaseBuilder &phase, const DueUnit &unit, int64_t product,
                                       int64_t count) {
  ImplicitLocOpBuilder &b = phase.b;
  constexpr int64_t kPlaces = 4;
  int64_t slotsOfPlace = llvm::divideCeil(unit.slots, kPlaces);
  int64_t places = llvm::divideCeil(unit.slots, slotsOfPlace);
  // Each in the middle of its share.
  auto before = [&](int64_t products) { return (2 * products * places + count) / (2 * count); };
  for (int64_t place = before(product); place < before(product + 1); ++place) {
    Value first =
        offsetBy(b, advance(b, phase.index(0), unit.step, unit.slots), place * slotsOfPlace);
    Value end = offsetBy(b, first, std::min(slotsOfPlace, unit.slots - place * slotsOfPlace));
    if (unit.slots * p.stepsOfUnit(unit.ahead->operand) > kUnitSlots)
      end = arith::MinUIOp::create(b, end, phase.index(kUnitSlots));
    buildIf(b, unit.isUnit, [&] { unit.unit.slots->call(b, first, end); }, [] {});
  }
}

void SplitProductEmitter::transposeAfter(PhaseBuilder &phase, const DueUnit &unit) {
  ImplicitLocOpBuilder &b = phase.b;
  if (!unit.unit.transposes)
    return;
  int64_t steps = p.stepsOfUnit(unit.ahead->operand), firstStep = steps - unit.stepsOfParts;
  int64_t parts = llvm::divideCeil(kSplitParts, unit.stepsOfParts);
  Value step = arith::SubIOp::create(b, unit.step, phase.index(firstStep));
  Value isNow =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ult, step, phase.index(unit.stepsOfParts));
  Value first = advance(b, phase.index(0), step, parts);
  Value end = arith::MinUIOp::create(b, offsetBy(b, first, parts), phase.index(kSplitParts));
  buildIf(
      b, arith::AndIOp::create(b, isNow, unit.isUnit),
      [&] { unit.unit.transposes->call(b, first, end); }, [] {});
}

//===----------------------------------------------------------------------===//
// Pieces
//===----------------------------------------------------------------------===//

/// Group `number` of `total` in groups of `size`: the first, and how many.
static std::pair<Value, Value> groupOf(PhaseBuilder &phase, Value number, int64_t total,
                                       int64_t size) {
  ImplicitLocOpBuilder &b = phase.b;
  Value first = advance(b, phase.index(0), number, size), count = phase.index(size);
  if (total % size != 0)
    count = arith::MinUIOp::create(b, count,
                                   arith::SubIOp::create(b, phase.index(total), first).getResult());
  return {first, count};
}

/// The same of the number that is the remainder of `rest`.
std::pair<Value, Value> SplitProductEmitter::takeGroup(PhaseBuilder &phase, Value &rest,
                                                       int64_t total, int64_t size) const {
  int64_t groups = llvm::divideCeil(total, size);
  Value number = remainder(phase.b, rest, groups);
  rest = quotient(phase.b, rest, groups);
  return groupOf(phase, number, total, size);
}

/// The pieces of K of a part: the first, and how many.
std::pair<Value, Value> SplitProductEmitter::chunksOfPart(PhaseBuilder &phase, Value part) const {
  if (p.parts == 1)
    return {phase.index(0), phase.index(p.chunks())};
  return groupOf(phase, part, p.chunks(), p.chunksOfPart);
}

/// What a task passes.
SplitProductEmitter::TaskRanges SplitProductEmitter::rangesOf(PhaseBuilder &phase,
                                                              Value task) const {
  ImplicitLocOpBuilder &b = phase.b;
  TaskRanges ranges;
  std::tie(ranges.firstColumn, ranges.columns) =
      takeGroup(phase, task, piecesOf(p.columnCuts), p.columnPiecesOfTask);
  std::tie(ranges.firstRow, ranges.rows) =
      takeGroup(phase, task, piecesOf(p.rowCuts), p.rowPiecesOfTask);
  ranges.part = task;
  std::tie(ranges.firstChunk, ranges.chunks) = chunksOfPart(phase, task);
  // Tasks pass columns first, then rows, then K.
  auto before = [&](int64_t columns, Value firstColumn) -> Value {
    Value own = b.createOrFold<arith::MulIOp>(ranges.rows, firstColumn);
    own = advance(b, own, ranges.firstRow, columns);
    own = b.createOrFold<arith::MulIOp>(own, ranges.chunks);
    return advance(b, own, ranges.firstChunk, piecesOf(p.rowCuts) * columns);
  };
  ranges.firstPiece = before(piecesOf(p.columnCuts), ranges.firstColumn);
  if (p.imageStays()) {
    ranges.firstImage = before(1, phase.index(0));
  } else {
    int64_t groups = llvm::divideCeil(piecesOf(p.columnCuts), p.columnPiecesOfTask);
    ranges.firstImage = before(groups, quotient(b, ranges.firstColumn, p.columnPiecesOfTask));
  }
  return ranges;
}

/// Number `number` of the pieces of a task.
SplitProductEmitter::TaskPiece
SplitProductEmitter::pieceOf(PhaseBuilder &phase, const TaskRanges &ranges, Value number) {
  ImplicitLocOpBuilder &b = phase.b;
  TaskPiece piece;
  piece.column = b.createOrFold<arith::RemUIOp>(number, ranges.columns);
  piece.image = b.createOrFold<arith::DivUIOp>(number, ranges.columns);
  piece.chunk = b.createOrFold<arith::RemUIOp>(piece.image, ranges.chunks);
  Value row = b.createOrFold<arith::DivUIOp>(piece.image, ranges.chunks);
  Place before = here;
  enterCuts(b, p.rowCuts, b.createOrFold<arith::AddIOp>(ranges.firstRow, row));
  enterCuts(b, p.columnCuts, b.createOrFold<arith::AddIOp>(ranges.firstColumn, piece.column));
  enterCuts(b, p.reductionCuts, b.createOrFold<arith::AddIOp>(ranges.firstChunk, piece.chunk));
  // One of two memories.
  auto side = [&](OperandIndex operand, Value first, Value own, int64_t elements) -> Value {
    if (p.stepsOfUnit(operand) == 0)
      return nullptr;
    Value number = b.createOrFold<arith::AddIOp>(first, own);
    return advance(b, phase.index(0), remainder(b, number, 2), elements);
  };
  here.image = side(kA, ranges.firstImage, piece.image, p.imageBytes() / 2);
  here.panels = side(kB, ranges.firstPiece, number, p.panelBytes() / 4);
  piece.place = here;
  here = before;
  return piece;
}

void SplitProductEmitter::multiplyPiece(PhaseBuilder &phase, Expression &expression,
                                        const TaskRanges &ranges, const TaskPiece &piece) {
  ImplicitLocOpBuilder &b = phase.b;
  inPlace(piece.place, [&] {
    Value isFirst, isLast;
    if (p.accumulates()) {
      isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, piece.chunk, phase.index(0));
      isLast = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, piece.chunk,
                                     offsetBy(b, ranges.chunks, -1));
    }
    auto [outer, inner] = p.columnsInside ? std::make_pair(p.items(), p.columnBlocks())
                                          : std::make_pair(p.columnBlocks(), p.items());
    buildLoop(b, 0, outer, 1, [&](Value x) {
      buildLoop(b, 0, inner, 1, [&](Value y) {
        Block block = p.columnsInside ? enterBlock(phase, x, y) : enterBlock(phase, y, x);
        if (p.accumulates()) {
          Value number = advance(b, block.number, piece.column, p.items() * p.columnBlocks());
          block.sums = advance(b, phase.index(0), number, p.blockElements());
        }
        multiplyBlock(phase, expression, block, isFirst, isLast);
        if (isLast)
          buildIf(b, isLast, [&] { finishBlock(phase, expression, block); }, [] {});
        else
          finishBlock(phase, expression, block);
      });
    });
  });
}

/// What of the piece that comes next was not split between products before.
void SplitProductEmitter::splitRest(PhaseBuilder &phase, Expression &expression,
                                    const TaskSequence &tasks, const NextPiece &next,
                                    Value number) {
  ImplicitLocOpBuilder &b = phase.b;
  Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, number, phase.index(0));
  for (OperandIndex operand : {kA, kB}) {
    if (!p.isSplitByTask(operand))
      continue;
    Value units = phase.index(p.units(operand)), first = phase.index(0);
    if (int64_t steps = p.stepsOfUnit(operand)) {
      Value all = phase.index(p.steps());
      if (operand == kA)
        all = b.createOrFold<arith::MulIOp>(all, tasks.current.columns);
      Value done = b.createOrFold<arith::MinUIOp>(units, quotient(b, all, steps));
      first = arith::SelectOp::create(b, isFirst, first, done);
    }
    // An image stays for all columns.
    if (operand == kA)
      first = arith::SelectOp::create(b, next.isNewImage, first, units);
    inPlace(next.piece.place, [&] { splitUnits(phase, expression, operand, first, units); });
  }
}

/// What is split while a piece is multiplied: the panels of the next one, the next image.
void SplitProductEmitter::setAhead(PhaseBuilder &phase, const TaskSequence &tasks,
                                   const TaskPiece &piece, const NextPiece &next) {
  ImplicitLocOpBuilder &b = phase.b;
  auto add = [&](OperandIndex operand, Value steps, const Place &place, Value isWanted) {
    Value units =
        arith::SelectOp::create(b, isWanted, phase.index(p.units(operand)), phase.index(0));
    ahead.push_back({operand, place, steps, units});
  };
  if (p.stepsOfUnit(kA) != 0) {
    Value image = offsetBy(b, piece.image, 1);
    NextPiece own =
        nextPiece(phase, tasks, b.createOrFold<arith::MulIOp>(image, tasks.current.columns));
    add(kA, advance(b, phase.index(0), piece.column, p.steps()), own.piece.place,
        arith::AndIOp::create(b, own.exists, own.isNewImage));
  }
  if (p.stepsOfUnit(kB) != 0)
    add(kB, phase.index(0), next.piece.place, next.exists);
}

/// Number `number` of the pieces of the current task, or the first of the task behind it.
SplitProductEmitter::NextPiece
SplitProductEmitter::nextPiece(PhaseBuilder &phase, const TaskSequence &tasks, Value number) {
  ImplicitLocOpBuilder &b = phase.b;
  auto compare = [&](arith::CmpIPredicate predicate, Value left, Value right) -> Value {
    return arith::CmpIOp::create(b, predicate, left, right);
  };
  Value isInTask = compare(arith::CmpIPredicate::ult, number, tasks.pieces);
  TaskRanges ranges;
  for (Value TaskRanges::*member :
       {&TaskRanges::firstRow, &TaskRanges::rows, &TaskRanges::firstColumn, &TaskRanges::columns,
        &TaskRanges::firstChunk, &TaskRanges::chunks, &TaskRanges::firstPiece,
        &TaskRanges::firstImage})
    ranges.*member =
        b.createOrFold<arith::SelectOp>(isInTask, tasks.current.*member, tasks.following.*member);
  NextPiece next;
  next.piece = pieceOf(phase, ranges,
                       arith::SelectOp::create(b, isInTask, number, phase.index(0)).getResult());
  next.exists = arith::OrIOp::create(b, isInTask, tasks.hasFollowing);
  next.isNewImage = compare(arith::CmpIPredicate::eq, next.piece.column, phase.index(0));
  if (p.imageStays()) {
    Value isFirst = compare(arith::CmpIPredicate::eq, number, phase.index(0));
    Value isOther = compare(arith::CmpIPredicate::ne, ranges.firstImage, tasks.current.firstImage);
    next.isNewImage = arith::AndIOp::create(b, next.isNewImage,
                                            arith::OrIOp::create(b, isFirst, isOther).getResult());
  }
  return next;
}

void SplitProductEmitter::emitPieces(PhaseBuilder &phase, Expression &expression) {
  ImplicitLocOpBuilder &b = phase.b;
  Value zero = phase.index(0), one = phase.index(1);
  Value following = offsetBy(b, phase.task, 1);
  TaskSequence tasks;
  tasks.hasFollowing =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ult, following, phase.endTask());
  tasks.current = rangesOf(phase, phase.task);
  // Behind the last one there may be no K left to take a part of.
  tasks.following = rangesOf(
      phase, arith::SelectOp::create(b, tasks.hasFollowing, following, phase.task).getResult());
  part = tasks.current.part;
  Value images = b.createOrFold<arith::MulIOp>(tasks.current.rows, tasks.current.chunks);
  tasks.pieces = b.createOrFold<arith::MulIOp>(images, tasks.current.columns);
  Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, phase.task, phase.beginTask());
  if (p.isSplitByTask(kA) && p.plane != p.imageCount)
    buildIf(
        b, isFirst,
        [&] {
          buildLoop(b, 0, p.memories(kA), 1, [&](Value side) {
            clearBehindImage(phase, advance(b, zero, side, p.imageBytes() / 2));
          });
        },
        [] {});
  // The first piece of the first task, then each one's next.
  Value start = arith::SelectOp::create(b, isFirst, zero, one);
  buildLoop(b, start, offsetBy(b, tasks.pieces, 1), 1, [&](Value number) {
    Value hasPiece = arith::CmpIOp::create(b, arith::CmpIPredicate::ugt, number, zero);
    NextPiece next = nextPiece(phase, tasks, number);
    auto multiply = [&] {
      // (What is not 0 is at least 1: said for the sake of divisions by it.)
      Value own = offsetBy(b, arith::MaxUIOp::create(b, number, one), -1);
      TaskPiece piece = pieceOf(phase, tasks.current, own);
      setAhead(phase, tasks, piece, next);
      multiplyPiece(phase, expression, tasks.current, piece);
      ahead.clear();
    };
    buildIf(b, hasPiece, multiply, [] {});
    buildIf(b, next.exists, [&] { splitRest(phase, expression, tasks, next, number); }, [] {});
  });
}

//===----------------------------------------------------------------------===//
// Tasks
//===----------------------------------------------------------------------===//

/// Some rows and columns of what is not cut.
void SplitProductEmitter::emitBlocks(PhaseBuilder &phase, Expression &expression) {
  ImplicitLocOpBuilder &b = phase.b;
  Value rest = phase.task;
  auto take = [&](int64_t total, int64_t size) -> std::pair<Value, Value> {
    auto [first, count] = takeGroup(phase, rest, total, size);
    return {first, b.createOrFold<arith::AddIOp>(first, count)};
  };
  std::pair<Value, Value> columns = take(p.columnBlocks(), p.columnsOfTask);
  std::pair<Value, Value> items = take(p.items(), p.itemsOfTask);
  auto [outer, inner] =
      p.columnsInside ? std::make_pair(items, columns) : std::make_pair(columns, items);
  buildLoop(b, outer.first, outer.second, 1, [&](Value x) {
    buildLoop(b, inner.first, inner.second, 1, [&](Value y) {
      Block block = p.columnsInside ? enterBlock(phase, x, y) : enterBlock(phase, y, x);
      multiplyBlock(phase, expression, block, /*isFirst=*/nullptr, /*isLast=*/nullptr);
      finishBlock(phase, expression, block);
    });
  });
}

void SplitProductEmitter::emitMultiply() {
  auto emit = [&](PhaseBuilder &phase) {
    Expression expression(phase);
    expression.bind(body.anchor->getResult(0),
                    [&](ImplicitLocOpBuilder &, const Position &) { return base.sum; });
    configureTiles(phase);
    if (p.isCut())
      emitPieces(phase, expression);
    else
      emitBlocks(phase, expression);
  };
  if (p.isCut())
    module.addPhaseInRow(p.tasks(), emit);
  else
    module.addPhase(p.tasks(), emit);
}

} // namespace dl
