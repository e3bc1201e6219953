//===- dl-ulp.cpp - Errors of the functions over all floats ---------------===//
//
// dl-ulp [FUNCTION ...] [--stride=N] [--march=CPU] [--workers=N]
//
// Compiles each function as a model and runs it on every N-th float, from both
// zeros to both NaNs, and on numbers that matter. The second argument of a power is
// drawn: all kinds of floats, integers, and what makes the result an ordinary
// number. The reference is the C library in double. An error is counted in units of the last place
// that a float has at the exact result (2^-149 below the normal numbers); beyond the largest float,
// infinity stands for 2^128. What must be right without an error: NaN where the
// function has no value, the sign of a zero, infinities. Exits with 1 where a
// function fails in one of these or exceeds its bound.
//
//===----------------------------------------------------------------------===//

#include "dl/Executable.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

#include <bit>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <numbers>
#include <thread>

using namespace dl;
namespace cl = llvm::cl;

static cl::list<std::string> names(cl::Positional, cl::desc("[FUNCTION ...]"));
static cl::opt<uint64_t> stride("stride", cl::desc("take every N-th float"), cl::init(1));
static cl::opt<std::string> march("march", cl::desc("CPU, as in dlc"), cl::init("host"));
static cl::opt<int> workers("workers", cl::desc("threads"), cl::init(2));

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

namespace {
struct Function {
  const char *name;
  /// The op and its options.
  const char *op, *options;
  double (*exact)(double, double);
  /// The largest error allowed, in ulp.
  double bound;
  /// Of two arguments; else the second one does not count.
  bool isBinary = false;
};
} // namespace

static double sigmoid(double x, double) { return 1 / (1 + std::exp(-x)); }
/// The limits at -infinity stand here, where the formulas have infinity times 0.
static double gelu(double x, double) {
  return std::isinf(x) && x < 0 ? -0.0 : 0.5 * x * std::erfc(-std::sqrt(0.5) * x);
}
static double geluTanh(double x, double) {
  double u = std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x);
  return std::isinf(x) && x < 0 ? -0.0 : x / (1 + std::exp(-2 * u));
}

static const Function functions[] = {
    {"exp", "exp", "", [](double x, double) { return std::exp(x); }, 2},
    {"log", "log", "", [](double x, double) { return std::log(x); }, 2},
    {"sqrt", "sqrt", "", [](double x, double) { return std::sqrt(x); }, 2},
    {"rsqrt", "rsqrt", "", [](double x, double) { return 1 / std::sqrt(x); }, 2},
    {"tanh", "tanh", "", [](double x, double) { return std::tanh(x); }, 4},
    {"sigmoid", "sigmoid", "", sigmoid, 4},
    {"erf", "erf", "", [](double x, double) { return std::erf(x); }, 4},
    {"gelu", "gelu", "", gelu, 4},
    {"gelu_tanh", "gelu", " {approximate = tanh}", geluTanh, 4},
    {"pow", "pow", "", [](double x, double y) { return std::pow(x, y); }, 1, true},
};

//===----------------------------------------------------------------------===//
// Measuring
//===----------------------------------------------------------------------===//

namespace {
struct Worst {
  double error = -1;
  float at = 0, result = 0;
  /// Results that are wrong in kind, and the first of their arguments.
  uint64_t wrong = 0;
  float wrongAt = 0, wrongResult = 0;
  /// Second arguments.
  float with = 0, wrongWith = 0;

  void add(const Worst &other) {
    if (other.error > error) {
      error = other.error;
      at = other.at;
      with = other.with;
      result = other.result;
    }
    if (wrong == 0) {
      wrongAt = other.wrongAt;
      wrongWith = other.wrongWith;
      wrongResult = other.wrongResult;
    }
    wrong += other.wrong;
  }
};
} // namespace

/// The distance of floats at x.
static double unitAt(double x) {
  int exponent;
  std::frexp(x, &exponent);
  return std::ldexp(1.0, std::max(exponent - 24, -149));
}

