//===- ContractionMicroKernel.cpp - The innermost loops -------------------===//

#include "ContractionMicroKernel.h"

#include "Expression.h"
#include "KernelModule.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace dl {

/// Steps of k in one iteration of the innermost loop; a loop of at most
/// kUnrollWhole is unrolled whole. More steps only make longer code.
static constexpr int64_t kUnroll = 2, kUnrollWhole = 5;

Value offsetBy(ImplicitLocOpBuilder &b, Value base, int64_t constant) {
  if (constant == 0)
    return base;
  return arith::AddIOp::create(b, base, arith::ConstantIndexOp::create(b, constant));
}

Value advance(ImplicitLocOpBuilder &b, Value base, Value index, int64_t stride) {
  if (std::optional<int64_t> known = getConstantIntValue(index))
    return offsetBy(b, base, *known * stride);
  if (stride == 0)
    return base;
  if (stride != 1)
    index = arith::MulIOp::create(b, index, arith::ConstantIndexOp::create(b, stride));
  return getConstantIntValue(base) == 0 ? index : arith::AddIOp::create(b, base, index).getResult();
}

Value MicroKernel::load(ImplicitLocOpBuilder &b, Value from, Value at, bool isTail) const {
  if (!isTail || !tailMask || !maskLoads)
    return vector::LoadOp::create(b, vector, from, at);
  return vector::MaskedLoadOp::create(b, vector, from, at, tailMask, numberLike(b, vector, 0));
}

/// Whether B's vectors of two steps, and a broadcast for each, leave no register beside the sums
/// or do not fit there. LLVM moves loads to the top of a block, and spills: a fence for the
/// compiler alone, which is no instruction, keeps those of a step behind the step before.
bool MicroKernel::fillsRegisters() const {
  auto sums = static_cast<int64_t>(rows.size()) * vectors * chains;
  return !vectorA && groupColumns == 0 && sums + 2 * vectors + 2 >= registers;
}

Value MicroKernel::multiplyAdd(ImplicitLocOpBuilder &b, Value x, Value y, Value sum) const {
  if (hasFMA)
    return vector::FMAOp::create(b, x, y, sum);
  return arith::AddFOp::create(b, arith::MulFOp::create(b, x, y), sum);
}

/// One k. Constant offsets stay last in the addresses, where they become
/// displacements.
void MicroKernel::emitStep(ImplicitLocOpBuilder &b, Value baseA, Value baseB, int64_t offsetA,
                           int64_t offsetB, ArrayRef<int64_t> offsetsPanel,
                           MutableArrayRef<Value> sums) const {
  int64_t lanes = vector.getNumElements();
  if (groupColumns > 0)
    return emitGroupSteps(b, baseA, baseB, {{offsetA, offsetB}}, sums);
  if (vectorA)
    return emitElementStep(b, baseA, baseB, offsetA, offsetB, sums);
  SmallVector<Value> columns;
  for (int64_t v = 0; v < vectors; ++v) {
    columns.push_back(
        load(b, memory[1], offsetBy(b, baseB, offsetB + v * lanes), v == vectors - 1));
    if (panel[1])
      vector::StoreOp::create(b, columns.back(), panel[1],
                              offsetBy(b, panelAt[1], offsetsPanel[1] + v * lanes));
    if (ahead != 0)
      fetchLine(b, memory[1], offsetBy(b, baseB, offsetB + v * lanes + ahead), /*locality=*/3);
  }
  if (pieceAhead != 0)
    fetchLine(b, memory[0], offsetBy(b, baseA, offsetA + pieceAhead));
  if (panel[0])
    packRows(b, offsetBy(b, baseA, offsetA), offsetBy(b, panelAt[0], offsetsPanel[0]));
  size_t sum = 0;
  for (int64_t row : rows) {
    Value element = memref::LoadOp::create(b, memory[0], offsetBy(b, baseA, offsetA + row));
    Value scalar = vector::BroadcastOp::create(b, vector, element);
    for (int64_t v = 0; v < vectors; ++v, ++sum)
      sums[sum] = multiplyAdd(b, scalar, columns[v], sums[sum]);
  }
  if (sumsB)
    for (int64_t v = 0; v < vectors; ++v, ++sum)
      sums[sum] = arith::AddFOp::create(b, sums[sum], columns[v]);
}

