//===- SplitProductEmitter.cpp - The phases of a product by tiles ---------===//

#include "SplitProductEmitter.h"
#include "SplitProductParts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace dl {

/// The strategy as far as it says how results are written.
static ContractionStrategy resultStrategy(const ContractionDescriptor &descriptor,
                                          const SplitProduct &product) {
  ContractionStrategy strategy;
  strategy.lanes = kTileColumns;
  strategy.isSwapped = product.isSwapped;
  strategy.parts = product.parts;
  strategy.accumulation = product.parts > 1 ? Accumulation::Partials : Accumulation::Registers;
  strategy.operands[kC].count = 1;
  for (int64_t extent : descriptor.operands[kC].shape)
    strategy.operands[kC].count *= extent;
  return strategy;
}

bool storesPast(const ContractionBody &body, const ContractionDescriptor &descriptor,
                const SplitProduct &product, const KernelModule &module) {
  return !product.fetchesResults && storesPast(body, resultStrategy(descriptor, product), module);
}

SplitProductEmitter::SplitProductEmitter(KernelModule &module, const ContractionBody &body,
                                         const ContractionDescriptor &descriptor,
                                         const SplitProduct &product)
    : module(module), body(body), d(descriptor), p(product),
      strategy(resultStrategy(descriptor, product)), base(module, body, descriptor, this->strategy),
      reached(descriptor) {
  here.starts.resize(descriptor.dims.size());
  base.sideAlone = body.side != nullptr;
  for (ArrayRef<SplitCut> cuts :
       {ArrayRef(p.rowCuts), ArrayRef(p.columnCuts), ArrayRef(p.reductionCuts)})
    for (const SplitCut &cut : cuts)
      reached.dims[cut.dim].extent = cut.size * cut.count;
}

void SplitProductEmitter::emit() {
  for (OperandIndex operand : {kA, kB}) {
    int64_t bytes = operand == kA ? p.imageBytes() : p.panelBytes();
    offsets[operand] = isInScratch(operand)
                           ? module.reserveScratch(bytes * p.memories(operand))
                           : module.reservePacked(bytes, d.operands[operand].value);
    transposeOffsets[operand] = module.reserveScratch(kSplitParts * kTileElements * 2);
  }
  bufferOffset = module.reserveScratch(p.sumElements() * 4);
  turnedOffset = module.reserveScratch(kTileRows * kTileColumns * 4);
  storedOffset = module.reserveScratch(kTileElements * 2);
  if (p.parts > 1)
    base.stagedOffset[kC] =
        module.reserveWorkspace(base.bytes(strategy.operands[kC].count * p.parts));
  for (OperandIndex operand : {kA, kB})
    if (!isInScratch(operand))
      emitSplitting(operand);
  // What workers do by themselves comes right before their tasks.
  if (p.byEachWorker)
    emitSplitting(*p.byEachWorker);
  emitMultiply();
  if (p.parts > 1)
    base.emitFinish();
  if (base.sideAlone)
    base.emitSideAlone();
}

Value SplitProductEmitter::partsOf(PhaseBuilder &phase, OperandIndex operand, Type type) const {
  int64_t count =
      (operand == kA ? p.imageBytes() : p.panelBytes()) * p.memories(operand) / storageBytes(type);
  return isInScratch(operand) ? phase.scratch(offsets[operand], type, count)
                              : phase.workspace(offsets[operand], type, count);
}

Value SplitProductEmitter::image(PhaseBuilder &phase) const {
  return partsOf(phase, kA, phase.b.getI16Type());
}

Value SplitProductEmitter::panelsAs(PhaseBuilder &phase, Type type) const {
  return partsOf(phase, kB, type);
}

Value SplitProductEmitter::buffer(PhaseBuilder &phase) const {
  return phase.scratch(bufferOffset, d.element, p.sumElements());
}

Value SplitProductEmitter::transposeBuffer(PhaseBuilder &phase, OperandIndex operand,
                                           Type type) const {
  return phase.scratch(transposeOffsets[operand], type, kSplitParts * kTileElements / 2);
}

