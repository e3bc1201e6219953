//===- ContractionChooser.h - The decisions behind a strategy ---*- C++ -*-===//
//
// In this order: the vector's dimension; what is staged; the dimensions that
// loops see; the register tile; the split of K; the order of loops. Each step
// depends on those before it alone.
//
//===----------------------------------------------------------------------===//

#ifndef DL_LIB_CODEGEN_CONTRACTIONCHOOSER_H
#define DL_LIB_CODEGEN_CONTRACTIONCHOOSER_H

#include "dl/CodeGen/ContractionStrategy.h"

namespace dl {

struct TileProblem;

/// One run of the decisions.
class StrategyChooser {
public:
  StrategyChooser(const ContractionDescriptor &descriptor, const ContractionRequest &request,
                  const Machine &machine, bool mayClip)
      : d(descriptor), request(request), machine(machine), mayClip(mayClip),
        elementBytes(descriptor.element.getIntOrFloatBitWidth() / 8) {}

  /// The best strategy with vectors along the columns, or along K (null where
  /// that is impossible).
  std::optional<ContractionStrategy> choose(bool alongK) {
    s.lanes = machine.lanes(d.element.getIntOrFloatBitWidth());
    chooseVectorDim();
    if (alongK && !chooseDotDim())
      return std::nullopt;
    if (vectorPart < 0 && !alongK)
      s.lanes = 1;
    return finish();
  }

  /// The best strategy for a description whose operands were exchanged, with vectors
  /// along the columns, or null.
  std::optional<ContractionStrategy> chooseSwapped() {
    s.lanes = machine.lanes(d.element.getIntOrFloatBitWidth());
    s.isSwapped = true;
    if (s.lanes == 1 || !chooseRowVectorDim())
      return std::nullopt;
    return finish();
  }

  /// Chooses blocks for a description whose operands were exchanged.
  StrategyChooser &swapped() {
    s.isSwapped = true;
    return *this;
  }

  /// Copies A where that leaves out rows, though it could be read in place.
  StrategyChooser &thinned() {
    thins = true;
    return *this;
  }
  bool canThin() const;

  /// Packs B before, though it could be read in place.
  StrategyChooser &packed() {
    packsB = true;
    return *this;
  }

  /// In near blocks: tasks are blocks of rows, of which each packs A, that meet all columns.
  StrategyChooser &rowsOutside() {
    blocksRows = true;
    return *this;
  }

  /// The best strategy with A packed by rows instead of copied with zeros around it;
  /// null where neither would be.
  std::optional<ContractionStrategy> choosePackedRows() {
    packsPadded = true;
    std::optional<ContractionStrategy> strategy = choose(/*alongK=*/false);
    bool isPacked = strategy->operands[kA].staging == Staging::Panels;
    return isPacked && d.isPadded(kA) ? strategy : std::nullopt;
  }

  /// The best strategy with vectors across groups of few columns, or null.
  std::optional<ContractionStrategy> chooseGroups();

  /// Vectors of A shared along long sums, in chunks, or null (ContractionSharing.cpp).
  std::optional<ContractionStrategy> chooseChunks();

  /// The best strategy in blocks, with K in so many parts; null where B cannot be
  /// packed by tasks. Near: a chunk's panel of B lies in the L1 cache, not in the L2. Tiles
  /// are so many vectors wide; 0: any number.
  std::optional<ContractionStrategy> chooseBlocks(int64_t parts, bool areNear, int64_t vectors);
  /// Vectors of tiles whose panels may hold all of K where wider ones would not.
  static constexpr int64_t kNarrow = 2;

private:
  std::optional<ContractionStrategy> finish() {
    findSweep();
    findTapClips();
    if (s.isSwapped && s.accumulation == Accumulation::Scatter)
      return std::nullopt;
    stageA();
    stageB();
    buildDims();
    chooseTile();
    applyTile();
    fetchPiecesAhead();
    splitReduction();
    orderLoops();
    copyInTasks();
    fetchRows();
    fetchColumns();
    fetchPanels();
    s.time += stagingTime(kA) + stagingTime(kB) + tapsTime() + partsTime() + piecesTime();
    judgeTasks();
    return s;
  }

  // ContractionGroups.cpp
  bool chooseGroupDim();
  bool channelsAreInner();

  // ContractionBlocking.cpp
  bool canPackInTask(OperandIndex operand) const;
  void chunkReduction();
  void orderBlocks(int64_t parts);
  void shareRows(llvm::ArrayRef<int> rows);
  int blockedRows() const;
  void blockRows();
  void packRowsInTask(unsigned level);
  int64_t rowsOfPart() const;
  int64_t fitChunk(int64_t part) const;
  void splitChunks(llvm::SmallVectorImpl<int> &chunks, int64_t parts);
  bool packsColumns() const;
  bool fetchesNextPanel() const;
  bool gainsFromNarrow() const;
  double panelStreamTime() const;
  double panelReadTime() const;
  double panelPackingTime() const;
  double rowBlockTime() const;
  double sumsTime() const;
  double piecesTime() const;
  bool resultsShareSets() const;
  double conflictTime() const;
  double rereadTime() const;
  double blockTime() const;
  /// Of the result, as it is.
  double resultBytes() const;
  double vectorsOf(int64_t bytes) const {
    return static_cast<double>(bytes / elementBytes) / static_cast<double>(s.lanes);
  }
  void packInTask(OperandIndex operand, int panel, unsigned level);
  void packWithFirstRows();
  void layOutChunks();

