//===- SplitProductPanels.cpp - B as panels of bf16 parts -----------------===//

#include "SplitProductEmitter.h"
#include "SplitProductParts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace dl {

Position SplitProductEmitter::positionOf(ImplicitLocOpBuilder &b, OperandIndex operand,
                                         ArrayRef<Value> index) const {
  Position position;
  for (int64_t base : d.operands[operand].base)
    position.indices.push_back(arith::ConstantIndexOp::create(b, base));
  for (auto [number, dim] : llvm::enumerate(d.dims)) {
    const AddressTerm &term = dim.terms[operand];
    if (term.occurs())
      position.indices[term.dim] =
          advance(b, position.indices[term.dim],
                  indexOf(b, static_cast<int>(number), index[number]), term.coefficient);
  }
  position.lanes = kSplitLanes;
  return position;
}

/// Vectors along the columns: for each pair of k, one vector of each, in all panels, so that
/// rows of B are read from end to end.
void SplitProductEmitter::packColumns(PhaseBuilder &phase, Expression &expression,
                                      SmallVectorImpl<Value> &index, Value firstK,
                                      const PanelLoop &overPanels) {
  ImplicitLocOpBuilder &b = phase.b;
  Value memory = panelsAs(phase, b.getI32Type());
  buildLoop(b, 0, kTileK / 2, 1, [&](Value pair) {
    SmallVector<Value> rows[2];
    Value isPoint[2];
    for (int64_t odd : {0, 1}) {
      Value k = offsetBy(b, advance(b, firstK, pair, 2), odd);
      isPoint[odd] = decode(b, p.run, k, p.runBlocks() * kTileK, index);
      if (Value inside = isInside(b, reductionDims(), index))
        isPoint[odd] = both(b, isPoint[odd], inside);
      if (isPoint[odd])
        for (int dim : p.run.dims)
          index[dim] = arith::SelectOp::create(b, isPoint[odd], index[dim], phase.index(0));
      rows[odd].assign(index.begin(), index.end());
    }
    overPanels([&](Value column, Value at) {
      Value inColumns = this->inColumns(b, column);
      Parts parts[2];
      for (int64_t odd : {0, 1}) {
        rows[odd][p.columnDim] = column;
        Position position = positionOf(b, kB, rows[odd]);
        position.vectorDim = d.dims[p.columnDim].terms[kB].dim;
        position.mask = maskWhere(b, inColumns, isPoint[odd], kSplitLanes);
        parts[odd] = split(b, expression, d.operands[kB].value, position);
      }
      Value to = advance(b, at, pair, kTileColumns);
      for (int64_t part = 0; part < kSplitParts; ++part)
        vector::StoreOp::create(b, joinPairs(b, parts[0][part], parts[1][part]), memory,
                                offsetBy(b, to, part * kTileElements / 2));
    });
  });
}

/// Vectors along k, 16 columns of them transposed.
void SplitProductEmitter::packTransposed(PhaseBuilder &phase, Expression &expression,
                                         SmallVectorImpl<Value> &index, Value firstK, Value column,
                                         Value at) {
  ImplicitLocOpBuilder &b = phase.b;
  int inner = p.run.dims.back();
  int64_t columns = d.dims[p.columnDim].extent;
  Value memory = panelsAs(phase, b.getI32Type());
  decode(b, p.run, firstK, p.runBlocks() * kTileK, index);
  Value start = index[inner];
  buildLoop(b, 0, kTileColumns, 1, [&](Value lane) {
    Value own = arith::AddIOp::create(b, column, lane);
    // Past the end, the last column is as good as any.
    if (!fillsBlocks()) {
      Value last = phase.index(columns - 1);
      if (Value start = starts[p.columnDim])
        last = arith::SubIOp::create(b, last, start);
      own = arith::MinUIOp::create(b, own, last);
    }
    index[p.columnDim] = own;
    Parts halves[2];
    for (int64_t half : {0, 1}) {
      index[inner] = offsetBy(b, start, half * kSplitLanes);
      Position position = positionOf(b, kB, index);
      position.vectorDim = d.dims[inner].terms[kB].dim;
      if (reached.dims[inner].extent % kTileK != 0 ||
          reached.dims[inner].extent != d.dims[inner].extent)
        position.mask =
            lanesInside(b, indexOf(b, inner, index[inner]), d.dims[inner].extent, kSplitLanes);
      halves[half] = split(b, expression, d.operands[kB].value, position);
    }
    for (int64_t part = 0; part < kSplitParts; ++part)
      storeForTranspose(phase, part, lane,
                        vector::BitCastOp::create(b, VectorType::get({kSplitLanes}, b.getI32Type()),
                                                  joinHalves(b, halves[0][part], halves[1][part])));
  });
  transposeParts(phase, [&](Value part, int64_t pair, Value vector) {
    vector::StoreOp::create(
        b, vector, memory,
        offsetBy(b, advance(b, at, part, kTileElements / 2), pair * kTileColumns));
  });
}

