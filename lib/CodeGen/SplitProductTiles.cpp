//===- SplitProductTiles.cpp - Blocks of tiles ----------------------------===//
//
// A block of rowTiles x columnTiles tiles of the result stays in tile registers
// over all of its K. For 32 k, six products of parts for each tile; the order of
// the parts lets each tile of A and B that is loaded be used twice or more:
//
//   h*l h*m m*m m*h l*h h*h
//
//===----------------------------------------------------------------------===//

#include "SplitProductEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numeric>

using namespace mlir;

namespace dl {

static constexpr int kTileRegisters = 8;
static constexpr int64_t kTileBytes = 64; // of a row

//===----------------------------------------------------------------------===//
// Tile instructions
//===----------------------------------------------------------------------===//

static void callTile(ImplicitLocOpBuilder &b, StringRef name, ArrayRef<int> registers,
                     ValueRange operands = {}) {
  SmallVector<Value> arguments;
  for (int number : registers)
    arguments.push_back(LLVM::ConstantOp::create(b, b.getI8Type(), number));
  arguments.append(operands.begin(), operands.end());
  LLVM::CallIntrinsicOp::create(b, b.getStringAttr("llvm.x86." + name.str()), arguments);
}

static Value number64(ImplicitLocOpBuilder &b, int64_t value) {
  return LLVM::ConstantOp::create(b, b.getI64Type(), value);
}

/// The address of flat memory, as a number.
static Value addressOf(ImplicitLocOpBuilder &b, Value memory) {
  Value address = memref::ExtractAlignedPointerAsIndexOp::create(b, memory);
  return arith::IndexCastOp::create(b, b.getI64Type(), address);
}

/// The pointer to element `at` of memory at `address`, and `offset` bytes on.
static Value pointerTo(ImplicitLocOpBuilder &b, Value address, int64_t offset) {
  if (offset != 0)
    address = arith::AddIOp::create(
        b, address, arith::ConstantOp::create(b, b.getI64IntegerAttr(offset)).getResult());
  return LLVM::IntToPtrOp::create(b, LLVM::LLVMPointerType::get(b.getContext()), address);
}

static Value elementAddress(ImplicitLocOpBuilder &b, Value memory, Value at, int64_t bytes) {
  Value offset = arith::IndexCastOp::create(
      b, b.getI64Type(), advance(b, arith::ConstantIndexOp::create(b, 0), at, bytes));
  return arith::AddIOp::create(b, addressOf(b, memory), offset);
}

/// The function of the runtime that asks for tiles.
static FlatSymbolRefAttr enableTiles(PhaseBuilder &phase) {
  constexpr StringRef kName = "dlrt_enable_tiles";
  ModuleOp module = phase.kernel.module();
  if (!module.lookupSymbol(kName)) {
    OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
    func::FuncOp::create(b, module.getLoc(), kName, b.getFunctionType({}, {})).setPrivate();
  }
  return FlatSymbolRefAttr::get(module.getContext(), kName);
}

/// Eight whole tiles, for the time that the phase runs: without any, the system
/// need not save them with a thread's state.
void SplitProductEmitter::configureTiles(PhaseBuilder &phase) {
  ImplicitLocOpBuilder &b = phase.b;
  // Palette 1; bytes of a row from byte 16 on, 16 bits each; rows from byte 48 on.
  SmallVector<int8_t> bytes(64, 0);
  bytes[0] = 1;
  for (int tile = 0; tile < kTileRegisters; ++tile) {
    bytes[16 + 2 * tile] = kTileBytes;
    bytes[48 + tile] = kTileRows;
  }
  Value table = phase.constant(
      DenseElementsAttr::get(RankedTensorType::get({64}, b.getI8Type()), ArrayRef<int8_t>(bytes)));
  Operation *loop = phase.task.getParentBlock()->getParentOp();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(loop);
  func::CallOp::create(b, enableTiles(phase), TypeRange(), ValueRange());
  callTile(b, "ldtilecfg", {}, pointerTo(b, addressOf(b, table), 0));
  b.setInsertionPointAfter(loop);
  callTile(b, "tilerelease", {});
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

namespace {
/// A tile of A (side 0) or B (side 1): which one of the block, which part.
struct Operand {
  int side, tile, part;
  bool operator==(const Operand &other) const = default;
};

/// Tile registers beside the sums: a tile that is wanted takes the register of
/// the one that is wanted again last.
class TileRegisters {
public:
  TileRegisters(int first, ArrayRef<Operand> uses)
      : first(first), uses(uses), held(kTileRegisters - first, Operand{-1, 0, 0}) {}

  /// The register of use `now`, loaded by `load` where it is not there.
  int get(size_t now, llvm::function_ref<void(int, Operand)> load) {
    Operand wanted = uses[now];
    for (auto [index, operand] : llvm::enumerate(held))
      if (operand == wanted)
        return first + static_cast<int>(index);
    // The other operand of the same product stays.
    size_t last = 0, victim = 0;
    for (size_t index = 0; index < held.size(); ++index) {
      size_t next = nextUse(held[index], now % 2 == 0 ? now : now - 1);
      if (next > last) {
        last = next;
        victim = index;
      }
    }
    held[victim] = wanted;
    int number = first + static_cast<int>(victim);
    load(number, wanted);
    return number;
  }

private:
  size_t nextUse(Operand operand, size_t from) const {
    for (size_t use = from; use < uses.size(); ++use)
      if (uses[use] == operand)
        return use + 1;
    return uses.size() + 1;
  }

  int first;
  ArrayRef<Operand> uses;
  SmallVector<Operand> held;
};
} // namespace

/// 32 k of all tiles of the block. `image` and `panel` are addresses.
void SplitProductEmitter::multiplyStep(PhaseBuilder &phase, Value image, Value panel) {
  ImplicitLocOpBuilder &b = phase.b;
  static constexpr std::pair<int, int> kProducts[] = {{0, 2}, {0, 1}, {1, 1},
                                                      {1, 0}, {2, 0}, {0, 0}};
  SmallVector<Operand> uses;
  SmallVector<int> sums;
  for (auto [partA, partB] : kProducts)
    for (int row = 0; row < p.rowTiles; ++row)
      for (int column = 0; column < p.columnTiles; ++column) {
        uses.push_back({0, row, partA});
        uses.push_back({1, column, partB});
        sums.push_back(row * static_cast<int>(p.columnTiles) + column);
      }
  TileRegisters registers(static_cast<int>(p.rowTiles * p.columnTiles), uses);
  auto load = [&](int number, Operand operand) {
    int64_t offset = operand.side == 0
                         ? operand.part * p.plane + operand.tile * kTileRows * p.rowStride
                         : operand.part * kTileElements + operand.tile * p.panelElements(d);
    Value stride = number64(b, operand.side == 0 ? p.rowStride * 2 : kTileBytes);
    callTile(b, "tileloadd64", number,
             {pointerTo(b, operand.side == 0 ? image : panel, offset * 2), stride});
  };
  for (auto [product, sum] : llvm::enumerate(sums)) {
    int a = registers.get(2 * product, load), other = registers.get(2 * product + 1, load);
    callTile(b, "tdpbf16ps", {sum, a, other});
  }
}

std::pair<Value, Value> SplitProductEmitter::partOfK(PhaseBuilder &phase, const Block &block,
                                                     int64_t extent, bool isSplit) const {
  ImplicitLocOpBuilder &b = phase.b;
  if (!isSplit || p.parts == 1)
    return {phase.index(0), phase.index(extent)};
  Value start = advance(b, phase.index(0), block.part, p.chunk);
  return {start, arith::MinUIOp::create(b, offsetBy(b, start, p.chunk), phase.index(extent))};
}

SmallVector<Value> SplitProductEmitter::loopOverK(PhaseBuilder &phase, const Block &block,
                                                  unsigned level, Value image, Value panel,
                                                  ValueRange carried, RunBody body) const {
  if (level == p.outerK.size())
    return body(image, panel, carried);
  ImplicitLocOpBuilder &b = phase.b;
  int dim = p.outerK[level];
  int64_t blocks = p.runBlocks();
  for (int inner : ArrayRef<int>(p.outerK).drop_front(level + 1))
    blocks *= d.dims[inner].extent;
  auto [lower, upper] =
      partOfK(phase, block, d.dims[dim].extent, p.splitLevel == static_cast<int>(level));
  return buildReduceLoop(b, lower, upper, 1, carried, [&](Value index, ValueRange values) {
    return loopOverK(phase, block, level + 1, advance(b, image, index, p.strides[dim]),
                     advance(b, panel, index, blocks * kSplitParts * kTileElements), values, body);
  });
}

/// The block's sums, to the buffer.
void SplitProductEmitter::multiplyTiles(PhaseBuilder &phase, const Block &block) {
  ImplicitLocOpBuilder &b = phase.b;
  int sums = static_cast<int>(p.rowTiles * p.columnTiles);
  for (int sum = 0; sum < sums; ++sum)
    callTile(b, "tilezero", sum);
  Value image = this->image(phase), panels = panelsAs(phase, b.getI16Type());
  loopOverK(phase, block, 0, block.image, block.panel, {},
            [&](Value at, Value panel, ValueRange) -> SmallVector<Value> {
              auto [lower, upper] = partOfK(phase, block, p.runBlocks(), p.splitLevel < 0);
              Value startA = elementAddress(b, image, at, 2);
              Value startB = elementAddress(b, panels, panel, 2);
              buildLoop(b, lower, upper, 1, [&](Value step) {
                auto advanced = [&](Value start, int64_t bytes) -> Value {
                  Value offset = arith::IndexCastOp::create(
                      b, b.getI64Type(), advance(b, phase.index(0), step, bytes));
                  return arith::AddIOp::create(b, start, offset);
                };
                multiplyStep(phase, advanced(startA, kTileK * 2),
                             advanced(startB, kSplitParts * kTileElements * 2));
              });
              return {};
            });
  Value buffer = addressOf(b, this->buffer(phase)), stride = number64(b, bufferColumns() * 4);
  for (int sum = 0; sum < sums; ++sum) {
    int64_t row = sum / p.columnTiles * kTileRows, column = sum % p.columnTiles * kTileColumns;
    callTile(b, "tilestored64", sum,
             {pointerTo(b, buffer, (row * bufferColumns() + column) * 4), stride});
  }
}

//===----------------------------------------------------------------------===//
// What tiles cannot compute
//===----------------------------------------------------------------------===//

/// Whether an element of the buffer is an infinity or NaN: times zero, that is NaN.
Value SplitProductEmitter::hasNonFinite(PhaseBuilder &phase) {
  ImplicitLocOpBuilder &b = phase.b;
  constexpr int64_t kVectors = 8;
  Value memory = buffer(phase), zero = numberLike(b, base.vectorType(), 0);
  SmallVector<Value> sums = buildReduceLoop(
      b, phase.index(0), phase.index(blockRows() * bufferColumns()), kVectors * kTileColumns,
      SmallVector<Value>(kVectors, zero), [&](Value at, ValueRange carried) {
        SmallVector<Value> next;
        for (auto [index, sum] : llvm::enumerate(carried)) {
          Value x =
              vector::LoadOp::create(b, base.vectorType(), memory,
                                     offsetBy(b, at, static_cast<int64_t>(index) * kTileColumns));
          next.push_back(vector::FMAOp::create(b, x, zero, sum));
        }
        return next;
      });
  for (size_t step = kVectors / 2; step > 0; step /= 2)
    for (size_t i = 0; i < step; ++i)
      sums[i] = arith::AddFOp::create(b, sums[i], sums[i + step]);
  Value isNaN = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, sums[0], sums[0]);
  return vector::ReductionOp::create(b, vector::CombiningKind::OR, isNaN);
}

/// x from its parts: (h + m) + l, or m where that is an infinity or NaN.
static Value joinParts(ImplicitLocOpBuilder &b, Value h, Value m, Value l) {
  Value sum = arith::AddFOp::create(b, arith::AddFOp::create(b, h, m), l);
  Value isSpecial = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, l, l);
  return arith::SelectOp::create(b, isSpecial, m, sum);
}

