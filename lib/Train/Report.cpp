//===- Report.cpp - What a training says ----------------------------------===//

#include "dl/Train/Loop.h"

#include <cmath>
#include <fmt/format.h>

namespace dl {

void ScoreSum::add(const Metrics &metrics, int64_t batch) {
  loss += metrics.loss * static_cast<double>(batch);
  examples += batch;
  if (metrics.correct >= 0) {
    correct += metrics.correct;
    classifies = true;
  }
}

Score ScoreSum::score() const {
  double count = static_cast<double>(examples);
  Score score;
  score.loss = examples == 0 ? 0 : loss / count;
  if (classifies)
    score.accuracy = static_cast<double>(correct) / count;
  return score;
}

std::string toString(const Score &score, std::string_view prefix) {
  // Four places; a loss too small for them keeps its digits.
  bool isSmall = score.loss != 0 && std::abs(score.loss) < 1e-3;
  std::string text = isSmall ? fmt::format("{}loss: {:.3e}", prefix, score.loss)
                             : fmt::format("{}loss: {:.4f}", prefix, score.loss);
  if (score.accuracy)
    text += fmt::format(" - {}accuracy: {:.4f}", prefix, *score.accuracy);
  return text;
}

std::string formatRate(double perSecond) {
  if (!std::isfinite(perSecond) || perSecond < 1)
    return fmt::format("{:.2g}", perSecond);
  double unit = std::pow(10, std::max(0., std::floor(std::log10(perSecond)) - 2));
  return fmt::format("{:.0f}", std::round(perSecond / unit) * unit);
}

std::string EpochReport::toString() const {
  std::string text = fmt::format("epoch {}/{} - {}", progress.epoch, progress.epochs,
                                 dl::toString(progress.train));
  if (validation)
    text += " - " + dl::toString(*validation, "val_");
  return text + fmt::format(" - {:.1f} s - {} samples/s", progress.seconds,
                            formatRate(progress.samplesPerSecond));
}

} // namespace dl
