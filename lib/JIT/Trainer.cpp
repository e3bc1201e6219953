//===- Trainer.cpp - A compiled training step -----------------------------===//

#include "dl/Trainer.h"
#include "Diagnostics.h"
#include "Options.h"
#include "Programs.h"

#include <fmt/format.h>

namespace dl {

struct Trainer::Impl {
  Impl(const Model &model, const ProgramRequest &step, const CompileOptions &options,
       const std::shared_ptr<dlrt_pool> &pool);

  /// The graph of the step tells what a batch holds and which variables there
  /// are. Error: the model cannot be trained so.
  Status describe(const ProgramRequest &step, const CompileOptions &options);

  /// The program for a batch, its variables up to date.
  Result<BoundProgram *> prepare(ProgramCache &cache, std::span<const TensorSpec> specs,
                                 std::span<const TensorView> tensors, const char *what);
  Metrics metricsOf(std::span<const Tensor> outputs) const;
  std::vector<size_t> parameterIndices() const;

  Model model;
  VariableStore store;
  std::vector<TensorSpec> batchSpecs, variableSpecs;
  /// The loss counts what was classified right.
  bool hasCorrect = false;
  std::shared_mutex mutex;
  ProgramCache steps, evaluations, forwards;
};

static ProgramRequest withKind(ProgramRequest request, ProgramRequest::Kind kind) {
  request.kind = kind;
  return request;
}

Trainer::Impl::Impl(const Model &model, const ProgramRequest &step, const CompileOptions &options,
                    const std::shared_ptr<dlrt_pool> &pool)
    : model(model), steps(model, step, options, store, mutex, pool, /*isMain=*/true),
      evaluations(model, withKind(step, ProgramRequest::Kind::Evaluation), options, store, mutex,
                  pool, /*isMain=*/false),
      forwards(model, withKind(step, ProgramRequest::Kind::Forward), options, store, mutex, pool,
               /*isMain=*/false) {}

Status Trainer::Impl::describe(const ProgramRequest &step, const CompileOptions &options) {
  const Model::Impl &graph = model.getImpl();
  std::lock_guard lock(graph.compiling);
  DiagnosticCapture diagnostics(graph.context.get(), graph.source, graph.sourceName);
  ProgramRequest closed = step;
  closed.batch = knownBatch(model, options).value_or(1);
  auto module = buildGraph(model, closed);
  if (mlir::failed(module))
    return diagnostics.error("'" + graph.name + "' cannot be trained");
  ModelOp built = *(**module).getOps<ModelOp>().begin();

  // The parameters of the model first, in its order: their fans show there.
  for (ModelOp part : {graph.model, built})
    if (Status status = store.addAll(part, options.seed); !status)
      return status.error();
  for (size_t i = 0; i < store.size(); ++i)
    variableSpecs.push_back(store[i].spec);

  // The target is open where the output that it is compared with is open.
  batchSpecs = model.inputs();
  auto target = built.getBody().getArguments().back();
  auto names = built.getInputNames().getAsValueRange<mlir::StringAttr>();
  TensorSpec spec = specOf(*std::next(names.begin(), target.getArgNumber()), target.getType());
  const Shape &output = model.outputs().front().shape;
  if (!spec.shape.empty() && !output.empty() && output[0] == kOpen)
    spec.shape[0] = kOpen;
  batchSpecs.push_back(std::move(spec));
  auto exit = llvm::cast<ReturnOp>(built.getBody().front().getTerminator());
  hasCorrect = exit.getOutputNames().size() > 1;
  return {};
}

Result<Trainer> compileTrainer(const Model &model, const Loss &loss, const Optimizer &optimizer,
                               const CompileOptions &options) {
  auto pool = preparePool(options);
  if (!pool)
    return pool.error();
  ProgramRequest step;
  step.kind = ProgramRequest::Kind::Step;
  step.loss = loss;
  step.optimizer = optimizer;
  auto impl = std::make_shared<Trainer::Impl>(model, step, options, *pool);
  if (Status status = impl->describe(step, options); !status)
    return status.error();
  if (std::optional<int64_t> batch = knownBatch(model, options))
    if (auto program = impl->steps.get(*batch); !program)
      return program.error();
  return Trainer(std::move(impl));
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

Result<BoundProgram *> Trainer::Impl::prepare(ProgramCache &cache,
                                              std::span<const TensorSpec> specs,
                                              std::span<const TensorView> tensors,
                                              const char *what) {
  Result<int64_t> batch = checkBatch(specs, tensors, what);
  if (!batch)
    return batch.error();
  auto program = cache.get(*batch);
  if (program && (*program)->isStale())
    (*program)->refresh();
  return program;
}

Metrics Trainer::Impl::metricsOf(std::span<const Tensor> outputs) const {
  Metrics metrics;
  const Tensor &loss = outputs[0];
  metrics.loss = loss.dtype() == DType::F32 ? *loss.data<float>() : *loss.data<double>();
  if (hasCorrect)
    metrics.correct = *outputs[1].data<int32_t>();
  return metrics;
}

Result<Metrics> Trainer::stepWithMetrics(std::span<const TensorView> batch) {
  auto program = impl->prepare(impl->steps, impl->batchSpecs, batch, "input");
  if (!program)
    return program.error();
  std::span<Tensor> outputs = (*program)->ownOutputs();
  if (Status status = (*program)->run(batch, outputs); !status)
    return status.error();
  (*program)->commit();
  return impl->metricsOf(outputs);
}

Result<float> Trainer::step(std::span<const TensorView> batch) {
  Result<Metrics> metrics = stepWithMetrics(batch);
  if (!metrics)
    return metrics.error();
  return static_cast<float>(metrics->loss);
}

Result<Metrics> Trainer::evaluate(std::span<const TensorView> batch) {
  auto program = impl->prepare(impl->evaluations, impl->batchSpecs, batch, "input");
  if (!program)
    return program.error();
  std::span<Tensor> outputs = (*program)->ownOutputs();
  if (Status status = (*program)->run(batch, outputs); !status)
    return status.error();
  return impl->metricsOf(outputs);
}

Result<std::vector<Tensor>> Trainer::predict(std::span<const TensorView> inputs) {
  auto program = impl->prepare(impl->forwards, impl->model.inputs(), inputs, "input");
  if (!program)
    return program.error();
  std::vector<Tensor> outputs;
  for (const TensorSpec &spec : (*program)->get().outputs)
    outputs.emplace_back(spec.dtype, spec.shape);
  if (Status status = (*program)->run(inputs, outputs); !status)
    return status.error();
  return outputs;
}

Result<size_t> Trainer::arenaBytes(int64_t batch) const {
  auto program = impl->steps.get(batchOf(impl->model, batch));
  if (!program)
    return program.error();
  return (*program)->arenaBytes();
}

Result<Profile> Trainer::profile(int64_t batch) const {
  auto program = impl->steps.get(batchOf(impl->model, batch));
  if (!program)
    return program.error();
  return (*program)->profile();
}

//===----------------------------------------------------------------------===//
// State
//===----------------------------------------------------------------------===//

const std::vector<TensorSpec> &Trainer::batchSpecs() const { return impl->batchSpecs; }
const std::vector<TensorSpec> &Trainer::variables() const { return impl->variableSpecs; }

Result<Tensor> Trainer::variable(const std::string &name) const {
  Result<size_t> index = impl->store.find(name);
  if (!index)
    return index.error();
  return impl->store.read(*index);
}

Status Trainer::setVariable(const std::string &name, TensorView value) {
  Result<size_t> index = impl->store.find(name);
  if (!index)
    return index.error();
  if (Status status = impl->store.check(*index, value); !status)
    return status;
  impl->store.write(*index, value);
  return {};
}

std::vector<size_t> Trainer::Impl::parameterIndices() const {
  std::vector<size_t> indices;
  for (size_t i = 0; i < store.size(); ++i)
    if (store[i].role == "parameter")
      indices.push_back(i);
  return indices;
}

Status Trainer::saveWeights(const std::string &path) const {
  return writeVariables(path, impl->store, impl->parameterIndices(), {});
}

Status Trainer::loadWeights(const std::string &path) {
  auto read = readVariables(path, impl->store, impl->parameterIndices(), /*exact=*/false);
  return read ? Status() : Status(read.error());
}

Status Trainer::save(const std::string &path,
                     const std::vector<std::pair<std::string, std::string>> &metadata) const {
  return writeVariables(path, impl->store, allOf(impl->store), metadata);
}

Result<std::vector<std::pair<std::string, std::string>>> Trainer::resume(const std::string &path) {
  return readVariables(path, impl->store, allOf(impl->store), /*exact=*/true);
}

} // namespace dl
