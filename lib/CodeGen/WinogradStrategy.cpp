//===- WinogradStrategy.cpp - Chooses how the transform is used -----------===//

#include "WinogradStrategy.h"
#include "ContractionTile.h"
#include "TileProduct.h"

#include "fmt/format.h"

#include <algorithm>

using namespace mlir;

namespace dl {

int64_t WinogradStrategy::tasks() const {
  if (!wants(weights))
    return isLate() ? chunks() * (columns / block) : chunks();
  return parts * (inputs / inputBlock) * (outputs / outputBlock);
}

/// The operand that each worker brings to its points, for people.
static const char *nameOfShared(const WinogradStrategy &s) {
  if (s.byEachWorker == s.weights.operand)
    return "weights";
  if (!s.wants(s.weights))
    return "operand";
  return s.byEachWorker == s.image.operand ? "image" : "result";
}

std::string WinogradStrategy::describe() const {
  const char *wanted = wants(result) ? "" : wants(image) ? ", image wanted" : ", weights wanted";
  std::string product = usesTiles ? fmt::format("tiles {}x{} bf16x3", rows, panelWidth())
                                  : fmt::format("tile {}x{} of {} lanes", rows, vectors, lanes);
  std::string text =
      fmt::format("winograd {0}x{0} of {1}x{1}{2}; {3}; {4} tiles in chunks of {5}; {6} tasks",
                  size, taps, wanted, product, tiles(), chunk, tasks());
  if (wants(weights))
    text += fmt::format("; channels {}x{}; split in {}{}", inputBlock, outputBlock, parts,
                        pointsFirst ? "; points first" : "");
  else
    text += fmt::format("; columns in blocks of {}", block);
  if (byEachWorker)
    text += fmt::format("; {} by each worker", nameOfShared(*this));
  if (tilesFirst && isLate())
    text += "; tiles first";
  if (storesPast)
    text += "; results stored past the caches";
  return isLate() ? text + fmt::format("; weights in tasks, k in chunks of {}", depth) : text;
}

//===----------------------------------------------------------------------===//
// Cost
//===----------------------------------------------------------------------===//

/// Tasks that a kernel should have where its work allows. Not the machine's
/// cores: they would change how sums are split, and so the bits of the result.
static constexpr int64_t kWantedTasks = 8;

namespace {

/// Chooses sizes; all estimates are in cycles of a core with two vector units.
class WinogradChooser {
public:
  WinogradChooser(const ContractionDescriptor &descriptor, const Machine &machine,
                  const WinogradStrategy &convolution, int64_t size, bool keepsWeights,
                  SplitProducts splits)
      : d(descriptor), machine(machine), keepsWeights(keepsWeights), splits(splits),
        transforms(makeWinogradTransforms(size, convolution.taps)), s(convolution) {
    s.size = size;
    s.points = size + s.taps - 1;
    s.lanes = machine.lanes(32);
    auto tilesOf = [&](int dim) {
      return llvm::divideCeil(d.operands[s.result.operand].shape[dim], size);
    };
    s.tileRows = tilesOf(s.result.rows);
    s.tileColumns = tilesOf(s.result.columns);
    best = s;
    best.cycles = std::numeric_limits<double>::infinity();
  }

  WinogradStrategy choose();

private:
  void tryTile(int64_t rows, int64_t vectors);
  bool allowsTiles() const;
  void tryBlock(int64_t block);
  void tryChunk(double tileBytes);
  void tryLate(int64_t block, int64_t depth);
  void tryChannels(int64_t inputBlock, int64_t outputBlock, bool pointsFirst);
  double tileCycles(double passes, double sumBytes, double tileBytes) const;
  double gradientCycles() const;
  double vectorsOf(int64_t channels) const {
    return static_cast<double>(llvm::divideCeil(channels, s.lanes));
  }
  double transformCycles(const LinearMap &map, bool isTransposed) const;
  double operandCycles() const;
  double resultCycles(double tileBytes) const;
  double productCycles(int64_t rows, int64_t vectors, double reduction, double ends) const;
  /// Of an element of the operand, or the weights, at a point.
  double pointBytes() const { return s.usesTiles ? 2 * kSplitParts : 4; }
  double lineCycles(double bytes) const;
  double weightCycles(double bytes) const;
  double rereadCycles(double bytes) const;
  double keptCycles(double bytes) const;
  double imbalance() const;
  void keepIfBest();

