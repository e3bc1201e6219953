//===- Compiled.cpp - What the compiler makes of a model ------------------===//

#include "Compiled.h"
#include "../../Unit/Support/GuardedMemory.h"
#include "dl/Graph/Pipeline.h"
#include "dl/JIT/Compiler.h"
#include "dl/Runtime/Runtime.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/PrettyStackTrace.h"

#include <cstring>
#include <fmt/format.h>

using namespace mlir;
using dl::test::Guard;
using dl::test::GuardedMemory;

namespace dl::check {

std::vector<CompileOptions> compileVariants(bool all, const std::string &march) {
  if (march != "host")
    return {{.optLevel = 2, .march = march}};
  std::vector<CompileOptions> variants = {{.optLevel = 0}, {.optLevel = 2}};
  if (all) {
    variants.push_back({.optLevel = 1});
    variants.push_back({.optLevel = 3});
    variants.push_back({.optLevel = 2, .fusion = false});
  }
  return variants;
}

static std::string nameOf(const CompileOptions &options) {
  return fmt::format("-O{}{}", options.optLevel, options.fusion ? "" : " without fusion");
}

/// A copy of the model, alone in a module.
static OwningOpRef<ModuleOp> moduleOf(ModelOp model) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(model.getLoc());
  module->push_back(model->clone());
  return module;
}

//===----------------------------------------------------------------------===//
// Storage
//===----------------------------------------------------------------------===//

/// Result dimension i is dimension order[i] of the tensor.
static Tensor permute(const Tensor &tensor, ArrayRef<int64_t> order) {
  if (order.empty())
    return tensor;
  Shape shape;
  for (int64_t dim : order)
    shape.push_back(tensor.shape()[dim]);
  Tensor result(tensor.dtype(), shape);
  for (int64_t i = 0; i < result.size(); ++i) {
    Shape index(shape.size());
    int64_t rest = i, position = 0;
    for (size_t d = shape.size(); d-- > 0; rest /= shape[d])
      index[order[d]] = rest % shape[d];
    for (size_t d = 0; d < index.size(); ++d)
      position = position * tensor.shape()[d] + index[d];
    setElement(result, i, elementOf(tensor, position));
  }
  return result;
}

static SmallVector<int64_t> inverse(ArrayRef<int64_t> order) {
  SmallVector<int64_t> result(order.size());
  for (auto [i, dim] : llvm::enumerate(order))
    result[dim] = static_cast<int64_t>(i);
  return result;
}

/// The variables of `data` as the model declares them; a model that comes with
/// a storage of its own was given them stored.
static Variables declaredVariables(ModelOp model, const Variables &variables) {
  Variables result = variables;
  for (auto parameter : model.getBody().getOps<ParameterOp>())
    if (std::optional<ArrayRef<int64_t>> storage = parameter.getStorage()) {
      Tensor &value = result.at(parameter.getName().str());
      value = permute(value, inverse(*storage));
    }
  return result;
}

//===----------------------------------------------------------------------===//
// The optimised graph
//===----------------------------------------------------------------------===//

Result<Outcome> runOptimized(ModelOp model, const Data &data, const CompileOptions &options) {
  OwningOpRef<ModuleOp> module = moduleOf(model);
  Diagnostics diagnostics(model.getContext());
  PassManager manager(model.getContext());
  GraphOptions graph;
  graph.optLevel = options.optLevel;
  graph.fusion = options.fusion;
  buildGraphPipeline(manager, graph);
  if (failed(manager.run(*module)))
    return diagnostics.error();
  ModelOp optimized = *module->getOps<ModelOp>().begin();
  Variables declared = declaredVariables(model, data.variables);
  Data stored{data.inputs, {}};
  for (auto parameter : optimized.getBody().getOps<ParameterOp>()) {
    std::string name = parameter.getName().str();
    ArrayRef<int64_t> storage = parameter.getStorage().value_or(ArrayRef<int64_t>());
    stored.variables[name] = permute(declared.at(name), storage);
  }
  Result<Outcome> outcome = runReference(optimized, stored);
  if (!outcome)
    return outcome;
  outcome->variables = declaredVariables(optimized, outcome->variables);
  // A variable that nobody uses may be gone.
  for (const auto &[name, value] : declared)
    outcome->variables.try_emplace(name, value);
  return outcome;
}

//===----------------------------------------------------------------------===//
// The code
//===----------------------------------------------------------------------===//

namespace {
struct FreePool {
  void operator()(dlrt_pool *pool) const { dlrt_pool_destroy(pool); }
};
} // namespace

static SmallVector<void *> addresses(const std::vector<GuardedMemory> &buffers) {
  SmallVector<void *> result;
  for (const GuardedMemory &buffer : buffers)
    result.push_back(buffer.data());
  return result;
}

