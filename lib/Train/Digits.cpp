//===- Digits.cpp - Digit images drawn by the program ---------------------===//
//
// Handwriting for tests and demonstrations, with nothing to download. A digit is
// a few pen strokes; an image draws one of the ways to write it, each point moved
// a little, the whole scaled, sheared, turned and placed at random, with a pen of
// random thickness and pressure, and noise. Example i of a split is a function of
// the split's name and i: other sizes of the set give the same first images.
//
//===----------------------------------------------------------------------===//

#include "dl/Support/Philox.h"
#include "dl/Train/Data.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace dl {

namespace {

constexpr int kSide = 28;

struct Point {
  double x, y;
};
using Stroke = std::vector<Point>;

/// Random numbers of one image, one after the other.
class Dice {
public:
  Dice(const Philox &stream, int64_t image)
      : stream(stream), next(static_cast<uint64_t>(image) << 16) {}
  double uniform(double low, double high) { return low + (high - low) * stream.uniform(next++); }
  double normal() { return stream.normal(next++); }
  int below(int count) { return std::min(static_cast<int>(uniform(0, count)), count - 1); }

private:
  const Philox &stream;
  uint64_t next;
};

} // namespace

/// Part of an ellipse, from angle `from` to `to` in degrees (0: right, 90: down).
static Stroke arc(Point center, double rx, double ry, double from, double to) {
  Stroke points;
  int steps = std::max(4, static_cast<int>(std::abs(to - from) / 20));
  for (int i = 0; i <= steps; ++i) {
    double angle = (from + (to - from) * i / steps) * std::numbers::pi / 180;
    points.push_back({center.x + rx * std::cos(angle), center.y + ry * std::sin(angle)});
  }
  return points;
}

