//===- Optimizer.cpp - Optimisers by name ---------------------------------===//

#include "dl/Support/Optimizer.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>

namespace dl {

namespace {
/// A number among the settings, and where it lies.
struct Setting {
  std::string_view key;
  double Optimizer::*member;
  /// The optimiser that has it; empty for all.
  std::string_view owner;
  /// Exclusive bound above; the one below is 0, inclusive.
  double bound;
};
} // namespace

static constexpr double kUnbounded = std::numeric_limits<double>::infinity();
static constexpr Setting kSettings[] = {
    {"lr", &Optimizer::lr, "", kUnbounded},
    {"weight_decay", &Optimizer::weightDecay, "", kUnbounded},
    {"momentum", &Optimizer::momentum, "sgd", kUnbounded},
    {"beta1", &Optimizer::beta1, "adam", 1},
    {"beta2", &Optimizer::beta2, "adam", 1},
    {"eps", &Optimizer::epsilon, "adam", kUnbounded},
};

static bool isKnown(std::string_view name) { return name == "sgd" || name == "adam"; }

static std::string keysOf(std::string_view name) {
  std::string keys;
  for (const Setting &setting : kSettings)
    if (setting.owner.empty() || setting.owner == name)
      keys += fmt::format("{}{}", keys.empty() ? "" : ", ", setting.key);
  return name == "sgd" ? keys + ", nesterov" : keys;
}

static Error unknownName(std::string_view name) {
  return {fmt::format("expected the optimizer sgd or adam, got '{}'", name)};
}

Status checkOptimizer(const Optimizer &optimizer) {
  if (!isKnown(optimizer.name))
    return unknownName(optimizer.name);
  const Optimizer defaults;
  for (const Setting &setting : kSettings) {
    double value = optimizer.*setting.member;
    if (!setting.owner.empty() && setting.owner != optimizer.name) {
      if (value != defaults.*setting.member)
        return Error{fmt::format("optimizer {} has no setting '{}'; it has {}", optimizer.name,
                                 setting.key, keysOf(optimizer.name))};
    } else if (!std::isfinite(value) || value < 0 || value >= setting.bound) {
      std::string range = setting.bound == kUnbounded
                              ? "a finite number of at least 0"
                              : fmt::format("a number in [0, {})", setting.bound);
      return Error{fmt::format("expected {} as '{}' of optimizer {}, got {}", range, setting.key,
                               optimizer.name, value)};
    }
  }
  if (optimizer.nesterov && optimizer.name != "sgd")
    return Error{fmt::format("optimizer {} has no setting 'nesterov'; it has {}", optimizer.name,
                             keysOf(optimizer.name))};
  if (optimizer.nesterov && optimizer.momentum == 0)
    return Error{"expected a momentum other than 0 with nesterov"};
  return {};
}

static std::optional<double> parseNumber(std::string_view text) {
  double value = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

/// Sets `key=value`, or the flag `nesterov`.
static Status applySetting(Optimizer &optimizer, std::string_view text) {
  size_t equals = text.find('=');
  std::string_view key = text.substr(0, equals);
  std::string_view value = equals == std::string_view::npos ? "" : text.substr(equals + 1);
  if (key == "nesterov" && optimizer.name == "sgd") {
    if (value != "true" && value != "false" && equals != std::string_view::npos)
      return Error{fmt::format("expected true or false as 'nesterov', got '{}'", value)};
    optimizer.nesterov = value != "false";
    return {};
  }
  for (const Setting &setting : kSettings) {
    if (setting.key != key || (!setting.owner.empty() && setting.owner != optimizer.name))
      continue;
    std::optional<double> number = parseNumber(value);
    if (!number)
      return Error{fmt::format("expected a number as '{}' of optimizer {}, got '{}'", key,
                               optimizer.name, value)};
    optimizer.*setting.member = *number;
    return {};
  }
  return Error{fmt::format("optimizer {} has no setting '{}'; it has {}", optimizer.name, key,
                           keysOf(optimizer.name))};
}

Result<Optimizer> Optimizer::parse(std::string_view text) {
  auto takePart = [&text] {
    size_t comma = text.find(',');
    std::string_view part = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    return part;
  };
  Optimizer optimizer;
  optimizer.name = takePart();
  if (!isKnown(optimizer.name))
    return unknownName(optimizer.name);
  if (optimizer.name == "adam")
    optimizer.lr = optim::adam().lr;
  while (!text.empty())
    if (Status status = applySetting(optimizer, takePart()); !status)
      return status.error();
  if (Status status = checkOptimizer(optimizer); !status)
    return status.error();
  return optimizer;
}

} // namespace dl
