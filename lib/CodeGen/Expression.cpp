//===- Expression.cpp - Values of a kernel, element by element ------------===//

#include "Expression.h"

#include "VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;

namespace dl {

//===----------------------------------------------------------------------===//
// Positions
//===----------------------------------------------------------------------===//

SmallVector<int64_t> stridesOf(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t dim = static_cast<int64_t>(shape.size()) - 2; dim >= 0; --dim)
    strides[dim] = strides[dim + 1] * shape[dim + 1];
  return strides;
}

/// An index that came apart, together again:
///
///   x / extent, x % extent  ~>  x        where the strides are those of neighbours
static Value mergeIndices(Value outer, Value inner, int64_t outerStride, int64_t stride) {
  auto quotient = outer ? outer.getDefiningOp<arith::DivUIOp>() : nullptr;
  auto rest = inner.getDefiningOp<arith::RemUIOp>();
  if (!quotient || !rest || quotient.getLhs() != rest.getLhs())
    return nullptr;
  std::optional<int64_t> extent = getConstantIntValue(rest.getRhs());
  if (!extent || getConstantIntValue(quotient.getRhs()) != extent ||
      outerStride != *extent * stride)
    return nullptr;
  return rest.getLhs();
}

Value linearIndex(ImplicitLocOpBuilder &b, ArrayRef<Value> indices, ArrayRef<int64_t> strides) {
  SmallVector<std::pair<Value, int64_t>> terms;
  int64_t constant = 0;
  for (auto [index, stride] : llvm::zip_equal(indices, strides)) {
    Value whole = terms.empty()
                      ? Value()
                      : mergeIndices(terms.back().first, index, terms.back().second, stride);
    if (std::optional<int64_t> known = getConstantIntValue(index))
      constant += *known * stride;
    else if (whole)
      terms.back() = {whole, stride};
    else
      terms.push_back({index, stride});
  }
  Value sum;
  for (auto [term, stride] : terms) {
    if (stride != 1)
      term = arith::MulIOp::create(b, term, arith::ConstantIndexOp::create(b, stride));
    sum = sum ? arith::AddIOp::create(b, sum, term).getResult() : term;
  }
  if (!sum)
    return arith::ConstantIndexOp::create(b, constant);
  if (constant == 0)
    return sum;
  return arith::AddIOp::create(b, sum, arith::ConstantIndexOp::create(b, constant));
}

Position projectPosition(ImplicitLocOpBuilder &b, const Position &position,
                         ArrayRef<int64_t> shape) {
  Position inner = position;
  int dropped = static_cast<int>(position.indices.size()) - static_cast<int>(shape.size());
  inner.indices.erase(inner.indices.begin(), inner.indices.begin() + dropped);
  inner.vectorDim = std::max(position.vectorDim - dropped, -1);
  for (auto [dim, extent] : llvm::enumerate(shape)) {
    if (extent != 1)
      continue;
    inner.indices[dim] = arith::ConstantIndexOp::create(b, 0);
    if (inner.vectorDim == static_cast<int>(dim))
      inner.vectorDim = -1;
  }
  return inner;
}

Value splat(ImplicitLocOpBuilder &b, Value value, int64_t lanes) {
  if (isa<VectorType>(value.getType()))
    return value;
  return vector::BroadcastOp::create(b, VectorType::get({lanes}, value.getType()), value);
}

Value leadingMask(ImplicitLocOpBuilder &b, int64_t active, int64_t lanes) {
  SmallVector<bool> bits(lanes);
  std::fill_n(bits.begin(), active, true);
  return arith::ConstantOp::create(b, b.getBoolVectorAttr(bits));
}

