//===- SplitProductTests.cpp - f32 products by bf16 tiles -----------------===//
//
// Every direction and shape is compared with the reference in ContractionTests;
// here: accuracy, and the numbers that have no three bf16 parts.
//
//===----------------------------------------------------------------------===//

#include "KernelHarness.h"

#include "fmt/format.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

using namespace dl;
using namespace dl::test;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kLargest = std::numeric_limits<float>::max();

class SplitProduct : public testing::Test {
protected:
  void SetUp() override {
    if (!Machine::get("host").value().hasTiles)
      GTEST_SKIP() << "this CPU has no tiles of bf16 (AMX)";
  }

  static std::unique_ptr<CompiledKernel>
  matmul(int64_t m, int64_t n, int64_t k, SplitProducts splitProducts,
         const Machine &machine = Machine::get("host").value()) {
    return CompiledKernel::get({{fmt::format("{}x{}xf32", m, k), fmt::format("{}x{}xf32", k, n)},
                                "%r = dl.matmul %a0, %a1"},
                               machine, /*wantsAssembly=*/false, Winograd::Never, splitProducts);
  }

  /// One whose products are cut in small pieces.
  static Machine smallCaches(int64_t l2Bytes = 128 << 10) {
    Machine machine = Machine::get("host").value();
    machine.l2Bytes = l2Bytes;
    return machine;
  }

  static void checkWhatHasNoParts(CompiledKernel &kernel, int64_t size, int64_t depth);

  /// The largest error of an element of a matrix product, relative to the sum of
  /// its terms' magnitudes.
  static double error(const std::vector<Tensor> &arguments, const Tensor &result) {
    const float *a = arguments[0].data<float>(), *b = arguments[1].data<float>();
    int64_t m = result.shape()[0], n = result.shape()[1], k = arguments[0].shape()[1];
    double largest = 0;
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        double sum = 0, magnitudes = 0;
        for (int64_t l = 0; l < k; ++l) {
          double product = static_cast<double>(a[i * k + l]) * b[l * n + j];
          sum += product;
          magnitudes += std::abs(product);
        }
        largest = std::max(largest, std::abs(result.data<float>()[i * n + j] - sum) / magnitudes);
      }
    return largest;
  }
};

TEST_F(SplitProduct, IsAsAccurateAsMultiplyAdds) {
  for (auto [m, n, k] : {std::array<int64_t, 3>{64, 64, 64}, {33, 70, 1000}, {128, 48, 4096}})
    for (bool isPositive : {false, true}) {
      SCOPED_TRACE(fmt::format("{}x{}x{}, positive: {}", m, n, k, isPositive));
      auto tiles = matmul(m, n, k, SplitProducts::WherePossible);
      auto vectors = matmul(m, n, k, SplitProducts::Never);
      ASSERT_TRUE(tiles && vectors);
      EXPECT_NE(tiles->strategy().find("bf16x3"), std::string::npos) << tiles->strategy();
      EXPECT_EQ(vectors->strategy().find("bf16x3"), std::string::npos) << vectors->strategy();
      std::vector<Tensor> arguments = tiles->randomArguments(7);
      if (isPositive)
        for (Tensor &argument : arguments)
          for (int64_t i = 0; i < argument.size(); ++i)
            argument.data<float>()[i] = std::abs(argument.data<float>()[i]);
      double plain = error(arguments, vectors->run(arguments)[0]);
      EXPECT_LE(error(arguments, tiles->run(arguments)[0]), std::max(1.3 * plain, 1.2e-7));
    }
}