/// The elements of all rows, which lie side by side: in vectors of no more lanes than it takes,
/// which meet fewer lines of memory.
void MicroKernel::packRows(ImplicitLocOpBuilder &b, Value from, Value to) const {
  int64_t lanes = vector.getNumElements(), count = static_cast<int64_t>(rows.size());
  for (int64_t row = 0; row < count; row += lanes) {
    int64_t left = std::min(count - row, lanes);
    auto width = static_cast<int64_t>(llvm::PowerOf2Ceil(left));
    auto type = VectorType::get({width}, vector.getElementType());
    Value mask = leadingMask(b, left, width);
    Value piece = vector::MaskedLoadOp::create(b, type, memory[0], offsetBy(b, from, row), mask,
                                               numberLike(b, type, 0));
    vector::MaskedStoreOp::create(b, panel[0], offsetBy(b, to, row), mask, piece);
  }
}

/// The same where A varies along the columns: one vector of B at a time needs a
/// register, those of A are operands in memory.
void MicroKernel::emitElementStep(ImplicitLocOpBuilder &b, Value baseA, Value baseB,
                                  int64_t offsetA, int64_t offsetB,
                                  MutableArrayRef<Value> sums) const {
  int64_t lanes = vector.getNumElements();
  for (int64_t v = 0; v < vectors; ++v) {
    bool isTail = v == vectors - 1;
    Value right = load(b, memory[1], offsetBy(b, baseB, offsetB + v * lanes), isTail);
    for (auto [number, row] : llvm::enumerate(rows)) {
      Value left = load(b, memory[0], offsetBy(b, baseA, offsetA + row + v * lanes), isTail);
      Value &sum = sums[number * vectors + v];
      sum = multiplyAdd(b, left, right, sum);
    }
    if (sumsB) {
      Value &sum = sums[rows.size() * vectors + v];
      sum = arith::AddFOp::create(b, sum, right);
    }
  }
}

/// Of `count` rows that are contiguous along K, a line of some of them for every iteration, of
/// each once until k has passed a line. `rowFrom` is so many rows behind an index.
static void fetchLines(ImplicitLocOpBuilder &b, Value memory, Value base, Value k, int64_t steps,
                       int64_t count, unsigned locality,
                       function_ref<Value(Value from, Value row)> rowFrom) {
  int64_t line =
      Machine::lineBytes / storageBytes(cast<MemRefType>(memory.getType()).getElementType());
  if (line % steps != 0)
    return;
  auto index = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(b, value); };
  int64_t turns = line / steps;
  Value column = arith::AndIOp::create(b, k, index(-line));
  Value turn = arith::DivUIOp::create(b, arith::AndIOp::create(b, k, index(line - 1)).getResult(),
                                      index(steps));
  Value from = rowFrom(arith::AddIOp::create(b, base, column), turn);
  for (int64_t row = 0; row < count; row += turns)
    fetchLine(b, memory, rowFrom(from, index(row)), locality);
}

/// Lines of one row of a panel to be, or of some of its columns, into the L2 cache.
void MicroKernel::emitPrefetch(ImplicitLocOpBuilder &b, Value k, int64_t steps) const {
  if (!prefetchFrom)
    return;
  if (prefetchColumns > 0)
    return fetchLines(b, prefetchFrom, prefetchAt, k, steps, prefetchColumns, /*locality=*/2,
                      [&](Value from, Value column) -> Value {
                        Value to = arith::MulIOp::create(b, column, prefetchStride);
                        return arith::AddIOp::create(b, from, to);
                      });
  Value row = arith::ShRUIOp::create(b, k, arith::ConstantIndexOp::create(b, 1));
  Value at = arith::AddIOp::create(b, prefetchAt, arith::MulIOp::create(b, row, prefetchStride));
  int64_t lane = Machine::lineBytes / (vector.getElementTypeBitWidth() / 8);
  for (int64_t line = 0; line < prefetchLines; ++line)
    fetchLine(b, prefetchFrom, offsetBy(b, at, line * lane));
}

/// Of the rows that lie ahead, all until k has passed a line.
void MicroKernel::fetchRows(ImplicitLocOpBuilder &b, Value baseA, Value k, int64_t steps) const {
  if (rowsAhead == 0)
    return;
  int64_t stride = rows.size() > 1 ? rows[1] - rows[0] : 0;
  fetchLines(b, memory[0], baseA, k, steps, static_cast<int64_t>(rows.size()), /*locality=*/3,
             [&](Value from, Value row) {
               bool isConstant = getConstantIntValue(row).has_value();
               return offsetBy(b, advance(b, from, row, stride), isConstant ? rowsAhead : 0);
             });
}

