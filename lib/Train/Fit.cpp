//===- Fit.cpp - Examples in the form a trainer wants ---------------------===//

#include "dl/Train/Batches.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace dl {

/// Elements of one example; the first extent counts examples.
static int64_t elementsPerRow(const Shape &shape) {
  int64_t count = 1;
  for (size_t d = 1; d < shape.size(); ++d)
    count *= shape[d];
  return count;
}

static Shape withRows(Shape shape, int64_t rows) {
  shape[0] = rows;
  return shape;
}

static std::string describe(const TensorSpec &spec) {
  return fmt::format("'{}' of {}", spec.name, toString(spec.shape, spec.dtype));
}

/// The same elements with another shape. Precondition: the counts agree.
static Tensor reshaped(const Tensor &tensor, Shape shape) {
  Tensor result(tensor.dtype(), std::move(shape));
  std::copy_n(static_cast<const char *>(tensor.raw()), tensor.bytes(),
              static_cast<char *>(result.raw()));
  return result;
}

/// Element `i` of a tensor of any type.
static double element(const Tensor &tensor, int64_t i) {
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
  case DType::U8:
    return static_cast<const uint8_t *>(tensor.raw())[i];
  }
  return 0;
}

static void setElement(Tensor &tensor, int64_t i, double value) {
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
  case DType::U8:
    static_cast<uint8_t *>(tensor.raw())[i] = static_cast<uint8_t>(value);
    break;
  }
}

static bool isFloat(DType type) { return type == DType::F32 || type == DType::F64; }

/// Converts numbers; U8 are pixels, 255 is 1, where `pixels` says so.
static Tensor converted(const Tensor &tensor, DType type, Shape shape, bool pixels) {
  Tensor result(type, std::move(shape));
  double scale = pixels && tensor.dtype() == DType::U8 && isFloat(type) ? 255 : 1;
  for (int64_t i = 0; i < tensor.size(); ++i)
    setElement(result, i, element(tensor, i) / scale);
  return result;
}

/// True for an image whose channels stand at one end and should at the other.
static bool wantsTranspose(const Shape &have, const Shape &want, bool toLast) {
  if (have.size() != 4 || want.size() != 4 ||
      std::equal(have.begin() + 1, have.end(), want.begin() + 1))
    return false;
  return toLast ? have[1] == want[3] && have[2] == want[1] && have[3] == want[2]
                : have[3] == want[1] && have[1] == want[2] && have[2] == want[3];
}

/// [N, A, B] to [N, B, A] for elements of any type.
static Tensor swapInner(const Tensor &tensor, int64_t a, int64_t b, Shape shape) {
  Tensor result(tensor.dtype(), std::move(shape));
  size_t width = sizeOf(tensor.dtype());
  const char *from = static_cast<const char *>(tensor.raw());
  char *to = static_cast<char *>(result.raw());
  for (int64_t n = 0; n < tensor.shape()[0]; ++n)
    for (int64_t i = 0; i < a; ++i)
      for (int64_t j = 0; j < b; ++j)
        std::copy_n(from + static_cast<size_t>((n * a + i) * b + j) * width, width,
                    to + static_cast<size_t>((n * b + j) * a + i) * width);
  return result;
}

/// The input that a model's input takes.
static Result<const NamedInput *> findInput(const Examples &examples, const TensorSpec &spec,
                                            bool isOnly) {
  if (isOnly && examples.inputs.size() == 1)
    return &examples.inputs[0];
  for (const NamedInput &input : examples.inputs)
    if (input.name == spec.name)
      return &input;
  // One of many arrays is the input of a model with one: that of the usual name.
  if (isOnly)
    if (auto x = std::ranges::find(examples.inputs, "x", &NamedInput::name);
        x != examples.inputs.end())
      return &*x;
  std::vector<std::string> names;
  for (const NamedInput &input : examples.inputs)
    names.push_back(fmt::format("'{}'", input.name));
  return Error{fmt::format("the model's input {} is not among the data, which have {}",
                           describe(spec), fmt::join(names, ", "))};
}

