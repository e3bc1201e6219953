//===- CodeCacheTests.cpp - Programs and kernels from the cache -----------===//

#include "../Support/TempFile.h"
#include "Models.h"
#include "dl/JIT/Compiler.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

using namespace dl;
using namespace dl::test;
namespace fs = std::filesystem;

namespace {

/// kMLP with another last layer.
constexpr const char *kOtherMLP = R"(
dl.model @other(%x: tensor<?x20xf32>) {
  %w1 = dl.parameter "a.weight" {init = he_normal} : tensor<20x33xf32>
  %b1 = dl.parameter "a.bias" : tensor<33xf32>
  %w2 = dl.parameter "b.weight" {init = he_normal} : tensor<33x9xf32>
  %1 = dl.linear %x, %w1, %b1
  %2 = dl.relu %1
  %logits = dl.linear %2, %w2
  dl.return %logits
})";

class CodeCacheFolder : public testing::Test {
protected:
  CodeCacheFolder() { options.cacheDir = root; }

  CompileReport compile(const char *text, const ProgramRequest &request) {
    CompileReport report;
    auto program = compileProgram(parse(text), request, options, &report);
    EXPECT_TRUE(program.ok()) << program.error().message;
    return report;
  }
  static ProgramRequest step(int64_t batch = 4) {
    return {ProgramRequest::Kind::Step, loss::crossEntropy(), optim::adam(), batch};
  }
  /// A parameter after three steps.
  Tensor train() {
    Trainer trainer =
        compileTrainer(parse(kCNN), loss::crossEntropy(), optim::sgd(0.1), options).value();
    for (uint64_t seed = 0; seed < 3; ++seed)
      EXPECT_TRUE(trainer.step({noise({4, 1, 12, 12}, seed), labels(4, 7)}).ok());
    return trainer.variable("conv.weight").value();
  }
  void forEachFile(auto change) {
    for (const auto &entry : fs::directory_iterator(root))
      change(entry.path());
  }

  TempFolder folder;
  std::string root = folder.path("cache");
  CompileOptions options;
};

TEST_F(CodeCacheFolder, FindsAProgramAgain) {
  CompileReport first = compile(kMLP, step()), second = compile(kMLP, step());
  EXPECT_FALSE(first.isCached);
  EXPECT_EQ(first.cachedKernels, 0u);
  EXPECT_TRUE(second.isCached);
  ASSERT_EQ(second.kernels.size(), first.kernels.size());
  EXPECT_EQ(second.cachedKernels, first.kernels.size());
  for (size_t i = 0; i < first.kernels.size(); ++i)
    EXPECT_EQ(second.kernels[i].name, first.kernels[i].name);
}

TEST_F(CodeCacheFolder, GivesTheSameBits) {
  Tensor cold = train(), cached = train();
  options.cache = false;
  Tensor without = train();
  EXPECT_TRUE(sameBits(cold, cached));
  EXPECT_TRUE(sameBits(cold, without));
}

TEST_F(CodeCacheFolder, ReusesKernelsInOtherModels) {
  ProgramRequest forward;
  forward.batch = 4;
  compile(kMLP, forward);
  CompileReport other = compile(kOtherMLP, forward);
  EXPECT_FALSE(other.isCached);
  EXPECT_EQ(other.kernels.size(), 2u);
  EXPECT_EQ(other.cachedKernels, 1u);
}

TEST_F(CodeCacheFolder, DependsOnModelRequestAndOptions) {
  compile(kMLP, step());
  EXPECT_FALSE(compile(kOtherMLP, step()).isCached);
  EXPECT_FALSE(compile(kMLP, step(/*batch=*/5)).isCached);
  ProgramRequest other = step();
  other.optimizer.lr *= 2;
  EXPECT_FALSE(compile(kMLP, other).isCached);
  other = step();
  other.loss = loss::mse();
  other.kind = ProgramRequest::Kind::Evaluation;
  EXPECT_FALSE(compile(kMLP, other).isCached);
  options.seed = 3;
  options.threads = 1;
  EXPECT_TRUE(compile(kMLP, step()).isCached);
  options.optLevel = 0;
  EXPECT_EQ(compile(kMLP, step()).cachedKernels, 0u);
  options.optLevel = 2;
  options.fusion = false;
  EXPECT_EQ(compile(kMLP, step()).cachedKernels, 0u);
  options.fusion = true;
  options.march = "generic";
  EXPECT_EQ(compile(kMLP, step()).cachedKernels, 0u);
}

TEST_F(CodeCacheFolder, CompilesAgainWhatIsDamaged) {
  Tensor expected = train();
  std::vector<std::pair<std::string, std::string>> before;
  forEachFile([&](const fs::path &path) {
    std::string bytes = TempFolder::read(path);
    before.emplace_back(path, bytes);
    bytes[bytes.size() / 2] ^= 1;
    std::ofstream(path, std::ios::binary) << bytes;
  });
  EXPECT_GT(before.size(), 3u);
  EXPECT_TRUE(sameBits(expected, train()));
  for (const auto &[path, bytes] : before)
    EXPECT_EQ(TempFolder::read(path), bytes);
}

TEST_F(CodeCacheFolder, CompilesAgainWhatIsGone) {
  size_t kernels = compile(kMLP, step()).kernels.size();
  // The program's entry is the largest: it has all objects.
  fs::path largest;
  forEachFile([&](const fs::path &path) {
    if (largest.empty() || fs::file_size(path) > fs::file_size(largest))
      largest = path;
  });
  fs::remove(largest);
  CompileReport report = compile(kMLP, step());
  EXPECT_FALSE(report.isCached);
  EXPECT_EQ(report.cachedKernels, kernels);
  EXPECT_TRUE(compile(kMLP, step()).isCached);
}

TEST_F(CodeCacheFolder, CanBeTurnedOff) {
  options.cache = false;
  EXPECT_FALSE(compile(kMLP, step()).isCached);
  EXPECT_FALSE(compile(kMLP, step()).isCached);
  EXPECT_FALSE(fs::exists(root));
}

TEST_F(CodeCacheFolder, ANamedFolderMustBeUsable) {
  options.cacheDir = "/proc/dlc";
  auto program = compileProgram(parse(kMLP), step(), options);
  ASSERT_FALSE(program.ok());
  std::string expected =
      "/proc/dlc: error: compiled code cannot be kept here: No such file or directory";
  EXPECT_EQ(program.error().message, expected);
  auto text = emitStage(parse(kMLP), step(), options, Stage::Object);
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.error().message, expected);
  options.cache = false;
  EXPECT_FALSE(compile(kMLP, step()).isCached);
}

TEST_F(CodeCacheFolder, WorksWhereTheUsersFolderCannotBeUsed) {
  std::string xdg = std::getenv("XDG_CACHE_HOME") ? std::getenv("XDG_CACHE_HOME") : "";
  setenv("XDG_CACHE_HOME", "/dev/null", 1);
  options.cacheDir = "";
  EXPECT_FALSE(compile(kMLP, step()).isCached);
  EXPECT_FALSE(compile(kMLP, step()).isCached);
  setenv("XDG_CACHE_HOME", xdg.c_str(), 1);
}

} // namespace
