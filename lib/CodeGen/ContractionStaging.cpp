//===- ContractionStaging.cpp - Copies and packs operands -----------------===//
//
// Copy: the box of indices that the iteration touches, row-major, zeros where it
// leaves the tensor, the prologue applied on the way.
//
// Panels: B in the order in which a column of register tiles reads it. A panel
// holds, for each k, the columns of one tile side by side; columns past the end
// are whatever, since nobody stores what is made of them. Likewise A, by rows.
//
//   B [k][n], tiles of 4 columns:  k0n0 k0n1 k0n2 k0n3 k1n0 ... | k0n4 k0n5 ...
//
//===----------------------------------------------------------------------===//

#include "ContractionEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numeric>

using namespace mlir;

namespace dl {

/// Tasks a staging phase is split into where the operand allows.
static constexpr int64_t kStagingTasks = 32;

void ContractionEmitter::emitStaging(OperandIndex operand) {
  if (s.operands[operand].staging == Staging::Copy)
    emitCopy(operand);
  if (s.operands[operand].staging == Staging::Panels && s.isDot())
    emitColumns();
  else if (s.operands[operand].staging == Staging::Panels)
    emitPanels(operand);
}

//===----------------------------------------------------------------------===//
// Copy
//===----------------------------------------------------------------------===//

static void fillZeros(PhaseBuilder &phase, VectorType type, Value target, Value at, int64_t count) {
  ImplicitLocOpBuilder &b = phase.b;
  int64_t lanes = type.getNumElements(), whole = count / lanes * lanes;
  Value zero = numberLike(b, type, 0);
  buildLoop(b, 0, whole, lanes, [&](Value index) {
    vector::StoreOp::create(b, zero, target, advance(b, at, index, 1));
  });
  if (whole < count)
    vector::MaskedStoreOp::create(b, target, offsetBy(b, at, whole),
                                  leadingMask(b, count - whole, lanes), zero);
}

/// One row: the last dimension, from source indices `indices` to `at`.
void ContractionEmitter::copyRow(PhaseBuilder &phase, Expression &expression, Value source,
                                 ArrayRef<Value> indices, Value target, Value at) {
  ImplicitLocOpBuilder &b = phase.b;
  int64_t count = cast<RankedTensorType>(source.getType()).getShape().back();
  int64_t whole = count / s.lanes * s.lanes;
  Position position;
  position.indices.assign(indices.begin(), indices.end());
  position.vectorDim = static_cast<int>(indices.size()) - 1;
  position.lanes = s.lanes;
  buildLoop(b, 0, whole, s.lanes, [&](Value column) {
    position.indices.back() = column;
    vector::StoreOp::create(b, expression.vectorAt(source, position), target,
                            advance(b, at, column, 1));
  });
  if (whole == count)
    return;
  position.indices.back() = phase.index(whole);
  position.mask = leadingMask(b, count - whole, s.lanes);
  Value row = expression.vectorAt(source, position);
  vector::MaskedStoreOp::create(b, target, offsetBy(b, at, whole), position.mask, row);
}

/// `count` elements in a row of a tensor that is in memory, from `from` to `at`.
void ContractionEmitter::copyRun(PhaseBuilder &phase, Value source, Value from, int64_t count,
                                 Value target, Value at) {
  ImplicitLocOpBuilder &b = phase.b;
  int64_t whole = count / s.lanes * s.lanes;
  Value memory = phase.argument(cast<BlockArgument>(source));
  buildLoop(b, 0, whole, s.lanes, [&](Value i) {
    Value row = vector::LoadOp::create(b, vectorType(), memory, advance(b, from, i, 1));
    vector::StoreOp::create(b, row, target, advance(b, at, i, 1));
  });
  if (whole == count)
    return;
  Value mask = leadingMask(b, count - whole, s.lanes);
  Value row = vector::MaskedLoadOp::create(b, vectorType(), memory, offsetBy(b, from, whole), mask,
                                           numberLike(b, vectorType(), 0));
  vector::MaskedStoreOp::create(b, target, offsetBy(b, at, whole), mask, row);
}

/// The block of the copy inside dimensions 0 to indices.size() - 1.
void ContractionEmitter::copyBlock(PhaseBuilder &phase, Expression &expression,
                                   OperandIndex operand, SmallVectorImpl<Value> &indices,
                                   Value target, Value at) {
  ImplicitLocOpBuilder &b = phase.b;
  const StagedOperand &staged = s.operands[operand];
  ArrayRef<int64_t> shape = d.operands[operand].shape;
  size_t dim = indices.size();
  if (dim + 1 == shape.size()) {
    indices.push_back(nullptr);
    copyRow(phase, expression, d.operands[operand].value, indices, target, at);
    indices.pop_back();
    return;
  }
  int64_t block = 1;
  for (const IndexRange &range : ArrayRef<IndexRange>(staged.ranges).drop_front(dim + 1))
    block *= range.extent();
  const IndexRange &range = staged.ranges[dim];
  int64_t low = std::clamp<int64_t>(range.low, 0, shape[dim]);
  int64_t high = std::clamp<int64_t>(range.high + 1, low, shape[dim]);
  int64_t before = std::min(low - range.low, range.extent());
  int64_t inside = IndexRange{low, high - 1, range.step}.extent();
  fillZeros(phase, vectorType(), target, at, before * block);
  Value source = d.operands[operand].value;
  if (dim + 2 == shape.size() && isa<BlockArgument>(source) && range.step == 1) {
    // Rows of a few channels, one after the other in memory, are one long row.
    SmallVector<Value> first(indices.begin(), indices.end());
    first.append({phase.index(low), phase.index(0)});
    Value from = linearIndex(b, first, stridesOf(shape));
    copyRun(phase, source, from, (high - low) * block, target, offsetBy(b, at, before * block));
  } else {
    Value origin = offsetBy(b, at, before * block), zero = phase.index(0);
    buildLoop(b, 0, inside, 1, [&](Value number) {
      indices.push_back(offsetBy(b, advance(b, zero, number, range.step), low));
      copyBlock(phase, expression, operand, indices, target, advance(b, origin, number, block));
      indices.pop_back();
    });
  }
  int64_t done = before + inside;
  fillZeros(phase, vectorType(), target, offsetBy(b, at, done * block),
            (range.extent() - done) * block);
}

void ContractionEmitter::emitCopy(OperandIndex operand) {
  const StagedOperand &staged = s.operands[operand];
  ArrayRef<int64_t> shape = d.operands[operand].shape;
  size_t leading = 0;
  int64_t tasks = 1, block = staged.count;
  while (leading + 1 < shape.size() && tasks < kStagingTasks && block > 0) {
    tasks *= staged.ranges[leading].extent();
    block /= std::max<int64_t>(staged.ranges[leading++].extent(), 1);
  }
  addStaging(operand, tasks, [&](PhaseBuilder &phase) {
    ImplicitLocOpBuilder &b = phase.b;
    Expression expression(phase);
    Value target = memoryOf(phase, operand);
    SmallVector<Value> indices(leading);
    Value rest = phase.task, isInside;
    for (size_t dim = leading; dim-- > 0;) {
      const IndexRange &range = staged.ranges[dim];
      Value extent = phase.index(range.extent());
      Value number =
          advance(b, phase.index(0), arith::RemUIOp::create(b, rest, extent), range.step);
      Value index = offsetBy(b, number, range.low);
      rest = arith::DivUIOp::create(b, rest, extent);
      indices[dim] = index;
      if (range.low >= 0 && range.high < shape[dim])
        continue;
      // Unsigned, an index below zero is past the end too.
      Value fits =
          arith::CmpIOp::create(b, arith::CmpIPredicate::ult, index, phase.index(shape[dim]));
      isInside = isInside ? arith::AndIOp::create(b, isInside, fits).getResult() : fits;
    }
    Value at = advance(b, phase.index(0), phase.task, block);
    auto copy = [&] { copyBlock(phase, expression, operand, indices, target, at); };
    if (!isInside)
      return copy();
    buildIf(b, isInside, copy, [&] { fillZeros(phase, vectorType(), target, at, block); });
  });
}

//===----------------------------------------------------------------------===//
// Panels
//===----------------------------------------------------------------------===//

/// The index in A or B of a point of the iteration.
Position ContractionEmitter::sourcePosition(ImplicitLocOpBuilder &b, OperandIndex operand,
                                            ArrayRef<Value> index) const {
  Position position;
  for (int64_t base : d.operands[operand].base)
    position.indices.push_back(arith::ConstantIndexOp::create(b, base));
  for (auto [dim, value] : llvm::zip_equal(d.dims, index)) {
    const AddressTerm &term = dim.terms[operand];
    if (term.occurs())
      position.indices[term.dim] = advance(b, position.indices[term.dim], value, term.coefficient);
  }
  position.lanes = s.lanes;
  return position;
}

Value lanesBelow(ImplicitLocOpBuilder &b, Value count, int64_t lanes) {
  SmallVector<int32_t> numbers(lanes);
  std::iota(numbers.begin(), numbers.end(), 0);
  Value limit = arith::IndexCastOp::create(b, b.getI32Type(), count);
  return arith::CmpIOp::create(b, arith::CmpIPredicate::slt,
                               arith::ConstantOp::create(b, b.getI32VectorAttr(numbers)),
                               splat(b, limit, lanes));
}

/// One k of a panel, vectors along the columns (of A: along the rows).
void ContractionEmitter::packColumns(PhaseBuilder &phase, Expression &expression,
                                     OperandIndex operand, ArrayRef<Value> index, Value target,
                                     Value at) {
  ImplicitLocOpBuilder &b = phase.b;
  const StagedOperand &staged = s.operands[operand];
  int part = staged.panelPart;
  const ContractionDim &columns = d.dims[part];
  int64_t last = (llvm::divideCeil(columns.extent, staged.panelTile) - 1) * staged.panelTile;
  SmallVector<Value> here(index);
  Value isInside = operand == kA ? insideOf(b, operand, index) : Value();
  for (int64_t v = 0; v < staged.panelPitch; v += s.lanes) {
    here[part] = offsetBy(b, index[part], v);
    Position position = sourcePosition(b, operand, here);
    position.vectorDim = columns.terms[operand].dim;
    // A panel of A is no wider than its tile: nothing lies between two k.
    int64_t room = std::min(staged.panelPitch - v, s.lanes);
    Value mask = position.mask = maskFor(b, room);
    if (last + staged.panelPitch > columns.extent) {
      Value left = arith::SubIOp::create(b, phase.index(columns.extent), here[part]);
      position.mask = lanesBelow(b, left, s.lanes);
      if (mask)
        position.mask = arith::AndIOp::create(b, position.mask, mask);
    }
    auto store = [&](Value vector) {
      if (mask)
        vector::MaskedStoreOp::create(b, target, offsetBy(b, at, v), mask, vector);
      else
        vector::StoreOp::create(b, vector, target, offsetBy(b, at, v));
    };
    auto pack = [&] { store(expression.vectorAt(d.operands[operand].value, position)); };
    if (isInside)
      buildIf(b, isInside, pack, [&] { store(numberLike(b, vectorType(), 0)); });
    else
      pack();
  }
}

/// Whether each element that is packed takes part in so many products that the time of
/// packing is not noticed. Residues have such code each.
bool ContractionEmitter::isPackingRare(OperandIndex operand) const {
  const int64_t many = d.isResidue ? 256 : 2048;
  int64_t products = d.extentOf(operand == kB ? DimRole::M : DimRole::N);
  return products / s.rowParts >= many;
}

/// All k of the innermost dimension of K, vectors along it: `lanes` columns are
/// loaded as rows and transposed.
void ContractionEmitter::packTransposed(PhaseBuilder &phase, Expression &expression,
                                        SmallVectorImpl<Value> &index, Value target, Value at) {
  ImplicitLocOpBuilder &b = phase.b;
  int inner = innermostK();
  const ContractionDim &k = d.dims[inner];
  int64_t columns = d.dims[s.vectorPart].extent, whole = k.extent / s.lanes * s.lanes;
  Value firstColumn = index[s.vectorPart];
  bool isRagged = columns % s.columns() != 0;
  // Whether vectors of columns are all there, or not at all.
  bool isWhole = columns % s.lanes == 0 && s.columns() % s.lanes == 0;
  auto block = [&](Value v, Value firstK, int64_t count) {
    SmallVector<Value> here(index.begin(), index.end());
    here[inner] = firstK;
    Value mask = maskFor(b, count), group = advance(b, firstColumn, v, 1);
    // Past the end, any columns are as good as others.
    if (isRagged && isWhole)
      group = arith::MinUIOp::create(b, group, phase.index(columns - s.lanes));
    auto load = [&](Value lane) {
      Value column = arith::AddIOp::create(b, group, lane);
      if (isRagged && !isWhole)
        column = arith::MinUIOp::create(b, column, phase.index(columns - 1));
      here[s.vectorPart] = column;
      Position position = sourcePosition(b, kB, here);
      position.vectorDim = k.terms[kB].dim;
      position.mask = mask;
      return expression.vectorAt(d.operands[kB].value, position);
    };
    Value start = advance(b, advance(b, at, firstK, s.columns()), v, 1);
    storeTransposed(b, s.lanes, count, isPackingRare(kB), load, target, start, s.columns());
  };
  // Few streams at a time: along k, `lanes` columns after the others.
  buildLoop(b, 0, s.columns(), s.lanes, [&](Value v) {
    buildLoop(b, 0, whole, s.lanes, [&](Value firstK) { block(v, firstK, s.lanes); });
    if (whole < k.extent)
      block(v, phase.index(whole), k.extent - whole);
  });
}

/// The innermost dimension of K, of the descriptor; -1: none.
int ContractionEmitter::innermostK() const {
  int inner = -1;
  for (auto [index, dim] : llvm::enumerate(d.dims))
    if (dim.role == DimRole::K)
      inner = index;
  return inner;
}

/// What is packed for one index of dimension `level`: of taps, those that a residue meets.
void ContractionEmitter::whereMet(PhaseBuilder &phase, OperandIndex operand, unsigned level,
                                  ArrayRef<Value> index, function_ref<void()> pack) {
  int last = -1;
  for (const Clip &clip : s.tapClips)
    last = std::max(last, clip.k);
  if (operand == kA || static_cast<int>(level) != last)
    return pack();
  buildIf(phase.b, insideOf(phase.b, kB, index), pack, [] {});
}

void ContractionEmitter::packPanel(PhaseBuilder &phase, Expression &expression,
                                   OperandIndex operand, unsigned level,
                                   SmallVectorImpl<Value> &index, Value target, Value at,
                                   Value panels) {
  const ContractionOperand &source = d.operands[operand];
  const StagedOperand &staged = s.operands[operand];
  int inner = innermostK();
  if (level == d.dims.size() && operand == kB && s.groupPart >= 0)
    return packGroups(phase, expression, index, target, at);
  if (level == d.dims.size() && panelsTogether(operand) == 1)
    return packColumns(phase, expression, operand, index, target, at);
  if (level == d.dims.size()) {
    SmallVector<Value> here(index.begin(), index.end());
    buildLoop(phase.b, phase.index(0), panels, 1, [&](Value panel) {
      here[staged.panelPart] = advance(phase.b, index[staged.panelPart], panel, staged.panelTile);
      packColumns(phase, expression, operand, here, target,
                  advance(phase.b, at, panel, staged.panel));
    });
    return;
  }
  const ContractionDim &dim = d.dims[level];
  if (dim.role != DimRole::K)
    return packPanel(phase, expression, operand, level + 1, index, target, at, panels);
  auto isUnit = [&](const ContractionDim &own) {
    const AddressTerm &term = own.terms[operand];
    return term.coefficient == 1 && source.strides()[term.dim] == 1;
  };
  if (static_cast<int>(level) == inner && isUnit(dim) && s.groupPart < 0 &&
      !isUnit(d.dims[staged.panelPart]))
    return packTransposed(phase, expression, index, target, at);
  buildLoop(phase.b, 0, dim.extent, 1, [&](Value k) {
    index[level] = k;
    Value next = advance(phase.b, at, k, staged.strides[level]);
    whereMet(phase, operand, level, index, [&] {
      packPanel(phase, expression, operand, level + 1, index, target, next, panels);
    });
  });
}

/// The indices that a task's number stands for, of the dimensions of an operand but K
/// and `part`; 0 elsewhere.
SmallVector<Value> ContractionEmitter::taskIndex(PhaseBuilder &phase, OperandIndex operand,
                                                 int part, Value rest) {
  SmallVector<Value> index(d.dims.size(), phase.index(0));
  for (size_t dim = d.dims.size(); dim-- > 0;) {
    const ContractionDim &own = d.dims[dim];
    bool isColumn = static_cast<int>(dim) == part ||
                    (part == s.vectorPart && static_cast<int>(dim) == s.groupPart);
    if (isColumn || own.role == DimRole::K || !own.terms[operand].occurs())
      continue;
    Value extent = phase.index(own.extent);
    index[dim] = arith::RemUIOp::create(phase.b, rest, extent);
    rest = arith::DivUIOp::create(phase.b, rest, extent);
  }
  return index;
}

/// Panels that are packed together: the pieces of a row that narrow ones take share
/// lines of memory, and a few lines side by side are fetched ahead.
int64_t ContractionEmitter::panelsTogether(OperandIndex operand) const {
  static constexpr int64_t kRun = 384;
  const StagedOperand &staged = s.operands[operand];
  if (operand == kB ||
      d.operands[operand].strides()[d.dims[staged.panelPart].terms[operand].dim] != 1)
    return 1;
  int64_t panels = llvm::divideCeil(s.dims[panelDim(operand)].extent, staged.panelTile);
  return std::max<int64_t>(std::min(kRun / bytes(staged.panelTile), panels), 1);
}

/// A task is a panel, or a few side by side.
void ContractionEmitter::emitPanels(OperandIndex operand) {
  const StagedOperand &staged = s.operands[operand];
  int part = staged.panelPart;
  int64_t panels = llvm::divideCeil(s.dims[panelDim(operand)].extent, staged.panelTile);
  int64_t together = panelsTogether(operand), groups = llvm::divideCeil(panels, together);
  int64_t tasks = staged.count == 0 ? 0 : staged.count / staged.panel / panels * groups;
  addStaging(operand, tasks, [&](PhaseBuilder &phase) {
    ImplicitLocOpBuilder &b = phase.b;
    Expression expression(phase);
    Value count = phase.index(groups);
    Value group = arith::RemUIOp::create(b, phase.task, count);
    Value rest = arith::DivUIOp::create(b, phase.task, count);
    SmallVector<Value> index = taskIndex(phase, operand, part, rest);
    Value first = advance(b, phase.index(0), group, together);
    index[part] = advance(b, phase.index(0), first, staged.panelTile);
    Value panel = advance(b, first, rest, panels);
    Value at = advance(b, phase.index(0), panel, staged.panel);
    Value end = arith::MinUIOp::create(b, offsetBy(b, first, together), phase.index(panels));
    packPanel(phase, expression, operand, 0, index, memoryOf(phase, operand), at,
              arith::SubIOp::create(b, end, first));
  });
}

//===----------------------------------------------------------------------===//
// Columns
//===----------------------------------------------------------------------===//

int64_t ContractionEmitter::pieceLanes(int64_t count) const {
  return std::min<int64_t>(llvm::PowerOf2Ceil(std::max<int64_t>(count, 2)), s.lanes);
}

/// Short vectors, a power of two of them, one after the other in a long one.
static Value concatenate(ImplicitLocOpBuilder &b, SmallVector<Value> pieces) {
  while (pieces.size() > 1) {
    int64_t lanes = cast<VectorType>(pieces[0].getType()).getNumElements();
    SmallVector<int64_t> order(2 * lanes);
    std::iota(order.begin(), order.end(), 0);
    for (size_t i = 0; 2 * i < pieces.size(); ++i)
      pieces[i] = vector::ShuffleOp::create(b, pieces[2 * i], pieces[2 * i + 1], order);
    pieces.truncate(pieces.size() / 2);
  }
  return pieces.front();
}

/// `count` k (a vector's lanes at most) of a few columns from `first` on: pieces of
/// rows of B side by side in vectors, that hold columns once they are transposed.
///
///   k0n0 k0n1 k2n0 k2n1, k1n0 k1n1 k3n0 k3n1  ~>  k0n0 k1n0 k2n0 k3n0, k0n1 ...
void ContractionEmitter::packBlock(PhaseBuilder &phase, Expression &expression,
                                   ArrayRef<Value> index, int64_t first, int64_t count,
                                   Value target, Value at) {
  ImplicitLocOpBuilder &b = phase.b;
  int64_t columns = std::min(d.dims[s.vectorPart].extent - first, s.lanes);
  int64_t width = pieceLanes(columns);
  SmallVector<Value> here(index), vectors;
  here[s.vectorPart] = phase.index(first);
  for (int64_t row = 0; row < width; ++row) {
    SmallVector<Value> pieces;
    for (int64_t k = row; k < s.lanes; k += width) {
      here[s.dotPart] = offsetBy(b, index[s.dotPart], std::min(k, count - 1));
      Position position = sourcePosition(b, kB, here);
      position.vectorDim = d.dims[s.vectorPart].terms[kB].dim;
      position.lanes = width;
      if (columns < width)
        position.mask = leadingMask(b, columns, width);
      pieces.push_back(expression.vectorAt(d.operands[kB].value, position));
    }
    vectors.push_back(concatenate(b, std::move(pieces)));
  }
  vectors = transposeVectors(b, vectors);
  for (int64_t column = 0; column < columns; ++column) {
    Value to = offsetBy(b, at, (first + column) * s.operands[kB].strides[s.vectorPart]);
    if (Value mask = maskFor(b, count))
      vector::MaskedStoreOp::create(b, target, to, mask, vectors[column]);
    else
      vector::StoreOp::create(b, vectors[column], target, to);
  }
}

/// All k, from dimension `level` on, of all columns.
void ContractionEmitter::packColumnsOf(PhaseBuilder &phase, Expression &expression, unsigned level,
                                       SmallVectorImpl<Value> &index, Value target, Value at) {
  ImplicitLocOpBuilder &b = phase.b;
  if (level < d.dims.size()) {
    if (d.dims[level].role != DimRole::K || static_cast<int>(level) == s.dotPart)
      return packColumnsOf(phase, expression, level + 1, index, target, at);
    buildLoop(b, 0, d.dims[level].extent, 1, [&](Value k) {
      index[level] = k;
      Value next = advance(b, at, k, s.operands[kB].strides[level]);
      whereMet(phase, kB, level, index,
               [&] { packColumnsOf(phase, expression, level + 1, index, target, next); });
    });
    return;
  }
  int64_t extent = d.dims[s.dotPart].extent, whole = extent / s.lanes * s.lanes;
  auto blocks = [&](Value k, int64_t count) {
    index[s.dotPart] = k;
    for (int64_t first = 0; first < d.dims[s.vectorPart].extent; first += s.lanes)
      packBlock(phase, expression, index, first, count, target, advance(b, at, k, 1));
  };
  buildLoop(b, 0, whole, s.lanes, [&](Value k) { blocks(k, s.lanes); });
  if (whole < extent)
    blocks(phase.index(whole), extent - whole);
}

/// B column by column, for dot products: a task takes all columns of one batch.
void ContractionEmitter::emitColumns() {
  const StagedOperand &staged = s.operands[kB];
  int64_t task = staged.panel * d.dims[s.vectorPart].extent;
  addStaging(kB, task == 0 ? 0 : staged.count / task, [&](PhaseBuilder &phase) {
    Expression expression(phase);
    SmallVector<Value> index = taskIndex(phase, kB, s.vectorPart, phase.task);
    Value at = phase.index(0);
    for (auto [value, stride] : llvm::zip_equal(index, staged.strides))
      at = advance(phase.b, at, value, stride);
    packColumnsOf(phase, expression, 0, index, memoryOf(phase, kB), at);
  });
}

} // namespace dl
