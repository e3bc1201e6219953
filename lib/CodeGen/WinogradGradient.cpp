//===- WinogradGradient.cpp - The gradient of the weights ------------------===//
//
// A task makes the weights of a block of channels from all tiles of a part: tiles in
// chunks, image and result to their points in scratch; or, where too many tasks would
// bring the same tiles to their points, both there before (`points first`), and no
// chunks.
//
//===----------------------------------------------------------------------===//

#include "WinogradEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numeric>

using namespace mlir;

namespace dl {

void WinogradEmitter::emitOverTiles() {
  reserveTiles();
  if (w.parts > 1)
    stagedOffset[kC] = module.reserveWorkspace(bytes(s.operands[kC].count * w.parts));
  if (body.side)
    sideOffset = module.reserveWorkspace(bytes(sideColumns() * w.parts));
  // What prepares the tasks comes last.
  bool imageLast = w.byEachWorker == w.image.operand;
  for (bool isImage : {!imageLast, imageLast})
    if (w.pointsFirst && isImage)
      emitPoints(w.image, transforms.image, in, w.inputs / w.inputBlock, w.inputBlock);
    else if (w.pointsFirst)
      emitPoints(w.result, transforms.result, second, w.outputs / w.outputBlock, w.outputBlock);
  module.addPhase(w.tasks(), [&](PhaseBuilder &phase) { emitGradientTask(phase); });
  if (w.parts > 1)
    emitFinish();
  if (body.side)
    emitSideFinish();
}

void WinogradEmitter::reserveTiles() {
  int64_t rows = w.pointsFirst ? w.tiles() : w.chunk;
  in = Planes::of(w.allPoints(), rows, llvm::alignTo(w.inputBlock, w.rows));
  second = Planes::of(w.allPoints(), rows, w.paddedBlock());
  out = Planes::of(w.allPoints(), llvm::alignTo(w.inputBlock, w.rows), w.paddedBlock());
  out.offset = module.reserveScratch(bytes(out.count));
  sideSums = module.reserveScratch(bytes(w.paddedBlock()));
  auto reserve = [&](const WinogradTensor &tensor, Planes &planes, int64_t blocks) {
    planes.offset = w.pointsFirst ? reserveStaged(tensor, blocks * planes.count)
                                  : module.reserveScratch(bytes(planes.count));
  };
  reserve(w.image, in, w.inputs / w.inputBlock);
  reserve(w.result, second, w.outputs / w.outputBlock);
}

/// A part of the tiles, and a block of channels of both kinds.
void WinogradEmitter::emitGradientTask(PhaseBuilder &phase) {
  ImplicitLocOpBuilder &b = phase.b;
  Expression expression(phase);
  bindSum(expression);
  int64_t inputBlocks = w.inputs / w.inputBlock, outputBlocks = w.outputs / w.outputBlock;
  Value rest = phase.task;
  auto next = [&](int64_t extent) -> Value {
    Value count = phase.index(extent);
    Value index = arith::RemUIOp::create(b, rest, count);
    rest = arith::DivUIOp::create(b, rest, count);
    return index;
  };
  Value inner = next(w.outputsFirst() ? inputBlocks : outputBlocks);
  Value outer = next(w.outputsFirst() ? outputBlocks : inputBlocks), part = rest;
  Value input = w.outputsFirst() ? inner : outer, output = w.outputsFirst() ? outer : inner;
  Channels outputs{advance(b, phase.index(0), output, w.outputBlock), w.outputBlock};
  Channels inputs{advance(b, phase.index(0), input, w.inputBlock), w.inputBlock};
  int64_t tilesOfPart = llvm::divideCeil(w.tiles(), w.parts);
  Value first = advance(b, phase.index(0), part, tilesOfPart);
  Value end = arith::MinUIOp::create(b, offsetBy(b, first, tilesOfPart), phase.index(w.tiles()));
  if (body.side)
    clear(phase, phase.scratch(sideSums, d.element, w.paddedBlock()), w.paddedBlock());
  buildLoop(b, first, end, w.chunk, [&](Value tile) {
    Value count = arith::MinUIOp::create(b, phase.index(w.chunk),
                                         arith::SubIOp::create(b, end, tile).getResult());
    Start image, result;
    if (w.pointsFirst) {
      image = {staged(phase, w.image, in.offset, inputBlocks * in.count),
               advance(b, advance(b, phase.index(0), input, in.count), tile, in.row)};
      result = {staged(phase, w.result, second.offset, outputBlocks * second.count),
                advance(b, advance(b, phase.index(0), output, second.count), tile, second.row)};
    } else {
      image = {planes(phase, in), phase.index(0)};
      result = {planes(phase, second), phase.index(0)};
      transformTiles(phase, expression, w.image, transforms.image, tile, count, inputs, image, in);
      transformTiles(phase, expression, w.result, transforms.result, tile, count, outputs, result,
                     second);
    }
    if (body.side)
      sumResult(phase, result, count);
    multiplyTiles(phase, image, result, count,
                  w.chunk < tilesOfPart ? isAbove(b, tile, first) : Value());
  });
  storeSums(phase, expression, part, inputs, outputs);
  if (body.side)
    storeSideSums(phase, part, inputs, outputs);
}

/// sums[p][ic][oc] = image[p][tile][ic] * result[p][tile][oc], where `adds` added to what
/// is there.
void WinogradEmitter::multiplyTiles(PhaseBuilder &phase, Start image, Start result, Value count,
                                    Value adds) {
  ImplicitLocOpBuilder &b = phase.b;
  int64_t panels = w.paddedBlock() / w.panelWidth();
  int64_t rowTiles = llvm::divideCeil(w.inputBlock, w.rows);
  Value sums = planes(phase, out);
  MicroKernel kernel = productOf(image, result);
  ReductionLoop loop{w.chunk, {in.row, second.row}, nullptr, nullptr};
  int64_t tilesOfPart = llvm::divideCeil(w.tiles(), w.parts);
  // Of the tiles of the last part, and of the last chunk of a part.
  loop.multiple = std::gcd(std::gcd(w.chunk, tilesOfPart), w.tiles());
  if (loop.multiple != w.chunk) {
    loop.lower = phase.index(0);
    loop.upper = count;
  }
  kernel.loops = {loop};
  for (int64_t row = 0; row < w.rows; ++row)
    kernel.rows.push_back(row);
  buildLoop(b, 0, w.allPoints(), 1, [&](Value point) {
    buildLoop(b, 0, panels, 1, [&](Value panel) {
      kernel.base[1] =
          advance(b, advance(b, result.at, point, second.plane), panel, w.panelWidth());
      buildLoop(b, 0, rowTiles, 1, [&](Value rowTile) {
        kernel.base[0] = advance(b, advance(b, image.at, point, in.plane), rowTile, w.rows);
        Value at =
            advance(b, advance(b, phase.index(0), point, out.plane), rowTile, w.rows * out.row);
        addTile(phase, kernel, sums, advance(b, at, panel, w.panelWidth()), adds);
      });
    });
  });
}

/// The sum of a tile is its value at point 1, 1.
void WinogradEmitter::sumResult(PhaseBuilder &phase, Start result, Value count) {
  ImplicitLocOpBuilder &b = phase.b;
  Value sums = phase.scratch(sideSums, d.element, w.paddedBlock());
  buildLoop(b, 0, w.paddedBlock(), w.lanes, [&](Value column) {
    Value start = arith::AddIOp::create(b, result.at, column);
    start = offsetBy(b, start, (w.points + 1) * second.plane);
    Value initial = load(phase, sums, column);
    Value sum =
        buildReduceLoop(b, phase.index(0), count, 1, initial, [&](Value tile, ValueRange carried) {
          Value next = load(phase, result.memory, advance(b, start, tile, second.row));
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

/// The weights' gradient, back from the points: through the epilogue, or a part of it.
void WinogradEmitter::storeSums(PhaseBuilder &phase, Expression &expression, Value part,
                                Channels inputs, Channels outputs) {
  ImplicitLocOpBuilder &b = phase.b;
  buildLoop(b, 0, inputs.count, 1, [&](Value input) {
    Position position = positionIn(phase, w.weights);
    position.vectorDim = w.weights.outputs;
    position.indices[w.weights.channels] = arith::AddIOp::create(b, inputs.first, input);
    if (s.fetchesResults && w.parts == 1)
      fetchTaps(phase, position, outputs);
    forChannels(phase, outputs.count, [&](Value channel, Value mask) {
      Value at = arith::AddIOp::create(b, advance(b, phase.index(0), input, out.row), channel);
      position.indices[w.weights.outputs] = arith::AddIOp::create(b, outputs.first, channel);
      position.mask = mask;
      if (w.parts > 1)
        storePart(phase, at, part, position);
      else
        storeWhole(phase, expression, at, position);
    });
  });
}

/// What the epilogue reads for the next input, as ContractionFetch.cpp does.
void WinogradEmitter::fetchTaps(PhaseBuilder &phase, Position position, Channels outputs) {
  ImplicitLocOpBuilder &b = phase.b;
  Value &input = position.indices[w.weights.channels];
  input = offsetBy(b, input, 1);
  position.indices[w.weights.outputs] = outputs.first;
  buildLoop(b, 0, w.taps, 1, [&](Value row) {
    position.indices[w.weights.rows] = row;
    buildLoop(b, 0, w.taps, 1, [&](Value column) {
      position.indices[w.weights.columns] = column;
      fetchRow(phase, position.indices, outputs.count);
    });
  });
}

/// All taps of a vector of channels, in a part's place.
void WinogradEmitter::storePart(PhaseBuilder &phase, Value at, Value part, Position position) {
  ImplicitLocOpBuilder &b = phase.b;
  SmallVector<int64_t> strides = d.operands[kC].strides();
  Value target = memoryOf(phase, kC);
  Value start = advance(b, phase.index(0), part, s.operands[kC].count);
  for (int dim : {w.weights.channels, w.weights.outputs})
    start = advance(b, start, position.indices[dim], strides[dim]);
  fromPoints(phase, transforms.weights, planes(phase, out), at, out.plane,
             [&](Value row, int64_t column, Value element) {
               Value place = advance(b, start, row, strides[w.weights.rows]);
               storeVector(b, element, target,
                           offsetBy(b, place, column * strides[w.weights.columns]), position.mask);
             });
}

/// All taps of a vector of channels, to the result. Through memory, so that the epilogue's
/// code is there once.
void WinogradEmitter::storeWhole(PhaseBuilder &phase, Expression &expression, Value at,
                                 Position position) {
  ImplicitLocOpBuilder &b = phase.b;
  int64_t start = w.allPoints() * w.lanes, rowElements = w.taps * w.lanes;
  Value taps = patch(phase);
  fromPoints(phase, transforms.weights, planes(phase, out), at, out.plane,
             [&](Value row, int64_t column, Value element) {
               Value to = advance(b, phase.index(start + column * w.lanes), row, rowElements);
               vector::StoreOp::create(b, element, taps, to);
             });
  buildLoop(b, 0, w.taps, 1, [&](Value row) {
    position.indices[w.weights.rows] = row;
    buildLoop(b, 0, w.taps, 1, [&](Value column) {
      position.indices[w.weights.columns] = column;
      Value from = advance(b, phase.index(start), row, rowElements);
      writeResult(phase, expression, position,
                  load(phase, taps, advance(b, from, column, w.lanes)));
    });
  });
}

} // namespace dl
