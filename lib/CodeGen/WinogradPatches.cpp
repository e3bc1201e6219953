//===- WinogradPatches.cpp - To the points and back -----------------------===//
//
// A matrix is applied to a patch of vectors (one for a number of channels) in
// two loops: over rows, into scratch memory that stays in the L1 cache, then over
// columns. One stretch of code with the patch in registers would be four times as long, and
// save 1 % of a kernel's time (more for weights alone: see WinogradWeights.cpp).
//
//===----------------------------------------------------------------------===//

#include "WinogradEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace dl {

Value WinogradEmitter::load(PhaseBuilder &phase, Value memory, Value at) const {
  return vector::LoadOp::create(phase.b, vectorType(), memory, at);
}

Value WinogradEmitter::patch(PhaseBuilder &phase) const {
  return phase.scratch(patchOffset, d.element, 2 * w.allPoints() * w.lanes);
}

/// Row `row` of a patch times the map: [row][point], from an element of the memory of patches on.
void WinogradEmitter::applyToRow(PhaseBuilder &phase, const LinearMap &map, Value row,
                                 LoadElement load, Value start) {
  ImplicitLocOpBuilder &b = phase.b;
  VectorMath math{b, module.machine().hasFMA};
  SmallVector<Value> x;
  for (int64_t column = 0; column < map.columns(); ++column)
    x.push_back(load(row, column));
  Value memory = patch(phase);
  Value at = advance(b, start ? start : phase.index(0), row, w.points * w.lanes);
  for (auto [point, value] : llvm::enumerate(map.apply(math, x)))
    vector::StoreOp::create(b, value, memory,
                            offsetBy(b, at, static_cast<int64_t>(point) * w.lanes));
}

/// The columns of what applyToRow left: one vector for each point, `plane`
/// elements apart.
void WinogradEmitter::applyToColumns(PhaseBuilder &phase, const LinearMap &map, Value memory,
                                     Value at, int64_t plane) {
  ImplicitLocOpBuilder &b = phase.b;
  VectorMath math{b, module.machine().hasFMA};
  Value rows = patch(phase);
  buildLoop(b, 0, w.points, 1, [&](Value column) {
    Value from = advance(b, phase.index(0), column, w.lanes);
    SmallVector<Value> x;
    for (int64_t row = 0; row < map.columns(); ++row)
      x.push_back(load(phase, rows, offsetBy(b, from, row * w.points * w.lanes)));
    Value to = advance(b, at, column, plane);
    for (auto [point, value] : llvm::enumerate(map.apply(math, x)))
      vector::StoreOp::create(b, value, memory,
                              offsetBy(b, to, static_cast<int64_t>(point) * w.points * plane));
  });
}

