//===- GuardedMemory.h - Memory that ends where it ends ---------*- C++ -*-===//

#ifndef DL_TEST_UNIT_SUPPORT_GUARDEDMEMORY_H
#define DL_TEST_UNIT_SUPPORT_GUARDEDMEMORY_H

#include "dl/Tensor.h"

#include <cassert>
#include <cstring>

#include <sys/mman.h>
#include <unistd.h>

namespace dl::test {

/// Which end of the memory lies at a page that cannot be accessed, to the byte.
/// Behind: the start is aligned as the size is, and often no better than elements
/// are. Before: the start is that of a page.
enum class Guard { Behind, Before };

/// Memory for code that must touch nothing else: a read or write beyond the guarded
/// end faults. All bytes are set, so that what is read without having been written
/// shows: floats are NaN.
class GuardedMemory {
public:
  GuardedMemory(size_t bytes, Guard guard) : count(bytes) {
    auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    size_t room = (bytes + page - 1) / page * page;
    whole = room + page;
    void *mapped = mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert(mapped != MAP_FAILED && "no memory");
    base = static_cast<char *>(mapped);
    char *usable = guard == Guard::Before ? base + page : base;
    std::memset(usable, 0xff, room);
    mprotect(guard == Guard::Before ? base : base + room, page, PROT_NONE);
    start = guard == Guard::Before ? usable : usable + (room - bytes);
  }
  /// A copy of the elements.
  GuardedMemory(const Tensor &tensor, Guard guard) : GuardedMemory(tensor.bytes(), guard) {
    if (count > 0)
      std::memcpy(start, tensor.raw(), count);
  }
  GuardedMemory(GuardedMemory &&other)
      : base(std::exchange(other.base, nullptr)), start(other.start), count(other.count),
        whole(other.whole) {}
  ~GuardedMemory() {
    if (base)
      munmap(base, whole);
  }

  char *data() const { return start; }
  /// From now on a write faults.
  void makeConstant() {
    auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    size_t offset = static_cast<size_t>(start - base) / page * page;
    if (count > 0)
      mprotect(base + offset, (count + page - 1) / page * page, PROT_READ);
  }
  void copyTo(Tensor &tensor) const {
    assert(tensor.bytes() == count);
    if (count > 0)
      std::memcpy(tensor.raw(), start, count);
  }

private:
  char *base, *start;
  size_t count, whole;
};

} // namespace dl::test

#endif // DL_TEST_UNIT_SUPPORT_GUARDEDMEMORY_H
