//===- Builder.cpp - Models built in C++ ----------------------------------===//
//
// Ops are made in a context of their own, with the shape rules and verifiers
// that a model file meets; `build` prints the graph and lets Model::parse make
// the model, so that there is one way in.
//
//===----------------------------------------------------------------------===//

#include "dl/Builder.h"
#include "dl/IR/DLOps.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/IR/Verifier.h"

#include <fmt/format.h>

using namespace mlir;

namespace dl {

/// The graph so far. Values stand in the order in which they were made; null for
/// those of a wrong layer.
struct GraphBuilder::Impl {
  explicit Impl(const std::string &name);

  /// The node's value; null where its layer was wrong or it is not of here.
  Value valueOf(Node node) const {
    return node.index >= 0 && node.index < int64_t(values.size()) ? values[node.index] : Value();
  }
  Node add(Value value) {
    values.push_back(value);
    return {int64_t(values.size()) - 1};
  }
  /// Remembers the first thing that was wrong.
  Node fail(const std::string &layer, const std::string &message);
  /// Makes an op with inferred results. Null, after `fail`, where it is wrong.
  Operation *make(StringRef mnemonic, ValueRange operands, NamedAttrList attributes);

  MLIRContext context;
  OwningOpRef<ModelOp> model;
  OpBuilder builder;
  std::vector<Value> values;
  SmallVector<std::pair<Value, std::string>> outputs;
  SmallVector<std::string> inputNames;
  std::string error;
  int64_t layers = 0, named = 0;
};

GraphBuilder::Impl::Impl(const std::string &name)
    : context(MLIRContext::Threading::DISABLED), builder(&context) {
  context.loadDialect<DLDialect>();
  OperationState state(builder.getUnknownLoc(), ModelOp::getOperationName());
  state.addAttribute("sym_name", builder.getStringAttr(name));
  state.addAttribute("input_names", builder.getStrArrayAttr({}));
  state.addRegion()->emplaceBlock();
  model = cast<ModelOp>(Operation::create(state));
  builder.setInsertionPointToEnd(&model->getBody().front());
}

GraphBuilder::GraphBuilder(std::string name) : impl(std::make_unique<Impl>(name)) {}
GraphBuilder::~GraphBuilder() = default;
GraphBuilder::GraphBuilder(GraphBuilder &&) noexcept = default;
GraphBuilder &GraphBuilder::operator=(GraphBuilder &&) noexcept = default;

Node GraphBuilder::Impl::fail(const std::string &layer, const std::string &message) {
  if (error.empty())
    error = fmt::format("{}: error: {}", layer, message);
  return add(Value());
}

//===----------------------------------------------------------------------===//
// Types and attributes
//===----------------------------------------------------------------------===//

static Type elementType(Builder &builder, DType type) {
  switch (type) {
  case DType::F32:
    return builder.getF32Type();
  case DType::F64:
    return builder.getF64Type();
  case DType::I32:
    return builder.getI32Type();
  case DType::I64:
    return builder.getI64Type();
  case DType::Bool:
    return builder.getI1Type();
  case DType::U8:
    return builder.getIntegerType(8, /*isSigned=*/false);
  }
  return {};
}

static DType dtypeOf(Type type) {
  return type.isF64()         ? DType::F64
         : type.isInteger(1)  ? DType::Bool
         : type.isInteger(32) ? DType::I32
         : type.isInteger(64) ? DType::I64
                              : DType::F32;
}

/// The tensor type; null where an extent is negative and not open.
static RankedTensorType tensorType(Builder &builder, const Shape &shape, DType type) {
  SmallVector<int64_t> extents;
  for (int64_t extent : shape) {
    if (extent < 0 && extent != kOpen)
      return {};
    extents.push_back(extent == kOpen ? ShapedType::kDynamic : extent);
  }
  return RankedTensorType::get(extents, elementType(builder, type));
}

static mlir::Attribute toAttribute(Builder &builder, const GraphBuilder::Attribute &attribute) {
  return std::visit(
      [&](const auto &value) -> mlir::Attribute {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, bool>)
          return builder.getBoolAttr(value);
        else if constexpr (std::is_same_v<T, int64_t>)
          return builder.getI64IntegerAttr(value);
        else if constexpr (std::is_same_v<T, double>)
          return builder.getF64FloatAttr(value);
        else if constexpr (std::is_same_v<T, std::string>)
          return builder.getStringAttr(value);
        else if constexpr (std::is_same_v<T, DType>)
          return TypeAttr::get(elementType(builder, value));
        else
          return builder.getDenseI64ArrayAttr(value);
      },
      attribute);
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

Operation *GraphBuilder::Impl::make(StringRef mnemonic, ValueRange operands,
                                    NamedAttrList attributes) {
  std::string layer = fmt::format("layer {}, {}", layers, mnemonic.str());
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (message.empty())
      message = diagnostic.str();
    return success();
  });
  auto wrong = [&](StringRef otherwise) -> Operation * {
    fail(layer, message.empty() ? otherwise.str() : message);
    return nullptr;
  };

  OperationState state(builder.getUnknownLoc(), ("dl." + mnemonic).str());
  std::optional<RegisteredOperationName> name = state.name.getRegisteredInfo();
  const auto *rule = name ? name->getInterface<InferTypeOpInterface>() : nullptr;
  if (!rule)
    return wrong("expected the name of a layer of the dl dialect");
  state.addOperands(operands);
  state.attributes = attributes;
  auto emitError = [&] { return mlir::emitError(state.location); };
  // A shape rule takes well-formed attributes for granted.
  if (failed(name->verifyInherentAttrs(state.attributes, emitError)))
    return wrong("wrong attribute");
  name->populateDefaultAttrs(state.attributes);
  SmallVector<Type> types;
  if (failed(rule->inferReturnTypes(&context, state.location, state.operands,
                                    state.attributes.getDictionary(&context), nullptr,
                                    state.regions, types)))
    return wrong("operands do not fit");
  state.addTypes(types);
  Operation *op = builder.create(state);
  if (succeeded(mlir::verify(op, /*verifyRecursively=*/false)))
    return op;
  op->erase();
  return wrong("operands do not fit");
}

