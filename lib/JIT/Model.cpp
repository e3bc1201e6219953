//===- Model.cpp - Models from files --------------------------------------===//

#include "Diagnostics.h"
#include "dl/IR/Nesting.h"
#include "dl/JIT/ModelImpl.h"
#include "dl/Support/File.h"

#include "mlir/Parser/Parser.h"

#include <fmt/format.h>

using namespace mlir;

namespace dl {

//===----------------------------------------------------------------------===//
// Specifications
//===----------------------------------------------------------------------===//

DType dtypeOf(Type elementType) {
  if (elementType.isF64())
    return DType::F64;
  if (elementType.isInteger(1))
    return DType::Bool;
  if (elementType.isInteger(32))
    return DType::I32;
  if (elementType.isInteger(64))
    return DType::I64;
  assert(elementType.isF32() && "the dialect has no other element types");
  return DType::F32;
}

TensorSpec specOf(StringRef name, Type type) {
  auto tensor = cast<RankedTensorType>(type);
  TensorSpec spec{name.str(), dtypeOf(tensor.getElementType()), {}};
  for (int64_t extent : tensor.getShape())
    spec.shape.push_back(ShapedType::isDynamic(extent) ? kOpen : extent);
  return spec;
}

static void describe(Model::Impl &impl) {
  ModelOp model = impl.model;
  impl.name = model.getSymName().str();
  Block &body = model.getBody().front();
  for (auto [name, input] :
       llvm::zip(model.getInputNames().getAsValueRange<StringAttr>(), body.getArguments()))
    impl.inputs.push_back(specOf(name, input.getType()));
  auto outputs = cast<ReturnOp>(body.getTerminator());
  for (auto [name, output] :
       llvm::zip(outputs.getOutputNames().getAsValueRange<StringAttr>(), outputs.getOutputs()))
    impl.outputs.push_back(specOf(name, output.getType()));
  for (auto parameter : body.getOps<ParameterOp>())
    impl.parameters.push_back(specOf(parameter.getName(), parameter.getDeclaredType()));
}

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

Result<Model> wrapModel(std::shared_ptr<MLIRContext> context, OwningOpRef<ModuleOp> module,
                        std::string source, std::string sourceName) {
  auto models = llvm::to_vector(module->getOps<ModelOp>());
  if (models.size() != 1)
    return Error{fmt::format("{}{}error: expected 1 dl.model, got {}", sourceName,
                             sourceName.empty() ? "" : ": ", models.size())};
  auto impl = std::make_shared<Model::Impl>();
  impl->context = std::move(context);
  impl->module = std::move(module);
  impl->model = models.front();
  impl->source = std::move(source);
  impl->sourceName = std::move(sourceName);
  describe(*impl);
  return Model(std::move(impl));
}

/// Other dialects are loaded for what models are compiled to; none of their ops
/// is part of a model.
static LogicalResult checkOps(ModuleOp module) {
  WalkResult result = module.walk([&](Operation *op) {
    if (op == module || isa<DLDialect>(op->getDialect()))
      return WalkResult::advance();
    op->emitError() << "expected ops of the dl dialect, got " << op->getName();
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

Result<Model> Model::parse(std::string_view text, const std::string &name) {
  std::shared_ptr<MLIRContext> context = createContext();
  std::string source(text);
  DiagnosticCapture diagnostics(context.get(), source, name);
  if (failed(checkNesting(context.get(), source, name)))
    return diagnostics.error("nested too deep");
  OwningOpRef<ModuleOp> module =
      parseSourceString<ModuleOp>(source, ParserConfig(context.get()), name);
  if (!module || failed(checkOps(*module)))
    return diagnostics.error(name + ": not a model");
  return wrapModel(context, std::move(module), source, name);
}

Result<Model> Model::load(const std::string &path) {
  Result<std::string> text = readFile(path);
  if (!text)
    return text.error();
  return parse(*text, path);
}

const std::string &Model::name() const { return impl->name; }
const std::vector<TensorSpec> &Model::inputs() const { return impl->inputs; }
const std::vector<TensorSpec> &Model::outputs() const { return impl->outputs; }
const std::vector<TensorSpec> &Model::parameters() const { return impl->parameters; }

std::string Model::toString() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  // Another thread may be compiling in the same context.
  std::lock_guard lock(impl->compiling);
  ModelOp(impl->model)->print(os);
  return text + "\n";
}

} // namespace dl
