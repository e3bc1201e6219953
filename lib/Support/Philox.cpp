//===- Philox.cpp - Counter-based random numbers --------------------------===//

#include "dl/Support/Philox.h"

#include <cmath>
#include <numbers>

namespace dl {

/// FNV-1a: names become streams. Not cryptographic; the names of one model are
/// few, so 64 bits keep them apart.
static uint64_t hash(std::string_view text) {
  uint64_t state = 0xcbf29ce484222325u;
  for (char c : text)
    state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return state;
}

/// 53 random bits as a number in [0, 1).
static double toUnit(uint32_t high, uint32_t low) {
  uint64_t bits = (static_cast<uint64_t>(high) << 32 | low) >> 11;
  return static_cast<double>(bits) * 0x1p-53;
}

Philox::Philox(uint64_t seed, std::string_view name) : seed(seed), stream(hash(name)) {}

std::array<uint32_t, 4> Philox::block(uint64_t index) const {
  // The constants are those of the paper (and of Random123).
  constexpr uint64_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
  constexpr uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  std::array<uint32_t, 4> x = {static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32),
                               static_cast<uint32_t>(stream), static_cast<uint32_t>(stream >> 32)};
  uint32_t key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    uint64_t product0 = kMultiplier0 * x[0], product1 = kMultiplier1 * x[2];
    x = {static_cast<uint32_t>(product1 >> 32) ^ x[1] ^ key0, static_cast<uint32_t>(product1),
         static_cast<uint32_t>(product0 >> 32) ^ x[3] ^ key1, static_cast<uint32_t>(product0)};
    key0 += kWeyl0;
    key1 += kWeyl1;
  }
  return x;
}

double Philox::uniform(uint64_t index) const {
  std::array<uint32_t, 4> x = block(index);
  return toUnit(x[0], x[1]);
}

double Philox::normal(uint64_t index) const {
  // Box and Muller. The radius takes a number in (0, 1], where log is finite.
  std::array<uint32_t, 4> x = block(index);
  double radius = std::sqrt(-2 * std::log(1 - toUnit(x[0], x[1])));
  return radius * std::cos(2 * std::numbers::pi * toUnit(x[2], x[3]));
}

} // namespace dl