Node GraphBuilder::apply(const std::string &op, const std::vector<Node> &operands,
                         const Attributes &attributes) {
  ++impl->layers;
  SmallVector<Value> values;
  for (Node node : operands) {
    Value value = impl->valueOf(node);
    // A null value has an error already, but for one that no builder made.
    if (!value)
      return impl->fail(fmt::format("layer {}, {}", impl->layers, op),
                        fmt::format("operand {} is no value of this graph", values.size()));
    values.push_back(value);
  }
  NamedAttrList list;
  for (const auto &[name, value] : attributes)
    list.append(name, toAttribute(impl->builder, value));
  Operation *made = impl->make(op, values, std::move(list));
  if (!made)
    return {int64_t(impl->values.size()) - 1};
  return impl->add(made->getResult(0));
}

Node GraphBuilder::reduce(const char *op, Node x, std::vector<int64_t> axes, bool keepdims) {
  Attributes attributes = {{"keepdims", keepdims}};
  if (!axes.empty())
    attributes.emplace_back("axes", std::move(axes));
  return apply(op, {x}, attributes);
}

//===----------------------------------------------------------------------===//
// Leaves
//===----------------------------------------------------------------------===//

static bool isName(StringRef name) {
  return !name.empty() && (llvm::isAlpha(name[0]) || name[0] == '_') &&
         llvm::all_of(name,
                      [](char c) { return llvm::isAlnum(c) || StringRef("_.$-").contains(c); });
}

Node GraphBuilder::input(const std::string &name, const Shape &shape, DType type) {
  RankedTensorType tensor = tensorType(impl->builder, shape, type);
  std::string place = fmt::format("input '{}'", name);
  if (!isName(name) || llvm::is_contained(impl->inputNames, name))
    return impl->fail(place, "expected a name that is a word and no other input has");
  if (!tensor)
    return impl->fail(place, "expected extents of at least 0, or kOpen");
  impl->inputNames.push_back(name);
  Block &body = impl->model->getBody().front();
  return impl->add(body.addArgument(tensor, impl->builder.getUnknownLoc()));
}