/// Blocks of rows and of columns, pieces, and K in parts; tasks alone and in a row, which split
/// each other's first pieces, or share an image.
TEST_F(SplitProduct, GivesTheSameBitsOnAnyNumberOfWorkers) {
  struct Case {
    int64_t m, n, k;
    Machine machine = Machine::get("host").value();
  };
  for (const Case &own : {Case{256, 256, 256}, Case{64, 48, 8192}, Case{33, 1000, 70},
                          Case{512, 512, 512}, Case{130, 600, 1000},
                          Case{256, 1024, 130, smallCaches()}, Case{700, 96, 300, smallCaches()},
                          Case{96, 2000, 256, smallCaches(256 << 10)}, Case{512, 2048, 512}}) {
    SCOPED_TRACE(fmt::format("{}x{}x{}", own.m, own.n, own.k));
    auto kernel = matmul(own.m, own.n, own.k, SplitProducts::WherePossible, own.machine);
    ASSERT_TRUE(kernel);
    ASSERT_NE(kernel->strategy().find("bf16x3"), std::string::npos) << kernel->strategy();
    SCOPED_TRACE(kernel->strategy());
    std::vector<Tensor> arguments = kernel->randomArguments(5);
    Tensor alone = std::move(kernel->run(nullptr, arguments, {})[0]);
    for (int workers : {2, 3, 9}) {
      std::unique_ptr<dlrt_pool, decltype(&dlrt_pool_destroy)> pool(dlrt_pool_create(workers),
                                                                    &dlrt_pool_destroy);
      Tensor shared = std::move(kernel->run(pool.get(), arguments, {})[0]);
      EXPECT_EQ(std::memcmp(alone.raw(), shared.raw(), alone.bytes()), 0) << workers << " workers";
    }
  }
}

TEST_F(SplitProduct, IsChosenWhereItIsFaster) {
  auto large = matmul(256, 256, 256, SplitProducts::WhereFaster);
  auto row = matmul(1, 256, 256, SplitProducts::WhereFaster);
  ASSERT_TRUE(large && row);
  EXPECT_NE(large->strategy().find("bf16x3"), std::string::npos) << large->strategy();
  EXPECT_EQ(row->strategy().find("bf16x3"), std::string::npos) << row->strategy();
}

/// A row of A and a column of B, the rest small: as the sum of f32 multiply-adds.
void SplitProduct::checkWhatHasNoParts(CompiledKernel &kernel, int64_t size, int64_t depth) {
  struct Case {
    std::vector<float> row, column;
  };
  const Case cases[] = {
      {{kInfinity}, {2}},
      {{-kInfinity}, {2}},
      {{kInfinity}, {0}},
      {{kInfinity, -kInfinity}, {1, 1}},
      {{kInfinity, kInfinity}, {1, 2}},
      {{kInfinity}, {kInfinity}},
      {{kInfinity}, {-kInfinity}},
      {{kNaN}, {1}},
      {{kNaN}, {0}},
      {{1}, {kNaN}},
      {{std::nanf("1"), 1}, {1, kInfinity}},
      {{kLargest}, {1}},
      {{-kLargest}, {1}},
      {{kLargest}, {-0.5F}},
      {{3.3999e38F}, {1}},
      {{kLargest}, {kLargest}},
      {{kLargest}, {-kLargest}},
      {{kLargest, kLargest}, {1, 1}},
      {{kLargest, -kLargest}, {1, 1}},
      {{1e20F}, {1e20F}},
      {{1e20F, -1e18F}, {1e20F, 1e18F}},
  };
  int64_t row = size - 33, column = size - 7;
  for (const Case &own : cases) {
    SCOPED_TRACE(
        fmt::format("row {}, column {}", fmt::join(own.row, " "), fmt::join(own.column, " ")));
    std::vector<Tensor> arguments = kernel.randomArguments(3);
    float *a = arguments[0].data<float>(), *b = arguments[1].data<float>();
    // They meet at the beginning and at the end of K.
    for (size_t l = 0; l < own.row.size(); ++l) {
      int64_t k = l == 0 ? 5 : depth - 3;
      a[row * depth + k] = own.row[l];
      b[k * size + column] = own.column[l];
    }
    Tensor result = std::move(kernel.run(arguments)[0]);
    for (int64_t i = 0; i < size; ++i)
      for (int64_t j = 0; j < size; ++j) {
        float sum = 0;
        for (int64_t l = 0; l < depth; ++l)
          sum = std::fma(a[i * depth + l], b[l * size + j], sum);
        float actual = result.data<float>()[i * size + j];
        if (std::isfinite(sum))
          EXPECT_NEAR(actual, sum, 3e-5F * std::max(1.0F, std::abs(sum))) << i << ", " << j;
        else
          EXPECT_TRUE(std::isnan(sum) ? std::isnan(actual) : actual == sum)
              << i << ", " << j << ": " << actual << " instead of " << sum;
      }
  }
}

