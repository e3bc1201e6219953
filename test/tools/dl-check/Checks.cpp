//===- Checks.cpp - What must hold of every model -------------------------===//

#include "Checks.h"
#include "Compiled.h"
#include "dl/IR/Decompose.h"

#include "mlir/IR/Verifier.h"

#include <cmath>
#include <fmt/format.h>

using namespace mlir;

namespace dl::check {

static Error inCheck(StringRef check, const Error &error) {
  return {fmt::format("{}: {}", check.str(), error.message)};
}

//===----------------------------------------------------------------------===//
// Gradients
//===----------------------------------------------------------------------===//

/// The sum of outputs times cotangents.
static double project(const std::vector<Tensor> &outputs, ArrayRef<const Tensor *> cotangents) {
  double sum = 0;
  size_t next = 0;
  for (const Tensor &output : outputs) {
    if (!isFloat(output))
      continue;
    const Tensor &cotangent = *cotangents[next++];
    for (int64_t i = 0; i < output.size(); ++i)
      sum += elementOf(output, i) * elementOf(cotangent, i);
  }
  return sum;
}

/// Central differences of the projection for one tensor of `data`.
static Result<Tensor> centralDifferences(ModelOp model, Data &data, Tensor &moved,
                                         ArrayRef<const Tensor *> cotangents) {
  Tensor result(moved.dtype(), moved.shape());
  for (int64_t i = 0; i < moved.size(); ++i) {
    double x = elementOf(moved, i), step = 1e-5 * std::max(1.0, std::fabs(x));
    double values[2];
    for (int side : {0, 1}) {
      setElement(moved, i, side ? x + step : x - step);
      Result<Outcome> outcome = runReference(model, data);
      if (!outcome)
        return outcome.error();
      values[side] = project(outcome->outputs, cotangents);
    }
    setElement(moved, i, x);
    setElement(result, i, (values[1] - values[0]) / (2 * step));
  }
  return result;
}

/// Compares the outputs of `gradients`, run on `data` (whose last inputs are the
/// cotangents), with central differences of `model`.
static Status compareWithDifferences(ModelOp model, ModelOp gradients, const Data &data) {
  size_t inputs = model.getBody().getNumArguments();
  SmallVector<const Tensor *> cotangents;
  for (size_t i = inputs; i < data.inputs.size(); ++i)
    cotangents.push_back(&data.inputs[i]);
  Result<Outcome> outcome = runReference(gradients, data);
  if (!outcome)
    return outcome.error();

  Data moved = data;
  moved.inputs.resize(inputs);
  SmallVector<Tensor *> tensors;
  for (Tensor &input : moved.inputs)
    tensors.push_back(&input);
  for (auto parameter : model.getBody().getOps<ParameterOp>())
    tensors.push_back(&moved.variables[parameter.getName().str()]);
  auto names = cast<ReturnOp>(gradients.getBody().front().getTerminator()).getOutputNames();
  size_t next = 0;
  for (Tensor *tensor : tensors) {
    if (!isFloat(*tensor))
      continue;
    Result<Tensor> expected = centralDifferences(model, moved, *tensor, cotangents);
    if (!expected)
      return expected.error();
    StringRef name = cast<StringAttr>(names[next]).getValue();
    if (Status status = compare(name, *expected, outcome->outputs[next], {1e-7, 1e-5}); !status)
      return status;
    ++next;
  }
  return {};
}

Status checkGradients(ModelOp model, const Settings &settings, std::vector<std::string> &passed) {
  OwnedModel function = model.clone();
  for (StringRef order : {"gradient", "second_gradient"}) {
    if (!settings.includes(order) || !isWanted(model, order))
      return {};
    Result<OwnedModel> gradients = buildGradientModel(*function);
    if (!gradients)
      return inCheck(order, gradients.error());
    if (!**gradients)
      return {};
    Result<Data> data = drawData(**gradients, settings.seed);
    if (!data)
      return inCheck(order, data.error());
    if (Status status = compareWithDifferences(*function, **gradients, *data); !status)
      return inCheck(order, status.error());
    passed.push_back(order.str());
    function = std::move(*gradients);
  }
  return {};
}

//===----------------------------------------------------------------------===//
// Decomposition
//===----------------------------------------------------------------------===//

Status checkDecomposition(ModelOp model, const Settings &settings,
                          std::vector<std::string> &passed) {
  bool hasComposite =
      llvm::any_of(model.getBody().front(), [](Operation &op) { return isComposite(&op); });
  if (!hasComposite || !settings.includes("decomposition"))
    return {};
  OwnedModel decomposed = decomposeAll(model);
  Diagnostics diagnostics(model.getContext());
  if (failed(mlir::verify(*decomposed)))
    return inCheck("decomposition", diagnostics.error());
  Result<Data> data = drawData(model, settings.seed);
  if (!data)
    return data.error();
  Result<Outcome> expected = runReference(model, *data);
  Result<Outcome> actual = runReference(*decomposed, *data);
  if (!expected || !actual)
    return inCheck("decomposition", expected ? actual.error() : expected.error());
  if (Status status = compare(model, *expected, *actual, {1e-13, 1e-12}); !status)
    return inCheck("decomposition", status.error());
  passed.push_back("decomposition");
  return {};
}

//===----------------------------------------------------------------------===//
// All of them
//===----------------------------------------------------------------------===//

/// The values that the file expects, in the model's own types and in `element`.
static Status checkValues(ModelOp model, const Settings &settings) {
  Result<Data> data = drawData(model, settings.seed);
  if (!data)
    return data.error();
  Result<Outcome> outcome = runReference(model, *data);
  if (!outcome)
    return outcome.error();
  return compareWithExpected(model, *outcome);
}

/// The model, and the one of its gradients, in a float type.
static Status checkCompiledIn(ModelOp model, StringRef what, bool allVariants,
                              const Settings &settings, std::vector<std::string> &passed) {
  if (Status status = checkCompiled(model, what, allVariants, settings, passed); !status)
    return status;
  Result<OwnedModel> gradients = buildGradientModel(model);
  if (!gradients || !**gradients)
    return {};
  return checkCompiled(**gradients, ("gradient of " + what).str(), false, settings, passed);
}

static Status checkAtBatch(ModelOp model, int64_t batch, const Settings &settings,
                           std::vector<std::string> &passed) {
  Result<OwnedModel> asWritten = specialize(model, batch);
  if (!asWritten)
    return asWritten.error();
  if (Status status = checkValues(**asWritten, settings); !status)
    return inCheck("reference", status.error());
  if (!model.getBody().getOps<KernelOp>().empty())
    return {};
  Result<OwnedModel> wide = specialize(model, batch, Float64Type::get(model.getContext()));
  if (!wide)
    return wide.error();
  if (Status status = checkDecomposition(**wide, settings, passed); !status)
    return status;
  if (Status status = checkGradients(**wide, settings, passed); !status)
    return status;
  if (!isWanted(model, "compile"))
    return {};
  if (Status status = checkCompiledIn(**asWritten, "the model", true, settings, passed); !status)
    return status;
  return checkCompiledIn(**wide, "the model in f64", false, settings, passed);
}

Result<std::vector<std::string>> checkModel(ModelOp model, const Settings &settings) {
  std::vector<std::string> passed;
  if (Status status = checkRoundTrip(model); !status)
    return status.error();
  passed.push_back("round-trip");
  bool isOpen = llvm::any_of(model.getBody().getArgumentTypes(), [](Type type) {
    return !cast<RankedTensorType>(type).hasStaticShape();
  });
  for (int64_t batch : isOpen ? batchesOf(model) : std::vector<int64_t>{1}) {
    Status status = checkAtBatch(model, batch, settings, passed);
    if (!status)
      return isOpen ? Error{fmt::format("batch {}: {}", batch, status.error().message)}
                    : status.error();
  }
  return passed;
}

} // namespace dl::check
