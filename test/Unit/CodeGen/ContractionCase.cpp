//===- ContractionCase.cpp - Generated contractions -----------------------===//

#include "ContractionCase.h"

#include "fmt/format.h"
#include "fmt/ranges.h"

#include <random>
#include <sstream>

namespace dl::test {

namespace {

struct Field {
  const char *name;
  int64_t ContractionCase::*member;
  int64_t least;

  /// What a line need not say.
  int64_t usual() const { return ContractionCase().*member; }
};

constexpr Field kFields[] = {
    {"b0", &ContractionCase::b0, 0},
    {"b1", &ContractionCase::b1, 0},
    {"broadcastA", &ContractionCase::broadcastA, 0},
    {"broadcastB", &ContractionCase::broadcastB, 0},
    {"m", &ContractionCase::m, 0},
    {"n", &ContractionCase::n, 0},
    {"k", &ContractionCase::k, 0},
    {"ta", &ContractionCase::ta, 0},
    {"tb", &ContractionCase::tb, 0},
    {"images", &ContractionCase::images, 1},
    {"height", &ContractionCase::height, 1},
    {"width", &ContractionCase::width, 1},
    {"inputs", &ContractionCase::inputs, 1},
    {"outputs", &ContractionCase::outputs, 1},
    {"groups", &ContractionCase::groups, 1},
    {"kh", &ContractionCase::kernelHeight, 1},
    {"kw", &ContractionCase::kernelWidth, 1},
    {"sh", &ContractionCase::strideHeight, 1},
    {"sw", &ContractionCase::strideWidth, 1},
    {"dh", &ContractionCase::dilationHeight, 1},
    {"dw", &ContractionCase::dilationWidth, 1},
    {"top", &ContractionCase::top, 0},
    {"left", &ContractionCase::left, 0},
    {"bottom", &ContractionCase::bottom, 0},
    {"right", &ContractionCase::right, 0},
    {"epilogue", &ContractionCase::epilogue, 0},
    {"maskA", &ContractionCase::maskA, 0},
    {"maskB", &ContractionCase::maskB, 0},
    {"side", &ContractionCase::side, 0},
};

constexpr const char *kOps[] = {"matmul", "conv2d", "conv2d_backward_weights",
                                "conv2d_backward_data"};

/// Draws the parts of a case.
class Draw {
public:
  // One case in ten has a long sum or many rows; the rest stays cheap.
  Draw(uint64_t seed, uint64_t index, bool slides)
      : generator(seed * 1000003 + index), isLarge(index % 10 == 9), slides(slides) {}

  ContractionCase next() {
    for (;;) {
      ContractionCase drawn;
      if (slides)
        drawn.op = static_cast<CaseOp>(between(1, 3));
      else if (!(isLarge && chance(2)))
        drawn.op = static_cast<CaseOp>(below(4));
      if (isLarge && !slides && chance(5))
        spreadRows(drawn);
      else if (drawn.op == CaseOp::Matmul)
        isLarge ? largeMatmul(drawn) : matmul(drawn);
      else
        convolution(drawn);
      drawFusion(drawn);
      if (drawn.isValid() && drawn.products() <= (isLarge ? 3e6 : 8e4))
        return drawn;
    }
  }

private:
  int64_t below(int64_t end) {
    return static_cast<int64_t>(generator() % static_cast<uint64_t>(end));
  }
  int64_t between(int64_t low, int64_t high) { return low + below(high - low + 1); }
  bool chance(int64_t oneIn) { return below(oneIn) == 0; }

  /// Small, or beside what vectors and tiles are wide.
  int64_t extent() {
    static constexpr int64_t kNear[] = {1,  2,  3,  4,  7,  8,  9,  12, 13, 14,  15,  16,
                                        17, 24, 31, 32, 33, 48, 63, 64, 65, 100, 127, 130};
    return chance(2) ? between(1, 20) : kNear[below(std::size(kNear))];
  }

