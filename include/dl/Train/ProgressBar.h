//===- ProgressBar.h - A training epoch on a terminal -----------*- C++ -*-===//

#ifndef DL_TRAIN_PROGRESSBAR_H
#define DL_TRAIN_PROGRESSBAR_H

#include "dl/Train/Loop.h"

#include <chrono>

namespace dl {

/// One line that says where an epoch stands, drawn over itself. Each drawing is
/// a single write, at most 20 a second, so it does not flicker. The cursor is
/// hidden while the line stands and comes back when the bar is erased or goes.
class ProgressBar {
public:
  /// `descriptor`: of a terminal.
  explicit ProgressBar(int descriptor) : descriptor(descriptor) {}
  ~ProgressBar() { erase(); }
  ProgressBar(const ProgressBar &) = delete;
  ProgressBar &operator=(const ProgressBar &) = delete;

  void update(const Progress &progress);
  /// Leaves the terminal as it was before the bar.
  void erase();

  /// The line for a terminal of the given width: what does not fit is left out,
  /// the bar first, then from the end.
  static std::string format(const Progress &progress, int width, bool unicode);

private:
  int descriptor;
  bool shown = false;
  std::chrono::steady_clock::time_point last{};
};

} // namespace dl

#endif // DL_TRAIN_PROGRESSBAR_H
