//===- Bench.cpp - dlc bench ----------------------------------------------===//

#include "CompiledKernel.h"
#include "Cost.h"
#include "Driver.h"
#include "ProfileReport.h"
#include "Timing.h"
#include "dl/Support/Philox.h"
#include "dl/Train/Loop.h"

#include <algorithm>
#include <fmt/format.h>

namespace dl::driver {

namespace {

struct BenchArguments {
  std::string model, kernel;
  bool train = false, print = false;
  int64_t batch = 1, milliseconds = 2000, coldMegabytes = 0;
  Loss loss;
  Optimizer optimizer;
  CompileOptions options;
};

} // namespace

//===----------------------------------------------------------------------===//
// Models of one kernel
//===----------------------------------------------------------------------===//
// Measuring
//===----------------------------------------------------------------------===//

/// Random values of a specification: numbers from 0 to 1, or indices below `classes`.
static Tensor randomTensor(const TensorSpec &spec, int64_t batch, int64_t classes) {
  Shape shape = spec.shape;
  std::ranges::replace(shape, kOpen, batch);
  Tensor tensor(spec.dtype, shape);
  Philox stream(/*seed=*/0, spec.name);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    double random = stream.uniform(static_cast<uint64_t>(i));
    int64_t index = static_cast<int64_t>(random * static_cast<double>(classes));
    switch (spec.dtype) {
    case DType::F32:
      tensor.data<float>()[i] = static_cast<float>(random);
      break;
    case DType::F64:
      tensor.data<double>()[i] = random;
      break;
    case DType::I32:
      tensor.data<int32_t>()[i] = static_cast<int32_t>(index);
      break;
    case DType::I64:
      tensor.data<int64_t>()[i] = index;
      break;
    case DType::Bool:
    case DType::U8:
      static_cast<uint8_t *>(tensor.raw())[i] = random < 0.5;
      break;
    }
  }
  return tensor;
}

/// Of a forward pass or a step: the median of fewer says little.
static constexpr size_t kLeastRuns = 3;

static std::string formatReport(const BenchArguments &arguments, const Model &model,
                                double compileSeconds, const Times &times) {
  ProgramRequest request{arguments.train ? ProgramRequest::Kind::Step
                                         : ProgramRequest::Kind::Forward,
                         arguments.loss, arguments.optimizer, arguments.batch};
  double flops = countFlops(model, request);
  std::string text =
      fmt::format("{} {}, batch {}: median {}, best {} of {} runs - {:.1f} GFLOP/s", model.name(),
                  arguments.train ? "training step" : "forward pass", arguments.batch,
                  formatSeconds(times.median), formatSeconds(times.best), times.runs,
                  flops / times.median * 1e-9);
  return text +
         fmt::format(" - {} samples/s",
                     formatRate(static_cast<double>(arguments.batch) / times.median)) +
         fmt::format(" - compiled in {}\n", formatSeconds(compileSeconds));
}

/// The table that --profile asks for.
static std::string profileOf(const BenchArguments &arguments, const Result<Profile> &profile) {
  return arguments.options.profile && profile ? formatProfile(*profile, arguments.options) : "";
}

static Result<std::string> benchForward(const BenchArguments &arguments, const Model &model) {
  double start = now();
  auto executable = compile(model, arguments.options);
  if (!executable)
    return executable.error();
  if (auto arena = executable->arenaBytes(arguments.batch); !arena)
    return arena.error();
  double compileSeconds = now() - start;
  std::vector<Tensor> inputs, outputs;
  for (const TensorSpec &spec : model.inputs())
    inputs.push_back(randomTensor(spec, arguments.batch, 1));
  for (const TensorSpec &spec : model.outputs())
    outputs.push_back(randomTensor(spec, arguments.batch, 1));
  std::vector<TensorView> views(inputs.begin(), inputs.end());
  auto binding = executable->bind(views, outputs);
  if (!binding)
    return binding.error();
  Times times = timeRuns([&] { binding->run(); },
                         static_cast<double>(arguments.milliseconds) * 1e-3, kLeastRuns);
  auto profile = executable->profile(arguments.batch);
  return formatReport(arguments, model, compileSeconds, times) + profileOf(arguments, profile);
}

static Result<std::string> benchStep(const BenchArguments &arguments, const Model &model) {
  double start = now();
  auto trainer = compileTrainer(model, arguments.loss, arguments.optimizer, arguments.options);
  if (!trainer)
    return trainer.error();
  if (auto arena = trainer->arenaBytes(arguments.batch); !arena)
    return arena.error();
  double compileSeconds = now() - start;
  const Shape &output = model.outputs()[0].shape;
  std::vector<Tensor> batch;
  for (const TensorSpec &spec : trainer->batchSpecs())
    batch.push_back(randomTensor(spec, arguments.batch, output.empty() ? 1 : output.back()));
  std::vector<TensorView> views(batch.begin(), batch.end());
  // The first error ends all.
  Result<float> loss(0);
  auto step = [&] {
    if (loss)
      loss = trainer->step(views);
  };
  Times times = timeRuns(step, static_cast<double>(arguments.milliseconds) * 1e-3, kLeastRuns);
  if (!loss)
    return loss.error();
  auto profile = trainer->profile(arguments.batch);
  return formatReport(arguments, model, compileSeconds, times) + profileOf(arguments, profile);
}

//===----------------------------------------------------------------------===//
// One kernel
//===----------------------------------------------------------------------===//