/// Whether B is contiguous along the innermost dimension of the run, and 32
/// elements of that are 32 positions.
bool SplitProductEmitter::packsTransposed() const {
  SmallVector<int64_t> strides = d.operands[kB].strides();
  const AddressTerm &k = d.dims[p.run.dims.back()].terms[kB];
  const AddressTerm &columns = d.dims[p.columnDim].terms[kB];
  if (k.coefficient != 1 || strides[k.dim] != 1 || strides[columns.dim] == 1)
    return false;
  return p.run.dims.size() == 1 ||
         (d.dims[p.run.dims.back()].extent % kTileK == 0 &&
          p.run.spans[p.run.dims.size() - 2] == p.piece.dims[p.run.dims.back()].extent &&
          p.run.dims.size() == 2);
}

/// Blocks of 32 k of the panels from `first` to `end` of an index of the batch.
void SplitProductEmitter::splitPanels(PhaseBuilder &phase, Expression &expression, Value batch,
                                      Value first, Value end, Value block) {
  ImplicitLocOpBuilder &b = phase.b;
  SmallVector<Value> index(d.dims.size(), phase.index(0));
  Value to = advance(b, phase.index(0), batch, p.panels() * p.panelElements() / 2);
  to = advance(b, to, block, kSplitParts * kTileElements / 2);
  for (int dim : llvm::reverse(p.outer))
    if (d.dims[dim].role == DimRole::Batch) {
      Value extent = phase.index(p.piece.dims[dim].extent);
      index[dim] = arith::RemUIOp::create(b, batch, extent);
      batch = arith::DivUIOp::create(b, batch, extent);
    }
  Value runs = phase.index(p.runBlocks());
  Value firstK = advance(b, phase.index(0), arith::RemUIOp::create(b, block, runs), kTileK);
  Value rest = arith::DivUIOp::create(b, block, runs);
  for (int dim : llvm::reverse(p.outerK)) {
    Value extent = phase.index(p.piece.dims[dim].extent);
    index[dim] = arith::RemUIOp::create(b, rest, extent);
    rest = arith::DivUIOp::create(b, rest, extent);
  }
  auto overPanels = [&](function_ref<void(Value, Value)> body) {
    buildLoop(b, first, end, 1, [&](Value panel) {
      body(advance(b, phase.index(0), panel, kTileColumns),
           advance(b, to, panel, p.panelElements() / 2));
    });
  };
  if (packsTransposed())
    overPanels([&](Value column, Value at) {
      packTransposed(phase, expression, index, firstK, column, at);
    });
  else
    packColumns(phase, expression, index, firstK, overPanels);
}

/// All of a piece.
void SplitProductEmitter::splitPanelsOfPiece(PhaseBuilder &phase, Expression &expression) {
  ImplicitLocOpBuilder &b = phase.b;
  // Rows of B are read side by side, or, where they are transposed, from end to end.
  int64_t panels = packsTransposed() ? 1 : p.panels();
  buildLoop(b, 0, p.batches(), 1, [&](Value batch) {
    buildLoop(b, 0, p.panels(), panels, [&](Value first) {
      buildLoop(b, 0, p.panelBlocks(), 1, [&](Value block) {
        splitPanels(phase, expression, batch, first, offsetBy(b, first, panels), block);
      });
    });
  });
}

/// A task is some blocks of 32 k of some panels.
void SplitProductEmitter::emitPanels() {
  int64_t blocks = p.panelBlocks(), wanted = llvm::divideCeil(kSplitTasks, p.batches());
  int64_t blocksOfTask = llvm::divideCeil(blocks, std::min(blocks, wanted));
  int64_t blockGroups = llvm::divideCeil(blocks, blocksOfTask);
  int64_t groups = std::min<int64_t>(p.panels(), llvm::divideCeil(wanted, blockGroups));
  int64_t panelsOfTask = llvm::divideCeil(p.panels(), groups);
  groups = llvm::divideCeil(p.panels(), panelsOfTask);
  module.addPackingPhase(
      p.batches() * groups * blockGroups, d.operands[kB].value, [&](PhaseBuilder &phase) {
        ImplicitLocOpBuilder &b = phase.b;
        Expression expression(phase);
        Value rest = phase.task;
        auto take = [&](int64_t count, int64_t size, int64_t total) {
          Value start =
              advance(b, phase.index(0), arith::RemUIOp::create(b, rest, phase.index(count)), size);
          rest = arith::DivUIOp::create(b, rest, phase.index(count));
          Value end = offsetBy(b, start, size);
          if (count * size != total)
            end = arith::MinUIOp::create(b, end, phase.index(total));
          return std::make_pair(start, end);
        };
        std::pair<Value, Value> panels = take(groups, panelsOfTask, p.panels());
        auto [firstBlock, endBlock] = take(blockGroups, blocksOfTask, blocks);
        buildLoop(b, firstBlock, endBlock, 1, [&](Value block) {
          splitPanels(phase, expression, rest, panels.first, panels.second, block);
        });
      });
}

} // namespace dl
