//===- ContractionGroups.cpp - Vectors across groups ----------------------===//
//
// Products of groups with few columns each (grouped convolutions) would leave most
// of a vector's lanes empty. Where the columns of all groups lie side by side in C,
// vectors go on over several groups. All lanes of a group want the same element of
// A, so a step loads one vector of A, the channels of its groups, and spreads one
// channel of each:
//
//   4 groups of 4 channels:   a00 a01 a02 a03 | a10 a11 a12 a13 | ...
//   channel 1, to 4 columns:  a01 a01 a01 a01 | a11 a11 a11 a11 | ...
//
// In the strategy, the vector's dimension is that of groups merged with that of
// columns. The strides of A's other dimensions are multiples of what a group has,
// but for that of the channels, which are unrolled: so which lanes are spread is
// known when code is generated.
//
//===----------------------------------------------------------------------===//

#include "ContractionChooser.h"
#include "ContractionEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;

namespace dl {

/// A vector of A takes so many vectors' width at most.
static constexpr int64_t kMostVectorsOfA = 2;

/// A dimension of groups, of which a vector holds several.
bool StrategyChooser::chooseGroupDim() {
  if (vectorPart < 0 || s.vectorA)
    return false;
  int64_t columns = d.dims[vectorPart].extent;
  if (columns == 0 || columns >= s.lanes || s.lanes % columns != 0)
    return false;
  SmallVector<int64_t> a = naturalStrides(kA), c = naturalStrides(kC);
  for (auto [index, dim] : llvm::enumerate(d.dims))
    if (dim.role == DimRole::Batch && dim.terms[kC].dim == d.dims[vectorPart].terms[kC].dim &&
        c[index] == columns && a[index] > 0)
      s.groupPart = static_cast<int>(index);
  if (s.groupPart < 0)
    return false;
  s.groupColumns = columns;
  s.groupStride = a[s.groupPart];
  return s.groupStride * (s.lanes / columns) <= kMostVectorsOfA * s.lanes && channelsAreInner();
}

/// Whether A's strides are multiples of a group's channels, but for that of one
/// dimension within a group, which is the innermost of K or of the rows.
bool StrategyChooser::channelsAreInner() {
  SmallVector<int64_t> a = naturalStrides(kA);
  int inner[] = {-1, -1}; // the innermost of rows, of K
  for (auto [index, dim] : llvm::enumerate(d.dims))
    if (dim.role == DimRole::M || dim.role == DimRole::K)
      inner[dim.role == DimRole::K] = static_cast<int>(index);
  for (auto [index, dim] : llvm::enumerate(d.dims)) {
    if (a[index] % s.groupStride == 0)
      continue;
    bool isInner = llvm::is_contained(inner, static_cast<int>(index)) && s.groupChannels == 1;
    if (!isInner || a[index] != 1 || dim.extent > s.groupStride)
      return false;
    s.groupChannels = dim.extent;
    s.channelPart = static_cast<int>(index);
  }
  return true;
}

/// What a turn of a loop over groups takes of a cache for each byte of A that it needs,
/// a short piece of each of its rows: whole lines, in the few sets that rows meet which
/// are a large power of two apart.
double StrategyChooser::spanOf(const PlanDim &groups) const {
  constexpr int64_t kLine = 64, kPage = 4096;
  int64_t row = d.operands[kA].shape.back(), piece = groups.strides[kA];
  if (groups.role != DimRole::Batch || piece <= 0 || piece >= row)
    return 1;
  int64_t common = std::gcd(row * elementBytes, kPage);
  return static_cast<double>(std::max({piece * elementBytes, kLine, common})) /
         static_cast<double>(piece * elementBytes);
}

std::optional<ContractionStrategy> StrategyChooser::chooseGroups() {
  s.lanes = machine.lanes(d.element.getIntOrFloatBitWidth());
  chooseVectorDim();
  if (!chooseGroupDim())
    return std::nullopt;
  s.vectorA = true;
  std::optional<ContractionStrategy> strategy = finish();
  if (!strategy || strategy->accumulation == Accumulation::Scatter)
    return std::nullopt;
  // A tile that takes some of the channels begins anywhere in a group.
  if (strategy->channelPart >= 0) {
    const PlanDim &channels = strategy->dims[strategy->dimOf(strategy->channelPart)];
    if (channels.parts.size() != 1 ||
        (channels.role == DimRole::M && channels.tile != channels.extent))
      return std::nullopt;
  }
  return strategy;
}

/// One k of a panel of B whose columns are those of several groups, one by one.
void ContractionEmitter::packGroups(PhaseBuilder &phase, Expression &expression,
                                    ArrayRef<Value> index, Value target, Value at) {
  ImplicitLocOpBuilder &b = phase.b;
  Value columns = phase.index(s.groupColumns), last = phase.index(d.dims[s.groupPart].extent - 1);
  Value first = arith::DivUIOp::create(b, index[s.vectorPart], columns);
  SmallVector<Value> here(index);
  for (int64_t v = 0; v < s.operands[kB].panelPitch; v += s.lanes) {
    SmallVector<Value> elements;
    for (int64_t lane = v; lane < v + s.lanes; ++lane) {
      // Past the end, the last group is as good as any.
      Value group = offsetBy(b, first, lane / s.groupColumns);
      here[s.groupPart] = arith::MinUIOp::create(b, group, last);
      here[s.vectorPart] = phase.index(lane % s.groupColumns);
      Position position = sourcePosition(b, kB, here);
      position.lanes = 1;
      elements.push_back(expression.at(d.operands[kB].value, position));
    }
    vector::StoreOp::create(b, vector::FromElementsOp::create(b, vectorType(), elements), target,
                            offsetBy(b, at, v));
  }
}

/// The channels of the groups in vector `v`, from `at` on.
Value MicroKernel::loadGroups(ImplicitLocOpBuilder &b, Value at, int64_t v) const {
  int64_t groups = vector.getNumElements() / groupColumns, active = groups;
  if (v == vectors - 1)
    active = tailLanes / groupColumns;
  auto width = static_cast<int64_t>(llvm::PowerOf2Ceil(groups * groupStride));
  VectorType type = VectorType::get({width}, vector.getElementType());
  if (active * groupStride == width)
    return vector::LoadOp::create(b, type, memory[0], at);
  Value mask = leadingMask(b, active * groupStride, width);
  return vector::MaskedLoadOp::create(b, type, memory[0], at, mask, numberLike(b, type, 0));
}

/// Some k, along A's channels or one alone, with vectors across groups: each vector of
/// A is loaded once and spread for each of them.
void MicroKernel::emitGroupSteps(ImplicitLocOpBuilder &b, Value baseA, Value baseB,
                                 ArrayRef<std::pair<int64_t, int64_t>> steps,
                                 MutableArrayRef<Value> sums) const {
  int64_t lanes = vector.getNumElements(), window = lanes / groupColumns * groupStride;
  for (int64_t v = 0; v < vectors; ++v) {
    SmallVector<Value> right;
    for (auto [offsetA, offsetB] : steps)
      right.push_back(
          load(b, memory[1], offsetBy(b, baseB, offsetB + v * lanes), v == vectors - 1));
    int64_t loaded = -1;
    Value left;
    for (auto [number, row] : llvm::enumerate(rows))
      for (auto [step, offsets] : llvm::enumerate(steps)) {
        int64_t channel = (row + offsets.first) % groupStride;
        int64_t from = row + offsets.first - channel + v * window;
        if (from != loaded)
          left = loadGroups(b, offsetBy(b, baseA, from), v);
        loaded = from;
        SmallVector<int64_t> spread;
        for (int64_t lane = 0; lane < lanes; ++lane)
          spread.push_back(lane / groupColumns * groupStride + channel);
        Value &sum = sums[number * vectors + v];
        sum = multiplyAdd(b, vector::ShuffleOp::create(b, left, left, spread), right[step], sum);
      }
    for (Value column : right)
      if (sumsB) {
        Value &sum = sums[rows.size() * vectors + v];
        sum = arith::AddFOp::create(b, sum, column);
      }
  }
}

} // namespace dl
