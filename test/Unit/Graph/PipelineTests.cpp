//===- PipelineTests.cpp - The pipeline keeps what a model computes -------===//
//
// The reference runs each training step as it is and as the pipeline leaves it,
// at every level: the same outputs and the same new values of all variables.
//
//===----------------------------------------------------------------------===//

#include "dl/Autodiff/TrainingStep.h"
#include "dl/Graph/Pipeline.h"
#include "dl/IR/DLDialect.h"
#include "dl/IR/Specialize.h"
#include "dl/Reference/Interpreter.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

#include <random>

using namespace dl;

namespace {

struct Case {
  const char *name, *loss, *optimizer, *body;
};

void PrintTo(const Case &c, std::ostream *os) { *os << c.name; }

const Case kCases[] = {
    {"mlp", "cross_entropy", "sgd,lr=0.1", R"(
dl.model @m(%x: tensor<?x7xf64>) {
  %w = dl.parameter "w" : tensor<7x5xf64>
  %b = dl.parameter "b" : tensor<5xf64>
  %v = dl.parameter "v" : tensor<3x5xf64>
  %1 = dl.linear %x, %w, %b
  %2 = dl.relu %1
  %y = dl.linear %2, %v {transpose_weight = true}
  dl.return %y
})"},
    {"nhwc", "cross_entropy", "sgd,lr=0.1,momentum=0.9,nesterov=true,weight_decay=0.01", R"(
dl.model @m(%x: tensor<?x9x9x2xf64>) {
  %w = dl.parameter "w" : tensor<3x3x2x4xf64>
  %b = dl.parameter "b" : tensor<4xf64>
  %v = dl.parameter "v" : tensor<64x3xf64>
  %1 = dl.conv2d %x, %w, %b {layout = nhwc, padding = [1, 0, 0, 1]}
  %2 = dl.relu %1
  %3 = dl.max_pool2d %2 {kernel = [2, 2], layout = nhwc}
  %4 = dl.flatten %3
  %5 = dl.parameter "c" : tensor<3xf64>
  %y = dl.linear %4, %v, %5
  dl.return %y
})"},
    {"nchw", "cross_entropy", "adam,lr=0.1,weight_decay=0.01", R"(
dl.model @m(%x: tensor<?x2x9x9xf64>) {
  %w = dl.parameter "w" : tensor<4x2x3x3xf64>
  %b = dl.parameter "b" : tensor<4xf64>
  %v = dl.parameter "v" : tensor<3x64xf64>
  %1 = dl.conv2d %x, %w, %b {padding = [1, 0, 0, 1], strides = [1, 1]}
  %2 = dl.relu %1
  %3 = dl.max_pool2d %2 {kernel = [2, 2]}
  %4 = dl.flatten %3
  %y = dl.linear %4, %v {transpose_weight = true}
  dl.return %y
})"},
    {"residual", "mse", "adam,lr=0.1", R"(
dl.model @m(%x: tensor<?x2x6x6xf64>) {
  %w0 = dl.parameter "w0" : tensor<4x2x1x1xf64>
  %w1 = dl.parameter "w1" : tensor<4x4x3x3xf64>
  %w2 = dl.parameter "w2" : tensor<4x2x3x3xf64>
  %s = dl.parameter "scale" : tensor<4x1x1xf64>
  %a = dl.conv2d %x, %w0
  %r = dl.relu %a
  %c = dl.conv2d %r, %w1 {padding = [1, 1, 1, 1]}
  %sum = dl.add %c, %r
  %d = dl.mul %sum, %s
  %t = dl.tanh %d
  %e = dl.conv2d %t, %w2 {groups = 2, padding = [1, 1, 1, 1]}
  %y = dl.mean %e {axes = [2, 3]}
  dl.return %y
})"},
    {"tied", "bce_with_logits", "sgd,lr=0.1", R"(
dl.model @m(%x: tensor<?x4x5xf64>) {
  %w = dl.parameter "w" : tensor<5x5xf64>
  %b = dl.parameter "b" : tensor<5xf64>
  %1 = dl.linear %x, %w, %b
  %2 = dl.sigmoid %1
  %3 = dl.linear %2, %w, %b
  %4 = dl.softmax %3
  %y = dl.linear %4, %w {transpose_weight = true}
  dl.return %y
})"},
    {"autoencoder", "mse", "adam,lr=0.01,weight_decay=1e-8", R"(
dl.model @m(%x: tensor<?x12xf64>) {
  %w = dl.parameter "w" : tensor<12x4xf64>
  %b = dl.parameter "b" : tensor<4xf64>
  %v = dl.parameter "v" : tensor<4x12xf64>
  %c = dl.parameter "c" : tensor<12xf64>
  %1 = dl.linear %x, %w, %b
  %2 = dl.relu %1
  %3 = dl.linear %2, %v, %c
  %y = dl.sigmoid %3
  dl.return %y
})"},
    {"normalisation over channels", "hinge", "sgd,lr=0.1", R"(
dl.model @m(%x: tensor<?x3x4x4xf64>) {
  %w = dl.parameter "w" : tensor<3x3x3x3xf64>
  %1 = dl.conv2d %x, %w {padding = [1, 1, 1, 1]}
  %m = dl.mean %1 {axes = [1], keepdims = true}
  %2 = dl.sub %1, %m
  %3 = dl.softmax %2 {axis = 1}
  %4 = dl.max %3 {axes = [2]}
  %y = dl.log %4
  dl.return %y
})"},
};

struct Setting {
  int optLevel;
  bool fusion;
};

class Pipeline : public testing::TestWithParam<std::tuple<Case, Setting>> {
protected:
  Pipeline() { context.loadDialect<DLDialect>(); }

