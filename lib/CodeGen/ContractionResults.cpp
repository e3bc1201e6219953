//===- ContractionResults.cpp - From sums to the kernel's results ---------===//

#include "ContractionEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numeric>

using namespace mlir;

namespace dl {

Value ContractionEmitter::maskFor(ImplicitLocOpBuilder &b, int64_t active) const {
  return active == s.lanes ? Value() : leadingMask(b, active, s.lanes);
}

SmallVector<Value> ContractionEmitter::tensorIndices(ImplicitLocOpBuilder &b, const Place &place,
                                                     ArrayRef<int64_t> row,
                                                     OperandIndex operand) const {
  SmallVector<Value> indices;
  for (int64_t base : d.operands[operand].base)
    indices.push_back(arith::ConstantIndexOp::create(b, base));
  for (auto [number, dim] : llvm::enumerate(s.dims)) {
    if (dim.role == DimRole::K)
      continue;
    Value rest = offsetBy(b, place.index[number], row.empty() ? 0 : row[number]);
    // Merged dimensions come apart from the inside.
    for (size_t part = dim.parts.size(); part-- > 0;) {
      const ContractionDim &own = d.dims[dim.parts[part]];
      Value index = rest;
      if (part > 0) {
        Value extent = arith::ConstantIndexOp::create(b, own.extent);
        index = arith::RemUIOp::create(b, rest, extent);
        rest = arith::DivUIOp::create(b, rest, extent);
      }
      const AddressTerm &term = own.terms[operand];
      if (term.occurs())
        indices[term.dim] = advance(b, indices[term.dim], index, term.coefficient);
    }
  }
  return indices;
}

bool storesPast(const ContractionBody &body, const ContractionStrategy &s,
                const KernelModule &module) {
  bool storesTiles =
      s.accumulation == Accumulation::Registers || s.accumulation == Accumulation::Chunks;
  if (!storesTiles || s.isSwapped || s.fetchesResults)
    return false;
  int64_t largest = 0, vectorBytes = module.machine().vectorBits / 8;
  for (unsigned result : body.results) {
    auto type = cast<RankedTensorType>(module.yield().getOperand(result).getType());
    int64_t bytes = storageBytes(type.getElementType());
    // Rows begin at multiples of a vector.
    if (bytes * s.lanes != vectorBytes || type.getShape().back() % s.lanes != 0)
      return false;
    largest = std::max(largest, type.getNumElements() * bytes);
  }
  return isLargeResult(module.machine(), largest, /*computes=*/true);
}

static void storeVector(ImplicitLocOpBuilder &b, Value vector, Value memory, Value at, Value mask) {
  if (mask)
    vector::MaskedStoreOp::create(b, memory, at, mask, vector);
  else
    vector::StoreOp::create(b, vector, memory, at);
}

/// Zeros where the mask leaves elements out.
static Value loadVector(ImplicitLocOpBuilder &b, Type type, Value memory, Value at, Value mask) {
  auto vector = cast<VectorType>(type);
  if (!mask)
    return vector::LoadOp::create(b, vector, memory, at);
  return vector::MaskedLoadOp::create(b, vector, memory, at, mask, numberLike(b, vector, 0));
}

void ContractionEmitter::writeResult(PhaseBuilder &phase, Expression &expression,
                                     const Position &position, Value value) {
  sum = value;
  expression.store(body.results, position);
}

void ContractionEmitter::writeSide(PhaseBuilder &phase, Expression &expression, Value column,
                                   Value mask, Value value) {
  auto rank = cast<RankedTensorType>(body.side->getResult(0).getType()).getRank();
  Position position;
  for (int64_t dim = 0; dim + 1 < rank; ++dim)
    position.indices.push_back(phase.index(0));
  position.indices.push_back(column);
  position.vectorDim = static_cast<int>(rank) - 1;
  position.lanes = s.lanes;
  position.mask = mask;
  sideSum = value;
  expression.store(body.sideResults, position);
}

/// To where sums wait: partial results, or scratch, which is as wide as a tile, so
/// its tail needs no mask.
void ContractionEmitter::storeSums(PhaseBuilder &phase, const Place &place, const TileShape &shape,
                                   ArrayRef<Value> sums) {
  ImplicitLocOpBuilder &b = phase.b;
  bool isMasked = s.accumulation == Accumulation::Partials;
  Value memory = memoryOf(phase, kC), tail = isMasked ? maskFor(b, shape.tailLanes) : Value();
  for (auto [number, row] : llvm::enumerate(shape.rows))
    for (int64_t v = 0; v < shape.vectors; ++v)
      storeVector(b, sums[number * shape.vectors + v], memory,
                  offsetBy(b, place.base[kC], rowOffset(row, kC) + v * s.lanes),
                  v == shape.vectors - 1 ? tail : Value());
}

void ContractionEmitter::storeTile(PhaseBuilder &phase, Expression &expression, const Place &place,
                                   const TileShape &shape, ArrayRef<Value> sums) {
  if (s.resultPart >= 0)
    return storeTransposedTile(phase, expression, place, shape, sums);
  if (s.accumulation == Accumulation::Registers)
    return storeResults(phase, expression, place, shape, sums);
  if (s.accumulation != Accumulation::Chunks)
    return storeSums(phase, place, shape, sums);
  buildIf(
      phase.b, place.isLastChunk, [&] { storeResults(phase, expression, place, shape, sums); },
      [&] { storeSums(phase, place, shape, sums); });
}

void ContractionEmitter::storeResults(PhaseBuilder &phase, Expression &expression,
                                      const Place &place, const TileShape &shape,
                                      ArrayRef<Value> sums) {
  ImplicitLocOpBuilder &b = phase.b;
  Value tail = maskFor(b, shape.tailLanes);
  auto maskOf = [&](int64_t v) { return v == shape.vectors - 1 ? tail : Value(); };
  // Swapped operands: the last dimension of C may be one element beside the vector's.
  int vectorDim = s.isSwapped ? d.dims[s.vectorPart].terms[kC].dim
                              : static_cast<int>(d.operands[kC].shape.size()) - 1;
  SmallVector<Value> columns;
  Value first = tensorIndices(b, place, {}, kC)[vectorDim];
  for (int64_t v = 0; v < shape.vectors; ++v)
    columns.push_back(offsetBy(b, first, v * s.lanes));
  phase.emitStores(body.results, s.storesPast, [&](bool past) {
    // What is read over elements that a masked vector left out waits until that one is in the
    // cache: where a result lies over an operand, the start of the next row. So the ends of a
    // few rows are stored together, as many as registers hold.
    std::vector<std::pair<Position, SmallVector<Value>>> ends;
    auto storeEnds = [&] {
      for (const auto &[position, elements] : ends)
        expression.store(body.results, elements, position);
      ends.clear();
    };
    for (auto [number, row] : llvm::enumerate(shape.rows)) {
      Position position;
      position.indices = tensorIndices(b, place, row, kC);
      position.vectorDim = vectorDim;
      position.lanes = s.lanes;
      for (int64_t v = 0; v < shape.vectors; ++v) {
        position.indices[vectorDim] = columns[v];
        position.mask = maskOf(v);
        position.bypasses = past && !position.mask;
        sum = sums[number * shape.vectors + v];
        SmallVector<Value> elements = expression.resultsAt(body.results, position);
        if (position.mask)
          ends.emplace_back(position, std::move(elements));
        else
          expression.store(body.results, elements, position);
      }
      if (ends.size() * body.results.size() >=
          static_cast<size_t>(module.machine().vectorRegisters) / 2)
        storeEnds();
    }
    storeEnds();
  });
}

/// A piece of a column of a transposed tile: `active` elements along the last dimension
/// of C. Between chunks of K, added to those before.
void ContractionEmitter::storeColumn(PhaseBuilder &phase, Expression &expression,
                                     const Place &place, ArrayRef<int64_t> at, Value elements,
                                     int64_t active) {
  ImplicitLocOpBuilder &b = phase.b;
  Position position;
  position.lanes = cast<VectorType>(elements.getType()).getNumElements();
  if (active < position.lanes)
    position.mask = leadingMask(b, active, position.lanes);
  if (s.accumulation != Accumulation::Registers) {
    Value memory = memoryOf(phase, kC);
    Value to = offsetBy(b, place.base[kC], rowOffset(at, kC));
    if (place.isFirstChunk) {
      auto type = VectorType::get({position.lanes}, b.getI1Type());
      Value yes = arith::ConstantIntOp::create(b, 1, /*width=*/1);
      Value isLater = vector::BroadcastOp::create(
          b, type, arith::XOrIOp::create(b, place.isFirstChunk, yes).getResult());
      if (position.mask)
        isLater = arith::AndIOp::create(b, isLater, position.mask);
      elements = arith::AddFOp::create(b, loadVector(b, elements.getType(), memory, to, isLater),
                                       elements);
    }
    return storeVector(b, elements, memory, to, position.mask);
  }
  position.indices = tensorIndices(b, place, at, kC);
  position.vectorDim = static_cast<int>(position.indices.size()) - 1;
  writeResult(phase, expression, position, elements);
}

/// One vector of each row of a tile whose vectors lie along rows of C: transposed in blocks of
/// a few rows, of which each lane becomes a piece of a row of C.
///
///   rows a, b of lanes 0 to 3:  a0 a1 a2 a3, b0 b1 b2 b3  ~>  a0 b0 | a2 b2, a1 b1 | a3 b3
void ContractionEmitter::storeTransposedVectors(PhaseBuilder &phase, Expression &expression,
                                                const Place &place, const TileShape &shape,
                                                int64_t active,
                                                function_ref<Value(int64_t)> vectorOf) {
  ImplicitLocOpBuilder &b = phase.b;
  auto rows = static_cast<int64_t>(shape.rows.size());
  int64_t width = pieceLanes(rows);
  for (int64_t first = 0; first < rows; first += width) {
    SmallVector<Value> block;
    // Zeros for rows past the end. With the last row again, its elements would be
    // splats, of which LLVM 22 takes the first element of the row where it needs one
    // alone.
    for (int64_t row = first; row < first + width; ++row)
      block.push_back(row < rows ? vectorOf(row) : numberLike(b, vectorType(), 0));
    block = transposeVectors(b, block);
    for (int64_t lane = 0; lane < active; ++lane) {
      Value from = block[lane % width];
      SmallVector<int64_t> piece(width), at = shape.rows[first];
      std::iota(piece.begin(), piece.end(), lane / width * width);
      at[s.vectorDim] = lane;
      storeColumn(phase, expression, place, at, vector::ShuffleOp::create(b, from, from, piece),
                  std::min(width, rows - first));
    }
  }
}

/// A tile of such vectors. The code of each is long: where sums are, they go through memory,
/// and a loop takes them.
void ContractionEmitter::storeTransposedTile(PhaseBuilder &phase, Expression &expression,
                                             const Place &place, const TileShape &shape,
                                             ArrayRef<Value> sums) {
  ImplicitLocOpBuilder &b = phase.b;
  const PlanDim &dim = s.dims[s.vectorDim];
  auto placeOf = [&](Value v) {
    Place here = place;
    here.index[s.vectorDim] = advance(b, place.index[s.vectorDim], v, s.lanes);
    here.base[kC] = advance(b, place.base[kC], v, s.lanes * dim.strides[kC]);
    return here;
  };
  int64_t whole = shape.tailLanes == s.lanes ? shape.vectors : shape.vectors - 1, looped = 0;
  if (turnsTiles() && whole > 1) {
    looped = whole;
    Value memory = phase.scratch(turnOffset, d.element, s.rows() * s.columns());
    auto rows = static_cast<int64_t>(shape.rows.size());
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t v = 0; v < looped; ++v)
        vector::StoreOp::create(b, sums[row * shape.vectors + v], memory,
                                phase.index((row * shape.vectors + v) * s.lanes));
    buildLoop(b, 0, looped, 1, [&](Value v) {
      storeTransposedVectors(
          phase, expression, placeOf(v), shape, s.lanes, [&](int64_t row) -> Value {
            Value at = advance(b, phase.index(row * shape.vectors * s.lanes), v, s.lanes);
            return vector::LoadOp::create(b, vectorType(), memory, at);
          });
    });
  }
  for (int64_t v = looped; v < shape.vectors; ++v)
    storeTransposedVectors(phase, expression, placeOf(phase.index(v)), shape,
                           v == shape.vectors - 1 ? shape.tailLanes : s.lanes,
                           [&](int64_t row) { return sums[row * shape.vectors + v]; });
}