static Stroke join(Stroke a, const Stroke &b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// The ways to write a digit, in a box from (0, 0), top left, to (1, 1).
static std::vector<std::vector<Stroke>> makeGlyphs(int digit) {
  switch (digit) {
  case 0:
    return {{arc({.5, .5}, .32, .48, -90, 270)}, {arc({.5, .5}, .24, .48, -80, 275)}};
  case 1:
    return {{{{.5, 0}, {.5, 1}}},
            {{{.28, .25}, {.52, .02}, {.52, 1}}},
            {{{.3, .22}, {.5, .02}, {.5, 1}}, {{.28, 1}, {.74, 1}}}};
  case 2:
    return {{join(arc({.5, .3}, .32, .29, -170, 40), {{.18, .98}, {.85, .98}})},
            {join(arc({.48, .28}, .3, .27, -160, 50),
                  join({{.35, .8}}, arc({.28, .87}, .11, .1, -60, -330))),
             {{.28, .9}, {.55, .9}, {.88, .97}}}};
  case 3:
    return {{join(arc({.46, .26}, .29, .25, -150, 90), arc({.46, .74}, .33, .26, -90, 150))},
            {{{.2, .03}, {.76, .03}, {.45, .42}}, arc({.46, .71}, .32, .28, -90, 150)}};
  case 4:
    return {{{{.62, 0}, {.14, .66}, {.88, .66}}, {{.64, .3}, {.64, 1}}},
            {{{.24, .03}, {.2, .5}, {.78, .5}}, {{.76, .02}, {.72, 1}}}};
  case 5:
    return {{{{.8, .03}, {.28, .03}, {.24, .44}},
             join({{.24, .44}}, arc({.46, .69}, .33, .29, -110, 150))},
            {join({{.78, .02}, {.3, .06}, {.25, .46}}, arc({.44, .7}, .34, .27, -100, 140))}};
  case 6:
    return {{join(arc({.72, .62}, .52, .6, -105, -180), arc({.5, .7}, .3, .28, 180, -180))},
            {join({{.62, 0}, {.3, .42}}, arc({.49, .71}, .28, .27, 200, -170))}};
  case 7:
    return {{{{.16, .04}, {.84, .04}, {.4, 1}}},
            {{{.16, .04}, {.84, .04}, {.42, 1}}, {{.32, .5}, {.76, .5}}},
            {{{.17, .16}, {.17, .04}, {.82, .04}, {.55, .45}, {.46, 1}}}};
  case 8:
    return {{arc({.5, .25}, .26, .24, 90, 450), arc({.5, .74}, .32, .26, -90, 270)},
            {join(arc({.5, .25}, .25, .24, -40, -270), arc({.5, .74}, .29, .26, -90, 210)),
             {{.25, .62}, {.69, .1}}}};
  default:
    return {{arc({.5, .29}, .29, .28, 0, 360), {{.79, .29}, {.7, 1}}},
            {arc({.48, .28}, .28, .27, -10, 350),
             join({{.76, .26}}, arc({.4, .66}, .37, .33, -10, 120))}};
  }
}

/// A pen's line from a to b on a canvas of ink from 0 to 1; edges are smooth.
static void drawSegment(float *canvas, Point a, Point b, double radius) {
  double reach = radius + 1;
  auto clampCell = [](double v) {
    return std::clamp(static_cast<int>(std::floor(v)), 0, kSide - 1);
  };
  int left = clampCell(std::min(a.x, b.x) - reach), right = clampCell(std::max(a.x, b.x) + reach);
  int top = clampCell(std::min(a.y, b.y) - reach), bottom = clampCell(std::max(a.y, b.y) + reach);
  double dx = b.x - a.x, dy = b.y - a.y, square = std::max(dx * dx + dy * dy, 1e-12);
  for (int y = top; y <= bottom; ++y)
    for (int x = left; x <= right; ++x) {
      double px = x + .5 - a.x, py = y + .5 - a.y;
      double t = std::clamp((px * dx + py * dy) / square, 0., 1.);
      double ex = px - t * dx, ey = py - t * dy;
      double ink = std::clamp(radius + .5 - std::sqrt(ex * ex + ey * ey), 0., 1.);
      float &cell = canvas[y * kSide + x];
      cell = std::max(cell, static_cast<float>(ink));
    }
}

static void drawDigit(uint8_t *pixels, const std::vector<Stroke> &glyph, Dice &dice) {
  double height = dice.uniform(15, 21), width = height * dice.uniform(.65, 1.);
  double angle = dice.uniform(-.2, .2), shear = dice.uniform(-.3, .2);
  double cx = kSide / 2. + dice.uniform(-2.5, 2.5), cy = kSide / 2. + dice.uniform(-2.5, 2.5);
  double radius = dice.uniform(.7, 1.7), ink = dice.uniform(.75, 1.), noise = dice.uniform(0, .12);
  double wobble = dice.uniform(0, .025);

  auto place = [&](Point p) {
    double x = (p.x - .5 + wobble * dice.normal()) * width;
    double y = (p.y - .5 + wobble * dice.normal()) * height;
    x += -shear * y;
    return Point{cx + x * std::cos(angle) - y * std::sin(angle),
                 cy + x * std::sin(angle) + y * std::cos(angle)};
  };
  float canvas[kSide * kSide] = {};
  for (const Stroke &stroke : glyph) {
    Point last = place(stroke.front());
    for (size_t i = 1; i < stroke.size(); ++i) {
      Point point = place(stroke[i]);
      drawSegment(canvas, last, point, radius);
      last = point;
    }
  }
  for (int i = 0; i < kSide * kSide; ++i) {
    // The sum of two uniform numbers is near enough to a bell for noise.
    double grain = noise * (dice.uniform(-1, 1) + dice.uniform(-1, 1));
    pixels[i] =
        static_cast<uint8_t>(std::lround(255 * std::clamp(canvas[i] * ink + grain, 0., 1.)));
  }
}

static Examples drawSplit(const std::vector<std::vector<std::vector<Stroke>>> &glyphs,
                          std::string_view name, int64_t count) {
  Philox stream(/*seed=*/1, name);
  Examples examples{{{"x", Tensor(DType::U8, {count, kSide, kSide})}}, Tensor(DType::I32, {count})};
  uint8_t *pixels = examples.inputs[0].values.data<uint8_t>();
  for (int64_t i = 0; i < count; ++i) {
    Dice dice(stream, i);
    int digit = dice.below(10);
    const auto &ways = glyphs[static_cast<size_t>(digit)];
    const auto &glyph = ways[static_cast<size_t>(dice.below(static_cast<int>(ways.size())))];
    drawDigit(pixels + i * kSide * kSide, glyph, dice);
    examples.targets.data<int32_t>()[i] = digit;
  }
  return examples;
}

DataSet drawDigits(int64_t train, int64_t test) {
  std::vector<std::vector<std::vector<Stroke>>> glyphs;
  for (int digit = 0; digit < 10; ++digit)
    glyphs.push_back(makeGlyphs(digit));
  DataSet set;
  set.name = "digits";
  set.train = drawSplit(glyphs, "digits.train", train);
  set.test = drawSplit(glyphs, "digits.test", test);
  set.classes = 10;
  return set;
}

} // namespace dl
