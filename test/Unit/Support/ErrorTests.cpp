//===- ErrorTests.cpp - Errors as values ----------------------------------===//

#include "dl/Error.h"

#include "gtest/gtest.h"

#include <memory>

namespace {

TEST(Result, HoldsAValue) {
  dl::Result<int> result = 3;
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(*result, 3);
}

TEST(Result, HoldsAnError) {
  dl::Result<int> result = dl::Error{"expected 2 dimensions, got 3"};
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "expected 2 dimensions, got 3");
}

TEST(Result, GivesAwayAValueThatOnlyMoves) {
  dl::Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
  std::unique_ptr<int> owner = std::move(result).value();
  EXPECT_EQ(*owner, 5);
}

TEST(Status, IsSuccessUnlessToldOtherwise) {
  EXPECT_TRUE(dl::Status().ok());
  dl::Status failed = dl::Error{"no such file"};
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().message, "no such file");
}

} // namespace