/// The transpose: from a vector for each point to a patch.
void WinogradEmitter::fromPoints(PhaseBuilder &phase, const LinearMap &map, Value memory, Value at,
                                 int64_t plane, StoreElement store) {
  ImplicitLocOpBuilder &b = phase.b;
  VectorMath math{b, module.machine().hasFMA};
  Value rows = patch(phase);
  buildLoop(b, 0, w.points, 1, [&](Value column) {
    Value from = advance(b, at, column, plane);
    SmallVector<Value> x;
    for (int64_t point = 0; point < w.points; ++point)
      x.push_back(load(phase, memory, offsetBy(b, from, point * w.points * plane)));
    Value to = advance(b, phase.index(0), column, w.lanes);
    for (auto [row, value] : llvm::enumerate(map.applyTransposed(math, x)))
      vector::StoreOp::create(b, value, rows,
                              offsetBy(b, to, static_cast<int64_t>(row) * w.points * w.lanes));
  });
  buildLoop(b, 0, map.columns(), 1, [&](Value row) {
    Value from = advance(b, phase.index(0), row, w.points * w.lanes);
    SmallVector<Value> x;
    for (int64_t point = 0; point < w.points; ++point)
      x.push_back(load(phase, rows, offsetBy(b, from, point * w.lanes)));
    for (auto [column, value] : llvm::enumerate(map.applyTransposed(math, x)))
      store(row, static_cast<int64_t>(column), value);
  });
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

/// body(channel, mask) for each vector of channels.
void WinogradEmitter::forChannels(PhaseBuilder &phase, int64_t count, Body body) {
  int64_t whole = count / w.lanes * w.lanes;
  buildLoop(phase.b, 0, whole, w.lanes, [&](Value channel) { body(channel, nullptr); });
  if (whole < count)
    body(phase.index(whole), maskFor(phase.b, count - whole));
}

/// A vector along the channels.
Position WinogradEmitter::positionIn(PhaseBuilder &phase, const WinogradTensor &tensor) const {
  Position position;
  position.indices.assign(d.operands[tensor.operand].shape.size(), phase.index(0));
  position.vectorDim = tensor.channels;
  position.lanes = w.lanes;
  return position;
}

WinogradEmitter::TilePlace WinogradEmitter::locate(PhaseBuilder &phase,
                                                   const WinogradTensor &tensor, Value tile) const {
  ImplicitLocOpBuilder &b = phase.b;
  ArrayRef<int64_t> base = d.operands[tensor.operand].base;
  Value across = phase.index(w.tileColumns), down = phase.index(w.tileRows);
  Value column = arith::RemUIOp::create(b, tile, across);
  Value rest = arith::DivUIOp::create(b, tile, across);
  Value row = arith::RemUIOp::create(b, rest, down);
  auto place = [&](Value number, int dim) {
    return advance(b, phase.index(base[dim]), number, w.size);
  };
  return {arith::DivUIOp::create(b, rest, down), place(row, tensor.rows),
          place(column, tensor.columns)};
}

//===----------------------------------------------------------------------===//
// To the points
//===----------------------------------------------------------------------===//

/// Brings pixels of a tensor that the second-level cache does not hold, and that tiles further
/// on will read: as many as belong to a tile, some rows of tiles ahead. Tiles take turns faster
/// than outer memory answers, and jump between rows, which hardware does not foresee.
void WinogradEmitter::prefetch(PhaseBuilder &phase, const WinogradTensor &tensor, Value tile,
                               Channels channels) {
  constexpr int64_t kTileRowsAhead = 2, kLine = 16;
  auto argument = dyn_cast<BlockArgument>(d.operands[tensor.operand].value);
  ArrayRef<int64_t> shape = d.operands[tensor.operand].shape;
  int64_t stride = shape[tensor.channels], pixels = shape[tensor.rows] * shape[tensor.columns];
  int64_t ahead = kTileRowsAhead * w.size * shape[tensor.columns];
  auto type = cast<RankedTensorType>(d.operands[tensor.operand].value.getType());
  bool isNear = bytes(type.getNumElements()) <= module.machine().l2Bytes;
  if (!argument || isNear || channels.count % kLine != 0)
    return;
  ImplicitLocOpBuilder &b = phase.b;
  Value memory = phase.argument(argument);
  Value pixel = arith::DivUIOp::create(b, advance(b, phase.index(0), tile, pixels),
                                       phase.index(w.tilesOfImage()));
  Value start = advance(b, channels.first, offsetBy(b, pixel, ahead), stride);
  buildLoop(b, 0, llvm::divideCeil(pixels, w.tilesOfImage()), 1, [&](Value next) {
    Value at = advance(b, start, next, stride);
    buildLoop(b, 0, channels.count, kLine, [&](Value channel) {
      fetchLine(b, memory, arith::AddIOp::create(b, at, channel), /*locality=*/3);
    });
  });
}

/// Tiles of a tensor, to rows of the planes, one after the other.
void WinogradEmitter::transformTiles(PhaseBuilder &phase, Expression &expression,
                                     const WinogradTensor &tensor, const LinearMap &map,
                                     Value firstTile, Value count, Channels channels, Start target,
                                     const Planes &shape) {
  ImplicitLocOpBuilder &b = phase.b;
  buildLoop(b, phase.index(0), count, 1, [&](Value tile) {
    Value number = arith::AddIOp::create(b, firstTile, tile);
    TilePlace place = locate(phase, tensor, number);
    prefetch(phase, tensor, number, channels);
    transformPatch(phase, expression, tensor, map, place, channels,
                   {target.memory, advance(b, target.at, tile, shape.row)}, shape);
  });
}

namespace {
/// An index that may leave its dimension: one inside, and whether it is the
/// same. `isInside` is null where it always is.
struct Bounded {
  Value index, isInside;
};
} // namespace

static Bounded bound(ImplicitLocOpBuilder &b, Value index, int64_t extent, bool mayLeave) {
  if (!mayLeave)
    return {index, nullptr};
  // Unsigned, an index below zero is past the end too.
  Value isInside = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, index,
                                         arith::ConstantIndexOp::create(b, extent));
  return {arith::SelectOp::create(b, isInside, index, arith::ConstantIndexOp::create(b, 0)),
          isInside};
}

