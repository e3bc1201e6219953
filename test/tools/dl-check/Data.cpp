//===- Data.cpp - What a model is checked on ------------------------------===//

#include "Data.h"
#include "dl/Support/Philox.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

using namespace mlir;

namespace dl::check {

Type elementTypeOf(Type tensor) { return cast<RankedTensorType>(tensor).getElementType(); }

bool isFloat(const Tensor &tensor) {
  return tensor.dtype() == DType::F32 || tensor.dtype() == DType::F64;
}

double elementOf(const Tensor &tensor, int64_t i) {
  switch (tensor.dtype()) {
  case DType::F32:
    return tensor.data<float>()[i];
  case DType::F64:
    return tensor.data<double>()[i];
  case DType::I32:
    return tensor.data<int32_t>()[i];
  case DType::I64:
    return static_cast<double>(tensor.data<int64_t>()[i]);
  case DType::Bool:
    return tensor.data<bool>()[i];
  case DType::U8:
    return tensor.data<uint8_t>()[i];
  }
  return 0;
}

void setElement(Tensor &tensor, int64_t i, double value) {
  switch (tensor.dtype()) {
  case DType::F32:
    tensor.data<float>()[i] = static_cast<float>(value);
    break;
  case DType::F64:
    tensor.data<double>()[i] = value;
    break;
  case DType::I32:
    tensor.data<int32_t>()[i] = static_cast<int32_t>(value);
    break;
  case DType::I64:
    tensor.data<int64_t>()[i] = static_cast<int64_t>(value);
    break;
  case DType::Bool:
    tensor.data<bool>()[i] = value != 0;
    break;
  case DType::U8:
    tensor.data<uint8_t>()[i] = static_cast<uint8_t>(value);
    break;
  }
}

/// An i64 need not fit a double.
static void setInteger(Tensor &tensor, int64_t i, int64_t value) {
  if (tensor.dtype() == DType::I64)
    tensor.data<int64_t>()[i] = value;
  else
    setElement(tensor, i, static_cast<double>(value));
}

static DType dtypeOf(Type element) {
  if (element.isF32())
    return DType::F32;
  if (element.isF64())
    return DType::F64;
  return element.isInteger(1) ? DType::Bool : element.isInteger(32) ? DType::I32 : DType::I64;
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

static double numberOf(ModelOp model, StringRef key, StringRef name, double otherwise) {
  std::string own = fmt::format("check.{}.{}", key.str(), name.str());
  auto value = model->getAttrOfType<FloatAttr>(own);
  if (!value)
    value = model->getAttrOfType<FloatAttr>(fmt::format("check.{}", key.str()));
  return value ? value.getValueAsDouble() : otherwise;
}

std::vector<int64_t> batchesOf(ModelOp model) {
  std::vector<int64_t> batches;
  if (auto list = model->getAttrOfType<ArrayAttr>("check.batch"))
    for (auto batch : list.getAsRange<IntegerAttr>())
      batches.push_back(batch.getInt());
  return batches.empty() ? std::vector<int64_t>{3} : batches;
}

bool isWanted(ModelOp model, StringRef name) {
  auto value = model->getAttrOfType<BoolAttr>(("check." + name).str());
  return !value || value.getValue();
}

static Result<Tensor> fromElements(StringRef name, DenseElementsAttr elements, const Shape &shape,
                                   DType dtype) {
  if (elements.getType().getShape() != ArrayRef(shape))
    return Error{fmt::format("expected a 'check' value of '{}' of shape {}", name.str(),
                             toString(shape, dtype))};
  Tensor tensor(dtype, shape);
  int64_t i = 0;
  if (isa<FloatType>(elements.getElementType())) {
    for (const APFloat &value : elements.getValues<APFloat>())
      setElement(tensor, i++, value.convertToDouble());
  } else {
    for (const APInt &value : elements.getValues<APInt>())
      setInteger(tensor, i++,
                 value.getBitWidth() == 1 ? value.getBoolValue() : value.getSExtValue());
  }
  return tensor;
}

//===----------------------------------------------------------------------===//
// Drawing
//===----------------------------------------------------------------------===//

static Result<Tensor> draw(ModelOp model, StringRef name, RankedTensorType type, uint64_t seed) {
  Shape shape(type.getShape().begin(), type.getShape().end());
  DType dtype = dtypeOf(type.getElementType());
  if (auto value = model->getAttrOfType<DenseElementsAttr>(("check.value." + name).str()))
    return fromElements(name, value, shape, dtype);
  Tensor tensor(dtype, shape);
  double low = numberOf(model, "low", name, -2), high = numberOf(model, "high", name, 2);
  if (auto labels = model->getAttrOfType<IntegerAttr>("check.labels"); !isFloat(tensor))
    low = 0, high = labels ? static_cast<double>(labels.getInt()) : 4;
  if (tensor.dtype() == DType::Bool)
    low = 0, high = 2;
  bool isWhole = !isFloat(tensor) || model->hasAttr("check.ties");
  Philox random(seed, name.str());
  for (int64_t i = 0; i < tensor.size(); ++i) {
    double value = low + (high - low) * random.uniform(static_cast<uint64_t>(i));
    setElement(tensor, i, isWhole ? std::floor(value) : value);
  }
  return tensor;
}

Result<Data> drawData(ModelOp model, uint64_t seed) {
  Data data;
  for (auto [argument, name] : llvm::zip(model.getBody().getArguments(),
                                         model.getInputNames().getAsValueRange<StringAttr>())) {
    Result<Tensor> tensor = draw(model, name, cast<RankedTensorType>(argument.getType()), seed);
    if (!tensor)
      return tensor.error();
    data.inputs.push_back(std::move(*tensor));
  }
  for (auto parameter : model.getBody().getOps<ParameterOp>()) {
    Result<Tensor> tensor = draw(model, parameter.getName(), parameter.getType(), seed);
    if (!tensor)
      return tensor.error();
    data.variables[parameter.getName().str()] = std::move(*tensor);
  }
  return data;
}

Result<Outcome> runReference(ModelOp model, const Data &data) {
  Outcome outcome{{}, data.variables};
  Result<std::vector<Tensor>> outputs = interpret(model, data.views(), outcome.variables);
  if (!outputs)
    return outputs.error();
  outcome.outputs = std::move(*outputs);
  return outcome;
}

//===----------------------------------------------------------------------===//
// Comparison
//===----------------------------------------------------------------------===//

static std::string indexText(const Shape &shape, int64_t position) {
  std::vector<int64_t> index(shape.size());
  for (size_t d = shape.size(); d-- > 0; position /= shape[d])
    index[d] = position % shape[d];
  return fmt::format("[{}]", fmt::join(index, ", "));
}

static bool agrees(double expected, double actual, double absolute, double relative) {
  if (std::isnan(expected) || std::isnan(actual))
    return std::isnan(expected) && std::isnan(actual);
  if (std::isinf(expected) || std::isinf(actual))
    return expected == actual;
  return std::fabs(expected - actual) <= absolute + relative * std::fabs(expected);
}

Status compare(StringRef what, const Tensor &expected, const Tensor &actual, Tolerance tol) {
  if (expected.shape() != actual.shape() || expected.dtype() != actual.dtype())
    return Error{fmt::format("{}: expected {}, got {}", what.str(),
                             toString(expected.shape(), expected.dtype()),
                             toString(actual.shape(), actual.dtype()))};
  double largest = 1;
  for (int64_t i = 0; i < expected.size(); ++i)
    if (double x = std::fabs(elementOf(expected, i)); std::isfinite(x))
      largest = std::max(largest, x);
  if (!isFloat(expected))
    tol = {0, 0};
  // Integers that a double cannot tell apart differ.
  if (expected.dtype() == DType::I64)
    for (int64_t i = 0; i < expected.size(); ++i)
      if (int64_t want = expected.data<int64_t>()[i], got = actual.data<int64_t>()[i]; want != got)
        return Error{fmt::format("{}{}: expected {}, got {}", what.str(),
                                 indexText(expected.shape(), i), want, got)};
  for (int64_t i = 0; i < expected.size(); ++i) {
    double want = elementOf(expected, i), got = elementOf(actual, i);
    if (!agrees(want, got, tol.absolute * largest, tol.relative))
      return Error{fmt::format("{}{}: expected {:.17g}, got {:.17g} (difference {:.3g})",
                               what.str(), indexText(expected.shape(), i), want, got,
                               std::fabs(want - got))};
  }
  return {};
}

static auto outputNames(ModelOp model) {
  return cast<ReturnOp>(model.getBody().front().getTerminator())
      .getOutputNames()
      .getAsValueRange<StringAttr>();
}

Status compare(ModelOp model, const Outcome &expected, const Outcome &actual, Tolerance tol) {
  if (expected.outputs.size() != actual.outputs.size())
    return Error{
        fmt::format("expected {} outputs, got {}", expected.outputs.size(), actual.outputs.size())};
  for (auto [name, want, got] : llvm::zip(outputNames(model), expected.outputs, actual.outputs))
    if (Status status = compare(name, want, got, tol); !status)
      return status;
  for (const auto &[name, want] : expected.variables) {
    auto got = actual.variables.find(name);
    if (got == actual.variables.end())
      return Error{fmt::format("expected a variable '{}'", name)};
    if (Status status = compare(name, want, got->second, tol); !status)
      return status;
  }
  return {};
}

Status compareWithExpected(ModelOp model, const Outcome &outcome) {
  Tolerance tolerance = model->hasAttr("check.exact") ? Tolerance{0, 0} : Tolerance{1e-7, 1e-6};
  std::map<std::string, const Tensor *> results;
  for (const auto &[name, tensor] : outcome.variables)
    results[name] = &tensor;
  for (auto [name, tensor] : llvm::zip(outputNames(model), outcome.outputs))
    results[name.str()] = &tensor;
  for (NamedAttribute attribute : model->getAttrs()) {
    StringRef name = attribute.getName().getValue();
    if (!name.consume_front("check.expect."))
      continue;
    auto elements = dyn_cast<DenseElementsAttr>(attribute.getValue());
    auto result = results.find(name.str());
    if (!elements || result == results.end())
      return Error{
          fmt::format("expected a dense value of an output, got 'check.expect.{}'", name.str())};
    Result<Tensor> want =
        fromElements(name, elements, result->second->shape(), result->second->dtype());
    if (!want)
      return want.error();
    if (Status status = compare(name, *want, *result->second, tolerance); !status)
      return status;
  }
  return {};
}

} // namespace dl::check
