//===- ContractionTests.cpp - Contraction kernels against the reference ---===//

#include "KernelHarness.h"

#include "fmt/format.h"

#include "llvm/TargetParser/Triple.h"

#include <gtest/gtest.h>

#include <random>

using namespace dl;
using namespace dl::test;

namespace {

/// A march, the type of elements, and whether tiles of bf16 parts multiply them.
struct Target {
  const char *march;
  const char *element;
  SplitProducts splitProducts = SplitProducts::Never;
};

class Contraction : public testing::TestWithParam<Target> {
protected:
  void SetUp() override {
    if (GetParam().splitProducts != SplitProducts::Never &&
        !Machine::get(GetParam().march).value().hasTiles)
      GTEST_SKIP() << "this CPU has no tiles of bf16 (AMX)";
  }

  static Winograd winograd() {
    return GetParam().splitProducts == SplitProducts::Never ? Winograd::WhereFaster
                                                            : Winograd::Never;
  }

  std::string shape(std::initializer_list<int64_t> extents) const {
    std::string text;
    for (int64_t extent : extents)
      text += std::to_string(extent) + "x";
    return text + GetParam().element;
  }

  /// Compares a kernel with the reference.
  void check(const KernelText &text, const std::vector<int> &inPlace = {}) {
    SCOPED_TRACE(fmt::format("{} {}", fmt::join(text.types, " "), text.body));
    auto kernel =
        CompiledKernel::get(text, Machine::get(GetParam().march).value(),
                            /*wantsAssembly=*/false, winograd(), GetParam().splitProducts);
    ASSERT_TRUE(kernel);
    std::vector<Tensor> arguments = kernel->randomArguments();
    std::vector<Tensor> expected = kernel->interpret(arguments);
    std::vector<Tensor> actual = kernel->run(arguments, inPlace);
    ASSERT_EQ(actual.size(), expected.size());
    bool isDouble = std::string(GetParam().element) == "f64";
    for (size_t i = 0; i < actual.size(); ++i)
      EXPECT_LE(relativeError(actual[i], expected[i]), isDouble ? 1e-13 : 1e-5)
          << "result " << i << ", " << kernel->strategy();
  }

  void checkMatmul(int64_t m, int64_t n, int64_t k, bool ta = false, bool tb = false) {
    check({{ta ? shape({k, m}) : shape({m, k}), tb ? shape({n, k}) : shape({k, n})},
           fmt::format("%r = dl.matmul %a0, %a1 {{transpose_a = {}, transpose_b = {}}}", ta, tb)});
  }

  struct Conv {
    int64_t images, height, width, inputs, outputs, kh, kw;
    std::array<int64_t, 2> strides = {1, 1}, dilation = {1, 1};
    std::array<int64_t, 4> padding = {0, 0, 0, 0};
    int64_t groups = 1;

    int64_t outHeight() const {
      return (height + padding[0] + padding[2] - (kh - 1) * dilation[0] - 1) / strides[0] + 1;
    }
    int64_t outWidth() const {
      return (width + padding[1] + padding[3] - (kw - 1) * dilation[1] - 1) / strides[1] + 1;
    }
    std::string attributes(const std::string &more = "") const {
      return fmt::format("{{{}strides = [{}], padding = [{}], dilation = [{}], groups = {}, "
                         "layout = nhwc}}",
                         more, fmt::join(strides, ", "), fmt::join(padding, ", "),
                         fmt::join(dilation, ", "), groups);
    }
  };

  std::string image(const Conv &c) const { return shape({c.images, c.height, c.width, c.inputs}); }
  std::string weight(const Conv &c) const {
    return shape({c.kh, c.kw, c.inputs / c.groups, c.outputs});
  }
  std::string result(const Conv &c) const {
    return shape({c.images, c.outHeight(), c.outWidth(), c.outputs});
  }
  std::string forward(const Conv &c) const { return "%r = dl.conv2d %a0, %a1 " + c.attributes(); }
  std::string backwardWeights(const Conv &c) const {
    return "%r = dl.conv2d_backward_weights %a0, %a1 " +
           c.attributes(fmt::format("kernel_size = [{}, {}], ", c.kh, c.kw));
  }
  std::string backwardData(const Conv &c) const {
    return "%r = dl.conv2d_backward_data %a0, %a1 " +
           c.attributes(fmt::format("input_size = [{}, {}], ", c.height, c.width));
  }

