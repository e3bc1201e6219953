//===- Data.h - What a model is checked on ----------------------*- C++ -*-===//
//
// Inputs and variables drawn from a seed, under the model's `check.*` attributes:
//   check.low, check.high          range of floats (default -2, 2)
//   check.low.NAME, check.high.NAME   the same for one input or variable
//   check.ties                     floats are small integers, so that many are equal
//   check.labels = 4               integers are in [0, 4)
//   check.batch = [1, 5]           sizes of an open batch, each checked (default 3)
//   check.value.NAME = dense<…>    the value of an input or variable
//   check.expect.NAME = dense<…>   the value of an output or updated variable
//   check.exact                    expected values are met to the bit
//   check.gradient = false         no gradient check (the model is not smooth)
//   check.second_gradient = false  no check of the gradients' gradients
//   check.compile = false          not compiled
//
//===----------------------------------------------------------------------===//

#ifndef DL_TEST_DLCHECK_DATA_H
#define DL_TEST_DLCHECK_DATA_H

#include "dl/Reference/Interpreter.h"

#include <optional>

namespace dl::check {

/// Operands and results of a model's run.
struct Data {
  std::vector<Tensor> inputs;
  Variables variables;
  std::vector<TensorView> views() const { return {inputs.begin(), inputs.end()}; }
};
struct Outcome {
  std::vector<Tensor> outputs;
  Variables variables;
};

/// Draws data for a model of static shapes.
Result<Data> drawData(ModelOp model, uint64_t seed);

/// Runs the reference.
Result<Outcome> runReference(ModelOp model, const Data &data);

/// The sizes that an open batch is checked with.
std::vector<int64_t> batchesOf(ModelOp model);
/// The value of `check.<name>`, true where it is absent.
bool isWanted(ModelOp model, llvm::StringRef name);

/// Element as double, whatever the type.
double elementOf(const Tensor &tensor, int64_t i);
void setElement(Tensor &tensor, int64_t i, double value);
bool isFloat(const Tensor &tensor);
mlir::Type elementTypeOf(mlir::Type tensor);

/// How far from an expected value another may lie: absolute + relative * |x|,
/// where absolute is multiplied by the largest |x| of the tensor if that is more
/// than 1. NaN and infinities must be equal.
struct Tolerance {
  double absolute, relative;
};
/// Nothing where the tensors agree, else an error that names the first element
/// that does not.
Status compare(llvm::StringRef what, const Tensor &expected, const Tensor &actual, Tolerance tol);
Status compare(ModelOp model, const Outcome &expected, const Outcome &actual, Tolerance tol);
/// Compares with the `check.expect` attributes.
Status compareWithExpected(ModelOp model, const Outcome &outcome);

} // namespace dl::check

#endif // DL_TEST_DLCHECK_DATA_H
