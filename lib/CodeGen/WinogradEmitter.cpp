//===- WinogradEmitter.cpp - The phases of a transformed convolution ------===//

#include "WinogradEmitter.h"
#include "TileProduct.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace dl {

/// What ContractionEmitter must know of the results.
static ContractionStrategy resultsOf(const ContractionDescriptor &descriptor,
                                     const WinogradStrategy &winograd) {
  ContractionStrategy results;
  results.lanes = winograd.lanes;
  StagedOperand &staged = results.operands[kC];
  staged.count = 1;
  for (int64_t extent : descriptor.operands[kC].shape)
    staged.count *= extent;
  if (winograd.wants(winograd.weights) && winograd.parts > 1) {
    results.accumulation = Accumulation::Partials;
    results.parts = winograd.parts;
  }
  return results;
}

/// Stores to all planes go to different cache sets, as rows do.
WinogradEmitter::Planes WinogradEmitter::Planes::of(int64_t points, int64_t rows, int64_t columns) {
  constexpr int64_t kLine = 16;
  Planes planes;
  planes.row = llvm::alignTo(columns, kLine);
  if (planes.row % (32 * kLine) == 0)
    planes.row += kLine;
  planes.plane = rows * planes.row;
  if (planes.plane / kLine % 2 == 0)
    planes.plane += kLine;
  planes.count = points * planes.plane;
  return planes;
}

WinogradEmitter::WinogradEmitter(KernelModule &module, const ContractionBody &body,
                                 const ContractionDescriptor &descriptor,
                                 const ContractionStrategy &results,
                                 const WinogradStrategy &winograd)
    : ContractionEmitter(module, body, descriptor, results), w(winograd),
      transforms(makeWinogradTransforms(winograd.size, winograd.taps)) {
  patchOffset = module.reserveScratch(bytes(2 * w.allPoints() * w.lanes));
}

void WinogradEmitter::emit() {
  if (w.wants(w.weights))
    return emitOverTiles();
  reserveWeights();
  if (!w.isLate())
    emitWeights();
  if (w.usesTiles)
    emitWeightParts();
  emitOverChannels();
}

void WinogradEmitter::clear(PhaseBuilder &phase, Value memory, int64_t count) {
  Value zero = numberLike(phase.b, vectorType(), 0);
  buildLoop(phase.b, 0, count, w.lanes,
            [&](Value at) { vector::StoreOp::create(phase.b, zero, memory, at); });
}

//===----------------------------------------------------------------------===//
// Products over channels
//===----------------------------------------------------------------------===//

/// The tiles of a task: the first of a chunk, and how many there are of it.
std::pair<Value, Value> WinogradEmitter::tilesOf(PhaseBuilder &phase, Value chunk) const {
  ImplicitLocOpBuilder &b = phase.b;
  Value first = advance(b, phase.index(0), chunk, w.chunk), count = phase.index(w.chunk);
  if (w.tiles() % w.chunk != 0)
    count = arith::MinUIOp::create(
        b, count, arith::SubIOp::create(b, phase.index(w.tiles()), first).getResult());
  return {first, count};
}

void WinogradEmitter::emitOverChannels() {
  bool wantsImage = w.wants(w.image);
  out = Planes::of(w.allPoints(), w.paddedChunk(), w.paddedBlock());
  out.offset = module.reserveScratch(bytes(out.count));
  if (wantsImage) {
    imageHeight = w.tileRows * w.size + w.taps - 1;
    imageWidth = w.tileColumns * w.size + w.taps - 1;
    int64_t pixels = w.chunk / w.tilesOfImage() * imageHeight * imageWidth;
    imageOffset = module.reserveScratch(bytes(pixels * w.paddedBlock()));
  }
  if (w.isLate())
    return emitLate();
  in = w.usesTiles ? Planes::ofParts(w.allPoints(), w.paddedChunk(), w.reduction)
                   : Planes::of(w.allPoints(), w.paddedChunk(), w.reduction);
  in.offset = module.reserveScratch(w.usesTiles ? 2 * in.count : bytes(in.count));
  const WinogradTensor &source = wantsImage ? w.result : w.image;
  module.addPhase(w.tasks(), [&](PhaseBuilder &phase) {
    ImplicitLocOpBuilder &b = phase.b;
    Expression expression(phase);
    bindSum(expression);
    auto [first, count] = tilesOf(phase, phase.task);
    Value operand = w.usesTiles ? operandParts(phase, b.getI32Type()) : planes(phase, in);
    if (w.usesTiles)
      configureTiles(phase);
    transformTiles(phase, expression, source, wantsImage ? transforms.result : transforms.image,
                   first, count, {phase.index(0), w.reduction}, {operand, phase.index(0)}, in);
    int64_t blocks = w.columns / w.block, blockElements = w.allPoints() * weightPlane();
    Value weights = w.usesTiles ? Value() : allWeights(phase);
    buildLoop(b, 0, blocks, 1, [&](Value block) {
      if (w.usesTiles)
        multiplyByTiles(phase, block, count);
      else
        multiplyChannels(phase, {operand, phase.index(0)},
                         {weights, advance(b, phase.index(0), block, blockElements)}, count,
                         /*adds=*/nullptr);
      finishTiles(phase, expression, first, count, block);
    });
  });
}

