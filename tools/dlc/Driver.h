//===- Driver.h - What the subcommands share --------------------*- C++ -*-===//

#ifndef DL_TOOLS_DLC_DRIVER_H
#define DL_TOOLS_DLC_DRIVER_H

#include "Arguments.h"
#include "dl/Trainer.h"

#include <optional>

namespace dl::driver {

/// A subcommand's exit status: 0, 1 after an error, 130 when interrupted.
using Command = int (*)(const std::vector<std::string> &arguments);

int compileMain(const std::vector<std::string> &arguments);
int runMain(const std::vector<std::string> &arguments);
int trainMain(const std::vector<std::string> &arguments);
int evalMain(const std::vector<std::string> &arguments);
int summaryMain(const std::vector<std::string> &arguments);
int benchMain(const std::vector<std::string> &arguments);

/// Prints an error to stderr, as `dlc: error: …` unless it names its own place.
/// Returns 1.
int report(const Error &error);
/// Writes all of a text to stdout. Error: it cannot be written.
Status print(std::string_view text);
/// Writes to a file (atomically) or, for `-`, to stdout.
Status writeOutput(const std::string &path, std::string_view bytes);

/// Parses, or prints the help or the error; then the exit status.
std::optional<int> parseOrExit(Arguments &parser, const std::vector<std::string> &arguments);

/// A model file; `-` is stdin, an empty path an error.
Result<Model> loadModel(const std::string &path);

/// Flags of every subcommand that compiles: -O, --march, --threads, --cache-dir, --tune, ...
void addCompileFlags(Arguments &parser, CompileOptions &options);
/// --profile.
void addProfileFlag(Arguments &parser, CompileOptions &options);
/// --seed.
void addSeedFlag(Arguments &parser, CompileOptions &options);
/// --loss; checked when given.
void addLossFlag(Arguments &parser, Loss &loss, const std::string &help);
void addOptimizerFlag(Arguments &parser, Optimizer &optimizer);

/// The first extent of the model's inputs where it is fixed.
std::optional<int64_t> fixedBatch(const Model &model);
/// `1,234`, `1.2 MB`, `3.4 GFLOP`.
std::string formatCount(int64_t value);
std::string formatBytes(double bytes);
std::string formatFlops(double flops);
std::string formatSeconds(double seconds);

} // namespace dl::driver

#endif // DL_TOOLS_DLC_DRIVER_H