/// Error in ulp; infinite where the kind of number is wrong.
static double errorOf(float got, double exact) {
  constexpr double wrong = std::numeric_limits<double>::infinity();
  if (std::isnan(got) || std::isnan(exact))
    return std::isnan(got) && std::isnan(exact) ? 0 : wrong;
  if (got == 0 && exact == 0)
    return std::signbit(got) == std::signbit(exact) ? 0 : wrong;
  if (std::isinf(exact))
    return got == exact ? 0 : wrong;
  constexpr double largest = std::numeric_limits<float>::max();
  double beyond = std::copysign(std::ldexp(1.0, 128), got);
  double value = std::isinf(got) ? beyond : got;
  // All that is above the largest float rounds alike.
  if (std::fabs(exact) >= std::ldexp(1.0, 128))
    exact = std::copysign(std::ldexp(1.0, 128), exact);
  return std::fabs(value - exact) / unitAt(std::min(std::fabs(exact), largest));
}

static Worst compare(const Function &function, std::span<const float> x, std::span<const float> y,
                     std::span<const float> out) {
  Worst worst;
  for (size_t i = 0; i < x.size(); ++i) {
    double error = errorOf(out[i], function.exact(x[i], y[i]));
    if (std::isinf(error))
      worst.add({-1, 0, 0, 1, x[i], out[i], 0, y[i]});
    else if (error > worst.error)
      worst.add({error, x[i], out[i], 0, 0, 0, y[i], 0});
  }
  return worst;
}

/// The second argument for the float of a number: of four, one is any float, one an
/// integer or half of one, and two make |x|^y a number from 2^-160 to 2^160.
static float drawSecond(uint32_t number, float x) {
  uint32_t bits = number * 2654435761U;
  bits = (bits ^ bits >> 15) * 2246822519U;
  bits ^= bits >> 13;
  if (bits % 4 == 0)
    return std::bit_cast<float>(bits * 3266489917U);
  if (bits % 4 == 1)
    return static_cast<float>(static_cast<int32_t>(bits >> 24) - 128) / 2;
  double exponent = (static_cast<double>(bits) / 0x1p32 - 0.5) * 320;
  double y = exponent / std::log2(std::fabs(x));
  return static_cast<float>(std::isfinite(y) ? y : exponent);
}

static constexpr int64_t kChunk = 1 << 16;
static constexpr uint64_t kAll = uint64_t(1) << 32;

/// Of the floats whose number is start, start + step, ... among those taken.
static Status measurePart(const Function &function, const Executable &code, uint64_t start,
                          uint64_t step, Worst &worst) {
  std::vector<Tensor> in(2, Tensor(DType::F32, {kChunk}));
  std::vector<Tensor> out = {Tensor(DType::F32, {kChunk})};
  std::span<float> x = in[0].span<float>(), y = in[1].span<float>();
  for (uint64_t chunk = start; chunk * kChunk * stride < kAll; chunk += step) {
    for (int64_t i = 0; i < kChunk; ++i) {
      auto number = static_cast<uint32_t>(std::min((chunk * kChunk + i) * stride, kAll - 1));
      x[i] = std::bit_cast<float>(number);
      y[i] = drawSecond(number, x[i]);
    }
    const TensorView views[] = {in[0], in[1]};
    if (Status status = code.runInto(std::span(views).first(function.isBinary ? 2 : 1), out);
        !status)
      return status;
    worst.add(compare(function, x, y, out[0].span<float>()));
  }
  return {};
}

/// Both zeros and infinities, NaN, the ends of the denormal and normal numbers,
/// and around where exp overflows, becomes denormal and vanishes; with one another.
static Status measureSpecial(const Function &function, const Executable &code, Worst &worst) {
  std::vector<Tensor> in(function.isBinary ? 2 : 1, Tensor(DType::F32, {kChunk}));
  Tensor second(DType::F32, {kChunk});
  // Ends and limits of the functions, integers, and where errors of gelu were largest.
  const float special[] = {0,
                           1,
                           std::numeric_limits<float>::infinity(),
                           std::numeric_limits<float>::quiet_NaN(),
                           0x1p-149f,
                           0x1.fffffcp-127f,
                           0x1p-126f,
                           std::numeric_limits<float>::max(),
                           88.722839f,
                           88.72284f,
                           87.33654f,
                           87.33655f,
                           103.2789f,
                           103.97207f,
                           103.97208f,
                           104,
                           0.5,
                           2,
                           3,
                           0.99999994f,
                           8388607.5f,
                           8388609,
                           16777215,
                           16777216,
                           11.8253412f,
                           1.37927556f,
                           1.83974f,
                           1.85224843f,
                           3.8836062f};
  constexpr size_t count = std::size(special);
  for (int64_t i = 0; i < kChunk; ++i)
    in[0].data<float>()[i] = (i % 2 ? -1 : 1) * special[i / 2 % count];
  for (int64_t i = 0; i < kChunk; ++i)
    second.data<float>()[i] = (i / 2 / count % 2 ? -1 : 1) * special[i / 4 / count % count];
  if (function.isBinary)
    in[1] = second;
  auto out = code.run(std::vector<TensorView>(in.begin(), in.end()));
  if (!out)
    return out.error();
  worst.add(compare(function, in[0].span<float>(), second.span<float>(), (*out)[0].span<float>()));
  return {};
}

