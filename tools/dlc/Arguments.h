//===- Arguments.h - Command lines ------------------------------*- C++ -*-===//
//
// A small parser, because each subcommand has flags of its own and the help of
// one should not list those of the others. clang's habits: `--name=value` or
// `--name value`, `-o FILE`, `-O2`, `--` ends the flags, `-` is a file.
//
//===----------------------------------------------------------------------===//

#ifndef DL_TOOLS_DLC_ARGUMENTS_H
#define DL_TOOLS_DLC_ARGUMENTS_H

#include "dl/Error.h"

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace dl::driver {

class Arguments {
public:
  using Handler = std::function<Status(std::string_view)>;

  /// `usage`: what follows `Usage: ` in the help; `text`: what the command does.
  Arguments(std::string command, std::string usage, std::string text)
      : command(std::move(command)), usage(std::move(usage)), text(std::move(text)) {}

  /// The one argument that is no flag.
  void positional(std::string name, std::string &value);
  /// A heading in the help for the flags that follow.
  void group(std::string title);
  /// A flag with a value. `name` with its dashes; `-O` takes its value glued on.
  void option(std::string name, std::string value, std::string help, Handler handler);
  void option(std::string name, std::string value, std::string help, std::string &target);
  /// An integer in [low, high].
  void option(std::string name, std::string value, std::string help, int64_t &target, int64_t low,
              int64_t high = std::numeric_limits<int64_t>::max());
  void option(std::string name, std::string value, std::string help, uint64_t &target);
  /// A flag without one: what it sets the target to.
  void flag(std::string name, std::string help, bool &target, bool value = true);

  /// Text after the flags in the help.
  void epilogue(std::string value) { after = std::move(value); }

  /// Handles the arguments. False: help was asked for (see help). Error: an
  /// unknown flag, a missing or wrong value, too many or too few arguments.
  Result<bool> parse(const std::vector<std::string> &arguments);
  std::string help() const;

private:
  struct Flag {
    std::string name, value, help;
    Handler handler; // none for a heading
    bool isGlued() const { return name.size() == 2 && name[1] == 'O'; }
  };
  Status parseFlag(const std::vector<std::string> &arguments, size_t &index);
  const Flag *find(std::string_view name) const;
  Error unknown(std::string_view name) const;

  std::string command, usage, text, after;
  std::string positionalName;
  std::string *positionalValue = nullptr;
  std::vector<Flag> flags;
};

/// Parses a whole decimal number. Error: in words.
Result<int64_t> parseInteger(std::string_view text, int64_t low, int64_t high);

} // namespace dl::driver

#endif // DL_TOOLS_DLC_ARGUMENTS_H
