//===- Loop.cpp - Training and evaluation over a data set -----------------===//

#include "dl/Train/Loop.h"

#include <charconv>
#include <chrono>
#include <fmt/format.h>

namespace dl {

using Metadata = std::vector<std::pair<std::string, std::string>>;

//===----------------------------------------------------------------------===//
// Evaluation
//===----------------------------------------------------------------------===//

/// A model of a fixed batch size takes no smaller last batch.
static Status checkBatch(const FittedExamples &examples, int64_t batch) {
  int64_t fixed = kOpen;
  for (const TensorSpec &spec : examples.inputSpecs)
    fixed = spec.shape[0] == kOpen ? fixed : spec.shape[0];
  if (examples.count() == 0)
    return Error{"expected at least 1 example, got 0"};
  if (fixed == kOpen)
    return {};
  if (batch != fixed)
    return Error{fmt::format("the model takes batches of {}, got batch size {}", fixed, batch)};
  if (examples.count() % fixed != 0)
    return Error{fmt::format("the model takes batches of {}, which do not divide the {} examples",
                             fixed, examples.count())};
  return {};
}

Result<Score> evaluateModel(Trainer &trainer, const FittedExamples &examples, int64_t batch) {
  if (Status status = checkBatch(examples, batch); !status)
    return status.error();
  Batches batches(examples, batch);
  ScoreSum sum;
  for (int64_t i = 0; i < batches.count(); ++i) {
    auto metrics = trainer.evaluate(batches.get(i));
    if (!metrics)
      return metrics.error();
    sum.add(*metrics, batches.sizeOf(i));
  }
  return sum.score();
}

//===----------------------------------------------------------------------===//
// Training
//===----------------------------------------------------------------------===//

namespace {

using Clock = std::chrono::steady_clock;

/// One training run: where it stands, and its checkpoints.
class Run {
public:
  Run(Trainer &trainer, const FittedExamples &train, const FittedExamples *test,
      const LoopOptions &options)
      : trainer(trainer), train(train), test(test), options(options),
        batches(train, options.batch) {}

  Status resume();
  Result<Outcome> run();

private:
  Status compile();
  Status runEpoch();
  Status finishEpoch();
  Status save();
  Progress progress() const;

  Trainer &trainer;
  const FittedExamples &train, *test;
  const LoopOptions &options;
  Batches batches;
  Outcome outcome;
  /// Epochs done; steps done of the epoch that runs, and what they summed up to.
  int64_t epoch = 0, step = 0;
  ScoreSum sum;
  Clock::duration elapsed{};
  int64_t resumedAt = 0;
};

} // namespace

/// The value of a key as a number; an error where it is missing or is none.
template <typename T>
static Status readNumber(const Metadata &metadata, std::string_view key, const std::string &path,
                         T &value) {
  for (const auto &[name, text] : metadata) {
    if (name != key)
      continue;
    auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code == std::errc() && end == text.data() + text.size())
      return {};
    return Error{
        fmt::format("{}: error: metadata '{}': expected a number, got '{}'", path, key, text)};
  }
  return Error{
      fmt::format("{}: error: expected metadata '{}': not a checkpoint of 'dlc train'", path, key)};
}

/// Metadata that must be what the run's options say.
template <typename T>
static Status checkSame(const Metadata &metadata, std::string_view key, const std::string &path,
                        T expected) {
  T value{};
  if (Status status = readNumber(metadata, key, path, value); !status)
    return status;
  if (value != expected)
    return Error{fmt::format("{}: error: the checkpoint was made with {} {}, this run has {}", path,
                             key, value, expected)};
  return {};
}

