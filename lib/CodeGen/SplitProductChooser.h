//===- SplitProductChooser.h - Chooses pieces and image ---------*- C++ -*-===//

#ifndef DL_LIB_CODEGEN_SPLITPRODUCTCHOOSER_H
#define DL_LIB_CODEGEN_SPLITPRODUCTCHOOSER_H

#include "SplitProduct.h"

namespace dl {

/// Cycles of the epilogue of a tile, and of transposing it before.
inline constexpr double kTileEndCycles = 100, kTileTransposeCycles = 100;

/// How much longer than estimated products take, measured, whose image is deinterleaved.
inline constexpr double kDeinterleaved = 1.15;

/// The share of the L2 cache that a task may fill.
inline constexpr double kCacheShare = 0.75;

/// Finds the cheapest image and tasks, by estimated cycles.
class SplitChooser {
public:
  SplitChooser(const ContractionDescriptor &d, const CodeGenOptions &options)
      : d(d), options(options), machine(options.machine), wanted(options.splitProducts) {
    if (wanted == SplitProducts::WhereFaster)
      wanted = options.choice.splitProducts.value_or(wanted);
  }

  std::optional<SplitProduct> choose();

private:
  bool isEligible();
  void tryOrders();
  void tryDeinterleaved();
  void tryOrder(llvm::ArrayRef<int> order, bool isPadded);
  bool layOut(llvm::ArrayRef<int> order, bool isPadded);
  llvm::SmallVector<int> stridedDims() const;
  void deinterleave();
  llvm::SmallVector<SplitAxis> axes(DimRole role, int innermost) const;
  void tryAxes(const SplitAxis &rows, const SplitAxis &run);
  bool setAxes(const SplitAxis &rows, const SplitAxis &run);
  double blockCycles() const;
  double tileEndCycles() const { return kTileEndCycles + (rowDim >= 0 ? kTileTransposeCycles : 0); }
  double farShare() const;
  /// Whether an operand comes from beyond the L2 cache.
  bool isFarSource(OperandIndex operand) const;
  bool isFarInPieces(OperandIndex operand) const;
  /// Whether B lies along the columns.
  bool packsRows() const;
  double shareLeft(OperandIndex operand) const;
  double pieceCycles(OperandIndex operand, int64_t length) const;
  double stagingCycles(OperandIndex operand, bool isNear) const;
  int64_t bytesOf(OperandIndex operand) const {
    return operand == kA ? current.imageBytes() : current.panelBytes();
  }
  bool isAligned() const;
  // Cuts.
  bool cut(const SplitProduct &layout, llvm::ArrayRef<SplitCut> rows,
           llvm::ArrayRef<SplitCut> columns, llvm::ArrayRef<SplitCut> reductions);
  void tryTasks();
  bool passesColumnsInside() const;
  bool fitsCache() const;
  bool isImageLarge() const;
  double taskCycles() const;
  double costOf(const SplitProduct &product) const;
  bool isByEachWorker(OperandIndex operand) const;
  /// Whether its parts are the worker's own: beside others that pass, measured, only where those
  /// are kept.
  bool staysNear(OperandIndex operand) const {
    return current.isSplitByTask(operand) ||
           (isByEachWorker(operand) && isVariable(operand == kA ? kB : kA));
  }
  bool isKept(OperandIndex operand) const;
  bool isVariable(OperandIndex operand) const;
  int64_t wantedPieces() const;
  double vectorProducts() const;
  void chooseTasks(SplitProduct &product) const;

  const ContractionDescriptor &d;
  const CodeGenOptions &options;
  const Machine &machine;
  SplitProducts wanted;
  int columnDim = -1;
  /// The row axis that blocks which are transposed need.
  int rowDim = -1;
  /// Whether the result has no other positions than the iteration's.
  bool coversResult = true;
  /// Of residues, the share of all products that meet a tap.
  double shareOfTaps = 1;
  /// Whether the rows of the image that is tried are padded; of the best one.
  bool isPadded = false, isBestPadded = false;
  /// What is tried, and the best so far.
  SplitProduct current;
  std::optional<SplitProduct> best;
};

/// Cuts to try for a contraction: of K, of the rows, of the columns. None of them is the
/// first of each.
struct SplitCutChoices {
  llvm::SmallVector<llvm::SmallVector<SplitCut>> rows, columns, reductions;
};
SplitCutChoices choicesOfCuts(const ContractionDescriptor &descriptor);

} // namespace dl

#endif // DL_LIB_CODEGEN_SPLITPRODUCTCHOOSER_H
