//===- Batches.h - From examples to a model's batches -----------*- C++ -*-===//

#ifndef DL_TRAIN_BATCHES_H
#define DL_TRAIN_BATCHES_H

#include "dl/Train/Data.h"
#include "dl/Trainer.h"

namespace dl {

/// Examples in the form in which a trainer wants them.
struct FittedExamples {
  /// [N, ...] in the model's shapes; U8 pixels or the model's element types.
  std::vector<Tensor> inputs;
  /// [N, ...] in the shape and type of the loss's target. Empty where the first
  /// input is the target (an autoencoder).
  Tensor targets;
  /// Of a batch, in the order in which Trainer::step takes them.
  std::vector<TensorSpec> inputSpecs;
  TensorSpec targetSpec;

  int64_t count() const { return inputs.empty() ? 0 : inputs[0].shape()[0]; }
};

/// Fits examples to a trainer's batch, given the loss's name:
///  * each input of the model takes the one of its name, or a model's only input the
///    only one of the examples, whatever its name;
///  * inputs are reshaped (images [C, H, W] are transposed where the model wants
///    [H, W, C]); the number of elements must agree;
///  * cross_entropy takes class indices;
///  * other losses take numbers as they are, or class indices as 0 and 1 (hinge:
///    -1 and 1) for two classes and one output, one-hot for as many outputs as
///    classes, or else, where the output has the input's size, the input itself.
/// `specs`: Trainer::batchSpecs(); `output`: the model's first. Error: what does
/// not fit, in words.
Result<FittedExamples> fitExamples(const Examples &examples, int64_t classes,
                                   const std::vector<TensorSpec> &specs, const Loss &loss,
                                   const TensorSpec &output);

/// Cuts fitted examples into batches, in order or shuffled. The last batch may
/// be smaller. Views stay valid until the next call of `get`.
class Batches {
public:
  /// Precondition: `examples` outlives the batches; size is at least 1.
  Batches(const FittedExamples &examples, int64_t size);

  int64_t count() const { return (examples.count() + size - 1) / size; }
  /// Examples in batch `index`.
  int64_t sizeOf(int64_t index) const;
  /// A new order: a function of seed and epoch alone.
  void shuffle(uint64_t seed, int64_t epoch);
  /// The inputs and the target of batch `index`, in [0, count()).
  std::span<const TensorView> get(int64_t index);

private:
  const FittedExamples &examples;
  int64_t size;
  std::vector<int64_t> order;
  std::vector<Tensor> inputs;
  Tensor targets;
  std::vector<Shape> inputShapes;
  Shape targetShape;
  std::vector<TensorView> views;
};

} // namespace dl

#endif // DL_TRAIN_BATCHES_H
