//===- LoopTranspose.cpp - Nests that read operands across their rows -----===//
//
// A kernel with a transpose reads along one dimension what it writes along
// another. Where the two are the last of their tensors and neighbours, a block of
// `lanes` rows is loaded along the operand's own rows and transposed in registers;
// elsewhere tasks walk columns first, so that rows share cache lines.
//
//===----------------------------------------------------------------------===//

#include "ContractionEmitter.h"
#include "LoopNest.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace dl {

/// Whether the last dimension of a value is another one of its operand's.
static bool movesLastDim(KernelModule &module) {
  return llvm::any_of(module.body().getOps<TransposeOp>(), [](TransposeOp op) {
    ArrayRef<int64_t> permutation = op.getPermutation();
    return !permutation.empty() &&
           permutation.back() + 1 != static_cast<int64_t>(permutation.size());
  });
}

/// Whether all transposes bring the last dimension of an argument to the one before
/// the last, so that a block of rows is a transposed block of the argument.
static bool canTurn(KernelModule &module, ArrayRef<int64_t> shape) {
  int64_t before = static_cast<int64_t>(shape.size()) - 2;
  return llvm::all_of(module.body().getOps<TransposeOp>(), [&](TransposeOp op) {
    RankedTensorType type = op.getType();
    return before >= 0 && type.getShape() == shape && isa<BlockArgument>(op.getInput()) &&
           op.getPermutation()[before] == before + 1 && type.getElementTypeBitWidth() >= 32;
  });
}

void LoopNest::chooseTranspose() {
  ArrayRef<int64_t> shape = analysis.shape;
  transposed = movesLastDim(module) && analysis.levels.empty();
  turns = transposed && lanes > 1 && !llvm::is_contained(shape, 0) && canTurn(module, shape);
  constexpr int64_t caches = 16;
  int64_t bytes = ShapedType::getNumElements(shape) * (module.machine().vectorBits / 8 / lanes);
  turnsFar = turns && bytes > caches * module.machine().l2Bytes;
}

/// Fewest rows of a task that reads operands across them.
int64_t LoopNest::transposedRows() const {
  // Their elements share a pair of cache lines, which prefetchers bring together.
  constexpr int64_t pair = 32;
  // From outer memory pieces of some length are read, and most of it is written there row by row.
  constexpr int64_t most = 512, fewTasks = 4;
  return turnsFar ? std::clamp(rowCount * lanes / fewTasks, pair, most) : pair;
}

/// A tile of columns for all rows of a task, then the next: what one row leaves
/// of an operand's cache lines, the next ones use.
void LoopNest::emitTransposed(PhaseBuilder &phase, Value firstRow, Value lastRow,
                              function_ref<void(Point &)> emit) const {
  int64_t tile = tileVectors * lanes;
  auto emitColumn = [&](Value column, int64_t elements, bool past) {
    buildLoop(phase.b, firstRow, lastRow, 1, [&](Value row) {
      if (turns)
        return emitBlocks(phase, row, column, elements, past, emit);
      SmallVector<Value> indices = rowIndices(phase, row);
      indices.back() = column;
      emitPoint(phase, indices, chunksOf(elements), emit);
    });
  };
  phase.emitStores(analysis.fullResults, bypasses, [&](bool past) {
    buildLoop(phase.b, 0, fullTiles * tile, tile,
              [&](Value column) { emitColumn(column, tile, past); });
  });
  if (restElements != 0)
    emitColumn(phase.index(fullTiles * tile), restElements, /*past=*/false);
}

