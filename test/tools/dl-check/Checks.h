//===- Checks.h - What must hold of every model -----------------*- C++ -*-===//

#ifndef DL_TEST_DLCHECK_CHECKS_H
#define DL_TEST_DLCHECK_CHECKS_H

#include "Data.h"
#include "Rewrite.h"

#include "llvm/ADT/StringSet.h"

namespace dl::check {

struct Settings {
  uint64_t seed = 1;
  /// Names of the checks to run; empty: all.
  llvm::StringSet<> only;
  /// Every way to compile for gradients and f64 too.
  bool thorough = false;
  /// Of graphs and code with f32, as part of the largest element or of 1.
  double tolerance = 2e-6;
  /// The CPU that code is compiled for; this machine must have what it has.
  std::string march = "host";
  bool includes(llvm::StringRef name) const { return only.empty() || only.contains(name); }
};

/// The gradients of a fixed random projection of all float outputs are those of
/// central differences (f64, atol 1e-7, rtol 1e-5), and so are the gradients of
/// the gradients.
Status checkGradients(ModelOp model, const Settings &settings, std::vector<std::string> &passed);
/// A model and the one of its decompositions agree.
Status checkDecomposition(ModelOp model, const Settings &settings,
                          std::vector<std::string> &passed);
/// All checks of a model; the names of those that passed.
Result<std::vector<std::string>> checkModel(ModelOp model, const Settings &settings);

} // namespace dl::check

#endif // DL_TEST_DLCHECK_CHECKS_H