TEST_F(SplitProduct, ComputesWhatHasNoParts) {
  auto kernel = matmul(40, 40, 40, SplitProducts::WherePossible);
  ASSERT_TRUE(kernel);
  checkWhatHasNoParts(*kernel, 40, 40);
}

TEST_F(SplitProduct, ComputesWhatHasNoPartsInPieces) {
  auto kernel = matmul(100, 100, 700, SplitProducts::WherePossible, smallCaches(256 << 10));
  ASSERT_TRUE(kernel);
  EXPECT_NE(kernel->strategy().find("of k summed in scratch"), std::string::npos)
      << kernel->strategy();
  checkWhatHasNoParts(*kernel, 100, 700);
}

/// Last pieces of rows, columns and K that are shorter than the others.
TEST_F(SplitProduct, PiecesMayBeUneven) {
  for (auto [m, n, k] : {std::array<int64_t, 3>{7, 800, 512}, {18, 6, 4384}, {130, 70, 700}})
    for (bool ta : {false, true})
      for (bool tb : {false, true})
        for (const Machine &machine : {Machine::get("host").value(), smallCaches()}) {
          SCOPED_TRACE(fmt::format("{}x{}x{} {} {}", m, n, k, ta, tb));
          auto kernel = CompiledKernel::get(
              {{ta ? fmt::format("{}x{}xf32", k, m) : fmt::format("{}x{}xf32", m, k),
                tb ? fmt::format("{}x{}xf32", n, k) : fmt::format("{}x{}xf32", k, n)},
               fmt::format("%r = dl.matmul %a0, %a1 {{transpose_a = {}, transpose_b = {}}}", ta,
                           tb)},
              machine, /*wantsAssembly=*/false, Winograd::Never, SplitProducts::WherePossible);
          ASSERT_TRUE(kernel);
          std::vector<Tensor> arguments = kernel->randomArguments(2);
          Tensor expected = std::move(kernel->interpret(arguments)[0]);
          Tensor actual = std::move(kernel->run(arguments)[0]);
          float largest = 0;
          for (int64_t i = 0; i < actual.size(); ++i)
            largest =
                std::max(largest, std::abs(actual.data<float>()[i] - expected.data<float>()[i]));
          EXPECT_LE(largest, 1e-4F) << kernel->strategy();
        }
}

/// The same as the reference within rounding; where an operand has an infinity, that or no number.
static void expectNearWithInfinity(CompiledKernel &kernel) {
  std::vector<Tensor> arguments = kernel.randomArguments(4);
  arguments[0].data<float>()[77] = kInfinity;
  Tensor expected = std::move(kernel.interpret(arguments)[0]);
  Tensor actual = std::move(kernel.run(arguments)[0]);
  for (int64_t i = 0; i < actual.size(); ++i) {
    float x = actual.data<float>()[i], y = expected.data<float>()[i];
    if (std::isfinite(y))
      ASSERT_NEAR(x, y, 1e-4F * std::max(1.0F, std::abs(y))) << i << ": " << kernel.strategy();
    else
      ASSERT_TRUE(std::isnan(y) ? std::isnan(x) : x == y)
          << i << ": " << x << " instead of " << y << ": " << kernel.strategy();
  }
}

/// A result of many times the L2 cache, written along its rows and past the caches, with an
/// epilogue and rows that end in the middle of a block.
TEST_F(SplitProduct, StoresLargeResultsPastTheCaches) {
  for (int64_t rows : {700, 720}) {
    auto kernel =
        CompiledKernel::get({{fmt::format("{}x96xf32", rows), "96x80xf32", "80xf32"},
                             "%0 = dl.matmul %a0, %a1\n%1 = dl.add %0, %a2\n%r = dl.relu %1"},
                            smallCaches(8 << 10), /*wantsAssembly=*/false, Winograd::Never,
                            SplitProducts::WherePossible);
    ASSERT_TRUE(kernel);
    EXPECT_NE(kernel->strategy().find("past the caches"), std::string::npos) << kernel->strategy();
    expectNearWithInfinity(*kernel);
  }
}

