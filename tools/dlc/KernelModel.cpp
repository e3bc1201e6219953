//===- KernelModel.cpp - Operands, model and cost of one kernel -----------===//

#include "KernelSpec.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <functional>
#include <numeric>

namespace dl::driver {

using Family = KernelFamily;
using Shape = std::vector<int64_t>;

int64_t KernelTensor::size() const {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<>());
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

static float valueOf(size_t operand, int64_t element) {
  uint64_t x = (static_cast<uint64_t>(operand) << 40) + static_cast<uint64_t>(element) + 1;
  x *= 0x9e3779b97f4a7c15u; // splitmix64's step and finaliser
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return static_cast<float>(x >> 40) * (1.f / (1 << 24)) - 0.5f;
}

void fillOperand(const KernelSpec &spec, size_t index, void *data) {
  KernelTensor operand = spec.operands()[index];
  bool isCount = spec.op == "adam" && index == 4;
  bool isPositive = (spec.op == "adam" && index == 3) || spec.op.starts_with("batch_norm") ||
                    spec.op == "log" || spec.op.ends_with("sqrt");
  for (int64_t i = 0; i < operand.size(); ++i) {
    float value = valueOf(index, i);
    if (operand.classes > 0)
      static_cast<int32_t *>(data)[i] =
          static_cast<int32_t>((value + 0.5f) * static_cast<float>(operand.classes - 1));
    else
      static_cast<float *>(data)[i] = isCount ? 3.f : isPositive ? std::abs(value) : value;
  }
}

//===----------------------------------------------------------------------===//
// Operands and results
//===----------------------------------------------------------------------===//

static Shape withBatch(const KernelSpec &spec, Shape shape) {
  if (spec.batch > 1)
    shape.insert(shape.begin(), spec.batch);
  return shape;
}

static Shape ordered(bool transposed, int64_t rows, int64_t columns) {
  return transposed ? Shape{columns, rows} : Shape{rows, columns};
}

namespace {
/// The three tensors of a convolution.
struct ConvShapes {
  explicit ConvShapes(const KernelSpec &spec) {
    const Shape &e = spec.extents;
    image = {e[0], e[1], e[2], e[3]};
    weights = {e[5], e[5], e[3] / spec.groups, e[4]};
    result = {e[0], spec.outputExtent(e[1]), spec.outputExtent(e[2]), e[4]};
  }
  Shape image, weights, result;
};
} // namespace

static Shape pooled(const KernelSpec &spec) {
  const Shape &e = spec.extents;
  return {e[0], spec.outputExtent(e[1]), spec.outputExtent(e[2]), e[3]};
}

static Shape image(const KernelSpec &spec) {
  return Shape(spec.extents.begin(), spec.extents.begin() + 4);
}

static std::vector<KernelTensor> convOperands(const KernelSpec &spec) {
  ConvShapes shapes(spec);
  if (spec.op == "conv2d_backward_data")
    return {{shapes.result}, {shapes.weights, true}};
  if (spec.op == "conv2d_backward_weights")
    return {{shapes.image}, {shapes.result}};
  std::vector<KernelTensor> operands = {{shapes.image}, {shapes.weights, true}};
  if (spec.bias)
    operands.push_back({{spec.extents[4]}, true});
  return operands;
}

static std::vector<KernelTensor> linearOperands(const KernelSpec &spec) {
  const Shape &e = spec.extents;
  std::vector<KernelTensor> operands = {{{e[0], e[2]}},
                                        {ordered(spec.transposeB, e[2], e[1]), true}};
  if (spec.bias)
    operands.push_back({{e[1]}, true});
  return operands;
}

static size_t operandCount(const KernelSpec &spec) { return spec.op == "mul_add" ? 3 : 2; }

static std::vector<KernelTensor> poolOperands(const KernelSpec &spec) {
  if (spec.op == "max_pool2d_backward")
    return {{image(spec)}, {pooled(spec)}};
  return {{spec.op == "avg_pool2d_backward" ? pooled(spec) : image(spec)}};
}

/// Scale and bias, and for batch_norm a running mean and variance.
static std::vector<KernelTensor> affineOperands(const KernelSpec &spec) {
  std::vector<KernelTensor> operands(spec.op == "layer_norm" ? 3 : 5,
                                     {Shape{spec.extents.back()}, true});
  operands[0] = {spec.extents};
  return operands;
}

std::vector<KernelTensor> KernelSpec::operands() const {
  switch (family) {
  case Family::Matmul:
    return {{withBatch(*this, ordered(transposeA, extents[0], extents[2]))},
            {withBatch(*this, ordered(transposeB, extents[2], extents[1]))}};
  case Family::Linear:
    return linearOperands(*this);
  case Family::Conv:
    return convOperands(*this);
  case Family::Elementwise:
    return std::vector<KernelTensor>(operandCount(*this), {extents});
  case Family::CrossEntropy:
    return {{extents}, {{extents[0]}, false, extents[1]}};
  case Family::Pool:
    return poolOperands(*this);
  case Family::Concat:
    return {{extents}, {extents}};
  case Family::Affine:
    return affineOperands(*this);
  case Family::Update:
    if (op == "adam")
      return {{extents}, {extents}, {extents}, {extents}, {Shape{}}};
    return {{extents}, {extents}, {extents}};
  case Family::Unary:
  case Family::Reduction:
  case Family::Normalization:
  case Family::Transpose:
    return {{extents}};
  }
  return {};
}

static Shape reduced(const KernelSpec &spec) {
  Shape shape = spec.extents;
  shape.erase(spec.axis < 0 ? shape.end() - 1 : shape.begin() + spec.axis);
  return shape;
}

static Shape permuted(const KernelSpec &spec) {
  Shape shape;
  for (int64_t axis : spec.axes)
    shape.push_back(spec.extents[axis]);
  return shape;
}

static Shape joined(const KernelSpec &spec) {
  Shape shape = spec.extents;
  (spec.axis < 0 ? shape.back() : shape[spec.axis]) *= 2;
  return shape;
}

static Shape convResult(const KernelSpec &spec) {
  ConvShapes shapes(spec);
  return spec.op == "conv2d"                 ? shapes.result
         : spec.op == "conv2d_backward_data" ? shapes.image
                                             : shapes.weights;
}

std::vector<KernelTensor> KernelSpec::results() const {
  switch (family) {
  case Family::Matmul:
    return {{withBatch(*this, {extents[0], extents[1]})}};
  case Family::Linear:
    return {{{extents[0], extents[1]}}};
  case Family::Conv:
    return {{convResult(*this)}};
  case Family::Reduction:
    return {{reduced(*this)}};
  case Family::CrossEntropy:
    return {{Shape{}}};
  case Family::Pool:
    return {{op.ends_with("_backward") ? image(*this) : pooled(*this)}};
  case Family::Transpose:
    return {{permuted(*this)}};
  case Family::Concat:
    return {{joined(*this)}};
  case Family::Affine:
    if (op == "batch_norm_train")
      return {{extents}, {Shape{extents.back()}}, {Shape{extents.back()}}};
    return {{extents}};
  case Family::Update:
    return std::vector<KernelTensor>(op == "adam" ? 3 : 2, {extents});
  case Family::Unary:
  case Family::Elementwise:
  case Family::Normalization:
    return {{extents}};
  }
  return {};
}

//===----------------------------------------------------------------------===//
// Model text
//===----------------------------------------------------------------------===//

static std::string typeText(const KernelTensor &tensor) {
  std::string text = "tensor<";
  for (int64_t extent : tensor.shape)
    text += fmt::format("{}x", extent);
  return text + (tensor.classes > 0 ? "i32>" : "f32>");
}

static std::string convAttributes(const KernelSpec &spec) {
  const Shape &e = spec.extents;
  std::string extra =
      spec.op == "conv2d_backward_data"      ? fmt::format("input_size = [{}, {}], ", e[1], e[2])
      : spec.op == "conv2d_backward_weights" ? fmt::format("kernel_size = [{0}, {0}], ", e[5])
                                             : "";
  return fmt::format("{0}strides = [{1}, {1}], padding = [{2}, {2}, {2}, {2}], "
                     "dilation = [{3}, {3}], groups = {4}, layout = nhwc",
                     extra, spec.stride, spec.pad, spec.dilation, spec.groups);
}

static std::string poolAttributes(const KernelSpec &spec) {
  std::string size = spec.op == "avg_pool2d_backward"
                         ? fmt::format("input_size = [{}, {}], ", spec.extents[1], spec.extents[2])
                         : "";
  return fmt::format("{0}kernel = [{1}, {1}], strides = [{2}, {2}], "
                     "padding = [{3}, {3}, {3}, {3}], layout = nhwc",
                     size, spec.kernelExtent(), spec.stride, spec.pad);
}

/// The attributes of the op, without braces.
static std::string attributes(const KernelSpec &spec) {
  switch (spec.family) {
  case Family::Matmul:
    return fmt::format("transpose_a = {}, transpose_b = {}", spec.transposeA, spec.transposeB);
  case Family::Linear:
    return fmt::format("transpose_weight = {}", spec.transposeB);
  case Family::Conv:
    return convAttributes(spec);
  case Family::Reduction:
    return fmt::format("axes = [{}]", spec.axis);
  case Family::Normalization:
    return fmt::format("axis = {}", spec.axis);
  case Family::Concat:
    return fmt::format("axis = {}", spec.axis < 0 ? spec.extents.size() - 1 : spec.axis);
  case Family::Affine:
    return fmt::format("axis = {}", spec.extents.size() - 1);
  case Family::Pool:
    return poolAttributes(spec);
  case Family::Transpose:
    return fmt::format("permutation = [{}]", fmt::join(spec.axes, ", "));
  case Family::Update:
    return spec.op == "adam" ? "lr = 0.001" : "lr = 0.01, momentum = 0.9";
  default:
    return "";
  }
}

static std::string joinNames(std::string_view stem, size_t count) {
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i)
    names.push_back(fmt::format("%{}{}", stem, i));
  return fmt::format("{}", fmt::join(names, ", "));
}

