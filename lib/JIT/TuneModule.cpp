//===- TuneModule.cpp - Programs to measure kernels in --------------------===//

#include "Compilation.h"
#include "Diagnostics.h"
#include "Pool.h"
#include "Tune.h"
#include "dl/CodeGen/CodeGen.h"
#include "dl/Graph/Placement.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/StringSet.h"

#include <cmath>
#include <fmt/format.h>

using namespace mlir;

namespace dl {

//===----------------------------------------------------------------------===//
// One kernel alone
//===----------------------------------------------------------------------===//

/// A planned model of a kernel alone: its operands are the inputs, its results the
/// outputs.
static OwningOpRef<ModuleOp> isolate(KernelOp kernel) {
  Location loc = kernel.getLoc();
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  OpBuilder b = OpBuilder::atBlockEnd(module->getBody());
  SmallVector<std::string> inputs, outputs;
  for (size_t i = 0; i < kernel->getNumOperands(); ++i)
    inputs.push_back("input" + std::to_string(i));
  for (size_t i = 0; i < kernel->getNumResults(); ++i)
    outputs.push_back("output" + std::to_string(i));
  auto names = [](ArrayRef<std::string> list) {
    return SmallVector<StringRef>(list.begin(), list.end());
  };
  auto model = ModelOp::create(b, loc, b.getStringAttr("kernel"), b.getStrArrayAttr(names(inputs)));
  Block &body = model.getBody().emplaceBlock();
  IRMapping mapping;
  for (Value operand : kernel->getOperands())
    if (!mapping.contains(operand))
      mapping.map(operand, body.addArgument(operand.getType(), loc));
    else
      body.addArgument(operand.getType(), loc);
  b.setInsertionPointToEnd(&body);
  auto clone = cast<KernelOp>(b.clone(*kernel, mapping));
  SmallVector<Place> places;
  for (size_t i = 0; i < outputs.size(); ++i)
    places.push_back({Space::Output, static_cast<int64_t>(i)});
  setPlaces(clone, places);
  ReturnOp::create(b, loc, clone.getResults(), names(outputs), ValueRange(), ArrayRef<StringRef>());
  model->setAttr(kArenaBytes, b.getI64IntegerAttr(0));
  return module;
}

/// Positive numbers of about the same size, in no order: sums of their products lose
/// nothing to cancellation, and show where an element is not the right one.
static void fillScattered(Tensor &tensor) {
  auto fill = [](auto values) {
    for (size_t i = 0; i < values.size(); ++i) {
      double turns = static_cast<double>(i) * 0.6180339887498949;
      values[i] = 0.5 + 0.5 * (turns - std::floor(turns));
    }
  };
  if (tensor.dtype() == DType::F32)
    fill(tensor.span<float>());
  if (tensor.dtype() == DType::F64)
    fill(tensor.span<double>());
}

/// What a program computes from such numbers. Error: no memory.
static Result<std::vector<Tensor>> runOnce(const LoadedProgram &program) {
  std::vector<Tensor> inputs, outputs;
  std::vector<void *> from, to;
  for (const TensorSpec &spec : program.inputs)
    fillScattered(inputs.emplace_back(spec.dtype, spec.shape));
  for (const TensorSpec &spec : program.outputs)
    outputs.emplace_back(spec.dtype, spec.shape);
  for (Tensor &tensor : inputs)
    from.push_back(tensor.raw());
  for (Tensor &tensor : outputs)
    to.push_back(tensor.raw());
  Arenas arenas(program.arenaBytes(/*workers=*/1));
  char *arena = arenas.acquire();
  if (!arena)
    return Error{"error: no memory to check kernels in"};
  program.run(nullptr, from.data(), to.data(), arena, nullptr);
  arenas.release(arena);
  return outputs;
}

/// Whether results differ by their rounding at most.
template <typename T>
static bool isClose(std::span<const T> actual, std::span<const T> expected, double tolerance) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    auto a = static_cast<double>(actual[i]), b = static_cast<double>(expected[i]);
    if (!std::isfinite(b) && (a == b || (std::isnan(a) && std::isnan(b))))
      continue;
    difference += (a - b) * (a - b);
    size += b * b;
  }
  // False where it is not a number.
  return difference <= tolerance * tolerance * size;
}

static bool isClose(const Tensor &actual, const Tensor &expected) {
  switch (actual.dtype()) {
  case DType::F32:
    return isClose(actual.span<float>(), expected.span<float>(), 1e-5);
  case DType::F64:
    return isClose(actual.span<double>(), expected.span<double>(), 1e-13);
  default:
    return std::memcmp(actual.raw(), expected.raw(), actual.bytes()) == 0;
  }
}

