//===- ContractionFetch.cpp - What contractions fetch ahead ---------------===//
//
// In a training step, operands and what an epilogue reads at the result's index (a residual, the
// operand of a mask, a weight and its velocity) lie in outer memory, as does the result. What a
// tile reads of them is short pieces of rows that are far apart, which the hardware does not
// prefetch, so they are fetched into the L2 cache: operands before they are split into parts,
// those of an epilogue while the tile multiplies.
//
// A result alone is not: the tile does not wait for what it stores. (Blocks of tiles of bf16 may,
// which store more at a time: SplitProductResults.cpp.)
//
//===----------------------------------------------------------------------===//

#include "ContractionEmitter.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace dl {

void fetchAhead(PhaseBuilder &phase, const ContractionOperand &operand, const Position &position,
                int dim, int64_t count) {
  constexpr int64_t smallShare = 8;
  ImplicitLocOpBuilder &b = phase.b;
  auto argument = dyn_cast<BlockArgument>(operand.value);
  SmallVector<int64_t> strides = operand.strides();
  if (!argument || dim < 0 ||
      ShapedType::getNumElements(operand.shape) * 4 < phase.kernel.machine().l2Bytes / smallShare)
    return;
  Value at = offsetBy(b, linearIndex(b, position.indices, strides), count * strides[dim]);
  fetchLine(b, phase.argument(argument), at);
}

/// What the epilogue reads at the result's own index.
static SmallVector<BlockArgument> epilogueArguments(const ContractionBody &body, YieldOp yield) {
  llvm::SetVector<Value> values;
  for (unsigned result : body.results)
    values.insert(yield.getOperand(result));
  SmallVector<BlockArgument> arguments;
  for (size_t i = 0; i < values.size(); ++i) {
    Operation *def = values[i].getDefiningOp();
    auto argument = dyn_cast<BlockArgument>(values[i]);
    if (argument && argument.getType() == body.anchor->getResult(0).getType())
      arguments.push_back(argument);
    if (def && def != body.anchor)
      values.insert_range(def->getOperands());
  }
  return arguments;
}

bool fetchesResults(const ContractionBody &body, const ContractionDescriptor &d,
                    const KernelModule &module) {
  int64_t bytes = storageBytes(d.element);
  for (int64_t extent : d.operands[kC].shape)
    bytes *= extent;
  return bytes >= module.machine().l2Bytes / 4 && !epilogueArguments(body, module.yield()).empty();
}

bool fetchesResults(const ContractionBody &body, const ContractionDescriptor &d,
                    const ContractionStrategy &s, const KernelModule &module) {
  bool storesTiles =
      s.accumulation == Accumulation::Registers || s.accumulation == Accumulation::Chunks;
  // Steps of K for each line, of which a few tensors have one.
  constexpr int64_t kFewSteps = 48;
  int64_t steps = 1;
  for (int dim : s.reductionLoops)
    steps *= s.isChunked(dim) ? s.dims[dim].tile : s.dims[dim].extent;
  return storesTiles && steps >= kFewSteps && fetchesResults(body, d, module);
}

void ContractionEmitter::fetchRow(PhaseBuilder &phase, ArrayRef<Value> indices,
                                  int64_t columns) const {
  ImplicitLocOpBuilder &b = phase.b;
  int64_t line = Machine::lineBytes / bytes(1);
  Value at = linearIndex(b, indices, d.operands[kC].strides());
  SmallVector<Value> memories;
  for (BlockArgument argument : epilogueArguments(body, module.yield()))
    memories.push_back(phase.argument(argument));
  for (unsigned result : body.results)
    memories.push_back(phase.result(result));
  for (Value memory : memories)
    for (int64_t column = 0; column < columns; column += line)
      fetchLine(b, memory, offsetBy(b, at, column));
}

/// What a tile stores, while its last chunk of K is multiplied.
void ContractionEmitter::fetchResults(PhaseBuilder &phase, const Place &place,
                                      const TileShape &shape) const {
  ImplicitLocOpBuilder &b = phase.b;
  int64_t columns = (shape.vectors - 1) * s.lanes + shape.tailLanes;
  auto fetch = [&] {
    for (const SmallVector<int64_t> &row : shape.rows)
      if (s.resultPart < 0)
        fetchRow(phase, tensorIndices(b, place, row, kC), columns);
    // A tile that is transposed: its vectors lie along rows of the result.
    SmallVector<int64_t> first = shape.rows.front();
    for (int64_t row = 0; s.resultPart >= 0 && row < columns; ++row) {
      first[s.vectorDim] = row;
      fetchRow(phase, tensorIndices(b, place, first, kC), shape.rows.size());
    }
  };
  if (!s.fetchesResults)
    return;
  if (place.isLastChunk)
    buildIf(b, place.isLastChunk, fetch, [] {});
  else
    fetch();
}

/// Lets a tile fetch its share of the next panel of B; the only one, what lies a little behind
/// what it reads.
void ContractionEmitter::fetchPanel(ImplicitLocOpBuilder &b, const Place &place,
                                    MicroKernel &kernel) const {
  static constexpr int64_t kAheadBytes = 16384;
  auto constant = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(b, value); };
  kernel.panelTile = constant(0);
  bool isInside = false;
  for (int loop : s.loops) {
    const PlanDim &dim = s.dims[loop];
    isInside |= loop == s.vectorDim;
    if (!isInside || dim.role != DimRole::M || dim.tiles() == 1)
      continue;
    kernel.panelTiles *= dim.tiles();
    kernel.panelTile = arith::AddIOp::create(
        b, arith::MulIOp::create(b, kernel.panelTile, constant(dim.tiles())), place.tile[loop]);
  }
  kernel.panelAhead = kernel.panelTiles > 1 ? s.operands[kB].panel : kAheadBytes / bytes(1);
}

} // namespace dl