/// Whether sums that are stored transposed are of so many products that a way through
/// memory is not noticed.
bool ContractionEmitter::turnsTiles() const {
  constexpr int64_t kMany = 512;
  return s.resultPart >= 0 && d.extentOf(DimRole::K) / s.parts >= kMany;
}

void ContractionEmitter::storeSide(PhaseBuilder &phase, Expression &expression, const Place &place,
                                   const TileShape &shape, ArrayRef<Value> sums) {
  ImplicitLocOpBuilder &b = phase.b;
  Value tail = maskFor(b, shape.tailLanes);
  Value first = tensorIndices(b, place, {}, kB).back();
  for (int64_t v = 0; v < shape.vectors; ++v) {
    Value mask = v == shape.vectors - 1 ? tail : Value();
    Value column = offsetBy(b, first, v * s.lanes);
    auto write = [&] { writeSide(phase, expression, column, mask, sums[v]); };
    auto keep = [&] {
      auto [memory, at] = sideSums(phase, place, column);
      storeVector(b, sums[v], memory, at, mask);
    };
    if (s.accumulation == Accumulation::Registers)
      write();
    else if (s.accumulation == Accumulation::Partials)
      keep();
    else
      buildIf(b, place.isLastChunk, write, keep);
  }
}

//===----------------------------------------------------------------------===//
// Scratch image
//===----------------------------------------------------------------------===//

