//===- Machine.h - What the code generator knows of a CPU -------*- C++ -*-===//

#ifndef DL_SUPPORT_MACHINE_H
#define DL_SUPPORT_MACHINE_H

#include "dl/Error.h"

#include <cstdint>
#include <string>

namespace dl {

/// A CPU, described by what matters for choosing kernels. For the host it is
/// taken from CPUID and the system; features decide, never the CPU's name. Cores are
/// not counted: code is the same for any number of threads.
struct Machine {
  std::string triple;
  /// For LLVM: `-mcpu` and `-mattr`.
  std::string cpu = "x86-64";
  std::string features;

  int vectorBits = 128; // widest vectors used
  int vectorRegisters = 16;
  bool hasFMA = false;
  bool hasTiles = false;        // products of bf16 tiles (AMX), granted by the system
  bool hasMaskedMemory = false; // masked loads and stores are cheap (AVX-512, AVX2)
  int64_t l1Bytes = 32 << 10, l2Bytes = 256 << 10, l3Bytes = 4 << 20; // of one core; l3 shared

  /// What caches move at once, of all CPUs that code is generated for.
  static constexpr int64_t lineBytes = 64;

  int lanes(int elementBits) const { return vectorBits / elementBits; }

  /// `march`: `host`, `generic`, `avx2`, `avx512`, or a CPU that LLVM knows.
  /// `target`: a triple of x86-64, AArch64 or RISC-V; empty: this machine. For
  /// another architecture than this one's `host` means `generic`, which on RISC-V
  /// has vectors (V) of 128 bits or more.
  static Result<Machine> get(const std::string &march, const std::string &target = "");
};

} // namespace dl

#endif // DL_SUPPORT_MACHINE_H
