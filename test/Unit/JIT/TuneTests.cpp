//===- TuneTests.cpp - Tuned kernels --------------------------------------===//

#include "../Support/TempFile.h"
#include "Compilation.h"
#include "Models.h"
#include "Tune.h"
#include "dl/Runtime/Runtime.h"

#include <gtest/gtest.h>

#include <map>

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

/// Sets one choice for all contractions that are asked for.
struct Chooser : KernelSource {
  Chooser(CodeCache &cache, size_t choice) : cache(cache), choice(choice) {}
  std::optional<KernelCode> find(llvm::StringRef, size_t) override { return std::nullopt; }
  size_t choiceOf(llvm::StringRef key) override {
    cache.setChoice(key, choice);
    cache.keepChoice(key);
    return choice;
  }
  CodeCache &cache;
  size_t choice;
};

TEST_F(Tune, ChoicesServeWhatRunsAndWhatIsEmitted) {
  Model model = parse(kMLP);
  ProgramRequest request;
  request.batch = 16;
  auto emit = [&] { return emitStage(model, request, options, Stage::Kernels).value(); };
  auto explain = [&] {
    CompileReport report;
    report.explain = true;
    EXPECT_TRUE(compileProgram(model, request, options, &report).ok());
    return report.remarks;
  };
  std::string plainKernels = emit(), plainRemarks = explain();

  Machine machine = Machine::get("host").value();
  auto cache = CodeCache::open(options, machine).value();
  auto module = buildGraph(model, request);
  ASSERT_TRUE(succeeded(module));
  Compilation compilation(**module, options, /*report=*/nullptr, /*cache=*/nullptr);
  ASSERT_TRUE(succeeded(compilation.optimize()));
  CodeGenOptions codegen;
  codegen.machine = machine;
  // One vector to a row of the tile.
  Chooser chooser(*cache, 1);
  ASSERT_TRUE(succeeded(generateProgram(onlyModel(**module), codegen, &chooser)));

  EXPECT_NE(emit(), plainKernels);
  EXPECT_NE(explain(), plainRemarks);
  EXPECT_NE(explain().find("x1 of"), std::string::npos) << explain();
  options.cache = false;
  EXPECT_EQ(emit(), plainKernels);
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

/// One that takes so long or more, by up to as much again.
template <int64_t Nanoseconds, int64_t Seed> struct Restless : Fixed<Nanoseconds> {
  Restless() {
    this->entry = [](void *const *, void *const *, void *const *, char *arena, void *) {
      static Philox random(Seed, "times");
      static int64_t next = 0;
      auto time = static_cast<int64_t>(Nanoseconds * (1 + random.uniform(next++)));
      *reinterpret_cast<dlrt_phase_time *>(arena) = {0, time, time};
    };
  }
};

/// Choices by what they compile to; all of them agree but `wrong`.
struct FixedTrials : Trials {
  std::shared_ptr<LoadedProgram> compileAll(size_t choice) override {
    auto found = programs.find(choice);
    return found == programs.end() ? nullptr : found->second;
  }
  std::shared_ptr<LoadedProgram> compileEach(llvm::ArrayRef<size_t> choices) override {
    return compileAll(choices[0]);
  }
  bool agrees(size_t, size_t choice) override { return choice != wrong; }

  TunedKernel tune() {
    CompileOptions options;
    options.threads = 1;
    auto tuned = tuneKernels(*this, options).value();
    EXPECT_EQ(tuned.size(), 1u);
    return tuned[0];
  }

  std::map<size_t, std::shared_ptr<LoadedProgram>> programs; // the others cannot be compiled
  size_t wrong = 0;
};

TEST(TuneKernels, TakesWhatIsClearlyFaster) {
  FixedTrials trials;
  trials.programs = {{0, std::make_shared<Fixed<1000>>()},
                     {2, std::make_shared<Fixed<700>>()},
                     {3, std::make_shared<Fixed<990>>()}};
  TunedKernel tuned = trials.tune();
  EXPECT_EQ(tuned.choice, 2u);
  EXPECT_DOUBLE_EQ(tuned.before, 1000e-9);
  EXPECT_DOUBLE_EQ(tuned.after, 700e-9);
  trials.programs.erase(2);
  EXPECT_EQ(trials.tune().choice, 0u);
}

TEST(TuneKernels, TakesNothingByChance) {
  FixedTrials trials;
  trials.programs = {{0, std::make_shared<Restless<1000, 0>>()},
                     {1, std::make_shared<Restless<1000, 1>>()},
                     {2, std::make_shared<Restless<900, 2>>()}};
  EXPECT_EQ(trials.tune().choice, 0u);
  trials.programs[4] = std::make_shared<Restless<100, 4>>();
  EXPECT_EQ(trials.tune().choice, 4u);
}

TEST(TuneKernels, TakesNothingThatComputesSomethingElse) {
  FixedTrials trials;
  trials.programs = {{0, std::make_shared<Fixed<1000>>()},
                     {2, std::make_shared<Fixed<700>>()},
                     {3, std::make_shared<Fixed<800>>()}};
  trials.wrong = 2;
  EXPECT_EQ(trials.tune().choice, 3u);
}

} // namespace
