//===- WinogradTests.cpp - Convolutions by Winograd's transform -----------===//

#include "KernelHarness.h"

#include "WinogradTransform.h"

#include "fmt/format.h"

#include "llvm/TargetParser/Triple.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

using namespace dl;
using namespace dl::test;

namespace {

/// A convolution of stride 1 on nhwc images.
struct Conv {
  int64_t images, height, width, inputs, outputs, taps;
  std::array<int64_t, 4> padding = {0, 0, 0, 0};

  int64_t outHeight() const { return height + padding[0] + padding[2] - taps + 1; }
  int64_t outWidth() const { return width + padding[1] + padding[3] - taps + 1; }
  std::string image() const {
    return fmt::format("{}x{}x{}x{}xf32", images, height, width, inputs);
  }
  std::string weight() const { return fmt::format("{0}x{0}x{1}x{2}xf32", taps, inputs, outputs); }
  std::string result() const {
    return fmt::format("{}x{}x{}x{}xf32", images, outHeight(), outWidth(), outputs);
  }
  std::string attributes(const std::string &more = "") const {
    return fmt::format("{{{}padding = [{}], layout = nhwc}}", more, fmt::join(padding, ", "));
  }
  std::string forward(const char *operand = "%a0") const {
    return fmt::format("%r = dl.conv2d {}, %a1 {}", operand, attributes());
  }
  std::string backwardWeights(const char *cotangent = "%a1") const {
    return fmt::format("%r = dl.conv2d_backward_weights %a0, {} {}", cotangent,
                       attributes(fmt::format("kernel_size = [{0}, {0}], ", taps)));
  }
  std::string backwardData(const char *cotangent = "%a0") const {
    return fmt::format("%r = dl.conv2d_backward_data {}, %a1 {}", cotangent,
                       attributes(fmt::format("input_size = [{}, {}], ", height, width)));
  }
};

/// The tolerance of ContractionTests.
constexpr double kTolerance = 1e-5;

class WinogradConvolution : public testing::TestWithParam<const char *> {
protected:
  /// Compares a kernel, made to use the transform, with the reference.
  void check(const KernelText &text, const std::vector<int> &inPlace = {}) {
    checkOn(Machine::get(GetParam()).value(), text, inPlace, "winograd");
  }

  void checkOn(const Machine &machine, const KernelText &text, const std::vector<int> &inPlace,
               const char *words) {
    SCOPED_TRACE(fmt::format("{} {}", fmt::join(text.types, " "), text.body));
    auto kernel = CompiledKernel::get(text, machine, false, Winograd::Always);
    ASSERT_TRUE(kernel);
    EXPECT_NE(kernel->strategy().find(words), std::string::npos) << kernel->strategy();
    std::vector<Tensor> arguments = kernel->randomArguments();
    std::vector<Tensor> expected = kernel->interpret(arguments);
    std::vector<Tensor> actual = kernel->run(arguments, inPlace);
    expectSameBits(actual, kernel->run(pool, arguments, inPlace));
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t i = 0; i < actual.size(); ++i)
      EXPECT_LE(relativeError(actual[i], expected[i]), kTolerance)
          << "result " << i << ", " << kernel->strategy();
  }

  void SetUp() override { pool = dlrt_pool_create(2); }
  void TearDown() override { dlrt_pool_destroy(pool); }

  static void expectSameBits(const std::vector<Tensor> &a, const std::vector<Tensor> &b) {
    for (size_t i = 0; i < a.size(); ++i)
      EXPECT_EQ(std::memcmp(a[i].raw(), b[i].raw(), a[i].bytes()), 0) << "result " << i;
  }

  dlrt_pool *pool = nullptr;

  /// All three directions.
  void checkConv(const Conv &c) {
    check({{c.image(), c.weight()}, c.forward()});
    check({{c.image(), c.result()}, c.backwardWeights()});
    check({{c.result(), c.weight()}, c.backwardData()});
  }
};

TEST_P(WinogradConvolution, WholeTiles) {
  checkConv({2, 12, 12, 16, 32, 5});
  checkConv({2, 10, 10, 32, 16, 3});
  checkConv({1, 8, 12, 16, 16, 3, {1, 1, 1, 1}});
}

TEST_P(WinogradConvolution, RaggedTiles) {
  checkConv({2, 11, 9, 16, 16, 5});
  checkConv({3, 7, 11, 16, 16, 3});
  checkConv({1, 6, 6, 16, 16, 5});
  checkConv({5, 4, 5, 16, 32, 3});
}

