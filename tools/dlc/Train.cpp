//===- Train.cpp - dlc train and dlc eval ---------------------------------===//

#include "Driver.h"
#include "ProfileReport.h"
#include "dl/Train/ProgressBar.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <fmt/format.h>
#include <unistd.h>

namespace dl::driver {

namespace {

struct TrainArguments {
  std::string model, data, weights;
  Loss loss;
  Optimizer optimizer;
  CompileOptions options;
  LoopOptions loop;
};

} // namespace

//===----------------------------------------------------------------------===//
// Interruption
//===----------------------------------------------------------------------===//

static volatile std::sig_atomic_t interrupted = 0;

/// The first signal ends the training after its step, with a checkpoint and the
/// terminal as it was; a second one ends the program at once.
static void onSignal(int signal) {
  interrupted = 1;
  std::signal(signal, SIG_DFL);
}

//===----------------------------------------------------------------------===//
// What both commands do
//===----------------------------------------------------------------------===//

static std::string dataEpilogue() {
  std::string text = "Data sets:\n";
  std::string_view rest = dataSetHelp();
  while (!rest.empty()) {
    size_t end = rest.find('\n');
    text += fmt::format("  {}\n", rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  return text;
}

static int64_t countParameters(const Model &model) {
  int64_t count = 0;
  for (const TensorSpec &spec : model.parameters()) {
    auto elements = countElements(spec.shape, spec.dtype);
    count += elements ? *elements : 0;
  }
  return count;
}

static Result<FittedExamples> fit(const Examples &examples, const DataSet &data, const Model &model,
                                  const Trainer &trainer, const Loss &loss) {
  auto fitted = fitExamples(examples, data.classes, trainer.batchSpecs(), loss, model.outputs()[0]);
  if (!fitted)
    return Error{
        fmt::format("data set '{}' does not fit the model: {}", data.name, fitted.error().message)};
  return fitted;
}

static Status checkModel(const Model &model) {
  if (model.outputs().empty())
    return Error{fmt::format("the model '{}' has no output", model.name())};
  return {};
}

//===----------------------------------------------------------------------===//
// dlc train
//===----------------------------------------------------------------------===//

static void addFlags(Arguments &parser, TrainArguments &arguments) {
  parser.positional("MODEL", arguments.model);
  parser.option("--data", "SPEC", "the data set: see below", arguments.data);
  addLossFlag(parser, arguments.loss, "cross_entropy, mse, bce, bce_with_logits or hinge");
  addOptimizerFlag(parser, arguments.optimizer);
  parser.option("--batch", "N", "examples in a step (default 32)", arguments.loop.batch, 1,
                1 << 24);
  parser.option("--epochs", "N", "passes over the examples (default 5)", arguments.loop.epochs, 0);
  addSeedFlag(parser, arguments.options);
  addProfileFlag(parser, arguments.options);
  parser.group("Files");
  parser.option("--weights", "FILE", "start from these parameters (safetensors)",
                arguments.weights);
  parser.option("--save", "FILE",
                "checkpoint after each epoch, and on Ctrl-C: parameters, optimiser state and where "
                "the run stands (safetensors; --weights and --resume read it)",
                arguments.loop.save);
  parser.option("--resume", "FILE", "go on from a checkpoint, to the bits of a run without a break",
                arguments.loop.resume);
  parser.group("Compilation");
  addCompileFlags(parser, arguments.options);
  parser.epilogue(dataEpilogue());
}

static Status checkTrainArguments(const TrainArguments &arguments) {
  if (arguments.data.empty())
    return Error{"expected a data set: --data=SPEC (see 'dlc train --help')"};
  if (arguments.loss.name.empty())
    return Error{"expected a loss: --loss=cross_entropy, mse, bce, bce_with_logits or hinge"};
  if (!arguments.weights.empty() && !arguments.loop.resume.empty())
    return Error{"expected --weights or --resume, got both"};
  // Written anew after each epoch, and the reports stand on stdout.
  if (arguments.loop.save == "-")
    return Error{"flag '--save': expected a file, got '-'"};
  return {};
}

/// Lines for people or programs on stdout; on a terminal a bar that moves.
static Result<Outcome> runLoop(Trainer &trainer, const FittedExamples &train,
                               const FittedExamples *test, LoopOptions options) {
  ProgressBar bar(STDERR_FILENO);
  if (::isatty(STDERR_FILENO))
    options.onStep = [&](const Progress &progress) { bar.update(progress); };
  options.onEpoch = [&](const EpochReport &report) {
    bar.erase();
    // A reader that went away is noticed at the end.
    (void)print(report.toString() + "\n").ok();
  };
  options.interrupted = [] { return interrupted != 0; };
  std::signal(SIGINT, onSignal);
  std::signal(SIGTERM, onSignal);
  auto outcome = trainModel(trainer, train, test, options);
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  return outcome;
}

static Result<Outcome> train(TrainArguments &arguments) {
  if (Status status = checkTrainArguments(arguments); !status)
    return status.error();
  auto model = loadModel(arguments.model);
  if (!model)
    return model.error();
  if (Status status = checkModel(*model); !status)
    return status.error();
  if (std::optional<int64_t> fixed = fixedBatch(*model))
    arguments.loop.batch = *fixed;
  arguments.loop.seed = arguments.options.seed;
  auto trainer = compileTrainer(*model, arguments.loss, arguments.optimizer, arguments.options);
  if (!trainer)
    return trainer.error();
  if (!arguments.weights.empty())
    if (Status status = trainer->loadWeights(arguments.weights); !status)
      return status.error();
  auto data = DataSet::load(arguments.data);
  if (!data)
    return data.error();
  auto examples = fit(data->train, *data, *model, *trainer, arguments.loss);
  if (!examples)
    return examples.error();
  std::optional<FittedExamples> test;
  if (data->test.count() != 0) {
    auto fitted = fit(data->test, *data, *model, *trainer, arguments.loss);
    if (!fitted)
      return fitted.error();
    test = std::move(*fitted);
  }
  Status status = print(fmt::format(
      "{}: {} parameters, {} training and {} test examples, batches of {}\n", model->name(),
      countParameters(*model), examples->count(), test ? test->count() : 0, arguments.loop.batch));
  if (!status)
    return status.error();
  auto outcome = runLoop(*trainer, *examples, test ? &*test : nullptr, arguments.loop);
  if (outcome && arguments.options.profile)
    if (auto profile = trainer->profile(arguments.loop.batch))
      if (Status printed = print(formatProfile(*profile, arguments.options)); !printed)
        return printed.error();
  return outcome;
}

int trainMain(const std::vector<std::string> &list) {
  TrainArguments arguments;
  Arguments parser(
      "dlc train", "dlc train MODEL --data=SPEC --loss=LOSS [--optimizer=NAME[,KEY=X,...]] [FLAGS]",
      "Trains a model. After each epoch one line tells the loss and, for classes, the accuracy,\n"
      "over the training examples as they were seen and over the test examples.");
  addFlags(parser, arguments);
  if (std::optional<int> status = parseOrExit(parser, list))
    return *status;
  auto outcome = train(arguments);
  if (!outcome)
    return report(outcome.error());
  if (!outcome->interrupted)
    return 0;
  const std::string &save = arguments.loop.save;
  fmt::print(stderr, "interrupted{}\n",
             save.empty() ? "" : fmt::format("; go on with --resume={}", save));
  return 130;
}

//===----------------------------------------------------------------------===//
// dlc eval
//===----------------------------------------------------------------------===//

static Result<std::string> evaluate(TrainArguments &arguments) {
  if (arguments.data.empty())
    return Error{"expected a data set: --data=SPEC (see 'dlc eval --help')"};
  if (arguments.weights.empty())
    return Error{"expected trained parameters: --weights=FILE"};
  auto model = loadModel(arguments.model);
  if (!model)
    return model.error();
  if (Status status = checkModel(*model); !status)
    return status.error();
  if (std::optional<int64_t> fixed = fixedBatch(*model))
    arguments.loop.batch = *fixed;
  auto trainer = compileTrainer(*model, arguments.loss, arguments.optimizer, arguments.options);
  if (!trainer)
    return trainer.error();
  if (Status status = trainer->loadWeights(arguments.weights); !status)
    return status.error();
  auto data = DataSet::load(arguments.data);
  if (!data)
    return data.error();
  const Examples &split = data->test.count() != 0 ? data->test : data->train;
  auto examples = fit(split, *data, *model, *trainer, arguments.loss);
  if (!examples)
    return examples.error();
  auto start = std::chrono::steady_clock::now();
  auto score = evaluateModel(*trainer, *examples, arguments.loop.batch);
  if (!score)
    return score.error();
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return fmt::format("{} - {:.1f} s - {} samples/s\n", toString(*score), seconds,
                     formatRate(static_cast<double>(examples->count()) / seconds));
}

int evalMain(const std::vector<std::string> &list) {
  TrainArguments arguments;
  arguments.loss = loss::crossEntropy();
  arguments.loop.batch = 100;
  Arguments parser(
      "dlc eval", "dlc eval MODEL --data=SPEC --weights=FILE [FLAGS]",
      "Tells the loss and, for classes, the accuracy of a trained model over the test examples\n"
      "of a data set (or over all, where it has no split).");
  parser.positional("MODEL", arguments.model);
  parser.option("--data", "SPEC", "the data set: see below", arguments.data);
  parser.option("--weights", "FILE", "parameters or a checkpoint (safetensors)", arguments.weights);
  addLossFlag(parser, arguments.loss,
              "cross_entropy (the default), mse, bce, bce_with_logits or hinge");
  parser.option("--batch", "N", "examples at a time (default 100)", arguments.loop.batch, 1,
                1 << 24);
  parser.group("Compilation");
  addCompileFlags(parser, arguments.options);
  parser.epilogue(dataEpilogue());
  if (std::optional<int> status = parseOrExit(parser, list))
    return *status;
  auto line = evaluate(arguments);
  if (!line)
    return report(line.error());
  Status status = print(*line);
  return status ? 0 : report(status.error());
}

} // namespace dl::driver
