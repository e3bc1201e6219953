//===- SplitProduct.cpp - How tiles compute a contraction -----------------===//
//
// All orders of the image's dimensions are tried, with all row axes and runs
// that each allows, as if everything were near; then, with the cheapest of those by
// estimated cycles, the ways to cut the iteration in pieces (SplitProductTasks.cpp).
//
//===----------------------------------------------------------------------===//

#include "SplitProductChooser.h"

#include "fmt/format.h"
#include "fmt/ranges.h"

#include <numeric>

using namespace mlir;

namespace dl {

int64_t piecesOf(ArrayRef<SplitCut> cuts) {
  int64_t count = 1;
  for (const SplitCut &cut : cuts)
    count *= cut.count;
  return count;
}

int64_t SplitProduct::items() const {
  int64_t count = rowBlocks();
  for (int dim : outer)
    count *= piece.dims[dim].extent;
  return count;
}

int64_t SplitProduct::panelBlocks() const {
  int64_t count = runBlocks();
  for (int dim : outerK)
    count *= piece.dims[dim].extent;
  return count;
}

int64_t SplitProduct::batches() const {
  int64_t count = 1;
  for (int dim : outer)
    if (piece.dims[dim].terms[kB].occurs())
      count *= piece.dims[dim].extent;
  return count;
}

int64_t SplitProduct::tasks() const {
  return llvm::divideCeil(piecesOf(rowCuts), rowPiecesOfTask) *
         llvm::divideCeil(piecesOf(columnCuts), columnPiecesOfTask) * parts *
         llvm::divideCeil(items(), itemsOfTask) * llvm::divideCeil(columnBlocks(), columnsOfTask);
}

int64_t SplitProduct::imageBlocks() const {
  int last = order.back();
  // Other dimensions than the run may lead a tile past the elements of a row, to what pads it.
  bool readsPadding = run.dims.size() > 1;
  for (auto [number, dim] : llvm::enumerate(piece.dims))
    readsPadding |= dim.terms[kA].dim == last && !llvm::is_contained(run.dims, number);
  return llvm::divideCeil(readsPadding ? rowLength : ranges[last].extent(), kTileK);
}

int64_t SplitProduct::reach(int dim) const {
  int64_t extent = piece.dims[dim].extent;
  auto found = taps.find(dim);
  if (found == taps.end())
    return (extent - 1) * strides[dim];
  const SplitTaps &own = found->second;
  int64_t furthest = 0;
  for (int64_t index = 0; index < extent; ++index)
    furthest = std::max(furthest, own.quotientOf(index) * imageStrides[own.quotient] +
                                      own.residueOf(index) * imageStrides[own.residue]);
  return furthest;
}

int64_t SplitProduct::units(OperandIndex operand) const {
  if (operand == kB)
    return batches() * panels() * panelBlocks();
  int64_t rows = imageCount / rowLength;
  if (!transposes)
    return llvm::divideCeil(rows * imageBlocks(), kTileRows);
  int64_t across = ranges[rank() - 1].extent();
  return imageCount / (across * strideAcross()) * llvm::divideCeil(strideAcross(), kTileK) *
         llvm::divideCeil(across, kTileRows);
}

int64_t SplitProduct::stepsOfUnit(OperandIndex operand) const {
  int64_t images = rowPiecesOfTask * chunksOfPart;
  bool hasNext = acrossTasks || (operand == kA ? images : images * columnPiecesOfTask) > 1;
  // A piece of residues has fewer steps, those of the taps that it meets.
  if (!isSplitByTask(operand) || !hasNext || leavesTapsOut)
    return 0;
  return steps() * (operand == kA ? columnPiecesOfTask : 1) / units(operand);
}

bool SplitProduct::isSplitByTask(OperandIndex operand) const {
  auto divides = [&](const SplitCut &cut) { return piece.dims[cut.dim].terms[operand].occurs(); };
  return llvm::any_of(rowCuts, divides) || llvm::any_of(columnCuts, divides) ||
         llvm::any_of(reductionCuts, divides);
}

std::string SplitProduct::describe() const {
  auto names = [&](ArrayRef<int> dims) {
    SmallVector<std::string> names;
    for (int dim : dims)
      names.push_back(piece.dims[dim].name);
    return fmt::format("{}", fmt::join(names, "."));
  };
  std::string text = fmt::format(
      "tiles {}x{} bf16x3; {}rows {}, runs {}; a {}{}{}, b packed{}; {} x {} blocks of {} k",
      blockRows(), blockColumns(), isSwapped ? "operands swapped; " : "", names(rows.dims),
      names(run.dims), transposes ? "transposed" : "copied", isSplitByTask(kA) ? " by tasks" : "",
      deinterleaved.empty() ? "" : ", deinterleaved", isSplitByTask(kB) ? " by tasks" : "", items(),
      columnBlocks(), panelBlocks() * kTileK);
  SmallVector<std::string> cuts;
  for (ArrayRef<SplitCut> own : {ArrayRef(rowCuts), ArrayRef(columnCuts), ArrayRef(reductionCuts)})
    for (const SplitCut &cut : own)
      cuts.push_back(fmt::format("{} of {}", cut.size, piece.dims[cut.dim].name));
  if (!cuts.empty())
    text += fmt::format(" in pieces of {}", fmt::join(cuts, ", "));
  text += fmt::format("; {} tasks", tasks());
  if (accumulates())
    text += fmt::format("; {} of k summed in scratch", chunksOfPart);
  if (parts > 1)
    text += fmt::format("; k split in {}", parts);
  if (byEachWorker)
    text += fmt::format("; {} by each worker", *byEachWorker == kA ? "a" : "b");
  if (fetchesResults)
    text += "; results fetched ahead";
  if (storesPast)
    text += "; results stored past the caches";
  for (OperandIndex operand : {kA, kB})
    if (int64_t steps = stepsOfUnit(operand))
      text += fmt::format("; {} split ahead, every {} steps", operand == kA ? "a" : "b", steps);
  return text;
}

/// Cycles of a load of a tile, aligned to cache lines or not.
static constexpr double kLoadCycles = 8, kUnalignedLoadCycles = 36;
/// Elements between rows from which on 16 of them meet in an eighth of the L1 cache's sets.
static constexpr int64_t kFewSets = 256;
/// Rows of B and of a result, and of A, pieces of which are read and written no faster than of
/// longer ones.
static constexpr int64_t kLongPieceBytes = 2 << 10, kLongRowBytes = 3 << 10;
/// Of splitting an element (rows of A; A across its rows, and B; rows of B); what one costs more
/// that comes from beyond the L2 cache (of A; of B; of pieces of long rows, divided by their
/// elements), and whose parts leave that.
static constexpr double kCopyCycles = 0.6, kTransposeCycles = 0.9, kPackCycles = 0.9;
static constexpr double kFarSourceCycles = 0.8, kFarRowsCycles = 0.4, kFarPiecesCycles = 80;
static constexpr double kFarCopyCycles = 3, kFarTransposeCycles = 7, kFarPackCycles = 0.7;
/// Fewer operations than this are not worth the way.
static constexpr double kLeastFlops = 1e6;

bool SplitChooser::isEligible() {
  if (wanted == SplitProducts::Never || !machine.hasTiles || machine.vectorBits != 512 ||
      !d.element.isF32() || d.hasTaps() || d.isPadded(kC))
    return false;
  if (d.flops() < (wanted == SplitProducts::WherePossible ? 1 : kLeastFlops))
    return false;
  // A dimension of columns is contiguous in C, or there is only one, and one of the rows is.
  bool areColumnsContiguous = false, areSeveral = false;
  int last = static_cast<int>(d.operands[kC].shape.size()) - 1;
  for (auto [index, dim] : llvm::enumerate(d.dims)) {
    bool isContiguous = dim.terms[kC].dim == last && dim.terms[kC].coefficient == 1;
    if (dim.role == DimRole::M && isContiguous)
      rowDim = static_cast<int>(index);
    if (dim.role != DimRole::N)
      continue;
    areSeveral = columnDim >= 0;
    if (areColumnsContiguous)
      continue;
    columnDim = static_cast<int>(index);
    areColumnsContiguous = isContiguous;
  }
  if (areColumnsContiguous)
    rowDim = -1;
  else if (columnDim < 0 || rowDim < 0 || areSeveral)
    return false;
  // Vectors of B along the columns are successive elements, or all the same.
  const AddressTerm &columns = d.dims[columnDim].terms[kB];
  if (columns.occurs() && (columns.coefficient != 1 || d.leaves(kB, columns.dim)))
    return false;
  // Every position of C is computed once, or those of the one residue that has products.
  for (auto [dim, extent] : llvm::enumerate(d.operands[kC].shape)) {
    int64_t points = 1;
    for (const ContractionDim &own : d.dims)
      if (own.terms[kC].dim == static_cast<int>(dim))
        points *= own.extent;
    coversResult &= points == extent;
  }
  return coversResult || d.isResidue;
}

/// Lays out the image; false where rows of it cannot be copied as vectors.
bool SplitChooser::layOut(ArrayRef<int> order, bool isPadded) {
  const ContractionDescriptor &d = current.piece;
  const ContractionOperand &a = d.operands[kA];
  int rank = static_cast<int>(a.shape.size()), last = order.back();
  this->isPadded = isPadded;
  current.columnDim = columnDim;
  current.isSwapped = rowDim >= 0;
  current.ranges.clear();
  current.strides.clear();
  current.origin = 0;
  current.order.assign(order.begin(), order.end());
  current.imageStrides.resize(order.size());
  for (int dim = 0; dim < rank; ++dim) {
    current.ranges.push_back(d.range(kA, dim));
    // What strides pass over is left out, but not of vectors.
    if (dim + 1 < rank)
      current.ranges.back().step = d.stepOf(kA, dim);
  }
  deinterleave();
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
  for (int dim : llvm::reverse(order)) {
    current.imageStrides[dim] = stride;
    stride *= dim == last ? current.rowLength : current.ranges[dim].extent();
    const IndexRange &range = current.ranges[dim];
    // (Where it is deinterleaved, taps say where they begin.)
    if (dim < rank && !llvm::is_contained(current.deinterleaved, dim))
      current.origin += current.imageStrides[dim] * (a.base[dim] - range.low) / range.step;
  }
  current.imageCount = stride;
  for (auto [index, dim] : llvm::enumerate(d.dims)) {
    const AddressTerm &term = dim.terms[kA];
    bool moves = term.occurs() && !current.taps.contains(static_cast<int>(index));
    current.strides.push_back(moves ? term.coefficient / current.ranges[term.dim].step *
                                          current.imageStrides[term.dim]
                                    : 0);
  }
  return true;
}

/// Dimensions of A that windows move along in strides, and their taps in between.
SmallVector<int> SplitChooser::stridedDims() const {
  SmallVector<int> strided;
  for (int tensorDim = 0; tensorDim + 1 < current.rank(); ++tensorDim) {
    SmallVector<int64_t> coefficients;
    for (const ContractionDim &dim : d.dims)
      if (dim.terms[kA].dim == tensorDim)
        coefficients.push_back(dim.terms[kA].coefficient);
    if (coefficients.size() != 2)
      continue;
    llvm::sort(coefficients);
    if (coefficients[0] > 0 && coefficients[1] % coefficients[0] == 0 &&
        coefficients[1] > coefficients[0])
      strided.push_back(tensorDim);
  }
  return strided;
}

/// Divides the dimensions of the tensor that are deinterleaved: theirs of the image count strides,
/// others behind them what lies between.
void SplitChooser::deinterleave() {
  current.taps.clear();
  for (auto [number, tensorDim] : llvm::enumerate(current.deinterleaved)) {
    SplitTaps taps;
    taps.quotient = tensorDim;
    taps.residue = current.rank() + static_cast<int>(number);
    int own = -1;
    for (auto [index, dim] : llvm::enumerate(current.piece.dims)) {
      const AddressTerm &term = dim.terms[kA];
      if (term.dim != tensorDim)
        continue;
      taps.stride = std::max(taps.stride, term.coefficient);
      if (own < 0 || term.coefficient < taps.step) {
        taps.step = term.coefficient;
        own = static_cast<int>(index);
      }
    }
    IndexRange &range = current.ranges[tensorDim];
    taps.unit = std::gcd(range.step, taps.stride);
    taps.first = current.piece.operands[kA].base[tensorDim] - range.low;
    current.taps[own] = taps;
    range.step = taps.stride;
    current.ranges.push_back({0, taps.stride - taps.unit, taps.unit});
  }
}

/// The axes of a role that start with a dimension: alone, with the next one
/// outside it, and so on.
SmallVector<SplitAxis> SplitChooser::axes(DimRole role, int innermost) const {
  const ContractionDescriptor &d = current.piece;
  int64_t unit = current.strides[innermost];
  SmallVector<SplitAxis> axes = {{{innermost}, {1}, d.dims[innermost].extent}};
  while (true) {
    const SplitAxis &axis = axes.back();
    int outer = axis.dims.front(), next = -1;
    int64_t reach = current.strides[outer] * d.dims[outer].extent;
    for (auto [index, dim] : llvm::enumerate(d.dims))
      if (dim.role == role && !llvm::is_contained(axis.dims, static_cast<int>(index)) &&
          current.strides[index] >= reach && current.strides[index] % unit == 0 &&
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
  for (const auto &[dim, taps] : current.taps)
    if (!isLine(current.imageStrides[taps.quotient]) || !isLine(current.imageStrides[taps.residue]))
      return false;
  return isLine(current.origin);
}

/// Of a block of tiles for 32 k.
double SplitChooser::blockCycles() const {
  double loadA = isAligned() ? kLoadCycles : kUnalignedLoadCycles;
  double loads = static_cast<double>(current.rowTiles) * 4 * loadA +
                 static_cast<double>(current.columnTiles) * 4 * kLoadCycles;
  return std::max(stepCycles(current.rowTiles, current.columnTiles), loads * 1.3);
}

/// The share of what phases split before that leaves the L2 cache.
double SplitChooser::farShare() const {
  auto room = static_cast<double>(machine.l2Bytes) * (current.isCut() ? kCacheShare : 0.5);
  int64_t bytes = 0;
  for (OperandIndex operand : {kA, kB})
    if (staysNear(operand))
      room -= static_cast<double>(bytesOf(operand) * current.memories(operand));
    else
      bytes += bytesOf(operand);
  return 1 - std::clamp(room / static_cast<double>(std::max<int64_t>(bytes, 1)), 0.0, 1.0);
}

bool SplitChooser::isFarSource(OperandIndex operand) const {
  return ShapedType::getNumElements(d.operands[operand].shape) * 4 >= machine.l2Bytes;
}

/// What an element beyond the L2 cache costs more where a piece has so many of its row, if rows are
/// long.
double SplitChooser::pieceCycles(OperandIndex operand, int64_t length) const {
  int64_t row = d.operands[operand].shape.back();
  int64_t longBytes = operand == kA ? kLongRowBytes : kLongPieceBytes;
  bool isPiece = length < row && row * 4 >= longBytes;
  return isPiece ? kFarPiecesCycles / static_cast<double>(length) : 0;
}

/// Whether it is read in short pieces of rows, of B, or where those of A are long.
bool SplitChooser::isFarInPieces(OperandIndex operand) const {
  bool areRowsLong = d.operands[kA].shape.back() * 4 >= kLongRowBytes;
  return isFarSource(operand) && (operand == kB || (current.transposes && areRowsLong));
}

bool SplitChooser::packsRows() const {
  const AddressTerm &columns = d.dims[columnDim].terms[kB];
  return columns.coefficient == 1 && d.operands[kB].strides()[columns.dim] == 1;
}

/// Of splitting the operand of a piece, once. (Of B, what residues meet.)
double SplitChooser::stagingCycles(OperandIndex operand, bool isNear) const {
  double far = isNear ? 0 : farShare();
  if (operand == kB) {
    bool areRows = packsRows();
    double cycles = areRows ? kPackCycles : kTransposeCycles;
    int dim = areRows ? columnDim : current.run.dims.back();
    if (isFarSource(kB))
      cycles += std::max(kFarRowsCycles, pieceCycles(kB, current.piece.dims[dim].extent));
    return static_cast<double>(current.units(kB) * kTileElements) * shareOfTaps *
           (cycles + far * kFarPackCycles);
  }
  double source = isFarSource(kA) ? kFarSourceCycles +
                                        pieceCycles(kA, current.ranges[current.rank() - 1].extent())
                                  : 0;
  double cycles = current.transposes ? kTransposeCycles + source + far * kFarTransposeCycles
                                     : kCopyCycles + source + far * kFarCopyCycles;
  return static_cast<double>(current.units(kA) * kTileElements) * cycles;
}

/// Takes axes of the current image; false where too much lies behind it, or where the rows of
/// a tile meet in few sets of the L1 cache.
bool SplitChooser::setAxes(const SplitAxis &rows, const SplitAxis &run) {
  // Taps are left out whole.
  for (int dim : run.dims)
    if (current.leavesTapsOut && d.leaves(kB, d.dims[dim].terms[kB].dim))
      return false;
  current.rows = rows;
  current.run = run;
  current.rowStride = current.strides[rows.dims.back()];
  if (!isPadded && current.rowStride % kFewSets == 0)
    return false;
  current.outer.clear();
  current.outerK.clear();
  int64_t furthest = current.origin;
  for (auto [index, dim] : llvm::enumerate(current.piece.dims)) {
    int own = static_cast<int>(index);
    if (llvm::is_contained(rows.dims, own) || llvm::is_contained(run.dims, own) || own == columnDim)
      continue;
    (dim.role == DimRole::K ? current.outerK : current.outer).push_back(own);
    furthest += current.reach(own);
  }
  int64_t end = furthest + (current.rowBlocks() * current.blockRows() - 1) * current.rowStride +
                current.runBlocks() * kTileK;
  current.plane = llvm::alignTo(std::max(end, current.imageCount), kTileK);
  return current.plane <= 2 * current.imageCount + (1 << 16);
}

void SplitChooser::tryAxes(const SplitAxis &rows, const SplitAxis &run) {
  for (auto [rowTiles, columnTiles] :
       {std::pair<int64_t, int64_t>{2, 2}, {1, 2}, {2, 1}, {1, 1}, {4, 1}, {1, 4}}) {
    current.rowTiles = rowTiles;
    current.columnTiles = columnTiles;
    if (!setAxes(rows, run))
      continue;
    auto blocks = static_cast<double>(current.items() * current.columnBlocks());
    current.cycles =
        blocks * (blockCycles() * shareOfTaps * static_cast<double>(current.panelBlocks()) +
                  static_cast<double>(rowTiles * columnTiles) * tileEndCycles()) +
        stagingCycles(kA, /*isNear=*/true) + stagingCycles(kB, /*isNear=*/true);
    if (!current.deinterleaved.empty())
      current.cycles *= kDeinterleaved;
    // Of equals the row axis that cuts, which come from outside, leave whole: of the innermost
    // dimensions, and as many.
    auto rank = [](const SplitAxis &axis) { return std::pair(axis.dims.back(), axis.dims.size()); };
    if (best && (current.cycles > best->cycles ||
                 (current.cycles == best->cycles && rank(rows) <= rank(best->rows))))
      continue;
    best = current;
    isBestPadded = isPadded;
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
        if (own.role == DimRole::M && current.strides[row] != 0)
          for (const SplitAxis &rows : axes(DimRole::M, static_cast<int>(row)))
            if (rowDim < 0 || rows.dims == ArrayRef<int>{rowDim})
              tryAxes(rows, run);
  }
}

/// All orders of the image's dimensions; leading ones beyond four stay where they are.
void SplitChooser::tryOrders() {
  int rank = current.rank();
  SmallVector<int> order(rank);
  std::iota(order.begin(), order.end(), 0);
  do
    for (bool isPadded : {false, true})
      tryOrder(order, isPadded);
  while (std::next_permutation(order.begin() + std::max(rank - 4, 0), order.end()));
}

/// Deinterleaved images: what strides leave is outside; vectors lie anywhere between the others,
/// which stay in order, so that cuts leave rows whole.
void SplitChooser::tryDeinterleaved() {
  current.deinterleaved = stridedDims();
  int rank = current.rank(), residues = static_cast<int>(current.deinterleaved.size());
  for (int place = 0; residues > 0 && place < rank; ++place) {
    SmallVector<int> order(residues + rank - 1);
    std::iota(order.begin(), order.begin() + residues, rank);
    std::iota(order.begin() + residues, order.end(), 0);
    order.insert(order.begin() + residues + place, rank - 1);
    for (bool isPadded : {false, true})
      tryOrder(order, isPadded);
  }
}

} // namespace dl