Value SplitProductEmitter::imageStart(PhaseBuilder &phase) const {
  return here.image ? here.image : phase.index(0);
}

Value SplitProductEmitter::panelStart(PhaseBuilder &phase) const {
  return here.panels ? here.panels : phase.index(0);
}

Value SplitProductEmitter::decode(ImplicitLocOpBuilder &b, const SplitAxis &axis, Value position,
                                  int64_t positions, SmallVectorImpl<Value> &index) const {
  auto constant = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(b, value); };
  Value isPoint;
  for (auto [level, dim, span] : llvm::enumerate(axis.dims, axis.spans)) {
    int64_t extent = p.piece.dims[dim].extent;
    index[dim] = position;
    if (level + 1 < axis.dims.size()) {
      index[dim] = quotient(b, position, span);
      position = remainder(b, position, span);
    }
    int64_t reach = level == 0 ? positions : axis.spans[level - 1];
    if (reach <= extent * span)
      continue;
    Value fits = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, index[dim], constant(extent));
    isPoint = both(b, isPoint, fits);
  }
  return isPoint;
}

//===----------------------------------------------------------------------===//
// Pieces
//===----------------------------------------------------------------------===//

void SplitProductEmitter::enterCuts(ImplicitLocOpBuilder &b, ArrayRef<SplitCut> cuts,
                                    Value number) {
  Value zero = arith::ConstantIndexOp::create(b, 0);
  for (const SplitCut &cut : llvm::reverse(cuts)) {
    bool isOutermost = cut.dim == cuts.front().dim;
    Value own = isOutermost ? number : remainder(b, number, cut.count);
    here.starts[cut.dim] = advance(b, zero, own, cut.size);
    if (!isOutermost)
      number = quotient(b, number, cut.count);
  }
}

Value SplitProductEmitter::indexOf(ImplicitLocOpBuilder &b, int dim, Value index) const {
  return here.starts[dim] ? arith::AddIOp::create(b, index, here.starts[dim]).getResult() : index;
}

Value SplitProductEmitter::movedBy(ImplicitLocOpBuilder &b, OperandIndex operand, int dim,
                                   Value index) const {
  for (auto [start, own] : llvm::zip_equal(here.starts, d.dims))
    if (start && own.terms[operand].dim == dim)
      index = advance(b, index, start, own.terms[operand].coefficient);
  return index;
}

Value SplitProductEmitter::isInside(ImplicitLocOpBuilder &b, ArrayRef<int> dims,
                                    ArrayRef<Value> index) const {
  Value isInside;
  for (int dim : dims) {
    int64_t extent = d.dims[dim].extent;
    if (reached.dims[dim].extent == extent)
      continue;
    Value fits = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, indexOf(b, dim, index[dim]),
                                       arith::ConstantIndexOp::create(b, extent).getResult());
    isInside = both(b, isInside, fits);
  }
  return isInside;
}

Value SplitProductEmitter::meetsB(ImplicitLocOpBuilder &b, ArrayRef<Value> index) const {
  if (!p.leavesTapsOut)
    return nullptr;
  Position position = positionOf(b, kB, index);
  Value meets;
  for (auto [dim, extent] : llvm::enumerate(d.operands[kB].shape))
    if (d.leaves(kB, static_cast<int>(dim)))
      meets = both(b, meets,
                   arith::CmpIOp::create(b, arith::CmpIPredicate::ult, position.indices[dim],
                                         arith::ConstantIndexOp::create(b, extent).getResult()));
  return meets;
}

SmallVector<int> SplitProductEmitter::reductionDims() const {
  SmallVector<int> dims;
  for (auto [number, dim] : llvm::enumerate(d.dims))
    if (dim.role == DimRole::K)
      dims.push_back(static_cast<int>(number));
  return dims;
}

bool SplitProductEmitter::leaves(OperandIndex operand, int dim) const {
  IndexRange range = reached.range(operand, dim);
  return range.low < 0 || range.high >= d.operands[operand].shape[dim];
}

} // namespace dl
