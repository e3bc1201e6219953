//===- Tensor.cpp - Dense tensors at the border ---------------------------===//

#include "dl/Tensor.h"

#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <sys/mman.h>

namespace dl {

size_t sizeOf(DType type) {
  switch (type) {
  case DType::F64:
  case DType::I64:
    return 8;
  case DType::F32:
  case DType::I32:
    return 4;
  case DType::Bool:
  case DType::U8:
    return 1;
  }
  return 0;
}

std::string_view nameOf(DType type) {
  switch (type) {
  case DType::F32:
    return "f32";
  case DType::F64:
    return "f64";
  case DType::I32:
    return "i32";
  case DType::I64:
    return "i64";
  case DType::Bool:
    return "i1";
  case DType::U8:
    return "ui8";
  }
  return "";
}

std::string toString(const Shape &shape, DType type) {
  std::string text;
  for (int64_t extent : shape)
    text += (extent == kOpen ? "?" : std::to_string(extent)) + "x";
  return text += nameOf(type);
}

Result<int64_t> countElements(const Shape &shape, DType type) {
  // The count without extents of 0 must fit too: strides are made of it.
  int64_t limit = std::numeric_limits<int64_t>::max() / static_cast<int64_t>(sizeOf(type));
  int64_t count = 1;
  bool empty = false;
  for (int64_t extent : shape) {
    if (extent < 0)
      return Error{"expected extents of 0 or more, got " + toString(shape, type)};
    if (extent == 0) {
      empty = true;
      continue;
    }
    if (count > limit / extent)
      return Error{"expected a size below 2^63 bytes, got " + toString(shape, type)};
    count *= extent;
  }
  return empty ? int64_t(0) : count;
}

void Tensor::Free::operator()(void *p) const { std::free(p); }

static constexpr size_t kHugePage = size_t(2) << 20;

static size_t alignmentOf(size_t size) { return size >= kHugePage ? kHugePage : 64; }

/// Large tensors lie on huge pages where the system has some: kernels that walk columns
/// of weights touch a page for every row or two, more than the TLB holds.
static void useHugePages(void *memory, size_t size) {
  if (size >= kHugePage)
    madvise(memory, size / kHugePage * kHugePage, MADV_HUGEPAGE);
}

Tensor::Tensor(DType type, Shape shape) : type(type), extents(std::move(shape)) {
  count = countElements(extents, type).value();
  // Whole cache lines, so that vector code may read the last one whole; at
  // least one, so that an empty tensor has an address.
  size_t size = (bytes() + 64) / 64 * 64;
  // C wants a multiple of the alignment; what lies behind `size` is never touched.
  size_t alignment = alignmentOf(size);
  storage.reset(std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment));
  if (!storage)
    std::abort();
  useHugePages(storage.get(), size);
  std::memset(storage.get(), 0, size);
}

Tensor::Tensor(const Tensor &other) { *this = other; }

Tensor &Tensor::operator=(const Tensor &other) {
  if (this == &other)
    return *this;
  if (!other.storage)
    return *this = Tensor();
  Tensor copy(other.type, other.extents);
  std::memcpy(copy.raw(), other.raw(), other.bytes());
  return *this = std::move(copy);
}

} // namespace dl
