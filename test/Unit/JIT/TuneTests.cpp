//===- TuneTests.cpp - Tuned kernels --------------------------------------===//

#include "../Support/TempFile.h"
#include "Models.h"
#include "Tune.h"
#include "dl/Runtime/Runtime.h"

#include <gtest/gtest.h>

using namespace dl;
using namespace dl::test;

namespace {

class Tune : public testing::Test {
protected:
  Tune() { options.cacheDir = folder.path("cache"); }

  Tensor train(int threads = 1) {
    CompileOptions own = options;
    own.threads = threads;
    Trainer trainer =
        compileTrainer(parse(kCNN), loss::crossEntropy(), optim::sgd(0.1), own).value();
    for (uint64_t seed = 0; seed < 3; ++seed)
      EXPECT_TRUE(trainer.step({noise({16, 1, 12, 12}, seed), labels(16, 7)}).ok());
    return trainer.variable("conv.weight").value();
  }

  TempFolder folder;
  CompileOptions options;
};

double largestDifference(const Tensor &a, const Tensor &b) {
  double largest = 0;
  for (int64_t i = 0; i < a.size(); ++i)
    largest = std::max<double>(largest, std::abs(a.data<float>()[i] - b.data<float>()[i]));
  return largest;
}

TEST_F(Tune, KeepsResultsAndRemembersThem) {
  Tensor plain = train();
  options.tune = true;
  Tensor tuned = train();
  EXPECT_LT(largestDifference(plain, tuned), 1e-5);
  // Later compilations take what was found, with the same bits for any number of
  // threads.
  options.tune = false;
  EXPECT_TRUE(sameBits(tuned, train(1)));
  EXPECT_TRUE(sameBits(tuned, train(2)));
}

TEST_F(Tune, WorksWithoutACache) {
  options.cache = false;
  Tensor plain = train();
  options.tune = true;
  EXPECT_LT(largestDifference(plain, train()), 1e-5);
}

/// A program of one kernel that takes so long, or says so.
template <int64_t Nanoseconds> struct Fixed : LoadedProgram {
  Fixed() {
    kernels.resize(1);
    timedPhases = {{0, 0}};
    plannedBytes = 64;
    entry = [](void *const *, void *const *, void *const *, char *arena, void *) {
      *reinterpret_cast<dlrt_phase_time *>(arena) = {0, Nanoseconds, Nanoseconds};
    };
  }
};

TEST(TuneKernels, TakesWhatIsClearlyFaster) {
  CompileOptions options;
  options.threads = 1;
  auto compile = [](size_t choice) -> std::shared_ptr<LoadedProgram> {
    switch (choice) {
    case 0:
      return std::make_shared<Fixed<1000>>();
    case 2:
      return std::make_shared<Fixed<700>>();
    case 3:
      return std::make_shared<Fixed<990>>();
    default:
      return nullptr; // cannot be compiled
    }
  };
  auto tuned = tuneKernels(compile, options).value();
  ASSERT_EQ(tuned.size(), 1u);
  EXPECT_EQ(tuned[0].choice, 2u);
  EXPECT_DOUBLE_EQ(tuned[0].before, 1000e-9);
  EXPECT_DOUBLE_EQ(tuned[0].after, 700e-9);
  auto onlySlightly = [&](size_t choice) { return choice == 2 ? nullptr : compile(choice); };
  EXPECT_EQ(tuneKernels(onlySlightly, options).value()[0].choice, 0u);
}

} // namespace