/// The columns of block number `block`, which is shorter where it is the last one
/// of its dimension.
void LoopNest::emitBlocks(PhaseBuilder &phase, Value block, Value column, int64_t columns,
                          bool past, function_ref<void(Point &)> emit) const {
  ImplicitLocOpBuilder &b = phase.b;
  int64_t dim = static_cast<int64_t>(analysis.shape.size()) - 2, extent = analysis.shape[dim];
  int64_t perOuter = llvm::divideCeil(extent, lanes), rest = extent % lanes;
  Value count = phase.index(perOuter);
  Value outer = arith::DivUIOp::create(b, block, count);
  Value number = arith::RemUIOp::create(b, block, count);
  Value row = linearIndex(b, {outer, number}, {extent, lanes});
  SmallVector<Value> indices = rowIndices(phase, row);
  indices.back() = column;
  if (rest == 0)
    return emitBlock(phase, indices, lanes, columns, past, emit);
  if (perOuter == 1)
    return emitBlock(phase, indices, rest, columns, past, emit);
  Value isWhole =
      arith::CmpIOp::create(b, arith::CmpIPredicate::ne, number, phase.index(perOuter - 1));
  auto branch = scf::IfOp::create(b, isWhole, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  emitBlock(phase, indices, lanes, columns, past, emit);
  b.setInsertionPointToStart(branch.elseBlock());
  emitBlock(phase, indices, rest, columns, past, emit);
}

/// One vector behind another.
static Value joined(ImplicitLocOpBuilder &b, Value low, Value high) {
  auto both =
      llvm::to_vector(llvm::seq<int64_t>(0, 2 * cast<VectorType>(low.getType()).getNumElements()));
  return vector::ShuffleOp::create(b, low, high, both);
}

/// Asks for the block that the rows of the one at `indices` take the next but one.
void LoopNest::fetchBlock(PhaseBuilder &phase, TransposeOp op, ArrayRef<Value> indices,
                          int64_t columns) const {
  ImplicitLocOpBuilder &b = phase.b;
  RankedTensorType type = op.getInput().getType();
  SmallVector<Value> source(type.getRank());
  for (auto [index, dim] : llvm::zip(indices, op.getPermutation()))
    source[dim] = index;
  Value memory = phase.argument(cast<BlockArgument>(op.getInput()));
  for (int64_t column = 0; column < columns; ++column) {
    source[op.getPermutation().back()] =
        linearIndex(b, {indices.back(), phase.index(column + 2 * lanes)}, {1, 1});
    fetchLine(b, memory, linearIndex(b, source, stridesOf(type.getShape())));
  }
}

/// The rows of a transposed block of an argument: vectors along the columns. A vector of half
/// a column and half of another is loaded by one more instruction, and spares two swaps.
SmallVector<Value> LoopNest::turn(PhaseBuilder &phase, TransposeOp op, ArrayRef<Value> indices,
                                  int64_t blockRows, int64_t columns) const {
  ImplicitLocOpBuilder &b = phase.b;
  RankedTensorType type = op.getInput().getType();
  Position source;
  source.indices.resize(type.getRank());
  for (auto [index, dim] : llvm::zip(indices, op.getPermutation()))
    source.indices[dim] = index;
  source.vectorDim = static_cast<int>(type.getRank()) - 1;
  Value row = source.indices.back(), memory = phase.argument(cast<BlockArgument>(op.getInput()));
  if (turnsFar)
    fetchBlock(phase, op, indices, columns);
  auto load = [&](int64_t column, int64_t from, int64_t length) {
    source.lanes = length;
    source.indices.back() = linearIndex(b, {row, phase.index(from)}, {1, 1});
    source.indices[op.getPermutation().back()] =
        linearIndex(b, {indices.back(), phase.index(column)}, {1, 1});
    return loadElement(b, memory, type.getShape(), type.getElementType(), source);
  };
  bool isWhole = blockRows == lanes && columns == lanes;
  int64_t pieces = isWhole && lanes >= 8 ? 2 : 1, length = lanes / pieces;
  if (blockRows < lanes)
    source.mask = leadingMask(b, blockRows, lanes);
  SmallVector<Value> turned;
  for (int64_t piece = 0; piece < pieces; ++piece) {
    SmallVector<Value> vectors;
    for (int64_t column = 0; column < std::min(columns, length); ++column) {
      Value vector = load(column, piece * length, length);
      if (pieces == 2)
        vector = joined(b, vector, load(column + length, piece * length, length));
      vectors.push_back(vector);
    }
    vectors.resize(length, vectors.front());
    llvm::append_range(turned, transposeVectors(b, vectors));
  }
  return turned;
}

void LoopNest::emitBlock(PhaseBuilder &phase, ArrayRef<Value> indices, int64_t blockRows,
                         int64_t columns, bool past, function_ref<void(Point &)> emit) const {
  SmallVector<std::pair<TransposeOp, SmallVector<Value>>> turned;
  // Where memory cannot be masked, short blocks go element by element.
  bool isWhole = blockRows == lanes && columns == lanes;
  if (isWhole || module.machine().hasMaskedMemory)
    for (auto op : module.body().getOps<TransposeOp>())
      turned.push_back({op, turn(phase, op, indices, blockRows, columns)});
  SmallVector<Value> here(indices);
  SmallVector<Chunk> chunks = chunksOf(columns);
  for (Chunk &chunk : chunks)
    chunk.bypasses = past;
  for (int64_t row = 0; row < blockRows; ++row) {
    here[here.size() - 2] =
        linearIndex(phase.b, {indices[here.size() - 2], phase.index(row)}, {1, 1});
    emitPoint(phase, here, chunks, [&](Point &point) {
      for (auto &[op, rowsOfOp] : turned) {
        Value vector = rowsOfOp[row];
        point.expressions[0].bind(
            op, [vector](ImplicitLocOpBuilder &, const Position &) { return vector; });
      }
      emit(point);
    });
  }
}

} // namespace dl
