//===- ContractionTarget.h - What contractions are checked on ---*- C++ -*-===//

#ifndef DL_TEST_UNIT_CODEGEN_CONTRACTIONTARGET_H
#define DL_TEST_UNIT_CODEGEN_CONTRACTIONTARGET_H

#include "ContractionCase.h"

#include "dl/Support/Machine.h"

#include "fmt/format.h"

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace dl::test {

/// How products are computed: all by multiply-adds, or, where they can be, through
/// Winograd's transform, or by tiles (AMX), or through the transform by tiles.
enum class Arithmetic { MultiplyAdds, Winograd, Tiles, WinogradTiles };

/// A march (`host-small`: the host, with caches so small that cases fill them), the
/// type of elements, which series of cases is checked on it, how many of them, and
/// how.
struct Target {
  const char *march;
  const char *element;
  uint64_t series;
  int64_t cases;
  Arithmetic arithmetic = Arithmetic::MultiplyAdds;

  std::string name() const { return fmt::format("{} {}", march, way()); }
  const char *way() const {
    switch (arithmetic) {
    case Arithmetic::Winograd:
      return "winograd";
    case Arithmetic::Tiles:
      return "tiles";
    case Arithmetic::WinogradTiles:
      return "winograd_tiles";
    case Arithmetic::MultiplyAdds:
      return element;
    }
    return element;
  }
  bool isWinograd() const {
    return arithmetic == Arithmetic::Winograd || arithmetic == Arithmetic::WinogradTiles;
  }
  bool usesTiles() const {
    return arithmetic == Arithmetic::Tiles || arithmetic == Arithmetic::WinogradTiles;
  }
};

inline void PrintTo(const Target &target, std::ostream *os) { *os << target.name(); }

/// The march of the host with small caches.
inline constexpr const char *kSmallCaches = "host-small";

/// Precondition: the march is known.
Machine machineOf(const Target &target);

/// What strategies do, as their description says it. Every sweep must meet each.
std::vector<const char *> kindsOf(const Target &target);

/// Whether a case's strategy is of a kind.
bool isOfKind(std::string_view kind, const ContractionCase &c, const std::string &strategy);

} // namespace dl::test

#endif // DL_TEST_UNIT_CODEGEN_CONTRACTIONTARGET_H
