//===- Bench.cpp - dlc bench ----------------------------------------------===//

#include "Cost.h"
#include "Driver.h"
#include "dl/Support/Philox.h"
#include "dl/Train/Loop.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <functional>

namespace dl::driver {

namespace {

using Clock = std::chrono::steady_clock;

struct BenchArguments {
  std::string model, kernel;
  bool train = false;
  int64_t batch = 1, milliseconds = 2000;
  Loss loss;
  Optimizer optimizer;
  CompileOptions options;
};

struct Times {
  double median = 0, best = 0;
  size_t runs = 0;
};

} // namespace

//===----------------------------------------------------------------------===//
// Models of one kernel
//===----------------------------------------------------------------------===//

static Result<std::vector<int64_t>> parseExtents(std::string_view text, size_t least, size_t most) {
  std::vector<int64_t> extents;
  while (!text.empty() && extents.size() <= most) {
    std::string_view part = text.substr(0, text.find(','));
    auto extent = parseInteger(part, 1, 1 << 24);
    if (!extent)
      return extent.error();
    extents.push_back(*extent);
    text.remove_prefix(std::min(part.size() + 1, text.size()));
  }
  if (extents.size() < least || extents.size() > most)
    return Error{least == most ? fmt::format("expected {} extents", least)
                               : fmt::format("expected {} to {} extents", least, most)};
  return extents;
}

static std::string convText(std::string_view op, const std::vector<int64_t> &e) {
  int64_t n = e[0], h = e[1], w = e[2], c = e[3], o = e[4], k = e[5], s = e.size() > 6 ? e[6] : 1;
  std::string image = fmt::format("tensor<{}x{}x{}x{}xf32>", n, h, w, c);
  std::string weights = fmt::format("tensor<{}x{}x{}x{}xf32>", k, k, c, o);
  std::string result =
      fmt::format("tensor<{}x{}x{}x{}xf32>", n, (h - k) / s + 1, (w - k) / s + 1, o);
  std::string extra = op == "conv2d_backward_data" ? fmt::format("input_size = [{}, {}], ", h, w)
                      : op == "conv2d_backward_weights"
                          ? fmt::format("kernel_size = [{}, {}], ", k, k)
                          : "";
  return fmt::format("dl.model @{0}(%a: {1}, %b: {2}) {{\n"
                     "  %y = dl.{0} %a, %b {{{3}strides = [{4}, {4}], layout = nhwc}}\n"
                     "  dl.return %y\n}}\n",
                     op, op == "conv2d_backward_data" ? result : image,
                     op == "conv2d_backward_weights" ? result : weights, extra, s);
}

/// A model of one op: `matmul:M,N,K` or `conv2d:N,H,W,C,O,K[,S]`.
static Result<std::string> kernelText(std::string_view spec) {
  size_t colon = std::min(spec.find(':'), spec.size());
  std::string_view op = spec.substr(0, colon);
  std::string_view rest = colon < spec.size() ? spec.substr(colon + 1) : "";
  bool isConv = op == "conv2d" || op == "conv2d_backward_data" || op == "conv2d_backward_weights";
  if (!isConv && op != "matmul")
    return Error{fmt::format("flag '--kernel': expected matmul:M,N,K or "
                             "conv2d[_backward_data|_backward_weights]:N,H,W,C,O,K[,S], got '{}'",
                             spec)};
  auto extents = isConv ? parseExtents(rest, 6, 7) : parseExtents(rest, 3, 3);
  if (!extents)
    return Error{fmt::format("flag '--kernel': {}", extents.error().message)};
  if (isConv)
    return convText(op, *extents);
  const std::vector<int64_t> &e = *extents;
  return fmt::format("dl.model @matmul(%a: tensor<{0}x{2}xf32>, %b: tensor<{2}x{1}xf32>) {{\n"
                     "  %y = dl.matmul %a, %b\n  dl.return %y\n}}\n",
                     e[0], e[1], e[2]);
}

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

static double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Runs for the given time after a tenth of it to warm up.
static Result<Times> measure(const std::function<Status()> &run, double seconds) {
  auto start = Clock::now();
  do
    if (Status status = run(); !status)
      return status.error();
  while (secondsSince(start) < seconds / 10);

  std::vector<double> times;
  start = Clock::now();
  do {
    auto before = Clock::now();
    if (Status status = run(); !status)
      return status.error();
    times.push_back(secondsSince(before));
  } while (secondsSince(start) < seconds || times.size() < 3);
  std::ranges::sort(times);
  return Times{times[times.size() / 2], times.front(), times.size()};
}

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
  if (arguments.kernel.empty())
    text += fmt::format(" - {} samples/s",
                        formatRate(static_cast<double>(arguments.batch) / times.median));
  return text + fmt::format(" - compiled in {}\n", formatSeconds(compileSeconds));
}