  void matmul(ContractionCase &c) {
    c.m = extent(), c.n = extent(), c.k = extent();
    c.ta = below(2), c.tb = below(2);
    if (chance(40))
      (chance(3) ? c.m : chance(2) ? c.n : c.k) = 0;
    if (!chance(3))
      return;
    c.b0 = between(1, 4);
    c.b1 = chance(2) ? between(1, 3) : 0;
    c.broadcastA = chance(2) ? 0 : below(3);
    c.broadcastB = chance(2) ? 0 : below(3);
  }

  /// Strides of a page, large operands, and sums worth a split.
  void largeMatmul(ContractionCase &c) {
    c.ta = below(2), c.tb = below(2);
    switch (below(6)) {
    case 0:
      c.m = between(64, 70), c.k = between(64, 80);
      c.n = 512 * between(1, 2) + (chance(3) ? between(-3, 3) : 0);
      c.tb = chance(4);
      break;
    case 1: // More than the L2 cache holds of B, for few rows.
      c.m = between(4, 7), c.n = between(400, 1000), c.k = 410000 / c.n, c.tb = 0;
      break;
    case 2: // Few columns.
      c.m = between(50, 200), c.n = 2 * between(1, 4) + 1, c.k = between(100, 400);
      c.ta = c.tb = chance(4);
      break;
    case 3: // Both along K.
      c.m = between(8, 40), c.n = between(8, 60), c.k = between(64, 300);
      c.ta = 0, c.tb = 1;
      break;
    case 4: // Rows of the result that are a power of two of bytes.
      c.m = between(150, 400), c.n = 128 * between(1, 2), c.k = between(20, 60), c.tb = 0;
      break;
    default:
      c.m = between(1, 20), c.n = between(1, 40), c.k = between(2000, 20001);
    }
  }

  void convolution(ContractionCase &c) {
    c.images = isLarge ? between(2, 12) : between(1, 3);
    c.height = between(1, isLarge ? 20 : 12), c.width = between(1, isLarge ? 20 : 12);
    static constexpr int64_t kKernels[] = {1, 1, 2, 3, 3, 3, 4, 5, 7};
    c.kernelHeight = kKernels[below(std::size(kKernels))];
    c.kernelWidth = chance(3) ? kKernels[below(std::size(kKernels))] : c.kernelHeight;
    if (chance(2))
      c.strideHeight = between(1, 3), c.strideWidth = between(1, 3);
    if (chance(3))
      c.dilationHeight = between(1, 3), c.dilationWidth = between(1, 3);
    if (chance(3))
      c.top = c.left = c.bottom = c.right = between(0, 3);
    else if (chance(2))
      c.top = between(0, 3), c.left = between(0, 3), c.bottom = between(0, 3),
      c.right = between(0, 4);
    channels(c);
    if (slides) {
      c.kernelHeight = c.kernelWidth = chance(2) ? 3 : 5;
      c.strideHeight = c.strideWidth = c.dilationHeight = c.dilationWidth = c.groups = 1;
      if (isLarge && !chance(3))
        manyWeights(c);
    }
  }

  /// Few pixels, and many channels.
  void manyWeights(ContractionCase &c) {
    c.images = between(1, 2), c.height = between(2, 5), c.width = between(2, 5);
    c.kernelHeight = c.kernelWidth = 3;
    c.top = c.left = c.bottom = c.right = 1;
    c.inputs = 16 * between(1, 8), c.outputs = 32 * between(4, 6);
    if (c.op == CaseOp::BackwardData)
      std::swap(c.inputs, c.outputs);
  }

  /// A gradient that meets rows of A in few cache sets.
  void spreadRows(ContractionCase &c) {
    c.op = CaseOp::BackwardWeights;
    c.height = between(4, 7), c.width = between(4, 7);
    c.kernelHeight = between(1, 2), c.kernelWidth = between(1, 2);
    c.strideHeight = c.strideWidth = 2;
    c.top = c.left = c.bottom = c.right = 1;
    c.inputs = 512, c.outputs = between(193, 260);
  }

