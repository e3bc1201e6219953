//===- ProfileTests.cpp - Where the time of runs went ---------------------===//

#include "Models.h"
#include "dl/Trainer.h"

#include <gtest/gtest.h>

using namespace dl;
using namespace dl::test;

namespace {

Trainer profiled(bool profile, int threads = 2) {
  CompileOptions options;
  options.profile = profile;
  options.threads = threads;
  return compileTrainer(parse(kCNN), loss::crossEntropy(), optim::sgd(0.1), options).value();
}

void runSteps(Trainer &trainer, int count) {
  for (int i = 0; i < count; ++i)
    ASSERT_TRUE(trainer.step({noise({64, 1, 12, 12}, i), labels(64, 7)}).ok());
}

TEST(Profile, AccountsForTheTimeOfRuns) {
  for (int threads : {1, 2}) {
    Trainer trainer = profiled(true, threads);
    runSteps(trainer, 5);
    Profile profile = trainer.profile(64).value();
    EXPECT_EQ(profile.runs, 4); // the first one found a new arena
    EXPECT_EQ(profile.workers, threads);
    double seconds = 0;
    for (const Profile::Kernel &kernel : profile.kernels) {
      EXPECT_GE(kernel.calls, 1) << kernel.name;
      EXPECT_GT(kernel.seconds(), 0) << kernel.name;
      EXPECT_GT(kernel.busySeconds(), 0) << kernel.name;
      EXPECT_LE(kernel.busySeconds(), kernel.seconds() * threads) << kernel.name;
      seconds += kernel.seconds();
    }
    EXPECT_GT(seconds, profile.seconds / 2);
    EXPECT_LE(seconds, profile.seconds);
  }
}

TEST(Profile, KnowsTheKernels) {
  Trainer trainer = profiled(true);
  runSteps(trainer, 1);
  const Profile profile = trainer.profile(64).value();
  EXPECT_EQ(profile.runs, 1); // better than none
  auto it = std::ranges::find(profile.kernels, "64x10x10x8xf32", &Profile::Kernel::result);
  ASSERT_NE(it, profile.kernels.end());
  EXPECT_TRUE(it->name.starts_with("conv2d")) << it->name;
  // At least the products of the convolution.
  EXPECT_GE(it->flops, 2. * 64 * 10 * 10 * 8 * 9);
}

TEST(Profile, ChangesNoResult) {
  Trainer with = profiled(true), without = profiled(false);
  runSteps(with, 3);
  runSteps(without, 3);
  for (const TensorSpec &spec : with.variables())
    EXPECT_TRUE(sameBits(with.variable(spec.name).value(), without.variable(spec.name).value()));
}

TEST(Profile, IsEmptyWhereNobodyAskedForIt) {
  Trainer trainer = profiled(false);
  runSteps(trainer, 2);
  EXPECT_EQ(trainer.profile(64)->runs, 0);
  EXPECT_TRUE(trainer.profile(64)->kernels.empty());
}

TEST(Profile, TellsOfForwardPasses) {
  CompileOptions options;
  options.profile = true;
  Executable network = compile(parse(kMLP), options).value();
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(network.run({noise({2, 20})}).ok());
  Profile profile = network.profile(2).value();
  EXPECT_EQ(profile.runs, 2);
  EXPECT_EQ(profile.kernels.size(), 2u);
  EXPECT_EQ(network.profile(3)->runs, 0);
}

} // namespace
