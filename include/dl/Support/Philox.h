//===- Philox.h - Counter-based random numbers ------------------*- C++ -*-===//
//
// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
// SC'11): four 32-bit numbers are a function of a key and a counter, so any
// element of a random tensor can be computed alone, in any order.
//
//===----------------------------------------------------------------------===//

#ifndef DL_SUPPORT_PHILOX_H
#define DL_SUPPORT_PHILOX_H

#include <array>
#include <cstdint>
#include <string_view>

namespace dl {

class Philox {
public:
  /// A stream for a seed and a name (of a parameter, a data set, a purpose).
  Philox(uint64_t seed, std::string_view name);

  /// Number `index` of the stream: four independent 32-bit words.
  std::array<uint32_t, 4> block(uint64_t index) const;
  /// Number `index`, uniform in [0, 1), 53 bits.
  double uniform(uint64_t index) const;
  /// Number `index`, normal with mean 0 and variance 1.
  double normal(uint64_t index) const;

private:
  uint64_t seed, stream;
};

} // namespace dl

#endif // DL_SUPPORT_PHILOX_H
