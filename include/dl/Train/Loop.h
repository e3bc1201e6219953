//===- Loop.h - Training and evaluation over a data set ---------*- C++ -*-===//

#ifndef DL_TRAIN_LOOP_H
#define DL_TRAIN_LOOP_H

#include "dl/Train/Batches.h"

#include <functional>
#include <optional>

namespace dl {

/// Mean loss and, for classification, the share of examples that were right.
struct Score {
  double loss = 0;
  std::optional<double> accuracy;
};

/// Sums of metrics over the batches seen so far.
struct ScoreSum {
  double loss = 0;
  int64_t correct = 0, examples = 0;
  bool classifies = false;

  void add(const Metrics &metrics, int64_t batch);
  Score score() const;
};

/// What an observer learns while an epoch runs.
struct Progress {
  int64_t epoch = 0, epochs = 0; // the first epoch is 1
  int64_t step = 0, steps = 0;   // done and in all, of this epoch
  Score train;
  double seconds = 0; // of training in this epoch, since the start or the resumption
  double samplesPerSecond = 0;
};

struct EpochReport {
  Progress progress;
  std::optional<Score> validation;
  /// `epoch 5/5 - loss: 0.1021 - accuracy: 0.9693 - val_loss: 0.0954 -
  /// val_accuracy: 0.9704 - 1.9 s - 31500 samples/s`.
  std::string toString() const;
};

struct LoopOptions {
  int64_t batch = 32;
  int64_t epochs = 5;
  uint64_t seed = 0;
  /// Checkpoint written after each epoch, and when interrupted; empty: none.
  std::string save;
  /// Checkpoint to go on from; empty: start afresh.
  std::string resume;

  std::function<void(const Progress &)> onStep;
  std::function<void(const EpochReport &)> onEpoch;
  /// Asked after each step; true ends the training after a checkpoint.
  std::function<bool()> interrupted;
};

/// How a training ended.
struct Outcome {
  bool interrupted = false;
  std::vector<EpochReport> epochs;
};

/// Trains. The order of the examples depends on seed and epoch alone, and a
/// checkpoint holds all that a run knows, so a resumed run gives the bits of one
/// that was not interrupted. `test` may be null. Error: a step failed, or a
/// checkpoint cannot be written, cannot be read or belongs to another run.
Result<Outcome> trainModel(Trainer &trainer, const FittedExamples &train,
                           const FittedExamples *test, const LoopOptions &options);

/// Loss and accuracy over all examples.
Result<Score> evaluateModel(Trainer &trainer, const FittedExamples &examples, int64_t batch);

/// `loss: 0.1021 - accuracy: 0.9693`, names after `prefix`.
std::string toString(const Score &score, std::string_view prefix = "");
/// A rate rounded to three digits, without an exponent: `31500`.
std::string formatRate(double perSecond);

} // namespace dl

#endif // DL_TRAIN_LOOP_H
