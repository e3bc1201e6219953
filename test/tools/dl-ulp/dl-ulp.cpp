//===- dl-ulp.cpp - Errors of the functions over all floats ---------------===//
//
// dl-ulp [FUNCTION ...] [--stride=N] [--march=CPU] [--workers=N]
//
// Compiles each function as a model and runs it on every N-th float, from both
// zeros to both NaNs, and on numbers that matter. The reference is the C library
// in double. An error is counted in units of the last place that a float has at
// the exact result (2^-149 below the normal numbers); beyond the largest float,
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
  double (*exact)(double);
  /// The largest error allowed, in ulp.
  double bound;
};
} // namespace

static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
/// The limits at -infinity stand here, where the formulas have infinity times 0.
static double gelu(double x) {
  return std::isinf(x) && x < 0 ? -0.0 : 0.5 * x * std::erfc(-std::sqrt(0.5) * x);
}
static double geluTanh(double x) {
  double u = std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x);
  return std::isinf(x) && x < 0 ? -0.0 : x / (1 + std::exp(-2 * u));
}

static const Function functions[] = {
    {"exp", "exp", "", [](double x) { return std::exp(x); }, 2},
    {"log", "log", "", [](double x) { return std::log(x); }, 2},
    {"sqrt", "sqrt", "", [](double x) { return std::sqrt(x); }, 2},
    {"rsqrt", "rsqrt", "", [](double x) { return 1 / std::sqrt(x); }, 2},
    {"tanh", "tanh", "", [](double x) { return std::tanh(x); }, 4},
    {"sigmoid", "sigmoid", "", sigmoid, 4},
    {"erf", "erf", "", [](double x) { return std::erf(x); }, 4},
    {"gelu", "gelu", "", gelu, 4},
    {"gelu_tanh", "gelu", " {approximate = tanh}", geluTanh, 4},
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

  void add(const Worst &other) {
    if (other.error > error) {
      error = other.error;
      at = other.at;
      result = other.result;
    }
    if (wrong == 0) {
      wrongAt = other.wrongAt;
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

static Worst compare(const Function &function, std::span<const float> in,
                     std::span<const float> out) {
  Worst worst;
  for (size_t i = 0; i < in.size(); ++i) {
    double error = errorOf(out[i], function.exact(in[i]));
    if (std::isinf(error))
      worst.add({-1, 0, 0, 1, in[i], out[i]});
    else if (error > worst.error)
      worst.add({error, in[i], out[i], 0, 0, 0});
  }
  return worst;
}

static constexpr int64_t kChunk = 1 << 16;
static constexpr uint64_t kAll = uint64_t(1) << 32;

/// Of the floats whose number is start, start + step, ... among those taken.
static Status measurePart(const Function &function, const Executable &code, uint64_t start,
                          uint64_t step, Worst &worst) {
  Tensor in(DType::F32, {kChunk});
  std::vector<Tensor> out = {Tensor(DType::F32, {kChunk})};
  for (uint64_t chunk = start; chunk * kChunk * stride < kAll; chunk += step) {
    for (int64_t i = 0; i < kChunk; ++i)
      in.data<float>()[i] = std::bit_cast<float>(
          static_cast<uint32_t>(std::min((chunk * kChunk + i) * stride, kAll - 1)));
    const TensorView views[] = {in};
    if (Status status = code.runInto(views, out); !status)
      return status;
    worst.add(compare(function, in.span<float>(), out[0].span<float>()));
  }
  return {};
}

/// Both zeros and infinities, NaN, the ends of the denormal and normal numbers,
/// and around where exp overflows, becomes denormal and vanishes.
static Status measureSpecial(const Function &function, const Executable &code, Worst &worst) {
  Tensor in(DType::F32, {kChunk});
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
                           104};
  for (int64_t i = 0; i < kChunk; ++i)
    in.data<float>()[i] = (i % 2 ? -1 : 1) * special[i / 2 % std::size(special)];
  auto out = code.run({in});
  if (!out)
    return out.error();
  worst.add(compare(function, in.span<float>(), (*out)[0].span<float>()));
  return {};
}

static Result<Worst> measure(const Function &function) {
  auto model = Model::parse(
      fmt::format("dl.model @f(%x: tensor<{}xf32>) {{\n  %y = dl.{} %x{}\n  dl.return %y\n}}\n",
                  kChunk, function.op, function.options));
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
  llvm::outs() << fmt::format("{:<10} {:>8.3f} {:>6.0f} {:>16.8g} {:>16.8g}", function.name,
                              worst.error, function.bound, worst.at, worst.result);
  if (worst.wrong)
    llvm::outs() << fmt::format("  wrong in kind: {}, first at {:.9g}: {:.9g}, expected {:.9g}",
                                worst.wrong, worst.wrongAt, worst.wrongResult,
                                function.exact(worst.wrongAt));
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