  const ContractionDescriptor &d;
  const Machine &machine;
  const bool keepsWeights;
  const SplitProducts splits;
  WinogradTransforms transforms;
  /// A patch of a vector of channels: to the points, or, what is wanted, back. Where weights
  /// are wanted, the image is the operand.
  double cyclesOfOperand = 0, cyclesOfWeights = 0, cyclesOfResult = 0;
  WinogradStrategy s, best;
  double leastCost = std::numeric_limits<double>::infinity();
};

} // namespace

/// Cycles for a patch of one vector of channels, to or from the points.
double WinogradChooser::transformCycles(const LinearMap &map, bool isTransposed) const {
  auto extent = static_cast<double>(map.columns()), points = static_cast<double>(map.rows());
  double operations = static_cast<double>(map.cost()) * (extent + points);
  double stores = extent * points + (isTransposed ? 2 * extent * extent : points * points);
  return operations * (machine.hasFMA ? 0.5 : 0.8) + stores;
}

/// Cycles of one register tile: multiply-adds, loads or the latency of a sum
/// bound each step; `ends` per sum before and after.
double WinogradChooser::productCycles(int64_t rows, int64_t vectors, double reduction,
                                      double ends) const {
  auto sums = static_cast<double>(rows * vectors);
  double products = sums * (machine.hasFMA ? 0.5 : 1);
  double loads = 0.5 * static_cast<double>(rows + vectors);
  double step = std::max({products, loads, 4.0}) + 0.25 * loads;
  return step * reduction + ends * sums + 10;
}

/// Cycles to bring operands of so many bytes to the core once more.
double WinogradChooser::rereadCycles(double bytes) const {
  auto l2 = static_cast<double>(machine.l2Bytes), l3 = static_cast<double>(machine.l3Bytes);
  return bytes * (bytes <= l2 * 0.4 ? 1.0 / 40 : bytes <= l3 / 2 ? 1.0 / 16 : 1.0 / 8);
}

/// How much longer than shared evenly the tasks take, in the mean of two, four and eight
/// cores; of little work, or many tasks: nothing.
double WinogradChooser::imbalance() const {
  constexpr double kMuchWork = 4e7;
  if (s.wants(s.weights) || d.flops() < kMuchWork || s.tasks() >= 3 * kWantedTasks)
    return 0;
  int64_t blocks = s.tasks() / s.chunks();
  double sum = 0;
  for (int64_t cores : {2, 4, 8}) {
    auto tiles = static_cast<double>(llvm::divideCeil(s.tasks(), cores) * s.chunk * cores);
    sum += std::max(tiles / static_cast<double>(s.tiles() * blocks) - 1, 0.0);
  }
  return sum / 3;
}

/// What is even is preferred, where it takes little longer on one core.
void WinogradChooser::keepIfBest() {
  constexpr double kEven = 0.1;
  double cost = s.cycles * (1 + kEven * imbalance());
  if (cost >= leastCost)
    return;
  leastCost = cost;
  best = s;
}

/// Cycles of a line stored to memory of so many bytes, again and again. Measured: a
/// second-level cache takes one in 4, the next in 16.
double WinogradChooser::lineCycles(double bytes) const {
  auto l2 = static_cast<double>(machine.l2Bytes);
  return bytes <= 0.3 * l2 ? 4 : bytes <= 0.75 * l2 ? 6 : 16;
}

/// Cycles of bringing the weights to their points, into memory of so many bytes for
/// each pass over it. Arithmetic hides behind the stores.
double WinogradChooser::weightCycles(double bytes) const {
  auto vectors = static_cast<double>(s.reduction) * vectorsOf(s.columns);
  auto taps = static_cast<double>(s.taps * s.taps);
  double lines = static_cast<double>(s.allPoints() * s.lanes) / 16;
  bool isUnit = s.weights.channels < s.weights.outputs == s.wants(s.result);
  bool isTransposed = s.reduction % s.lanes == 0;
  double loads = taps * (isUnit ? 0.5 : isTransposed ? 10 : 1.5 * static_cast<double>(s.lanes));
  double arithmetic = cyclesOfWeights + loads;
  double tapBytes = 4 * taps * static_cast<double>(s.lanes);
  return vectors * (std::max(arithmetic, lines * lineCycles(bytes)) + 0.25 * arithmetic) +
         rereadCycles(vectors * tapBytes);
}

/// Cycles of bringing as many bytes of kept weights from outer memory, where those of a
/// network are: points are more than taps.
double WinogradChooser::keptCycles(double bytes) const {
  return bytes <= 0.5 * static_cast<double>(machine.l2Bytes) ? 0 : bytes / 5;
}

/// Products over channels: chunks of tiles and blocks of columns.
void WinogradChooser::tryBlock(int64_t block) {
  s.block = block;
  auto points = static_cast<double>(s.allPoints());
  auto tileBytes = points * (pointBytes() * static_cast<double>(s.reduction) +
                             4 * static_cast<double>(s.paddedBlock()));
  int64_t unit = s.wants(s.image) ? s.tilesOfImage() : s.rows;
  if (s.wants(s.image))
    tileBytes += 4 * static_cast<double>(s.size * s.size * s.paddedBlock());
  auto fitting = static_cast<int64_t>((s.usesTiles ? 0.7 : 0.45) *
                                      static_cast<double>(machine.l2Bytes) / tileBytes);
  // Enough tasks for many cores, or, where these would read the weights too often, a few:
  // all but the last of whole units, or even ones.
  int64_t units = llvm::divideCeil(s.tiles(), unit), last = 0;
  for (int64_t tasks : {2 * kWantedTasks, kWantedTasks, kWantedTasks / 2}) {
    int64_t unitsOfChunk = std::min<int64_t>(fitting, llvm::divideCeil(s.tiles(), tasks)) / unit;
    int64_t chunks = llvm::divideCeil(units, std::clamp<int64_t>(unitsOfChunk, 1, units));
    int64_t whole = llvm::divideCeil(units, chunks) * unit;
    bool areWhole = s.wants(s.image) || tasks < kWantedTasks;
    int64_t even = areWhole ? whole : llvm::divideCeil(s.tiles(), tasks);
    for (int64_t chunk : {whole, even}) {
      s.chunk = chunk;
      if (chunk != last && (chunk == whole || chunk <= fitting))
        tryChunk(tileBytes);
      last = chunk;
    }
  }
}

/// The same with chunks of `s.chunk` tiles.
void WinogradChooser::tryChunk(double tileBytes) {
  if (static_cast<double>(s.chunk) * tileBytes > 0.8 * static_cast<double>(machine.l2Bytes))
    return;
  // What comes before and after the products of a block of tiles; bytes of weights from further
  // away in a cycle that they wait.
  constexpr double kBlockCycles = 250, kFarBytes = 6;
  auto points = static_cast<double>(s.allPoints());
  auto blocks = static_cast<double>(s.columns / s.block);
  auto rowTiles = static_cast<double>(s.paddedChunk() / s.rows * s.chunks());
  auto panels = blocks * static_cast<double>(s.paddedBlock() / s.panelWidth());
  double products =
      points * rowTiles * panels *
      (s.usesTiles ? kBlockCycles + static_cast<double>(s.reduction / kTileK) *
                                        stepCycles(s.rows / kTileRows, s.vectors)
                   : productCycles(s.rows, s.vectors, static_cast<double>(s.reduction), 1.5));
  double weights = pointBytes() * points * static_cast<double>(s.reduction) * panels *
                   static_cast<double>(s.panelWidth());
  // What the second-level cache holds beside a chunk stays there for the next.
  double all = weights + static_cast<double>(s.chunk) * tileBytes, first = rereadCycles(weights);
  if (s.usesTiles && weights > 0.4 * static_cast<double>(machine.l2Bytes))
    first = weights / kFarBytes;
  double next = all <= 0.8 * static_cast<double>(machine.l2Bytes) ? weights / 40 : first;
  s.cycles = operandCycles() + resultCycles(tileBytes) + products + first +
             static_cast<double>(s.chunks() - 1) * next +
             (keepsWeights ? keptCycles(weights) : weightCycles(weights));
  keepIfBest();
}

/// Cycles of bringing the operand to its points.
double WinogradChooser::operandCycles() const {
  // What lies at a point is split.
  constexpr double kSplitCycles = 7;
  double cycles =
      cyclesOfOperand + (s.usesTiles ? kSplitCycles * static_cast<double>(s.allPoints()) : 0);
  return static_cast<double>(s.tiles()) * vectorsOf(s.reduction) * cycles;
}

/// Cycles of bringing the products back, and of what planes cost that were elsewhere.
double WinogradChooser::resultCycles(double tileBytes) const {
  auto blocks = static_cast<double>(s.columns / s.block);
  return static_cast<double>(s.tiles()) *
         (blocks * vectorsOf(s.block) * cyclesOfResult + tileBytes / 32);
}

/// Products over channels, where tasks bring the weights to their points.
void WinogradChooser::tryLate(int64_t block, int64_t depth) {
  s.block = block;
  auto points = static_cast<double>(s.allPoints()), l2 = static_cast<double>(machine.l2Bytes);
  double tileBytes = 4 * points * static_cast<double>(s.paddedBlock());
  double weightBytes = tileBytes * static_cast<double>(depth);
  int64_t unit = s.wants(s.image) ? s.tilesOfImage() : s.rows;
  if (s.wants(s.image))
    tileBytes += 4 * static_cast<double>(s.size * s.size * s.paddedBlock());
  auto fitting = static_cast<int64_t>((0.65 * l2 - weightBytes) / tileBytes);
  int64_t units = llvm::divideCeil(s.tiles(), unit);
  if (fitting < unit)
    return;
  int64_t chunks = llvm::divideCeil(units, std::min(fitting / unit, units));
  s.chunk = llvm::divideCeil(units, chunks) * unit;
  s.depth = depth;
  auto blocks = static_cast<double>(s.columns / block),
       depths = static_cast<double>(s.reduction / depth);
  auto rowTiles = static_cast<double>(s.paddedChunk() / s.rows * s.chunks());
  auto panels = blocks * static_cast<double>(s.paddedBlock() / s.panelWidth());
  // Sums go to memory and come back with each chunk of K.
  double products =
      points * rowTiles * panels * depths *
      productCycles(s.rows, s.vectors, static_cast<double>(depth), depths > 1 ? 3 : 1.5);
  double operandBytes = 4 * points * static_cast<double>(s.tiles() * s.reduction);
  s.cycles = operandCycles() + operandBytes / Machine::lineBytes * lineCycles(operandBytes) +
             resultCycles(tileBytes) + products + blocks * rereadCycles(operandBytes) +
             static_cast<double>(s.chunks()) * weightCycles(weightBytes);
  if (s.tasks() >= kWantedTasks / 2)
    keepIfBest();
  s.depth = 0;
}

/// Products over tiles: blocks of channels.
void WinogradChooser::tryChannels(int64_t inputBlock, int64_t outputBlock, bool pointsFirst) {
  s.inputBlock = inputBlock;
  s.outputBlock = s.block = outputBlock;
  s.pointsFirst = pointsFirst;
  auto points = static_cast<double>(s.allPoints()), l2 = static_cast<double>(machine.l2Bytes);
  double sumBytes = 4 * points * static_cast<double>(llvm::alignTo(inputBlock, s.rows)) *
                    static_cast<double>(s.paddedBlock());
  double tileBytes = 4 * points * static_cast<double>(inputBlock + s.paddedBlock());
  auto fitting = static_cast<int64_t>((0.7 * l2 - sumBytes) / tileBytes);
  if (sumBytes > (pointsFirst ? 0.6 : 0.4) * l2 || (!pointsFirst && fitting < 1))
    return;
  int64_t blocks = (s.inputs / inputBlock) * (s.outputs / outputBlock);
  if (pointsFirst && blocks == 1)
    return;
  s.parts =
      std::min<int64_t>(llvm::divideCeil(kWantedTasks, blocks), llvm::divideCeil(s.tiles(), 16));
  int64_t tilesOfPart = llvm::divideCeil(s.tiles(), s.parts);
  s.parts = llvm::divideCeil(s.tiles(), tilesOfPart);
  int64_t chunks = pointsFirst ? 1 : llvm::divideCeil(tilesOfPart, std::min<int64_t>(fitting, 256));
  s.chunk = llvm::divideCeil(tilesOfPart, chunks);

  auto passes = static_cast<double>(blocks), parts = static_cast<double>(s.parts);
  double registerTiles = static_cast<double>(llvm::divideCeil(inputBlock, s.rows)) *
                         static_cast<double>(s.paddedBlock() / s.panelWidth());
  double allChunks = static_cast<double>(chunks) * parts * passes;
  double products =
      points * registerTiles * allChunks *
      productCycles(s.rows, s.vectors, static_cast<double>(s.chunk), chunks > 1 ? 3 : 1.5);
  auto tasks = parts * passes;
  s.cycles =
      tileCycles(passes, sumBytes, tileBytes) + products + tasks * sumBytes / 24 + gradientCycles();
  keepIfBest();
}

/// Cycles of bringing image and result to their points, once or for each block of
/// channels.
double WinogradChooser::tileCycles(double passes, double sumBytes, double tileBytes) const {
  auto tiles = static_cast<double>(s.tiles());
  auto lines = static_cast<double>(s.allPoints() * s.lanes) / 16;
  auto cyclesOf = [&](double inputs, double outputs, double bytes) {
    double line = lines * lineCycles(bytes);
    return inputs * (std::max(cyclesOfOperand, line) + 0.5 * cyclesOfOperand) +
           outputs * (std::max(cyclesOfResult, line) + 0.5 * cyclesOfResult);
  };
  if (!s.pointsFirst)
    return tiles * passes *
           (cyclesOf(vectorsOf(s.inputBlock), vectorsOf(s.outputBlock),
                     sumBytes + static_cast<double>(s.chunk) * tileBytes) +
            tileBytes / 32);
  double allBytes =
      4 * static_cast<double>(s.allPoints()) * tiles * static_cast<double>(s.inputs + s.outputs);
  return tiles * cyclesOf(vectorsOf(s.inputs), vectorsOf(s.outputs), allBytes) +
         passes * rereadCycles(tiles * tileBytes);
}

/// Cycles of bringing the weights' gradient back from the points.
double WinogradChooser::gradientCycles() const {
  auto bytes = 4 * static_cast<double>(s.taps * s.taps * s.inputs * s.outputs);
  auto parts = static_cast<double>(s.parts);
  double stored = bytes / Machine::lineBytes * lineCycles(bytes) * (s.parts > 1 ? parts + 1 : 1);
  return parts * static_cast<double>(s.inputs) * vectorsOf(s.outputs) * cyclesOfWeights + stored;
}

/// Whole parts of an extent that are vectors' multiples, the extent first.
static SmallVector<int64_t> blocksOf(int64_t extent, int64_t lanes) {
  SmallVector<int64_t> blocks = {extent};
  for (int64_t block = extent / 2; block >= 2 * lanes; --block)
    if (extent % block == 0 && block % lanes == 0)
      blocks.push_back(block);
  return blocks;
}

void WinogradChooser::tryTile(int64_t rows, int64_t vectors) {
  s.rows = rows;
  s.vectors = vectors;
  if (!s.wants(s.weights)) {
    for (int64_t block : blocksOf(s.columns, s.panelWidth())) {
      tryBlock(block);
      for (int64_t depth : blocksOf(s.reduction, s.lanes))
        tryLate(block, depth);
    }
    return;
  }
  for (int64_t inputBlock : blocksOf(s.inputs, s.lanes))
    for (int64_t outputBlock : blocksOf(s.outputs, s.panelWidth()))
      for (bool pointsFirst : {false, true})
        tryChannels(inputBlock, outputBlock, pointsFirst);
}

/// Channels that are summed over fill tiles.
bool WinogradChooser::allowsTiles() const {
  return splits != SplitProducts::Never && machine.hasTiles && machine.vectorBits == 512 &&
         d.element.isF32() && s.wants(s.result) && s.reduction % kTileK == 0;
}

WinogradStrategy WinogradChooser::choose() {
  bool wantsImage = s.wants(s.image);
  s.reduction = wantsImage ? s.outputs : s.inputs;
  s.columns = wantsImage ? s.inputs : s.outputs;
  bool wantsWeights = s.wants(s.weights);
  cyclesOfOperand = transformCycles(wantsImage ? transforms.result : transforms.image, false);
  cyclesOfWeights = transformCycles(transforms.weights, wantsWeights);
  cyclesOfResult =
      transformCycles(wantsImage ? transforms.image : transforms.result, !wantsWeights);
  if (allowsTiles()) {
    s.usesTiles = true;
    for (auto [rowTiles, columnTiles] : {std::pair<int64_t, int64_t>{2, 2}, {1, 4}, {1, 2}}) {
      s.rows = rowTiles * kTileRows;
      s.vectors = columnTiles;
      for (int64_t block : blocksOf(s.columns, s.panelWidth()))
        tryBlock(block);
    }
    s.usesTiles = false;
    if (splits == SplitProducts::WherePossible && best.usesTiles)
      return best;
  }
  int64_t most = s.wants(s.weights) ? s.inputs : s.tiles();
  int64_t columns = s.wants(s.weights) ? s.outputs : s.columns;
  for (int64_t vectors = 1; vectors <= std::min<int64_t>(4, llvm::divideCeil(columns, s.lanes));
       ++vectors) {
    int64_t limit = rowsInRegisters(machine.vectorRegisters, vectors, machine.hasFMA);
    for (int64_t rows = std::min<int64_t>(4, most); rows <= std::min(limit, most); ++rows)
      tryTile(rows, vectors);
  }
  return best;
}

/// Whether tasks share tiles before they share channels. Those of several chunks bring the same
/// weights to their points, which must be near then.
static bool goesTilesFirst(const WinogradStrategy &s, const Machine &machine) {
  if (s.wants(s.weights))
    return s.parts > 1;
  auto weights = 4 * static_cast<double>(s.taps * s.taps * s.inputs * s.outputs);
  return s.isLate() && s.chunks() > 1 && weights <= 1.5 * static_cast<double>(machine.l2Bytes);
}

/// What is brought to its points before the tasks and read by all of them, and its bytes; none,
/// where workers read what they brought themselves.
static std::pair<std::optional<OperandIndex>, double> sharedPoints(const WinogradStrategy &s,
                                                                   bool keepsWeights) {
  auto bytesOf = [&](int64_t rows, int64_t columns) {
    return 4 * static_cast<double>(s.allPoints() * rows) * static_cast<double>(columns);
  };
  if (s.tasks() == 1 || s.tilesFirst)
    return {};
  if (s.wants(s.weights)) {
    if (!s.pointsFirst)
      return {};
    bool sharesImage = s.outputsFirst() || s.inputs == s.inputBlock;
    return {(sharesImage ? s.image : s.result).operand,
            bytesOf(s.tiles(), sharesImage ? s.inputs : s.outputs)};
  }
  if (s.isLate())
    return {(s.wants(s.image) ? s.result : s.image).operand, bytesOf(s.tiles(), s.reduction)};
  if (keepsWeights)
    return {};
  return {s.weights.operand, bytesOf(s.reduction, s.columns / s.block * s.paddedBlock())};
}

double directCycles(const ContractionDescriptor &descriptor, const Machine &machine) {
  auto lanes = static_cast<double>(machine.lanes(descriptor.element.getIntOrFloatBitWidth()));
  return descriptor.flops() / (2 * lanes * (machine.hasFMA ? 2 : 1) * 0.88);
}

FailureOr<WinogradStrategy> chooseWinograd(const ContractionDescriptor &descriptor,
                                           const Machine &machine, bool keepsWeights,
                                           SplitProducts splits) {
  FailureOr<WinogradStrategy> convolution = recognizeWinograd(descriptor);
  if (failed(convolution))
    return failure();
  SmallVector<int64_t> sizes = {2};
  if (convolution->taps == 3)
    sizes.push_back(4);
  // Measured, tiles of 2x2 elements take that much longer than estimated beside larger ones.
  constexpr double kLargerTiles = 1.05;
  WinogradStrategy best;
  for (int64_t size : sizes) {
    WinogradStrategy strategy =
        WinogradChooser(descriptor, machine, *convolution, size, keepsWeights, splits).choose();
    if (best.chunk == 0 || strategy.cycles < kLargerTiles * best.cycles)
      best = strategy;
  }
  if (best.chunk == 0)
    return failure();
  best.tilesFirst = goesTilesFirst(best, machine);
  auto [shared, bytes] = sharedPoints(best, keepsWeights);
  if (bytes <= static_cast<double>(machine.l2Bytes) && !best.usesTiles)
    best.byEachWorker = shared;
  return best;
}

} // namespace dl