static Result<std::string> benchForward(const BenchArguments &arguments, const Model &model) {
  auto start = Clock::now();
  auto executable = compile(model, arguments.options);
  if (!executable)
    return executable.error();
  if (auto arena = executable->arenaBytes(arguments.batch); !arena)
    return arena.error();
  double compileSeconds = secondsSince(start);
  std::vector<Tensor> inputs, outputs;
  for (const TensorSpec &spec : model.inputs())
    inputs.push_back(randomTensor(spec, arguments.batch, 1));
  for (const TensorSpec &spec : model.outputs())
    outputs.push_back(randomTensor(spec, arguments.batch, 1));
  std::vector<TensorView> views(inputs.begin(), inputs.end());
  auto times = measure([&] { return executable->runInto(views, outputs); },
                       static_cast<double>(arguments.milliseconds) * 1e-3);
  if (!times)
    return times.error();
  return formatReport(arguments, model, compileSeconds, *times);
}

static Result<std::string> benchStep(const BenchArguments &arguments, const Model &model) {
  auto start = Clock::now();
  auto trainer = compileTrainer(model, arguments.loss, arguments.optimizer, arguments.options);
  if (!trainer)
    return trainer.error();
  if (auto arena = trainer->arenaBytes(arguments.batch); !arena)
    return arena.error();
  double compileSeconds = secondsSince(start);
  const Shape &output = model.outputs()[0].shape;
  std::vector<Tensor> batch;
  for (const TensorSpec &spec : trainer->batchSpecs())
    batch.push_back(randomTensor(spec, arguments.batch, output.empty() ? 1 : output.back()));
  std::vector<TensorView> views(batch.begin(), batch.end());
  auto step = [&]() -> Status {
    auto loss = trainer->step(views);
    return loss ? Status() : Status(loss.error());
  };
  auto times = measure(step, static_cast<double>(arguments.milliseconds) * 1e-3);
  if (!times)
    return times.error();
  return formatReport(arguments, model, compileSeconds, *times);
}

static Result<Model> loadSubject(const BenchArguments &arguments) {
  if (arguments.kernel.empty())
    return loadModel(arguments.model);
  if (!arguments.model.empty())
    return Error{"expected MODEL or --kernel, got both"};
  auto text = kernelText(arguments.kernel);
  if (!text)
    return text.error();
  return Model::parse(*text, "<" + arguments.kernel + ">");
}

int benchMain(const std::vector<std::string> &list) {
  BenchArguments arguments;
  Arguments parser("dlc bench",
                   "dlc bench MODEL|--kernel=OP:EXTENTS [--batch=N] [--train --loss=LOSS] [FLAGS]",
                   "Times a forward pass or a training step on random values.");
  parser.positional("MODEL", arguments.model);
  parser.option("--kernel", "OP:EXTENTS",
                "instead of a model: matmul:M,N,K or conv2d:N,H,W,C,O,K[,STRIDE] (also "
                "conv2d_backward_data, conv2d_backward_weights)",
                arguments.kernel);
  parser.option("--batch", "N", "batch size (default 1)", arguments.batch, 1, 1 << 24);
  parser.option("--milliseconds", "N", "how long to measure (default 2000)", arguments.milliseconds,
                1, 3600000);
  parser.flag("--train", "time the training step (needs --loss)", arguments.train);
  addLossFlag(parser, arguments.loss, "cross_entropy, mse, bce, bce_with_logits or hinge");
  addOptimizerFlag(parser, arguments.optimizer);
  parser.group("Compilation");
  addCompileFlags(parser, arguments.options);
  if (std::optional<int> status = parseOrExit(parser, list))
    return *status;
  if (arguments.train && arguments.loss.name.empty())
    return report(Error{"a training step needs a loss: expected --loss"});
  auto model = loadSubject(arguments);
  if (!model)
    return report(model.error());
  if (std::optional<int64_t> fixed = fixedBatch(*model))
    arguments.batch = *fixed;
  auto line = arguments.train ? benchStep(arguments, *model) : benchForward(arguments, *model);
  if (!line)
    return report(line.error());
  Status status = print(*line);
  return status ? 0 : report(status.error());
}

} // namespace dl::driver
