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

/// 32 k of all tiles of the block. `image` and `panel` are addresses; `then` is what follows a
/// product, of so many.
void SplitProductEmitter::multiplyStep(PhaseBuilder &phase, Value image, Value panel,
                                       function_ref<void(int64_t, int64_t)> then) {
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
                         : operand.part * kTileElements + operand.tile * p.panelElements();
    Value stride = number64(b, operand.side == 0 ? p.rowStride * 2 : kTileBytes);
    callTile(b, "tileloadd64", number,
             {pointerTo(b, operand.side == 0 ? image : panel, offset * 2), stride});
  };
  for (auto [product, sum] : llvm::enumerate(sums)) {
    int a = registers.get(2 * product, load), other = registers.get(2 * product + 1, load);
    callTile(b, "tdpbf16ps", {sum, a, other});
    then(static_cast<int64_t>(product), static_cast<int64_t>(sums.size()));
  }
}

/// Rows of 32 k: where they start in the image, and the number of the first block of 32.
void SplitProductEmitter::loopOverK(PhaseBuilder &phase, unsigned level, Value image, Value first,
                                    function_ref<void(Value, Value)> body) const {
  if (level == p.outerK.size())
    return body(image, first);
  int dim = p.outerK[level];
  int64_t blocks = p.runBlocks();
  for (int inner : ArrayRef<int>(p.outerK).drop_front(level + 1))
    blocks *= p.piece.dims[inner].extent;
  buildLoop(phase.b, 0, p.piece.dims[dim].extent, 1, [&](Value index) {
    loopOverK(phase, level + 1, advance(phase.b, image, index, p.strides[dim]),
              advance(phase.b, first, index, blocks), body);
  });
}

/// Stores a tile that nobody reads. A store that comes long after the one before, 120 products or
/// more, was measured to take 240 ns.
void SplitProductEmitter::keepStoring(PhaseBuilder &phase) {
  ImplicitLocOpBuilder &b = phase.b;
  Value memory = phase.scratch(storedOffset, b.getI8Type(), kTileRows * kTileBytes);
  callTile(b, "tilestored64", kTileRegisters - 1,
           {pointerTo(b, addressOf(b, memory), 0), number64(b, kTileBytes)});
}

/// The block's sums, to the buffer; added to those there, unless `isFirst` (null: it is).
void SplitProductEmitter::multiplyTiles(PhaseBuilder &phase, Expression &expression,
                                        const Block &block, Value isFirst) {
  ImplicitLocOpBuilder &b = phase.b;
  Value buffer = elementAddress(b, this->buffer(phase), block.sums, 4);
  Value stride = number64(b, p.blockColumns() * 4);
  auto forEachSum = [&](function_ref<void(int, Value)> body) {
    for (int64_t row = 0; row < p.rowTiles; ++row)
      for (int64_t column = 0; column < p.columnTiles; ++column)
        body(
            static_cast<int>(row * p.columnTiles + column),
            pointerTo(b, buffer, (row * kTileRows * p.blockColumns() + column * kTileColumns) * 4));
  };
  auto clear = [&] { forEachSum([&](int sum, Value) { callTile(b, "tilezero", sum); }); };
  auto load = [&] {
    forEachSum([&](int sum, Value from) { callTile(b, "tileloadd64", sum, {from, stride}); });
  };
  if (isFirst)
    buildIf(b, isFirst, clear, load);
  else
    clear();
  Value image = this->image(phase), panels = panelsAs(phase, b.getI16Type());
  // A store at least every so many steps of 24 products.
  constexpr int64_t kStepsOfStore = 4;
  bool isLong = p.runBlocks() > kStepsOfStore;
  loopOverK(phase, 0, block.image, phase.index(0), [&](Value at, Value first) {
    Value startA = elementAddress(b, image, at, 2);
    Value panel = advance(b, block.panel, first, kSplitParts * kTileElements);
    Value startB = elementAddress(b, panels, panel, 2);
    buildLoop(b, 0, p.runBlocks(), 1, [&](Value step) {
      auto advanced = [&](Value start, int64_t bytes) -> Value {
        Value offset =
            arith::IndexCastOp::create(b, b.getI64Type(), advance(b, phase.index(0), step, bytes));
        return arith::AddIOp::create(b, start, offset);
      };
      Value number = arith::AddIOp::create(b, first, step);
      SmallVector<DueUnit> due =
          dueUnits(phase, expression, advance(b, number, block.number, p.panelBlocks()));
      multiplyStep(phase, advanced(startA, kTileK * 2),
                   advanced(startB, kSplitParts * kTileElements * 2),
                   [&](int64_t product, int64_t count) {
                     for (const DueUnit &unit : due)
                       splitBetween(phase, unit, product, count);
                   });
      for (const DueUnit &unit : due)
        transposeAfter(phase, unit);
      if (!isLong)
        return;
      Value isStored = arith::CmpIOp::create(
          b, arith::CmpIPredicate::eq,
          arith::RemUIOp::create(b, step, phase.index(kStepsOfStore)).getResult(),
          phase.index(kStepsOfStore - 1));
      buildIf(b, isStored, [&] { keepStoring(phase); }, [] {});
    });
    if (!p.outerK.empty())
      keepStoring(phase);
  });
  forEachSum([&](int sum, Value to) { callTile(b, "tilestored64", sum, {to, stride}); });
}

} // namespace dl
