//===- Rewrite.h - Other forms of the model to check ------------*- C++ -*-===//

#ifndef DL_TEST_DLCHECK_REWRITE_H
#define DL_TEST_DLCHECK_REWRITE_H

#include "dl/Error.h"
#include "dl/IR/DLOps.h"

#include "mlir/IR/OwningOpRef.h"

namespace dl::check {

using OwnedModel = mlir::OwningOpRef<ModelOp>;

/// Collects the diagnostics of a scope.
class Diagnostics {
public:
  explicit Diagnostics(mlir::MLIRContext *context);
  /// What was said, as an error.
  Error error() const { return {text}; }

private:
  std::string text;
  mlir::ScopedDiagnosticHandler handler;
};

/// A copy with static shapes; where `element` is given, all floats are of that
/// type.
Result<OwnedModel> specialize(ModelOp model, int64_t batch, mlir::Type element = {});
/// A copy in which composites are replaced by their decompositions.
OwnedModel decomposeAll(ModelOp model);
/// A model of the gradients: the inputs and one cotangent for each float
/// output, to the gradients of float inputs, then of float parameters. Null
/// where there is no float output or input.
Result<OwnedModel> buildGradientModel(ModelOp model);
/// Prints and parses the model, in its own syntax and in MLIR's generic one: the
/// same model must come back.
Status checkRoundTrip(ModelOp model);

} // namespace dl::check

#endif // DL_TEST_DLCHECK_REWRITE_H
