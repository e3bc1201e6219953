//===- Data.h - Data sets ---------------------------------------*- C++ -*-===//

#ifndef DL_TRAIN_DATA_H
#define DL_TRAIN_DATA_H

#include "dl/Tensor.h"

namespace dl {

/// What a model takes as one of its inputs.
struct NamedInput {
  std::string name;
  /// [N, ...]. U8 stands for pixels: 0 to 255 mean 0 to 1.
  Tensor values;
};

/// Examples held in memory: row i of each tensor is example i.
struct Examples {
  /// Data sets that know no names call theirs `x`.
  std::vector<NamedInput> inputs;
  /// [N, ...]: class indices (I32, [N]) or numbers; no element where the
  /// examples have no targets.
  Tensor targets;

  int64_t count() const { return inputs.empty() ? 0 : inputs[0].values.shape()[0]; }
  bool hasTargets() const { return !targets.shape().empty(); }
};

/// A named set of examples, split for training and for testing.
struct DataSet {
  std::string name;
  Examples train, test;
  /// Number of classes where the targets are class indices, else 0.
  int64_t classes = 0;

  /// Loads what a specification names:
  ///   digits[:train=N,test=N]  drawn by the program (see Digits.cpp)
  ///   mnist:DIR                the four IDX files, gzip or plain
  ///   cifar10:DIR              data_batch_*.bin, test_batch.bin, gzip or plain
  ///   npz:FILE                 x_train, y_train, x_test, y_test; or x, y; x may be
  ///                            several arrays, named as the model's inputs
  ///   and, or, xor             the truth tables, inputs 0 and 1
  /// Error: an unknown specification, or a file that is missing, damaged or of
  /// another format; the message names the file and the byte.
  static Result<DataSet> load(std::string_view spec);
};

/// What load knows, one line each, for help and diagnostics.
std::string_view dataSetHelp();

// The kinds of data sets, one source each.
DataSet drawDigits(int64_t train, int64_t test);
Result<DataSet> loadMnist(const std::string &folder);
Result<DataSet> loadCifar10(const std::string &folder);
Result<DataSet> loadNpzData(const std::string &path);
DataSet makeTruthTable(std::string_view name);

} // namespace dl

#endif // DL_TRAIN_DATA_H