/// A patch whose first element has the given place; elements outside of the
/// tensor are zeros.
void WinogradEmitter::transformPatch(PhaseBuilder &phase, Expression &expression,
                                     const WinogradTensor &tensor, const LinearMap &map,
                                     const TilePlace &place, Channels channels, Start target,
                                     const Planes &shape) {
  ImplicitLocOpBuilder &b = phase.b;
  const ContractionOperand &operand = d.operands[tensor.operand];
  int64_t extent = map.columns();
  // Whether elements of a patch, the first to the last, lie outside for some tile.
  auto mayLeave = [&](int dim, int64_t tiles, int64_t first, int64_t last) {
    int64_t lastTile = operand.base[dim] + (tiles - 1) * w.size;
    return operand.base[dim] + first < 0 || lastTile + last >= operand.shape[dim];
  };
  // Masks instead of zeros: what is off is not read, so its index needs no bounds.
  bool isMasked = module.machine().hasMaskedMemory && isa<BlockArgument>(operand.value);
  SmallVector<Bounded> columns;
  for (int64_t column = 0; column < extent; ++column) {
    Value index = offsetBy(b, place.column, column);
    columns.push_back(bound(b, index, operand.shape[tensor.columns],
                            mayLeave(tensor.columns, w.tileColumns, column, column)));
    if (Value &isInside = columns.back().isInside)
      isInside = splat(b, isInside, w.lanes);
    if (isMasked)
      columns.back().index = index;
  }
  Value zero = numberLike(b, vectorType(), 0);
  Position position = positionIn(phase, tensor);
  if (tensor.images >= 0)
    position.indices[tensor.images] = place.image;
  // A vector of channels, of all rows, to memory of patches.
  auto applyToRows = [&](Value channel, Value mask, Value start) {
    position.indices[tensor.channels] = arith::AddIOp::create(b, channels.first, channel);
    auto loadElement = [&](Value, int64_t column) -> Value {
      position.indices[tensor.columns] = columns[column].index;
      Value isInside = columns[column].isInside;
      position.mask = mask;
      if (isMasked && isInside)
        position.mask = mask ? arith::AndIOp::create(b, mask, isInside).getResult() : isInside;
      Value element = expression.vectorAt(operand.value, position);
      return isInside && !isMasked ? arith::SelectOp::create(b, isInside, element, zero).getResult()
                                   : element;
    };
    buildLoop(b, 0, extent, 1, [&](Value row) {
      Value number = arith::AddIOp::create(b, place.row, row);
      Bounded index = bound(b, number, operand.shape[tensor.rows],
                            mayLeave(tensor.rows, w.tileRows, 0, extent - 1));
      position.indices[tensor.rows] = number;
      auto load = [&] { applyToRow(phase, map, row, loadElement, start); };
      if (!index.isInside)
        return load();
      auto clearRow = [&] {
        Value rows = patch(phase), at = advance(b, start, row, w.points * w.lanes);
        for (int64_t point = 0; point < w.points; ++point)
          vector::StoreOp::create(b, zero, rows, offsetBy(b, at, point * w.lanes));
      };
      buildIf(b, index.isInside, load, clearRow);
    });
  };
  if (shape.part == 0)
    return forChannels(phase, channels.count, [&](Value channel, Value mask) {
      applyToRows(channel, mask, phase.index(0));
      applyToColumns(phase, map, target.memory, arith::AddIOp::create(b, target.at, channel),
                     shape.plane);
    });
  // Two vectors at a time, whose parts make one.
  buildLoop(b, 0, channels.count, 2 * w.lanes, [&](Value channel) {
    buildLoop(b, 0, 2, 1, [&](Value half) {
      applyToRows(advance(b, channel, half, w.lanes), nullptr,
                  advance(b, phase.index(0), half, w.allPoints() * w.lanes));
    });
    splitColumns(phase, map, target.memory, arith::AddIOp::create(b, target.at, channel), shape);
  });
}

//===----------------------------------------------------------------------===//
// Back from the points
//===----------------------------------------------------------------------===//

/// Tiles of the result, through the epilogue.
void WinogradEmitter::storeTiles(PhaseBuilder &phase, Expression &expression, Value firstTile,
                                 Value count, Channels channels) {
  ImplicitLocOpBuilder &b = phase.b;
  const ContractionOperand &result = d.operands[kC];
  Value memory = planes(phase, out), tileMemory = patch(phase);
  int64_t size = w.size, tileStart = w.allPoints() * w.lanes;
  auto extentOf = [&](Value first, int64_t extent) -> Value {
    if (extent % size == 0)
      return phase.index(size);
    Value left = arith::SubIOp::create(b, phase.index(extent), first);
    return arith::MinUIOp::create(b, left, phase.index(size));
  };
  buildLoop(b, phase.index(0), count, 1, [&](Value tile) {
    TilePlace place = locate(phase, w.result, arith::AddIOp::create(b, firstTile, tile));
    Value rows = extentOf(place.row, result.shape[w.result.rows]);
    Value columns = extentOf(place.column, result.shape[w.result.columns]);
    Position position = positionIn(phase, w.result);
    if (w.result.images >= 0)
      position.indices[w.result.images] = place.image;
    forChannels(phase, channels.count, [&](Value channel, Value mask) {
      Value at = arith::AddIOp::create(b, advance(b, phase.index(0), tile, out.row), channel);
      fromPoints(phase, transforms.result, memory, at, out.plane,
                 [&](Value row, int64_t column, Value element) {
                   Value to = advance(b, phase.index(tileStart), row, size * w.lanes);
                   vector::StoreOp::create(b, element, tileMemory,
                                           offsetBy(b, to, column * w.lanes));
                 });
      position.indices[w.result.channels] = arith::AddIOp::create(b, channels.first, channel);
      position.mask = mask;
      phase.emitStores(body.results, s.storesPast, [&](bool past) {
        position.bypasses = past && !mask;
        buildLoop(b, phase.index(0), rows, 1, [&](Value row) {
          position.indices[w.result.rows] = arith::AddIOp::create(b, place.row, row);
          buildLoop(b, phase.index(0), columns, 1, [&](Value column) {
            position.indices[w.result.columns] = arith::AddIOp::create(b, place.column, column);
            Value from = advance(b, phase.index(tileStart), row, size * w.lanes);
            writeResult(phase, expression, position,
                        load(phase, tileMemory, advance(b, from, column, w.lanes)));
          });
        });
      });
    });
  });
}

