//===- Pool.h - Thread pools and arenas -------------------------*- C++ -*-===//

#ifndef DL_LIB_JIT_POOL_H
#define DL_LIB_JIT_POOL_H

#include "dl/Error.h"
#include "dl/Runtime/Runtime.h"

#include <atomic>
#include <memory>
#include <mutex>

namespace dl {

/// A pool of `threads` workers, shared by all that ask for as many. 0: one for
/// each core available. Null for 1: the caller is enough.
Result<std::shared_ptr<dlrt_pool>> sharedPool(int threads);

/// Memory for the runs of a program. As many arenas as runs at the same time;
/// they are kept, so that a run allocates nothing once there are enough.
class Arenas {
public:
  explicit Arenas(size_t bytes) : bytes(bytes) {}
  ~Arenas();
  Arenas(const Arenas &) = delete;
  Arenas &operator=(const Arenas &) = delete;

  /// 64-byte aligned (not if there are no bytes); null where memory is lacking.
  char *acquire();
  void release(char *arena);

private:
  /// Lies in an arena that is not in use.
  struct Free {
    Free *next;
  };
  size_t bytes;
  /// The arena given back last, or null: runs that do not overlap need no lock.
  std::atomic<char *> last = nullptr;
  std::mutex mutex;
  Free *first = nullptr;
};

} // namespace dl

#endif // DL_LIB_JIT_POOL_H
