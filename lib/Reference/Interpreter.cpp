//===- Interpreter.cpp - The oracle ---------------------------------------===//

#include "dl/Reference/Interpreter.h"
#include "Evaluate.h"
#include "dl/IR/Specialize.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/DenseMap.h"

#include <fmt/format.h>
#include <type_traits>

using namespace mlir;

namespace dl {

//===----------------------------------------------------------------------===//
// Dispatch
//===----------------------------------------------------------------------===//

template <typename Op>
static constexpr bool isStructure =
    llvm::is_one_of<Op, ModelOp, ReturnOp, ParameterOp, ConstantOp, KernelOp, YieldOp>::value;

template <typename Op> static bool evaluateIf(Operation *op, Arrays in, MutableArrays out) {
  if constexpr (isStructure<Op>)
    return false;
  else if (auto concrete = dyn_cast<Op>(op))
    return evaluate(concrete, in, out), true;
  return false;
}

template <typename... Ops> static bool evaluateAny(Operation *op, Arrays in, MutableArrays out) {
  return (evaluateIf<Ops>(op, in, out) || ...);
}

void evaluateOp(Operation *op, Arrays in, MutableArrays out) {
  [[maybe_unused]] bool known = evaluateAny<
#define GET_OP_LIST
#include "dl/IR/DLOps.cpp.inc"
      >(op, in, out);
  assert(known && "expected an op of the dialect that computes");
}

//===----------------------------------------------------------------------===//
// Conversion
//===----------------------------------------------------------------------===//

static DType dtypeOf(Type element) {
  if (element.isF32())
    return DType::F32;
  if (element.isF64())
    return DType::F64;
  if (element.isInteger(1))
    return DType::Bool;
  return element.isInteger(32) ? DType::I32 : DType::I64;
}

static Array toArray(RankedTensorType type, TensorView view) {
  Array array(type);
  for (int64_t i = 0; i < array.size(); ++i) {
    switch (view.dtype) {
    case DType::F32:
      array.setReal(i, static_cast<const float *>(view.data)[i]);
      break;
    case DType::F64:
      array.setReal(i, static_cast<const double *>(view.data)[i]);
      break;
    case DType::I32:
      array.setInteger(i, static_cast<const int32_t *>(view.data)[i]);
      break;
    case DType::I64:
      array.setInteger(i, static_cast<const int64_t *>(view.data)[i]);
      break;
    case DType::U8:
    case DType::Bool:
      array.setInteger(i, static_cast<const uint8_t *>(view.data)[i]);
      break;
    }
  }
  return array;
}

static Tensor toTensor(const Array &array) {
  Tensor tensor(dtypeOf(array.elementType()), Shape(array.shape().begin(), array.shape().end()));
  void *data = tensor.raw();
  for (int64_t i = 0; i < array.size(); ++i) {
    switch (tensor.dtype()) {
    case DType::F32:
      static_cast<float *>(data)[i] = static_cast<float>(array.real(i));
      break;
    case DType::F64:
      static_cast<double *>(data)[i] = array.real(i);
      break;
    case DType::I32:
      static_cast<int32_t *>(data)[i] = static_cast<int32_t>(array.integer(i));
      break;
    case DType::I64:
      static_cast<int64_t *>(data)[i] = array.integer(i);
      break;
    case DType::U8:
    case DType::Bool:
      static_cast<uint8_t *>(data)[i] = array.integer(i) != 0;
      break;
    }
  }
  return tensor;
}

static Array toArray(ElementsAttr elements) {
  Array array(cast<RankedTensorType>(elements.getType()));
  int64_t i = 0;
  if (array.isReal()) {
    for (const APFloat &value : elements.getValues<APFloat>())
      array.setReal(i++, value.convertToDouble());
  } else {
    bool isBool = array.elementType().isInteger(1);
    for (const APInt &value : elements.getValues<APInt>())
      array.setInteger(i++, isBool ? value.getZExtValue() : value.getSExtValue());
  }
  return array;
}

//===----------------------------------------------------------------------===//
// Closing open extents
//===----------------------------------------------------------------------===//

/// The extents that the inputs give to the model's arguments, or what does not fit.
static Status checkInput(StringRef name, RankedTensorType type, TensorView input) {
  bool fits = dtypeOf(type.getElementType()) == input.dtype &&
              type.getRank() == static_cast<int64_t>(input.shape.size());
  for (int64_t d = 0; fits && d < type.getRank(); ++d)
    fits = type.isDynamicDim(d) ? input.shape[d] >= 0 : input.shape[d] == type.getDimSize(d);
  if (fits)
    return {};
  Shape expected;
  for (int64_t extent : type.getShape())
    expected.push_back(ShapedType::isDynamic(extent) ? kOpen : extent);
  return Error{fmt::format("expected {} as '{}', got {}",
                           toString(expected, dtypeOf(type.getElementType())), name.str(),
                           toString(Shape(input.shape.begin(), input.shape.end()), input.dtype))};
}

/// Gives the arguments of a copy of the model the extents of the inputs.
static Status close(ModelOp model, std::span<const TensorView> inputs) {
  auto arguments = model.getBody().getArguments();
  if (arguments.size() != inputs.size())
    return Error{fmt::format("expected {} inputs, got {}", arguments.size(), inputs.size())};
  std::optional<int64_t> batch;
  for (auto [argument, name, input] :
       llvm::zip(arguments, model.getInputNames().getAsValueRange<StringAttr>(), inputs)) {
    auto type = cast<RankedTensorType>(argument.getType());
    if (Status status = checkInput(name, type, input); !status)
      return status;
    if (type.hasStaticShape())
      continue;
    if (batch.value_or(input.shape[0]) != input.shape[0])
      return Error{fmt::format("expected a batch of {} as '{}', got {}", *batch, name.str(),
                               input.shape[0])};
    batch = input.shape[0];
  }
  std::string problems;
  ScopedDiagnosticHandler handler(model.getContext(), [&](Diagnostic &diagnostic) {
    problems += (problems.empty() ? "" : "\n") + diagnostic.str();
    return success();
  });
  if (failed(specializeBatch(model, batch.value_or(1))))
    return Error{problems};
  return {};
}

/// Every op is one of the dialect, every type static.
static Status checkOps(ModelOp model) {
  Status status;
  model->walk([&](Operation *op) {
    auto isStatic = [](Type type) { return cast<RankedTensorType>(type).hasStaticShape(); };
    if (!isa_and_nonnull<DLDialect>(op->getDialect()))
      status = Error{fmt::format("expected ops of the dl dialect, got '{}'",
                                 op->getName().getStringRef().str())};
    else if (!llvm::all_of(op->getResultTypes(), isStatic))
      status = Error{fmt::format("expected static shapes as results of '{}'",
                                 op->getName().getStringRef().str())};
  });
  return status;
}

//===----------------------------------------------------------------------===//
// Interpretation
//===----------------------------------------------------------------------===//

namespace {
using Environment = llvm::DenseMap<Value, Array>;
} // namespace

static SmallVector<Array> lookUp(const Environment &values, ValueRange operands) {
  SmallVector<Array> arrays;
  for (Value operand : operands)
    arrays.push_back(values.find(operand)->second);
  return arrays;
}

static void run(Operation &op, Environment &values) {
  SmallVector<Array> in = lookUp(values, op.getOperands()), out;
  if (auto constant = dyn_cast<ConstantOp>(op)) {
    out.push_back(toArray(constant.getValue()));
  } else if (auto kernel = dyn_cast<KernelOp>(op)) {
    Block &body = kernel.getBody().front();
    Environment inner;
    for (auto [argument, array] : llvm::zip(body.getArguments(), in))
      inner.try_emplace(argument, std::move(array));
    for (Operation &step : body.without_terminator())
      run(step, inner);
    out = lookUp(inner, body.getTerminator()->getOperands());
  } else {
    for (Type type : op.getResultTypes())
      out.emplace_back(cast<RankedTensorType>(type));
    evaluateOp(&op, in, out);
  }
  for (auto [result, array] : llvm::zip(op.getResults(), out))
    values.insert_or_assign(result, std::move(array));
}

static Status readVariables(ModelOp model, const Variables &variables, Environment &values) {
  for (auto parameter : model.getBody().getOps<ParameterOp>()) {
    std::string name = parameter.getName().str();
    auto it = variables.find(name);
    if (it == variables.end())
      return Error{fmt::format("expected a value of '{}'", name)};
    if (Status status = checkInput(name, parameter.getType(), it->second); !status)
      return status;
    values.try_emplace(parameter.getResult(), toArray(parameter.getType(), it->second));
  }
  return {};
}

Result<std::vector<Tensor>> interpret(ModelOp model, std::span<const TensorView> inputs,
                                      Variables &variables) {
  OwningOpRef<ModelOp> copy = model.clone();
  if (Status status = close(*copy, inputs); !status)
    return status.error();
  if (Status status = checkOps(*copy); !status)
    return status.error();

  Environment values;
  for (auto [argument, input] : llvm::zip(copy->getBody().getArguments(), inputs))
    values.try_emplace(argument, toArray(cast<RankedTensorType>(argument.getType()), input));
  if (Status status = readVariables(*copy, variables, values); !status)
    return status.error();

  Block &body = copy->getBody().front();
  for (Operation &op : body.without_terminator())
    if (!isa<ParameterOp>(op))
      run(op, values);

  auto terminator = cast<ReturnOp>(body.getTerminator());
  std::vector<Tensor> outputs;
  for (Value output : terminator.getOutputs())
    outputs.push_back(toTensor(values.find(output)->second));
  for (auto [name, value] :
       llvm::zip(terminator.getUpdated().getAsValueRange<StringAttr>(), terminator.getUpdates()))
    variables[name.str()] = toTensor(values.find(value)->second);
  return outputs;
}

} // namespace dl
