//===- ExecutableTests.cpp - Compiled forward passes ----------------------===//

#include "Models.h"
#include "dl/Executable.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

using namespace dl;
using namespace dl::test;

namespace {

Executable compiled(const char *text, const CompileOptions &options = {}) {
  auto executable = compile(parse(text), options);
  EXPECT_TRUE(executable.ok()) << executable.error().message;
  return *executable;
}

TEST(Executable, RunsEachBatchSize) {
  Executable scale = compiled(kScale);
  ASSERT_TRUE(scale.setParameter("w", noise({5})).ok());
  Tensor w = scale.parameter("w").value();
  for (int64_t batch : {1, 3, 16, 17}) {
    Tensor x = noise({batch, 5}, 1);
    auto y = scale.run({x});
    ASSERT_TRUE(y.ok()) << y.error().message;
    ASSERT_EQ(y->size(), 1u);
    ASSERT_EQ((*y)[0].shape(), (Shape{batch, 5}));
    for (int64_t i = 0; i < x.size(); ++i)
      EXPECT_EQ((*y)[0].data<float>()[i], x.data<float>()[i] * w.data<float>()[i % 5]);
  }
}

TEST(Executable, StaticModels) {
  Executable identity = compiled("dl.model @double(%x: tensor<3xf64>) {\n"
                                 "  %y = dl.add %x, %x\n"
                                 "  dl.return %y\n"
                                 "}");
  auto y = identity.run({Tensor::from<double>({3}, std::vector<double>{1, 2, 3})});
  ASSERT_TRUE(y.ok()) << y.error().message;
  EXPECT_EQ((*y)[0].data<double>()[2], 6);
}

// Results of this size are written past the caches.
TEST(Executable, LargeResults) {
  const int64_t count = (9 << 20) + 7;
  std::string text = "dl.model @relu(%x: tensor<" + std::to_string(count) +
                     "xf32>) {\n  %y = dl.relu %x\n  dl.return %y\n}";
  for (const char *march : {"host", "generic"}) {
    CompileOptions options;
    options.march = march;
    Executable relu = compiled(text.c_str(), options);
    Tensor x = noise({count}, 1);
    auto y = relu.run({x});
    ASSERT_TRUE(y.ok()) << y.error().message;
    int64_t wrong = 0;
    for (int64_t i = 0; i < count; ++i)
      wrong += (*y)[0].data<float>()[i] != std::max(x.data<float>()[i], 0.0F);
    EXPECT_EQ(wrong, 0) << march;
  }
}

TEST(Executable, WrongInputs) {
  Executable scale = compiled(kScale);
  auto errorOf = [&](std::initializer_list<TensorView> inputs) {
    auto outputs = scale.run(inputs);
    return outputs ? "" : outputs.error().message;
  };
  EXPECT_EQ(errorOf({}), "error: expected 1 input, got 0");
  EXPECT_EQ(errorOf({Tensor(DType::F32, {2, 4})}),
            "error: expected input 'x' to be ?x5xf32, got 2x4xf32");
  EXPECT_EQ(errorOf({Tensor(DType::F64, {2, 5})}),
            "error: expected input 'x' to be ?x5xf32, got 2x5xf64");
  EXPECT_EQ(errorOf({Tensor(DType::F32, {5})}),
            "error: expected input 'x' to be ?x5xf32, got 5xf32");
}

TEST(Executable, BatchSizesMustAgree) {
  Executable sum = compiled("dl.model @sum(%a: tensor<?x2xf32>, %b: tensor<?x2xf32>) {\n"
                            "  %y = dl.add %a, %b\n"
                            "  dl.return %y\n"
                            "}");
  auto outputs = sum.run({Tensor(DType::F32, {2, 2}), Tensor(DType::F32, {3, 2})});
  ASSERT_FALSE(outputs.ok());
  EXPECT_EQ(outputs.error().message, "error: expected one batch size, got 2 in 'a' and 3 in 'b'");
}

TEST(Executable, WrongOutputs) {
  Executable scale = compiled(kScale);
  Tensor x(DType::F32, {2, 5});
  TensorView inputs[] = {x};
  Tensor outputs[] = {Tensor(DType::F32, {2, 4})};
  EXPECT_EQ(scale.runInto(inputs, outputs).error().message,
            "error: expected output 'y' to be 2x5xf32, got 2x4xf32");
  EXPECT_EQ(scale.runInto(inputs, {}).error().message, "error: expected 1 output, got 0");
}

TEST(Executable, WrongParameters) {
  Executable scale = compiled(kScale);
  EXPECT_EQ(scale.parameter("v").error().message, "error: no variable is named 'v'");
  EXPECT_EQ(scale.setParameter("w", Tensor(DType::F32, {4})).error().message,
            "error: expected 'w' to be 5xf32, got 4xf32");
}

TEST(Executable, WrongOptions) {
  Model model = parse(kScale);
  EXPECT_EQ(compile(model, {.optLevel = 7}).error().message,
            "error: expected an optimisation level of 0 to 3, got 7");
  EXPECT_EQ(compile(model, {.threads = -1}).error().message,
            "error: expected 0 to 1024 threads, got -1");
  EXPECT_EQ(compile(model, {.batch = -1}).error().message,
            "error: expected a batch size of 0 or more, got -1");
  EXPECT_FALSE(compile(model, {.march = "z80"}).ok());
}

TEST(Executable, FirstValuesDependOnSeedAndName) {
  Executable a = compiled(kMLP), b = compiled(kMLP, {.batch = 4}), c = compiled(kMLP, {.seed = 1});
  Tensor weight = a.parameter("fc1.weight").value();
  EXPECT_TRUE(sameBits(weight, b.parameter("fc1.weight").value()));
  EXPECT_FALSE(sameBits(weight, c.parameter("fc1.weight").value()));
  Tensor bias = a.parameter("fc1.bias").value();
  for (float x : bias.span<float>())
    EXPECT_EQ(x, 0);
}

TEST(Executable, ArenaBytes) {
  Executable mlp = compiled(kMLP);
  auto bytes = mlp.arenaBytes(64);
  ASSERT_TRUE(bytes.ok()) << bytes.error().message;
  EXPECT_GE(*bytes, 64 * 33 * sizeof(float));
}

TEST(Executable, MatchesPlainLoops) {
  Executable mlp = compiled(kMLP);
  Tensor w1 = mlp.parameter("fc1.weight").value(), w2 = mlp.parameter("fc2.weight").value();
  Tensor x = noise({9, 20});
  auto y = mlp.run({x});
  ASSERT_TRUE(y.ok()) << y.error().message;
  for (int n = 0; n < 9; ++n) {
    double hidden[33] = {};
    for (int j = 0; j < 33; ++j) {
      for (int k = 0; k < 20; ++k)
        hidden[j] += double(x.data<float>()[n * 20 + k]) * w1.data<float>()[k * 33 + j];
      hidden[j] = std::max(hidden[j], 0.0);
    }
    for (int c = 0; c < 7; ++c) {
      double sum = 0;
      for (int j = 0; j < 33; ++j)
        sum += hidden[j] * w2.data<float>()[j * 7 + c];
      EXPECT_NEAR((*y)[0].data<float>()[n * 7 + c], sum, 1e-5);
    }
  }
}

TEST(Executable, ConcurrentRuns) {
  Executable mlp = compiled(kMLP, {.threads = 3});
  Tensor x = noise({50, 20});
  Tensor expected = std::move(mlp.run({x}).value()[0]);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      for (int round = 0; round < 100; ++round) {
        // Some of the batch sizes are compiled on the way.
        int64_t batch = round % 10 == 0 ? 50 - i : 50;
        Tensor part = noise({batch, 20});
        auto y = mlp.run({part});
        ASSERT_TRUE(y.ok());
        ASSERT_EQ(std::memcmp((*y)[0].raw(), expected.raw(), (*y)[0].bytes()), 0);
      }
    });
  for (std::thread &thread : threads)
    thread.join();
}

