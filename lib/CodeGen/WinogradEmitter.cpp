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
WinogradEmitter::Planes WinogradEmitter::Planes::get(KernelModule &module, int64_t points,
                                                     int64_t rows, int64_t columns) {
  constexpr int64_t kLine = 16;
  Planes planes;
  planes.row = llvm::alignTo(columns, kLine);
  if (planes.row % (32 * kLine) == 0)
    planes.row += kLine;
  planes.plane = rows * planes.row;
  if (planes.plane / kLine % 2 == 0)
    planes.plane += kLine;
  planes.count = points * planes.plane;
  planes.offset = module.reserveScratch(planes.count * 4);
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
  emitWeights();
  emitOverChannels();
}

void WinogradEmitter::clear(PhaseBuilder &phase, Value memory, int64_t count) {
  Value zero = numberLike(phase.b, vectorType(), 0);
  buildLoop(phase.b, 0, count, w.lanes,
            [&](Value at) { vector::StoreOp::create(phase.b, zero, memory, at); });
}

//===----------------------------------------------------------------------===//
// Weights to their points
//===----------------------------------------------------------------------===//

/// Tasks of the phase, where channels allow.
static constexpr int64_t kWeightTasks = 32;

/// One k and a vector of columns: [block][point][panel][k][columns of a panel].
void WinogradEmitter::storeWeights(PhaseBuilder &phase, Value k, Value column, LoadElement load) {
  ImplicitLocOpBuilder &b = phase.b;
  int64_t blocks = w.columns / w.block, panels = w.paddedBlock() / w.panelWidth();
  Value target = phase.workspace(weightsOffset, d.element, blocks * blockElements());
  buildLoop(b, 0, w.taps, 1, [&](Value row) { applyToRow(phase, transforms.weights, row, load); });
  Value block = arith::DivUIOp::create(b, column, phase.index(w.block));
  Value inBlock = arith::RemUIOp::create(b, column, phase.index(w.block));
  Value width = phase.index(w.panelWidth());
  Value panel = arith::DivUIOp::create(b, inBlock, width);
  Value at = advance(b, phase.index(0), block, blockElements());
  at = advance(b, at, panel, panelElements());
  at = advance(b, at, k, w.panelWidth());
  at = arith::AddIOp::create(b, at, arith::RemUIOp::create(b, inBlock, width));
  applyToColumns(phase, transforms.weights, target, at, panels * panelElements());
}

/// Taps of as many k as columns, transposed where memory has k side by side:
/// [row][tap][k][columns] in scratch.
void WinogradEmitter::transposeTaps(PhaseBuilder &phase, Position position, LoadTap load) {
  ImplicitLocOpBuilder &b = phase.b;
  Value memory = taps(phase);
  int columnDim = w.wants(w.result) ? w.weights.outputs : w.weights.channels;
  Value first = position.indices[columnDim];
  buildLoop(b, 0, w.taps, 1, [&](Value row) {
    buildLoop(b, 0, w.taps, 1, [&](Value tap) {
      SmallVector<Value> rows;
      for (int64_t lane = 0; lane < w.lanes; ++lane) {
        // Past the end, the last column is as good as any.
        Value last = phase.index(w.columns - 1);
        position.indices[columnDim] = arith::MinUIOp::create(b, offsetBy(b, first, lane), last);
        rows.push_back(load(position, row, tap));
      }
      Value at = advance(b, phase.index(0), row, w.taps * w.lanes * w.lanes);
      at = advance(b, at, tap, w.lanes * w.lanes);
      for (auto [k, value] : llvm::enumerate(transposeVectors(b, rows)))
        vector::StoreOp::create(b, value, memory,
                                offsetBy(b, at, static_cast<int64_t>(k) * w.lanes));
    });
  });
}