  // ContractionStrategy.cpp, ContractionOperands.cpp and ContractionSchedule.cpp
  void chooseVectorDim();
  bool chooseRowVectorDim();
  bool chooseDotDim();
  double stagingTime(OperandIndex operand) const;
  double streamTime(int64_t bytes) const;
  bool isPackedBefore(OperandIndex operand) const;
  double tapsTime() const;
  double partsTime() const;
  int64_t panelBytes() const;
  int64_t nearPanelBytes() const { return machine.l1Bytes * 2 / 3; }
  bool piecesShareSet() const;
  bool hasNearPanels() const;
  bool hasShortRows() const;
  void judgeTasks();
  void findSweep();
  bool findClips();
  double shareInside() const;
  void findTapClips();
  bool isClipped(llvm::ArrayRef<int> parts) const;
  void stageA();
  void stageB();
  bool columnsConflict(int64_t stride, int64_t depth) const;
  void layOutPanels(OperandIndex operand, int part, int64_t tile);
  int panelRows() const;
  void fetchPiecesAhead();
  void layOutResult();
  void buildDims();
  bool canMerge(const PlanDim &outer, const PlanDim &inner) const;
  bool willPackRows() const;
  bool conflictsA() const;
  bool losesPiecesA() const;
  double spanOf(const PlanDim &groups) const;
  void chooseTile();
  // ContractionSharing.cpp
  bool shareA(const TileProblem &problem);
  void applyTile();
  int64_t partsForTasks(int64_t tiles) const;
  bool tapsReadAgain() const;
  int64_t partsForCache() const;
  int64_t rowsOfStream() const;
  bool keepsSumsOfStreams(int64_t streams) const;
  int64_t partsForStreams() const;
  void splitReduction();
  void splitOutermost(int64_t wanted);
  /// Fewer tasks do not fill the cores; work below which a task is not worth a
  /// core of its own.
  static constexpr int64_t kFewTasks = 8;
  static constexpr double kPartFlops = 1e6;
  /// Reads of an operand from which on it pays to pack it.
  static constexpr int64_t kPackedReads = 4;
  /// Rows of a tile that leave the time to fetch for the next one.
  static constexpr int64_t kFetchRows = 4;
  /// Parts of K that short ones are joined to.
  static constexpr int64_t kStreamParts = 24;
  /// What A takes of the L2 cache, one part in so many, from which on it is fetched ahead.
  static constexpr int64_t kFetchedShare = 4;
  struct OrderCosts {
    double columnsFirst, rowsFirst, columnsLast;
  };
  OrderCosts orderCosts(double outerRows, double innerRows, double columns) const;
  bool leadsRows(int loop) const;
  void orderLoops();
  void chooseTasks();
  void copyInTasks();
  void fetchRows();
  void fetchColumns();
  void fetchPanels();

  llvm::SmallVector<int64_t> naturalStrides(OperandIndex operand) const;
  void stageInPlace(OperandIndex operand);
  int64_t touchedIndices(OperandIndex operand, int dim) const;
  void stageCopy(OperandIndex operand);
  int64_t extentOf(DimRole role) const { return d.extentOf(role); }
  int64_t bytesOf(OperandIndex operand) const { return s.operands[operand].count * elementBytes; }
  /// Of residues that are columns, the one of most taps stands for all: estimates are its own.
  int64_t reductionOfMost() const;
  double bytesOfMostB() const;
  double flopsOfMost() const;
  bool isResidueDim(const PlanDim &dim) const {
    return d.isResidue && dim.role == DimRole::N && !llvm::is_contained(dim.parts, vectorPart);
  }
  bool isSwept(const AddressTerm &term) const {
    return term.occurs() && llvm::is_contained(s.sweepDims, term.dim);
  }
  /// A loop inside a task's scratch image.
  bool isInnerRow(const PlanDim &dim) const {
    if (s.resultPart >= 0 && dim.parts.back() != s.resultPart)
      return false;
    return dim.role == DimRole::M &&
           (s.accumulation != Accumulation::Scatter ||
            llvm::all_of(dim.parts, [&](int part) { return isSwept(d.dims[part].terms[kC]); }));
  }

  const ContractionDescriptor &d;
  const ContractionRequest &request;
  const Machine &machine;
  const bool mayClip;
  const int64_t elementBytes;
  ContractionStrategy s;
  /// B is packed by tasks, not before; its panels are small; K is split.
  bool inBlocks = false, areNear = false, isSplit = false;
  /// Rows of A may be packed where it would be copied otherwise.
  bool packsPadded = false;
  bool thins = false, packsB = false, blocksRows = false;
  int64_t wantedVectors = 0;
  /// Of the operands as they are.
  int64_t bytesA = 0, bytesB = 0;
  int &vectorPart = s.vectorPart;
};

} // namespace dl

#endif // DL_LIB_CODEGEN_CONTRACTIONCHOOSER_H
