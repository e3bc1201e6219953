//===- Arguments.cpp - Command lines --------------------------------------===//

#include "Arguments.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace dl::driver {

Result<int64_t> parseInteger(std::string_view text, int64_t low, int64_t high) {
  int64_t number = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code == std::errc() && end == text.data() + text.size() && number >= low && number <= high)
    return number;
  if (high == std::numeric_limits<int64_t>::max())
    return Error{fmt::format("expected an integer of at least {}, got '{}'", low, text)};
  return Error{fmt::format("expected an integer from {} to {}, got '{}'", low, high, text)};
}

void Arguments::positional(std::string name, std::string &value) {
  positionalName = std::move(name);
  positionalValue = &value;
}

void Arguments::group(std::string title) { flags.push_back({std::move(title), "", "", {}}); }

void Arguments::option(std::string name, std::string value, std::string help, Handler handler) {
  flags.push_back({std::move(name), std::move(value), std::move(help), std::move(handler)});
}

void Arguments::option(std::string name, std::string value, std::string help, std::string &target) {
  option(name, std::move(value), std::move(help), [&target](std::string_view given) -> Status {
    if (given.empty())
      return Error{"expected a value, got none"};
    target = given;
    return {};
  });
}

void Arguments::option(std::string name, std::string value, std::string help, int64_t &target,
                       int64_t low, int64_t high) {
  option(name, std::move(value), std::move(help),
         [&target, low, high](std::string_view given) -> Status {
           auto number = parseInteger(given, low, high);
           if (!number)
             return number.error();
           target = *number;
           return {};
         });
}

void Arguments::option(std::string name, std::string value, std::string help, uint64_t &target) {
  option(name, std::move(value), std::move(help), [&target](std::string_view given) -> Status {
    auto number = parseInteger(given, 0, std::numeric_limits<int64_t>::max());
    if (!number)
      return number.error();
    target = static_cast<uint64_t>(*number);
    return {};
  });
}

void Arguments::flag(std::string name, std::string help, bool &target, bool value) {
  flags.push_back(
      {std::move(name), "", std::move(help), [&target, value](std::string_view) -> Status {
         target = value;
         return {};
       }});
}

const Arguments::Flag *Arguments::find(std::string_view name) const {
  for (const Flag &flag : flags)
    if (flag.handler && (flag.name == name || (flag.isGlued() && name.starts_with(flag.name))))
      return &flag;
  return nullptr;
}

/// Levenshtein's distance.
static size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j < row.size(); ++j)
    row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

Error Arguments::unknown(std::string_view name) const {
  const Flag *nearest = nullptr;
  size_t best = std::max<size_t>(2, name.size() / 3);
  for (const Flag &flag : flags)
    if (size_t d = flag.handler ? distance(name, flag.name) : best + 1; d <= best) {
      best = d;
      nearest = &flag;
    }
  return Error{fmt::format("unknown flag '{}'{}; see '{} --help'", name,
                           nearest ? fmt::format(": did you mean '{}'?", nearest->name) : "",
                           command)};
}

Status Arguments::parseFlag(const std::vector<std::string> &arguments, size_t &index) {
  std::string_view argument = arguments[index];
  size_t equal = argument.find('=');
  std::string_view name = argument.substr(0, equal);
  const Flag *flag = find(name);
  if (!flag)
    return unknown(name);
  std::string_view value;
  if (flag->isGlued()) {
    value = argument.substr(flag->name.size());
  } else if (flag->value.empty()) {
    if (equal != argument.npos)
      return Error{
          fmt::format("flag '{}' takes no value, got '{}'", name, argument.substr(equal + 1))};
  } else if (equal != argument.npos) {
    value = argument.substr(equal + 1);
  } else if (index + 1 < arguments.size()) {
    value = arguments[++index];
  } else {
    return Error{fmt::format("flag '{}': expected {}, got nothing", name, flag->value)};
  }
  Status status = flag->handler(value);
  if (!status)
    return Error{fmt::format("flag '{}': {}", flag->name, status.error().message)};
  return {};
}

Result<bool> Arguments::parse(const std::vector<std::string> &arguments) {
  bool flagsEnded = false, seen = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string &argument = arguments[i];
    if (!flagsEnded && argument == "--") {
      flagsEnded = true;
    } else if (!flagsEnded && (argument == "--help" || argument == "-h")) {
      return false;
    } else if (!flagsEnded && argument.size() > 1 && argument[0] == '-') {
      if (Status status = parseFlag(arguments, i); !status)
        return status.error();
    } else if (!positionalValue || seen) {
      return Error{fmt::format("unexpected argument '{}'; see '{} --help'", argument, command)};
    } else {
      *positionalValue = argument;
      seen = true;
    }
  }
  return true;
}

/// Breaks lines between words and indents all but the first.
static std::string wrap(const std::string &text, size_t indent, size_t width) {
  std::string result;
  size_t column = indent;
  size_t at = 0;
  while (at < text.size()) {
    size_t end = std::min(text.find_first_of(" \n", at), text.size());
    std::string word = text.substr(at, end - at);
    if (column > indent && column + 1 + word.size() > width) {
      result += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      result += ' ';
      ++column;
    }
    result += word;
    column += word.size();
    if (end < text.size() && text[end] == '\n') {
      result += "\n" + std::string(indent, ' ');
      column = indent;
    }
    at = end + 1;
  }
  return result;
}

std::string Arguments::help() const {
  constexpr size_t column = 28, width = 96;
  std::string result = fmt::format("Usage: {}\n\n{}\n", usage, text);
  for (const Flag &flag : flags) {
    if (!flag.handler) {
      result += fmt::format("\n{}:\n", flag.name);
      continue;
    }
    const char *separator = flag.isGlued() || flag.value.empty() ? ""
                            : flag.name.size() == 2              ? " "
                                                                 : "=";
    std::string head = fmt::format("  {}{}{}", flag.name, separator, flag.value);
    result += fmt::format("{:<{}}", head, column);
    if (head.size() + 2 > column)
      result += "\n" + std::string(column, ' ');
    result += wrap(flag.help, column, width) + "\n";
  }
  return after.empty() ? result : result + "\n" + after;
}

} // namespace dl::driver