Status Run::resume() {
  const std::string &path = options.resume;
  auto metadata = trainer.resume(path);
  if (!metadata)
    return metadata.error();
  int64_t classifies = 0;
  for (Status status :
       {checkSame(*metadata, "seed", path, options.seed),
        checkSame(*metadata, "batch", path, options.batch),
        checkSame(*metadata, "examples", path, train.count()),
        readNumber(*metadata, "epoch", path, epoch), readNumber(*metadata, "step", path, step),
        readNumber(*metadata, "loss_sum", path, sum.loss),
        readNumber(*metadata, "correct", path, sum.correct),
        readNumber(*metadata, "classifies", path, classifies)})
    if (!status)
      return status;
  if (epoch < 0 || step < 0 || step > batches.count())
    return Error{fmt::format("{}: error: expected an epoch of at least 0 and a step from 0 to {}, "
                             "got {} and {}",
                             path, batches.count(), epoch, step)};
  sum.classifies = classifies != 0;
  sum.examples = std::min(step * options.batch, train.count());
  if (step == 0) // the sums are those of the finished epoch
    sum = {};
  return {};
}

Status Run::save() {
  // The loss's sum is written with all its digits: it goes on where it was.
  return trainer.save(options.save, {{"epoch", fmt::format("{}", epoch)},
                                     {"step", fmt::format("{}", step)},
                                     {"loss", fmt::format("{}", sum.score().loss)},
                                     {"loss_sum", fmt::format("{}", sum.loss)},
                                     {"correct", fmt::format("{}", sum.correct)},
                                     {"classifies", fmt::format("{}", int(sum.classifies))},
                                     {"seed", fmt::format("{}", options.seed)},
                                     {"batch", fmt::format("{}", options.batch)},
                                     {"examples", fmt::format("{}", train.count())}});
}

Progress Run::progress() const {
  Progress now;
  now.epoch = epoch + 1;
  now.epochs = options.epochs;
  now.step = step;
  now.steps = batches.count();
  now.train = sum.score();
  now.seconds = std::chrono::duration<double>(elapsed).count();
  int64_t samples = sum.examples - resumedAt;
  now.samplesPerSecond = now.seconds > 0 ? static_cast<double>(samples) / now.seconds : 0;
  return now;
}

Status Run::runEpoch() {
  batches.shuffle(options.seed, epoch);
  elapsed = {};
  resumedAt = sum.examples;
  while (step < batches.count()) {
    auto start = Clock::now();
    auto metrics = trainer.stepWithMetrics(batches.get(step));
    if (!metrics)
      return metrics.error();
    sum.add(*metrics, batches.sizeOf(step));
    ++step;
    elapsed += Clock::now() - start;
    if (options.onStep)
      options.onStep(progress());
    if (options.interrupted && options.interrupted()) {
      outcome.interrupted = true;
      return {};
    }
  }
  return {};
}

/// The report comes after the checkpoint: who reads it may rely on the file.
Status Run::finishEpoch() {
  EpochReport report{progress(), {}};
  if (test) {
    auto score = evaluateModel(trainer, *test, options.batch);
    if (!score)
      return score.error();
    report.validation = *score;
  }
  ++epoch;
  step = 0;
  if (!options.save.empty())
    if (Status status = save(); !status)
      return status;
  sum = {};
  outcome.epochs.push_back(report);
  if (options.onEpoch)
    options.onEpoch(report);
  return {};
}

/// Compiles for the batch sizes to come, so that no epoch's time contains it.
Status Run::compile() {
  int64_t rest = batches.sizeOf(batches.count() - 1);
  for (int64_t size : {batches.sizeOf(0), rest})
    if (auto arena = trainer.arenaBytes(size); !arena)
      return arena.error();
  return {};
}

Result<Outcome> Run::run() {
  if (Status status = compile(); !status)
    return status.error();
  while (epoch < options.epochs) {
    if (Status status = runEpoch(); !status)
      return status.error();
    if (outcome.interrupted) {
      if (!options.save.empty())
        if (Status status = save(); !status)
          return status.error();
      break;
    }
    if (Status status = finishEpoch(); !status)
      return status.error();
  }
  return std::move(outcome);
}

Result<Outcome> trainModel(Trainer &trainer, const FittedExamples &train,
                           const FittedExamples *test, const LoopOptions &options) {
  if (Status status = checkBatch(train, options.batch); !status)
    return status.error();
  if (test)
    if (Status status = checkBatch(*test, options.batch); !status)
      return status.error();
  Run run(trainer, train, test, options);
  if (!options.resume.empty())
    if (Status status = run.resume(); !status)
      return status.error();
  return run.run();
}

} // namespace dl
