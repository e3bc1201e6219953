//===- OptimizerTests.cpp - Optimisers by name ----------------------------===//

#include "dl/Support/Optimizer.h"

#include <gtest/gtest.h>

using namespace dl;

namespace {

std::string errorOf(std::string_view text) {
  Result<Optimizer> result = Optimizer::parse(text);
  return result ? "none" : result.error().message;
}

TEST(Optimizer, ParsesSettings) {
  Result<Optimizer> sgd = Optimizer::parse("sgd,lr=0.5,momentum=0.9,nesterov,weight_decay=1e-4");
  ASSERT_TRUE(sgd.ok()) << sgd.error().message;
  EXPECT_EQ(sgd->name, "sgd");
  EXPECT_EQ(sgd->lr, 0.5);
  EXPECT_EQ(sgd->momentum, 0.9);
  EXPECT_TRUE(sgd->nesterov);
  EXPECT_EQ(sgd->weightDecay, 1e-4);

  Result<Optimizer> adam = Optimizer::parse("adam,beta1=0.8,beta2=0.99,eps=1e-6");
  ASSERT_TRUE(adam.ok()) << adam.error().message;
  EXPECT_EQ(adam->lr, 1e-3);
  EXPECT_EQ(adam->beta1, 0.8);
  EXPECT_EQ(adam->beta2, 0.99);
  EXPECT_EQ(adam->epsilon, 1e-6);

  EXPECT_FALSE(Optimizer::parse("sgd,momentum=0.9,nesterov=false")->nesterov);
  EXPECT_EQ(Optimizer::parse("sgd")->lr, 0.01);
}

TEST(Optimizer, NamesWhatIsWrong) {
  EXPECT_EQ(errorOf("lamb"), "expected the optimizer sgd or adam, got 'lamb'");
  EXPECT_EQ(errorOf(""), "expected the optimizer sgd or adam, got ''");
  EXPECT_EQ(errorOf("sgd,lr=fast"), "expected a number as 'lr' of optimizer sgd, got 'fast'");
  EXPECT_EQ(errorOf("sgd,lr"), "expected a number as 'lr' of optimizer sgd, got ''");
  EXPECT_EQ(errorOf("sgd,lr=0.1x"), "expected a number as 'lr' of optimizer sgd, got '0.1x'");
  EXPECT_EQ(errorOf("sgd,rate=1"),
            "optimizer sgd has no setting 'rate'; it has lr, weight_decay, momentum, nesterov");
  EXPECT_EQ(errorOf("adam,momentum=0.9"),
            "optimizer adam has no setting 'momentum'; it has lr, weight_decay, beta1, beta2, eps");
  EXPECT_EQ(errorOf("adam,nesterov"),
            "optimizer adam has no setting 'nesterov'; it has lr, weight_decay, beta1, beta2, eps");
  EXPECT_EQ(errorOf("sgd,nesterov"), "expected a momentum other than 0 with nesterov");
  EXPECT_EQ(errorOf("sgd,momentum=0.9,nesterov=maybe"),
            "expected true or false as 'nesterov', got 'maybe'");
}

TEST(Optimizer, ChecksRanges) {
  EXPECT_EQ(errorOf("sgd,lr=-1"),
            "expected a finite number of at least 0 as 'lr' of optimizer sgd, got -1");
  EXPECT_EQ(errorOf("sgd,lr=nan"),
            "expected a finite number of at least 0 as 'lr' of optimizer sgd, got nan");
  EXPECT_EQ(errorOf("adam,beta2=1"),
            "expected a number in [0, 1) as 'beta2' of optimizer adam, got 1");
  EXPECT_FALSE(checkOptimizer({.name = "adam", .momentum = 0.5}).ok());
  EXPECT_TRUE(checkOptimizer(optim::sgd(0.1, 0.9, true)).ok());
}

} // namespace