TEST_P(WinogradConvolution, RaggedChannels) {
  checkConv({2, 8, 8, 20, 33, 3});
  checkConv({1, 9, 8, 3, 5, 5});
  checkConv({2, 6, 7, 17, 2, 3, {1, 0, 2, 1}});
}

TEST_P(WinogradConvolution, Padding) {
  checkConv({2, 8, 8, 16, 16, 3, {2, 2, 2, 2}});
  checkConv({1, 7, 8, 16, 16, 3, {0, 2, 1, 0}});
  checkConv({2, 8, 9, 16, 16, 5, {2, 2, 2, 2}});
  checkConv({1, 8, 9, 16, 16, 5, {4, 1, 0, 3}});
  checkConv({1, 3, 3, 16, 16, 5, {4, 4, 4, 4}});
  checkConv({1, 4, 4, 16, 16, 3, {5, 0, 0, 4}});
}

TEST_P(WinogradConvolution, Blocks) {
  checkConv({2, 8, 10, 64, 128, 3, {1, 1, 1, 1}});
  checkConv({20, 6, 6, 16, 32, 5});
  checkConv({1, 7, 7, 96, 160, 3});
}

/// Enough work for tasks that are even: their tiles fill no register tiles.
TEST_P(WinogradConvolution, EvenChunks) {
  Conv c{17, 14, 14, 32, 32, 3, {1, 1, 1, 1}};
  check({{c.image(), c.weight()}, c.forward()});
  check({{c.result(), c.weight()}, c.backwardData()});
}

/// More products than elements of what is brought to the points and back: by loops, not in
/// registers.
TEST_P(WinogradConvolution, ManyProducts) {
  checkConv({1, 91, 94, 16, 20, 3, {1, 1, 1, 1}});
  checkConv({1, 7, 6, 528, 16, 3, {1, 1, 1, 1}});
  checkConv({1, 6, 7, 18, 528, 3, {1, 1, 1, 1}});
}

/// Many weights and few tiles: tasks bring the weights to their points. With little
/// cache, in chunks of K and of tiles.
TEST_P(WinogradConvolution, WeightsInTasks) {
  Machine machine = Machine::get(GetParam()).value();
  auto checkWith = [&](int64_t cache, const Conv &c) {
    machine.l2Bytes = cache;
    checkOn(machine, {{c.image(), c.weight()}, c.forward()}, {}, "weights in tasks");
    Conv back = c;
    std::swap(back.inputs, back.outputs);
    checkOn(machine, {{back.result(), back.weight()}, back.backwardData()}, {}, "weights in tasks");
  };
  checkWith(2 << 20, {1, 7, 7, 96, 192, 3, {1, 1, 1, 1}});
  checkWith(384 << 10, {3, 7, 7, 96, 192, 3, {1, 1, 1, 1}});
  checkWith(512 << 10, {1, 6, 5, 128, 256, 5, {2, 2, 2, 2}});
}

/// Chunks of tiles that meet all weights before the next does.
TEST_P(WinogradConvolution, TilesFirst) {
  Machine machine = Machine::get(GetParam()).value();
  if (machine.vectorBits < 512)
    GTEST_SKIP() << "with fewer lanes, a phase before brings the weights";
  machine.l2Bytes = 512 << 10;
  Conv c{3, 14, 14, 128, 128, 3, {1, 1, 1, 1}};
  checkOn(machine, {{c.image(), c.weight()}, c.forward()}, {}, "tiles first");
}

/// Results far larger than the caches: past them, where vectors are whole.
TEST_P(WinogradConvolution, StoresPastCaches) {
  Machine machine = Machine::get(GetParam()).value();
  if (!llvm::Triple(machine.triple).isX86())
    GTEST_SKIP() << "only x86 has such stores";
  machine.l2Bytes = 8 << 10;
  Conv c{2, 17, 18, 16, 64, 3, {1, 1, 1, 1}};
  checkOn(machine,
          {{c.image(), c.weight(), "64xf32"}, c.forward() + "\n%1 = dl.add %r, %a2", {"%1"}}, {},
          "results stored past the caches");
}