//===----------------------------------------------------------------------===//
// Trials
//===----------------------------------------------------------------------===//

namespace {
class ModuleTrials : public Trials {
public:
  ModuleTrials(ModuleOp module, const CompileOptions &options, CodeCache &cache);
  ~ModuleTrials() override { cache.setTrial(std::nullopt); }

  std::shared_ptr<LoadedProgram> compileAll(size_t choice) override;
  std::shared_ptr<LoadedProgram> compileEach(ArrayRef<size_t> choices) override;
  bool agrees(size_t kernel, size_t choice) override;

  struct Kernel {
    KernelOp op;
    std::string key, name;
    bool hasChoices = false;
  };
  /// In the order of the program's.
  std::vector<Kernel> kernels;

private:
  std::shared_ptr<LoadedProgram> compile(ModuleOp planned, const CompileOptions &how);
  std::optional<std::vector<Tensor>> compute(ModuleOp planned, size_t choice);

  ModuleOp module;
  CompileOptions plain, profiled;
  CodeCache &cache;
};
} // namespace

ModuleTrials::ModuleTrials(ModuleOp module, const CompileOptions &options, CodeCache &cache)
    : module(module), plain(options), profiled(options), cache(cache) {
  plain.profile = false;
  profiled.profile = true;
  llvm::StringSet<> known;
  for (auto op : onlyModel(module).getBody().getOps<KernelOp>()) {
    std::string key = kernelKey(op);
    if (known.insert(key).second)
      kernels.push_back({op, key, {}, dl::hasChoices(op)});
  }
}

std::shared_ptr<LoadedProgram> ModuleTrials::compile(ModuleOp planned, const CompileOptions &how) {
  Compilation compilation(planned, how, /*report=*/nullptr, &cache);
  if (failed(compilation.generate()) || failed(compilation.compile()))
    return nullptr;
  if (planned == module)
    for (auto [kernel, code] : llvm::zip_equal(kernels, compilation.program.kernels))
      kernel.name = code.label + " -> " + code.result;
  auto program = load(compilation.image(), planned.getLoc(), /*report=*/nullptr);
  return succeeded(program) ? *program : nullptr;
}

std::shared_ptr<LoadedProgram> ModuleTrials::compileAll(size_t choice) {
  cache.setTrial(choice);
  return compile(module, profiled);
}

std::shared_ptr<LoadedProgram> ModuleTrials::compileEach(ArrayRef<size_t> choices) {
  cache.setTrial(std::nullopt);
  for (auto [kernel, choice] : llvm::zip_equal(kernels, choices))
    cache.setChoice(kernel.key, choice);
  return compile(module, profiled);
}

std::optional<std::vector<Tensor>> ModuleTrials::compute(ModuleOp planned, size_t choice) {
  cache.setTrial(choice);
  auto program = compile(planned, plain);
  auto results = program ? runOnce(*program) : Error{""};
  if (!results)
    return std::nullopt;
  return std::move(results).value();
}

bool ModuleTrials::agrees(size_t kernel, size_t choice) {
  if (!kernels[kernel].hasChoices)
    return false;
  OwningOpRef<ModuleOp> alone = isolate(kernels[kernel].op);
  auto expected = compute(*alone, 0), actual = compute(*alone, choice);
  if (!expected || !actual)
    return false;
  return llvm::all_of(llvm::zip_equal(*actual, *expected),
                      [](auto pair) { return isClose(std::get<0>(pair), std::get<1>(pair)); });
}

LogicalResult tuneModule(ModuleOp module, const CompileOptions &options, CodeCache &cache) {
  ModuleTrials trials(module, options, cache);
  auto tuned = tuneKernels(trials, options);
  if (!tuned)
    return emitError(module.getLoc()) << messageOf(tuned.error());
  if (tuned->empty())
    return success();
  for (auto [kernel, found] : llvm::zip_equal(trials.kernels, *tuned)) {
    if (!kernel.hasChoices)
      continue;
    cache.setChoice(kernel.key, found.choice);
    cache.keepChoice(kernel.key);
    if (found.choice != 0 && options.onTuned)
      options.onTuned(fmt::format("{}: {:.1f} us instead of {:.1f} us", kernel.name,
                                  found.after * 1e6, found.before * 1e6));
  }
  return success();
}

} // namespace dl
