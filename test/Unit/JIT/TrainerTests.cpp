//===- TrainerTests.cpp - Compiled training steps -------------------------===//

#include "../Support/TempFile.h"
#include "Models.h"
#include "dl/Support/Safetensors.h"
#include "dl/Trainer.h"

#include <gtest/gtest.h>

using namespace dl;
using namespace dl::test;

namespace {

Trainer trainerOf(const char *text, const Optimizer &optimizer = optim::sgd(0.1, 0.9),
                  const CompileOptions &options = {}) {
  auto trainer = compileTrainer(parse(text), loss::crossEntropy(), optimizer, options);
  EXPECT_TRUE(trainer.ok()) << trainer.error().message;
  return *trainer;
}

/// Every variable, bit for bit.
void expectSameState(const Trainer &a, const Trainer &b) {
  ASSERT_EQ(a.variables().size(), b.variables().size());
  for (const TensorSpec &spec : a.variables())
    EXPECT_TRUE(sameBits(a.variable(spec.name).value(), b.variable(spec.name).value()))
        << spec.name;
}

class TrainerFiles : public testing::Test {
protected:
  TempFolder folder;
  std::string path = folder.path("state.safetensors");
};

TEST(Trainer, DescribesItself) {
  Trainer trainer = trainerOf(kMLP, optim::adam());
  ASSERT_EQ(trainer.batchSpecs().size(), 2u);
  EXPECT_EQ(trainer.batchSpecs()[0].name, "x");
  EXPECT_EQ(trainer.batchSpecs()[1].name, "label");
  EXPECT_EQ(trainer.batchSpecs()[1].shape, (Shape{kOpen}));
  // The model's parameters in its order, then mean and variance of each, and
  // the number of steps.
  ASSERT_EQ(trainer.variables().size(), 13u);
  EXPECT_EQ(trainer.variables()[0].name, "fc1.weight");
  EXPECT_TRUE(trainer.variable("fc1.weight.mean").ok());
  EXPECT_TRUE(trainer.variable("step").ok());
}

TEST(Trainer, LossFalls) {
  for (const char *model : {kMLP, kCNN}) {
    Trainer trainer = trainerOf(model);
    Tensor x = noise(model == kMLP ? Shape{32, 20} : Shape{32, 1, 12, 12});
    Tensor target = labels(32, 7);
    double first = trainer.step({x, target}).value();
    double last = first;
    for (int i = 0; i < 100; ++i)
      last = trainer.step({x, target}).value();
    EXPECT_LT(last, 0.5 * first);
  }
}

TEST(Trainer, EvaluationIsTheStepWithoutUpdate) {
  for (const char *model : {kMLP, kCNN}) {
    Trainer trainer = trainerOf(model);
    Tensor x = noise(model == kMLP ? Shape{10, 20} : Shape{10, 1, 12, 12});
    Tensor target = labels(10, 7);
    TensorView batch[] = {x, target};
    // Before the step compiles and decides how variables are stored, and after.
    Metrics before = trainer.evaluate(batch).value();
    Metrics step = trainer.stepWithMetrics(batch).value();
    EXPECT_NEAR(before.loss, step.loss, 1e-5);
    EXPECT_EQ(before.correct, step.correct);
    Metrics after = trainer.evaluate(batch).value();
    Metrics next = trainer.stepWithMetrics(batch).value();
    EXPECT_NE(before.loss, after.loss);
    EXPECT_NEAR(after.loss, next.loss, 1e-5);
    EXPECT_EQ(after.correct, next.correct);
  }
}

TEST(Trainer, PredictsWithTheParametersAsTheyAre) {
  Trainer trainer = trainerOf(kCNN);
  Model model = parse(kCNN);
  Tensor x = noise({10, 1, 12, 12}), target = labels(10, 7);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(trainer.step({x, target}).ok());
    TensorView inputs[] = {x};
    Tensor logits = std::move(trainer.predict(inputs).value()[0]);
    Executable executable = compile(model).value();
    for (const TensorSpec &spec : model.parameters())
      ASSERT_TRUE(executable.setParameter(spec.name, *trainer.variable(spec.name)).ok());
    EXPECT_TRUE(sameBits(executable.run({x}).value()[0], logits));
  }
}

TEST(Trainer, SameBitsForAnyNumberOfThreads) {
  for (const char *model : {kMLP, kCNN}) {
    std::vector<Trainer> trainers;
    for (int threads : {1, 2, 3})
      trainers.push_back(trainerOf(model, optim::adam(), {.threads = threads}));
    for (int64_t batch : {64, 33}) {
      Tensor x = noise(model == kMLP ? Shape{batch, 20} : Shape{batch, 1, 12, 12});
      Tensor target = labels(batch, 7);
      for (int i = 0; i < 5; ++i)
        for (Trainer &trainer : trainers)
          ASSERT_TRUE(trainer.step({x, target}).ok());
    }
    expectSameState(trainers[0], trainers[1]);
    expectSameState(trainers[0], trainers[2]);
  }
}

