//===- Driver.cpp - What the subcommands share ----------------------------===//

#include "Driver.h"

#include "dl/Support/AtomicFile.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

namespace dl::driver {

//===----------------------------------------------------------------------===//
// Output
//===----------------------------------------------------------------------===//

int report(const Error &error) {
  std::string text = error.message;
  // A message with a place has the form of compilers already.
  if (text.find("error: ") == text.npos)
    text = "dlc: error: " + text;
  if (::isatty(STDERR_FILENO)) {
    constexpr std::string_view word = "error: ";
    for (size_t at = text.find(word); at != text.npos; at = text.find(word, at + 20))
      text.replace(at, word.size(), "\x1b[1;31merror:\x1b[0m ");
  }
  fmt::print(stderr, "{}{}", text, text.ends_with('\n') ? "" : "\n");
  return 1;
}

Status print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    return Error{fmt::format("cannot write to standard output: {}", std::strerror(errno))};
  return {};
}

Status writeOutput(const std::string &path, std::string_view bytes) {
  if (path == "-")
    return print(bytes);
  auto file = AtomicFile::create(path);
  if (!file)
    return file.error();
  if (Status status = file->write(bytes.data(), bytes.size()); !status)
    return status;
  return file->commit();
}

std::optional<int> parseOrExit(Arguments &parser, const std::vector<std::string> &arguments) {
  auto parsed = parser.parse(arguments);
  if (!parsed)
    return report(parsed.error());
  if (*parsed)
    return std::nullopt;
  Status status = print(parser.help());
  return status ? 0 : report(status.error());
}

//===----------------------------------------------------------------------===//
// Models and flags
//===----------------------------------------------------------------------===//

Result<Model> loadModel(const std::string &path) {
  if (path.empty())
    return Error{"expected a model file (or '-' for standard input)"};
  if (path != "-")
    return Model::load(path);
  std::string text;
  char chunk[1 << 16];
  while (size_t count = std::fread(chunk, 1, sizeof chunk, stdin))
    text.append(chunk, count);
  if (std::ferror(stdin))
    return Error{fmt::format("<stdin>: error: cannot read: {}", std::strerror(errno))};
  return Model::parse(text, "<stdin>");
}

void addCompileFlags(Arguments &parser, CompileOptions &options) {
  parser.option("-O", "LEVEL",
                "0: no optimisation, 1: simplify, 2: all (the default), 3: slower code generation",
                [&](std::string_view value) -> Status {
                  auto level = parseInteger(value, 0, 3);
                  if (!level)
                    return level.error();
                  options.optLevel = static_cast<int>(*level);
                  return {};
                });
  parser.option("--march", "CPU",
                "host (the default), generic, avx2, avx512, or a CPU that LLVM knows",
                options.march);
  parser.flag("--no-split-f32",
              "multiply f32 matrices as f32 alone, not as bf16 parts where the CPU has tiles (AMX)",
              options.splitF32, /*value=*/false);
  parser.option("--threads", "N", "worker threads; default: one for each core",
                [&](std::string_view value) -> Status {
                  auto threads = parseInteger(value, 1, 1024);
                  if (!threads)
                    return threads.error();
                  options.threads = static_cast<int>(*threads);
                  return {};
                });
  parser.option("--fusion", "on|off", "off: each op is a kernel of its own",
                [&](std::string_view value) -> Status {
                  if (value != "on" && value != "off")
                    return Error{fmt::format("expected on or off, got '{}'", value)};
                  options.fusion = value == "on";
                  return {};
                });
  parser.flag("--no-winograd", "compute convolutions as sums of products only", options.winograd,
              /*value=*/false);
  parser.flag("--no-keep-packed",
              "lay weights out for kernels in each run, not once before; takes less memory",
              options.keepPacked, /*value=*/false);
  parser.option("--cache-dir", "DIR",
                "where compiled code is kept; default: dlc in $XDG_CACHE_HOME or ~/.cache",
                options.cacheDir);
  parser.flag("--no-cache", "keep no compiled code, and use none that was kept", options.cache,
              /*value=*/false);
  parser.flag("--tune",
              "measure several ways to compute each contraction and keep the fastest, for later "
              "compilations too",
              options.tune);
  options.onTuned = [](const std::string &line) { fmt::print(stderr, "tuned {}\n", line); };
}

void addProfileFlag(Arguments &parser, CompileOptions &options) {
  parser.flag("--profile", "tell where the time of the runs went: kernels, what lies between them",
              options.profile);
}

void addSeedFlag(Arguments &parser, CompileOptions &options) {
  parser.option("--seed", "N", "seed of initial weights and of the order of examples (default 0)",
                options.seed);
}

void addLossFlag(Arguments &parser, Loss &loss, const std::string &help) {
  parser.option("--loss", "LOSS", help, [&](std::string_view value) -> Status {
    constexpr std::string_view known[] = {"cross_entropy", "mse", "bce", "bce_with_logits",
                                          "hinge"};
    if (std::ranges::find(known, value) == std::end(known))
      return Error{fmt::format("expected one of {}, got '{}'", fmt::join(known, ", "), value)};
    loss.name = value;
    return {};
  });
}

void addOptimizerFlag(Arguments &parser, Optimizer &optimizer) {
  parser.option(
      "--optimizer", "NAME[,KEY=X,...]",
      "sgd (the default; keys lr, momentum, nesterov, weight_decay) or adam (keys lr, beta1, "
      "beta2, eps, weight_decay); for example sgd,lr=0.1,momentum=0.9",
      [&](std::string_view value) -> Status {
        auto parsed = Optimizer::parse(value);
        if (!parsed)
          return parsed.error();
        optimizer = *parsed;
        return {};
      });
}

std::optional<int64_t> fixedBatch(const Model &model) {
  for (const TensorSpec &input : model.inputs())
    if (!input.shape.empty())
      return input.shape[0] == kOpen ? std::nullopt : std::optional(input.shape[0]);
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

std::string formatCount(int64_t value) {
  std::string digits = fmt::format("{}", value);
  for (size_t at = digits.size(); at > 3 + (value < 0);) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

/// Three digits and a unit, `step` apart.
static std::string scaled(double value, double step, std::initializer_list<const char *> units) {
  const char *const *unit = units.begin();
  while (value >= step && unit + 1 != units.end()) {
    value /= step;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", value, value >= 100 ? 0 : value >= 10 ? 1 : 2, *unit);
}

std::string formatBytes(double bytes) {
  return bytes < 1024 ? fmt::format("{:.0f} B", bytes)
                      : scaled(bytes / 1024, 1024, {"KiB", "MiB", "GiB"});
}
std::string formatFlops(double flops) {
  return scaled(flops, 1000, {"FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP"});
}
std::string formatSeconds(double seconds) {
  return scaled(seconds * 1e9, 1000, {"ns", "us", "ms", "s"});
}

} // namespace dl::driver
