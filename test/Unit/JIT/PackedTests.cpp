//===- PackedTests.cpp - Weights that are kept packed ---------------------===//

#include "../Support/TempFile.h"
#include "Models.h"
#include "dl/Executable.h"
#include "dl/JIT/Compiler.h"
#include "dl/Support/Machine.h"
#include "dl/Trainer.h"

#include "fmt/format.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>

using namespace dl;
using namespace dl::test;

namespace {

/// The second one is stored permuted; both are large enough to be packed.
constexpr const char *kDense = R"(
dl.model @dense(%x: tensor<?x512xf32>) {
  %w1 = dl.parameter "fc1.weight" {init = he_normal} : tensor<512x1024xf32>
  %b1 = dl.parameter "fc1.bias" : tensor<1024xf32>
  %w2 = dl.parameter "fc2.weight" {init = he_normal} : tensor<96x1024xf32>
  %1 = dl.linear %x, %w1, %b1
  %2 = dl.relu %1
  %y = dl.linear %2, %w2 {transpose_weight = true}
  dl.return %y
})";

/// By Winograd's transform, directly, and with groups.
constexpr const char *kConvolutions = R"(
dl.model @convolutions(%x: tensor<?x14x14x64xf32>) {
  %w1 = dl.parameter "three.weight" {init = he_normal} : tensor<3x3x64x128xf32>
  %w2 = dl.parameter "one.weight" {init = he_normal} : tensor<1x1x128x512xf32>
  %w3 = dl.parameter "groups.weight" {init = he_normal} : tensor<3x3x128x256xf32>
  %1 = dl.conv2d %x, %w1 {layout = nhwc, padding = [1, 1, 1, 1]}
  %2 = dl.relu %1
  %3 = dl.conv2d %2, %w2 {layout = nhwc}
  %4 = dl.conv2d %3, %w3 {groups = 4, layout = nhwc, strides = [2, 2]}
  dl.return %4
})";

/// What tiles of bf16 (AMX) keep depends on the pieces that they take.
CompileOptions withoutTiles() {
  CompileOptions options;
  options.splitF32 = false;
  return options;
}

Executable compiled(const char *text, const CompileOptions &options = withoutTiles()) {
  auto executable = compile(parse(text), options);
  EXPECT_TRUE(executable.ok()) << executable.error().message;
  return *executable;
}

Executable repacking(const char *text) {
  CompileOptions options = withoutTiles();
  options.keepPacked = false;
  return compiled(text, options);
}

Tensor outputOf(const Executable &executable, const Tensor &input) {
  auto outputs = executable.run({input});
  EXPECT_TRUE(outputs.ok()) << outputs.error().message;
  return (*outputs)[0];
}

/// The largest difference, as a share of the largest element.
double difference(const Tensor &left, const Tensor &right) {
  EXPECT_EQ(left.shape(), right.shape());
  double largest = 0, most = 0;
  for (int64_t i = 0; i < left.size(); ++i) {
    double x = left.data<float>()[i], y = right.data<float>()[i];
    most = std::max(most, std::abs(x - y));
    largest = std::max({largest, std::abs(x), std::abs(y)});
  }
  return most / std::max(largest, 1e-30);
}

constexpr double kTolerance = 1e-5;

TEST(Packed, TilesKeepPartsOfWeights) {
  if (!Machine::get("host").value().hasTiles)
    GTEST_SKIP() << "this CPU has no tiles of bf16 (AMX)";
  // The other operand is split by tasks, or, where its rows are few, by each worker.
  for (auto [batch, columns] : {std::pair<int64_t, int64_t>{2048, 128}, {64, 4096}}) {
    std::string layer = fmt::format(R"(
dl.model @layer(%x: tensor<?x512xf32>) {{
  %w = dl.parameter "fc.weight" {{init = he_normal}} : tensor<512x{}xf32>
  %y = dl.linear %x, %w
  dl.return %y
}})",
                                    columns);
    ProgramRequest request;
    request.batch = batch;
    auto kept = compileProgram(parse(layer.c_str()), request, CompileOptions());
    ASSERT_TRUE(kept.ok()) << kept.error().message;
    EXPECT_EQ((*kept)->packedBytes, columns * 512 * 6);
    Executable tiles = compiled(layer.c_str(), CompileOptions()), plain = compiled(layer.c_str());
    Tensor input = noise({batch, 512});
    EXPECT_LE(difference(outputOf(tiles, input), outputOf(plain, input)), kTolerance);
    EXPECT_EQ(difference(outputOf(tiles, input), outputOf(tiles, input)), 0);
  }
}

