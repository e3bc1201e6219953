//===- Trainer.h - A compiled training step ---------------------*- C++ -*-===//

#ifndef DL_TRAINER_H
#define DL_TRAINER_H

#include "dl/Executable.h"

namespace dl {

/// A loss by name, as the driver's --loss takes it: `cross_entropy`, `mse`,
/// `bce`, `bce_with_logits`, `hinge`.
struct Loss {
  std::string name;
};

namespace loss {
inline Loss crossEntropy() { return {"cross_entropy"}; }
inline Loss mse() { return {"mse"}; }
inline Loss bce() { return {"bce"}; }
inline Loss bceWithLogits() { return {"bce_with_logits"}; }
inline Loss hinge() { return {"hinge"}; }
} // namespace loss

/// An optimiser with its settings. `name` is `sgd` or `adam`.
struct Optimizer {
  std::string name = "sgd";
  double lr = 0.01;
  double momentum = 0;    // sgd
  bool nesterov = false;  // sgd
  double weightDecay = 0; // added to the gradient (L2)
  double beta1 = 0.9;     // adam
  double beta2 = 0.999;   // adam
  double epsilon = 1e-8;  // adam

  /// Parses `sgd,lr=0.01,momentum=0.9`. Keys: lr, momentum, nesterov,
  /// weight_decay, beta1, beta2, eps.
  static Result<Optimizer> parse(std::string_view text);
};

namespace optim {
inline Optimizer sgd(double lr, double momentum = 0, bool nesterov = false,
                     double weightDecay = 0) {
  return {.name = "sgd",
          .lr = lr,
          .momentum = momentum,
          .nesterov = nesterov,
          .weightDecay = weightDecay};
}
inline Optimizer adam(double lr = 1e-3, double weightDecay = 0) {
  return {.name = "adam", .lr = lr, .weightDecay = weightDecay};
}
} // namespace optim

/// What a step or an evaluation reports: the mean loss over the batch and, for
/// classification, how many examples were right (otherwise -1).
struct Metrics {
  double loss = 0;
  int64_t correct = -1;
};

/// A model, its training step and its state (parameters, optimiser state, step
/// counter). Not for use from several threads at once.
class Trainer {
public:
  /// One training step on a batch: the inputs of the model, then the target of
  /// the loss. Returns the loss before the update. Once the code for this batch
  /// size exists, nothing is allocated.
  Result<float> step(std::span<const TensorView> batch);
  Result<float> step(std::initializer_list<TensorView> batch) {
    return step(std::span<const TensorView>(batch.begin(), batch.size()));
  }
  /// The same, with all metrics.
  Result<Metrics> stepWithMetrics(std::span<const TensorView> batch);
  /// Loss and metrics without an update.
  Result<Metrics> evaluate(std::span<const TensorView> batch);
  /// The forward pass with the parameters as they are now.
  Result<std::vector<Tensor>> predict(std::span<const TensorView> inputs);

  /// Model inputs, then the target: what `step` takes.
  const std::vector<TensorSpec> &batchSpecs() const;
  /// Parameters and optimiser state.
  const std::vector<TensorSpec> &variables() const;
  Result<Tensor> variable(const std::string &name) const;
  Status setVariable(const std::string &name, TensorView value);

  /// Parameters only, as safetensors, for Executable::loadWeights.
  Status saveWeights(const std::string &path) const;
  Status loadWeights(const std::string &path);
  /// Everything that a resumed run needs to give the bits of an uninterrupted
  /// one, as safetensors. `metadata` (epoch, loss, seed) is stored beside it.
  Status save(const std::string &path,
              const std::vector<std::pair<std::string, std::string>> &metadata = {}) const;
  /// Reads what `save` wrote; returns its metadata. On error nothing changes.
  Result<std::vector<std::pair<std::string, std::string>>> resume(const std::string &path);

  /// Bytes of intermediate memory that a step at the given batch size needs.
  Result<size_t> arenaBytes(int64_t batch) const;
  /// Where the time of the steps at this batch size went; empty without
  /// CompileOptions::profile.
  Result<Profile> profile(int64_t batch) const;

  struct Impl;
  explicit Trainer(std::shared_ptr<Impl> impl) : impl(std::move(impl)) {}

private:
  std::shared_ptr<Impl> impl;
};

/// Differentiates and compiles a training step.
Result<Trainer> compileTrainer(const Model &model, const Loss &loss, const Optimizer &optimizer,
                               const CompileOptions &options = {});

} // namespace dl

#endif // DL_TRAINER_H