Node GraphBuilder::parameter(const std::string &name, const Shape &shape,
                             const ParameterOptions &options, DType type) {
  std::string place = fmt::format("parameter '{}'", name);
  RankedTensorType tensor = tensorType(impl->builder, shape, type);
  if (!tensor)
    return impl->fail(place, "expected extents of at least 0");
  std::string message;
  ScopedDiagnosticHandler handler(&impl->context, [&](Diagnostic &diagnostic) {
    message = diagnostic.str();
    return success();
  });
  OperationState state(impl->builder.getUnknownLoc(), ParameterOp::getOperationName());
  state.addAttribute("name", impl->builder.getStringAttr(name));
  state.addAttribute("init", impl->builder.getStringAttr(options.init));
  state.addAttribute("trainable", impl->builder.getBoolAttr(options.trainable));
  state.name.getRegisteredInfo()->populateDefaultAttrs(state.attributes);
  state.addTypes(tensor);
  Operation *op = impl->builder.create(state);
  if (succeeded(mlir::verify(op, /*verifyRecursively=*/false)))
    return impl->add(op->getResult(0));
  op->erase();
  return impl->fail(place, message);
}

Node GraphBuilder::constant(const Tensor &value) {
  RankedTensorType type = tensorType(impl->builder, value.shape(), value.dtype());
  if (value.dtype() == DType::U8)
    return impl->fail("constant", "expected f32, f64, i1, i32 or i64, got ui8");
  ArrayRef<char> bytes(static_cast<const char *>(value.raw()), value.bytes());
  DenseElementsAttr elements;
  if (value.dtype() == DType::Bool)
    elements = DenseElementsAttr::get(type, ArrayRef<bool>(value.data<bool>(), value.size()));
  else
    elements = DenseElementsAttr::getFromRawBuffer(type, bytes);
  return impl->add(ConstantOp::create(impl->builder, impl->builder.getUnknownLoc(), elements));
}

Node GraphBuilder::scalar(double value, DType type) {
  Tensor tensor(type, {});
  switch (type) {
  case DType::F32:
    *tensor.data<float>() = static_cast<float>(value);
    break;
  case DType::F64:
    *tensor.data<double>() = value;
    break;
  case DType::I32:
    *tensor.data<int32_t>() = static_cast<int32_t>(value);
    break;
  case DType::I64:
    *tensor.data<int64_t>() = static_cast<int64_t>(value);
    break;
  case DType::Bool:
  case DType::U8:
    *static_cast<uint8_t *>(tensor.raw()) = value != 0;
    break;
  }
  return constant(tensor);
}

void GraphBuilder::output(Node value, const std::string &name) {
  std::string given = name.empty() ? fmt::format("output{}", impl->outputs.size()) : name;
  Value found = impl->valueOf(value);
  if (!found)
    impl->fail(fmt::format("output '{}'", given), "is no value of this graph");
  else if (llvm::any_of(impl->outputs, [&](const auto &other) { return other.second == given; }))
    impl->fail(fmt::format("output '{}'", given), "has the name of another output");
  else
    impl->outputs.emplace_back(found, given);
}

TensorSpec GraphBuilder::spec(Node value) const {
  Value found = impl->valueOf(value);
  if (!found)
    return {};
  auto type = cast<RankedTensorType>(found.getType());
  TensorSpec spec{"", dtypeOf(type.getElementType()), {}};
  for (int64_t extent : type.getShape())
    spec.shape.push_back(ShapedType::isDynamic(extent) ? kOpen : extent);
  return spec;
}

//===----------------------------------------------------------------------===//
// Layers with parameters
//===----------------------------------------------------------------------===//

std::string GraphBuilder::layerName(const std::string &given, const char *op) {
  return given.empty() ? fmt::format("{}{}", op, ++impl->named) : given;
}

