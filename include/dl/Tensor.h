//===- Tensor.h - Dense tensors at the border -------------------*- C++ -*-===//
//
// What goes into a compiled model and comes out of it: dense, row-major arrays.
//
//===----------------------------------------------------------------------===//

#ifndef DL_TENSOR_H
#define DL_TENSOR_H

#include "dl/Error.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dl {

/// Element types. A Bool is one byte, 0 or 1.
enum class DType : uint8_t { F32, F64, I32, I64, Bool, U8 };

/// Bytes of one element.
size_t sizeOf(DType type);
/// `f32`, `f64`, `i32`, `i64`, `i1`, `ui8`: as in model files.
std::string_view nameOf(DType type);

template <typename T> constexpr DType dtypeOf();
template <> constexpr DType dtypeOf<float>() { return DType::F32; }
template <> constexpr DType dtypeOf<double>() { return DType::F64; }
template <> constexpr DType dtypeOf<int32_t>() { return DType::I32; }
template <> constexpr DType dtypeOf<int64_t>() { return DType::I64; }
template <> constexpr DType dtypeOf<bool>() { return DType::Bool; }
template <> constexpr DType dtypeOf<uint8_t>() { return DType::U8; }

/// Extents, outermost first; empty for a scalar. In a specification (not in a
/// tensor) an extent of kOpen stands for one that is chosen later: the batch.
using Shape = std::vector<int64_t>;
inline constexpr int64_t kOpen = -1;

/// Number of elements, or an error if an extent is negative or the size in
/// bytes of the given type does not fit 63 bits.
Result<int64_t> countElements(const Shape &shape, DType type);
/// `2x3xf32`, `?x10xf32`, `f32` for a scalar.
std::string toString(const Shape &shape, DType type);

/// Name, type and shape of an input, output or parameter.
struct TensorSpec {
  std::string name;
  DType dtype = DType::F32;
  Shape shape;
};

/// A dense row-major tensor that owns its elements (64-byte aligned). Copying
/// copies the elements.
class Tensor {
public:
  Tensor() = default;
  /// Zeros. Precondition: the shape is valid (see countElements) and the memory is there: as with
  /// `new` where exceptions are off, the process ends otherwise.
  Tensor(DType type, Shape shape);
  Tensor(const Tensor &other);
  Tensor(Tensor &&) = default;
  Tensor &operator=(const Tensor &other);
  Tensor &operator=(Tensor &&) = default;

  template <typename T> static Tensor from(Shape shape, std::span<const T> values) {
    Tensor t(dtypeOf<T>(), std::move(shape));
    assert(static_cast<int64_t>(values.size()) == t.size());
    for (size_t i = 0; i < values.size(); ++i)
      t.data<T>()[i] = values[i];
    return t;
  }

  DType dtype() const { return type; }
  const Shape &shape() const { return extents; }
  int64_t size() const { return count; }
  size_t bytes() const { return static_cast<size_t>(count) * sizeOf(type); }

  void *raw() { return storage.get(); }
  const void *raw() const { return storage.get(); }

  /// The elements. Precondition: T is the element type.
  template <typename T> T *data() { return assert(dtypeOf<T>() == type), static_cast<T *>(raw()); }
  template <typename T> const T *data() const {
    return assert(dtypeOf<T>() == type), static_cast<const T *>(raw());
  }
  template <typename T> std::span<T> span() { return {data<T>(), static_cast<size_t>(count)}; }
  template <typename T> std::span<const T> span() const {
    return {data<T>(), static_cast<size_t>(count)};
  }

private:
  struct Free {
    void operator()(void *p) const;
  };
  DType type = DType::F32;
  Shape extents;
  int64_t count = 0;
  std::unique_ptr<void, Free> storage;
};

/// Somebody else's dense row-major elements, read only.
struct TensorView {
  DType dtype = DType::F32;
  std::span<const int64_t> shape;
  const void *data = nullptr;

  TensorView() = default;
  TensorView(const Tensor &t) : dtype(t.dtype()), shape(t.shape()), data(t.raw()) {}
  TensorView(DType dtype, std::span<const int64_t> shape, const void *data)
      : dtype(dtype), shape(shape), data(data) {}
};

} // namespace dl

#endif // DL_TENSOR_H
