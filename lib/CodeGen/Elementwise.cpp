//===- Elementwise.cpp - One line of arithmetic an op ---------------------===//
//
// Every primitive with the trait IsElementwise has an overload of `lower`: a
// missing one is a compile error. All work on scalars and on vectors alike.
//
//===----------------------------------------------------------------------===//

#include "Expression.h"
#include "VectorMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/TargetParser/Triple.h"

#include <cmath>

using namespace mlir;

namespace dl {
namespace {

/// The elements of an op's operands, and where to compute with them.
struct Elements {
  VectorMath math;
  ValueRange values;

  ImplicitLocOpBuilder &b() { return math.b; }
  Value operator[](size_t index) const { return values[index]; }
  Value number(double value) { return numberLike(math.b, values[0].getType(), value); }
  Value compare(arith::CmpFPredicate predicate, Value x, Value y) {
    return arith::CmpFOp::create(math.b, predicate, x, y);
  }
  Value select(Value condition, Value x, Value y) {
    return arith::SelectOp::create(math.b, condition, x, y);
  }
};

using P = arith::CmpFPredicate;

Value lower(NegOp, Elements &x) { return arith::NegFOp::create(x.b(), x[0]); }
Value lower(AbsOp, Elements &x) { return math::AbsFOp::create(x.b(), x[0]); }
Value lower(ExpOp, Elements &x) { return x.math.exp(x[0]); }
Value lower(LogOp, Elements &x) { return x.math.log(x[0]); }
Value lower(SqrtOp, Elements &x) { return x.math.sqrt(x[0]); }
Value lower(RsqrtOp, Elements &x) { return x.math.rsqrt(x[0]); }
Value lower(ReciprocalOp, Elements &x) { return arith::DivFOp::create(x.b(), x.number(1), x[0]); }
Value lower(TanhOp, Elements &x) { return x.math.tanh(x[0]); }
Value lower(SigmoidOp, Elements &x) { return x.math.sigmoid(x[0]); }
Value lower(ErfOp, Elements &x) { return x.math.erf(x[0]); }
Value lower(GeluOp op, Elements &x) {
  return op.getApproximate() == "tanh" ? x.math.geluTanh(x[0]) : x.math.gelu(x[0]);
}
Value lower(PowOp, Elements &x) { return x.math.pow(x[0], x[1]); }
/// NaN fails the comparison and stays.
Value lower(ReluOp, Elements &x) {
  Value zero = x.number(0);
  return x.select(x.compare(P::OLT, x[0], zero), zero, x[0]);
}
Value lower(SignOp, Elements &x) {
  Value zero = x.number(0), isPositive = x.compare(P::OGT, x[0], zero);
  Value rest = x.select(x.compare(P::OLT, x[0], zero), x.number(-1), x[0]);
  return x.select(isPositive, x.number(1), rest);
}

Value lower(AddOp, Elements &x) { return arith::AddFOp::create(x.b(), x[0], x[1]); }
Value lower(SubOp, Elements &x) { return arith::SubFOp::create(x.b(), x[0], x[1]); }
Value lower(MulOp, Elements &x) { return arith::MulFOp::create(x.b(), x[0], x[1]); }
Value lower(DivOp, Elements &x) { return arith::DivFOp::create(x.b(), x[0], x[1]); }
Value lower(MaximumOp, Elements &x) { return x.math.maximum(x[0], x[1]); }
Value lower(MinimumOp, Elements &x) { return x.math.minimum(x[0], x[1]); }

Value lower(CompareOp op, Elements &x) {
  StringRef name = op.getPredicate();
  Type element = getElementTypeOrSelf(x[0].getType());
  if (isa<FloatType>(element)) {
    auto predicate = llvm::StringSwitch<P>(name)
                         .Case("eq", P::OEQ)
                         .Case("ne", P::UNE)
                         .Case("lt", P::OLT)
                         .Case("le", P::OLE)
                         .Case("gt", P::OGT)
                         .Default(P::OGE);
    return x.compare(predicate, x[0], x[1]);
  }
  using I = arith::CmpIPredicate;
  bool isBool = element.isInteger(1);
  auto predicate = llvm::StringSwitch<I>(name)
                       .Case("eq", I::eq)
                       .Case("ne", I::ne)
                       .Case("lt", isBool ? I::ult : I::slt)
                       .Case("le", isBool ? I::ule : I::sle)
                       .Case("gt", isBool ? I::ugt : I::sgt)
                       .Default(isBool ? I::uge : I::sge);
  return arith::CmpIOp::create(x.b(), predicate, x[0], x[1]);
}

Value lower(SelectOp, Elements &x) { return x.select(x[0], x[1], x[2]); }

/// Towards zero; what the type cannot hold becomes its nearest value, NaN 0.
Value floatToInteger(Elements &x, Type type) {
  unsigned width = getElementTypeOrSelf(type).getIntOrFloatBitWidth();
  double limit = std::ldexp(1.0, static_cast<int>(width) - 1);
  Value zero = x.number(0);
  Value isHigh = x.compare(P::OGE, x[0], x.number(limit));
  Value isLow = x.compare(P::OLE, x[0], x.number(-limit));
  // fptosi is defined for numbers inside the range alone.
  Value inside = x.select(x.compare(P::UNO, x[0], x[0]), zero,
                          x.select(isHigh, zero, x.select(isLow, zero, x[0])));
  auto constant = [&](const APInt &value) -> Value {
    TypedAttr attribute = x.b().getIntegerAttr(getElementTypeOrSelf(type), value);
    if (auto vector = dyn_cast<VectorType>(type))
      attribute = DenseElementsAttr::get(vector, static_cast<Attribute>(attribute));
    return arith::ConstantOp::create(x.b(), attribute);
  };
  Value result = arith::FPToSIOp::create(x.b(), type, inside);
  result = x.select(isHigh, constant(APInt::getSignedMaxValue(width)), result);
  return x.select(isLow, constant(APInt::getSignedMinValue(width)), result);
}

Value castFloat(Elements &x, Type from, Type type) {
  Type to = getElementTypeOrSelf(type);
  if (to.isInteger(1))
    return x.compare(P::UNE, x[0], x.number(0));
  if (isa<IntegerType>(to))
    return floatToInteger(x, type);
  if (to.getIntOrFloatBitWidth() > from.getIntOrFloatBitWidth())
    return arith::ExtFOp::create(x.b(), type, x[0]);
  return arith::TruncFOp::create(x.b(), type, x[0]);
}

Value castInteger(Elements &x, Type from, Type type) {
  Type to = getElementTypeOrSelf(type);
  if (to.isInteger(1))
    return arith::CmpIOp::create(x.b(), arith::CmpIPredicate::ne, x[0], x.number(0));
  bool isBool = from.isInteger(1);
  if (isa<FloatType>(to))
    return isBool ? arith::UIToFPOp::create(x.b(), type, x[0]).getResult()
                  : arith::SIToFPOp::create(x.b(), type, x[0]).getResult();
  if (isBool)
    return arith::ExtUIOp::create(x.b(), type, x[0]);
  if (to.getIntOrFloatBitWidth() > from.getIntOrFloatBitWidth())
    return arith::ExtSIOp::create(x.b(), type, x[0]);
  return arith::TruncIOp::create(x.b(), type, x[0]);
}

Value lower(CastOp op, Elements &x) {
  Type from = getElementTypeOrSelf(x[0].getType()), to = op.getType().getElementType();
  if (from == to)
    return x[0];
  Type type = to;
  if (auto vector = dyn_cast<VectorType>(x[0].getType()))
    type = VectorType::get(vector.getShape(), to);
  return isa<FloatType>(from) ? castFloat(x, from, type) : castInteger(x, from, type);
}

//===----------------------------------------------------------------------===//
// Dispatch over all ops of the dialect
//===----------------------------------------------------------------------===//

template <typename Op> bool tryLower(Operation *op, Elements &elements, Value &result) {
  if constexpr (Op::template hasTrait<IsElementwise>() && !Op::template hasTrait<IsComposite>()) {
    if (auto match = dyn_cast<Op>(op)) {
      result = lower(match, elements);
      return true;
    }
  }
  return false;
}

template <typename... Ops> Value lowerAny(Operation *op, Elements &elements) {
  Value result;
  (void)(tryLower<Ops>(op, elements, result) || ...);
  return result;
}

} // namespace

Value lowerElementwise(ImplicitLocOpBuilder &b, Operation *op, ValueRange elements,
                       const Machine &machine) {
  // The only vectors of 512 bits on x86.
  bool hasAVX512 = machine.vectorBits == 512 && llvm::Triple(machine.triple).isX86();
  auto lowerAll = [&](ValueRange operands) -> Value {
    Elements values{VectorMath{b, machine.hasFMA, hasAVX512}, operands};
    return lowerAny<
#define GET_OP_LIST
#include "dl/IR/DLOps.cpp.inc"
        >(op, values);
  };
  bool isScalar = llvm::all_of(elements.getTypes(), [](Type type) { return type.isF32(); });
  if (!hasAVX512 || !isScalar || !op->hasTrait<IsTranscendental>())
    return lowerAll(elements);
  // The instructions for vectors do in one what scalars need several for.
  constexpr int64_t shortest = 4;
  SmallVector<Value> vectors =
      llvm::map_to_vector(elements, [&](Value element) { return splat(b, element, shortest); });
  return vector::ExtractOp::create(b, lowerAll(vectors), ArrayRef<int64_t>{0});
}

} // namespace dl
