//===- Run.cpp - dlc run --------------------------------------------------===//

#include "Driver.h"
#include "dl/JIT/ModelImpl.h"
#include "dl/Reference/Interpreter.h"
#include "dl/Support/Npy.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace dl::driver {

namespace {

struct RunArguments {
  std::string model, weights;
  std::map<std::string, std::string> inputs, outputs;
  CompileOptions options;
  bool reference = false;
};

} // namespace

/// `NAME=FILE` into a map.
static Arguments::Handler nameAndFile(std::map<std::string, std::string> &files) {
  return [&files](std::string_view value) -> Status {
    size_t equal = value.find('=');
    if (equal == value.npos || equal == 0 || equal + 1 == value.size())
      return Error{fmt::format("expected NAME=FILE.npy, got '{}'", value)};
    if (!files.emplace(value.substr(0, equal), value.substr(equal + 1)).second)
      return Error{fmt::format("'{}' is given twice", value.substr(0, equal))};
    return {};
  };
}

static std::string listNames(const std::vector<TensorSpec> &specs) {
  std::string text;
  for (const TensorSpec &spec : specs)
    text += fmt::format("{}'{}' ({})", text.empty() ? "" : ", ", spec.name,
                        toString(spec.shape, spec.dtype));
  return text.empty() ? "none" : text;
}

/// An error for the first name that no specification has.
static Status checkNames(const std::map<std::string, std::string> &files,
                         const std::vector<TensorSpec> &specs, const char *what) {
  for (const auto &[name, file] : files)
    if (std::ranges::find(specs, name, &TensorSpec::name) == specs.end())
      return Error{
          fmt::format("the model has no {} '{}'; it has {}", what, name, listNames(specs))};
  return {};
}

static Result<std::vector<Tensor>> readInputs(const RunArguments &arguments, const Model &model) {
  std::vector<Tensor> tensors;
  for (const TensorSpec &spec : model.inputs()) {
    auto file = arguments.inputs.find(spec.name);
    if (file == arguments.inputs.end())
      return Error{fmt::format("expected --input {}=FILE.npy for the input {}", spec.name,
                               toString(spec.shape, spec.dtype))};
    auto tensor = readNpy(file->second);
    if (!tensor)
      return tensor.error();
    bool fits = tensor->dtype() == spec.dtype && tensor->shape().size() == spec.shape.size();
    for (size_t d = 0; fits && d < spec.shape.size(); ++d)
      fits = spec.shape[d] == kOpen || spec.shape[d] == tensor->shape()[d];
    if (!fits)
      return Error{fmt::format("{}: error: expected {} for the input '{}', got {}", file->second,
                               toString(spec.shape, spec.dtype), spec.name,
                               toString(tensor->shape(), tensor->dtype()))};
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

static Result<std::vector<Tensor>> runModel(const RunArguments &arguments, const Model &model,
                                            std::span<const TensorView> inputs) {
  auto executable = compile(model, arguments.options);
  if (!executable)
    return executable.error();
  if (!arguments.weights.empty())
    if (Status status = executable->loadWeights(arguments.weights); !status)
      return status.error();
  if (!arguments.reference)
    return executable->run(inputs);
  // The executable only holds the parameters here: nothing of it is compiled.
  Variables variables;
  for (const TensorSpec &spec : model.parameters()) {
    auto value = executable->parameter(spec.name);
    if (!value)
      return value.error();
    variables.emplace(spec.name, std::move(*value));
  }
  return interpret(model.getImpl().model, inputs, variables);
}

/// Some elements of a tensor, for people.
static std::string preview(const Tensor &tensor) {
  constexpr int64_t most = 16;
  std::string text;
  for (int64_t i = 0; i < std::min(tensor.size(), most); ++i) {
    std::string element;
    switch (tensor.dtype()) {
    case DType::F32:
      element = fmt::format("{:.6g}", tensor.data<float>()[i]);
      break;
    case DType::F64:
      element = fmt::format("{:.6g}", tensor.data<double>()[i]);
      break;
    case DType::I32:
      element = fmt::format("{}", tensor.data<int32_t>()[i]);
      break;
    case DType::I64:
      element = fmt::format("{}", tensor.data<int64_t>()[i]);
      break;
    case DType::Bool:
    case DType::U8:
      element = fmt::format("{}", static_cast<const uint8_t *>(tensor.raw())[i]);
      break;
    }
    text += (i ? " " : "") + element;
  }
  return text + (tensor.size() > most ? " …" : "");
}

/// Files for the outputs that were asked for, or a look at all of them.
static Status writeOutputs(const RunArguments &arguments, const Model &model,
                           const std::vector<Tensor> &outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    const std::string &name = model.outputs()[i].name;
    auto file = arguments.outputs.find(name);
    Status status;
    if (file != arguments.outputs.end())
      status = writeNpy(file->second, outputs[i]);
    else if (arguments.outputs.empty())
      status =
          print(fmt::format("{}: {} = {}\n", name, toString(outputs[i].shape(), outputs[i].dtype()),
                            preview(outputs[i])));
    if (!status)
      return status;
  }
  return {};
}

int runMain(const std::vector<std::string> &list) {
  RunArguments arguments;
  Arguments parser(
      "dlc run", "dlc run MODEL --input NAME=FILE.npy ... [--output NAME=FILE.npy ...] [FLAGS]",
      "Runs a model's forward pass on arrays of NumPy. Without --output the outputs are\n"
      "shown, long ones in part.");
  parser.positional("MODEL", arguments.model);
  parser.option("--input", "NAME=FILE", "an input's values, from a .npy file",
                nameAndFile(arguments.inputs));
  parser.option("--output", "NAME=FILE", "writes an output to a .npy file",
                nameAndFile(arguments.outputs));
  parser.option("--weights", "FILE", "parameters from a safetensors file; default: initial values",
                arguments.weights);
  parser.flag("--reference",
              "interpret op by op instead of compiling: slow, and independent of the compiler",
              arguments.reference);
  addSeedFlag(parser, arguments.options);
  parser.group("Compilation");
  addCompileFlags(parser, arguments.options);
  if (std::optional<int> status = parseOrExit(parser, list))
    return *status;

  auto model = loadModel(arguments.model);
  if (!model)
    return report(model.error());
  for (Status status : {checkNames(arguments.inputs, model->inputs(), "input"),
                        checkNames(arguments.outputs, model->outputs(), "output")})
    if (!status)
      return report(status.error());
  auto inputs = readInputs(arguments, *model);
  if (!inputs)
    return report(inputs.error());
  std::vector<TensorView> views(inputs->begin(), inputs->end());
  auto outputs = runModel(arguments, *model, views);
  if (!outputs)
    return report(outputs.error());
  Status status = writeOutputs(arguments, *model, *outputs);
  return status ? 0 : report(status.error());
}

} // namespace dl::driver