/// Memory of what is brought to the points first, of a tensor.
int64_t WinogradEmitter::reserveStaged(const WinogradTensor &tensor, int64_t elements) {
  if (w.byEachWorker == tensor.operand)
    return module.reserveScratch(bytes(elements));
  return module.reservePacked(bytes(elements), d.operands[tensor.operand].value);
}

Value WinogradEmitter::staged(PhaseBuilder &phase, const WinogradTensor &tensor, int64_t offset,
                              int64_t elements) const {
  if (w.byEachWorker == tensor.operand)
    return phase.scratch(offset, d.element, elements);
  return phase.workspace(offset, d.element, elements);
}

void WinogradEmitter::addStaging(const WinogradTensor &tensor, int64_t tasks,
                                 function_ref<void(PhaseBuilder &)> emit) {
  if (w.byEachWorker == tensor.operand)
    module.addPreparation(tasks, emit);
  else
    module.addPackingPhase(tasks, d.operands[tensor.operand].value, emit);
}

/// All of a tensor, at its points: [block of channels][point][tile][channel].
void WinogradEmitter::emitPoints(const WinogradTensor &tensor, const LinearMap &map,
                                 const Planes &shape, int64_t blocks, int64_t channels) {
  constexpr int64_t kTasks = 32;
  int64_t share = llvm::divideCeil(w.tiles(), llvm::divideCeil(kTasks, blocks));
  int64_t groups = llvm::divideCeil(w.tiles(), share);
  addStaging(tensor, blocks * groups, [&](PhaseBuilder &phase) {
    ImplicitLocOpBuilder &b = phase.b;
    Expression expression(phase);
    Value inner = phase.index(w.tilesFirst ? blocks : groups);
    Value group = arith::RemUIOp::create(b, phase.task, inner);
    Value block = arith::DivUIOp::create(b, phase.task, inner);
    if (w.tilesFirst)
      std::swap(group, block);
    Value first = advance(b, phase.index(0), group, share);
    Value left = arith::SubIOp::create(b, phase.index(w.tiles()), first);
    Value at = advance(b, advance(b, phase.index(0), block, shape.count), first, shape.row);
    transformTiles(phase, expression, tensor, map, first,
                   arith::MinUIOp::create(b, left, phase.index(share)),
                   {advance(b, phase.index(0), block, channels), channels},
                   {staged(phase, tensor, shape.offset, blocks * shape.count), at}, shape);
  });
}

/// A task is a chunk of tiles and a block of columns: parts of K one after the other,
/// the weights to their points, and the products added.
void WinogradEmitter::emitLate() {
  const WinogradTensor &source = w.wants(w.image) ? w.result : w.image;
  const LinearMap &map = w.wants(w.image) ? transforms.result : transforms.image;
  int64_t depths = w.reduction / w.depth;
  in = Planes::of(w.allPoints(), llvm::alignTo(w.tiles(), w.rows) + w.rows, w.depth);
  in.offset = reserveStaged(source, depths * in.count);
  emitPoints(source, map, in, depths, w.depth);
  module.addPhase(w.tasks(), [&](PhaseBuilder &phase) {
    ImplicitLocOpBuilder &b = phase.b;
    Expression expression(phase);
    bindSum(expression);
    Value inner = phase.index(w.tilesFirst ? w.columns / w.block : w.chunks());
    Value block = arith::RemUIOp::create(b, phase.task, inner);
    Value chunk = arith::DivUIOp::create(b, phase.task, inner);
    if (!w.tilesFirst)
      std::swap(block, chunk);
    auto [first, count] = tilesOf(phase, chunk);
    Value operand = staged(phase, source, in.offset, depths * in.count);
    Value operandStart = advance(b, phase.index(0), first, in.row);
    buildLoop(b, 0, depths, 1, [&](Value part) {
      Value weights = bringBlock(phase, expression, advance(b, phase.index(0), part, w.depth),
                                 {advance(b, phase.index(0), block, w.block), w.block});
      Value adds = depths == 1 ? Value() : isAbove(b, part, phase.index(0));
      multiplyChannels(phase, {operand, advance(b, operandStart, part, in.count)},
                       {weights, phase.index(0)}, count, adds);
    });
    finishTiles(phase, expression, first, count, block);
  });
}

