//===- Array.h - The interpreter's tensors ----------------------*- C++ -*-===//
//
// Elements are held wide: floats as double, integers and i1 as int64_t. What is
// stored into an f32 tensor is rounded to f32, so it holds f32 values alone.
//
//===----------------------------------------------------------------------===//

#ifndef DL_LIB_REFERENCE_ARRAY_H
#define DL_LIB_REFERENCE_ARRAY_H

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <vector>

namespace dl {

using Index = llvm::SmallVector<int64_t, 6>;

class Array {
public:
  Array() = default;
  /// Zeros. Precondition: a static shape.
  explicit Array(mlir::RankedTensorType type)
      : element(type.getElementType()), extents(type.getShape()) {
    if (isReal())
      reals.resize(type.getNumElements());
    else
      integers.resize(type.getNumElements());
  }

  llvm::ArrayRef<int64_t> shape() const { return extents; }
  int64_t rank() const { return static_cast<int64_t>(extents.size()); }
  int64_t size() const { return static_cast<int64_t>(isReal() ? reals.size() : integers.size()); }
  mlir::Type elementType() const { return element; }
  bool isReal() const { return llvm::isa<mlir::FloatType>(element); }

  double real(int64_t i) const { return reals[i]; }
  int64_t integer(int64_t i) const { return integers[i]; }
  void setReal(int64_t i, double x) { reals[i] = element.isF32() ? static_cast<float>(x) : x; }
  void setInteger(int64_t i, int64_t x) { integers[i] = x; }
  /// Copies element `j` of an array of the same element type.
  void copy(int64_t i, const Array &from, int64_t j) {
    if (isReal())
      reals[i] = from.reals[j];
    else
      integers[i] = from.integers[j];
  }

  /// Row-major position of the element at an index of this shape.
  int64_t at(llvm::ArrayRef<int64_t> index) const {
    int64_t position = 0;
    for (size_t d = 0; d < extents.size(); ++d)
      position = position * extents[d] + index[d];
    return position;
  }
  /// Position of the element that NumPy's broadcasting puts at `index`, an index
  /// of a shape to which this one broadcasts.
  int64_t atBroadcast(llvm::ArrayRef<int64_t> index) const {
    int64_t position = 0;
    index = index.take_back(extents.size());
    for (size_t d = 0; d < extents.size(); ++d)
      position = position * extents[d] + (extents[d] == 1 ? 0 : index[d]);
    return position;
  }

private:
  mlir::Type element;
  Index extents;
  std::vector<double> reals;
  std::vector<int64_t> integers;
};

/// Calls `visit` with each index of a shape in row-major order.
inline void forEachIndex(llvm::ArrayRef<int64_t> shape,
                         llvm::function_ref<void(llvm::ArrayRef<int64_t>)> visit) {
  if (llvm::is_contained(shape, 0))
    return;
  Index index(shape.size(), 0);
  while (true) {
    visit(index);
    size_t d = shape.size();
    for (; d > 0 && ++index[d - 1] == shape[d - 1]; --d)
      index[d - 1] = 0;
    if (d == 0)
      return;
  }
}

} // namespace dl

#endif // DL_LIB_REFERENCE_ARRAY_H
