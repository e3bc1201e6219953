//===- SplitProduct.cpp - Chooses how tiles compute a contraction ---------===//
//
// All orders of the image's dimensions are tried, with all row axes and runs
// that each allows, and the cheapest by estimated cycles is taken.
//
//===----------------------------------------------------------------------===//

#include "SplitProduct.h"

#include "fmt/format.h"
#include "fmt/ranges.h"

#include <limits>
#include <numeric>

using namespace mlir;

namespace dl {

int64_t SplitProduct::items(const ContractionDescriptor &d) const {
  int64_t count = rowBlocks();
  for (int dim : outer)
    count *= d.dims[dim].extent;
  return count;
}

int64_t SplitProduct::panelBlocks(const ContractionDescriptor &d) const {
  int64_t count = runBlocks();
  for (int dim : outerK)
    count *= d.dims[dim].extent;
  return count;
}

int64_t SplitProduct::batches(const ContractionDescriptor &d) const {
  int64_t count = 1;
  for (int dim : outer)
    if (d.dims[dim].role == DimRole::Batch)
      count *= d.dims[dim].extent;
  return count;
}

std::string SplitProduct::describe(const ContractionDescriptor &d) const {
  auto names = [&](ArrayRef<int> dims) {
    SmallVector<std::string> names;
    for (int dim : dims)
      names.push_back(d.dims[dim].name);
    return fmt::format("{}", fmt::join(names, "."));
  };
  std::string text = fmt::format(
      "tiles {}x{} bf16x3; rows {}, runs {}; a {}, b packed; {} x {} blocks of {} k",
      rowTiles * kTileRows, columnTiles * kTileColumns, names(rows.dims), names(run.dims),
      transposes ? "transposed" : "copied", items(d), columnBlocks(d), panelBlocks(d) * kTileK);
  if (parts > 1)
    text += fmt::format("; {} split in {}",
                        splitLevel < 0 ? names(run.dims) : d.dims[outerK[splitLevel]].name, parts);
  return text;
}

namespace {

/// Cycles of one product of tiles, fed from the L2 cache (16 from registers); of the chain of six
/// products into one tile; of a load of a tile, aligned to cache lines or not.
constexpr double kProductCycles = 21, kChainCycles = 6 * 52, kLoadCycles = 8,
                 kUnalignedLoadCycles = 36;
/// Cycles of the epilogue of a tile, and of splitting an element.
constexpr double kTileEndCycles = 100, kCopyCycles = 0.4, kTransposeCycles = 0.8;
/// What an element costs more where the parts leave the L2 cache: written, and read.
constexpr double kFarCopyCycles = 3, kFarTransposeCycles = 7;
/// f32 multiplications a cycle that vectors reach.
constexpr double kVectorProducts = 30;
/// Fewer operations than this are not worth the way.
constexpr double kLeastFlops = 1e6;
constexpr int64_t kWantedTasks = 24;
constexpr double kTaskFlops = 2e6;

class SplitChooser {
public:
  SplitChooser(const ContractionDescriptor &d, const CodeGenOptions &options)
      : d(d), machine(options.machine), wanted(options.splitProducts) {
    if (wanted == SplitProducts::WhereFaster)
      wanted = options.choice.splitProducts.value_or(wanted);
  }

  std::optional<SplitProduct> choose();

private:
  bool isEligible();
  void tryOrder(ArrayRef<int> order, bool isPadded);
  bool layOut(ArrayRef<int> order, bool isPadded);
  SmallVector<SplitAxis> axes(DimRole role, int innermost) const;
  void tryAxes(const SplitAxis &rows, const SplitAxis &run);
  double productCycles() const;
  double stagingCycles() const;
  void splitReduction(SplitProduct &product) const;
  void chooseTasks(SplitProduct &product) const;
  bool isAligned() const;

