//===- Compile.cpp - dlc compile ------------------------------------------===//

#include "Driver.h"
#include "dl/JIT/Compiler.h"

#include <cstdio>
#include <fmt/format.h>
#include <utility>

#include <unistd.h>

namespace dl::driver {

namespace {

struct CompileArguments {
  std::string model, output = "-", emit;
  CompileOptions options;
  ProgramRequest request;
  bool train = false, explain = false, timing = false;
};

} // namespace

static constexpr std::pair<std::string_view, Stage> kStages[] = {
    {"dl", Stage::Graph},        {"step", Stage::Step}, {"fused", Stage::Fused},
    {"kernels", Stage::Kernels}, {"llvm", Stage::LLVM}, {"asm", Stage::Assembly},
    {"obj", Stage::Object}};

static std::optional<Stage> findStage(std::string_view name) {
  for (auto [known, stage] : kStages)
    if (known == name)
      return stage;
  return std::nullopt;
}

/// What the name of the output file asks for.
static std::string stageOfFile(std::string_view path) {
  return path.ends_with(".s")    ? "asm"
         : path.ends_with(".ll") ? "llvm"
         : path.ends_with(".o")  ? "obj"
                                 : "";
}

static void addFlags(Arguments &parser, CompileArguments &arguments) {
  parser.positional("MODEL", arguments.model);
  parser.option("-o", "FILE",
                "where the result goes, written whole or not at all; default: standard output",
                arguments.output);
  parser.option("--emit", "STAGE",
                "dl: the graph; step: the training step; fused: kernels in memory; kernels: their "
                "loops and vectors; llvm, asm and obj: all of it as one module. Default: what the "
                "name of the output says (.ll, .s, .o), else dl, or step with --train",
                [&](std::string_view value) -> Status {
                  if (!findStage(value))
                    return Error{fmt::format(
                        "expected dl, step, fused, kernels, llvm, asm or obj, got '{}'", value)};
                  arguments.emit = value;
                  return {};
                });
  parser.group("Compilation");
  addCompileFlags(parser, arguments.options);
  parser.option("--target", "TRIPLE",
                "machine that llvm, asm and obj are for: x86_64-linux-gnu, aarch64-linux-gnu, "
                "riscv64-linux-gnu (with vectors); default: this one",
                arguments.options.target);
  parser.flag("--export-pack",
              "llvm, asm and obj have a function that lays the weights out for all later runs, "
              "rather than each run",
              arguments.options.exportPack);
  parser.option("--batch", "N", "value of the open batch size (default 1)", arguments.options.batch,
                1);
  parser.flag("--explain", "tell what was fused and what was not, and why (on stderr)",
              arguments.explain);
  parser.flag("--timing", "tell how long each phase took (on stderr)", arguments.timing);
  parser.group("Training");
  parser.flag("--train", "compile the training step (needs --loss)", arguments.train);
  addLossFlag(parser, arguments.request.loss, "cross_entropy, mse, bce, bce_with_logits or hinge");
  addOptimizerFlag(parser, arguments.request.optimizer);
}

/// The stage and the request that the flags ask for.
static Result<Stage> decide(CompileArguments &arguments) {
  if (arguments.emit.empty())
    arguments.emit = stageOfFile(arguments.output);
  if (arguments.emit.empty())
    arguments.emit = arguments.train ? "step" : "dl";
  Stage stage = *findStage(arguments.emit);
  arguments.train |= stage == Stage::Step;
  if (arguments.train && arguments.request.loss.name.empty())
    return Error{"a training step needs a loss: expected --loss"};
  if (stage == Stage::Object && arguments.output == "-" && isatty(STDOUT_FILENO))
    return Error{"an object is not for a terminal: expected -o FILE"};
  arguments.request.kind =
      arguments.train ? ProgramRequest::Kind::Step : ProgramRequest::Kind::Forward;
  arguments.request.batch = std::max<int64_t>(arguments.options.batch, 1);
  return stage;
}

static std::string formatTimes(const CompileReport &report) {
  std::string text;
  double total = 0;
  for (const auto &[phase, seconds] : report.times) {
    text += fmt::format("{:>10.1f} ms  {}\n", seconds * 1e3, phase);
    total += seconds;
  }
  return text + fmt::format("{:>10.1f} ms  total\n", total * 1e3);
}

/// True where the graph is shown as the file declares it.
static bool isAsWritten(const CompileArguments &arguments, Stage stage) {
  return stage == Stage::Graph && !arguments.train && arguments.options.batch == 0;
}

int compileMain(const std::vector<std::string> &list) {
  CompileArguments arguments;
  Arguments parser("dlc compile", "dlc [compile] MODEL [-o FILE] [--emit=STAGE] [FLAGS]",
                   "Translates a model and writes a stage of the translation.");
  addFlags(parser, arguments);
  if (std::optional<int> status = parseOrExit(parser, list))
    return *status;
  auto stage = decide(arguments);
  if (!stage)
    return report(stage.error());
  auto model = loadModel(arguments.model);
  if (!model)
    return report(model.error());

  CompileReport compilation;
  compilation.explain = arguments.explain;
  auto text = isAsWritten(arguments, *stage)
                  ? Result<std::string>(model->toString())
                  : emitStage(*model, arguments.request, arguments.options, *stage, &compilation);
  fmt::print(stderr, "{}", compilation.remarks);
  if (!text)
    return report(text.error());
  if (arguments.timing)
    fmt::print(stderr, "{}", formatTimes(compilation));
  Status status = writeOutput(arguments.output, *text);
  return status ? 0 : report(status.error());
}

} // namespace dl::driver
