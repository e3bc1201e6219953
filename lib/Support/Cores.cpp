//===- Cores.cpp - Cores that this process may use ------------------------===//

#include "dl/Support/Cores.h"

#include <sched.h>

namespace dl {

int availableCores() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

} // namespace dl