void ContractionEmitter::clearScratch(PhaseBuilder &phase) {
  Value memory = memoryOf(phase, kC), zero = numberLike(phase.b, vectorType(), 0);
  buildLoop(phase.b, 0, s.operands[kC].count, s.lanes,
            [&](Value at) { vector::StoreOp::create(phase.b, zero, memory, at); });
}

void ContractionEmitter::sweepScratch(PhaseBuilder &phase, Expression &expression,
                                      const Place &place) {
  if (s.vectorDim < 0 || s.dims[s.vectorDim].lastTile() == s.columns())
    return sweepColumns(phase, expression, place, false);
  int64_t tiles = s.dims[s.vectorDim].tiles();
  if (tiles == 1)
    return sweepColumns(phase, expression, place, true);
  Value isLast = arith::CmpIOp::create(phase.b, arith::CmpIPredicate::eq, place.tile[s.vectorDim],
                                       phase.index(tiles - 1));
  buildIf(
      phase.b, isLast, [&] { sweepColumns(phase, expression, place, true); },
      [&] { sweepColumns(phase, expression, place, false); });
}

/// The finished image, without its padding, through the epilogue.
void ContractionEmitter::sweepColumns(PhaseBuilder &phase, Expression &expression,
                                      const Place &place, bool lastColumns) {
  ImplicitLocOpBuilder &b = phase.b;
  TileShape shape = tileShape(SmallVector<int64_t>(s.dims.size(), -1), lastColumns, false);
  Value memory = memoryOf(phase, kC), tail = maskFor(b, shape.tailLanes);
  Position position;
  position.indices = tensorIndices(b, place, {}, kC);
  position.vectorDim = static_cast<int>(position.indices.size()) - 1;
  position.lanes = s.lanes;
  Value first = position.indices.back();

  std::function<void(unsigned, Value, int64_t)> sweep = [&](unsigned level, Value at,
                                                            int64_t block) {
    if (level == s.sweepDims.size()) {
      for (int64_t v = 0; v < shape.vectors; ++v) {
        position.indices.back() = offsetBy(b, first, v * s.lanes);
        position.mask = v == shape.vectors - 1 ? tail : Value();
        Value value = vector::LoadOp::create(b, vectorType(), memory, offsetBy(b, at, v * s.lanes));
        writeResult(phase, expression, position, value);
      }
      return;
    }
    int dim = s.sweepDims[level];
    int64_t stride = block / s.sweepRanges[level].extent();
    Value start = offsetBy(b, at, -s.sweepRanges[level].low * stride);
    buildLoop(b, 0, d.operands[kC].shape[dim], 1, [&](Value index) {
      position.indices[dim] = index;
      sweep(level + 1, advance(b, start, index, stride), stride);
    });
  };
  if (s.operands[kC].count > 0)
    sweep(0, phase.index(0), s.operands[kC].count);
}