/// Channels in blocks that each need all tiles: at their points before. With few blocks
/// in parts, too; the prologue and the bias gradient go along.
TEST_P(WinogradConvolution, PointsFirst) {
  Machine machine = Machine::get(GetParam()).value();
  machine.l2Bytes = 256 << 10;
  Conv many{1, 7, 7, 96, 192, 3, {1, 1, 1, 1}}, few{5, 13, 12, 50, 96, 3};
  Conv narrowing{1, 7, 7, 192, 96, 3, {1, 1, 1, 1}};
  checkOn(machine, {{many.image(), many.result()}, many.backwardWeights()}, {},
          "points first; image by each worker");
  checkOn(machine, {{narrowing.image(), narrowing.result()}, narrowing.backwardWeights()}, {},
          "points first; result by each worker");
  for (const Conv &c : {many, few}) {
    checkOn(machine, {{c.image(), c.result()}, c.backwardWeights()}, {}, "points first");
    checkOn(
        machine,
        {{c.image(), c.result(), c.result()},
         "%p = dl.mul %a1, %a2\n" + c.backwardWeights("%p") + "\n%s = dl.sum %p {axes = [0, 1, 2]}",
         {"%r", "%s"}},
        {}, "points first");
  }
}

TEST_P(WinogradConvolution, Epilogue) {
  Conv c{2, 9, 8, 20, 24, 3, {1, 1, 1, 1}};
  check({{c.image(), c.weight(), "24xf32", "2x1x1x24xf32"},
         c.forward() + "\n%1 = dl.add %r, %a2\n%2 = dl.mul %1, %a3\n%3 = dl.relu %2",
         {"%3", "%1"}});
  std::string zero = "%z = dl.constant dense<0.0> : tensor<f32>\n";
  check({{c.result(), c.weight(), c.image()},
         zero + c.backwardData() +
             "\n%m = dl.compare %a2, %z {predicate = gt}\n%s = dl.select %m, %r, %z",
         {"%s"}});
  check({{c.image(), c.result(), c.weight()},
         "%lr = dl.constant dense<0.01> : tensor<f32>\n" + c.backwardWeights() +
             "\n%u = dl.mul %r, %lr\n%w = dl.sub %a2, %u",
         {"%w"}},
        {2});
}

TEST_P(WinogradConvolution, Prologue) {
  Conv c{2, 9, 8, 20, 24, 5, {1, 0, 2, 1}};
  std::string zero = "%z = dl.constant dense<0.0> : tensor<f32>\n";
  std::string mask = zero + "%m = dl.compare %a2, %z {predicate = gt}\n";
  std::string positive = mask + "%p = dl.select %m, ";
  check({{c.image(), c.weight(), c.image()}, positive + "%a0, %z\n" + c.forward("%p")});
  check({{c.result(), c.weight(), c.result()}, positive + "%a0, %z\n" + c.backwardData("%p")});
  // The bias gradient comes along.
  check({{c.image(), c.result(), c.result()},
         positive + "%a1, %z\n" + c.backwardWeights("%p") + "\n%s = dl.sum %p {axes = [0, 1, 2]}",
         {"%r", "%s"}});
}

TEST_P(WinogradConvolution, OnlyWhereItApplies) {
  Machine machine = Machine::get(GetParam()).value();
  auto strategyOf = [&](const KernelText &text, Winograd use) {
    auto kernel = CompiledKernel::get(text, machine, false, use);
    return kernel ? kernel->strategy() : "";
  };
  auto isWinograd = [&](const KernelText &text, Winograd use) {
    return strategyOf(text, use).find("winograd") != std::string::npos;
  };
  Conv c{8, 16, 16, 64, 64, 3, {1, 1, 1, 1}};
  KernelText plain{{c.image(), c.weight()}, c.forward()};
  EXPECT_TRUE(isWinograd(plain, Winograd::WhereFaster));
  EXPECT_FALSE(isWinograd(plain, Winograd::Never));
  std::string weight = "%r = dl.conv2d %a0, %a1 {layout = nhwc, ";
  EXPECT_FALSE(
      isWinograd({{c.image(), c.weight()}, weight + "strides = [2, 2]}"}, Winograd::Always));
  EXPECT_FALSE(
      isWinograd({{c.image(), c.weight()}, weight + "dilation = [2, 1]}"}, Winograd::Always));
  EXPECT_FALSE(
      isWinograd({{c.image(), "3x3x32x64xf32"}, weight + "groups = 2}"}, Winograd::Always));
  EXPECT_FALSE(
      isWinograd({{c.image(), "1x3x64x64xf32"}, weight + "groups = 1}"}, Winograd::Always));
  EXPECT_FALSE(
      isWinograd({{"2x9x9x8xf64", "3x3x8x8xf64"}, weight + "groups = 1}"}, Winograd::Always));
  Conv thin{8, 16, 16, 3, 64, 3};
  EXPECT_FALSE(isWinograd({{thin.image(), thin.weight()}, thin.forward()}, Winograd::WhereFaster));
}