/// Where in B the lines begin that a loop from there on fetches of the next panel: tiles take
/// pieces of it that follow one another, as memory likes best.
Value MicroKernel::fetchedFrom(ImplicitLocOpBuilder &b, Value from) const {
  auto constant = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(b, value); };
  Value passed = arith::SubIOp::create(b, from, base[1]);
  Value own = arith::DivUIOp::create(b, passed, constant(panelTiles));
  int64_t share = llvm::divideCeil(panelAhead, panelTiles);
  Value first = advance(b, offsetBy(b, base[1], panelAhead), panelTile, share);
  return arith::AddIOp::create(b, first, own);
}

/// Whether successive k read the same element of A for different rows (a
/// convolution's window along its image row). Unrolled, LLVM would keep these
/// broadcasts in registers, which it has not.
static bool stepsShareA(ArrayRef<int64_t> rows, int64_t stride) {
  return llvm::any_of(rows, [&](int64_t row) {
    return row != rows.front() && llvm::is_contained(rows, row - stride);
  });
}

/// The chains' sums, added as a tree.
SmallVector<Value> MicroKernel::addChains(ImplicitLocOpBuilder &b, ValueRange sums) const {
  SmallVector<Value> all(sums);
  for (size_t count = all.size() / chains; all.size() > count;) {
    size_t half = all.size() / 2;
    for (size_t i = 0; i < half; ++i)
      all[i] = arith::AddFOp::create(b, all[i], all[half + i]);
    all.truncate(half);
  }
  return all;
}

/// Memory from an element on.
static Value memoryFrom(ImplicitLocOpBuilder &b, Value memory, Value index) {
  auto layout = StridedLayoutAttr::get(b.getContext(), ShapedType::kDynamic, {1});
  auto type = MemRefType::get({ShapedType::kDynamic},
                              cast<MemRefType>(memory.getType()).getElementType(), layout);
  // Nobody asks for the length.
  Value length = arith::ConstantIndexOp::create(b, 1);
  return memref::SubViewOp::create(b, type, memory, OpFoldResult(index), OpFoldResult(length),
                                   OpFoldResult(b.getIndexAttr(1)));
}

/// The sums of a loop over k in [lower, upper), `unroll` steps at a time. The places in A
/// and B are carried along as pointers: an iteration adds to them what it steps by, and the
/// rest of each address is constant.
SmallVector<Value> MicroKernel::emitSteps(ImplicitLocOpBuilder &b, const ReductionLoop &loop,
                                          Value baseA, Value baseB, Value lower, Value upper,
                                          int64_t unroll, bool fetches, ValueRange initial) const {
  size_t tile = initial.size() / chains;
  auto index = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(b, value); };
  SmallVector<Value> carried(initial);
  carried.push_back(memoryFrom(b, memory[0], advance(b, baseA, lower, loop.strides[0])));
  carried.push_back(memoryFrom(b, memory[1], advance(b, baseB, lower, loop.strides[1])));
  for (int operand : {0, 1})
    if (panel[operand])
      carried.push_back(memoryFrom(
          b, panel[operand], advance(b, panelAt[operand], lower, loop.panelStrides[operand])));
  int64_t line = Machine::lineBytes / (vector.getElementTypeBitWidth() / 8);
  int64_t fetched = panelAhead == 0 ? 0 : llvm::divideCeil(unroll * loop.strides[1], panelTiles);
  if (fetched != 0) {
    Value from = advance(b, baseB, lower, loop.strides[1]);
    carried.push_back(memoryFrom(b, memory[1], fetchedFrom(b, from)));
  }
  SmallVector<Value> results =
      buildReduceLoop(b, lower, upper, unroll, carried, [&](Value k, ValueRange values) {
        if (fetches) {
          emitPrefetch(b, k, unroll);
          fetchRows(b, baseA, k, unroll);
        }
        SmallVector<Value> next(values);
        MicroKernel here = *this;
        Value ahead = fetched != 0 ? next.pop_back_val() : Value();
        for (int64_t at = 0; at < fetched; at += line)
          fetchLine(b, ahead, index(at));
        for (int operand : {1, 0})
          if (panel[operand])
            here.panel[operand] = next.pop_back_val(), here.panelAt[operand] = index(0);
        here.memory[1] = next.pop_back_val();
        here.memory[0] = next.pop_back_val();
        if (sharedSteps > 0)
          here.emitSharedSteps(b, loop, index(0), index(0), unroll, next);
        for (int64_t step = 0; sharedSteps == 0 && step < unroll; ++step) {
          if (step > 0 && fillsRegisters())
            LLVM::FenceOp::create(b, LLVM::AtomicOrdering::acq_rel, "singlethread");
          auto chain = MutableArrayRef<Value>(next).slice(step % chains * tile, tile);
          here.emitStep(b, index(0), index(0), step * loop.strides[0], step * loop.strides[1],
                        {step * loop.panelStrides[0], step * loop.panelStrides[1]}, chain);
        }
        for (int operand : {0, 1})
          next.push_back(
              memoryFrom(b, here.memory[operand], index(unroll * loop.strides[operand])));
        for (int operand : {0, 1})
          if (panel[operand])
            next.push_back(
                memoryFrom(b, here.panel[operand], index(unroll * loop.panelStrides[operand])));
        if (fetched != 0)
          next.push_back(memoryFrom(b, ahead, index(fetched)));
        return next;
      });
  results.truncate(initial.size());
  return results;
}