/// An element of A, in all lanes.
Value SplitProductEmitter::elementOfA(PhaseBuilder &phase, Value at) const {
  ImplicitLocOpBuilder &b = phase.b;
  SmallVector<Value> parts;
  for (int64_t part = 0; part < kSplitParts; ++part) {
    Value bits = memref::LoadOp::create(b, image(phase), offsetBy(b, at, part * p.plane));
    Value wide = arith::ExtUIOp::create(b, b.getI32Type(), bits);
    wide = arith::ShLIOp::create(b, wide,
                                 arith::ConstantOp::create(b, b.getI32IntegerAttr(16)).getResult());
    parts.push_back(arith::BitcastOp::create(b, b.getF32Type(), wide));
  }
  return splat(b, joinParts(b, parts[0], parts[1], parts[2]), kTileColumns);
}

/// The 16 columns of a panel at a position of the run.
Value SplitProductEmitter::elementsOfB(PhaseBuilder &phase, Value panel, Value k) const {
  ImplicitLocOpBuilder &b = phase.b;
  auto type = VectorType::get({kTileColumns}, b.getI32Type());
  Value two = phase.index(2), tileK = phase.index(kTileK);
  Value at = arith::DivUIOp::create(b, panel, two);
  at = advance(b, at, arith::DivUIOp::create(b, k, tileK), kSplitParts * kTileElements / 2);
  Value inTile = arith::RemUIOp::create(b, k, tileK);
  at = advance(b, at, arith::DivUIOp::create(b, inTile, two), kTileColumns);
  // An even k is in the low half.
  Value odd = arith::IndexCastOp::create(b, b.getI32Type(), arith::RemUIOp::create(b, k, two));
  Value sixteen = arith::ConstantOp::create(b, b.getI32IntegerAttr(16));
  Value shift = splat(b, arith::MulIOp::create(b, odd, sixteen), kTileColumns);
  Value memory = panelsAs(phase, b.getI32Type());
  SmallVector<Value> parts;
  for (int64_t part = 0; part < kSplitParts; ++part) {
    Value pair = vector::LoadOp::create(b, type, memory, offsetBy(b, at, part * kTileElements / 2));
    Value bits = arith::ShLIOp::create(b, arith::ShRUIOp::create(b, pair, shift),
                                       splat(b, sixteen, kTileColumns));
    parts.push_back(vector::BitCastOp::create(b, base.vectorType(), bits));
  }
  return joinParts(b, parts[0], parts[1], parts[2]);
}

