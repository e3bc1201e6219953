//===- Expression.h - Values of a kernel, element by element ----*- C++ -*-===//
//
// Inside a dl.kernel, a value is a function from a position to an element:
//
//   %2 = dl.add %1, %bias   at [n, c]  =  (%1 at [n, c]) + (%bias at [c])
//
// An Expression emits the code for an element, or for a vector of elements
// along one dimension, by following the operands: arguments are loaded,
// constants are literals, ops become arith and math, broadcasting and
// transposing ops change the position. Values for which that is impossible, the
// kernel's anchor and reductions, are bound to what the kernel's emitter has at
// hand (an accumulator, a finished row sum).
//
//===----------------------------------------------------------------------===//

#ifndef DL_LIB_CODEGEN_EXPRESSION_H
#define DL_LIB_CODEGEN_EXPRESSION_H

#include "KernelModule.h"

#include <functional>
#include <map>

namespace dl {

/// An element of a tensor, or `lanes` elements along one of its dimensions.
struct Position {
  /// An index for each dimension; that of vectorDim is the first lane's.
  llvm::SmallVector<mlir::Value, 4> indices;
  /// The dimension along which the lanes lie; -1: one element, a scalar.
  int vectorDim = -1;
  int64_t lanes = 1;
  /// vector<lanes x i1>; lanes that are off are neither read nor written. Null: all on.
  mlir::Value mask;
  /// What is stored goes past the caches: a whole vector at a multiple of its size.
  bool bypasses = false;

  bool isVector() const { return vectorDim >= 0; }
};

class Expression {
public:
  /// What a bound value is at a position: a scalar, or a vector of lanes.
  using Binding = std::function<mlir::Value(mlir::ImplicitLocOpBuilder &, const Position &)>;

  explicit Expression(PhaseBuilder &phase) : phase(phase) {}

  void bind(mlir::Value value, Binding binding) { bindings[value] = std::move(binding); }

  /// The element(s) of `value` at `position`, whose indices are the value's
  /// own. A scalar where the value does not change along the lanes.
  mlir::Value at(mlir::Value value, const Position &position);
  /// The same, as a vector wherever the position is one.
  mlir::Value vectorAt(mlir::Value value, const Position &position);

  /// Writes results `indices` of the kernel, all at one position of their
  /// common shape. All are computed before the first is written, so that a
  /// result may lie over an operand.
  void store(llvm::ArrayRef<unsigned> results, const Position &position);
  /// In two steps, for several positions of which none may be written before all are computed.
  llvm::SmallVector<mlir::Value> resultsAt(llvm::ArrayRef<unsigned> results,
                                           const Position &position);
  void store(llvm::ArrayRef<unsigned> results, llvm::ArrayRef<mlir::Value> elements,
             const Position &position);

private:
  mlir::Value compute(mlir::Value value, const Position &position);
  mlir::Value computeElementwise(mlir::Operation *op, const Position &position);
  mlir::Value computeDropout(DropoutTrainOp op, const Position &position);
  std::array<mlir::Value, 4> randomWords(DropoutTrainOp op, mlir::Value first);
  mlir::Value randomRun(DropoutTrainOp op, const Position &position);
  mlir::Value randomWord(DropoutTrainOp op, const Position &position);
  mlir::Value computeOneHot(OneHotOp op, const Position &position);
  mlir::Value computeConstant(ConstantOp op, const Position &position);

  /// A value at a position, computed in a block: later ops of the block reuse it.
  using Key = llvm::SmallVector<const void *, 8>;

  PhaseBuilder &phase;
  llvm::DenseMap<mlir::Value, Binding> bindings;
  std::map<Key, mlir::Value> known;
};

/// Element(s) of flat memory, from `indices` (one a dimension of `shape`).
mlir::Value loadElement(mlir::ImplicitLocOpBuilder &b, mlir::Value memory,
                        llvm::ArrayRef<int64_t> shape, mlir::Type elementType,
                        const Position &position);
void storeElement(mlir::ImplicitLocOpBuilder &b, mlir::Value element, mlir::Value memory,
                  llvm::ArrayRef<int64_t> shape, const Position &position);

/// Fetches the line of an element of flat memory that is read later, which may lie behind its end.
/// `locality`: 3, into the first-level cache; 2, the second.
void fetchLine(mlir::ImplicitLocOpBuilder &b, mlir::Value memory, mlir::Value index,
               unsigned locality = 2);

/// The position in a tensor of `shape` that NumPy's rule broadcasts to where
/// `position` is.
Position projectPosition(mlir::ImplicitLocOpBuilder &b, const Position &position,
                         llvm::ArrayRef<int64_t> shape);
/// sum of indices times strides.
mlir::Value linearIndex(mlir::ImplicitLocOpBuilder &b, llvm::ArrayRef<mlir::Value> indices,
                        llvm::ArrayRef<int64_t> strides);
/// Row-major strides.
llvm::SmallVector<int64_t> stridesOf(llvm::ArrayRef<int64_t> shape);
/// A scalar in all lanes; a vector is returned as it is.
mlir::Value splat(mlir::ImplicitLocOpBuilder &b, mlir::Value value, int64_t lanes);
/// The first `active` of `lanes` lanes on.
mlir::Value leadingMask(mlir::ImplicitLocOpBuilder &b, int64_t active, int64_t lanes);
/// An arith.constant of a scalar or vector type, all elements the same.
mlir::Value numberLike(mlir::ImplicitLocOpBuilder &b, mlir::Type type, double value);

/// The elements of an elementwise op's result from those of its operands
/// (scalars, or vectors of one length).
mlir::Value lowerElementwise(mlir::ImplicitLocOpBuilder &b, mlir::Operation *op,
                             mlir::ValueRange elements, const Machine &machine);

} // namespace dl

#endif // DL_LIB_CODEGEN_EXPRESSION_H