INSTANTIATE_TEST_SUITE_P(Targets, WinogradConvolution, testing::Values("host", "avx2", "generic"),
                         [](const auto &info) { return std::string(info.param); });

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

/// The largest error of a forward convolution, relative to the sum of absolute
/// products that belong to each element.
double forwardError(const Conv &c, const std::vector<Tensor> &arguments, const Tensor &result) {
  const float *image = arguments[0].data<float>(), *weight = arguments[1].data<float>();
  double largest = 0;
  for (int64_t n = 0; n < c.images; ++n)
    for (int64_t h = 0; h < c.outHeight(); ++h)
      for (int64_t w = 0; w < c.outWidth(); ++w)
        for (int64_t o = 0; o < c.outputs; ++o) {
          double sum = 0, absolute = 0;
          for (int64_t y = 0; y < c.taps; ++y)
            for (int64_t x = 0; x < c.taps; ++x)
              for (int64_t i = 0; i < c.inputs; ++i) {
                int64_t pixel = (n * c.height + h + y) * c.width + w + x;
                double product =
                    static_cast<double>(image[pixel * c.inputs + i]) *
                    static_cast<double>(weight[((y * c.taps + x) * c.inputs + i) * c.outputs + o]);
                sum += product;
                absolute += std::abs(product);
              }
          int64_t at = ((n * c.outHeight() + h) * c.outWidth() + w) * c.outputs + o;
          double error = std::abs(static_cast<double>(result.data<float>()[at]) - sum);
          largest = std::max(largest, error / absolute);
        }
  return largest;
}

/// Random data, data of a large mean, and data of widely different magnitudes.
TEST(WinogradError, StaysNearThatOfDirectSums) {
  Machine machine = Machine::get("host").value();
  for (int64_t taps : {3, 5})
    for (const char *kind : {"random", "large mean", "magnitudes"}) {
      Conv c{1, 18, 18, 64, 32, taps};
      KernelText text{{c.image(), c.weight()}, c.forward()};
      double errors[2];
      std::string strategy;
      for (Winograd use : {Winograd::Never, Winograd::Always}) {
        auto kernel = CompiledKernel::get(text, machine, false, use);
        ASSERT_TRUE(kernel);
        std::vector<Tensor> arguments = kernel->randomArguments();
        float *image = arguments[0].data<float>();
        for (int64_t i = 0; i < arguments[0].size(); ++i) {
          if (kind[0] == 'l')
            image[i] += 1000;
          if (kind[0] == 'm')
            image[i] = std::ldexp(image[i], static_cast<int>(i % c.inputs) % 20 - 10);
        }
        strategy = kernel->strategy();
        errors[use == Winograd::Always] = forwardError(c, arguments, kernel->run(arguments)[0]);
      }
      fmt::print("{}, {}: largest error relative to the sum of |a * b|: {:.1e}, direct {:.1e}\n",
                 strategy.substr(0, strategy.find(';')), kind, errors[1], errors[0]);
      // What ContractionSweepTests allow, for sums of so many products.
      double terms = static_cast<double>(c.inputs * taps * taps);
      EXPECT_LE(errors[1], 0x1p-24 * (12 + 2 * std::sqrt(terms)));
    }
}

/// The identity that all directions rest on, in exact numbers.
TEST(WinogradTransforms, ComputeConvolutions) {
  for (auto [results, taps] : {std::pair(2, 3), std::pair(4, 3), std::pair(2, 5)}) {
    dl::WinogradTransforms t = makeWinogradTransforms(results, taps);
    ASSERT_EQ(t.image.rows(), results + taps - 1);
    for (int64_t x = 0; x < results + taps - 1; ++x)
      for (int64_t w = 0; w < taps; ++w)
        for (int64_t y = 0; y < results; ++y) {
          double sum = 0;
          for (int64_t p = 0; p < t.image.rows(); ++p)
            sum += t.image.at(p, x) * t.weights.at(p, w) * t.result.at(p, y);
          EXPECT_NEAR(sum, x == w + y ? 1 : 0, 1e-14) << x << " " << w << " " << y;
        }
  }
}

} // namespace
