//===- DivideIndicesTests.cpp - Indices are divided by products -----------===//

#include "DivideIndices.h"

#include <gtest/gtest.h>

#include <random>

using namespace dl;

namespace {

void expectQuotients(int64_t divisor, int64_t most, int64_t n) {
  auto by = divideByProduct(divisor, most);
  ASSERT_TRUE(by) << divisor << " below " << most;
  EXPECT_EQ((n * by->multiplier) >> by->shift, n / divisor) << n << " by " << divisor;
}

/// All numbers below small bounds, the bound itself among them.
TEST(DivideIndices, SmallNumbers) {
  for (int64_t divisor = 1; divisor < 70; ++divisor)
    for (int64_t most : {0, 1, 6, 7, 63, 64, 65, 1000})
      for (int64_t n = 0; n <= most; ++n)
        expectQuotients(divisor, most, n);
}

/// Where the rest is largest, and where it starts again, near the bound.
TEST(DivideIndices, LargeNumbers) {
  std::mt19937_64 generator(1);
  auto below = [&](int64_t end) { return static_cast<int64_t>(generator() % end); };
  for (int round = 0; round < 20000; ++round) {
    int64_t divisor = 1 + below(int64_t(1) << (1 + below(15)));
    int64_t most = below(int64_t(1) << (1 + below(30)));
    if (!divideByProduct(divisor, most))
      continue;
    int64_t last = most / divisor * divisor;
    for (int64_t n : {most, last, last - 1, below(most + 1), most / 2})
      if (n >= 0)
        expectQuotients(divisor, most, n);
  }
}

TEST(DivideIndices, RefusesWhatIsTooLarge) {
  EXPECT_FALSE(divideByProduct(0, 10));
  EXPECT_FALSE(divideByProduct(7, int64_t(1) << 31));
  EXPECT_FALSE(divideByProduct(int64_t(1) << 31, 10));
  EXPECT_TRUE(divideByProduct(14, 25087));
}

} // namespace
