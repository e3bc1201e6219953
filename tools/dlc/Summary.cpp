//===- Summary.cpp - dlc summary ------------------------------------------===//

#include "Cost.h"
#include "Driver.h"
#include "dl/IR/Inference.h"

#include "llvm/ADT/SmallPtrSet.h"

#include <algorithm>
#include <fmt/format.h>

using namespace mlir;

namespace dl::driver {

namespace {

struct SummaryArguments {
  std::string model;
  int64_t batch = 1;
  Loss loss;
  Optimizer optimizer;
  CompileOptions options;
};

/// A line of the table.
struct Row {
  std::string layer, output;
  int64_t parameters = 0;
};

} // namespace

/// `conv1` for the parameter `conv1.weight`.
static std::string layerOf(ParameterOp parameter) {
  auto [layer, name] = parameter.getName().rsplit('.');
  return name.empty() ? "" : layer.str();
}

static std::string formatType(Value value) {
  TensorSpec spec = specOf("", value.getType());
  return toString(spec.shape, spec.dtype);
}

static std::vector<Row> makeRows(const Model &model) {
  std::vector<Row> rows;
  llvm::SmallPtrSet<Operation *, 16> counted;
  ModelOp graph = model.getImpl().model;
  for (Operation &op : graph.getBody().front()) {
    if (isa<ParameterOp, ConstantOp, ReturnOp>(op))
      continue;
    Row row{op.getName().stripDialect().str(), formatType(op.getResult(0)), 0};
    for (Value operand : op.getOperands())
      if (auto parameter = operand.getDefiningOp<ParameterOp>())
        if (counted.insert(parameter).second) {
          if (row.parameters == 0 && !layerOf(parameter).empty())
            row.layer += " " + layerOf(parameter);
          row.parameters += parameter.getDeclaredType().getNumElements();
        }
    rows.push_back(std::move(row));
  }
  return rows;
}

static std::string formatTable(const std::vector<Row> &rows) {
  size_t layer = 5, output = 6;
  for (const Row &row : rows) {
    layer = std::max(layer, row.layer.size());
    output = std::max(output, row.output.size());
  }
  std::string text = fmt::format("{:<{}}  {:<{}}  parameters\n", "layer", layer, "output", output);
  text += std::string(layer + output + 14, '-') + "\n";
  for (const Row &row : rows)
    text += fmt::format("{:<{}}  {:<{}}  {:>10}\n", row.layer, layer, row.output, output,
                        row.parameters ? formatCount(row.parameters) : "");
  return text;
}

static std::string formatHead(const Model &model) {
  int64_t count = 0, frozen = 0;
  double bytes = 0;
  for (auto parameter : ModelOp(model.getImpl().model).getBody().getOps<ParameterOp>()) {
    int64_t elements = parameter.getDeclaredType().getNumElements();
    count += elements;
    frozen += parameter.getTrainable() ? 0 : elements;
    bytes += static_cast<double>(elements) *
             static_cast<double>(sizeOf(specOf("", parameter.getType()).dtype));
  }
  std::string text =
      fmt::format("{}: {} parameters, {}", model.name(), formatCount(count), formatBytes(bytes));
  if (frozen)
    text += fmt::format(" ({} not trained)", formatCount(frozen));
  text += "\n";
  for (auto [what, specs] :
       {std::pair("input", &model.inputs()), std::pair("output", &model.outputs())})
    for (const TensorSpec &spec : *specs)
      text += fmt::format("{} {}: {}\n", what, spec.name, toString(spec.shape, spec.dtype));
  return text;
}

/// What a forward pass and, where a loss is given, a training step take.
static Result<std::string> formatCost(const Model &model, const SummaryArguments &arguments) {
  auto executable = compile(model, arguments.options);
  if (!executable)
    return executable.error();
  auto arena = executable->arenaBytes(arguments.batch);
  if (!arena)
    return arena.error();
  ProgramRequest request{ProgramRequest::Kind::Forward, arguments.loss, arguments.optimizer,
                         arguments.batch};
  auto line = [&](const std::string &what, size_t bytes) {
    return fmt::format("{}, batch {}: {}, arena {} ({} bytes)\n", what, arguments.batch,
                       formatFlops(countFlops(model, request)),
                       formatBytes(static_cast<double>(bytes)), bytes);
  };
  std::string text = line("forward pass", *arena);
  if (arguments.loss.name.empty())
    return text;
  auto trainer = compileTrainer(model, arguments.loss, arguments.optimizer, arguments.options);
  if (!trainer)
    return trainer.error();
  arena = trainer->arenaBytes(arguments.batch);
  if (!arena)
    return arena.error();
  request.kind = ProgramRequest::Kind::Step;
  return text +
         line(fmt::format("training step ({}, {})", arguments.loss.name, arguments.optimizer.name),
              *arena);
}

int summaryMain(const std::vector<std::string> &list) {
  SummaryArguments arguments;
  Arguments parser(
      "dlc summary", "dlc summary MODEL [--batch=N] [--loss=LOSS [--optimizer=...]] [FLAGS]",
      "Lists a model's layers, shapes and parameters, and what a forward pass and (given a\n"
      "loss) a training step take: arithmetic, and memory for intermediate values.");
  parser.positional("MODEL", arguments.model);
  parser.option("--batch", "N", "value of the open batch size (default 1)", arguments.batch, 1,
                1 << 24);
  addLossFlag(parser, arguments.loss, "also tell what a training step with this loss takes");
  addOptimizerFlag(parser, arguments.optimizer);
  parser.group("Compilation");
  addCompileFlags(parser, arguments.options);
  if (std::optional<int> status = parseOrExit(parser, list))
    return *status;
  auto model = loadModel(arguments.model);
  if (!model)
    return report(model.error());
  if (std::optional<int64_t> fixed = fixedBatch(*model))
    arguments.batch = *fixed;
  auto cost = formatCost(*model, arguments);
  if (!cost)
    return report(cost.error());
  Status status = print(formatHead(*model) + "\n" + formatTable(makeRows(*model)) + "\n" + *cost);
  return status ? 0 : report(status.error());
}

} // namespace dl::driver