TEST(Packed, WhatProgramsTell) {
  ProgramRequest request;
  request.batch = 64;
  for (const char *text : {kDense, kConvolutions}) {
    CompileOptions options = withoutTiles();
    auto kept = compileProgram(parse(text), request, options);
    ASSERT_TRUE(kept.ok()) << kept.error().message;
    EXPECT_GT((*kept)->packedBytes, 0);
    options.keepPacked = false;
    auto each = compileProgram(parse(text), request, options);
    ASSERT_TRUE(each.ok()) << each.error().message;
    EXPECT_EQ((*each)->packedBytes, 0);
    EXPECT_GE((*each)->workspaceBytes, (*kept)->workspaceBytes);
  }
}

TEST(Packed, ComputesTheSame) {
  for (const char *text : {kDense, kConvolutions})
    for (int64_t batch : {1, 5, 64}) {
      Shape shape = parse(text).inputs()[0].shape;
      shape[0] = batch;
      Tensor x = noise(shape, 1);
      EXPECT_LT(difference(outputOf(compiled(text), x), outputOf(repacking(text), x)), kTolerance);
    }
}

TEST(Packed, FollowsWeights) {
  Executable kept = compiled(kDense), each = repacking(kDense);
  Tensor x = noise({64, 512}, 1), one = noise({3, 512}, 2);
  Tensor before = outputOf(kept, x);
  EXPECT_LT(difference(outputOf(kept, one), outputOf(each, one)), kTolerance);
  for (const char *name : {"fc1.weight", "fc2.weight"}) {
    Tensor weights = noise(kept.parameter(name)->shape(), 3);
    ASSERT_TRUE(kept.setParameter(name, weights).ok());
    ASSERT_TRUE(each.setParameter(name, weights).ok());
    // Programs for both batch sizes are there already.
    Tensor after = outputOf(kept, x);
    EXPECT_GT(difference(after, before), 0.1);
    EXPECT_LT(difference(after, outputOf(each, x)), kTolerance);
    EXPECT_LT(difference(outputOf(kept, one), outputOf(each, one)), kTolerance);
    before = std::move(after);
  }
}

TEST(Packed, FollowsTraining) {
  CompileOptions options = withoutTiles();
  options.batch = 32;
  auto trainer = compileTrainer(parse(kDense), loss::mse(), optim::sgd(0.1F), options);
  ASSERT_TRUE(trainer.ok()) << trainer.error().message;
  Tensor x = noise({32, 512}, 1), target = noise({32, 96}, 2);
  Executable each = repacking(kDense);
  TempFolder folder;
  for (int step = 0; step < 3; ++step) {
    ASSERT_TRUE(trainer->step({x, target}).ok());
    const TensorView inputs[] = {x};
    auto predicted = trainer->predict(inputs);
    ASSERT_TRUE(predicted.ok()) << predicted.error().message;
    ASSERT_TRUE(trainer->saveWeights(folder.path("weights")).ok());
    ASSERT_TRUE(each.loadWeights(folder.path("weights")).ok());
    EXPECT_LT(difference((*predicted)[0], outputOf(each, x)), kTolerance);
  }
}

// Each run sees weights that belong together: those before a change, or those after.
TEST(Packed, RunsWhileWeightsChange) {
  Executable kept = compiled(kDense);
  Tensor x = noise({64, 512}, 1);
  Tensor weights[] = {noise({512, 1024}, 2), noise({512, 1024}, 3)};
  Tensor expected[2];
  for (int i : {0, 1}) {
    ASSERT_TRUE(kept.setParameter("fc1.weight", weights[i]).ok());
    expected[i] = outputOf(kept, x);
  }
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 3; ++reader)
    readers.emplace_back([&] {
      for (int run = 0; run < 40; ++run) {
        Tensor y = outputOf(kept, x);
        wrong += !std::ranges::equal(y.span<float>(), expected[0].span<float>()) &&
                 !std::ranges::equal(y.span<float>(), expected[1].span<float>());
      }
    });
  for (int change = 0; change < 10; ++change)
    EXPECT_TRUE(kept.setParameter("fc1.weight", weights[change % 2]).ok());
  for (std::thread &reader : readers)
    reader.join();
  EXPECT_EQ(wrong, 0);
}

// From the disk, a program knows what it packs.
TEST(Packed, ComesFromTheCache) {
  TempFolder folder;
  CompileOptions options = withoutTiles();
  options.cacheDir = folder.path("");
  Tensor x = noise({64, 512}, 1);
  Tensor first = outputOf(compiled(kDense, options), x);
  ProgramRequest request;
  request.batch = 64;
  CompileReport report;
  auto program = compileProgram(parse(kDense), request, options, &report);
  ASSERT_TRUE(program.ok()) << program.error().message;
  EXPECT_TRUE(report.isCached);
  EXPECT_GT((*program)->packedBytes, 0);
  EXPECT_EQ(difference(outputOf(compiled(kDense, options), x), first), 0);
}

} // namespace