  const ContractionDescriptor &d;
  const Machine &machine;
  SplitProducts wanted;
  int columnDim = -1;
  /// What is tried, and the best so far.
  SplitProduct current;
  std::optional<SplitProduct> best;
};

} // namespace

bool SplitChooser::isEligible() {
  if (wanted == SplitProducts::Never || !machine.hasTiles || machine.vectorBits != 512 ||
      !d.element.isF32() || d.hasTaps() || d.isPadded(kC) || d.isPadded(kB))
    return false;
  if (d.flops() < (wanted == SplitProducts::WherePossible ? 1 : kLeastFlops))
    return false;
  int rank = static_cast<int>(d.operands[kC].shape.size());
  for (auto [index, dim] : llvm::enumerate(d.dims)) {
    if (dim.role != DimRole::N)
      continue;
    // One dimension of columns, contiguous in C.
    if (columnDim >= 0 || dim.terms[kC].dim != rank - 1 || dim.terms[kC].coefficient != 1)
      return false;
    columnDim = static_cast<int>(index);
  }
  // Every position of C is computed once.
  for (auto [dim, extent] : llvm::enumerate(d.operands[kC].shape)) {
    int64_t points = 1;
    for (const ContractionDim &own : d.dims)
      if (own.terms[kC].dim == static_cast<int>(dim))
        points *= own.extent;
    if (points != extent)
      return false;
  }
  return columnDim >= 0;
}

/// Lays out the image; false where rows of it cannot be copied as vectors.
bool SplitChooser::layOut(ArrayRef<int> order, bool isPadded) {
  const ContractionOperand &a = d.operands[kA];
  int rank = static_cast<int>(a.shape.size()), last = order.back();
  current = {};
  current.columnDim = columnDim;
  current.order.assign(order.begin(), order.end());
  current.imageStrides.resize(rank);
  for (int dim = 0; dim < rank; ++dim)
    current.ranges.push_back(d.range(kA, dim));
  const IndexRange &vectors = current.ranges[rank - 1];
  if (vectors.low < 0 || vectors.high >= a.shape[rank - 1])
    return false;
  current.transposes = last != rank - 1;
  current.rowLength = current.ranges[last].extent();
  // An odd number of cache lines, so that rows do not share their sets.
  if (isPadded) {
    if (current.rowLength % kTileK == 0 && current.rowLength / kTileK % 2 == 1)
      return false;
    current.rowLength = (llvm::divideCeil(current.rowLength, kTileK) | 1) * kTileK;
  }
  int64_t stride = 1;
  for (int place = rank - 1; place >= 0; --place) {
    int dim = order[place];
    current.imageStrides[dim] = stride;
    stride *= place == rank - 1 ? current.rowLength : current.ranges[dim].extent();
    current.origin += current.imageStrides[dim] * (a.base[dim] - current.ranges[dim].low);
  }
  current.imageCount = stride;
  for (const ContractionDim &dim : d.dims) {
    const AddressTerm &term = dim.terms[kA];
    current.strides.push_back(term.occurs() ? term.coefficient * current.imageStrides[term.dim]
                                            : 0);
  }
  return true;
}

/// The axes of a role that start with a dimension: alone, with the next one
/// outside it, and so on.
SmallVector<SplitAxis> SplitChooser::axes(DimRole role, int innermost) const {
  int64_t unit = current.strides[innermost];
  SmallVector<SplitAxis> axes = {{{innermost}, {1}, d.dims[innermost].extent}};
  while (true) {
    const SplitAxis &axis = axes.back();
    int outer = axis.dims.front(), next = -1;
    int64_t reach = current.strides[outer] * d.dims[outer].extent;
    for (auto [index, dim] : llvm::enumerate(d.dims))
      if (dim.role == role && current.strides[index] >= reach &&
          current.strides[index] % unit == 0 &&
          (next < 0 || current.strides[index] < current.strides[next]))
        next = static_cast<int>(index);
    if (next < 0)
      return axes;
    SplitAxis longer = axis;
    longer.dims.insert(longer.dims.begin(), next);
    longer.spans.insert(longer.spans.begin(), current.strides[next] / unit);
    longer.length = 1;
    for (auto [dim, span] : llvm::zip_equal(longer.dims, longer.spans))
      longer.length += (d.dims[dim].extent - 1) * span;
    axes.push_back(longer);
  }
}

bool SplitChooser::isAligned() const {
  auto isLine = [](int64_t stride) { return stride % kTileK == 0; };
  if (!isLine(current.rowStride))
    return false;
  for (ArrayRef<int> dims : {ArrayRef<int>(current.outer), ArrayRef<int>(current.outerK)})
    for (int dim : dims)
      if (!isLine(current.strides[dim]))
        return false;
  return isLine(current.origin);
}

double SplitChooser::productCycles() const {
  auto tiles = static_cast<double>(current.rowTiles * current.columnTiles);
  double loadA = isAligned() ? kLoadCycles : kUnalignedLoadCycles;
  double loads = static_cast<double>(current.rowTiles) * 4 * loadA +
                 static_cast<double>(current.columnTiles) * 4 * kLoadCycles;
  double block = std::max({6 * tiles * kProductCycles, kChainCycles, loads * 1.3});
  double blocks =
      static_cast<double>(current.items(d)) * static_cast<double>(current.columnBlocks(d));
  return blocks * (block * static_cast<double>(current.panelBlocks(d)) + tiles * kTileEndCycles);
}

double SplitChooser::stagingCycles() const {
  const ContractionOperand &a = d.operands[kA], &b = d.operands[kB];
  double countA = static_cast<double>(current.plane);
  if (current.transposes) {
    // Blocks of 16 x 32.
    int64_t along = current.ranges[current.order.back()].extent();
    int64_t across = current.ranges[a.shape.size() - 1].extent();
    countA *= static_cast<double>(llvm::alignTo(along, kTileK)) / static_cast<double>(along) *
              static_cast<double>(llvm::alignTo(across, 16)) / static_cast<double>(across);
  } else {
    countA *= static_cast<double>(llvm::alignTo(current.rowLength, kTileK)) /
              static_cast<double>(current.rowLength);
  }
  const AddressTerm &columns = d.dims[columnDim].terms[kB];
  bool packsColumns = columns.coefficient == 1 && b.strides()[columns.dim] == 1;
  double countB = static_cast<double>(current.panelElements(d)) / kSplitParts *
                  static_cast<double>(current.panels(d) * current.batches(d));
  double bytes = (countA + countB) * kSplitParts * 2;
  double far = std::max(0.0, 1 - static_cast<double>(machine.l2Bytes) / 2 / bytes);
  return countA * (current.transposes ? kTransposeCycles + far * kFarTransposeCycles
                                      : kCopyCycles + far * kFarCopyCycles) +
         countB * ((packsColumns ? kCopyCycles : kTransposeCycles) + far * kFarCopyCycles);
}

void SplitChooser::tryAxes(const SplitAxis &rows, const SplitAxis &run) {
  current.rows = rows;
  current.run = run;
  current.rowStride = current.strides[rows.dims.back()];
  current.outer.clear();
  current.outerK.clear();
  for (auto [index, dim] : llvm::enumerate(d.dims)) {
    int own = static_cast<int>(index);
    if (llvm::is_contained(rows.dims, own) || llvm::is_contained(run.dims, own))
      continue;
    if (dim.role == DimRole::K)
      current.outerK.push_back(own);
    else if (dim.role != DimRole::N)
      current.outer.push_back(own);
  }
  int64_t furthest = current.origin;
  for (ArrayRef<int> dims : {ArrayRef<int>(current.outer), ArrayRef<int>(current.outerK)})
    for (int dim : dims)
      furthest += (d.dims[dim].extent - 1) * current.strides[dim];
  for (auto [rowTiles, columnTiles] :
       {std::pair<int64_t, int64_t>{2, 2}, {1, 2}, {2, 1}, {1, 1}, {4, 1}, {1, 4}}) {
    current.rowTiles = rowTiles;
    current.columnTiles = columnTiles;
    int64_t end = furthest + (current.rowBlocks() * rowTiles * kTileRows - 1) * current.rowStride +
                  current.runBlocks() * kTileK;
    current.plane = llvm::alignTo(std::max(end, current.imageCount), kTileK);
    // What lies behind the image must stay small.
    if (current.plane > 2 * current.imageCount + (1 << 16))
      continue;
    current.cycles = productCycles() + stagingCycles();
    if (!best || current.cycles < best->cycles)
      best = current;
  }
}

void SplitChooser::tryOrder(ArrayRef<int> order, bool isPadded) {
  if (!layOut(order, isPadded))
    return;
  for (auto [index, dim] : llvm::enumerate(d.dims)) {
    if (dim.role != DimRole::K || current.strides[index] != 1)
      continue;
    for (const SplitAxis &run : axes(DimRole::K, static_cast<int>(index)))
      for (auto [row, own] : llvm::enumerate(d.dims))
        if (own.role == DimRole::M)
          for (const SplitAxis &rows : axes(DimRole::M, static_cast<int>(row)))
            tryAxes(rows, run);
  }
}

/// Splits K where a panel and a block of rows would leave the L2 cache, or where
/// tasks are few.
void SplitChooser::splitReduction(SplitProduct &product) const {
  int64_t extent = product.runBlocks();
  for (auto [level, dim] : llvm::enumerate(product.outerK))
    if (d.dims[dim].extent > 1 && (product.splitLevel < 0 || d.dims[dim].extent > extent)) {
      product.splitLevel = static_cast<int>(level);
      extent = d.dims[dim].extent;
    }
  int64_t bytes = product.panelBlocks(d) * kTileElements * 2 * kSplitParts *
                  (product.rowTiles + product.columnTiles);
  int64_t wanted = llvm::divideCeil(bytes, machine.l2Bytes / 8 * 5);
  int64_t tasks = product.items(d) * product.columnBlocks(d);
  if (tasks * 2 <= kWantedTasks)
    wanted = std::max(wanted, std::min<int64_t>(llvm::divideCeil(kWantedTasks / 2, tasks),
                                                static_cast<int64_t>(d.flops() / kTaskFlops)));
  wanted = std::min(wanted, extent);
  if (wanted < 2)
    return;
  product.chunk = llvm::divideCeil(extent, wanted);
  product.parts = llvm::divideCeil(extent, product.chunk);
}

/// Blocks of rows, and of columns, that make up a task. Rows that pass all columns
/// stay in the L2 cache, unless the panels do; columns make the tasks many enough.
void SplitChooser::chooseTasks(SplitProduct &product) const {
  int64_t items = product.items(d), columns = product.columnBlocks(d);
  int64_t tileBytes = product.panelBlocks(d) / product.parts * kTileElements * 2 * kSplitParts;
  int64_t fitting = machine.l2Bytes / 2 / std::max<int64_t>(tileBytes, 1);
  product.columnsInside = columns * product.columnTiles <= fitting;
  int64_t wanted = llvm::divideCeil(kWantedTasks, product.parts);
  auto most = static_cast<int64_t>(d.flops() / kTaskFlops) / product.parts;
  wanted = std::clamp<int64_t>(most, 1, wanted);
  int64_t group = product.columnsInside ? llvm::divideCeil(items, wanted)
                                        : std::max<int64_t>(fitting / product.rowTiles, 1);
  product.itemsOfTask = std::min(group, items);
  int64_t groups = llvm::divideCeil(items, product.itemsOfTask);
  int64_t pieces = std::clamp<int64_t>(wanted / groups, 1, columns);
  product.columnsOfTask = llvm::divideCeil(columns, pieces);
}

std::optional<SplitProduct> SplitChooser::choose() {
  if (!isEligible())
    return std::nullopt;
  // Leading dimensions beyond four stay where they are.
  int rank = static_cast<int>(d.operands[kA].shape.size()), fixed = std::max(rank - 4, 0);
  SmallVector<int> order(rank);
  std::iota(order.begin(), order.end(), 0);
  do
    for (bool isPadded : {false, true})
      tryOrder(order, isPadded);
  while (std::next_permutation(order.begin() + fixed, order.end()));
  // Where both are close, multiply-adds need no memory for parts.
  double vectorCycles = 0.9 * d.flops() / 2 / kVectorProducts;
  if (!best || (wanted == SplitProducts::WhereFaster && best->cycles > vectorCycles))
    return std::nullopt;
  splitReduction(*best);
  chooseTasks(*best);
  return best;
}

std::optional<SplitProduct> chooseSplitProduct(const ContractionDescriptor &descriptor,
                                               const CodeGenOptions &options) {
  return SplitChooser(descriptor, options).choose();
}

} // namespace dl
