//===- BuilderTests.cpp - Models built in C++ -----------------------------===//

#include "dl/Builder.h"

#include "gtest/gtest.h"

namespace {

using namespace dl;

std::string errorOf(const GraphBuilder &builder) {
  auto model = builder.build();
  return model ? "" : model.error().message;
}

TEST(Builder, BuildsAModel) {
  GraphBuilder g("cnn");
  Node x = g.input("image", {kOpen, 28, 28, 1});
  Node h = g.conv2d(x, 8, {5, 5}, {.name = "conv1", .order = ImageOrder::NHWC});
  h = g.maxPool2d(g.relu(h), {2, 2}, {.order = ImageOrder::NHWC});
  EXPECT_EQ(g.spec(h).shape, (Shape{kOpen, 12, 12, 8}));
  g.output(g.linear(g.flatten(h), 10), "logits");
  auto model = g.build();
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->name(), "cnn");
  ASSERT_EQ(model->inputs().size(), 1u);
  EXPECT_EQ(model->inputs()[0].name, "image");
  EXPECT_EQ(model->outputs()[0].name, "logits");
  EXPECT_EQ(model->outputs()[0].shape, (Shape{kOpen, 10}));
  ASSERT_EQ(model->parameters().size(), 4u);
  EXPECT_EQ(model->parameters()[0].name, "conv1.weight");
  EXPECT_EQ(model->parameters()[2].name, "linear1.weight");
  EXPECT_EQ(model->parameters()[2].shape, (Shape{1152, 10}));
}

TEST(Builder, EveryLayer) {
  GraphBuilder g;
  Node x = g.input("x", {kOpen, 4}), y = g.input("y", {kOpen, 4});
  Node labels = g.input("labels", {kOpen}, DType::I32);
  Node sum = x;
  for (Node n : {g.neg(x),
                 g.abs(x),
                 g.sign(x),
                 g.exp(x),
                 g.log(x),
                 g.sqrt(x),
                 g.rsqrt(x),
                 g.tanh(x),
                 g.sigmoid(x),
                 g.relu(x),
                 g.erf(x),
                 g.gelu(x),
                 g.gelu(x, "tanh"),
                 g.dropout(x, 0.25),
                 g.layerNorm(x),
                 g.batchNorm(x),
                 g.logSumExp(x, {1}, true),
                 g.concat({g.slice(x, {1}, {2}, {4}), g.slice(x, {1}, {0}, {2})}, 1),
                 g.sub(x, y),
                 g.mul(x, y),
                 g.div(x, y),
                 g.pow(x, y),
                 g.maximum(x, y),
                 g.minimum(x, y),
                 g.softmax(x),
                 g.logSoftmax(x),
                 g.select(g.compare(x, y, "lt"), x, y),
                 g.oneHot(labels, 4),
                 g.cast(g.argmax(x), DType::F32),
                 g.sum(x, {1}, true),
                 g.mean(x, {-1}, true),
                 g.max(x, {1}, true),
                 g.min(x),
                 g.scalar(2),
                 g.matmul(x, g.parameter("w", {4, 4})),
                 g.transpose(g.reshape(x, {-1, 2, 2}), {0, 2, 1}),
                 g.broadcast(x, {-1, 4})})
    sum = g.spec(n).shape == Shape{kOpen, 4} ? g.add(sum, n) : sum;
  for (Node n :
       {g.crossEntropy(x, labels), g.mse(x, y), g.bce(x, y), g.bceWithLogits(x, y), g.hinge(x, y)})
    sum = g.add(sum, n);
  g.output(sum);
  g.output(g.constant(Tensor::from<bool>({2}, std::array<bool, 2>{true, false})), "flags");
  auto model = g.build();
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->outputs()[0].name, "output0");
  EXPECT_EQ(model->outputs()[1].dtype, DType::Bool);
}

TEST(Builder, ImageLayers) {
  GraphBuilder g;
  Node x = g.input("x", {kOpen, 6, 4, 4});
  Node pooled = g.avgPool2d(x, {3, 3}, {.strides = {1, 1}, .padding = {1, 1, 1, 1}});
  EXPECT_EQ(g.spec(pooled).shape, (Shape{kOpen, 6, 4, 4}));
  Node larger =
      g.convTranspose2d(pooled, 4, {2, 2}, {.name = "up", .strides = {2, 2}, .groups = 2});
  EXPECT_EQ(g.spec(larger).shape, (Shape{kOpen, 4, 8, 8}));
  g.output(g.batchNorm(larger, 1, {.name = "norm"}));
  auto model = g.build();
  ASSERT_TRUE(model) << model.error().message;
  ASSERT_EQ(model->parameters().size(), 6u);
  EXPECT_EQ(model->parameters()[0].shape, (Shape{6, 2, 2, 2}));
  EXPECT_EQ(model->parameters()[5].name, "norm.variance");
}

TEST(Builder, NamesTheFirstWrongLayer) {
  GraphBuilder g("m");
  Node x = g.input("x", {kOpen, 4}), y = g.input("y", {kOpen, 3});
  Node sum = g.add(g.relu(x), y);
  g.output(g.relu(sum));
  EXPECT_EQ(errorOf(g).find("model 'm': layer 2, add: error: "), 0u) << errorOf(g);
}

TEST(Builder, Errors) {
  GraphBuilder none("m");
  EXPECT_EQ(errorOf(none), "model 'm': error: expected at least 1 output");

  GraphBuilder alike;
  Node y = alike.input("x", {1});
  alike.output(y, "y");
  alike.output(alike.relu(y), "y");
  EXPECT_EQ(errorOf(alike), "model 'model': output 'y': error: has the name of another output");

  GraphBuilder groups;
  groups.conv2d(groups.input("x", {1, 3, 8, 8}), 4, {3, 3}, {.name = "c", .groups = 2});
  EXPECT_EQ(errorOf(groups),
            "model 'model': conv2d 'c': error: expected groups that divide 3 channels, got 2");

  GraphBuilder unknown;
  unknown.apply("conv9d", {unknown.input("x", {1})});
  EXPECT_EQ(errorOf(unknown), "model 'model': layer 1, conv9d: error: expected the name of a layer "
                              "of the dl dialect");

  GraphBuilder attribute;
  Node x = attribute.input("x", {2, 3});
  attribute.compare(x, x, "roughly");
  EXPECT_EQ(errorOf(attribute).find("model 'model': layer 1, compare: error: "), 0u)
      << errorOf(attribute);

  GraphBuilder twice;
  twice.input("x", {1});
  twice.input("x", {1});
  EXPECT_NE(errorOf(twice).find("input 'x': error: expected a name"), std::string::npos);

  GraphBuilder init;
  init.parameter("w", {2}, {.init = "magic"});
  EXPECT_NE(errorOf(init).find("parameter 'w': error: "), std::string::npos) << errorOf(init);
}

} // namespace