/// A row of a tile by f32 multiply-adds.
Value SplitProductEmitter::recomputeVector(PhaseBuilder &phase, const Block &block, Value image,
                                           Value panel) {
  ImplicitLocOpBuilder &b = phase.b;
  return loopOverK(
      phase, block, 0, image, panel, numberLike(b, base.vectorType(), 0),
      [&](Value at, Value columns, ValueRange carried) {
        auto [lower, upper] = partOfK(phase, block, p.runBlocks(), p.splitLevel < 0);
        Value start = advance(b, phase.index(0), lower, kTileK);
        Value end = arith::MinUIOp::create(b, advance(b, phase.index(0), upper, kTileK),
                                           phase.index(p.run.length));
        return buildReduceLoop(b, start, end, 1, carried, [&](Value k, ValueRange sums) {
          SmallVector<Value> index(d.dims.size());
          Value isPoint = decode(b, p.run, k, p.run.length, index);
          Value x = elementOfA(phase, arith::AddIOp::create(b, at, k));
          if (isPoint)
            x = arith::SelectOp::create(b, isPoint, x, numberLike(b, x.getType(), 0));
          Value y = elementsOfB(phase, columns, k);
          return SmallVector<Value>{vector::FMAOp::create(b, x, y, sums[0])};
        });
      })[0];
}

