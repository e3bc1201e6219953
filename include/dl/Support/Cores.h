//===- Cores.h - Cores that this process may use ----------------*- C++ -*-===//

#ifndef DL_SUPPORT_CORES_H
#define DL_SUPPORT_CORES_H

namespace dl {

/// Cores that the system lets this process run on, at least 1. Not a part of
/// Machine: code is the same for any number of them.
int availableCores();

} // namespace dl

#endif // DL_SUPPORT_CORES_H
