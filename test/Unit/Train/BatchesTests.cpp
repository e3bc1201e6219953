//===- BatchesTests.cpp - Fitting, shuffling, batches ---------------------===//

#include "dl/Train/Batches.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <numeric>

namespace {

using namespace dl;

std::vector<TensorSpec> specs(Shape input, Shape target, DType targetType = DType::F32) {
  return {{"x", DType::F32, std::move(input)}, {"target", targetType, std::move(target)}};
}

Examples pixels(Shape shape, int64_t classes) {
  Examples examples{{{"x", Tensor(DType::U8, shape)}}, Tensor(DType::I32, {shape[0]})};
  auto bytes = examples.inputs[0].values.span<uint8_t>();
  std::iota(bytes.begin(), bytes.end(), uint8_t(0));
  for (int32_t i = 0; i < shape[0]; ++i)
    examples.targets.data<int32_t>()[i] = static_cast<int32_t>(i % classes);
  return examples;
}

std::vector<float> values(const TensorView &view, int64_t count) {
  const float *data = static_cast<const float *>(view.data);
  return {data, data + count};
}

TEST(Fit, ClassesForCrossEntropy) {
  auto fitted = fitExamples(pixels({4, 2, 2}, 3), 3, specs({kOpen, 4}, {kOpen}, DType::I32),
                            loss::crossEntropy(), {"y", DType::F32, {kOpen, 3}});
  ASSERT_TRUE(fitted) << fitted.error().message;
  EXPECT_EQ(fitted->inputs[0].shape(), (Shape{4, 4}));
  EXPECT_EQ(fitted->targets.data<int32_t>()[3], 0);
  auto tooMany = fitExamples(pixels({4, 2, 2}, 3), 3, specs({kOpen, 4}, {kOpen}, DType::I32),
                             loss::crossEntropy(), {"y", DType::F32, {kOpen, 2}});
  EXPECT_EQ(tooMany.error().message,
            "the model's output 'y' of ?x2xf32 tells 2 classes apart, the data have 3");
}

TEST(Fit, ClassesAsNumbers) {
  TensorSpec output{"y", DType::F32, {kOpen, 1}};
  auto bce = fitExamples(pixels({2, 4}, 2), 2, specs({kOpen, 4}, {kOpen, 1}), loss::bce(), output);
  ASSERT_TRUE(bce);
  EXPECT_EQ(values(bce->targets, 2), (std::vector<float>{0, 1}));
  auto hinge =
      fitExamples(pixels({2, 4}, 2), 2, specs({kOpen, 4}, {kOpen, 1}), loss::hinge(), output);
  EXPECT_EQ(values(hinge->targets, 2), (std::vector<float>{-1, 1}));
  auto oneHot =
      fitExamples(pixels({2, 4}, 2), 3, specs({kOpen, 4}, {kOpen, 3}), loss::mse(), output);
  EXPECT_EQ(values(oneHot->targets, 6), (std::vector<float>{1, 0, 0, 0, 1, 0}));
  auto wrong =
      fitExamples(pixels({2, 4}, 2), 3, specs({kOpen, 4}, {kOpen, 7}), loss::mse(), output);
  EXPECT_EQ(wrong.error().message,
            "the loss mse takes a target 'target' of ?x7xf32, got indices of 3 classes");
}

TEST(Fit, AnAutoencoderAimsAtItsInput) {
  auto fitted = fitExamples(pixels({3, 2, 2}, 3), 3, specs({kOpen, 4}, {kOpen, 2, 2}), loss::mse(),
                            {"y", DType::F32, {kOpen, 2, 2}});
  ASSERT_TRUE(fitted);
  Batches batches(*fitted, 2);
  auto views = batches.get(1);
  EXPECT_EQ(views[0].data, views[1].data);
  EXPECT_EQ(Shape(views[1].shape.begin(), views[1].shape.end()), (Shape{1, 2, 2}));
  EXPECT_FLOAT_EQ(values(views[0], 1)[0], 8 / 255.f);
}

TEST(Fit, ChannelsMoveToTheirPlace) {
  auto fitted =
      fitExamples(pixels({1, 3, 2, 2}, 2), 2, specs({kOpen, 2, 2, 3}, {kOpen}, DType::I32),
                  loss::crossEntropy(), {"y", DType::F32, {kOpen, 2}});
  ASSERT_TRUE(fitted);
  EXPECT_EQ(fitted->inputs[0].data<uint8_t>()[1], 4);
  EXPECT_EQ(fitted->inputs[0].data<uint8_t>()[3], 1);
}

TEST(Fit, Errors) {
  auto size = fitExamples(pixels({1, 5}, 2), 2, specs({kOpen, 4}, {kOpen}, DType::I32),
                          loss::crossEntropy(), {});
  EXPECT_EQ(size.error().message,
            "the model's input 'x' of ?x4xf32 takes 4 elements an example, got 5 (1x5xui8)");
  Examples bare{{{"x", Tensor(DType::F32, {1, 4})}}, Tensor()};
  auto targets =
      fitExamples(bare, 0, specs({kOpen, 4}, {kOpen}, DType::I32), loss::crossEntropy(), {});
  EXPECT_EQ(targets.error().message,
            "the loss cross_entropy takes class indices (integers of shape [N]), got no targets");
  EXPECT_EQ(fitExamples(bare, 0, {{}}, loss::mse(), {}).error().message,
            "expected a model with an input, got none");
}

/// Two inputs, the second of two elements an example, and a target.
std::vector<TensorSpec> twoSpecs() {
  return {{"a", DType::F32, {kOpen}}, {"b", DType::F32, {kOpen, 2}}, {"t", DType::F32, {kOpen}}};
}

TEST(Fit, InputsByName) {
  Tensor b = Tensor::from<float>({3, 2}, std::vector<float>{1, 2, 3, 4, 5, 6});
  Tensor a = Tensor::from<float>({3}, std::vector<float>{7, 8, 9});
  Examples examples{{{"b", b}, {"unused", Tensor(DType::F32, {1})}, {"a", a}}, a};
  auto fitted = fitExamples(examples, 0, twoSpecs(), loss::mse(), {});
  ASSERT_TRUE(fitted) << fitted.error().message;
  Batches batches(*fitted, 2);
  auto views = batches.get(1);
  ASSERT_EQ(views.size(), 3u);
  EXPECT_EQ(values(views[0], 1), (std::vector<float>{9}));
  EXPECT_EQ(values(views[1], 2), (std::vector<float>{5, 6}));
  EXPECT_EQ(values(views[2], 1), (std::vector<float>{9}));
}

TEST(Fit, InputErrors) {
  Tensor three(DType::F32, {3}), pairs(DType::F32, {2, 2});
  auto missing = fitExamples({{{"x", three}}, three}, 0, twoSpecs(), loss::mse(), {});
  EXPECT_EQ(missing.error().message,
            "the model's input 'a' of ?xf32 is not among the data, which have 'x'");
  auto rows = fitExamples({{{"a", three}, {"b", pairs}}, three}, 0, twoSpecs(), loss::mse(), {});
  EXPECT_EQ(rows.error().message,
            "expected 3 examples of the model's input 'b' of ?x2xf32, as many "
            "as of 'a', got 2");
  auto targets =
      fitExamples({{{"x", pairs}}, three}, 0, specs({kOpen, 2}, {kOpen}), loss::mse(), {});
  EXPECT_EQ(targets.error().message, "expected 2 targets, one for each example, got 3");
}

FittedExamples numbered(int64_t count) {
  FittedExamples examples{{Tensor(DType::F32, {count, 1})},
                          Tensor(DType::F32, {count, 1}),
                          {{"x", DType::F32, {kOpen, 1}}},
                          {"t", DType::F32, {kOpen, 1}}};
  for (int64_t i = 0; i < count; ++i)
    examples.inputs[0].data<float>()[i] = examples.targets.data<float>()[i] = static_cast<float>(i);
  return examples;
}

std::vector<float> orderOf(Batches &batches) {
  std::vector<float> all;
  for (int64_t i = 0; i < batches.count(); ++i) {
    auto views = batches.get(i);
    EXPECT_EQ(views[0].shape[0], batches.sizeOf(i));
    EXPECT_EQ(values(views[0], batches.sizeOf(i)), values(views[1], batches.sizeOf(i)));
    for (float value : values(views[0], batches.sizeOf(i)))
      all.push_back(value);
  }
  return all;
}

TEST(Batches, TheLastOneMayBeSmaller) {
  FittedExamples examples = numbered(10);
  Batches batches(examples, 4);
  EXPECT_EQ(batches.count(), 3);
  EXPECT_EQ(batches.sizeOf(2), 2);
  std::vector<float> expected(10);
  std::iota(expected.begin(), expected.end(), 0.f);
  EXPECT_EQ(orderOf(batches), expected);
}

TEST(Batches, ShufflesBySeedAndEpoch) {
  FittedExamples examples = numbered(100);
  Batches batches(examples, 32), others(examples, 7);
  batches.shuffle(1, 0);
  std::vector<float> first = orderOf(batches);
  others.shuffle(1, 5);
  others.shuffle(1, 0);
  EXPECT_EQ(orderOf(others), first);
  batches.shuffle(1, 1);
  EXPECT_NE(orderOf(batches), first);
  batches.shuffle(2, 0);
  EXPECT_NE(orderOf(batches), first);
  std::ranges::sort(first);
  for (size_t i = 0; i < first.size(); ++i)
    EXPECT_EQ(first[i], static_cast<float>(i));
}

} // namespace