//===----------------------------------------------------------------------===//
// Partial sums
//===----------------------------------------------------------------------===//

/// The parts of a split K, added in order: of `vectors` vectors side by side, since parts
/// lie far apart.
static SmallVector<Value> sumParts(ImplicitLocOpBuilder &b, VectorType type, Value memory, Value at,
                                   int64_t vectors, int64_t parts, int64_t stride, Value mask) {
  auto load = [&](Value from, int64_t v) {
    return loadVector(b, type, memory, offsetBy(b, from, v * type.getNumElements()), mask);
  };
  SmallVector<Value> first;
  for (int64_t v = 0; v < vectors; ++v)
    first.push_back(load(at, v));
  Value one = arith::ConstantIndexOp::create(b, 1);
  Value end = arith::ConstantIndexOp::create(b, parts);
  return buildReduceLoop(b, one, end, 1, first, [&](Value part, ValueRange carried) {
    SmallVector<Value> sums;
    Value from = advance(b, at, part, stride);
    for (auto [v, sum] : llvm::enumerate(carried))
      sums.push_back(arith::AddFOp::create(b, sum, load(from, v)));
    return sums;
  });
}

/// Rows of the result that a task of the finish phase takes.
static int64_t rowsOfTask(int64_t columns) { return std::max<int64_t>(1, 4096 / columns); }
/// Vectors of the result that are finished together.
static constexpr int64_t kFinishVectors = 4;