static Result<Tensor> fitInput(const Tensor &inputs, const TensorSpec &spec) {
  if (spec.shape.empty())
    return Error{fmt::format("the model's input {} has no batch dimension", describe(spec))};
  int64_t expected = elementsPerRow(spec.shape), got = elementsPerRow(inputs.shape());
  if (expected != got || expected < 0)
    return Error{fmt::format("the model's input {} takes {} elements an example, got {} ({})",
                             describe(spec), expected, got,
                             toString(inputs.shape(), inputs.dtype()))};
  int64_t rows = inputs.shape()[0];
  Shape shape = withRows(spec.shape, rows);
  Tensor result;
  if (wantsTranspose(inputs.shape(), spec.shape, /*toLast=*/true))
    result = swapInner(inputs, inputs.shape()[1], inputs.shape()[2] * inputs.shape()[3], shape);
  else if (wantsTranspose(inputs.shape(), spec.shape, /*toLast=*/false))
    result = swapInner(inputs, inputs.shape()[1] * inputs.shape()[2], inputs.shape()[3], shape);
  else
    result = reshaped(inputs, shape);
  // Pixels stay bytes: they become numbers batch by batch.
  if (result.dtype() == spec.dtype || (result.dtype() == DType::U8 && isFloat(spec.dtype)))
    return result;
  return converted(result, spec.dtype, shape, /*pixels=*/true);
}

/// Class indices as numbers: see fitExamples.
static Result<Tensor> encodeClasses(const Tensor &labels, int64_t classes, const TensorSpec &spec,
                                    const Loss &loss) {
  int64_t rows = labels.shape()[0], width = elementsPerRow(spec.shape);
  double off = loss.name == "hinge" ? -1 : 0;
  Tensor result(spec.dtype, withRows(spec.shape, rows));
  if (width == 1 && classes <= 2) {
    for (int64_t i = 0; i < rows; ++i)
      setElement(result, i, labels.data<int32_t>()[i] == 0 ? off : 1);
    return result;
  }
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t c = 0; c < width; ++c)
      setElement(result, i * width + c, labels.data<int32_t>()[i] == c ? 1 : off);
  return result;
}

/// The targets, or an empty tensor where the input is the target.
static Result<Tensor> fitTargets(const Examples &examples, int64_t rows, int64_t classes,
                                 const TensorSpec &input, const TensorSpec &spec,
                                 const Loss &loss) {
  int64_t width = elementsPerRow(spec.shape);
  const Tensor &targets = examples.targets;
  bool isLabels =
      examples.hasTargets() && targets.dtype() == DType::I32 && targets.shape().size() == 1;
  if (loss.name == "cross_entropy") {
    if (!isLabels)
      return Error{
          "the loss cross_entropy takes class indices (integers of shape [N]), got " +
          (examples.hasTargets() ? toString(targets.shape(), targets.dtype()) : "no targets")};
    return converted(targets, spec.dtype, {rows}, false);
  }
  if (isLabels && (width == classes || (width == 1 && classes <= 2)))
    return encodeClasses(targets, classes, spec, loss);
  if (examples.hasTargets() && !isLabels && elementsPerRow(targets.shape()) == width)
    return converted(targets, spec.dtype, withRows(spec.shape, rows), false);
  if (width == elementsPerRow(input.shape) && input.dtype == spec.dtype)
    return Tensor();
  return Error{fmt::format("the loss {} takes a target {}, got {}", loss.name, describe(spec),
                           isLabels                ? fmt::format("indices of {} classes", classes)
                           : examples.hasTargets() ? toString(targets.shape(), targets.dtype())
                                                   : "no targets")};
}

Result<FittedExamples> fitExamples(const Examples &examples, int64_t classes,
                                   const std::vector<TensorSpec> &specs, const Loss &loss,
                                   const TensorSpec &output) {
  FittedExamples fitted;
  fitted.inputSpecs.assign(specs.begin(), specs.end() - 1);
  fitted.targetSpec = specs.back();
  if (fitted.inputSpecs.empty())
    return Error{"expected a model with an input, got none"};
  for (const TensorSpec &spec : fitted.inputSpecs) {
    auto found = findInput(examples, spec, fitted.inputSpecs.size() == 1);
    if (!found)
      return found.error();
    auto input = fitInput((*found)->values, spec);
    if (!input)
      return input.error();
    fitted.inputs.push_back(std::move(*input));
    if (int64_t rows = fitted.inputs.back().shape()[0]; rows != fitted.count())
      return Error{fmt::format("expected {} examples of the model's input {}, as many as of '{}', "
                               "got {}",
                               fitted.count(), describe(spec), specs[0].name, rows)};
  }
  if (examples.hasTargets() && examples.targets.shape()[0] != fitted.count())
    return Error{fmt::format("expected {} targets, one for each example, got {}", fitted.count(),
                             examples.targets.shape()[0])};
  if (loss.name == "cross_entropy" && !output.shape.empty() && classes > output.shape.back())
    return Error{fmt::format("the model's output {} tells {} classes apart, the data have {}",
                             describe(output), output.shape.back(), classes)};
  auto targets = fitTargets(examples, fitted.count(), classes, specs[0], specs.back(), loss);
  if (!targets)
    return targets.error();
  fitted.targets = std::move(*targets);
  return fitted;
}

} // namespace dl