Value numberLike(ImplicitLocOpBuilder &b, Type type, double value) {
  Type element = getElementTypeOrSelf(type);
  TypedAttr attribute = isa<FloatType>(element)
                            ? cast<TypedAttr>(b.getFloatAttr(element, value))
                            : b.getIntegerAttr(element, static_cast<int64_t>(value));
  if (auto vector = dyn_cast<VectorType>(type))
    attribute = DenseElementsAttr::get(vector, static_cast<Attribute>(attribute));
  return arith::ConstantOp::create(b, attribute);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// The elements along a dimension that is not contiguous, one by one.
static Value gatherElements(ImplicitLocOpBuilder &b, Value memory, Value first, int64_t stride,
                            const Position &position) {
  Type element = cast<MemRefType>(memory.getType()).getElementType();
  VectorType type = VectorType::get({position.lanes}, element);
  if (position.mask) {
    SmallVector<int32_t> offsets;
    for (int64_t lane = 0; lane < position.lanes; ++lane)
      offsets.push_back(lane * stride);
    Value lanes = arith::ConstantOp::create(b, b.getI32VectorAttr(offsets));
    return vector::GatherOp::create(b, type, memory, first, lanes, position.mask,
                                    numberLike(b, type, 0));
  }
  SmallVector<Value> elements;
  for (int64_t lane = 0; lane < position.lanes; ++lane) {
    Value at = arith::AddIOp::create(b, first, arith::ConstantIndexOp::create(b, lane * stride));
    elements.push_back(memref::LoadOp::create(b, memory, at));
  }
  return vector::FromElementsOp::create(b, type, elements);
}

/// A byte as i1.
static Value fromStorage(ImplicitLocOpBuilder &b, Value stored, Type elementType) {
  if (!elementType.isInteger(1))
    return stored;
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, stored,
                               numberLike(b, stored.getType(), 0));
}

void fetchLine(ImplicitLocOpBuilder &b, Value memory, Value index, unsigned locality) {
  memref::PrefetchOp::create(b, memory, index, /*isWrite=*/false, locality, /*isDataCache=*/true);
}

Value loadElement(ImplicitLocOpBuilder &b, Value memory, ArrayRef<int64_t> shape, Type elementType,
                  const Position &position) {
  SmallVector<int64_t> strides = stridesOf(shape);
  Value first = linearIndex(b, position.indices, strides);
  Type stored = cast<MemRefType>(memory.getType()).getElementType();
  if (!position.isVector())
    return fromStorage(b, memref::LoadOp::create(b, memory, first), elementType);
  VectorType type = VectorType::get({position.lanes}, stored);
  Value loaded;
  if (strides[position.vectorDim] != 1)
    loaded = gatherElements(b, memory, first, strides[position.vectorDim], position);
  else if (position.mask)
    loaded =
        vector::MaskedLoadOp::create(b, type, memory, first, position.mask, numberLike(b, type, 0));
  else
    loaded = vector::LoadOp::create(b, type, memory, first);
  return fromStorage(b, loaded, elementType);
}

void storeElement(ImplicitLocOpBuilder &b, Value element, Value memory, ArrayRef<int64_t> shape,
                  const Position &position) {
  SmallVector<int64_t> strides = stridesOf(shape);
  Value first = linearIndex(b, position.indices, strides);
  Type stored = cast<MemRefType>(memory.getType()).getElementType();
  Type type = position.isVector() ? VectorType::get({position.lanes}, stored) : stored;
  if (position.isVector())
    element = splat(b, element, position.lanes);
  if (element.getType() != type)
    element = arith::ExtUIOp::create(b, type, element);
  if (!position.isVector())
    memref::StoreOp::create(b, element, memory, first);
  else if (position.mask)
    vector::MaskedStoreOp::create(b, memory, first, position.mask, element);
  else if (position.bypasses)
    vector::StoreOp::create(b, element, memory, first, /*nontemporal=*/true,
                            llvm::MaybeAlign(position.lanes * storageBytes(stored)));
  else
    vector::StoreOp::create(b, element, memory, first);
}

//===----------------------------------------------------------------------===//
// Expression
//===----------------------------------------------------------------------===//

Value Expression::at(Value value, const Position &position) {
  // Equal constants are built again and again: masks and indices.
  Attribute mask;
  if (position.mask)
    matchPattern(position.mask, m_Constant(&mask));
  Key key = {value.getAsOpaquePointer(), phase.b.getInsertionBlock(),
             mask ? mask.getAsOpaquePointer() : position.mask.getAsOpaquePointer(),
             reinterpret_cast<const void *>(position.lanes * 64 + position.vectorDim)};
  for (Value index : position.indices) {
    std::optional<int64_t> constant = getConstantIntValue(index);
    key.push_back(constant ? reinterpret_cast<const void *>(*constant * 2 + 1)
                           : index.getAsOpaquePointer());
  }
  auto it = known.find(key);
  if (it != known.end())
    return it->second;
  Value element = compute(value, position);
  known[key] = element;
  return element;
}

Value Expression::vectorAt(Value value, const Position &position) {
  Value element = at(value, position);
  return position.isVector() ? splat(phase.b, element, position.lanes) : element;
}

SmallVector<Value> Expression::resultsAt(ArrayRef<unsigned> results, const Position &position) {
  return llvm::map_to_vector(results, [&](unsigned result) {
    return at(phase.kernel.yield().getOperand(result), position);
  });
}