static Result<Worst> measure(const Function &function) {
  auto model = Model::parse(fmt::format(
      "dl.model @f(%x: tensor<{0}xf32>{1}) {{\n  %z = dl.{2} %x{3}{4}\n  dl.return %z\n}}\n",
      kChunk, function.isBinary ? fmt::format(", %y: tensor<{}xf32>", kChunk) : "", function.op,
      function.isBinary ? ", %y" : "", function.options));
  if (!model)
    return model.error();
  CompileOptions options;
  options.threads = 1;
  options.march = march;
  std::vector<Worst> parts(workers);
  std::vector<Status> statuses(workers);
  std::vector<std::thread> pool;
  auto code = compile(*model, options);
  if (!code)
    return code.error();
  for (int part = 0; part < workers; ++part)
    pool.emplace_back([&, part] {
      auto own = compile(*model, options);
      statuses[part] =
          own ? measurePart(function, *own, part, workers, parts[part]) : Status(own.error());
    });
  for (std::thread &worker : pool)
    worker.join();
  Worst worst;
  for (int part = 0; part < workers; ++part) {
    if (!statuses[part])
      return statuses[part].error();
    worst.add(parts[part]);
  }
  if (Status status = measureSpecial(function, *code, worst); !status)
    return status.error();
  return worst;
}

/// A line of the table. False where the function is not as good as it must be.
static bool print(const Function &function, const Worst &worst) {
  bool isGood = worst.error <= function.bound && worst.wrong == 0;
  auto call = [&](float x, float y) {
    return function.isBinary ? fmt::format("{:.9g}, {:.9g}", x, y) : fmt::format("{:.9g}", x);
  };
  llvm::outs() << fmt::format("{:<10} {:>8.3f} {:>6.0f} {:>16} {:>16.8g}", function.name,
                              worst.error, function.bound, call(worst.at, worst.with),
                              worst.result);
  if (worst.wrong)
    llvm::outs() << fmt::format("  wrong in kind: {}, first at {}: {:.9g}, expected {:.9g}",
                                worst.wrong, call(worst.wrongAt, worst.wrongWith),
                                worst.wrongResult, function.exact(worst.wrongAt, worst.wrongWith));
  llvm::outs() << (isGood ? "  ok\n" : "  FAILED\n");
  llvm::outs().flush();
  return isGood;
}

static Status checkNames() {
  for (const std::string &name : names)
    if (std::none_of(std::begin(functions), std::end(functions),
                     [&](const Function &function) { return function.name == name; }))
      return Error{fmt::format("expected a function, got '{}'", name)};
  if (stride == 0 || workers < 1)
    return Error{"expected a stride and a number of workers of at least 1"};
  return {};
}

static Result<bool> run() {
  if (Status status = checkNames(); !status)
    return status.error();
  llvm::outs() << "function        ulp  bound               at           result\n";
  bool allGood = true;
  for (const Function &function : functions) {
    if (!names.empty() && std::find(names.begin(), names.end(), function.name) == names.end())
      continue;
    auto worst = measure(function);
    if (!worst)
      return worst.error();
    allGood &= print(function, *worst);
  }
  return allGood;
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "errors of the functions over all floats\n");
  auto allGood = run();
  if (!allGood) {
    llvm::errs() << "dl-ulp: " << allGood.error().message << "\n";
    return 1;
  }
  return *allGood ? 0 : 1;
}