  void channels(ContractionCase &c) {
    static constexpr int64_t kFirst[] = {1, 3};
    c.inputs = chance(3) ? kFirst[below(2)] : extent();
    c.outputs = chance(6) ? 10 : extent();
    if (!chance(3))
      return;
    c.groups = chance(2) ? between(2, 4) : extent();
    // Few channels each.
    if (chance(2)) {
      c.inputs = between(1, 8);
      c.outputs = int64_t(1) << between(1, 3);
    }
    // Depthwise, or nearly so.
    if (chance(2)) {
      c.inputs = 1;
      c.outputs = chance(3) ? between(2, 3) : 1;
    }
  }

  void drawFusion(ContractionCase &c) {
    c.epilogue = chance(3) ? 0 : below(static_cast<int64_t>(CaseEpilogue::Count));
    c.maskA = chance(6);
    c.maskB = chance(6);
    c.side = chance(5) ? between(1, 2) : 0;
  }

  std::mt19937_64 generator;
  const bool isLarge, slides;
};

std::string shapeText(const std::vector<int64_t> &shape, const std::string &element) {
  std::string text;
  for (int64_t extent : shape)
    text += std::to_string(extent) + "x";
  return text + element;
}

/// Collects arguments and ops.
struct TextBuilder {
  std::string element;
  KernelText text{{}, "", {}};

  std::string argument(const std::vector<int64_t> &shape) { return argument(shape, element); }
  std::string argument(const std::vector<int64_t> &shape, const std::string &type) {
    text.types.push_back(shapeText(shape, type));
    return "%a" + std::to_string(text.types.size() - 1);
  }
  std::string op(const std::string &ops) {
    std::string name = "%v" + std::to_string(count++);
    text.body += name + " = dl." + ops + "\n";
    return name;
  }
  std::string constant(double value) {
    return op(fmt::format("constant dense<{:e}> : tensor<{}>", value, element));
  }
  std::string mask(const std::string &value, const std::vector<int64_t> &shape) {
    std::string zero = constant(0), by = argument(shape);
    std::string bits = op(fmt::format("compare {}, {} {{predicate = gt}}", by, zero));
    return op(fmt::format("select {}, {}, {}", bits, value, zero));
  }
  /// old - 0.5 * value.
  std::string update(const std::string &old, const std::string &value, bool magnitude) {
    std::string half = constant(0.5);
    std::string step = op(fmt::format("mul {}, {}", value, half));
    return op(fmt::format("{} {}, {}", magnitude ? "add" : "sub", old, step));
  }