/// One run in guarded memory, on variables as they are declared.
static Outcome runOnce(const LoadedProgram &program, const Data &data, int workers, Guard guard) {
  std::vector<GuardedMemory> variables, inputs, outputs;
  for (const ProgramVariable &variable : program.variables)
    variables.emplace_back(permute(data.variables.at(variable.spec.name), variable.storage), guard);
  for (const Tensor &input : data.inputs)
    inputs.emplace_back(input, guard).makeConstant();
  Outcome outcome{{}, data.variables};
  for (const TensorSpec &spec : program.outputs) {
    outcome.outputs.emplace_back(spec.dtype, spec.shape);
    outputs.emplace_back(outcome.outputs.back().bytes(), guard);
  }
  GuardedMemory arena(program.arenaBytes(workers), guard);
  std::unique_ptr<dlrt_pool, FreePool> pool(workers > 1 ? dlrt_pool_create(workers) : nullptr);
  program.run(addresses(variables).data(), addresses(inputs).data(), addresses(outputs).data(),
              arena.data(), pool.get());
  for (auto [tensor, buffer] : llvm::zip(outcome.outputs, outputs))
    buffer.copyTo(tensor);
  for (auto [variable, buffer] : llvm::zip(program.variables, variables)) {
    Tensor &value = outcome.variables[variable.spec.name];
    Tensor stored = permute(value, variable.storage);
    buffer.copyTo(stored);
    value = permute(stored, inverse(variable.storage));
  }
  return outcome;
}

static bool haveSameBits(const Tensor &a, const Tensor &b) {
  return a.bytes() == b.bytes() &&
         (a.bytes() == 0 || std::memcmp(a.raw(), b.raw(), a.bytes()) == 0);
}

Result<Outcome> runCompiled(ModelOp model, const Data &data, const CompileOptions &options) {
  OwningOpRef<ModuleOp> module = moduleOf(model);
  Diagnostics diagnostics(model.getContext());
  auto program = compileGraph(*module, options);
  if (failed(program))
    return diagnostics.error();
  Data declared{data.inputs, declaredVariables(model, data.variables)};
  Outcome one = runOnce(**program, declared, 1, Guard::Behind);
  Outcome two = runOnce(**program, declared, 2, Guard::Before);
  for (auto [a, b] : llvm::zip(one.outputs, two.outputs))
    if (!haveSameBits(a, b))
      return Error{"1 and 2 threads give different bits"};
  for (auto &[name, value] : one.variables)
    if (!haveSameBits(value, two.variables[name]))
      return Error{fmt::format("1 and 2 threads give different bits of '{}'", name)};
  return one;
}

//===----------------------------------------------------------------------===//
// Comparison
//===----------------------------------------------------------------------===//

/// How far rounding in another order may lead: as far as the narrowest type says.
static Tolerance toleranceFor(ModelOp model, const Settings &settings) {
  bool hasF32 = false;
  auto look = [&](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    hasF32 |= tensor && tensor.getElementType().isF32();
  };
  for (Type type : model.getBody().getArgumentTypes())
    look(type);
  model.walk([&](Operation *op) { llvm::for_each(op->getResultTypes(), look); });
  return hasF32 ? Tolerance{settings.tolerance, 1e-5} : Tolerance{1e-14, 1e-12};
}

Status checkCompiled(ModelOp model, StringRef what, bool allVariants, const Settings &settings,
                     std::vector<std::string> &passed) {
  Result<Data> data = drawData(model, settings.seed);
  if (!data)
    return data.error();
  Result<Outcome> expected = runReference(model, *data);
  if (!expected)
    return expected.error();
  expected->variables = declaredVariables(model, expected->variables);
  using Runner = Result<Outcome> (*)(ModelOp, const Data &, const CompileOptions &);
  const std::pair<StringRef, Runner> runners[] = {{"graph", runOptimized}, {"code", runCompiled}};
  for (auto [check, run] : runners) {
    if (!settings.includes(check))
      continue;
    for (const CompileOptions &options :
         compileVariants(allVariants || settings.thorough, settings.march)) {
      // For where code touches memory that is not its own.
      llvm::PrettyStackTraceFormat running("%s of @%s, %s, at %s", check.str().c_str(),
                                           model.getSymName().str().c_str(), what.str().c_str(),
                                           nameOf(options).c_str());
      Result<Outcome> actual = run(model, *data, options);
      Status status = actual ? compare(model, *expected, *actual, toleranceFor(model, settings))
                             : Status(actual.error());
      if (!status)
        return Error{fmt::format("{} of {} at {}: {}", check.str(), what.str(), nameOf(options),
                                 status.error().message)};
    }
    passed.push_back(check.str());
  }
  return {};
}

} // namespace dl::check