/// The products of a block of columns, back from the points.
void WinogradEmitter::finishTiles(PhaseBuilder &phase, Expression &expression, Value first,
                                  Value count, Value block) {
  Channels channels{advance(phase.b, phase.index(0), block, w.block), w.block};
  if (!w.wants(w.image))
    return storeTiles(phase, expression, first, count, channels);
  addTiles(phase, count, w.block);
  sweepImages(phase, expression, first, count, channels);
}

/// i1: an index is above another.
Value WinogradEmitter::isAbove(ImplicitLocOpBuilder &b, Value index, Value other) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ugt, index, other);
}

void WinogradEmitter::bindSum(Expression &expression) {
  expression.bind(body.anchor->getResult(0),
                  [&](ImplicitLocOpBuilder &, const Position &) { return sum; });
}

/// A kernel without bounds, rows and loops.
MicroKernel WinogradEmitter::productOf(Start left, Start right) const {
  MicroKernel kernel;
  kernel.vector = vectorType();
  kernel.memory[0] = left.memory;
  kernel.memory[1] = right.memory;
  kernel.vectors = w.vectors;
  kernel.maskLoads = false;
  kernel.hasFMA = module.machine().hasFMA;
  kernel.registers = module.machine().vectorRegisters;
  return kernel;
}

/// products[p][tile][n] = in[p][tile][k] * weights[p][k][n], for a block of columns;
/// or the same, added.
void WinogradEmitter::multiplyChannels(PhaseBuilder &phase, Start operand, Start weights,
                                       Value count, Value adds) {
  ImplicitLocOpBuilder &b = phase.b;
  int64_t panels = w.paddedBlock() / w.panelWidth();
  Value products = planes(phase, out);
  Value rowTiles = arith::DivUIOp::create(b, offsetBy(b, count, w.rows - 1), phase.index(w.rows));
  MicroKernel kernel = productOf(operand, weights);
  kernel.loops = {{w.kOfPanel(), {1, w.panelWidth()}, nullptr, nullptr}};
  for (int64_t row = 0; row < w.rows; ++row)
    kernel.rows.push_back(row * in.row);
  buildLoop(b, 0, w.allPoints(), 1, [&](Value point) {
    buildLoop(b, 0, panels, 1, [&](Value panel) {
      kernel.base[1] =
          advance(b, advance(b, weights.at, point, weightPlane()), panel, panelElements());
      buildLoop(b, phase.index(0), rowTiles, 1, [&](Value rowTile) {
        kernel.base[0] =
            advance(b, advance(b, operand.at, point, in.plane), rowTile, w.rows * in.row);
        Value at =
            advance(b, advance(b, phase.index(0), point, out.plane), rowTile, w.rows * out.row);
        at = advance(b, at, panel, w.panelWidth());
        addTile(phase, kernel, products, at, adds);
      });
    });
  });
}

/// A register tile of sums in the planes `out`: what the kernel adds up, or, where `adds`
/// (null: never), the same added to what is there.
void WinogradEmitter::addTile(PhaseBuilder &phase, const MicroKernel &kernel, Value sums, Value at,
                              Value adds) {
  ImplicitLocOpBuilder &b = phase.b;
  auto place = [&](int64_t row, int64_t v) { return offsetBy(b, at, row * out.row + v * w.lanes); };
  Value zero = numberLike(b, vectorType(), 0);
  SmallVector<Value> carried(w.rows * w.vectors, zero);
  auto loadAll = [&](function_ref<Value(Value)> load) {
    SmallVector<Value> old;
    for (int64_t row = 0; row < w.rows; ++row)
      for (int64_t v = 0; v < w.vectors; ++v)
        old.push_back(load(place(row, v)));
    return old;
  };
  if (adds && module.machine().hasMaskedMemory) {
    // Loads of nothing are zeros, and no code of their own.
    Value mask = splat(b, adds, w.lanes);
    carried = loadAll([&](Value at) -> Value {
      return vector::MaskedLoadOp::create(b, vectorType(), sums, at, mask, zero);
    });
  } else if (adds) {
    carried = buildChoice(
        b, adds, ValueRange(carried).getTypes(),
        [&] { return loadAll([&](Value at) { return load(phase, sums, at); }); },
        [&] { return carried; });
  }
  carried = kernel.emit(b, carried);
  for (int64_t row = 0; row < w.rows; ++row)
    for (int64_t v = 0; v < w.vectors; ++v)
      vector::StoreOp::create(b, carried[row * w.vectors + v], sums, place(row, v));
}

void emitWinograd(KernelModule &module, const ContractionBody &body, WinogradStrategy &winograd) {
  auto descriptor = describeContraction(body.anchor, winograd.form);
  ContractionStrategy results = resultsOf(*descriptor, winograd);
  results.fetchesResults = fetchesResults(body, *descriptor, module);
  winograd.storesPast = results.storesPast =
      winograd.wants(winograd.result) && storesPast(body, results, module);
  WinogradEmitter(module, body, *descriptor, results, winograd).emit();
}

} // namespace dl