  /// All three directions.
  void checkConv(const Conv &c) {
    check({{image(c), weight(c)}, forward(c)});
    check({{image(c), result(c)}, backwardWeights(c)});
    check({{result(c), weight(c)}, backwardData(c)});
  }
};

TEST_P(Contraction, Matmul) {
  for (bool ta : {false, true})
    for (bool tb : {false, true}) {
      checkMatmul(64, 128, 96, ta, tb);
      checkMatmul(13, 37, 19, ta, tb);
      checkMatmul(1, 1, 1, ta, tb);
      checkMatmul(100, 10, 84, ta, tb);
      checkMatmul(1, 300, 65, ta, tb);
      checkMatmul(33, 1, 50, ta, tb);
      checkMatmul(3, 5, 1, ta, tb);
      checkMatmul(17, 100, 2, ta, tb);
      checkMatmul(7, 48, 14, ta, tb);
    }
}

TEST_P(Contraction, LargeMatmul) {
  checkMatmul(130, 1024, 300);
  checkMatmul(1024, 1024, 64);
  checkMatmul(70, 1030, 128, false, true);
  checkMatmul(129, 514, 256, true, false);
}

/// Both operands contiguous along K and few rows or columns: vectors along K.
TEST_P(Contraction, DotProducts) {
  for (int64_t k : {16, 31, 47, 200}) {
    checkMatmul(1, 100, k, false, true);
    checkMatmul(3, 70, k, false, true);
    checkMatmul(50, 1, k);
    checkMatmul(1, 1, k);
  }
  check({{shape({3, 40}), shape({50, 40}), shape({50}), shape({3, 50})},
         "%0 = dl.matmul %a0, %a1 {transpose_b = true}\n%1 = dl.add %0, %a2\n"
         "%2 = dl.relu %1\n%r = dl.mul %2, %a3"});
  check({{shape({3, 2, 40}), shape({3, 9, 40})}, "%r = dl.matmul %a0, %a1 {transpose_b = true}"});
  for (int64_t inputs : {1, 3}) {
    Conv c{2, 9, 8, inputs, 37, 3, 3};
    check({{result(c), weight(c)}, backwardData(c)});
    c.strides = {2, 2};
    c.padding = {1, 1, 1, 1};
    check({{result(c), weight(c), image(c)}, backwardData(c) + "\n%s = dl.add %r, %a2", {"%s"}});
  }
}

/// Few columns and A contiguous along K: B is laid out column by column.
TEST_P(Contraction, FewColumns) {
  for (int64_t n : {2, 3, 7, 10, 17}) {
    checkMatmul(50, n, 100);
    checkMatmul(33, n, 67, false, true);
  }
  check({{shape({2, 40, 50}), shape({2, 50, 5}), shape({5})},
         "%0 = dl.matmul %a0, %a1\n%1 = dl.add %0, %a2\n%r = dl.relu %1"});
}

/// Few columns and A contiguous along the rows: vectors along them, the tile transposed.
TEST_P(Contraction, SwappedOperands) {
  for (int64_t n : {1, 2, 3, 7, 10, 17, 33})
    checkMatmul(70, n, 40, true);
  checkMatmul(20, 700, 64, false, true);
  checkMatmul(40, 3, 20001, true);
  check({{shape({60, 50}), shape({60, 9}), shape({9}), shape({50, 9})},
         "%0 = dl.matmul %a0, %a1 {transpose_a = true}\n%1 = dl.add %0, %a2\n"
         "%2 = dl.mul %1, %a3\n%s = dl.sum %a1 {axes = [0]}",
         {"%2", "%s"}});
}

/// One channel, whose columns are positions with a stride between them: they lie in one row with
/// the taps, which alone are side by side.
TEST_P(Contraction, SwappedStrides) {
  std::string zero = fmt::format("%z = dl.constant dense<0.0> : tensor<{}>\n", GetParam().element);
  for (int64_t width : {4, 40, 67})
    check({{shape({1, 1, width, 1}), shape({1, 2, 1, 1}), shape({1, 1, width, 1})},
           zero + "%on = dl.compare %a2, %z {predicate = gt}\n%x = dl.select %on, %a0, %z\n"
                  "%r = dl.conv2d %x, %a1 {strides = [1, 2], layout = nhwc}"});
}

/// Long sums, which are stored by a loop over the tile's vectors.
TEST_P(Contraction, LongSwappedSums) {
  for (int64_t m : {200, 203})
    for (int64_t n : {7, 17, 33})
      checkMatmul(m, n, 600, true);
  checkMatmul(61, 130, 600, false, true);
  checkMatmul(64, 256, 512, false, true);
  check({{shape({60, 520}), shape({250, 520}), shape({250}), shape({60, 250})},
         "%0 = dl.matmul %a0, %a1 {transpose_b = true}\n%1 = dl.add %0, %a2\n"
         "%r = dl.mul %1, %a3"},
        {3});
  check({{shape({600, 203}), shape({600, 33}), shape({33}), shape({203, 33})},
         "%0 = dl.matmul %a0, %a1 {transpose_a = true}\n%1 = dl.add %0, %a2\n"
         "%2 = dl.mul %1, %a3\n%s = dl.sum %a1 {axes = [0]}",
         {"%2", "%s"}});
}

/// B contiguous along K, and so many rows that packing it may be slow: it is transposed by a
/// loop over a few of its columns.
TEST_P(Contraction, ManyRowsOfTransposed) {
  checkMatmul(2100, 100, 80, false, true);
  checkMatmul(2055, 112, 37, false, true);
  checkMatmul(2050, 512, 34, false, true);
}

/// A transposed and read for many columns: packed by rows.
TEST_P(Contraction, TransposedRowsArePacked) {
  checkMatmul(200, 301, 170, true, false);
  checkMatmul(129, 520, 300, true, true);
  check({{shape({2, 170, 150}), shape({2, 170, 300}), shape({300})},
         "%0 = dl.matmul %a0, %a1 {transpose_a = true}\n%r = dl.add %0, %a2"});
}

/// A large B and few rows: parts of a few rows of B, the next columns fetched ahead.
TEST_P(Contraction, LargeOperandIsStreamed) {
  checkMatmul(1, 1030, 520);
  checkMatmul(7, 1030, 520);
}

TEST_P(Contraction, LongSumsAreSplit) {
  checkMatmul(8, 16, 20001);
  checkMatmul(5, 33, 12345, true, true);
  // In chunks of some rows of B, from outer memory, whose last is shorter.
  checkMatmul(1, 900, 3001);
  checkMatmul(6, 700, 3001);
  // With A and B exchanged.
  checkMatmul(96, 24, 3001, true);
}

TEST_P(Contraction, EmptyMatmul) {
  checkMatmul(0, 5, 3);
  checkMatmul(5, 0, 3);
  checkMatmul(5, 3, 0);
}

TEST_P(Contraction, BatchedMatmul) {
  std::string op = "%r = dl.matmul %a0, %a1";
  check({{shape({3, 5, 7}), shape({3, 7, 20})}, op});
  check({{shape({3, 5, 7}), shape({7, 20})}, op});
  check({{shape({5, 7}), shape({3, 7, 20})}, op});
  check({{shape({2, 1, 5, 7}), shape({3, 7, 20})}, op});
  check({{shape({2, 3, 5, 7}), shape({2, 1, 7, 17})}, op});
  check({{shape({4, 9, 6}), shape({4, 21, 6})}, op + " {transpose_b = true}"});
  check({{shape({4, 6, 9}), shape({1, 6, 21})}, op + " {transpose_a = true}"});
  check({{shape({5, 1, 1}), shape({5, 1, 1}), shape({5, 1, 1})},
         op + "\n%s = dl.add %r, %a2",
         {"%s"}});
  for (int64_t k : {0, 1, 40}) {
    check({{shape({1, k}), shape({5, k, 1}), shape({5, 1, 1})},
           op + "\n%s = dl.add %r, %a2",
           {"%s"}});
    check({{shape({3, k}), shape({40, k, 1}), shape({40, 3, 1})},
           op + "\n%s = dl.add %r, %a2",
           {"%s"}});
  }
}

TEST_P(Contraction, Convolution) {
  checkConv({2, 8, 9, 4, 18, 3, 3});
  checkConv({1, 12, 12, 1, 32, 5, 5});
  checkConv({2, 6, 6, 16, 33, 1, 1});
  checkConv({1, 7, 7, 5, 3, 7, 7});
  checkConv({3, 5, 4, 2, 8, 1, 3});
  checkConv({3, 5, 4, 2, 8, 3, 1});
  checkConv({1, 1, 1, 3, 2, 1, 1});
}

TEST_P(Contraction, ConvolutionAttributes) {
  checkConv({2, 9, 8, 3, 10, 3, 3, {2, 2}});
  checkConv({1, 9, 8, 3, 10, 3, 2, {1, 3}});
  checkConv({2, 8, 8, 4, 16, 3, 3, {1, 1}, {1, 1}, {1, 1, 1, 1}});
  checkConv({1, 8, 7, 3, 9, 3, 5, {1, 1}, {1, 1}, {0, 2, 3, 1}});
  checkConv({1, 11, 12, 2, 20, 3, 3, {1, 1}, {2, 3}, {2, 1, 2, 4}});
  checkConv({2, 11, 10, 2, 7, 3, 3, {2, 3}, {2, 1}, {1, 0, 2, 5}});
  checkConv({1, 6, 6, 4, 4, 1, 1, {2, 2}});
  checkConv({1, 7, 6, 4, 20, 2, 2, {4, 4}});
  checkConv({1, 4, 4, 2, 3, 2, 2, {1, 1}, {1, 1}, {3, 3, 3, 3}});
  // As many windows as elements, but some beyond the end.
  checkConv({1, 1, 4, 4, 16, 1, 1, {1, 2}, {1, 1}, {0, 0, 0, 3}});
  // Pixels of one column follow one another, until there are zeros around it.
  checkConv({1, 40, 1, 1, 1, 1, 3, {1, 1}, {1, 1}, {0, 1, 1, 1}});
}

TEST_P(Contraction, GroupedConvolution) {
  checkConv({2, 6, 7, 8, 12, 3, 3, {1, 1}, {1, 1}, {1, 1, 1, 1}, 4});
  checkConv({1, 6, 7, 6, 40, 3, 3, {2, 1}, {1, 2}, {0, 1, 2, 2}, 2});
  checkConv({2, 5, 5, 4, 4, 1, 1, {1, 1}, {1, 1}, {0, 0, 0, 0}, 2});
}

/// Rows that strides pass over are left out of copies.
TEST_P(Contraction, ThinnedConvolution) {
  checkConv({3, 15, 13, 40, 100, 1, 1, {2, 2}});
  checkConv({1, 12, 10, 64, 130, 1, 1, {3, 2}});
  checkConv({2, 9, 12, 33, 70, 1, 3, {2, 1}, {1, 1}, {0, 1, 0, 1}});
  checkConv({1, 7, 1, 100, 200, 2, 1, {2, 2}, {3, 1}});
  Conv c{2, 14, 14, 48, 64, 1, 1, {2, 2}};
  std::string mask = fmt::format("%z = dl.constant dense<0.0> : tensor<{}>\n"
                                 "%m = dl.compare %a2, %z {{predicate = gt}}\n",
                                 GetParam().element);
  check({{image(c), weight(c), image(c)},
         mask + "%p = dl.select %m, %a0, %z\n%r = dl.conv2d %p, %a1 " + c.attributes()});
}

/// Rows a multiple of a page apart: packed, with zeros where taps leave the image.
TEST_P(Contraction, PacksPaddedRows) {
  Machine machine = Machine::get(GetParam().march).value();
  machine.l1Bytes = 2 << 10, machine.l2Bytes = 8 << 10;
  Conv c{1, 10, 9, 512, 260, 2, 3, {2, 2}, {1, 1}, {1, 1, 1, 1}};
  KernelText text{{image(c), result(c)}, backwardWeights(c)};
  auto kernel =
      CompiledKernel::get(text, machine, /*wantsAssembly=*/false, winograd(), SplitProducts::Never);
  ASSERT_TRUE(kernel);
  EXPECT_NE(kernel->strategy().find("a packed"), std::string::npos) << kernel->strategy();
  std::vector<Tensor> arguments = kernel->randomArguments();
  EXPECT_LE(relativeError(kernel->run(arguments, {})[0], kernel->interpret(arguments)[0]), 1e-5);
}

/// Many rows side by side, far more than the caches hold: tasks are blocks of them, which the
/// tiles of the first columns pack. Ragged rows, columns and sums, batches, sums of B, epilogues.
/// (The reference would take long: a kernel for caches that hold everything stands for it.)
TEST_P(Contraction, BlocksOfRows) {
  Machine machine = Machine::get(GetParam().march).value(), large = machine;
  // As large as usual, for as many lanes.
  bool isDouble = std::string(GetParam().element) == "f64";
  int64_t lanes = machine.lanes(isDouble ? 64 : 32);
  machine.l1Bytes = lanes * (3 << 10), machine.l2Bytes = 2 << 20;
  machine.l3Bytes = 64 << 20;
  large.l1Bytes = large.l2Bytes = large.l3Bytes = 1 << 30;
  std::mt19937 generator(7);
  auto between = [&](int low, int high) {
    return low + static_cast<int>(generator() % (high - low));
  };
  int reached = 0;
  for (int round = 0; round < 6; ++round) {
    int64_t m = between(1900, 2100), n = round < 4 ? 512 : between(400, 560), k = between(400, 520);
    bool hasBatch = round % 3 == 2;
    KernelText text{
        {hasBatch ? shape({2, k, m}) : shape({k, m}), hasBatch ? shape({2, k, n}) : shape({k, n})},
        "%r = dl.matmul %a0, %a1 {transpose_a = true}\n"};
    if (round % 3 == 1) {
      text.body += "%s = dl.sum %a1 {axes = [0]}";
      text.yields = {"%r", "%s"};
    } else {
      text.body += "%s = dl.relu %r";
      text.yields = {"%s"};
    }
    SCOPED_TRACE(fmt::format("{} {}", fmt::join(text.types, " "), text.body));
    auto kernel = CompiledKernel::get(text, machine, /*wantsAssembly=*/false, Winograd::Never,
                                      SplitProducts::Never);
    auto plain = CompiledKernel::get(text, large, /*wantsAssembly=*/false, Winograd::Never,
                                     SplitProducts::Never);
    ASSERT_TRUE(kernel && plain);
    std::string words = "a packed with the first columns";
    reached += kernel->strategy().find(words) != std::string::npos;
    EXPECT_EQ(plain->strategy().find(words), std::string::npos);
    std::vector<Tensor> arguments = kernel->randomArguments();
    std::vector<Tensor> expected = plain->run(arguments), actual = kernel->run(arguments);
    for (size_t i = 0; i < actual.size(); ++i)
      EXPECT_LE(relativeError(actual[i], expected[i]), 1e-5) << kernel->strategy();
  }
  if (GetParam().splitProducts == SplitProducts::Never)
    EXPECT_GE(reached, 3);
}

/// Results far larger than the caches, of whole vectors: past them.
TEST_P(Contraction, StoresPastCaches) {
  Machine machine = Machine::get(GetParam().march).value();
  machine.l1Bytes = 2 << 10, machine.l2Bytes = 4 << 10;
  Conv c{2, 17, 17, 3, 64, 3, 3, {1, 1}, {1, 1}, {1, 1, 1, 1}};
  std::string bias = "\n%1 = dl.add %r, %a2\n%2 = dl.relu %1";
  for (int64_t columns : {64, 65}) {
    c.outputs = columns;
    bool isPast = llvm::Triple(machine.triple).isX86() && columns == 64;
    for (const KernelText &text :
         {KernelText{{image(c), weight(c), shape({columns})}, forward(c) + bias, {"%2"}},
          KernelText{{shape({500, 30}), shape({30, columns}), shape({columns})},
                     "%r = dl.matmul %a0, %a1" + bias,
                     {"%2"}}}) {
      auto kernel = CompiledKernel::get(text, machine, /*wantsAssembly=*/false, Winograd::Never,
                                        SplitProducts::Never);
      ASSERT_TRUE(kernel);
      EXPECT_EQ(kernel->strategy().find("stored past the caches") != std::string::npos, isPast)
          << kernel->strategy();
      std::vector<Tensor> arguments = kernel->randomArguments();
      EXPECT_LE(relativeError(kernel->run(arguments, {})[0], kernel->interpret(arguments)[0]),
                1e-5);
    }
  }
}

/// Few channels a group: vectors across groups, the last of them not full.
TEST_P(Contraction, ShortGroups) {
  checkConv({2, 9, 10, 32, 32, 3, 3, {1, 1}, {1, 1}, {1, 1, 1, 1}, 8});
  checkConv({2, 9, 10, 24, 24, 3, 3, {2, 2}, {1, 1}, {1, 1, 1, 1}, 6});
  checkConv({1, 7, 9, 20, 40, 3, 2, {1, 2}, {2, 1}, {1, 0, 1, 1}, 10});
  checkConv({1, 7, 9, 40, 20, 3, 3, {1, 1}, {1, 1}, {0, 0, 0, 0}, 5});
  checkConv({2, 5, 6, 27, 36, 1, 1, {1, 1}, {1, 1}, {0, 0, 0, 0}, 9});
  checkConv({1, 8, 8, 19, 38, 3, 3, {1, 1}, {1, 1}, {1, 1, 1, 1}, 19});
  checkConv({3, 30, 31, 64, 64, 5, 5, {1, 1}, {1, 1}, {2, 2, 2, 2}, 8});
  Conv c{20, 12, 12, 24, 24, 3, 3, {1, 1}, {1, 1}, {1, 1, 1, 1}, 12};
  check({{image(c), result(c)},
         backwardWeights(c) + "\n%s = dl.sum %a1 {axes = [0, 1, 2]}",
         {"%r", "%s"}});
}

TEST_P(Contraction, DepthwiseConvolution) {
  checkConv({2, 7, 7, 20, 20, 3, 3, {1, 1}, {1, 1}, {1, 1, 1, 1}, 20});
  checkConv({1, 9, 8, 33, 33, 3, 3, {2, 2}, {1, 1}, {0, 0, 0, 0}, 33});
  checkConv({1, 6, 6, 5, 15, 3, 2, {1, 1}, {1, 1}, {1, 0, 1, 1}, 5});
}

/// Depthwise, taps outside the image are left out; there are no zeros around it.
TEST_P(Contraction, ClippedConvolution) {
  auto depthwise = [&](Conv c) {
    c.groups = c.inputs = c.outputs;
    checkConv(c);
  };
  depthwise({1, 1, 1, 0, 20, 3, 3, {1, 1}, {1, 1}, {1, 1, 1, 1}});
  depthwise({2, 2, 3, 0, 34, 5, 5, {1, 1}, {1, 1}, {2, 2, 2, 2}});
  depthwise({1, 12, 40, 0, 100, 3, 3, {1, 1}, {1, 1}, {1, 1, 1, 1}});
  depthwise({1, 9, 23, 0, 130, 3, 7, {1, 2}, {1, 1}, {0, 3, 2, 1}});
  depthwise({2, 14, 15, 0, 17, 3, 3, {2, 2}, {3, 2}, {3, 2, 2, 3}});
  depthwise({1, 6, 6, 0, 16, 1, 1, {1, 1}, {1, 1}, {1, 0, 1, 2}});
  // Sums are split: of the taps' rows, parts meet some.
  depthwise({5, 40, 41, 0, 30, 3, 3, {1, 1}, {1, 1}, {1, 1, 1, 1}});
  depthwise({2, 150, 40, 0, 48, 5, 3, {1, 1}, {2, 1}, {4, 1, 4, 1}});
  Conv c{9, 33, 31, 64, 64, 3, 3, {1, 1}, {1, 1}, {1, 1, 1, 1}, 64};
  checkConv(c);
}

/// The gradient with strides: a convolution for each residue of the result's index.
TEST_P(Contraction, StridedBackwardData) {
  auto gradient = [&](const Conv &c) { check({{result(c), weight(c)}, backwardData(c)}); };
  gradient({2, 11, 14, 20, 18, 3, 3, {2, 2}, {1, 1}, {1, 1, 1, 1}});
  gradient({1, 9, 8, 3, 33, 7, 7, {2, 3}, {1, 1}, {3, 2, 3, 4}});
  gradient({1, 8, 8, 34, 8, 4, 4, {2, 2}, {1, 1}, {1, 1, 1, 1}});
  // Residues that meet no tap: the stride is larger than the kernel, or both it and
  // the dilation are even.
  gradient({2, 7, 6, 17, 4, 1, 1, {2, 2}});
  gradient({1, 9, 9, 16, 5, 2, 3, {4, 2}, {1, 2}, {1, 1, 0, 2}});
  gradient({1, 10, 12, 16, 5, 3, 3, {2, 4}, {4, 6}, {4, 6, 4, 6}});
  gradient({1, 1, 2, 16, 5, 3, 3, {3, 2}, {1, 1}, {1, 1, 1, 1}});
  gradient({2, 12, 9, 33, 33, 3, 3, {2, 2}, {1, 1}, {1, 1, 1, 1}, 33});
  // Few tasks multiply, among many that only store.
  gradient({1, 28, 28, 96, 64, 1, 1, {2, 2}});
  // So large that each residue packs its weights by a loop over a few columns.
  gradient({1, 33, 35, 50, 36, 3, 3, {2, 2}, {1, 1}, {1, 1, 1, 1}});
  Conv c{2, 11, 14, 20, 18, 3, 3, {2, 2}, {1, 1}, {1, 1, 1, 1}};
  std::string zero = fmt::format("%z = dl.constant dense<0.0> : tensor<{}>\n", GetParam().element);
  check({{result(c), weight(c), image(c)},
         backwardData(c) + "\n%t = dl.add %r, %a2\n%s = dl.sum %a1 {axes = [0, 1, 2]}",
         {"%t", "%s"}},
        {2, -1});
  // What all residues read is copied once.
  std::string anchor = backwardData(c);
  anchor.replace(anchor.find("%a0"), 3, "%p");
  check({{result(c), weight(c), result(c)},
         zero + "%m = dl.compare %a2, %z {predicate = gt}\n%p = dl.select %m, %a0, %z\n" + anchor});
}

/// Many padded images, together larger than a cache: each task copies its own.
TEST_P(Contraction, TasksCopyImages) {
  Conv c{9, 33, 31, 64, 8, 3, 3, {1, 1}, {2, 2}, {1, 1, 1, 1}};
  check({{image(c), weight(c), image(c)},
         fmt::format("%z = dl.constant dense<0.0> : tensor<{}>\n"
                     "%m = dl.compare %a2, %z {{predicate = gt}}\n"
                     "%p = dl.select %m, %a0, %z\n%r = dl.conv2d %p, %a1 ",
                     GetParam().element) +
             c.attributes()});
}

TEST_P(Contraction, Epilogue) {
  check({{shape({20, 30}), shape({30, 40}), shape({40})},
         "%0 = dl.matmul %a0, %a1\n%1 = dl.add %0, %a2\n%r = dl.relu %1"});
  check({{shape({20, 30}), shape({30, 40}), shape({20, 1}), shape({20, 40})},
         "%0 = dl.matmul %a0, %a1\n%1 = dl.add %0, %a2\n%2 = dl.tanh %1\n%r = dl.mul %1, %a3\n"
         "%s = dl.sub %2, %a3",
         {"%r", "%s", "%0"}});
  Conv c{2, 8, 8, 3, 20, 3, 3, {1, 1}, {1, 1}, {1, 1, 1, 1}};
  check({{image(c), weight(c), shape({20}), shape({2, 1, 1, 20})},
         forward(c) + "\n%1 = dl.add %r, %a2\n%2 = dl.mul %1, %a3\n%3 = dl.relu %2",
         {"%3"}});
}

TEST_P(Contraction, MaskedByCompare) {
  Conv c{2, 9, 8, 3, 20, 3, 3, {2, 1}};
  std::string zero = fmt::format("%z = dl.constant dense<0.0> : tensor<{}>", GetParam().element);
  for (bool unit : {true, false}) {
    c.strides = unit ? std::array<int64_t, 2>{1, 1} : std::array<int64_t, 2>{2, 1};
    check({{result(c), weight(c), image(c)},
           zero + "\n" + backwardData(c) +
               "\n%m = dl.compare %a2, %z {predicate = gt}\n%s = dl.select %m, %r, %z",
           {"%s"}});
  }
}

TEST_P(Contraction, Prologue) {
  Conv c{2, 8, 8, 3, 20, 3, 3, {1, 1}, {1, 1}, {1, 1, 1, 1}};
  std::string mask = fmt::format("%z = dl.constant dense<0.0> : tensor<{}>\n"
                                 "%m = dl.compare %a2, %z {{predicate = gt}}\n",
                                 GetParam().element);
  std::string attributes = c.attributes("kernel_size = [3, 3], ");
  check({{image(c), result(c), result(c)},
         mask +
             "%p = dl.select %m, %a1, %z\n"
             "%r = dl.conv2d_backward_weights %a0, %p " +
             attributes + "\n%s = dl.sum %p {axes = [0, 1, 2]}",
         {"%r", "%s"}});
  check({{image(c), weight(c), image(c)},
         mask + "%p = dl.select %m, %a0, %z\n%r = dl.conv2d %p, %a1 " + c.attributes()});
  check({{shape({20, 30}), shape({40, 30}), shape({40, 30})},
         mask + "%p = dl.select %m, %a1, %z\n%r = dl.matmul %a0, %p {transpose_b = true}"});
  check({{shape({20, 30}), shape({30, 40}), shape({20, 30})},
         mask + "%p = dl.select %m, %a0, %z\n%r = dl.matmul %p, %a1"});
}

TEST_P(Contraction, SideReduction) {
  check({{shape({100, 30}), shape({100, 40})},
         "%r = dl.matmul %a0, %a1 {transpose_a = true}\n%s = dl.sum %a1 {axes = [0]}",
         {"%r", "%s"}});
  check({{shape({20000, 3}), shape({20000, 10})},
         "%r = dl.matmul %a0, %a1 {transpose_a = true}\n%s = dl.sum %a1 {axes = [0]}",
         {"%r", "%s"}});
  check({{shape({3, 8, 9}), shape({3, 8, 21})},
         "%r = dl.matmul %a0, %a1 {transpose_a = true}\n%s = dl.sum %a1 {axes = [0, 1]}",
         {"%r", "%s"}});
  Conv c{20, 12, 12, 1, 20, 5, 5};
  check({{image(c), result(c)},
         backwardWeights(c) + "\n%s = dl.sum %a1 {axes = [0, 1, 2]}",
         {"%r", "%s"}});
  c.groups = c.inputs = 4;
  check({{image(c), result(c)},
         backwardWeights(c) + "\n%s = dl.sum %a1 {axes = [0, 1, 2], keepdims = true}",
         {"%r", "%s"}});
}

/// The optimiser's update beside the gradient, over the parameter.
TEST_P(Contraction, UpdatesInPlace) {
  std::string rate =
      fmt::format("%lr = dl.constant dense<0.01> : tensor<{}>\n", GetParam().element);
  std::string update = "\n%u = dl.mul %r, %lr\n%w = dl.sub %a2, %u";
  std::string bias = "\n%s = dl.sum %a1 {axes = [0]}\n%t = dl.mul %s, %lr\n%b = dl.sub %a3, %t";
  for (int64_t rows : {64, 10000})
    check({{shape({rows, 30}), shape({rows, 20}), shape({30, 20}), shape({20})},
           rate + "%r = dl.matmul %a0, %a1 {transpose_a = true}" + update + bias,
           {"%w", "%b"}},
          {2, 3});
  Conv c{3, 9, 9, 3, 20, 3, 3};
  check({{image(c), result(c), weight(c)}, rate + backwardWeights(c) + update, {"%w"}}, {2});
}

INSTANTIATE_TEST_SUITE_P(Targets, Contraction,
                         testing::Values(Target{"host", "f32"}, Target{"host", "f64"},
                                         Target{"avx2", "f32"}, Target{"generic", "f32"},
                                         Target{"host", "f32", SplitProducts::WherePossible}),
                         [](const auto &info) {
                           bool isSplit = info.param.splitProducts != SplitProducts::Never;
                           return std::string(info.param.march) + "_" + info.param.element +
                                  (isSplit ? "_tiles" : "");
                         });

} // namespace