/// Adds patches of the image where they overlap.
void WinogradEmitter::addTiles(PhaseBuilder &phase, Value count, int64_t channels) {
  ImplicitLocOpBuilder &b = phase.b;
  ArrayRef<int64_t> base = d.operands[kC].base;
  Value memory = planes(phase, out);
  int64_t pixel = w.paddedBlock(), rowElements = pixel * imageWidth;
  int64_t images = w.chunk / w.tilesOfImage();
  Value sums = phase.scratch(imageOffset, d.element, images * imageHeight * rowElements);
  clear(phase, sums, images * imageHeight * rowElements);
  buildLoop(b, phase.index(0), count, 1, [&](Value tile) {
    TilePlace place = locate(phase, w.image, tile);
    Value start = advance(b, phase.index(0), place.image, imageHeight * rowElements);
    start = advance(b, start, offsetBy(b, place.row, -base[w.image.rows]), rowElements);
    start = advance(b, start, offsetBy(b, place.column, -base[w.image.columns]), pixel);
    forChannels(phase, channels, [&](Value channel, Value) {
      Value at = arith::AddIOp::create(b, advance(b, phase.index(0), tile, out.row), channel);
      Value to = arith::AddIOp::create(b, start, channel);
      fromPoints(phase, transforms.image, memory, at, out.plane,
                 [&](Value row, int64_t column, Value element) {
                   Value place = offsetBy(b, advance(b, to, row, rowElements), column * pixel);
                   Value sum = arith::AddFOp::create(b, load(phase, sums, place), element);
                   vector::StoreOp::create(b, sum, sums, place);
                 });
    });
  });
}

/// The finished images, without their padding, through the epilogue.
void WinogradEmitter::sweepImages(PhaseBuilder &phase, Expression &expression, Value firstTile,
                                  Value count, Channels channels) {
  ImplicitLocOpBuilder &b = phase.b;
  const ContractionOperand &result = d.operands[kC];
  int64_t pixel = w.paddedBlock(), rowElements = pixel * imageWidth;
  int64_t allImages = w.chunk / w.tilesOfImage();
  Value sums = phase.scratch(imageOffset, d.element, allImages * imageHeight * rowElements);
  Value tilesOfImage = phase.index(w.tilesOfImage());
  Value firstImage = arith::DivUIOp::create(b, firstTile, tilesOfImage);
  Value images = arith::DivUIOp::create(b, count, tilesOfImage);
  Position position = positionIn(phase, w.image);
  Value origin =
      phase.index(-result.base[w.image.rows] * rowElements - result.base[w.image.columns] * pixel);
  buildLoop(b, phase.index(0), images, 1, [&](Value image) {
    if (w.image.images >= 0)
      position.indices[w.image.images] = arith::AddIOp::create(b, firstImage, image);
    Value imageStart = advance(b, origin, image, imageHeight * rowElements);
    buildLoop(b, 0, result.shape[w.image.rows], 1, [&](Value row) {
      position.indices[w.image.rows] = row;
      Value rowStart = advance(b, imageStart, row, rowElements);
      buildLoop(b, 0, result.shape[w.image.columns], 1, [&](Value column) {
        position.indices[w.image.columns] = column;
        Value start = advance(b, rowStart, column, pixel);
        forChannels(phase, channels.count, [&](Value channel, Value mask) {
          position.indices[w.image.channels] = arith::AddIOp::create(b, channels.first, channel);
          position.mask = mask;
          writeResult(phase, expression, position,
                      load(phase, sums, arith::AddIOp::create(b, start, channel)));
        });
      });
    });
  });
}

} // namespace dl
