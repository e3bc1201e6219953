//===- ContractionStrategy.h - How a contraction is computed ----*- C++ -*-===//
//
// A strategy is chosen from the descriptor and the machine alone (never from the
// number of threads, so results do not depend on it) and says
//
//  * which operands are staged first: copied, with the kernel's prologue
//    applied and padding made zeros, or packed into panels [k][columns], where
//    columns are what a register tile is wide;
//  * the dimensions that loops see, with their strides in A, B and C as staged
//    (adjacent dimensions that are one dimension in memory are merged);
//  * the register tile: rows x vectors;
//  * where products are summed: in registers until the result is final; in
//    partial results, one for each part of a split K; in a scratch image that
//    taps add to; or in scratch between chunks of K;
//  * the order of loops, and how many of the outermost are tasks.
//
// Operands that the caches do not hold are multiplied in blocks: a task goes
// through K in chunks, packs the panel of B (or block of A) that a chunk needs
// into scratch, where it stays in the nearest caches, and runs all register tiles
// over it. The chunks' loops are among the others, so a block is a place in the
// order of loops.
//
//===----------------------------------------------------------------------===//

#ifndef DL_CODEGEN_CONTRACTIONSTRATEGY_H
#define DL_CODEGEN_CONTRACTIONSTRATEGY_H

#include "dl/CodeGen/ContractionDescriptor.h"
#include "dl/Support/Machine.h"

namespace dl {

/// A loop dimension: one of the descriptor's, or adjacent ones merged.
struct PlanDim {
  DimRole role;
  int64_t extent;
  /// Elements from one index to the next in A, B and C as staged.
  int64_t strides[3];
  /// The descriptor's dimensions, outer to inner.
  llvm::SmallVector<int, 2> parts;
  /// Indices that a register tile covers; 1 outside it. Of K, where it is among
  /// the loops: the indices of a chunk.
  int64_t tile = 1;
  /// Elements from one tile to the next.
  int64_t tileStrides[3] = {0, 0, 0};
  /// Elements from one index to the next in A and B as they are, where tasks pack
  /// them.
  int64_t source[2] = {0, 0};

  int64_t tiles() const { return (extent + tile - 1) / tile; }
  int64_t lastTile() const { return extent - (tiles() - 1) * tile; }
};

/// Where the iteration leaves A, which has no zeros around it: products outside are
/// left out. The index in A is base + row * rowStep + k * kStep, inside [0, extent).
struct Clip {
  /// The descriptor's dimensions of M and K; no row: 0 is the only one.
  int row = -1, k = -1;
  int64_t base = 0, rowStep = 0, kStep = 1, extent = 0;

  /// The indices k for which a row lies inside; there may be none.
  IndexRange inside(int64_t row) const;
};

enum class Staging { None, Copy, Panels };

/// Where an operand is read from.
struct StagedOperand {
  Staging staging = Staging::None;
  /// Copy: the indices of the tensor that are copied.
  llvm::SmallVector<IndexRange> ranges;
  /// Elements of the staged operand.
  int64_t count = 0;
  /// The stride of each of the descriptor's dimensions.
  llvm::SmallVector<int64_t> strides;
  /// Panels: the descriptor's dimension whose indices lie side by side in them,
  /// how many of them a panel takes, elements from one k to the next (whole
  /// vectors), and elements of a panel.
  int panelPart = -1;
  int64_t panelTile = 0, panelPitch = 0, panel = 0;
  /// Panels: packed by each task into its scratch, whenever so many of the loops
  /// are entered; -1: by a phase of its own, before.
  int level = -1;
  /// Each worker stages all of it for itself, in its scratch, before its first task.
  bool byEachWorker = false;
  /// The first tile of rows packs what it reads of the operand where that lies, beside
  /// its multiply-adds.
  bool withFirstRows = false;
  /// Elements from the start to where the iteration's origin lies; in blocks, in
  /// the tensor as it is.
  int64_t origin = 0, source = 0;
};

enum class Accumulation { Registers, Partials, Scatter, Chunks };

struct ContractionStrategy {
  BackwardDataForm form = BackwardDataForm::Scatter;
  StagedOperand operands[3];
  llvm::SmallVector<PlanDim> dims;
  /// Their dimensions are not merged with others.
  llvm::SmallVector<Clip> clips;
  /// Where residues that are columns (the rows of these clips) leave B, counted from its last
  /// index down: they meet some of the taps. Their dimensions are not merged either.
  llvm::SmallVector<Clip> tapClips;

  int64_t lanes = 1, vectors = 1;
  /// The dimension that vectors lie along, of `dims` and of the descriptor; -1:
  /// none, vectors have one lane.
  int vectorDim = -1, vectorPart = -1;
  /// Dot products: vectors of A and B lie along this dimension of K instead, a
  /// column of the tile is one vector of sums, and its lanes are added up at the
  /// end. -1: none.
  int dotDim = -1, dotPart = -1;
  /// A varies along the vector (depthwise), instead of being broadcast.
  bool vectorA = false;
  /// The innermost loop over K: of so many steps of it together, each vector of A is loaded
  /// once for all rows that meet it (see ContractionSharing.cpp); -1: none.
  int sharedDim = -1;
  int64_t sharedSteps = 0;
  /// Vectors lie across groups, this dimension of the descriptor, which is merged with
  /// `vectorPart`: the columns of a group, all of which see one element of A. A vector
  /// of A has the channels of all groups, `groupStride` elements each; the dimension of
  /// channels is the innermost of K or of the rows (-1: they have one). -1: they do not.
  int groupPart = -1, channelPart = -1;
  int64_t groupColumns = 0, groupStride = 0, groupChannels = 1;
  /// The descriptor is the kernel's with A and B exchanged, so that vectors lie along
  /// the rows of the result. A tile is transposed when it is stored: its rows lie
  /// along this dimension of the descriptor, the last of C. -1: vectors do.
  bool isSwapped = false;
  int resultPart = -1;