SmallVector<Value> MicroKernel::emitInnermost(ImplicitLocOpBuilder &b, const ReductionLoop &loop,
                                              Value baseA, Value baseB, ValueRange initial) const {
  size_t tile = initial.size();
  if (groupColumns > 0 && loop.strides[0] % groupStride != 0) {
    SmallVector<std::pair<int64_t, int64_t>> channels;
    for (int64_t k = 0; k < loop.extent; ++k)
      channels.push_back({k * loop.strides[0], k * loop.strides[1]});
    SmallVector<Value> sums(initial);
    emitGroupSteps(b, baseA, baseB, channels, sums);
    return sums;
  }
  SmallVector<Value> sums(initial);
  sums.append(tile * (chains - 1), numberLike(b, vector, 0));
  auto index = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(b, value); };
  auto steps = [&](Value lower, Value upper, int64_t unroll, bool fetches = false) {
    sums = emitSteps(b, loop, baseA, baseB, lower, upper, unroll, fetches, sums);
  };
  int64_t unroll = sharedSteps > 0 ? sharedSteps : std::max(chains, isRare ? 1 : kUnroll);
  // A few taps, of which residues meet some.
  if (loop.upper && loop.extent <= kUnrollWhole && chains == 1 && sharedSteps == 0)
    unroll = 1;
  if (loop.upper) {
    // Bounds at run time: whole steps, then the rest one by one.
    Value length = arith::SubIOp::create(b, loop.upper, loop.lower);
    Value middle = arith::SubIOp::create(
        b, loop.upper, arith::RemUIOp::create(b, length, index(unroll)).getResult());
    steps(loop.lower, middle, unroll, /*fetches=*/true);
    if (loop.multiple % unroll != 0)
      steps(middle, loop.upper, 1);
    return addChains(b, sums);
  }
  if (chains == 1 && sharedSteps == 0 && stepsShareA(rows, loop.strides[0]))
    unroll = 1;
  int64_t whole = loop.extent / unroll * unroll;
  if (loop.extent <= std::max(kUnrollWhole, sharedSteps) && unroll > 1) {
    steps(index(0), index(loop.extent), loop.extent);
    return addChains(b, sums);
  }
  steps(index(0), index(whole), unroll, /*fetches=*/true);
  if (whole < loop.extent)
    steps(index(whole), index(loop.extent), loop.extent - whole);
  return addChains(b, sums);
}

/// The kernel of some of the rows, at indices [begin, end) of one loop.
MicroKernel MicroKernel::withRows(ArrayRef<unsigned> kept, unsigned level, int64_t begin,
                                  int64_t end) const {
  MicroKernel part = *this;
  part.rows = llvm::map_to_vector(kept, [&](unsigned row) { return rows[row]; });
  for (ReductionLoop &loop : part.loops)
    if (!loop.rows.empty()) {
      SmallVector<IndexRange> ranges;
      for (unsigned row : kept)
        ranges.push_back(loop.rows[row]);
      loop.rows = std::move(ranges);
    }
  part.loops[level].rows.clear();
  part.loops[level].extent = end - begin;
  return part;
}

