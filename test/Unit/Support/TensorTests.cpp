//===- TensorTests.cpp - Dense tensors at the border ----------------------===//

#include "dl/Tensor.h"

#include <gtest/gtest.h>

#include <limits>

using namespace dl;

namespace {

TEST(Tensor, StartsAsZerosOnACacheLine) {
  Tensor t(DType::F32, {2, 3});
  EXPECT_EQ(t.size(), 6);
  EXPECT_EQ(t.bytes(), 24u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(t.raw()) % 64, 0u);
  for (float x : t.span<float>())
    EXPECT_EQ(x, 0);
}

/// On huge pages, where the system has some: from the start of one on.
TEST(Tensor, LargeOnesStartAtAHugePage) {
  Tensor t(DType::F32, {(1 << 19) + 5});
  EXPECT_EQ(reinterpret_cast<uintptr_t>(t.raw()) % (2 << 20), 0u);
  for (float x : t.span<float>())
    ASSERT_EQ(x, 0);
  Tensor copy = t;
  EXPECT_EQ(reinterpret_cast<uintptr_t>(copy.raw()) % (2 << 20), 0u);
}

TEST(Tensor, CopiesItsElements) {
  Tensor a = Tensor::from<float>({2}, std::vector<float>{1, 2});
  Tensor b = a, c;
  b.data<float>()[0] = 5;
  EXPECT_EQ(a.data<float>()[0], 1);
  a = b;
  EXPECT_EQ(a.data<float>()[0], 5);
  a = c;
  EXPECT_EQ(a.raw(), nullptr);
}

TEST(Tensor, ScalarsAndEmptyTensors) {
  EXPECT_EQ(Tensor(DType::F64, {}).size(), 1);
  Tensor empty(DType::F32, {0, 4});
  EXPECT_EQ(empty.size(), 0);
  EXPECT_NE(empty.raw(), nullptr);
}

TEST(Tensor, CountsElements) {
  EXPECT_EQ(countElements({}, DType::F32).value(), 1);
  EXPECT_EQ(countElements({2, 3}, DType::F32).value(), 6);
  EXPECT_EQ(countElements({2, 0, 3}, DType::F32).value(), 0);
  constexpr int64_t most = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(countElements({most}, DType::U8).value(), most);
  EXPECT_EQ(countElements({most}, DType::F32).error().message,
            "expected a size below 2^63 bytes, got 9223372036854775807xf32");
  EXPECT_FALSE(countElements({int64_t(1) << 40, int64_t(1) << 40}, DType::U8).ok());
  EXPECT_FALSE(countElements({most, 0, most}, DType::U8).ok());
  EXPECT_EQ(countElements({kOpen, 2}, DType::I64).error().message,
            "expected extents of 0 or more, got ?x2xi64");
}

TEST(Tensor, WritesTypes) {
  EXPECT_EQ(toString({}, DType::F32), "f32");
  EXPECT_EQ(toString({kOpen, 10}, DType::U8), "?x10xui8");
  EXPECT_EQ(toString({1}, DType::Bool), "1xi1");
}

} // namespace
