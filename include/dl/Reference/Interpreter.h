//===- Interpreter.h - The oracle -------------------------------*- C++ -*-===//
//
// A slow, obvious interpreter of dl ops. It shares no code with the compiled
// path: what they agree on is right for two independent reasons.
//
//===----------------------------------------------------------------------===//

#ifndef DL_REFERENCE_INTERPRETER_H
#define DL_REFERENCE_INTERPRETER_H

#include "dl/IR/DLOps.h"
#include "dl/Tensor.h"

#include <map>

namespace dl {

/// Values of variables by name, in their stored shape.
using Variables = std::map<std::string, Tensor>;

/// Runs a model (a forward pass, a training step, with or without kernels) on
/// inputs in the order of its arguments; open extents are those of the inputs.
/// Applies the updates of dl.return to `variables`. Error: an input or variable
/// is missing or does not fit.
Result<std::vector<Tensor>> interpret(ModelOp model, std::span<const TensorView> inputs,
                                      Variables &variables);

} // namespace dl

#endif // DL_REFERENCE_INTERPRETER_H
