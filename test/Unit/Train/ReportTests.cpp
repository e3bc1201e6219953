//===- ReportTests.cpp - What a training says -----------------------------===//

#include "dl/Train/ProgressBar.h"

#include "gtest/gtest.h"

namespace {

using namespace dl;

Progress progress() { return {5, 5, 300, 600, {0.1021, 0.9693}, 1.9, 31512}; }

TEST(Report, TheLastLineOfAnEpoch) {
  EpochReport report{progress(), Score{0.0954, 0.9704}};
  EXPECT_EQ(report.toString(), "epoch 5/5 - loss: 0.1021 - accuracy: 0.9693 - val_loss: 0.0954 - "
                               "val_accuracy: 0.9704 - 1.9 s - 31500 samples/s");
  report.progress.train = {0.00012345, {}};
  report.validation = Score{0.05, {}};
  EXPECT_EQ(report.toString(),
            "epoch 5/5 - loss: 1.234e-04 - val_loss: 0.0500 - 1.9 s - 31500 samples/s");
}

TEST(Report, Rates) {
  EXPECT_EQ(formatRate(0.5), "0.5");
  EXPECT_EQ(formatRate(7.4), "7");
  EXPECT_EQ(formatRate(999.6), "1000");
  EXPECT_EQ(formatRate(31512), "31500");
  EXPECT_EQ(formatRate(1234567), "1230000");
}

TEST(ProgressBar, FitsTheTerminal) {
  EXPECT_EQ(ProgressBar::format(progress(), 120, false),
            "epoch 5/5 [===============>              ]  50% - loss: 0.1021 - accuracy: 0.9693 - "
            "31500 samples/s - 2 s left");
  for (int width = 1; width < 130; ++width)
    EXPECT_LT(ProgressBar::format(progress(), width, false).size(), static_cast<size_t>(width));
}

} // namespace