void Expression::store(ArrayRef<unsigned> results, const Position &position) {
  store(results, resultsAt(results, position), position);
}

void Expression::store(ArrayRef<unsigned> results, ArrayRef<Value> elements,
                       const Position &position) {
  YieldOp yield = phase.kernel.yield();
  for (auto [result, element] : llvm::zip_equal(results, elements)) {
    auto type = cast<RankedTensorType>(yield.getOperand(result).getType());
    storeElement(phase.b, element, phase.result(result), type.getShape(), position);
  }
}

Value Expression::compute(Value value, const Position &position) {
  if (auto it = bindings.find(value); it != bindings.end())
    return it->second(phase.b, position);
  auto type = cast<RankedTensorType>(value.getType());
  if (auto argument = dyn_cast<BlockArgument>(value))
    return loadElement(phase.b, phase.argument(argument), type.getShape(), type.getElementType(),
                       position);
  return TypeSwitch<Operation *, Value>(value.getDefiningOp())
      .Case([&](ConstantOp op) { return computeConstant(op, position); })
      .Case([&](BroadcastOp op) {
        return at(op.getInput(),
                  projectPosition(phase.b, position, op.getInput().getType().getShape()));
      })
      .Case([&](TransposeOp op) {
        Position inner = position;
        for (auto [dim, source] : llvm::enumerate(op.getPermutation())) {
          inner.indices[source] = position.indices[dim];
          if (position.vectorDim == static_cast<int>(dim))
            inner.vectorDim = static_cast<int>(source);
        }
        return at(op.getInput(), inner);
      })
      .Case([&](SliceOp op) {
        Position inner = position;
        for (auto [index, offset] : llvm::zip(inner.indices, op.getOffsets()))
          index = linearIndex(phase.b, {index, phase.index(offset)}, {1, 1});
        return at(op.getInput(), inner);
      })
      .Case([&](OneHotOp op) { return computeOneHot(op, position); })
      .Case([&](DropoutTrainOp op) { return computeDropout(op, position); })
      .Default([&](Operation *op) { return computeElementwise(op, position); });
}

Value Expression::computeElementwise(Operation *op, const Position &position) {
  SmallVector<Value> elements;
  for (Value operand : op->getOperands()) {
    auto type = cast<RankedTensorType>(operand.getType());
    elements.push_back(at(operand, projectPosition(phase.b, position, type.getShape())));
  }
  bool isVector =
      llvm::any_of(elements, [](Value element) { return isa<VectorType>(element.getType()); });
  if (isVector)
    for (Value &element : elements)
      element = splat(phase.b, element, position.lanes);
  return lowerElementwise(phase.b, op, elements, phase.kernel.machine());
}

Value Expression::computeOneHot(OneHotOp op, const Position &position) {
  ImplicitLocOpBuilder &b = phase.b;
  int lastDim = static_cast<int>(position.indices.size()) - 1;
  Position outer = position;
  outer.indices.pop_back();
  if (position.vectorDim == lastDim)
    outer.vectorDim = -1;
  Value wanted = at(op.getIndices(), outer);
  Type indexType = getElementTypeOrSelf(wanted.getType());
  Value here = arith::IndexCastOp::create(b, indexType, position.indices.back());
  if (position.isVector()) {
    wanted = splat(b, wanted, position.lanes);
    here = splat(b, here, position.lanes);
  }
  if (position.vectorDim == lastDim) {
    SmallVector<Attribute> steps;
    for (int64_t lane = 0; lane < position.lanes; ++lane)
      steps.push_back(b.getIntegerAttr(indexType, lane));
    auto type = cast<VectorType>(here.getType());
    here = arith::AddIOp::create(b, here,
                                 arith::ConstantOp::create(b, DenseElementsAttr::get(type, steps)));
  }
  Value isHere = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, wanted, here);
  Type element = op.getResult().getType().getElementType();
  Type type = position.isVector() ? Type(VectorType::get({position.lanes}, element)) : element;
  return arith::SelectOp::create(b, isHere, numberLike(b, type, 1), numberLike(b, type, 0));
}

Value Expression::computeConstant(ConstantOp op, const Position &position) {
  auto value = cast<DenseElementsAttr>(op.getValue());
  if (value.isSplat())
    return arith::ConstantOp::create(phase.b, cast<TypedAttr>(value.getSplatValue<Attribute>()));
  return loadElement(phase.b, phase.constant(value), value.getType().getShape(),
                     value.getElementType(), position);
}

} // namespace dl
