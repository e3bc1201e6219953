/*===- Tiles.c - Permission to use tiles -----------------------------------===*\
|*                                                                            *|
|* Linux saves the 8 KiB of tile registers for those processes that asked. The *|
|* permission is the whole process's: its other threads have it too.          *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/

#define _GNU_SOURCE
#include "dl/Runtime/Runtime.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

void dlrt_enable_tiles(void) {
#if defined(__x86_64__) && defined(SYS_arch_prctl)
  enum { kRequestPermission = 0x1023, kTileData = 18 };
  static _Atomic bool isDone;
  if (atomic_load_explicit(&isDone, memory_order_relaxed))
    return;
  syscall(SYS_arch_prctl, kRequestPermission, kTileData);
  atomic_store_explicit(&isDone, true, memory_order_relaxed);
#endif
}