/// Residues with different numbers of taps, which are one description, and with a single tap among
/// those that have none; an infinity must not meet a tap that is left out.
TEST_F(SplitProduct, ComputesGradientsOfStridedConvolutions) {
  struct Case {
    int64_t kernel, padding, image, channels;
  };
  for (auto [kernel, padding, image, channels] :
       {Case{3, 1, 16, 64}, {4, 1, 12, 40}, {1, 0, 16, 64}, {1, 0, 15, 48}})
    for (const Machine &machine : {Machine::get("host").value(), smallCaches(64 << 10)}) {
      SCOPED_TRACE(fmt::format("{}x{} of {}", kernel, kernel, image));
      int64_t size = (image + 2 * padding - kernel) / 2 + 1;
      auto tiles = CompiledKernel::get(
          {{fmt::format("2x{}x{}x64xf32", size, size),
            fmt::format("{}x{}x{}x64xf32", kernel, kernel, channels)},
           fmt::format("%r = dl.conv2d_backward_data %a0, %a1 {{input_size = [{}, {}], strides = "
                       "[2, 2], padding = [{}, {}, {}, {}], dilation = [1, 1], groups = 1, "
                       "layout = nhwc}}",
                       image, image, padding, padding, padding, padding)},
          machine, /*wantsAssembly=*/false, Winograd::Never, SplitProducts::WherePossible);
      ASSERT_TRUE(tiles);
      EXPECT_NE(tiles->strategy().find("residues; tiles"), std::string::npos) << tiles->strategy();
      expectNearWithInfinity(*tiles);
    }
}

/// Windows whose taps lie between strides, in an image with those of each remainder by themselves.
TEST_F(SplitProduct, DeinterleavesImages) {
  struct Case {
    int64_t kernel, stride, padding, image, channels;
  };
  for (auto [kernel, stride, padding, image, channels] :
       {Case{3, 2, 1, 14, 64}, {5, 3, 2, 20, 64}, {3, 2, 0, 15, 64}})
    for (bool isGradient : {false, true})
      for (const Machine &machine : {Machine::get("host").value(), smallCaches(64 << 10)}) {
        SCOPED_TRACE(fmt::format("{}x{} of {}, gradient {}", kernel, kernel, image, isGradient));
        int64_t size = (image + 2 * padding - kernel) / stride + 1;
        std::string other = isGradient ? fmt::format("3x{0}x{0}x48xf32", size)
                                       : fmt::format("{0}x{0}x{1}x48xf32", kernel, channels);
        auto tiles = CompiledKernel::get(
            {{fmt::format("3x{0}x{0}x{1}xf32", image, channels), other},
             fmt::format("%r = dl.conv2d{0} %a0, %a1 {{{1}strides = [{2}, {2}], "
                         "padding = [{3}, {3}, {3}, {3}], dilation = [1, 1], groups = 1, "
                         "layout = nhwc}}",
                         isGradient ? "_backward_weights" : "",
                         isGradient ? fmt::format("kernel_size = [{0}, {0}], ", kernel) : "",
                         stride, padding)},
            machine, /*wantsAssembly=*/false, Winograd::Never, SplitProducts::WherePossible);
        ASSERT_TRUE(tiles);
        EXPECT_NE(tiles->strategy().find("deinterleaved"), std::string::npos) << tiles->strategy();
        expectNearWithInfinity(*tiles);
      }
}

TEST_F(SplitProduct, FlushesDenormals) {
  auto kernel = matmul(32, 32, 32, SplitProducts::WherePossible);
  ASSERT_TRUE(kernel);
  std::vector<Tensor> arguments = kernel->randomArguments();
  for (int64_t i = 0; i < arguments[0].size(); ++i)
    arguments[0].data<float>()[i] = 1e-40F;
  Tensor result = std::move(kernel->run(arguments)[0]);
  for (int64_t i = 0; i < result.size(); ++i)
    EXPECT_LE(std::abs(result.data<float>()[i]), 32 * 1e-40F);
}

} // namespace