/// The op, then what follows it. Its results are %r0, %r1, …
static std::string bodyText(const KernelSpec &spec) {
  size_t operands = spec.operands().size(), results = spec.results().size();
  if (spec.op == "add_relu")
    return "  %s = dl.add %a0, %a1\n  %r0 = dl.relu %s\n";
  if (spec.op == "mul_add")
    return "  %s = dl.mul %a0, %a1\n  %r0 = dl.add %s, %a2\n";
  std::string braces = attributes(spec);
  std::string call = fmt::format("dl.{} {}{}", spec.op, joinNames("a", operands),
                                 braces.empty() ? "" : " {" + braces + "}");
  if (spec.activation.empty())
    return fmt::format("  {} = {}\n", joinNames("r", results), call);
  return fmt::format("  %s = {}\n  %r0 = dl.{} %s\n", call, spec.activation);
}

std::string KernelSpec::modelText() const {
  std::vector<std::string> inputs;
  std::string parameters;
  size_t index = 0;
  for (const KernelTensor &operand : operands()) {
    if (operand.isParameter)
      parameters +=
          fmt::format("  %a{0} = dl.parameter \"p{0}\" : {1}\n", index, typeText(operand));
    else
      inputs.push_back(fmt::format("%a{}: {}", index, typeText(operand)));
    ++index;
  }
  // Not the op's name alone, which may be one of the C library.
  return fmt::format("dl.model @{}_kernel({}) {{\n{}{}  dl.return {}\n}}\n", op,
                     fmt::join(inputs, ", "), parameters, bodyText(*this),
                     joinNames("r", results().size()));
}

//===----------------------------------------------------------------------===//
// Cost
//===----------------------------------------------------------------------===//

double KernelSpec::flops() const {
  double product = 1;
  switch (family) {
  case Family::Matmul:
  case Family::Linear:
    for (int64_t extent : extents)
      product *= static_cast<double>(extent);
    return 2 * product * static_cast<double>(batch);
  case Family::Conv: {
    ConvShapes shapes(*this);
    double taps = static_cast<double>(shapes.weights[0] * shapes.weights[1] * shapes.weights[2]);
    return 2 * taps * static_cast<double>(KernelTensor{shapes.result}.size());
  }
  default:
    return 0;
  }
}

static double bytesOf(const std::vector<KernelTensor> &tensors) {
  double elements = 0;
  for (const KernelTensor &tensor : tensors) {
    double size = 1; // not size(): it may not fit
    for (int64_t extent : tensor.shape)
      size *= static_cast<double>(extent);
    elements += size;
  }
  return 4 * elements;
}

double KernelSpec::bytes() const { return bytesOf(operands()) + bytesOf(results()); }

double KernelSpec::footprint() const {
  return family == Family::Update ? bytesOf(operands()) : bytes();
}

} // namespace dl::driver
