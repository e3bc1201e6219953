//===- Compiled.h - What the compiler makes of a model ----------*- C++ -*-===//

#ifndef DL_TEST_DLCHECK_COMPILED_H
#define DL_TEST_DLCHECK_COMPILED_H

#include "Checks.h"
#include "dl/Model.h"

namespace dl::check {

/// The ways to compile that must agree: each optimisation level, and without
/// fusion; or, for a quicker check, the most different of them. For a CPU of
/// another name the usual level alone.
std::vector<CompileOptions> compileVariants(bool all, const std::string &march);

/// The graph that the optimiser makes of a model of static shapes, interpreted.
Result<Outcome> runOptimized(ModelOp model, const Data &data, const CompileOptions &options);

/// Compiles a model of static shapes and runs it with 1 and with 2 threads, in memory
/// with pages behind and before it that cannot be accessed. Error: they differ in a bit.
Result<Outcome> runCompiled(ModelOp model, const Data &data, const CompileOptions &options);

/// The optimised graph and the code of a model compute what the reference does.
Status checkCompiled(ModelOp model, llvm::StringRef what, bool allVariants,
                     const Settings &settings, std::vector<std::string> &passed);

} // namespace dl::check

#endif // DL_TEST_DLCHECK_COMPILED_H