Node GraphBuilder::linear(Node x, int64_t units, const LinearOptions &options) {
  std::string name = layerName(options.name, "linear");
  TensorSpec in = spec(x);
  if (in.shape.empty() || in.shape.back() < 0)
    return impl->fail(fmt::format("linear '{}'", name),
                      "expected an input whose last dimension is known");
  std::vector<Node> operands = {
      x, parameter(name + ".weight", {in.shape.back(), units}, {.init = options.init}, in.dtype)};
  if (options.bias)
    operands.push_back(parameter(name + ".bias", {units}, {}, in.dtype));
  return apply("linear", operands);
}

static std::string nameOf(ImageOrder order) { return order == ImageOrder::NHWC ? "nhwc" : "nchw"; }

Node GraphBuilder::conv2d(Node x, int64_t channels, std::vector<int64_t> kernel,
                          const Conv2DOptions &options) {
  std::string name = layerName(options.name, "conv");
  TensorSpec in = spec(x);
  std::string place = fmt::format("conv2d '{}'", name);
  if (in.shape.size() != 4)
    return impl->fail(place, fmt::format("expected 4 dimensions, got {}", in.shape.size()));
  if (kernel.size() != 2)
    return impl->fail(place, fmt::format("expected 2 kernel extents, got {}", kernel.size()));
  bool last = options.order == ImageOrder::NHWC;
  int64_t inChannels = in.shape[last ? 3 : 1];
  if (options.groups < 1 || inChannels % options.groups != 0)
    return impl->fail(place, fmt::format("expected groups that divide {} channels, got {}",
                                         inChannels, options.groups));
  int64_t depth = inChannels / options.groups;
  Shape shape = last ? Shape{kernel[0], kernel[1], depth, channels}
                     : Shape{channels, depth, kernel[0], kernel[1]};
  std::vector<Node> operands = {
      x, parameter(name + ".weight", shape, {.init = options.init}, in.dtype)};
  if (options.bias)
    operands.push_back(parameter(name + ".bias", {channels}, {}, in.dtype));
  return apply("conv2d", operands,
               {{"strides", options.strides},
                {"padding", options.padding},
                {"dilation", options.dilation},
                {"groups", options.groups},
                {"layout", nameOf(options.order)}});
}

Node GraphBuilder::maxPool2d(Node x, std::vector<int64_t> kernel, const MaxPool2DOptions &options) {
  Attributes attributes = {{"kernel", std::move(kernel)},
                           {"padding", options.padding},
                           {"dilation", options.dilation},
                           {"ceil_mode", options.ceilMode},
                           {"layout", nameOf(options.order)}};
  if (!options.strides.empty())
    attributes.emplace_back("strides", options.strides);
  return apply("max_pool2d", {x}, attributes);
}

Node GraphBuilder::avgPool2d(Node x, std::vector<int64_t> kernel, const AvgPool2DOptions &options) {
  Attributes attributes = {{"kernel", std::move(kernel)},
                           {"padding", options.padding},
                           {"ceil_mode", options.ceilMode},
                           {"count_include_pad", options.countIncludePad},
                           {"layout", nameOf(options.order)}};
  if (!options.strides.empty())
    attributes.emplace_back("strides", options.strides);
  return apply("avg_pool2d", {x}, attributes);
}

Node GraphBuilder::convTranspose2d(Node x, int64_t channels, std::vector<int64_t> kernel,
                                   const ConvTranspose2DOptions &options) {
  std::string name = layerName(options.name, "conv_transpose");
  TensorSpec in = spec(x);
  std::string place = fmt::format("conv_transpose2d '{}'", name);
  if (in.shape.size() != 4)
    return impl->fail(place, fmt::format("expected 4 dimensions, got {}", in.shape.size()));
  if (kernel.size() != 2)
    return impl->fail(place, fmt::format("expected 2 kernel extents, got {}", kernel.size()));
  if (options.groups < 1 || channels % options.groups != 0)
    return impl->fail(place, fmt::format("expected groups that divide {} channels, got {}",
                                         channels, options.groups));
  bool last = options.order == ImageOrder::NHWC;
  int64_t inChannels = in.shape[last ? 3 : 1], depth = channels / options.groups;
  Shape shape = last ? Shape{kernel[0], kernel[1], depth, inChannels}
                     : Shape{inChannels, depth, kernel[0], kernel[1]};
  std::vector<Node> operands = {
      x, parameter(name + ".weight", shape, {.init = options.init}, in.dtype)};
  if (options.bias)
    operands.push_back(parameter(name + ".bias", {channels}, {}, in.dtype));
  return apply("conv_transpose2d", operands,
               {{"strides", options.strides},
                {"padding", options.padding},
                {"output_padding", options.outputPadding},
                {"dilation", options.dilation},
                {"groups", options.groups},
                {"layout", nameOf(options.order)}});
}

