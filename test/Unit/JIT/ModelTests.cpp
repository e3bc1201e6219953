//===- ModelTests.cpp - Models from files ---------------------------------===//

#include "dl/Model.h"

#include <gtest/gtest.h>

using namespace dl;

namespace {

TEST(Model, DescribesItself) {
  auto model = Model::load(DL_SOURCE_DIR "/examples/mnist-cnn.mlir");
  ASSERT_TRUE(model.ok()) << model.error().message;
  EXPECT_EQ(model->name(), "mnist_cnn");
  ASSERT_EQ(model->inputs().size(), 1u);
  EXPECT_EQ(model->inputs()[0].name, "image");
  EXPECT_EQ(model->inputs()[0].shape, (Shape{kOpen, 28, 28, 1}));
  ASSERT_EQ(model->outputs().size(), 1u);
  EXPECT_EQ(model->outputs()[0].name, "logits");
  EXPECT_EQ(model->outputs()[0].shape, (Shape{kOpen, 10}));
  ASSERT_EQ(model->parameters().size(), 6u);
  EXPECT_EQ(model->parameters()[0].name, "conv1.weight");
  EXPECT_EQ(model->parameters()[0].shape, (Shape{5, 5, 1, 32}));
}

TEST(Model, PrintsWhatItReads) {
  auto model = Model::load(DL_SOURCE_DIR "/examples/mnist-cnn.mlir").value();
  auto again = Model::parse(model.toString());
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(again->toString(), model.toString());
}

/// The message of a model that cannot be read.
std::string errorOf(std::string_view text) {
  auto model = Model::parse(text, "m.mlir");
  return model ? "" : model.error().message;
}

TEST(Model, ErrorsShowTheLine) {
  EXPECT_EQ(errorOf("dl.model @m(%x: tensor<2x3xf32>) {\n"
                    "  %y = dl.relu %z\n"
                    "  dl.return %y\n"
                    "}\n"),
            "m.mlir:2:16: error: custom op 'dl.relu' the type of %z is not known here: expected a "
            "value defined above "
            "by a dl op, or the types of operands and results after ':'\n"
            "  %y = dl.relu %z\n"
            "               ^");
}

TEST(Model, ErrorsOfShapesNameTheOp) {
  std::string message = errorOf("dl.model @m(%x: tensor<2x3xf32>) {\n"
                                "  %w = dl.parameter \"w\" : tensor<4x5xf32>\n"
                                "  %y = dl.linear %x, %w\n"
                                "  dl.return %y\n"
                                "}\n");
  EXPECT_EQ(message.find("m.mlir:3:8: error: "), 0u) << message;
  EXPECT_NE(message.find("\n  %y = dl.linear %x, %w\n       ^"), std::string::npos) << message;
}

TEST(Model, HoldsOneModel) {
  EXPECT_EQ(errorOf(""), "m.mlir: error: expected 1 dl.model, got 0");
  EXPECT_EQ(errorOf("dl.model @a() { dl.return }\ndl.model @b() { dl.return }"),
            "m.mlir: error: expected 1 dl.model, got 2");
}

TEST(Model, HoldsNoOtherOps) {
  std::string message = errorOf("dl.model @m(%x: tensor<4xf32>) {\n"
                                "  %c = arith.constant 1 : i32\n"
                                "  dl.return %x\n"
                                "}\n");
  EXPECT_EQ(message.find("m.mlir:2:8: error: "), 0u) << message;
  EXPECT_NE(message.find("expected ops of the dl dialect, got arith.constant"), std::string::npos);
}

TEST(Model, NestedTooDeep) {
  for (const char *part :
       {"module {\n", "tensor<", "(", "[", "-", "- ", "d0 + ", "(d0) * ", "d0\nfloordiv "}) {
    std::string text = "// ((((\n";
    for (int i = 0; i < 100000; ++i)
      text += part;
    std::string message = errorOf(text);
    EXPECT_NE(message.find("error: expected brackets and operators nested at most 256 deep"),
              std::string::npos)
        << message.substr(0, 200);
  }
}

TEST(Model, MissingFile) {
  auto model = Model::load("/nonexistent/m.mlir");
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.error().message.find("/nonexistent/m.mlir: error: "), 0u)
      << model.error().message;
}

TEST(Model, Garbage) {
  for (const char *text : {"\x7f"
                           "ELF",
                           "{", "dl.model", "ML\xefR", "dl.model @m(", "\0\0\0"})
    EXPECT_NE(errorOf(text), "") << text;
}

} // namespace