void ContractionEmitter::emitFinish() {
  ArrayRef<int64_t> shape = d.operands[kC].shape;
  int64_t columns = resultColumns(), rows = s.operands[kC].count / columns;
  int64_t chunk = rowsOfTask(columns);
  module.addPhase(llvm::divideCeil(rows, chunk), [&](PhaseBuilder &phase) {
    ImplicitLocOpBuilder &b = phase.b;
    Expression expression(phase);
    expression.bind(body.anchor->getResult(0),
                    [&](ImplicitLocOpBuilder &, const Position &) { return sum; });
    Value memory = memoryOf(phase, kC);
    Value start = advance(b, phase.index(0), phase.task, chunk);
    Value end = arith::MinUIOp::create(b, offsetBy(b, start, chunk), phase.index(rows));
    buildLoop(b, start, end, 1, [&](Value row) {
      Position position;
      position.indices.assign(shape.size(), Value());
      position.vectorDim = static_cast<int>(shape.size()) - 1;
      position.lanes = s.lanes;
      Value rest = row;
      for (int dim = position.vectorDim - 1; dim >= 0; --dim) {
        Value extent = phase.index(shape[dim]);
        position.indices[dim] = dim == 0 ? rest : arith::RemUIOp::create(b, rest, extent);
        rest = arith::DivUIOp::create(b, rest, extent);
      }
      Value rowStart = advance(b, phase.index(0), row, columns);
      auto finish = [&](Value column, int64_t vectors, Value mask) {
        position.mask = mask;
        Value at = arith::AddIOp::create(b, rowStart, column);
        SmallVector<Value> sums =
            sumParts(b, vectorType(), memory, at, vectors, s.parts, s.operands[kC].count, mask);
        for (auto [v, sum] : llvm::enumerate(sums)) {
          position.indices.back() = offsetBy(b, column, static_cast<int64_t>(v) * s.lanes);
          writeResult(phase, expression, position, sum);
        }
      };
      int64_t block = kFinishVectors * s.lanes;
      int64_t blocks = columns / block * block, whole = columns / s.lanes * s.lanes;
      buildLoop(b, 0, blocks, block,
                [&](Value column) { finish(column, kFinishVectors, nullptr); });
      buildLoop(b, blocks, whole, s.lanes, [&](Value column) { finish(column, 1, nullptr); });
      if (whole < columns)
        finish(phase.index(whole), 1, maskFor(b, columns - whole));
    });
  });
}

