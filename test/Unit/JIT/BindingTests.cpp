//===- BindingTests.cpp - Runs on bound tensors ---------------------------===//

#include "Models.h"
#include "dl/Executable.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>

using namespace dl;
using namespace dl::test;

namespace {

Binding bound(const Executable &executable, const Tensor &input, Tensor &output) {
  TensorView inputs[] = {input};
  auto binding = executable.bind(inputs, std::span(&output, 1));
  EXPECT_TRUE(binding.ok()) << binding.error().message;
  return std::move(binding).value();
}

TEST(Binding, ReadsWhatTheInputsHoldNow) {
  Executable mlp = compile(parse(kMLP), {.threads = 2}).value();
  Tensor x = noise({16, 20}), y(DType::F32, {16, 7});
  Binding binding = bound(mlp, x, y);
  for (uint64_t seed : {1, 2, 3}) {
    Tensor next = noise({16, 20}, seed);
    std::memcpy(x.raw(), next.raw(), x.bytes());
    binding.run();
    EXPECT_TRUE(sameBits(y, mlp.run({next}).value()[0]));
  }
}

// Weights that are stored in another order, and packed, are converted again.
TEST(Binding, ReadsTheParametersOfNow) {
  for (const char *text : {kMLP, kCNN}) {
    Executable network = compile(parse(text)).value();
    bool isMLP = text == kMLP;
    Tensor x = noise(isMLP ? Shape{64, 20} : Shape{64, 1, 12, 12}), y(DType::F32, {64, 7});
    Binding binding = bound(network, x, y);
    binding.run();
    const char *name = isMLP ? "fc2.weight" : "fc.weight";
    for (uint64_t seed : {1, 2}) {
      Tensor before = y;
      Tensor weight = noise(isMLP ? Shape{33, 7} : Shape{7, 200}, seed);
      ASSERT_TRUE(network.setParameter(name, weight).ok());
      binding.run();
      EXPECT_FALSE(sameBits(y, before));
      EXPECT_TRUE(sameBits(y, network.run({x}).value()[0]));
    }
  }
}

TEST(Binding, OutlivesTheExecutable) {
  std::optional<Executable> scale = compile(parse(kScale)).value();
  Tensor x = noise({2, 5}), y(DType::F32, {2, 5}), z(DType::F32, {2, 5});
  Binding first = bound(*scale, x, y);
  Binding second = bound(*scale, x, z);
  first = std::move(second); // gives back what it held
  scale.reset();
  Tensor moved = std::move(z);
  first.run();
  EXPECT_TRUE(sameBits(moved, x));
  EXPECT_EQ(y.data<float>()[0], 0);
}

TEST(Binding, ChecksWhatItBinds) {
  Executable scale = compile(parse(kScale)).value();
  Tensor x(DType::F32, {2, 5}), wrong(DType::F32, {2, 4});
  TensorView inputs[] = {x}, wrongInputs[] = {wrong};
  EXPECT_EQ(scale.bind(inputs, std::span(&wrong, 1)).error().message,
            "error: expected output 'y' to be 2x5xf32, got 2x4xf32");
  EXPECT_EQ(scale.bind(wrongInputs, std::span(&x, 1)).error().message,
            "error: expected input 'x' to be ?x5xf32, got 2x4xf32");
  EXPECT_EQ(scale.bind({}, std::span(&x, 1)).error().message, "error: expected 1 input, got 0");
}

TEST(Binding, CountsInProfiles) {
  Executable mlp = compile(parse(kMLP), {.profile = true}).value();
  Tensor x = noise({16, 20}), y(DType::F32, {16, 7});
  Binding binding = bound(mlp, x, y);
  for (int i = 0; i < 5; ++i)
    binding.run();
  // The first run is forgotten: it finds memory that was never touched.
  EXPECT_EQ(mlp.profile(16).value().runs, 4);
}

// Each run sees the parameter before a change or after it, never a mixture.
TEST(Binding, ChangesWaitForRuns) {
  Executable scale = compile(parse(kScale)).value();
  std::atomic<bool> isOver = false;
  std::atomic<int> mixed = 0, runs = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&] {
      Tensor x(DType::F32, {400, 5}), y(DType::F32, {400, 5});
      for (float &value : x.span<float>())
        value = 1;
      Binding binding = bound(scale, x, y);
      while (!isOver) {
        binding.run();
        ++runs;
        for (float value : y.span<float>())
          mixed += value != y.data<float>()[0];
      }
    });
  for (int change = 0; change < 200 || runs < 100; ++change) {
    Tensor weight(DType::F32, {5});
    for (float &value : weight.span<float>())
      value = static_cast<float>(change);
    ASSERT_TRUE(scale.setParameter("w", weight).ok());
  }
  isOver = true;
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(mixed, 0);
}

} // namespace