void SplitProductEmitter::recompute(PhaseBuilder &phase, const Block &block) {
  ImplicitLocOpBuilder &b = phase.b;
  Value memory = buffer(phase), columnTiles = phase.index(p.columnTiles);
  buildLoop(b, 0, blockRows() * p.columnTiles, 1, [&](Value number) {
    Value row = arith::DivUIOp::create(b, number, columnTiles);
    Value tile = arith::RemUIOp::create(b, number, columnTiles);
    Value vector = recomputeVector(phase, block, advance(b, block.image, row, p.rowStride),
                                   advance(b, block.panel, tile, p.panelElements(d)));
    vector::StoreOp::create(b, vector, memory, advance(b, phase.index(0), number, kTileColumns));
  });
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

/// A row of the buffer to its place in the result.
void SplitProductEmitter::storeRow(PhaseBuilder &phase, Expression &expression, const Block &block,
                                   Value number, ArrayRef<Value> indexOfRow) {
  ImplicitLocOpBuilder &b = phase.b;
  SmallVector<Value> index(indexOfRow);
  int64_t columns = d.dims[p.columnDim].extent;
  for (int64_t tile = 0; tile < p.columnTiles; ++tile) {
    index[p.columnDim] = offsetBy(b, block.column, tile * kTileColumns);
    Position position = positionOf(b, kC, index);
    position.vectorDim = static_cast<int>(position.indices.size()) - 1;
    if (columns % bufferColumns() != 0) {
      SmallVector<int32_t> numbers(kTileColumns);
      std::iota(numbers.begin(), numbers.end(), 0);
      Value left = arith::SubIOp::create(b, phase.index(columns), index[p.columnDim]);
      Value limit = arith::IndexCastOp::create(b, b.getI32Type(), left);
      position.mask = arith::CmpIOp::create(
          b, arith::CmpIPredicate::slt,
          arith::ConstantOp::create(b, b.getI32VectorAttr(numbers)).getResult(),
          splat(b, limit, kTileColumns));
    }
    Value at = advance(b, phase.index(tile * kTileColumns), number, bufferColumns());
    Value sum = vector::LoadOp::create(b, base.vectorType(), buffer(phase), at);
    if (p.parts == 1) {
      base.writeResult(phase, expression, position, sum);
      continue;
    }
    Value to = linearIndex(b, position.indices, stridesOf(d.operands[kC].shape));
    to = advance(b, to, block.part, strategy.operands[kC].count);
    Value memory = base.memoryOf(phase, kC);
    if (position.mask)
      vector::MaskedStoreOp::create(b, memory, to, position.mask, sum);
    else
      vector::StoreOp::create(b, sum, memory, to);
  }
}

void SplitProductEmitter::storeBlock(PhaseBuilder &phase, Expression &expression,
                                     const Block &block) {
  ImplicitLocOpBuilder &b = phase.b;
  buildLoop(b, 0, blockRows(), 1, [&](Value number) {
    SmallVector<Value> index(block.index);
    Value position = arith::AddIOp::create(b, block.row, number);
    Value isPoint = decode(b, p.rows, position, p.rowBlocks() * blockRows(), index);
    auto store = [&] { storeRow(phase, expression, block, number, index); };
    if (isPoint)
      buildIf(b, isPoint, store, [] {});
    else
      store();
  });
}

//===----------------------------------------------------------------------===//
// Tasks
//===----------------------------------------------------------------------===//

void SplitProductEmitter::emitBlock(PhaseBuilder &phase, Expression &expression, Block block,
                                    Value item, Value columnBlock) {
  ImplicitLocOpBuilder &b = phase.b;
  block.index.assign(d.dims.size(), phase.index(0));
  Value rowBlocks = phase.index(p.rowBlocks());
  block.row = advance(b, phase.index(0), arith::RemUIOp::create(b, item, rowBlocks), blockRows());
  Value rest = arith::DivUIOp::create(b, item, rowBlocks);
  block.image = advance(b, phase.index(p.origin), block.row, p.rowStride);
  Value batch = phase.index(0);
  int64_t batchStride = p.panels(d) * p.panelElements(d);
  for (int dim : llvm::reverse(p.outer)) {
    Value extent = phase.index(d.dims[dim].extent);
    block.index[dim] = arith::RemUIOp::create(b, rest, extent);
    rest = arith::DivUIOp::create(b, rest, extent);
    block.image = advance(b, block.image, block.index[dim], p.strides[dim]);
    if (d.dims[dim].role != DimRole::Batch)
      continue;
    batch = advance(b, batch, block.index[dim], batchStride);
    batchStride *= d.dims[dim].extent;
  }
  block.column = advance(b, phase.index(0), columnBlock, bufferColumns());
  block.panel = advance(b, batch, columnBlock, p.columnTiles * p.panelElements(d));
  multiplyTiles(phase, block);
  buildIf(b, hasNonFinite(phase), [&] { recompute(phase, block); }, [] {});
  storeBlock(phase, expression, block);
}

void SplitProductEmitter::emitTask(PhaseBuilder &phase, Expression &expression) {
  ImplicitLocOpBuilder &b = phase.b;
  int64_t items = p.items(d), columns = p.columnBlocks(d);
  auto takePiece = [&](Value &rest, int64_t total, int64_t size) {
    Value pieces = phase.index(llvm::divideCeil(total, size));
    Value start = advance(b, phase.index(0), arith::RemUIOp::create(b, rest, pieces), size);
    rest = arith::DivUIOp::create(b, rest, pieces);
    Value end = arith::MinUIOp::create(b, offsetBy(b, start, size), phase.index(total));
    return std::make_pair(start, end);
  };
  Value rest = phase.task;
  auto [firstColumn, endColumn] = takePiece(rest, columns, p.columnsOfTask);
  auto [firstItem, endItem] = takePiece(rest, items, p.itemsOfTask);
  Block block;
  block.part = rest;
  auto overItems = [&, firstItem = firstItem, endItem = endItem](auto body) {
    buildLoop(b, firstItem, endItem, 1, body);
  };
  auto overColumns = [&, firstColumn = firstColumn, endColumn = endColumn](auto body) {
    buildLoop(b, firstColumn, endColumn, 1, body);
  };
  if (p.columnsInside)
    overItems([&](Value item) {
      overColumns([&](Value column) { emitBlock(phase, expression, block, item, column); });
    });
  else
    overColumns([&](Value column) {
      overItems([&](Value item) { emitBlock(phase, expression, block, item, column); });
    });
}

void SplitProductEmitter::emitMultiply() {
  int64_t tasks = p.parts * llvm::divideCeil(p.items(d), p.itemsOfTask) *
                  llvm::divideCeil(p.columnBlocks(d), p.columnsOfTask);
  module.addPhase(tasks, [&](PhaseBuilder &phase) {
    Expression expression(phase);
    expression.bind(body.anchor->getResult(0),
                    [&](ImplicitLocOpBuilder &, const Position &) { return base.sum; });
    configureTiles(phase);
    emitTask(phase, expression);
  });
}

} // namespace dl