TEST(Executable, SetParameterReachesEveryBatchSize) {
  Executable cnn = compiled(kCNN);
  Tensor x = noise({3, 1, 12, 12}), one = noise({1, 1, 12, 12});
  ASSERT_TRUE(cnn.run({x}).ok() && cnn.run({one}).ok());
  Tensor weight = noise({8, 1, 3, 3}, 2), dense = noise({7, 200}, 3);
  ASSERT_TRUE(cnn.setParameter("conv.weight", weight).ok());
  ASSERT_TRUE(cnn.setParameter("fc.weight", dense).ok());
  EXPECT_TRUE(sameBits(cnn.parameter("conv.weight").value(), weight));
  Tensor many = std::move(cnn.run({x}).value()[0]), single = std::move(cnn.run({one}).value()[0]);
  for (int c = 0; c < 7; ++c)
    EXPECT_NEAR(many.data<float>()[c], single.data<float>()[c], 1e-4);
}

TEST(Executable, EveryMachineAndLevel) {
  Executable best = compiled(kCNN);
  Tensor x = noise({4, 1, 12, 12});
  Tensor expected = std::move(best.run({x}).value()[0]);
  for (int optLevel : {0, 1, 2, 3})
    for (const char *march : {"generic", "host"})
      for (bool fusion : {true, false}) {
        Executable other = compiled(kCNN, {.optLevel = optLevel, .fusion = fusion, .march = march});
        auto y = other.run({x});
        ASSERT_TRUE(y.ok()) << y.error().message;
        for (int64_t i = 0; i < expected.size(); ++i)
          EXPECT_NEAR((*y)[0].data<float>()[i], expected.data<float>()[i], 1e-4)
              << march << " -O" << optLevel << " fusion " << fusion;
      }
}

} // namespace
