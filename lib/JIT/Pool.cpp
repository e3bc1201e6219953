//===- Pool.cpp - Thread pools and arenas ---------------------------------===//

#include "Pool.h"
#include "dl/Support/Cores.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <new>

#include <sys/mman.h>

namespace dl {

Result<std::shared_ptr<dlrt_pool>> sharedPool(int threads) {
  static std::mutex mutex;
  static std::map<int, std::weak_ptr<dlrt_pool>> pools;
  if (threads < 0 || threads > 1024)
    return Error{fmt::format("error: expected 0 to 1024 threads, got {}", threads)};
  if (threads == 0)
    threads = std::min(availableCores(), 1024);
  if (threads == 1)
    return std::shared_ptr<dlrt_pool>();
  std::lock_guard lock(mutex);
  std::weak_ptr<dlrt_pool> &known = pools[threads];
  if (std::shared_ptr<dlrt_pool> pool = known.lock())
    return pool;
  dlrt_pool *created = dlrt_pool_create(threads);
  if (!created)
    return Error{fmt::format("error: {} threads cannot be started", threads)};
  std::shared_ptr<dlrt_pool> pool(created, dlrt_pool_destroy);
  known = pool;
  return pool;
}

Arenas::~Arenas() {
  std::free(last.load());
  while (Free *arena = first) {
    first = arena->next;
    std::free(arena);
  }
}

/// Stands for an arena of no bytes.
static char nothing;

char *Arenas::acquire() {
  if (bytes == 0)
    return &nothing;
  if (char *arena = last.exchange(nullptr, std::memory_order_acquire))
    return arena;
  {
    std::lock_guard lock(mutex);
    if (Free *arena = first) {
      first = arena->next;
      return reinterpret_cast<char *>(arena);
    }
  }
  // Large arenas lie on huge pages where the system has some: fewer misses of
  // the TLB, fewer page faults in the first run.
  constexpr size_t hugePage = size_t(2) << 20;
  size_t alignment = bytes >= 2 * hugePage ? hugePage : 64;
  size_t size = (bytes + alignment - 1) / alignment * alignment;
  void *arena = std::aligned_alloc(alignment, size);
  if (arena && alignment == hugePage)
    madvise(arena, size, MADV_HUGEPAGE);
  return static_cast<char *>(arena);
}

void Arenas::release(char *arena) {
  char *none = nullptr;
  if (bytes == 0 || last.compare_exchange_strong(none, arena, std::memory_order_release))
    return;
  std::lock_guard lock(mutex);
  first = new (arena) Free{first};
}

} // namespace dl
