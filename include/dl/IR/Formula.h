//===- Formula.h - Formulas over tensors, written as such -------*- C++ -*-===//
//
// Decompositions and gradient rules are formulas. Here they read as such:
//
//   Formula f(op.getLoc(), builder);
//   Expr x = f(op.getInput()), y = f(op.getResult());
//   return g * y * (1 - y);
//
// Each operator builds the dl op of its name, with NumPy broadcasting; a number
// stands for a scalar constant of the other operand's element type.
//
//===----------------------------------------------------------------------===//

#ifndef DL_IR_FORMULA_H
#define DL_IR_FORMULA_H

#include "dl/IR/DLOps.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <concepts>

namespace dl {

/// A tensor in a formula. Lives no longer than its Formula.
struct Expr {
  mlir::ImplicitLocOpBuilder *builder;
  mlir::Value value;

  operator mlir::Value() const { return value; }
  mlir::RankedTensorType type() const {
    return llvm::cast<mlir::RankedTensorType>(value.getType());
  }
  llvm::ArrayRef<int64_t> shape() const { return type().getShape(); }
  int64_t rank() const { return type().getRank(); }
};

/// Where the ops of a formula are built, and with which location.
class Formula {
public:
  Formula(mlir::Location loc, mlir::OpBuilder &builder) : builder(loc, builder) {}
  Formula(const Formula &) = delete;
  Formula &operator=(const Formula &) = delete;

  Expr operator()(mlir::Value value) { return {&builder, value}; }
  /// A scalar constant.
  Expr constant(double value, mlir::Type elementType);

private:
  mlir::ImplicitLocOpBuilder builder;
};

/// A number as a scalar constant of the element type of `like`.
Expr constantLike(Expr like, double value);

template <typename T>
concept Number = std::convertible_to<T, double> && !std::same_as<T, Expr>;

inline Expr lift(Expr value, Expr) { return value; }
inline Expr lift(Number auto value, Expr like) { return constantLike(like, value); }

/// Builds a binary op of two operands, one of which may be a number.
template <typename Op> Expr apply(Expr lhs, Expr rhs) {
  return {lhs.builder, Op::create(*lhs.builder, lhs.value, rhs.value)};
}
template <typename Op> Expr apply(Expr input) {
  return {input.builder, Op::create(*input.builder, input.value)};
}

inline Expr operator-(Expr x) { return apply<NegOp>(x); }
inline Expr operator+(Expr x, Expr y) { return apply<AddOp>(x, y); }
inline Expr operator-(Expr x, Expr y) { return apply<SubOp>(x, y); }
inline Expr operator*(Expr x, Expr y) { return apply<MulOp>(x, y); }
inline Expr operator/(Expr x, Expr y) { return apply<DivOp>(x, y); }
inline Expr operator+(Expr x, Number auto c) { return x + lift(c, x); }
inline Expr operator-(Expr x, Number auto c) { return x - lift(c, x); }
inline Expr operator*(Expr x, Number auto c) { return x * lift(c, x); }
inline Expr operator/(Expr x, Number auto c) { return x / lift(c, x); }
inline Expr operator+(Number auto c, Expr x) { return lift(c, x) + x; }
inline Expr operator-(Number auto c, Expr x) { return lift(c, x) - x; }
inline Expr operator*(Number auto c, Expr x) { return lift(c, x) * x; }
inline Expr operator/(Number auto c, Expr x) { return lift(c, x) / x; }

inline Expr exp(Expr x) { return apply<ExpOp>(x); }
inline Expr log(Expr x) { return apply<LogOp>(x); }
inline Expr sqrt(Expr x) { return apply<SqrtOp>(x); }
inline Expr rsqrt(Expr x) { return apply<RsqrtOp>(x); }
inline Expr sign(Expr x) { return apply<SignOp>(x); }
inline Expr abs(Expr x) { return apply<AbsOp>(x); }
inline Expr relu(Expr x) { return apply<ReluOp>(x); }
inline Expr erf(Expr x) { return apply<ErfOp>(x); }
inline Expr sigmoid(Expr x) { return apply<SigmoidOp>(x); }
inline Expr pow(Expr x, Expr y) { return apply<PowOp>(x, y); }
inline Expr maximum(Expr x, Number auto c) { return apply<MaximumOp>(x, lift(c, x)); }

/// `x predicate y` as i1; predicates: eq, ne, lt, le, gt, ge.
Expr compare(Expr x, Expr y, llvm::StringRef predicate);
inline Expr compare(Expr x, Number auto c, llvm::StringRef predicate) {
  return compare(x, lift(c, x), predicate);
}
Expr select(Expr condition, Expr x, Expr y);
inline Expr select(Expr condition, Expr x, Number auto c) {
  return select(condition, x, lift(c, x));
}
inline Expr select(Expr condition, Number auto c, Expr x) {
  return select(condition, lift(c, x), x);
}
Expr cast(Expr x, mlir::Type elementType);

/// Sum over some axes; an empty list sums over none.
Expr sum(Expr x, llvm::ArrayRef<int64_t> axes, bool keepdims = false);
/// Sum over all axes: a scalar.
Expr sumAll(Expr x);
Expr max(Expr x, llvm::ArrayRef<int64_t> axes, bool keepdims = false);
/// The same elements in another shape, all extents known; x itself where it has
/// that shape already.
Expr reshape(Expr x, llvm::ArrayRef<int64_t> shape);
/// Copies to a shape by NumPy's rule; x itself where it has that shape already.
Expr broadcast(Expr x, llvm::ArrayRef<int64_t> shape);
/// Undoes a broadcast: sums over the dimensions along which `shape` was copied
/// to x's shape. What `broadcast` is, adjoint.
Expr sumTo(Expr x, llvm::ArrayRef<int64_t> shape);

} // namespace dl

#endif // DL_IR_FORMULA_H