void WinogradEmitter::emitWeights() {
  weightsOffset = module.reserveWorkspace(bytes(w.columns / w.block * blockElements()));
  int reductionDim = w.wants(w.result) ? w.weights.channels : w.weights.outputs;
  int columnDim = w.wants(w.result) ? w.weights.outputs : w.weights.channels;
  bool isAcross = reductionDim > columnDim && w.reduction % w.lanes == 0;
  if (isAcross)
    tapsOffset = module.reserveScratch(bytes(w.taps * w.taps * w.lanes * w.lanes));
  int64_t step = isAcross ? w.lanes : 1;
  int64_t share = llvm::alignTo(llvm::divideCeil(w.reduction, kWeightTasks), step);
  module.addPhase(llvm::divideCeil(w.reduction, share), [&](PhaseBuilder &phase) {
    ImplicitLocOpBuilder &b = phase.b;
    Expression expression(phase);
    Value first = advance(b, phase.index(0), phase.task, share);
    Value end = arith::MinUIOp::create(b, offsetBy(b, first, share), phase.index(w.reduction));
    Position position = positionIn(phase, w.weights);
    position.vectorDim = isAcross ? reductionDim : columnDim;
    auto tapAt = [&](Value tap) -> Value {
      if (!w.weights.isFlipped)
        return tap;
      return arith::SubIOp::create(b, phase.index(w.taps - 1), tap);
    };
    auto loadTap = [&](Position at, Value row, Value tap) {
      at.indices[w.weights.rows] = tapAt(row);
      at.indices[w.weights.columns] = tapAt(tap);
      return expression.vectorAt(d.operands[w.weights.operand].value, at);
    };
    buildLoop(b, first, end, step, [&](Value k) {
      position.indices[reductionDim] = k;
      forChannels(phase, w.columns, [&](Value column, Value mask) {
        position.indices[columnDim] = column;
        if (!isAcross) {
          position.mask = mask;
          return storeWeights(phase, k, column, [&](Value row, int64_t tap) {
            return loadTap(position, row, phase.index(tap));
          });
        }
        transposeTaps(phase, position, loadTap);
        buildLoop(b, 0, w.lanes, 1, [&](Value next) {
          storeWeights(phase, arith::AddIOp::create(b, k, next), column,
                       [&](Value row, int64_t tap) {
                         Value at = advance(b, phase.index(0), row, w.taps * w.lanes * w.lanes);
                         at = advance(b, at, next, w.lanes);
                         return load(phase, taps(phase), offsetBy(b, at, tap * w.lanes * w.lanes));
                       });
        });
      });
    });
  });
}

//===----------------------------------------------------------------------===//
// Products over channels
//===----------------------------------------------------------------------===//

void WinogradEmitter::emitOverChannels() {
  bool wantsImage = w.wants(w.image);
  const WinogradTensor &source = wantsImage ? w.result : w.image;
  in = Planes::get(module, w.allPoints(), w.paddedChunk(), w.reduction);
  out = Planes::get(module, w.allPoints(), w.paddedChunk(), w.paddedBlock());
  if (wantsImage) {
    imageHeight = w.tileRows * w.size + w.taps - 1;
    imageWidth = w.tileColumns * w.size + w.taps - 1;
    int64_t pixels = w.chunk / w.tilesOfImage() * imageHeight * imageWidth;
    imageOffset = module.reserveScratch(bytes(pixels * w.paddedBlock()));
  }
  module.addPhase(w.tasks(), [&](PhaseBuilder &phase) {
    ImplicitLocOpBuilder &b = phase.b;
    Expression expression(phase);
    bindSum(expression);
    Value first = advance(b, phase.index(0), phase.task, w.chunk);
    Value count = phase.index(w.chunk);
    if (w.tiles() % w.chunk != 0)
      count = arith::MinUIOp::create(
          b, count, arith::SubIOp::create(b, phase.index(w.tiles()), first).getResult());
    transformTiles(phase, expression, source, wantsImage ? transforms.result : transforms.image,
                   first, count, {phase.index(0), w.reduction}, in);
    buildLoop(b, 0, w.columns / w.block, 1, [&](Value block) {
      multiplyChannels(phase, block, count);
      Channels channels{advance(b, phase.index(0), block, w.block), w.block};
      if (!wantsImage)
        return storeTiles(phase, expression, first, count, channels);
      addTiles(phase, count, w.block);
      sweepImages(phase, expression, first, count, channels);
    });
  });
}

