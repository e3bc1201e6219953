//===- ContractionStrategyTests.cpp - Strategies of shapes of their own ---===//
//
// Shapes too large for sweeps, on a machine with caches of usual sizes. The reference
// would take seconds: the same kernel for AVX2 stands for it.
//
//===----------------------------------------------------------------------===//

#include "KernelHarness.h"

#include "fmt/format.h"

#include <gtest/gtest.h>

#include <random>

using namespace dl;
using namespace dl::test;

namespace {

class ContractionStrategies : public testing::Test {
protected:
  void SetUp() override {
    machine = Machine::get("host").value();
    if (machine.vectorBits < 512)
      GTEST_SKIP() << "this machine has no vectors of 512 bits";
    machine.l1Bytes = 48 << 10, machine.l2Bytes = 2 << 20, machine.l3Bytes = 64 << 20;
  }

  static std::unique_ptr<CompiledKernel> compile(const KernelText &text, const Machine &machine) {
    return CompiledKernel::get(text, machine, /*wantsAssembly=*/false, Winograd::Never,
                               SplitProducts::Never);
  }

  /// The strategy of a kernel whose results are right; "" where it has none.
  std::string strategyOf(const KernelText &text) {
    auto kernel = compile(text, machine), other = compile(text, Machine::get("avx2").value());
    EXPECT_TRUE(kernel && other);
    if (!kernel || !other)
      return "";
    avx2 = other->strategy();
    std::vector<Tensor> arguments = kernel->randomArguments();
    std::vector<Tensor> results = kernel->run(arguments), others = other->run(arguments);
    for (size_t i = 0; i < results.size(); ++i)
      EXPECT_LE(relativeError(results[i], others[i]), 1e-5) << text.body;
    return kernel->strategy();
  }