TEST(Trainer, WrongBatches) {
  Trainer trainer = trainerOf(kMLP);
  Tensor x = noise({4, 20});
  EXPECT_EQ(trainer.step({x}).error().message, "error: expected 2 inputs, got 1");
  EXPECT_EQ(trainer.step({x, labels(3, 7)}).error().message,
            "error: expected one batch size, got 4 in 'x' and 3 in 'label'");
  EXPECT_EQ(trainer.step({x, noise({4})}).error().message,
            "error: expected input 'label' to be ?xi32, got 4xf32");
}

TEST(Trainer, WrongLossAndOptimizer) {
  Model model = parse(kMLP);
  EXPECT_FALSE(compileTrainer(model, {"none"}, optim::sgd(0.1)).ok());
  EXPECT_FALSE(compileTrainer(model, loss::mse(), {.name = "none"}).ok());
}

TEST_F(TrainerFiles, ResumeGivesTheSameBits) {
  for (const Optimizer &optimizer : {optim::sgd(0.05, 0.9, true, 1e-4), optim::adam(1e-2, 1e-4)}) {
    Trainer whole = trainerOf(kCNN, optimizer), first = trainerOf(kCNN, optimizer);
    Tensor x = noise({16, 1, 12, 12}), target = labels(16, 7);
    for (int i = 0; i < 4; ++i) {
      ASSERT_TRUE(whole.step({x, target}).ok());
      ASSERT_TRUE(first.step({x, target}).ok());
    }
    ASSERT_TRUE(first.save(path, {{"epoch", "4"}}).ok());
    // Another seed, so that nothing is right by chance.
    Trainer second = trainerOf(kCNN, optimizer, {.seed = 9});
    auto metadata = second.resume(path);
    ASSERT_TRUE(metadata.ok()) << metadata.error().message;
    ASSERT_EQ(metadata->size(), 1u);
    EXPECT_EQ((*metadata)[0].second, "4");
    for (int i = 0; i < 4; ++i) {
      float a = whole.step({x, target}).value(), b = second.step({x, target}).value();
      EXPECT_EQ(a, b);
    }
    expectSameState(whole, second);
  }
}

TEST_F(TrainerFiles, WeightsGoToAnExecutable) {
  Trainer trainer = trainerOf(kCNN);
  Tensor x = noise({8, 1, 12, 12}), target = labels(8, 7);
  ASSERT_TRUE(trainer.step({x, target}).ok());
  ASSERT_TRUE(trainer.saveWeights(path).ok());
  Executable executable = compile(parse(kCNN)).value();
  ASSERT_TRUE(executable.loadWeights(path).ok());
  TensorView inputs[] = {x};
  EXPECT_TRUE(sameBits(executable.run({x}).value()[0], trainer.predict(inputs).value()[0]));
  Trainer other = trainerOf(kCNN, optim::sgd(0.1, 0.9), {.seed = 5});
  ASSERT_TRUE(other.loadWeights(path).ok());
  EXPECT_TRUE(sameBits(*other.variable("conv.weight"), *trainer.variable("conv.weight")));
}

TEST_F(TrainerFiles, NothingIsHalfApplied) {
  Trainer trainer = trainerOf(kMLP);
  ASSERT_TRUE(trainer.save(path).ok());
  TensorFile file = readSafetensors(path).value();
  Tensor changed = noise({20, 33}), wrong = noise({7, 33});
  auto writeWith = [&](const Tensor *last, const char *extra = nullptr) {
    std::vector<std::pair<std::string, const Tensor *>> tensors;
    for (auto &[name, tensor] : file.tensors)
      if (name == "fc1.weight")
        tensors.emplace_back(name, &changed);
      else if (name != "fc2.weight")
        tensors.emplace_back(name, &tensor);
    if (last)
      tensors.emplace_back("fc2.weight", last);
    if (extra)
      tensors.emplace_back(extra, &wrong);
    ASSERT_TRUE(writeSafetensors(path, tensors, {}).ok());
  };
  Trainer untouched = trainerOf(kMLP);

  writeWith(nullptr);
  EXPECT_EQ(trainer.resume(path).error().message, path + ": error: 'fc2.weight' is missing");
  EXPECT_EQ(trainer.loadWeights(path).error().message, path + ": error: 'fc2.weight' is missing");
  writeWith(&wrong);
  EXPECT_EQ(trainer.resume(path).error().message,
            path + ": error: expected 'fc2.weight' to be 33x7xf32, got 7x33xf32");
  writeWith(&file.tensors.at("fc2.weight"), "fc2.weight.mean");
  EXPECT_EQ(trainer.resume(path).error().message,
            path + ": error: no variable is named 'fc2.weight.mean'");
  expectSameState(trainer, untouched);
}

} // namespace
