//===- ProgressBar.cpp - A training epoch on a terminal -------------------===//

#include "dl/Train/ProgressBar.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace dl {

static std::string formatDuration(double seconds) {
  int64_t whole = static_cast<int64_t>(std::ceil(std::clamp(seconds, 0., 1e9)));
  if (whole < 60)
    return fmt::format("{} s", whole);
  if (whole < 3600)
    return fmt::format("{}:{:02} min", whole / 60, whole % 60);
  return fmt::format("{}:{:02} h", whole / 3600, whole / 60 % 60);
}

static std::string formatBar(double done, int cells, bool unicode) {
  int full = static_cast<int>(std::clamp(done, 0., 1.) * cells);
  std::string bar;
  for (int i = 0; i < cells; ++i)
    bar += unicode ? (i < full    ? "━"
                      : i == full ? "╸"
                                  : " ")
                   : (i < full    ? "="
                      : i == full ? ">"
                                  : " ");
  return unicode ? bar : "[" + bar + "]";
}

std::string ProgressBar::format(const Progress &progress, int width, bool unicode) {
  double done = progress.steps == 0
                    ? 1
                    : static_cast<double>(progress.step) / static_cast<double>(progress.steps);
  std::string head = fmt::format("epoch {}/{} ", progress.epoch, progress.epochs);
  std::string tail = fmt::format(" {:3.0f}% - {}", 100 * done, toString(progress.train));
  // Time left in this epoch at the speed so far.
  double secondsLeft = done > 0 ? progress.seconds * (1 - done) / done : 0;
  std::string speed = fmt::format(" - {} samples/s", formatRate(progress.samplesPerSecond));
  std::string left = fmt::format(" - {} left", formatDuration(secondsLeft));
  constexpr int most = 30, least = 6;
  auto room = [&] { return width - 3 - static_cast<int>(head.size() + tail.size()); };
  for (const std::string &part : {speed, left})
    if (room() >= static_cast<int>(part.size()))
      tail += part;
  int cells = std::min(most, room());
  std::string line = cells >= least ? head + formatBar(done, cells, unicode) + tail : head + tail;
  if (cells < least && static_cast<int>(line.size()) >= width)
    line.resize(static_cast<size_t>(std::max(width - 1, 0)));
  return line;
}

static bool speaksUnicode() {
  for (const char *name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (const char *value = std::getenv(name); value && *value) {
      std::string_view locale = value;
      return locale.find("UTF-8") != locale.npos || locale.find("utf8") != locale.npos;
    }
  return false;
}

static void writeAll(int descriptor, std::string_view text) {
  while (!text.empty()) {
    ssize_t count = ::write(descriptor, text.data(), text.size());
    if (count < 0 && errno != EINTR)
      return; // a terminal that went away takes no bar
    text.remove_prefix(static_cast<size_t>(std::max<ssize_t>(count, 0)));
  }
}

void ProgressBar::update(const Progress &progress) {
  constexpr auto interval = std::chrono::milliseconds(50);
  auto now = std::chrono::steady_clock::now();
  if (shown && now - last < interval)
    return;
  last = now;
  winsize size = {};
  int width = ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col != 0 ? size.ws_col : 80;
  // Carriage return, the line, the rest of the old line cleared.
  writeAll(descriptor, fmt::format("{}\r{}\x1b[K", shown ? "" : "\x1b[?25l",
                                   format(progress, width, speaksUnicode())));
  shown = true;
}

void ProgressBar::erase() {
  if (!shown)
    return;
  writeAll(descriptor, "\r\x1b[K\x1b[?25h");
  shown = false;
}

} // namespace dl