  Machine machine;
  /// The strategy of the last kernel for AVX2.
  std::string avx2;
};

/// Words in a text.
bool says(const std::string &text, const char *words) {
  return text.find(words) != std::string::npos;
}

/// Few rows, and many weights that come in chunks of K: of the taps' rows, of which there
/// are too few for a task each, and of what lies inside them.
TEST_F(ContractionStrategies, SplitInTwoDimensions) {
  std::string strategy =
      strategyOf({{"1x7x7x512xf32", "3x3x512x512xf32"},
                  "%r = dl.conv2d %a0, %a1 {padding = [1, 1, 1, 1], layout = nhwc}"});
  EXPECT_TRUE(says(strategy, "kh kw.ic split in")) << strategy;
  EXPECT_FALSE(says(avx2, "kh kw.ic split in")) << avx2;
}

/// Strided, from few pixels and many weights: residues as dot products, which fetch the
/// weights of the next columns ahead.
TEST_F(ContractionStrategies, ResiduesFetchColumnsAhead) {
  std::string strategy =
      strategyOf({{"1x7x7x512xf32", "3x3x512x512xf32"},
                  "%r = dl.conv2d_backward_data %a0, %a1 {input_size = [14, 14], strides = [2, 2], "
                  "padding = [1, 1, 1, 1], layout = nhwc}"});
  for (const char *words : {"4 residues", "(dot products)", "columns of b fetched ahead"})
    EXPECT_TRUE(says(strategy, words)) << strategy;
}

/// Panels of rows hold what strides leave of the image, so wide tiles need not keep them near.
TEST_F(ContractionStrategies, CountWhatStridesLeave) {
  std::string strategy =
      strategyOf({{"1x14x14x1024xf32", "1x7x7x2048xf32"},
                  "%r = dl.conv2d_backward_weights %a0, %a1 {kernel_size = [1, 1], "
                  "strides = [2, 2], layout = nhwc}"});
  EXPECT_TRUE(says(strategy, "a packed")) << strategy;
}

/// Few columns: tasks share the rows of each, and pack its panel each for itself.
TEST_F(ContractionStrategies, TasksShareRows) {
  for (const KernelText &text :
       {KernelText{
            {"8x7x7x960xf32", "8x7x7x320xf32"},
            "%r = dl.conv2d_backward_weights %a0, %a1 {kernel_size = [1, 1], layout = nhwc}"},
        KernelText{
            {"8x14x14x1024xf32", "8x14x14x256xf32"},
            "%r = dl.conv2d_backward_weights %a0, %a1 {kernel_size = [1, 1], layout = nhwc}\n"
            "%s = dl.sum %a1 {axes = [0, 1, 2]}",
            {"%r", "%s"}}}) {
    std::string strategy = strategyOf(text);
    EXPECT_TRUE(says(strategy, " parts")) << strategy;
  }
}

/// The first tile of rows packs a panel while it multiplies, beside a sum of B too; not the
/// last panel, which is narrower.
TEST_F(ContractionStrategies, FirstRowsPack) {
  std::mt19937 generator(1);
  auto between = [&](int low, int high) {
    return low + static_cast<int>(generator() % (high - low));
  };
  int reached = 0;
  for (int round = 0; round < 18; ++round) {
    bool isTransposed = round % 3 == 0;
    int m = between(72, 160), n = between(12, 17) * 64, k = between(500, 900);
    n += round % 2 == 0 ? between(-63, 63) : 0;
    KernelText text{{fmt::format("{}x{}xf32", isTransposed ? k : m, isTransposed ? m : k),
                     fmt::format("{}x{}xf32", k, n)},
                    fmt::format("%r = dl.matmul %a0, %a1 {{transpose_a = {}}}", isTransposed)};
    if (isTransposed) {
      text.body += "\n%s = dl.sum %a1 {axes = [0]}";
      text.yields = {"%r", "%s"};
    }
    reached += says(strategyOf(text), "b packed with the first rows");
  }
  EXPECT_GE(reached, 5);
}

/// Where all of B stays in the L2 cache, rows pass by it with K whole.
TEST_F(ContractionStrategies, LeaveWholeWhatBStaysFor) {
  std::string strategy = strategyOf({{"512x1024xf32", "1024x256xf32"}, "%r = dl.matmul %a0, %a1"});
  EXPECT_FALSE(says(strategy, "split")) << strategy;
  EXPECT_TRUE(says(strategy, "loops m n")) << strategy;
}

/// Short sums: tiles go down columns whose panels the L1 cache holds, where the results of a
/// batch stay in the L2 cache meanwhile; along rows where they do not.
TEST_F(ContractionStrategies, ShortSumsGoDownColumns) {
  for (int n : {512, 1024}) {
    std::string strategy =
        strategyOf({{fmt::format("4x{}x64xf32", n), fmt::format("4x{}x64xf32", n)},
                    "%r = dl.matmul %a0, %a1 {transpose_b = true}"});
    EXPECT_EQ(says(strategy, "loops b0 n m"), n == 512) << strategy;
    EXPECT_EQ(says(strategy, "b packed in tasks"), n == 512) << strategy;
  }
}

/// Rows of A whose pieces would share a set of the L1 cache are packed; a column of results,
/// which comes in pieces of rows in either case, packs its panel itself.
TEST_F(ContractionStrategies, ShortSumsPackRowsOfPages) {
  std::string strategy = strategyOf(
      {{"128x1024xf32", "128x4096xf32"}, "%r = dl.matmul %a0, %a1 {transpose_a = true}"});
  for (const char *words : {"a packed", "loops n m", "b packed with the first rows"})
    EXPECT_TRUE(says(strategy, words)) << strategy;
}

/// Where a panel of B does, rows of images that the cache does not hold stream past it.
TEST_F(ContractionStrategies, LeaveWholeWhatPanelsStayFor) {
  KernelText text{{"8x14x14x512xf32", "3x3x512x512xf32"},
                  "%r = dl.conv2d %a0, %a1 {strides = [2, 2], padding = [1, 1, 1, 1], layout = "
                  "nhwc}"};
  std::string strategy = strategyOf(text);
  EXPECT_FALSE(says(strategy, "split")) << strategy;
  EXPECT_TRUE(says(strategy, "loops oc img oh ow")) << strategy;
}

/// Few tiles of rows have a panel of B each time: they fetch the next one, where the L2 cache
/// has room for it.
TEST_F(ContractionStrategies, FewTilesFetchPanels) {
  KernelText text{{"64x1024xf32", "1024x1024xf32"}, "%b = dl.relu %a1\n%r = dl.matmul %a0, %b"};
  std::string strategy = strategyOf(text);
  EXPECT_TRUE(says(strategy, "panels of b fetched ahead")) << strategy;
  machine.l2Bytes = 512 << 10;
  strategy = strategyOf(text);
  EXPECT_FALSE(says(strategy, "panels of b fetched ahead")) << strategy;
}

/// Of small images, much of what taps meet lies outside: it is left out, not copied with zeros.
TEST_F(ContractionStrategies, SmallImagesAreClipped) {
  for (auto [image, cotangent] : {std::pair("2x17x7x32xf32", "2x17x7x32xf32"),
                                  std::pair("4x14x14x7xf32", "4x14x14x64xf32")}) {
    std::string strategy =
        strategyOf({{image, cotangent},
                    "%r = dl.conv2d_backward_weights %a0, %a1 {kernel_size = [3, "
                    "3], padding = [1, 1, 1, 1], layout = nhwc}"});
    EXPECT_TRUE(says(strategy, "a clipped")) << strategy;
  }
}

/// Likewise where vectors lie along K: of 7x7 positions, 18 % of the products; and no second
/// image is written.
TEST_F(ContractionStrategies, DotProductsAreClipped) {
  for (const KernelText &text :
       {KernelText{{"1x7x7x512xf32", "3x3x512x512xf32"},
                   "%r = dl.conv2d_backward_data %a0, %a1 {input_size = [7, 7], padding = [1, 1, "
                   "1, 1], layout = nhwc}"},
        KernelText{{"1x14x14x256xf32", "3x3x256x256xf32"},
                   "%r = dl.conv2d_backward_data %a0, %a1 {input_size = [28, 28], strides = [2, "
                   "2], padding = [1, 1, 1, 1], layout = nhwc}"},
        KernelText{{"4x14x14x64xf32", "3x3x64x3xf32"},
                   "%r = dl.conv2d %a0, %a1 {padding = [1, 1, 1, 1], layout = nhwc}"}}) {
    std::string strategy = strategyOf(text);
    EXPECT_TRUE(says(strategy, "(dot products); a clipped")) << strategy;
  }
}

/// A single row takes long pieces of the rows of a B that the L2 cache holds.
TEST_F(ContractionStrategies, SingleRowsAreWide) {
  for (auto [n, tile] : {std::pair(256, "tile 1x16"), std::pair(1024, "tile 1x8")}) {
    std::string strategy =
        strategyOf({{"1x512xf32", fmt::format("512x{}xf32", n)}, "%r = dl.matmul %a0, %a1"});
    EXPECT_TRUE(says(strategy, tile)) << strategy;
  }
}

/// Tiles of few rows wait for a B that the L2 cache gives: one of seven, not of four and three.
TEST_F(ContractionStrategies, StreamedColumnsWantRows) {
  std::string strategy = strategyOf({{"7x256xf32", "256x256xf32"}, "%r = dl.matmul %a0, %a1"});
  EXPECT_TRUE(says(strategy, "tile 7x")) << strategy;
}

/// Where the L2 cache holds everything, long panels are read in place, K whole.
TEST_F(ContractionStrategies, LongPanelsStream) {
  std::string strategy = strategyOf({{"128x512xf32", "512x512xf32"}, "%r = dl.matmul %a0, %a1"});
  EXPECT_TRUE(says(strategy, "b in place")) << strategy;
  EXPECT_FALSE(says(strategy, "chunks")) << strategy;
}

/// Narrow panels hold all of K, where A is near: no sums wait between chunks.
TEST_F(ContractionStrategies, NarrowPanelsHoldAllOfK) {
  std::string strategy =
      strategyOf({{"256x256xf32", "256x127xf32"}, "%r = dl.matmul %a0, %a1 {transpose_a = true}"});
  EXPECT_TRUE(says(strategy, "tile 13x2") && says(strategy, "b packed with the first rows"))
      << strategy;
  EXPECT_FALSE(says(strategy, "chunks")) << strategy;
}

/// Nor is a panel packed where tiles as good read B where it lies.
TEST_F(ContractionStrategies, WidePanelsAreNotPackedForNothing) {
  std::string strategy =
      strategyOf({{"128x128xf32", "128x784xf32"}, "%r = dl.matmul %a0, %a1 {transpose_a = true}"});
  EXPECT_TRUE(says(strategy, "a in place, b in place")) << strategy;
}

/// Tiles that store many lines of a large result at a time keep the next ones waiting.
TEST_F(ContractionStrategies, LargeResultsWantSmallTiles) {
  for (auto [images, tile] : {std::pair(1, "tile 13x2"), std::pair(8, "tile 7x2")}) {
    std::string strategy = strategyOf(
        {{fmt::format("{}x224x224x3xf32", images), "3x3x3x32xf32"},
         "%r = dl.conv2d %a0, %a1 {strides = [2, 2], padding = [1, 1, 1, 1], layout = nhwc}"});
    EXPECT_TRUE(says(strategy, tile)) << strategy;
  }
}

/// A single tile of rows gains nothing from a B that is nearer.
TEST_F(ContractionStrategies, FewRowsNeedNoChunks) {
  std::string strategy = strategyOf({{"3x256xf32", "256x256xf32"}, "%r = dl.matmul %a0, %a1"});
  EXPECT_FALSE(says(strategy, "chunks")) << strategy;
}

/// A copy of a large image costs the way from outer memory twice.
TEST_F(ContractionStrategies, LargeImagesAreNotCopied) {
  for (const char *image : {"1x224x224x3xf32", "8x224x224x3xf32"}) {
    std::string strategy = strategyOf(
        {{image, "3x3x3x32xf32"},
         "%r = dl.conv2d %a0, %a1 {strides = [2, 2], padding = [1, 1, 1, 1], layout = nhwc}"});
    EXPECT_TRUE(says(strategy, "a clipped")) << strategy;
  }
}

/// Short pieces of a B that nearly fills the L2 cache are read once, not for each tile of rows.
TEST_F(ContractionStrategies, LargeColumnsStayOutside) {
  std::string strategy = strategyOf(
      {{"8x7x7x960xf32", "8x7x7x160xf32"},
       "%r = dl.conv2d_backward_weights %a0, %a1 {kernel_size = [1, 1], layout = nhwc}"});
  EXPECT_FALSE(says(strategy, "b in place; loops oc ic")) << strategy;
}

/// Rows of B that share cache sets are not read in place by each tile of rows.
TEST_F(ContractionStrategies, ColumnsInFewSets) {
  std::string strategy =
      strategyOf({{"1x56x56x64xf32", "1x1x64x256xf32"}, "%r = dl.conv2d %a0, %a1 {layout = nhwc}"});
  EXPECT_FALSE(says(strategy, "b in place; loops oc oh.ow")) << strategy;
}

/// Parts of K as many as wanted, though chunks would not divide them; few rows leave the time
/// that their columns take.
TEST_F(ContractionStrategies, ChunksDivideParts) {
  for (auto [image, cotangent] : {std::pair("1x112x112x16xf32", "1x112x112x96xf32"),
                                  std::pair("8x28x28x128xf32", "8x28x28x512xf32")}) {
    std::string strategy = strategyOf(
        {{image, cotangent},
         "%r = dl.conv2d_backward_weights %a0, %a1 {kernel_size = [1, 1], layout = nhwc}"});
    EXPECT_TRUE(says(strategy, "in chunks of")) << strategy;
    EXPECT_TRUE(says(strategy, "split in 8")) << strategy;
  }
}

/// Tiles as wide as C leave no second reading of pieces of A.
TEST_F(ContractionStrategies, WideTilesReadPiecesOnce) {
  std::string strategy = strategyOf(
      {{"4x1024x1024xf32", "4x1024x64xf32"}, "%r = dl.matmul %a0, %a1 {transpose_a = true}"});
  EXPECT_TRUE(says(strategy, "tile 6x4")) << strategy;
}

/// Dot products where the L1 cache holds a tile's rows and columns in full length.
TEST_F(ContractionStrategies, ShortDotProducts) {
  for (auto [cotangent, weights, size, areDots] :
       {std::tuple("1x14x14x1024xf32", "1x1x256x1024xf32", 14, true),
        std::tuple("1x7x7x2048xf32", "1x1x512x2048xf32", 7, false)}) {
    std::string strategy =
        strategyOf({{cotangent, weights},
                    fmt::format("%r = dl.conv2d_backward_data %a0, %a1 {{input_size = [{0}, {0}], "
                                "layout = nhwc}}",
                                size)});
    EXPECT_EQ(says(strategy, "(dot products)"), areDots) << strategy;
  }
}

/// Results that leave the caches are written along their rows, not in strips of columns:
/// also where a batch alone would leave room for them.
TEST_F(ContractionStrategies, LargeResultsAreWrittenAlongRows) {
  for (const KernelText &text : {KernelText{{"8x1024x64xf32", "8x1024x64xf32"},
                                            "%r = dl.matmul %a0, %a1 {transpose_b = true}"},
                                 KernelText{{"16x512x64xf32", "16x512x64xf32"},
                                            "%r = dl.matmul %a0, %a1 {transpose_b = true}"},
                                 KernelText{{"128x1024xf32", "128x1024xf32"},
                                            "%r = dl.matmul %a0, %a1 {transpose_a = true}"}}) {
    std::string strategy = strategyOf(text);
    EXPECT_TRUE(says(strategy, "m n; sums over k")) << strategy;
  }
}

/// Pieces of rows of a B that the L2 cache cannot hold are packed, unless they are fetched
/// ahead.
TEST_F(ContractionStrategies, FarColumnsArePacked) {
  std::string strategy = strategyOf({{"128x512xf32", "512x1536xf32"}, "%r = dl.matmul %a0, %a1"});
  EXPECT_TRUE(says(strategy, "b packed with the first rows")) << strategy;
  strategy = strategyOf({{"8x1280xf32", "1280x1000xf32"}, "%r = dl.matmul %a0, %a1"});
  EXPECT_TRUE(says(strategy, "b in place")) << strategy;
  EXPECT_TRUE(says(strategy, "columns of b fetched ahead")) << strategy;
  // Of many short parts of K, tasks take several.
  strategy = strategyOf({{"8x4096xf32", "4096x4096xf32"}, "%r = dl.matmul %a0, %a1"});
  EXPECT_TRUE(says(strategy, "k in chunks of 32; k split in 22")) << strategy;
}

/// Far out, rows of B are transposed in long pieces, where rows of A leave the time.
TEST_F(ContractionStrategies, FarRowsAreTransposedInLongPieces) {
  for (auto [rows, k, isLong] : {std::tuple(128, 3072, true), std::tuple(32, 3072, false)}) {
    std::string strategy =
        strategyOf({{fmt::format("{}x{}xf32", rows, k), fmt::format("1024x{}xf32", k)},
                    "%r = dl.matmul %a0, %a1 {transpose_b = true}"});
    EXPECT_EQ(says(strategy, "k in chunks of 1024"), isLong) << strategy;
  }
}

/// Rows that stream past a panel of the L2 cache are fetched ahead.
TEST_F(ContractionStrategies, BlocksFetchRows) {
  std::string strategy = strategyOf(
      {{"512x1024xf32", "1024x1024xf32"}, "%r = dl.matmul %a0, %a1 {transpose_b = true}"});
  EXPECT_TRUE(says(strategy, "b packed in tasks; rows of a fetched ahead")) << strategy;
}

/// So are those of the next tile that a chunk of K meets, and pieces of transposed rows, where
/// the L2 cache holds A, but much else; of a small A they are not.
TEST_F(ContractionStrategies, FetchesFromSharedCache) {
  for (auto [m, n, k, isLarge] :
       {std::tuple(512, 3072, 768, true), std::tuple(64, 784, 512, false)}) {
    std::string plain =
        strategyOf({{fmt::format("{}x{}xf32", m, k), fmt::format("{}x{}xf32", k, n)},
                    "%r = dl.matmul %a0, %a1"});
    EXPECT_EQ(says(plain, "rows of a fetched ahead"), isLarge) << plain;
    EXPECT_TRUE(says(plain, "k in chunks")) << plain;
    std::string transposed =
        strategyOf({{fmt::format("{}x{}xf32", k, m), fmt::format("{}x{}xf32", k, n)},
                    "%r = dl.matmul %a0, %a1 {transpose_a = true}"});
    EXPECT_EQ(says(transposed, "pieces of a fetched ahead"), isLarge) << transposed;
  }
}

/// Pieces of rows that are clipped are fetched as others are.
TEST_F(ContractionStrategies, FetchesClippedPieces) {
  std::string strategy =
      strategyOf({{"8x56x56x128xf32", "8x28x28x128xf32"},
                  "%r = dl.conv2d_backward_weights %a0, %a1 {kernel_size = [3, 3], strides = [2, "
                  "2], padding = [1, 1, 1, 1], layout = nhwc}"});
  EXPECT_TRUE(says(strategy, "a clipped")) << strategy;
  EXPECT_TRUE(says(strategy, "pieces of a fetched ahead")) << strategy;
}

/// Panels that come from outer memory are fetched while tiles multiply the one before; not
/// those that the L2 cache holds.
TEST_F(ContractionStrategies, FetchesPanels) {
  for (auto [rows, isFar] : {std::pair(4096, true), std::pair(1024, false)}) {
    std::string strategy = strategyOf({{fmt::format("128x{}xf32", rows), "128x1024xf32"},
                                       "%r = dl.matmul %a0, %a1 {transpose_a = true}"});
    EXPECT_EQ(says(strategy, "panels of b fetched ahead"), isFar) << strategy;
  }
}

/// So do those of a panel that is transposed from outer memory, if they are few enough to wait.
TEST_F(ContractionStrategies, FetchesColumnsOfPanels) {
  for (auto [rows, columns, fetches] :
       {std::tuple(128, 512, true), std::tuple(1024, 512, false), std::tuple(128, 128, false)}) {
    std::string strategy =
        strategyOf({{fmt::format("{}x2048xf32", rows), fmt::format("{}x2048xf32", columns)},
                    "%r = dl.matmul %a0, %a1 {transpose_b = true}"});
    EXPECT_EQ(says(strategy, "columns of panels fetched ahead"), fetches) << strategy;
  }
}

/// Tasks are blocks of rows that lie side by side, where A stays in no cache, and there are
/// columns enough for packing it; otherwise the tasks of columns share rows, or read A packed.
TEST_F(ContractionStrategies, BlocksOfRows) {
  for (auto [rows, columns, sums, areBlocks] :
       {std::tuple(2048, 512, 1024, true), std::tuple(1024, 1024, 512, true),
        std::tuple(1024, 192, 1024, false), std::tuple(512, 2048, 512, false),
        std::tuple(2048, 512, 64, false)}) {
    std::string strategy =
        strategyOf({{fmt::format("{}x{}xf32", sums, rows), fmt::format("{}x{}xf32", sums, columns)},
                    "%r = dl.matmul %a0, %a1 {transpose_a = true}"});
    EXPECT_EQ(says(strategy, "a packed with the first columns"), areBlocks) << strategy;
  }
}

/// Tiles of rows share the lines of the next panel, of which there are four a row: with two steps
/// of the innermost loop, a tile fetches one, or, where tiles are few, more.
TEST_F(ContractionStrategies, SharesLinesOfPanels) {
  for (auto [rows, lines] : {std::pair(512, 1), std::pair(30, 2)}) {
    KernelText text{{fmt::format("{}x768xf32", rows), "768x3072xf32"}, "%r = dl.matmul %a0, %a1"};
    auto kernel = CompiledKernel::get(text, machine, /*wantsAssembly=*/true, Winograd::Never,
                                      SplitProducts::Never);
    ASSERT_TRUE(kernel);
    ASSERT_TRUE(says(kernel->strategy(), "k in chunks of")) << kernel->strategy();
    EXPECT_EQ(llvm::StringRef(kernel->assembly).count("prefetcht1"), static_cast<size_t>(lines));
  }
}

/// Results of short sums are written row by row where rows are whole pages apart, so that pieces
/// of them would share sets of a cache.
TEST_F(ContractionStrategies, WritesRowsOfPages) {
  for (auto [columns, arePages] : {std::pair(1024, true), std::pair(1040, false)})
    for (bool transposed : {false, true}) {
      std::string b =
          transposed ? fmt::format("{}x10xf32", columns) : fmt::format("10x{}xf32", columns);
      std::string strategy =
          strategyOf({{"100x10xf32", b},
                      fmt::format("%r = dl.matmul %a0, %a1 {{transpose_b = {}}}", transposed)});
      EXPECT_EQ(says(strategy, "loops m n"), arePages) << strategy;
    }
}

/// Parts of a few rows of B are for few rows of A: more than a tile's lose them again. Parts
/// between which B is transposed cost more than a B that is packed whole.
TEST_F(ContractionStrategies, PartsAreRare) {
  for (auto [rows, isFew] : {std::pair(8, true), std::pair(24, false)}) {
    std::string strategy = strategyOf({{fmt::format("3136x{}xf32", rows), "3136x144xf32"},
                                       "%r = dl.matmul %a0, %a1 {transpose_a = true}"});
    EXPECT_EQ(says(strategy, "columns of b fetched ahead"), isFew) << strategy;
  }
  std::string strategy = strategyOf(
      {{"256x1000xf32", "256x1000xf32"}, "%r = dl.matmul %a0, %a1 {transpose_b = true}"});
  EXPECT_FALSE(says(strategy, "split in")) << strategy;
}

/// Tasks share rows where a worker's columns of a row of 1 KiB would meet half of a cache's
/// sets.
TEST_F(ContractionStrategies, SharesRows) {
  constexpr const char *kAttributes =
      "{kernel_size = [3, 3], strides = [2, 2], padding = [1, 1, 1, 1], layout = nhwc}";
  for (auto [columns, isPower] : {std::pair(256, true), std::pair(192, false)}) {
    std::string strategy =
        strategyOf({{"8x28x28x256xf32", fmt::format("8x14x14x{}xf32", columns)},
                    fmt::format("%r = dl.conv2d_backward_weights %a0, %a1 {}", kAttributes)});
    EXPECT_EQ(says(strategy, "3 rows of tasks at a time"), isPower) << strategy;
  }
}

/// Few output channels: vectors go along the image's, of which a copy with zeros around it stays
/// in the L2 cache; not a larger one, which every tap would read from outer memory.
TEST_F(ContractionStrategies, FewOutputsAreRows) {
  constexpr const char *kAttributes =
      "{kernel_size = [3, 3], padding = [1, 1, 1, 1], layout = nhwc}";
  for (auto [images, channels, isNear] :
       {std::tuple(4, 7, true), std::tuple(4, 128, false), std::tuple(64, 128, false)}) {
    std::string strategy = strategyOf(
        {{fmt::format("{}x14x14x64xf32", images), fmt::format("{}x14x14x{}xf32", images, channels)},
         fmt::format("%r = dl.conv2d_backward_weights %a0, %a1 {}", kAttributes)});
    EXPECT_EQ(says(strategy, "b copied") && says(strategy, "operands swapped"), isNear) << strategy;
  }
}

/// Sums split along long operands lie along the one that fills vectors.
TEST_F(ContractionStrategies, NarrowOutputsAreRowsOfParts) {
  for (auto [channels, fillsVectors] : {std::pair(24, false), std::pair(48, true)}) {
    std::string strategy = strategyOf({{"25088x144xf32", fmt::format("25088x{}xf32", channels)},
                                       "%r = dl.matmul %a0, %a1 {transpose_a = true}"});
    EXPECT_TRUE(says(strategy, "k split in 8")) << strategy;
    EXPECT_EQ(says(strategy, "operands swapped"), !fillsVectors) << strategy;
  }
}

/// Rows that pass from outer memory are fetched ahead, which dot products do not do.
TEST_F(ContractionStrategies, DotProductsReadNear) {
  for (auto [rows, isFar] : {std::pair(60000, true), std::pair(1000, false)}) {
    std::string strategy = strategyOf({{fmt::format("{}x128xf32", rows), "10x128xf32"},
                                       "%r = dl.matmul %a0, %a1 {transpose_b = true}"});
    EXPECT_EQ(says(strategy, "rows of a fetched ahead"), isFar) << strategy;
    EXPECT_EQ(says(strategy, "(dot products)"), !isFar) << strategy;
  }
}

/// Images that taps read in turn, a tile each, come in parts that stay in the L2 cache.
TEST_F(ContractionStrategies, SplitsWhatTapsReadAgain) {
  constexpr const char *kAttributes =
      "{kernel_size = [3, 3], strides = [2, 2], padding = [1, 1, 1, 1], layout = nhwc}";
  for (auto [images, isLarge] : {std::pair(32, true), std::pair(4, false)}) {
    std::string strategy = strategyOf(
        {{fmt::format("{}x32x32x16xf32", images), fmt::format("{}x16x16x32xf32", images)},
         fmt::format("%r = dl.conv2d_backward_weights %a0, %a1 {}", kAttributes)});
    EXPECT_EQ(says(strategy, "img split in 6"), isLarge) << strategy;
  }
}

/// Few columns of tiles make an even number of tasks: in parts of rows, and by tiles of another
/// width where that takes no longer (three vectors would make 11 columns).
TEST_F(ContractionStrategies, SharesEvenly) {
  std::string strategy =
      strategyOf({{"392x960xf32", "392x320xf32"}, "%r = dl.matmul %a0, %a1 {transpose_a = true}"});
  EXPECT_TRUE(says(strategy, "; 20 tasks") && says(strategy, "in 4 parts")) << strategy;
  strategy =
      strategyOf({{"512x512xf32", "512x512xf32"}, "%r = dl.matmul %a0, %a1 {transpose_b = true}"});
  EXPECT_TRUE(says(strategy, "; 8 tasks")) << strategy;
}

/// Chunks of tiles that cores share evenly are preferred to those of the fastest tile, which
/// would make 7 and 5 tasks here; also where they are no whole register tiles.
TEST_F(ContractionStrategies, TransformsInEvenTasks) {
  auto expect = [&](const char *image, const char *weights, std::vector<const char *> all) {
    KernelText text{{image, weights},
                    "%r = dl.conv2d %a0, %a1 {padding = [1, 1, 1, 1], layout = nhwc}"};
    auto kernel = CompiledKernel::get(text, machine, /*wantsAssembly=*/false, Winograd::WhereFaster,
                                      SplitProducts::Never);
    ASSERT_TRUE(kernel);
    for (const char *words : all)
      EXPECT_TRUE(says(kernel->strategy(), words)) << kernel->strategy();
  };
  expect("1x56x56x64xf32", "3x3x64x64xf32",
         {"winograd 4x4 of 3x3", "; 8 tasks", "weights by each worker"});
  expect("17x14x14x32xf32", "3x3x32x32xf32", {"272 tiles in chunks of 34; 8 tasks"});
  // Where weights stay near, a worker's tasks share its tiles; else they share weights.
  expect("8x14x14x256xf32", "3x3x256x256xf32", {"weights in tasks", "tiles first"});
  expect("8x14x14x512xf32", "3x3x512x512xf32", {"weights in tasks, k in chunks of 64"});
}

} // namespace