/// A loop after the other, each for the rows that take part in it:
///
///   row 0: [1, 3)   row 1: [0, 3)   ~>   k in [0, 1): row 1; k in [1, 3): rows 0, 1
SmallVector<Value> MicroKernel::emitSegments(ImplicitLocOpBuilder &b, unsigned level, Value baseA,
                                             Value baseB, ValueRange initial) const {
  const ReductionLoop &loop = loops[level];
  SmallVector<int64_t> ends = {0, loop.extent};
  for (const IndexRange &range : loop.rows)
    for (int64_t end : {range.low, range.high + 1})
      ends.push_back(std::clamp<int64_t>(end, 0, loop.extent));
  llvm::sort(ends);
  ends.erase(llvm::unique(ends), ends.end());
  SmallVector<Value> sums(initial);
  // Sums of a row: vectors, or columns of dot products.
  size_t width = initial.size() / rows.size();
  for (auto [begin, end] : llvm::zip(ends, ArrayRef<int64_t>(ends).drop_front())) {
    SmallVector<unsigned> kept;
    SmallVector<Value> own;
    for (auto [row, range] : llvm::enumerate(loop.rows)) {
      if (range.low > begin || range.high + 1 < end)
        continue;
      kept.push_back(row);
      own.append(sums.begin() + row * width, sums.begin() + (row + 1) * width);
    }
    if (kept.empty())
      continue;
    MicroKernel part = withRows(kept, level, begin, end);
    // At the image's edges, of long sums a small part.
    if (sharedSteps > 0 && kept.size() < rows.size()) {
      part.sharedSteps = 0;
      part.isRare = true;
    }
    Value fromA = offsetBy(b, baseA, begin * loop.strides[0]);
    Value fromB = offsetBy(b, baseB, begin * loop.strides[1]);
    if (loop.upper) {
      auto constant = [&](int64_t value) { return arith::ConstantIndexOp::create(b, value); };
      ReductionLoop &bounds = part.loops[level];
      bounds.extent = end;
      bounds.multiple = 1;
      bounds.lower = arith::MaxUIOp::create(b, loop.lower, constant(begin));
      bounds.upper = arith::MinUIOp::create(b, loop.upper, constant(end));
      bounds.upper = arith::MaxUIOp::create(b, bounds.lower, bounds.upper);
      fromA = baseA, fromB = baseB;
    }
    own = part.emitLoop(b, level, fromA, fromB, own);
    for (auto [number, row] : llvm::enumerate(kept))
      llvm::copy(ArrayRef<Value>(own).slice(number * width, width), sums.begin() + row * width);
  }
  return sums;
}

SmallVector<Value> MicroKernel::emitLoop(ImplicitLocOpBuilder &b, unsigned level, Value baseA,
                                         Value baseB, ValueRange sums) const {
  const ReductionLoop &loop = loops[level];
  bool isWhole = sharedSteps >= loop.extent && !loop.upper && level + 1 == loops.size();
  if (!loop.rows.empty() && isWhole) {
    SmallVector<Value> shared(sums);
    emitSharedSteps(b, loop, baseA, baseB, loop.extent, shared);
    return shared;
  }
  if (!loop.rows.empty())
    return emitSegments(b, level, baseA, baseB, sums);
  if (level + 1 == loops.size() && isDot)
    return emitDotInnermost(b, loop, baseA, baseB, sums);
  if (level + 1 == loops.size())
    return emitInnermost(b, loop, baseA, baseB, sums);
  Value lower = loop.upper ? loop.lower : arith::ConstantIndexOp::create(b, 0).getResult();
  Value upper =
      loop.upper ? loop.upper : arith::ConstantIndexOp::create(b, loop.extent).getResult();
  return buildReduceLoop(b, lower, upper, 1, sums, [&](Value k, ValueRange carried) {
    MicroKernel here = *this;
    for (int operand : {0, 1})
      if (panel[operand])
        here.panelAt[operand] = advance(b, panelAt[operand], k, loop.panelStrides[operand]);
    return here.emitLoop(b, level + 1, advance(b, baseA, k, loop.strides[0]),
                         advance(b, baseB, k, loop.strides[1]), carried);
  });
}

SmallVector<Value> MicroKernel::emit(ImplicitLocOpBuilder &b, ValueRange initial) const {
  if (!loops.empty())
    return emitLoop(b, 0, base[0], base[1], initial);
  SmallVector<Value> sums(initial);
  emitStep(b, base[0], base[1], 0, 0, {0, 0}, sums);
  return sums;
}

} // namespace dl
