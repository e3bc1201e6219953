//===- PhiloxTests.cpp - Counter-based random numbers ---------------------===//

#include "dl/Support/Philox.h"

#include <gtest/gtest.h>

#include <cmath>

using dl::Philox;

namespace {

TEST(Philox, IsAFunctionOfSeedNameAndIndex) {
  Philox a(1, "conv.weight");
  EXPECT_EQ(a.block(7), Philox(1, "conv.weight").block(7));
  EXPECT_NE(a.block(7), a.block(8));
  EXPECT_NE(a.block(7), Philox(2, "conv.weight").block(7));
  EXPECT_NE(a.block(7), Philox(1, "conv.bias").block(7));
}

TEST(Philox, KeepsItsNumbers) {
  // Trained models depend on them: a change here changes every initial value.
  Philox a(0, "weight");
  EXPECT_DOUBLE_EQ(a.uniform(0), 0.83563460789064159);
  EXPECT_DOUBLE_EQ(a.normal(0), 0.25102184949494916);
}

TEST(Philox, UniformMoments) {
  Philox a(3, "u");
  double sum = 0, squares = 0;
  constexpr int n = 100000;
  for (int i = 0; i < n; ++i) {
    double x = a.uniform(i);
    ASSERT_GE(x, 0);
    ASSERT_LT(x, 1);
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / n, 0.5, 0.005);
  EXPECT_NEAR(squares / n, 1.0 / 3, 0.005);
}

TEST(Philox, NormalMoments) {
  Philox a(3, "n");
  double sum = 0, squares = 0, fourth = 0;
  constexpr int n = 100000;
  for (int i = 0; i < n; ++i) {
    double x = a.normal(i);
    ASSERT_TRUE(std::isfinite(x));
    sum += x;
    squares += x * x;
    fourth += x * x * x * x;
  }
  EXPECT_NEAR(sum / n, 0, 0.015);
  EXPECT_NEAR(squares / n, 1, 0.02);
  EXPECT_NEAR(fourth / n, 3, 0.15);
}

} // namespace