void WinogradEmitter::bindSum(Expression &expression) {
  expression.bind(body.anchor->getResult(0),
                  [&](ImplicitLocOpBuilder &, const Position &) { return sum; });
}

/// products[p][tile][n] = in[p][tile][k] * weights[p][k][n], for a block of columns.
void WinogradEmitter::multiplyChannels(PhaseBuilder &phase, Value block, Value count) {
  ImplicitLocOpBuilder &b = phase.b;
  int64_t blocks = w.columns / w.block, panels = w.paddedBlock() / w.panelWidth();
  Value operand = planes(phase, in), products = planes(phase, out);
  Value weights = phase.workspace(weightsOffset, d.element, blocks * blockElements());
  Value weightsStart = advance(b, phase.index(0), block, blockElements());
  Value rowTiles = arith::DivUIOp::create(b, offsetBy(b, count, w.rows - 1), phase.index(w.rows));
  MicroKernel kernel;
  kernel.vector = vectorType();
  kernel.memory[0] = operand;
  kernel.memory[1] = weights;
  kernel.vectors = w.vectors;
  kernel.maskLoads = false;
  kernel.hasFMA = module.machine().hasFMA;
  kernel.loops = {{w.reduction, {1, w.panelWidth()}, nullptr, nullptr}};
  for (int64_t row = 0; row < w.rows; ++row)
    kernel.rows.push_back(row * in.row);
  SmallVector<Value> zeros(w.rows * w.vectors, numberLike(b, vectorType(), 0));
  buildLoop(b, 0, w.allPoints(), 1, [&](Value point) {
    buildLoop(b, 0, panels, 1, [&](Value panel) {
      kernel.base[1] = advance(b, advance(b, weightsStart, point, panels * panelElements()), panel,
                               panelElements());
      buildLoop(b, phase.index(0), rowTiles, 1, [&](Value rowTile) {
        kernel.base[0] =
            advance(b, advance(b, phase.index(0), point, in.plane), rowTile, w.rows * in.row);
        SmallVector<Value> sums = kernel.emit(b, zeros);
        Value to =
            advance(b, advance(b, phase.index(0), point, out.plane), rowTile, w.rows * out.row);
        to = advance(b, to, panel, w.panelWidth());
        for (int64_t row = 0; row < w.rows; ++row)
          for (int64_t v = 0; v < w.vectors; ++v)
            vector::StoreOp::create(b, sums[row * w.vectors + v], products,
                                    offsetBy(b, to, row * out.row + v * w.lanes));
      });
    });
  });
}

//===----------------------------------------------------------------------===//
// Products over tiles
//===----------------------------------------------------------------------===//

void WinogradEmitter::emitOverTiles() {
  in = Planes::get(module, w.allPoints(), w.chunk, llvm::alignTo(w.inputBlock, w.rows));
  second = Planes::get(module, w.allPoints(), w.chunk, w.paddedBlock());
  out = Planes::get(module, w.allPoints(), llvm::alignTo(w.inputBlock, w.rows), w.paddedBlock());
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
      transformTiles(phase, expression, w.image, transforms.image, tile, count, inputs, in);
      transformTiles(phase, expression, w.result, transforms.result, tile, count, outputs, second);
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
        at = advance(b, at, panel, w.panelWidth());
        auto place = [&](int64_t row, int64_t v) {
          return offsetBy(b, at, row * out.row + v * w.lanes);
        };
        SmallVector<Value> carried;
        for (int64_t row = 0; row < w.rows; ++row)
          for (int64_t v = 0; v < w.vectors; ++v)
            carried.push_back(load(phase, sums, place(row, v)));
        carried = kernel.emit(b, carried);
        for (int64_t row = 0; row < w.rows; ++row)
          for (int64_t v = 0; v < w.vectors; ++v)
            vector::StoreOp::create(b, carried[row * w.vectors + v], sums, place(row, v));
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
