//===- SplitProductCuts.cpp - Pieces of a product by tiles ----------------===//
//
// Rows, columns and K are cut to about a power of two, from the outermost
// dimension inwards: outer ones to single indices, the next one to blocks, inner
// ones not at all. K may be cut along a single dimension instead, so that an
// image of channels need not be split again for each tap.
//
//===----------------------------------------------------------------------===//

#include "SplitProductChooser.h"

using namespace mlir;

namespace dl {

namespace {

class CutChooser {
public:
  explicit CutChooser(const ContractionDescriptor &d) : d(d) {}

  SplitCutChoices choose() const;

private:
  using Cuts = SmallVector<SplitCut>;

  std::optional<SplitCut> block(int dim, int64_t size) const;
  std::optional<Cuts> outerFirst(ArrayRef<int> dims, int64_t target) const;
  bool endsWithTensors(int dim) const;
  bool areTaps(int dim) const;

  const ContractionDescriptor &d;
};

} // namespace

/// Whether what lies behind the last index of a dimension is outside A and B, so that
/// it can be taken for zeros.
bool CutChooser::endsWithTensors(int dim) const {
  for (OperandIndex operand : {kA, kB}) {
    const AddressTerm &term = d.dims[dim].terms[operand];
    if (!term.occurs())
      continue;
    bool isAlone = llvm::none_of(llvm::enumerate(d.dims), [&](const auto &other) {
      return static_cast<int>(other.index()) != dim && other.value().terms[operand].dim == term.dim;
    });
    const ContractionOperand &tensor = d.operands[operand];
    if (!isAlone || term.coefficient != 1 || tensor.base[term.dim] != 0 ||
        tensor.shape[term.dim] != d.dims[dim].extent)
      return false;
  }
  return true;
}

/// Blocks of about `size` indices, as equal as tiles allow; none where there is only one, or where
/// a block of K would reach past the last index and meet other elements there.
std::optional<SplitCut> CutChooser::block(int dim, int64_t size) const {
  int64_t extent = d.dims[dim].extent;
  if (size < 1 || size >= extent)
    return std::nullopt;
  int64_t count = llvm::divideCeil(extent, size);
  size = llvm::divideCeil(extent, count);
  if (extent > 2 * kTileK)
    size = llvm::alignTo(size, kTileK);
  count = llvm::divideCeil(extent, size);
  if (count < 2)
    return std::nullopt;
  if (d.dims[dim].role == DimRole::K && count * size != extent && !endsWithTensors(dim))
    return std::nullopt;
  return SplitCut{dim, size, count};
}

std::optional<CutChooser::Cuts> CutChooser::outerFirst(ArrayRef<int> dims, int64_t target) const {
  int64_t left = 1;
  for (int dim : dims)
    left *= d.dims[dim].extent;
  Cuts cuts;
  for (int dim : dims) {
    int64_t extent = d.dims[dim].extent;
    if (left <= target)
      break;
    left /= std::max<int64_t>(extent, 1);
    if (extent == 1)
      continue;
    bool isProduct = d.dims[dim].role == DimRole::Batch ||
                     (d.dims[dim].role == DimRole::N && dim != dims.back());
    if (left >= target || isProduct) {
      cuts.push_back({dim, 1, extent});
      continue;
    }
    std::optional<SplitCut> last = block(dim, target / std::max<int64_t>(left, 1));
    if (last)
      cuts.push_back(*last);
    break;
  }
  if (cuts.empty())
    return std::nullopt;
  return cuts;
}

/// Whether another dimension moves along the same one of A.
bool CutChooser::areTaps(int dim) const {
  int own = d.dims[dim].terms[kA].dim;
  return own >= 0 && llvm::count_if(d.dims, [&](const ContractionDim &other) {
                       return other.terms[kA].dim == own;
                     }) > 1;
}

SplitCutChoices CutChooser::choose() const {
  // Each index of a batch is a product of its own, and of what columns have outside.
  SmallVector<int> rows, columns, reductions;
  auto collect = [&](SmallVector<int> &dims, DimRole role) {
    for (auto [index, dim] : llvm::enumerate(d.dims))
      if (dim.role == role)
        dims.push_back(static_cast<int>(index));
  };
  collect(rows, DimRole::Batch);
  collect(rows, DimRole::M);
  collect(columns, DimRole::N);
  collect(reductions, DimRole::K);
  auto add = [](SmallVector<Cuts> &to, std::optional<Cuts> cuts) {
    auto isSame = [&](const Cuts &own) {
      return std::equal(
          own.begin(), own.end(), cuts->begin(), cuts->end(),
          [](const SplitCut &x, const SplitCut &y) { return x.dim == y.dim && x.size == y.size; });
    };
    if (cuts && llvm::none_of(to, isSame))
      to.push_back(std::move(*cuts));
  };
  SplitCutChoices choices;
  choices.rows.emplace_back();
  choices.columns.emplace_back();
  choices.reductions.emplace_back();
  for (int64_t target : {2048, 1024, 512, 256, 128, 64}) {
    add(choices.rows, outerFirst(rows, target));
    if (areTaps(rows.front()))
      if (std::optional<SplitCut> alone =
              block(rows.back(), d.dims[rows.back()].extent * target / d.extentOf(DimRole::M)))
        add(choices.rows, Cuts{*alone});
    add(choices.columns, outerFirst(columns, target));
    add(choices.reductions, outerFirst(reductions, target));
    for (int dim : reductions)
      if (std::optional<SplitCut> alone =
              block(dim, d.dims[dim].extent * target / d.extentOf(DimRole::K)))
        add(choices.reductions, Cuts{*alone});
  }
  return choices;
}

SplitCutChoices choicesOfCuts(const ContractionDescriptor &descriptor) {
  return CutChooser(descriptor).choose();
}

} // namespace dl