/// `matmul:64,64,64: median …, best … of … runs - 210.1 GFLOP/s - 88 % of … - compiled in …`.
static std::string formatKernel(const KernelSpec &spec, const Times &times, double limit,
                                double compileSeconds) {
  double rate = (spec.isContraction() ? spec.flops() : spec.bytes()) / times.median;
  const char *unit = spec.isContraction() ? "GFLOP/s" : "GB/s";
  const char *bound = spec.isContraction() ? "multiply-adds" : "copying as many bytes";
  return fmt::format(
      "{}: median {}, best {} of {} runs - {:.1f} {} - {:.0f} % of {:.1f} {} by {} - "
      "compiled in {}\n",
      spec.text, formatSeconds(times.median), formatSeconds(times.best), times.runs, rate * 1e-9,
      unit, 100 * rate / limit, limit * 1e-9, unit, bound, formatSeconds(compileSeconds));
}

/// Kernel and limit in turns: what a machine does changes from one moment to the next.
static Result<std::string> benchKernel(const BenchArguments &arguments) {
  auto spec = KernelSpec::parse(arguments.kernel);
  if (!spec)
    return Error{fmt::format("flag '--kernel': {}", spec.error().message)};
  if (arguments.print)
    return spec->modelText();
  auto kernel = CompiledKernel::make(*spec, arguments.options);
  if (!kernel)
    return kernel.error();

  if (arguments.coldMegabytes > 0)
    if (Status status = kernel->makeOther(arguments.coldMegabytes); !status)
      return Error{fmt::format("flag '--cold': {}", status.error().message)};
  constexpr int kTurns = 10;
  std::vector<double> medians, limits;
  Times all;
  for (int turn = 0; turn < kTurns; ++turn) {
    limits.push_back(kernel->limit());
    double seconds = static_cast<double>(arguments.milliseconds) * 1e-3 / kTurns;
    auto run = [&] { kernel->run(); };
    auto forget = [&] { kernel->forget(); };
    Times times = arguments.coldMegabytes > 0 ? timePreparedRuns(run, forget, seconds)
                                              : timeRuns(run, seconds);
    medians.push_back(times.median);
    all.best = turn == 0 ? times.best : std::min(all.best, times.best);
    all.runs += times.runs;
  }
  all.median = summarize(medians, 1).median;
  return formatKernel(*spec, all, summarize(limits, 1).median, kernel->compileSeconds);
}

static Result<std::string> benchModel(BenchArguments &arguments) {
  auto model = loadModel(arguments.model);
  if (!model)
    return model.error();
  if (std::optional<int64_t> fixed = fixedBatch(*model))
    arguments.batch = *fixed;
  return arguments.train ? benchStep(arguments, *model) : benchForward(arguments, *model);
}

static Result<std::string> bench(BenchArguments &arguments) {
  if (arguments.print && arguments.kernel.empty())
    return Error{"flag '--print': expected a --kernel"};
  if (arguments.kernel.empty() && arguments.coldMegabytes > 0)
    return Error{"flag '--cold': expected a --kernel"};
  if (arguments.kernel.empty())
    return benchModel(arguments);
  if (!arguments.model.empty())
    return Error{"expected MODEL or --kernel, got both"};
  if (arguments.train)
    return Error{"flag '--train': expected a MODEL, not a kernel"};
  if (arguments.options.profile)
    return Error{"flag '--profile': expected a MODEL, not a kernel"};
  if (arguments.coldMegabytes > 0 && arguments.options.threads != 1)
    return Error{"flag '--cold': expected --threads=1; other cores keep what they have"};
  return benchKernel(arguments);
}

int benchMain(const std::vector<std::string> &list) {
  BenchArguments arguments;
  Arguments parser("dlc bench",
                   "dlc bench MODEL|--kernel=OP:EXTENTS [--batch=N] [--train --loss=LOSS] [FLAGS]",
                   "Times a forward pass or a training step on random values.");
  parser.positional("MODEL", arguments.model);
  parser.option(
      "--kernel", "OP:EXTENTS",
      "instead of a model: one op, such as matmul:M,N,K[,nt|tn], "
      "conv2d:N,H,W,C,O,K[,STRIDE][,pad=P][,groups=G], softmax:M,N (all: tools/dlc/README.md)",
      arguments.kernel);
  parser.option("--batch", "N", "batch size (default 1)", arguments.batch, 1, 1 << 24);
  parser.option("--milliseconds", "N",
                "how long to measure (default 2000; a model at least 3 times)",
                arguments.milliseconds, 1, 3600000);
  parser.flag("--print", "print the kernel as a model instead: for `dlc - --emit=asm`",
              arguments.print);
  parser.option("--cold", "MB",
                "pass so much other memory before each run of a kernel, so that its operands are "
                "in no cache that is smaller, as in a large network (needs --threads=1)",
                arguments.coldMegabytes, 1, 1 << 14);
  parser.flag("--train", "time the training step (needs --loss)", arguments.train);
  addLossFlag(parser, arguments.loss, "cross_entropy, mse, bce, bce_with_logits or hinge");
  addOptimizerFlag(parser, arguments.optimizer);
  addProfileFlag(parser, arguments.options);
  parser.group("Compilation");
  addCompileFlags(parser, arguments.options);
  if (std::optional<int> status = parseOrExit(parser, list))
    return *status;
  if (arguments.train && arguments.loss.name.empty())
    return report(Error{"a training step needs a loss: expected --loss"});
  auto line = bench(arguments);
  if (!line)
    return report(line.error());
  Status status = print(*line);
  return status ? 0 : report(status.error());
}

} // namespace dl::driver
