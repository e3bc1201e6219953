//===- TileProduct.cpp - Products of tiles of bf16 ------------------------===//

#include "TileProduct.h"

#include "ContractionMicroKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace dl {

static constexpr int kTileRegisters = 8;
/// Cycles of a product, fed from the L2 cache (16 from registers), and of one after the other.
static constexpr double kProductCycles = 24, kChainCycles = 52;
static constexpr int64_t kTileBytes = 64; // of a row

double stepCycles(int64_t rowTiles, int64_t columnTiles) {
  return 6 * std::max(static_cast<double>(rowTiles * columnTiles) * kProductCycles, kChainCycles);
}

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

Value elementAddress(ImplicitLocOpBuilder &b, Value memory, Value at, int64_t bytes) {
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

void configureTiles(PhaseBuilder &phase) {
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

void multiplyTiles(PhaseBuilder &phase, const TileBlock &block, Value image, Value panel,
                   function_ref<void(int64_t, int64_t)> then) {
  ImplicitLocOpBuilder &b = phase.b;
  static constexpr std::pair<int, int> kProducts[] = {{0, 2}, {0, 1}, {1, 1},
                                                      {1, 0}, {2, 0}, {0, 0}};
  SmallVector<Operand> uses;
  SmallVector<int> sums;
  for (auto [partA, partB] : kProducts)
    for (int row = 0; row < block.rowTiles; ++row)
      for (int column = 0; column < block.columnTiles; ++column) {
        uses.push_back({0, row, partA});
        uses.push_back({1, column, partB});
        sums.push_back(row * static_cast<int>(block.columnTiles) + column);
      }
  TileRegisters registers(static_cast<int>(block.rowTiles * block.columnTiles), uses);
  auto load = [&](int number, Operand operand) {
    int64_t offset =
        operand.side == 0
            ? operand.part * block.partStride + operand.tile * kTileRows * block.rowStride
            : operand.part * kTileElements + operand.tile * block.panelStride;
    Value stride = number64(b, operand.side == 0 ? block.rowStride * 2 : kTileBytes);
    callTile(b, "tileloadd64", number,
             {pointerTo(b, operand.side == 0 ? image : panel, offset * 2), stride});
  };
  for (auto [product, sum] : llvm::enumerate(sums)) {
    int a = registers.get(2 * product, load), other = registers.get(2 * product + 1, load);
    callTile(b, "tdpbf16ps", {sum, a, other});
    then(static_cast<int64_t>(product), static_cast<int64_t>(sums.size()));
  }
}

static void forEachSum(ImplicitLocOpBuilder &b, const TileBlock &block, Value sums,
                       int64_t rowStride, function_ref<void(int, Value)> body) {
  for (int64_t row = 0; row < block.rowTiles; ++row)
    for (int64_t column = 0; column < block.columnTiles; ++column)
      body(static_cast<int>(row * block.columnTiles + column),
           pointerTo(b, sums, (row * kTileRows * rowStride + column * kTileColumns) * 4));
}

void clearSums(ImplicitLocOpBuilder &b, const TileBlock &block) {
  for (int sum = 0; sum < block.rowTiles * block.columnTiles; ++sum)
    callTile(b, "tilezero", sum);
}

void loadSums(ImplicitLocOpBuilder &b, const TileBlock &block, Value sums, int64_t rowStride) {
  Value stride = number64(b, rowStride * 4);
  forEachSum(b, block, sums, rowStride,
             [&](int sum, Value from) { callTile(b, "tileloadd64", sum, {from, stride}); });
}

void storeSums(ImplicitLocOpBuilder &b, const TileBlock &block, Value sums, int64_t rowStride) {
  Value stride = number64(b, rowStride * 4);
  forEachSum(b, block, sums, rowStride,
             [&](int sum, Value to) { callTile(b, "tilestored64", sum, {to, stride}); });
}

void keepStoring(PhaseBuilder &phase, Value step, int64_t memoryOffset) {
  ImplicitLocOpBuilder &b = phase.b;
  auto store = [&] {
    Value memory = phase.scratch(memoryOffset, b.getI8Type(), kTileRows * kTileBytes);
    callTile(b, "tilestored64", kTileRegisters - 1,
             {pointerTo(b, addressOf(b, memory), 0), number64(b, kTileBytes)});
  };
  if (!step)
    return store();
  Value isStored =
      arith::CmpIOp::create(b, arith::CmpIPredicate::eq,
                            arith::RemUIOp::create(b, step, phase.index(kStepsOfStore)).getResult(),
                            phase.index(kStepsOfStore - 1));
  buildIf(b, isStored, store, [] {});
}

} // namespace dl