  int count = 0;
};

/// Appends the epilogue and what it yields.
void addEpilogue(TextBuilder &b, CaseEpilogue epilogue, const std::string &value,
                 const std::vector<int64_t> &shape, bool magnitude) {
  auto binary = [&](const char *name, const std::string &x, const std::string &y) {
    return b.op(fmt::format("{} {}, {}", name, x, y));
  };
  auto relu = [&](const std::string &x) { return b.op("relu " + x); };
  auto bias = [&] { return binary("add", value, b.argument({shape.back()})); };
  switch (epilogue) {
  case CaseEpilogue::None:
  case CaseEpilogue::Count:
    return b.text.yields.push_back(value);
  case CaseEpilogue::Bias:
    return b.text.yields.push_back(bias());
  case CaseEpilogue::BiasRelu:
    return b.text.yields.push_back(relu(bias()));
  case CaseEpilogue::Residual:
    return b.text.yields.push_back(binary("add", value, b.argument(shape)));
  case CaseEpilogue::Mask:
    return b.text.yields.push_back(b.mask(value, shape));
  case CaseEpilogue::Bools: {
    std::string zero = b.constant(0), bits = b.argument(shape, "i1");
    return b.text.yields.push_back(b.op(fmt::format("select {}, {}, {}", bits, value, zero)));
  }
  case CaseEpilogue::Update:
    return b.text.yields.push_back(b.update(b.argument(shape), value, magnitude));
  case CaseEpilogue::TwoResults: {
    std::string sum = bias();
    b.text.yields.push_back(sum);
    return b.text.yields.push_back(relu(sum));
  }
  case CaseEpilogue::Tanh:
    return b.text.yields.push_back(magnitude ? bias() : b.op("tanh " + bias()));
  case CaseEpilogue::RowScale: {
    std::vector<int64_t> rows = shape;
    rows.back() = 1;
    return b.text.yields.push_back(binary("mul", value, b.argument(rows)));
  }
  case CaseEpilogue::ScaleRelu:
    return b.text.yields.push_back(relu(binary("mul", value, b.constant(0.25))));
  }
}

} // namespace

ContractionCase ContractionCase::draw(uint64_t seed, uint64_t index, bool slides) {
  return Draw(seed, index, slides).next();
}

//===----------------------------------------------------------------------===//
// Lines
//===----------------------------------------------------------------------===//

std::string ContractionCase::line() const {
  std::string text = kOps[static_cast<int64_t>(op)];
  for (const Field &field : kFields)
    if (this->*field.member != field.usual())
      text += fmt::format(" {}={}", field.name, this->*field.member);
  return text;
}

std::optional<ContractionCase> ContractionCase::parse(const std::string &line) {
  std::istringstream words(line);
  std::string word;
  words >> word;
  ContractionCase parsed;
  auto op = std::find(std::begin(kOps), std::end(kOps), word);
  if (op == std::end(kOps))
    return std::nullopt;
  parsed.op = static_cast<CaseOp>(op - std::begin(kOps));
  while (words >> word) {
    size_t equals = word.find('=');
    auto field = std::find_if(std::begin(kFields), std::end(kFields), [&](const Field &field) {
      return equals != std::string::npos && word.substr(0, equals) == field.name;
    });
    if (field == std::end(kFields))
      return std::nullopt;
    parsed.*field->member = std::atoll(word.c_str() + equals + 1);
  }
  return parsed.isValid() ? std::optional(parsed) : std::nullopt;
}

//===----------------------------------------------------------------------===//
// Extents
//===----------------------------------------------------------------------===//

static int64_t windows(int64_t extent, int64_t kernel, int64_t stride, int64_t dilation) {
  int64_t room = extent - (kernel - 1) * dilation - 1;
  return room < 0 ? 0 : room / stride + 1;
}

int64_t ContractionCase::resultHeight() const {
  return windows(height + top + bottom, kernelHeight, strideHeight, dilationHeight);
}

int64_t ContractionCase::resultWidth() const {
  return windows(width + left + right, kernelWidth, strideWidth, dilationWidth);
}

bool ContractionCase::isValid() const {
  for (const Field &field : kFields)
    if (this->*field.member < field.least)
      return false;
  bool isNamed = epilogue < static_cast<int64_t>(CaseEpilogue::Count) && side <= 2;
  if (op == CaseOp::Matmul)
    return isNamed && broadcastA <= 2 && broadcastB <= 2 && (b0 > 0 || b1 == 0) &&
           (broadcastA == 0 || broadcastB == 0);
  return isNamed && resultHeight() > 0 && resultWidth() > 0;
}

double ContractionCase::products() const {
  auto real = [](auto... extents) { return (1.0 * ... * static_cast<double>(extents)); };
  if (op == CaseOp::Matmul)
    return real(m, n, k, std::max<int64_t>(b0, 1), std::max<int64_t>(b1, 1));
  return real(images, resultHeight(), resultWidth(), groups, inputs, outputs, kernelHeight,
              kernelWidth);
}

double ContractionCase::reduction() const {
  auto real = [](auto... extents) { return (1.0 * ... * static_cast<double>(extents)); };
  switch (op) {
  case CaseOp::Matmul:
    return real(k);
  case CaseOp::Conv:
    return real(inputs, kernelHeight, kernelWidth);
  case CaseOp::BackwardWeights:
    return real(images, resultHeight(), resultWidth());
  case CaseOp::BackwardData:
    return real(outputs, kernelHeight, kernelWidth);
  }
  return 0;
}

/// A matrix with the leading extents that an operand has.
static std::vector<int64_t> batched(const ContractionCase &c, int64_t broadcast, int64_t rows,
                                    int64_t columns) {
  std::vector<int64_t> shape;
  if (broadcast < 2)
    for (int64_t extent : {c.b0, c.b1})
      if (extent > 0)
        shape.push_back(broadcast == 1 ? 1 : extent);
  shape.push_back(rows);
  shape.push_back(columns);
  return shape;
}

std::vector<int64_t> ContractionCase::shapeA() const {
  if (op == CaseOp::Matmul)
    return batched(*this, broadcastA, ta ? k : m, ta ? m : k);
  if (op == CaseOp::BackwardData)
    return {images, resultHeight(), resultWidth(), outputs * groups};
  return {images, height, width, inputs * groups};
}

std::vector<int64_t> ContractionCase::shapeB() const {
  if (op == CaseOp::Matmul)
    return batched(*this, broadcastB, tb ? n : k, tb ? k : n);
  if (op == CaseOp::BackwardWeights)
    return {images, resultHeight(), resultWidth(), outputs * groups};
  return {kernelHeight, kernelWidth, inputs, outputs * groups};
}

std::vector<int64_t> ContractionCase::shapeResult() const {
  switch (op) {
  case CaseOp::Matmul:
    return batched(*this, 0, m, n);
  case CaseOp::Conv:
    return {images, resultHeight(), resultWidth(), outputs * groups};
  case CaseOp::BackwardWeights:
    return {kernelHeight, kernelWidth, inputs, outputs * groups};
  case CaseOp::BackwardData:
    break;
  }
  return {images, height, width, inputs * groups};
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

std::string ContractionCase::anchor(const std::string &a, const std::string &b) const {
  if (op == CaseOp::Matmul)
    return fmt::format("matmul {}, {} {{transpose_a = {}, transpose_b = {}}}", a, b, ta != 0,
                       tb != 0);
  std::string size;
  if (op == CaseOp::BackwardWeights)
    size = fmt::format("kernel_size = [{}, {}], ", kernelHeight, kernelWidth);
  if (op == CaseOp::BackwardData)
    size = fmt::format("input_size = [{}, {}], ", height, width);
  return fmt::format("{} {}, {} {{{}strides = [{}, {}], padding = [{}, {}, {}, {}], "
                     "dilation = [{}, {}], groups = {}, layout = nhwc}}",
                     kOps[static_cast<int64_t>(op)], a, b, size, strideHeight, strideWidth, top,
                     left, bottom, right, dilationHeight, dilationWidth, groups);
}

KernelText ContractionCase::text(const std::string &element, bool magnitude) const {
  TextBuilder b{element};
  std::string first = b.argument(shapeA()), second = b.argument(shapeB());
  if (maskA)
    first = b.mask(first, shapeA());
  if (maskB)
    second = b.mask(second, shapeB());
  std::string value = b.op(anchor(first, second));
  addEpilogue(b, static_cast<CaseEpilogue>(epilogue), value, shapeResult(), magnitude);
  if (side == 0)
    return b.text;
  std::vector<int64_t> axes(shapeB().size() - 1);
  for (size_t i = 0; i < axes.size(); ++i)
    axes[i] = static_cast<int64_t>(i);
  std::string sum = b.op(fmt::format("sum {} {{axes = [{}]}}", second, fmt::join(axes, ", ")));
  if (side == 2)
    sum = b.update(b.argument({shapeB().back()}), sum, magnitude);
  b.text.yields.push_back(sum);
  return b.text;
}

std::vector<int> ContractionCase::inPlace() const {
  int next = 2 + (maskA != 0) + (maskB != 0);
  auto kind = static_cast<CaseEpilogue>(epilogue);
  std::vector<int> over{kind == CaseEpilogue::Update ? next : -1};
  if (kind == CaseEpilogue::TwoResults)
    over.push_back(-1);
  if (kind != CaseEpilogue::None && kind != CaseEpilogue::ScaleRelu)
    ++next;
  if (side != 0)
    over.push_back(side == 2 ? next : -1);
  return over;
}

std::vector<ContractionCase> ContractionCase::smaller() const {
  std::vector<ContractionCase> cases;
  for (const Field &field : kFields) {
    int64_t now = this->*field.member;
    for (int64_t next : {field.least, (now + field.least) / 2, now - 1}) {
      ContractionCase candidate = *this;
      candidate.*field.member = next;
      if (next < now && next >= field.least && candidate.isValid())
        cases.push_back(candidate);
    }
  }
  return cases;
}

} // namespace dl::test
