//===- WinogradEmitter.cpp - The phases of a transformed convolution ------===//

#include "WinogradEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
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
  if (winograd.wants(winograd.weights)) {
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
  if (w.wants(w.weights)) {
    stagedOffset[kC] = module.reserveWorkspace(bytes(s.operands[kC].count * w.parts));
    if (body.side)
      sideOffset = module.reserveWorkspace(bytes(sideColumns() * w.parts));
    emitOverTiles();
    emitFinish();
    if (body.side)
      emitSideFinish();
    return;
  }
  reserveWeights();
  if (!w.isLate())
    emitWeights();
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
  in = Planes::of(w.allPoints(), w.paddedChunk(), w.reduction);
  in.offset = module.reserveScratch(bytes(in.count));
  const WinogradTensor &source = wantsImage ? w.result : w.image;
  module.addPhase(w.tasks(), [&](PhaseBuilder &phase) {
    ImplicitLocOpBuilder &b = phase.b;
    Expression expression(phase);
    bindSum(expression);
    auto [first, count] = tilesOf(phase, phase.task);
    Value operand = planes(phase, in);
    transformTiles(phase, expression, source, wantsImage ? transforms.result : transforms.image,
                   first, count, {phase.index(0), w.reduction}, {operand, phase.index(0)}, in);
    int64_t blocks = w.columns / w.block, blockElements = w.allPoints() * weightPlane();
    Value weights = phase.workspace(weightsOffset, d.element, blocks * blockElements);
    buildLoop(b, 0, blocks, 1, [&](Value block) {
      multiplyChannels(phase, {operand, phase.index(0)},
                       {weights, advance(b, phase.index(0), block, blockElements)}, count,
                       /*adds=*/false);
      finishTiles(phase, expression, first, count, block);
    });
  });
}

/// The operand at its points, all of it: [chunk of K][point][tile][k].
void WinogradEmitter::emitOperand() {
  constexpr int64_t kTasks = 32;
  int64_t depths = w.reduction / w.depth;
  int64_t share = llvm::divideCeil(w.tiles(), llvm::divideCeil(kTasks, depths));
  int64_t groups = llvm::divideCeil(w.tiles(), share);
  in = Planes::of(w.allPoints(), llvm::alignTo(w.tiles(), w.rows) + w.rows, w.depth);
  in.offset = module.reserveWorkspace(bytes(depths * in.count));
  module.addPhase(depths * groups, [&](PhaseBuilder &phase) {
    ImplicitLocOpBuilder &b = phase.b;
    Expression expression(phase);
    Value groupCount = phase.index(groups);
    Value chunk = arith::DivUIOp::create(b, phase.task, groupCount);
    Value group = arith::RemUIOp::create(b, phase.task, groupCount);
    Value first = advance(b, phase.index(0), group, share);
    Value left = arith::SubIOp::create(b, phase.index(w.tiles()), first);
    Value at = advance(b, advance(b, phase.index(0), chunk, in.count), first, in.row);
    bool wantsImage = w.wants(w.image);
    transformTiles(phase, expression, wantsImage ? w.result : w.image,
                   wantsImage ? transforms.result : transforms.image, first,
                   arith::MinUIOp::create(b, left, phase.index(share)),
                   {advance(b, phase.index(0), chunk, w.depth), w.depth},
                   {phase.workspace(in.offset, d.element, depths * in.count), at}, in);
  });
}

