//===- SplitProductEmitter.cpp - The phases of a product by tiles ---------===//

#include "SplitProductEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace dl {

/// The strategy as far as it says how results are written.
static ContractionStrategy resultStrategy(const ContractionDescriptor &descriptor,
                                          const SplitProduct &product) {
  ContractionStrategy strategy;
  strategy.lanes = kTileColumns;
  strategy.parts = product.parts;
  strategy.accumulation = product.parts > 1 ? Accumulation::Partials : Accumulation::Registers;
  strategy.operands[kC].count = 1;
  for (int64_t extent : descriptor.operands[kC].shape)
    strategy.operands[kC].count *= extent;
  return strategy;
}

SplitProductEmitter::SplitProductEmitter(KernelModule &module, const ContractionBody &body,
                                         const ContractionDescriptor &descriptor,
                                         const SplitProduct &product)
    : module(module), body(body), d(descriptor), p(product),
      strategy(resultStrategy(descriptor, product)),
      base(module, body, descriptor, this->strategy) {
  base.sideAlone = body.side != nullptr;
}

void SplitProductEmitter::emit() {
  imageOffset = module.reserveWorkspace(p.plane * kSplitParts * 2);
  panelsOffset = module.reserveWorkspace(p.panelElements(d) * p.panels(d) * p.batches(d) * 2);
  bufferOffset = module.reserveScratch(blockRows() * bufferColumns() * 4);
  transposeOffset = module.reserveScratch(kSplitParts * kTileElements * 2);
  if (p.parts > 1)
    base.stagedOffset[kC] =
        module.reserveWorkspace(base.bytes(strategy.operands[kC].count * p.parts));
  emitImage();
  emitPanels();
  emitMultiply();
  if (p.parts > 1)
    base.emitFinish();
  if (base.sideAlone)
    base.emitSideAlone();
}

Value SplitProductEmitter::image(PhaseBuilder &phase) const {
  return phase.workspace(imageOffset, phase.b.getI16Type(), p.plane * kSplitParts);
}

Value SplitProductEmitter::panelsAs(PhaseBuilder &phase, Type type) const {
  int64_t bytes = p.panelElements(d) * p.panels(d) * p.batches(d) * 2;
  return phase.workspace(panelsOffset, type, bytes / storageBytes(type));
}

Value SplitProductEmitter::buffer(PhaseBuilder &phase) const {
  return phase.scratch(bufferOffset, d.element, blockRows() * bufferColumns());
}

Value SplitProductEmitter::transposeBuffer(PhaseBuilder &phase) const {
  return phase.scratch(transposeOffset, phase.b.getI32Type(), kSplitParts * kTileElements / 2);
}

Value SplitProductEmitter::decode(ImplicitLocOpBuilder &b, const SplitAxis &axis, Value position,
                                  int64_t positions, SmallVectorImpl<Value> &index) const {
  auto constant = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(b, value); };
  Value isPoint;
  for (auto [level, dim, span] : llvm::enumerate(axis.dims, axis.spans)) {
    int64_t extent = d.dims[dim].extent;
    index[dim] = position;
    if (level + 1 < axis.dims.size()) {
      index[dim] = arith::DivUIOp::create(b, position, constant(span));
      position = arith::RemUIOp::create(b, position, constant(span));
    }
    int64_t reach = level == 0 ? positions : axis.spans[level - 1];
    if (reach <= extent * span)
      continue;
    Value fits = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, index[dim], constant(extent));
    isPoint = isPoint ? arith::AndIOp::create(b, isPoint, fits).getResult() : fits;
  }
  return isPoint;
}

} // namespace dl