void ContractionEmitter::emitSideFinish() {
  module.addPhase(1, [&](PhaseBuilder &phase) {
    ImplicitLocOpBuilder &b = phase.b;
    Expression expression(phase);
    expression.bind(body.side->getResult(0),
                    [&](ImplicitLocOpBuilder &, const Position &) { return sideSum; });
    int64_t columns = sideColumns(), whole = columns / s.lanes * s.lanes;
    Value memory = phase.workspace(sideOffset, d.element, columns * s.parts);
    auto finish = [&](Value column, Value mask) {
      writeSide(phase, expression, column, mask,
                sumParts(b, vectorType(), memory, column, 1, s.parts, columns, mask)[0]);
    };
    buildLoop(b, 0, whole, s.lanes, [&](Value column) { finish(column, nullptr); });
    if (whole < columns)
      finish(phase.index(whole), maskFor(b, columns - whole));
  });
}

/// The side reduction where no tile walks all rows of B.
void ContractionEmitter::emitSideAlone() {
  ArrayRef<int64_t> shape = sideOperand().shape;
  int64_t columns = sideColumns();
  module.addPhase(1, [&](PhaseBuilder &phase) {
    ImplicitLocOpBuilder &b = phase.b;
    Expression expression(phase);
    expression.bind(body.side->getResult(0),
                    [&](ImplicitLocOpBuilder &, const Position &) { return sideSum; });
    auto column = [&](Value first, Value mask) {
      Position position;
      position.indices.assign(shape.size(), first);
      position.vectorDim = static_cast<int>(shape.size()) - 1;
      position.lanes = s.lanes;
      position.mask = mask;
      std::function<Value(int, Value)> reduce = [&](int dim, Value carried) -> Value {
        if (dim == position.vectorDim)
          return arith::AddFOp::create(b, carried,
                                       expression.vectorAt(sideOperand().value, position));
        return buildReduceLoop(b, phase.index(0), phase.index(shape[dim]), 1, carried,
                               [&](Value index, ValueRange sums) {
                                 position.indices[dim] = index;
                                 return SmallVector<Value>{reduce(dim + 1, sums[0])};
                               })[0];
      };
      writeSide(phase, expression, first, mask, reduce(0, numberLike(b, vectorType(), 0)));
    };
    int64_t whole = columns / s.lanes * s.lanes;
    buildLoop(b, 0, whole, s.lanes, [&](Value first) { column(first, nullptr); });
    if (whole < columns)
      column(phase.index(whole), maskFor(b, columns - whole));
  });
}

} // namespace dl