/// A task is a chunk of tiles and a block of columns: chunks of K one after the other,
/// the weights to their points, and the products added.
void WinogradEmitter::emitLate() {
  emitOperand();
  int64_t depths = w.reduction / w.depth;
  module.addPhase(w.tasks(), [&](PhaseBuilder &phase) {
    ImplicitLocOpBuilder &b = phase.b;
    Expression expression(phase);
    bindSum(expression);
    Value chunks = phase.index(w.chunks());
    Value block = arith::DivUIOp::create(b, phase.task, chunks);
    auto [first, count] = tilesOf(phase, arith::RemUIOp::create(b, phase.task, chunks));
    Value operand = phase.workspace(in.offset, d.element, depths * in.count);
    Value operandStart = advance(b, phase.index(0), first, in.row);
    if (depths > 1)
      clear(phase, planes(phase, out), out.count);
    buildLoop(b, 0, depths, 1, [&](Value chunk) {
      Value weights = bringBlock(phase, expression, advance(b, phase.index(0), chunk, w.depth),
                                 {advance(b, phase.index(0), block, w.block), w.block});
      multiplyChannels(phase, {operand, advance(b, operandStart, chunk, in.count)},
                       {weights, phase.index(0)}, count, depths > 1);
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

void WinogradEmitter::bindSum(Expression &expression) {
  expression.bind(body.anchor->getResult(0),
                  [&](ImplicitLocOpBuilder &, const Position &) { return sum; });
}

/// products[p][tile][n] = in[p][tile][k] * weights[p][k][n], for a block of columns;
/// or the same, added.
void WinogradEmitter::multiplyChannels(PhaseBuilder &phase, Start operand, Start weights,
                                       Value count, bool adds) {
  ImplicitLocOpBuilder &b = phase.b;
  int64_t panels = w.paddedBlock() / w.panelWidth();
  Value products = planes(phase, out);
  Value rowTiles = arith::DivUIOp::create(b, offsetBy(b, count, w.rows - 1), phase.index(w.rows));
  MicroKernel kernel;
  kernel.vector = vectorType();
  kernel.memory[0] = operand.memory;
  kernel.memory[1] = weights.memory;
  kernel.vectors = w.vectors;
  kernel.maskLoads = false;
  kernel.hasFMA = module.machine().hasFMA;
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

/// A register tile of sums in the planes `out`: what the kernel adds up, or the same
/// added to what is there.
void WinogradEmitter::addTile(PhaseBuilder &phase, const MicroKernel &kernel, Value sums, Value at,
                              bool adds) {
  ImplicitLocOpBuilder &b = phase.b;
  auto place = [&](int64_t row, int64_t v) { return offsetBy(b, at, row * out.row + v * w.lanes); };
  Value zero = numberLike(b, vectorType(), 0);
  SmallVector<Value> carried;
  for (int64_t row = 0; row < w.rows; ++row)
    for (int64_t v = 0; v < w.vectors; ++v)
      carried.push_back(adds ? load(phase, sums, place(row, v)) : zero);
  carried = kernel.emit(b, carried);
  for (int64_t row = 0; row < w.rows; ++row)
    for (int64_t v = 0; v < w.vectors; ++v)
      vector::StoreOp::create(b, carried[row * w.vectors + v], sums, place(row, v));
}

//===----------------------------------------------------------------------===//
// Products over tiles
//===----------------------------------------------------------------------===//

void WinogradEmitter::emitOverTiles() {
  in = Planes::of(w.allPoints(), w.chunk, llvm::alignTo(w.inputBlock, w.rows));
  second = Planes::of(w.allPoints(), w.chunk, w.paddedBlock());
  out = Planes::of(w.allPoints(), llvm::alignTo(w.inputBlock, w.rows), w.paddedBlock());
  for (Planes *planes : {&in, &second, &out})
    planes->offset = module.reserveScratch(bytes(planes->count));
  sideSums = module.reserveScratch(bytes(w.paddedBlock()));
  int64_t tilesOfPart = llvm::divideCeil(w.tiles(), w.parts);
  module.addPhase(w.tasks(), [&](PhaseBuilder &phase) {
    ImplicitLocOpBuilder &b = phase.b;
    Expression expression(phase);
    Value rest = phase.task;
    auto next = [&](int64_t extent) -> Value {
      Value count = phase.index(extent);
      Value index = arith::RemUIOp::create(b, rest, count);
      rest = arith::DivUIOp::create(b, rest, count);
      return index;
    };
    Channels outputs{advance(b, phase.index(0), next(w.outputs / w.outputBlock), w.outputBlock),
                     w.outputBlock};
    Channels inputs{advance(b, phase.index(0), next(w.inputs / w.inputBlock), w.inputBlock),
                    w.inputBlock};
    Value part = rest, first = advance(b, phase.index(0), part, tilesOfPart);
    Value end = arith::MinUIOp::create(b, offsetBy(b, first, tilesOfPart), phase.index(w.tiles()));
    clear(phase, planes(phase, out), out.count);
    if (body.side)
      clear(phase, phase.scratch(sideSums, d.element, w.paddedBlock()), w.paddedBlock());
    buildLoop(b, first, end, w.chunk, [&](Value tile) {
      Value count = arith::MinUIOp::create(b, phase.index(w.chunk),
                                           arith::SubIOp::create(b, end, tile).getResult());
      transformTiles(phase, expression, w.image, transforms.image, tile, count, inputs,
                     {planes(phase, in), phase.index(0)}, in);
      transformTiles(phase, expression, w.result, transforms.result, tile, count, outputs,
                     {planes(phase, second), phase.index(0)}, second);
      if (body.side)
        sumResult(phase, count);
      multiplyTiles(phase, count);
    });
    storeSums(phase, part, inputs, outputs);
    if (body.side)
      storeSideSums(phase, part, inputs, outputs);
  });
}

/// sums[p][ic][oc] += in[p][tile][ic] * second[p][tile][oc].
void WinogradEmitter::multiplyTiles(PhaseBuilder &phase, Value count) {
  ImplicitLocOpBuilder &b = phase.b;
  int64_t panels = w.paddedBlock() / w.panelWidth();
  int64_t rowTiles = llvm::divideCeil(w.inputBlock, w.rows);
  Value sums = planes(phase, out);
  MicroKernel kernel;
  kernel.vector = vectorType();
  kernel.memory[0] = planes(phase, in);
  kernel.memory[1] = planes(phase, second);
  kernel.vectors = w.vectors;
  kernel.maskLoads = false;
  kernel.hasFMA = module.machine().hasFMA;
  kernel.loops = {{w.chunk, {in.row, second.row}, phase.index(0), count}};
  for (int64_t row = 0; row < w.rows; ++row)
    kernel.rows.push_back(row);
  buildLoop(b, 0, w.allPoints(), 1, [&](Value point) {
    buildLoop(b, 0, panels, 1, [&](Value panel) {
      kernel.base[1] =
          advance(b, advance(b, phase.index(0), point, second.plane), panel, w.panelWidth());
      buildLoop(b, 0, rowTiles, 1, [&](Value rowTile) {
        kernel.base[0] = advance(b, advance(b, phase.index(0), point, in.plane), rowTile, w.rows);
        Value at =
            advance(b, advance(b, phase.index(0), point, out.plane), rowTile, w.rows * out.row);
        addTile(phase, kernel, sums, advance(b, at, panel, w.panelWidth()), /*adds=*/true);
      });
    });
  });
}

/// The sum of a tile is its value at point 1, 1.
void WinogradEmitter::sumResult(PhaseBuilder &phase, Value count) {
  ImplicitLocOpBuilder &b = phase.b;
  Value memory = planes(phase, second);
  Value sums = phase.scratch(sideSums, d.element, w.paddedBlock());
  buildLoop(b, 0, w.paddedBlock(), w.lanes, [&](Value column) {
    Value start = offsetBy(b, column, (w.points + 1) * second.plane);
    Value initial = load(phase, sums, column);
    Value sum =
        buildReduceLoop(b, phase.index(0), count, 1, initial, [&](Value tile, ValueRange carried) {
          Value next = load(phase, memory, advance(b, start, tile, second.row));
          return SmallVector<Value>{arith::AddFOp::create(b, carried[0], next)};
        })[0];
    vector::StoreOp::create(b, sum, sums, column);
  });
}

static void storeVector(ImplicitLocOpBuilder &b, Value vector, Value memory, Value at, Value mask) {
  if (mask)
    vector::MaskedStoreOp::create(b, memory, at, mask, vector);
  else
    vector::StoreOp::create(b, vector, memory, at);
}

/// The tasks of the first inputs have seen each result once.
void WinogradEmitter::storeSideSums(PhaseBuilder &phase, Value part, Channels inputs,
                                    Channels outputs) {
  ImplicitLocOpBuilder &b = phase.b;
  Value sums = phase.scratch(sideSums, d.element, w.paddedBlock());
  Value target = phase.workspace(sideOffset, d.element, sideColumns() * w.parts);
  Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, inputs.first, phase.index(0));
  auto store = [&] {
    Value at = advance(b, outputs.first, part, sideColumns());
    forChannels(phase, outputs.count, [&](Value channel, Value mask) {
      storeVector(b, load(phase, sums, channel), target, arith::AddIOp::create(b, at, channel),
                  mask);
    });
  };
  buildIf(b, isFirst, store, [] {});
}

/// A part of the weights' gradient, back from the points.
void WinogradEmitter::storeSums(PhaseBuilder &phase, Value part, Channels inputs,
                                Channels outputs) {
  ImplicitLocOpBuilder &b = phase.b;
  Value memory = planes(phase, out), target = memoryOf(phase, kC);
  SmallVector<int64_t> strides = d.operands[kC].strides();
  Value start = advance(b, phase.index(0), part, s.operands[kC].count);
  start = advance(b, start, inputs.first, strides[w.weights.channels]);
  start = arith::AddIOp::create(b, start, outputs.first);
  buildLoop(b, 0, inputs.count, 1, [&](Value input) {
    Value rowStart = advance(b, start, input, strides[w.weights.channels]);
    forChannels(phase, outputs.count, [&](Value channel, Value mask) {
      Value at = arith::AddIOp::create(b, advance(b, phase.index(0), input, out.row), channel);
      Value to = arith::AddIOp::create(b, rowStart, channel);
      fromPoints(phase, transforms.weights, memory, at, out.plane,
                 [&](Value row, int64_t column, Value element) {
                   Value place = advance(b, to, row, strides[w.weights.rows]);
                   storeVector(b, element, target,
                               offsetBy(b, place, column * strides[w.weights.columns]), mask);
                 });
    });
  });
}

void emitWinograd(KernelModule &module, const ContractionBody &body,
                  const WinogradStrategy &winograd) {
  auto descriptor = describeContraction(body.anchor, winograd.form);
  ContractionStrategy results = resultsOf(*descriptor, winograd);
  WinogradEmitter(module, body, *descriptor, results, winograd).emit();
}

} // namespace dl