  /// The training step of the case.
  ModelOp buildStep(const Case &c) {
    module = mlir::parseSourceString<mlir::ModuleOp>(c.body, &context);
    auto model = *module->getOps<ModelOp>().begin();
    EXPECT_TRUE(succeeded(specializeBatch(model, 3)));
    auto step = buildTrainingStep(model, {c.loss}, Optimizer::parse(c.optimizer).value());
    EXPECT_TRUE(succeeded(step));
    return *step;
  }

  mlir::LogicalResult optimize(ModelOp model, Setting setting) {
    mlir::PassManager manager(&context, ModelOp::getOperationName());
    buildGraphPipeline(manager, {setting.optLevel, setting.fusion, false});
    return manager.run(model);
  }

  Tensor draw(mlir::Type type) {
    auto tensor = llvm::cast<mlir::RankedTensorType>(type);
    Shape shape(tensor.getShape().begin(), tensor.getShape().end());
    if (tensor.getElementType().isInteger(32)) {
      Tensor labels(DType::I32, shape);
      for (int32_t &label : labels.span<int32_t>())
        label = static_cast<int32_t>(random() % 3);
      return labels;
    }
    Tensor values(DType::F64, shape);
    for (double &value : values.span<double>())
      value = std::uniform_real_distribution<double>(0.01, 1)(random) - 0.4;
    return values;
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::mt19937 random{7};
};

/// A variable in the order of the declared dimensions, or in that of a storage.
Tensor reorder(const Tensor &tensor, ParameterOp parameter, bool toStored) {
  if (!parameter.getStorage())
    return tensor;
  auto stored = parameter.getType().getShape(), declared = parameter.getDeclaredType().getShape();
  llvm::ArrayRef<int64_t> storage = *parameter.getStorage();
  size_t rank = storage.size();
  Tensor result(DType::F64, toStored ? Shape(stored.begin(), stored.end())
                                     : Shape(declared.begin(), declared.end()));
  std::vector<int64_t> index(rank, 0);
  for (int64_t at = 0; at < tensor.size(); ++at) {
    int64_t rest = at, flat = 0;
    for (size_t dim = rank; dim-- > 0; rest /= stored[dim])
      index[storage[dim]] = rest % stored[dim];
    for (size_t dim = 0; dim < rank; ++dim)
      flat = flat * declared[dim] + index[dim];
    if (toStored)
      result.data<double>()[at] = tensor.data<double>()[flat];
    else
      result.data<double>()[flat] = tensor.data<double>()[at];
  }
  return result;
}

void expectNear(const Tensor &expected, const Tensor &actual, const std::string &what) {
  ASSERT_EQ(expected.shape(), actual.shape()) << what;
  if (expected.dtype() == DType::I32) {
    for (int64_t i = 0; i < expected.size(); ++i)
      EXPECT_EQ(expected.data<int32_t>()[i], actual.data<int32_t>()[i]) << what;
    return;
  }
  for (int64_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(expected.data<double>()[i], actual.data<double>()[i], 1e-10) << what << " at " << i;
}

TEST_P(Pipeline, KeepsTheStep) {
  const auto &[c, setting] = GetParam();
  ModelOp step = buildStep(c);
  std::vector<Tensor> inputs;
  for (mlir::Value input : step.getBody().getArguments())
    inputs.push_back(draw(input.getType()));
  Variables before;
  for (auto parameter : step.getBody().getOps<ParameterOp>())
    before.emplace(parameter.getName().str(), draw(parameter.getType()));
  // As after some steps: variances are not negative, the counter counts.
  for (auto &[name, value] : before)
    for (double &x : value.span<double>())
      if (name == "step" || name.ends_with(".variance"))
        x = name == "step" ? 3 : std::abs(x);
  std::vector<TensorView> views(inputs.begin(), inputs.end());

  Variables expected = before;
  auto outputs = interpret(step, views, expected);
  ASSERT_TRUE(outputs) << outputs.error().message;
  ASSERT_TRUE(succeeded(optimize(step, setting)));

  Variables actual;
  for (auto parameter : step.getBody().getOps<ParameterOp>())
    actual.emplace(parameter.getName().str(),
                   reorder(before.at(parameter.getName().str()), parameter, /*toStored=*/true));
  auto optimized = interpret(step, views, actual);
  ASSERT_TRUE(optimized) << optimized.error().message;
  ASSERT_EQ(outputs->size(), optimized->size());
  for (size_t i = 0; i < outputs->size(); ++i)
    expectNear((*outputs)[i], (*optimized)[i], "output " + std::to_string(i));
  for (auto parameter : step.getBody().getOps<ParameterOp>()) {
    std::string name = parameter.getName().str();
    expectNear(expected.at(name), reorder(actual.at(name), parameter, /*toStored=*/false), name);
  }
}

INSTANTIATE_TEST_SUITE_P(Steps, Pipeline,
                         testing::Combine(testing::ValuesIn(kCases),
                                          testing::Values(Setting{0, true}, Setting{1, false},
                                                          Setting{2, true})));

} // namespace