  Accumulation accumulation = Accumulation::Registers;
  /// Partials: K is split into parts of one index of each of `splitWhole`, and of
  /// `chunk` indices of dimension `splitDim`; a part may be summed in chunks of its
  /// own.
  llvm::SmallVector<int> splitWhole;
  int splitDim = -1;
  int64_t parts = 1, chunk = 0;
  /// Blocks: tasks share the tiles of a column so that each takes a part of the loop over
  /// this dimension of rows; -1: none.
  int rowDim = -1;
  int64_t rowParts = 1;
  /// A part is a few rows of B from outer memory: a tile fetches the next one's columns
  /// ahead.
  bool fetchesAhead = false;
  /// A tile fetches those rows of A ahead that lie so many elements behind its own; 0: none.
  int64_t rowsAhead = 0;
  /// Tiles take a short piece of each row of A, which the L2 cache holds at best for a while:
  /// they fetch the piece after the next one's ahead.
  bool fetchesPiecesAhead = false;
  /// The tiles of rows that read a panel of B, packed before and in outer memory, fetch the
  /// next one; a single tile what comes next of its own.
  bool fetchesPanels = false;
  /// While a tile multiplies, it fetches what its epilogue reads (ContractionFetch.cpp).
  bool fetchesResults = false;
  /// Results are so large that tiles store them past the caches.
  bool storesPast = false;
  /// Scatter: dimensions of C that the scratch image holds, with their indices.
  llvm::SmallVector<int> sweepDims;
  llvm::SmallVector<IndexRange> sweepRanges;

  /// Loops around the register tile, outer to inner (indices of `dims`); the
  /// first `taskLoops` make up the tasks.
  llvm::SmallVector<int> loops;
  unsigned taskLoops = 0;
  /// The first task loop goes along columns, but so many tasks along rows at a time meet all
  /// of them before the next do: a worker writes whole rows of the result. 0: all at a time.
  int64_t rowsAtOnce = 0;
  /// Loops in the micro-kernel, outer to inner.
  llvm::SmallVector<int> reductionLoops;
  /// A is copied by each task, into its scratch: one index of the outermost loop,
  /// which is the only task loop and A's outermost dimension.
  bool copiesInTask = false;

  /// Estimated time, staging included, in vector multiply-adds.
  double time = 0;

  /// The columns of B that come next are prefetched while the rows inside so many
  /// loops are multiplied; -1: not.
  int prefetchLevel = -1;

  bool isDot() const { return dotPart >= 0; }
  /// Whether a loop goes over chunks of this dimension of K.
  bool isChunked(int dim) const;
  bool inBlocks() const { return prefetchLevel >= 0 || operands[kB].level >= 0; }
  int64_t columns() const { return isDot() ? vectors : lanes * vectors; }
  /// Columns of a scratch image: whole vectors.
  int64_t scratchColumns() const { return isDot() ? lanes : columns(); }
  int64_t rows() const;
  int64_t tasks() const;
  /// The dimension of `dims` that a descriptor's dimension is part of.
  int dimOf(int part) const;
  /// The numbers of those tiles along a dimension of rows that need code of their
  /// own: shorter ones, and ones whose rows are clipped.
  llvm::SmallVector<int64_t> specialTiles(int dim) const;
  /// How many kinds of tiles that makes.
  int64_t tileKinds() const;
  /// How many loops over K the tiles of one kind may take, one after the other: as many
  /// as taps, where rows of a tile leave out different ones.
  int64_t tilePieces() const;
  /// One line for people: `14x2 vectors of 16, ...`.
  std::string describe(const ContractionDescriptor &descriptor) const;
};

/// What the kernel asks for beyond the descriptor.
struct ContractionRequest {
  /// Operands that are computed by a prologue, so must be staged.
  bool prologueA = false, prologueB = false;
  /// Operands A and B that are packed once for many runs, if nothing else is.
  bool isVariable[2] = {false, false};
  /// Tiles sum B as well: all of it must pass.
  bool sumsB = false;
  /// Vectors in a row of the register tile, where a tile can be so wide; 0: what
  /// is estimated best.
  int64_t vectors = 0;
};

ContractionStrategy chooseStrategy(const ContractionDescriptor &descriptor,
                                   const ContractionRequest &request, const Machine &machine);
/// Lets tasks that follow one another, so those of a worker, share rows before they share
/// columns, where a worker's columns would lie in a part of a cache's sets.
void shareRows(const ContractionDescriptor &descriptor, const Machine &machine,
               ContractionStrategy &strategy);
/// Lets each worker stage an operand by itself where all tasks read all of it and the L2
/// cache holds it: to fetch what another core has written takes as long as to write it.
void stageByWorkers(const ContractionDescriptor &descriptor, const ContractionRequest &request,
                    const Machine &machine, ContractionStrategy &strategy);
/// For a description whose A and B were exchanged, as was what is asked of them;
/// nothing where vectors cannot lie along the rows of the result.
std::optional<ContractionStrategy> chooseSwappedStrategy(const ContractionDescriptor &swapped,
                                                         const ContractionRequest &request,
                                                         const Machine &machine);

} // namespace dl

#endif // DL_CODEGEN_CONTRACTIONSTRATEGY_H