/// The axis counted from the front; an axis that is none is left to the op.
static size_t axisOf(const TensorSpec &spec, int64_t axis) {
  auto rank = static_cast<int64_t>(spec.shape.size());
  return static_cast<size_t>(std::clamp<int64_t>(axis < 0 ? axis + rank : axis, 0, rank));
}

Node GraphBuilder::layerNorm(Node x, int64_t axis, const NormOptions &options) {
  std::string name = layerName(options.name, "layer_norm");
  TensorSpec in = spec(x);
  Shape shape(in.shape.begin() + static_cast<std::ptrdiff_t>(axisOf(in, axis)), in.shape.end());
  Node scale = parameter(name + ".scale", shape, {.init = "ones"}, in.dtype);
  Node bias = parameter(name + ".bias", shape, {}, in.dtype);
  return apply("layer_norm", {x, scale, bias}, {{"axis", axis}, {"eps", options.eps}});
}

Node GraphBuilder::batchNorm(Node x, int64_t axis, const NormOptions &options) {
  std::string name = layerName(options.name, "batch_norm");
  TensorSpec in = spec(x);
  size_t channel = axisOf(in, axis);
  if (channel >= in.shape.size())
    return impl->fail(fmt::format("batch_norm '{}'", name),
                      fmt::format("expected an axis below {}, got {}", in.shape.size(), axis));
  Shape shape = {in.shape[channel]};
  Node scale = parameter(name + ".scale", shape, {.init = "ones"}, in.dtype);
  Node bias = parameter(name + ".bias", shape, {}, in.dtype);
  Node mean = parameter(name + ".mean", shape, {.trainable = false}, in.dtype);
  Node variance =
      parameter(name + ".variance", shape, {.init = "ones", .trainable = false}, in.dtype);
  return apply("batch_norm", {x, scale, bias, mean, variance},
               {{"axis", axis}, {"eps", options.eps}, {"momentum", options.momentum}});
}

//===----------------------------------------------------------------------===//
// The model
//===----------------------------------------------------------------------===//

Result<Model> GraphBuilder::build() const {
  std::string name = impl->model->getSymName().str();
  if (!impl->error.empty())
    return Error{fmt::format("model '{}': {}", name, impl->error)};
  if (impl->outputs.empty())
    return Error{fmt::format("model '{}': error: expected at least 1 output", name)};
  // The builder may go on: the end is put on a clone.
  IRMapping mapping;
  OwningOpRef<ModelOp> clone = cast<ModelOp>(impl->model->getOperation()->clone(mapping));
  OpBuilder builder = OpBuilder::atBlockEnd(&clone->getBody().front());
  SmallVector<StringRef> inputs(impl->inputNames.begin(), impl->inputNames.end()), names;
  SmallVector<Value> values;
  for (const auto &[value, output] : impl->outputs) {
    values.push_back(mapping.lookup(value));
    names.push_back(output);
  }
  (*clone)->setAttr("input_names", builder.getStrArrayAttr(inputs));
  ReturnOp::create(builder, builder.getUnknownLoc(), values, names, ValueRange(),
                   ArrayRef<StringRef>());
  std::string text;
  llvm::raw_string_ostream os(text);
  (*clone)->print(os);
  return Model::parse(text, "<" + name + ">");
}

} // namespace dl
