//===- ContractionSweepTests.cpp - Thousands of contractions --------------===//
//
// Draws contractions and compares their kernels with the reference: on random
// floats, within a bound that follows from the terms of each sum; on small
// integers, exactly; with an infinity, a NaN and the largest float among the
// elements; and on one and on two workers, to the bit. A case that fails is made
// as small as it still fails, and printed as a line that
//   ContractionSweepTests --case='host f32 matmul m=3 n=5'
// runs again. `--cases=N` changes how many each target checks, `--seed=N` which.
//
//===----------------------------------------------------------------------===//

#include "ContractionTarget.h"

#include "fmt/format.h"

#include "llvm/ADT/STLExtras.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <csignal>
#include <cstring>
#include <limits>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include <unistd.h>

using namespace dl;
using namespace dl::test;

namespace {

uint64_t sweepSeed = 1;
int64_t wantedCases = 0;

constexpr Target kTargets[] = {
    {"host", "f32", 1, 1500},
    {"host", "f64", 1, 1500},
    {"avx512", "f32", 2, 300},
    {"avx2", "f32", 3, 300},
    {"avx2", "f64", 4, 300},
    {"generic", "f32", 5, 300},
    {"generic", "f64", 6, 300},
    {"host", "f32", 7, 300, Arithmetic::Winograd},
    {"avx2", "f32", 8, 60, Arithmetic::Winograd},
    {"generic", "f32", 9, 60, Arithmetic::Winograd},
    {"host", "f32", 10, 600, Arithmetic::Tiles},
    {"host-small", "f32", 11, 400},
    {"host-small", "f64", 11, 300},
    {"host-small", "f32", 12, 600, Arithmetic::Tiles},
    {"host", "f32", 13, 300, Arithmetic::WinogradTiles},
};

/// The line of the case that a thread runs, for when it crashes.
thread_local char running[512];

void reportCrash(int signal) {
  const char *head = "\ncrashed: ContractionSweepTests --case='";
  for (const char *text : {head, static_cast<const char *>(running), "'\n"})
    if (write(STDERR_FILENO, text, std::strlen(text)) < 0)
      break;
  _exit(128 + signal);
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

double elementOf(const Tensor &tensor, int64_t i) {
  if (tensor.dtype() == DType::F64)
    return tensor.data<double>()[i];
  return tensor.dtype() == DType::F32 ? tensor.data<float>()[i] : tensor.data<bool>()[i];
}

void setElement(Tensor &tensor, int64_t i, double value) {
  if (tensor.dtype() == DType::F64)
    tensor.data<double>()[i] = value;
  else if (tensor.dtype() == DType::F32)
    tensor.data<float>()[i] = static_cast<float>(value);
}

/// Floats become what `next` gives.
template <typename Next> void refill(std::vector<Tensor> &arguments, Next next) {
  for (Tensor &argument : arguments)
    for (int64_t i = 0; i < argument.size(); ++i)
      setElement(argument, i, next(elementOf(argument, i)));
}

std::vector<Tensor> absolutes(std::vector<Tensor> arguments) {
  refill(arguments, [](double x) { return std::isfinite(x) ? std::abs(x) : 0.0; });
  return arguments;
}

std::vector<Tensor> integers(std::vector<Tensor> arguments, unsigned seed) {
  std::mt19937 generator(seed);
  refill(arguments, [&](double) { return static_cast<double>(generator() % 7) - 3; });
  return arguments;
}

/// An infinity, a NaN and the largest float in the first operand, where it has
/// room. (In the second they would meet the zeros of padding.)
std::vector<Tensor> withSpecials(std::vector<Tensor> arguments, unsigned seed) {
  Tensor &a = arguments[0];
  double inf = std::numeric_limits<double>::infinity();
  double largest = a.dtype() == DType::F32 ? std::numeric_limits<float>::max()
                                           : std::numeric_limits<double>::max();
  std::mt19937 generator(seed);
  if (a.size() >= 8)
    for (double special : {std::numeric_limits<double>::quiet_NaN(), largest, -inf})
      setElement(a, static_cast<int64_t>(generator() % static_cast<uint64_t>(a.size())), special);
  return arguments;
}

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

/// What errors are relative to: the rounding of a sum of so many terms.
double roundingOf(const ContractionCase &c, bool isDouble) {
  double unit = isDouble ? 0x1p-53 : 0x1p-24;
  // A double's reference rounds as well.
  return (isDouble ? 2 : 1) * unit * (12 + 2 * std::sqrt(c.reduction()));
}

struct Bound {
  double relative = 0, absolute = 0;
};

Bound boundOf(const ContractionCase &c, const Target &target) {
  bool isDouble = std::strcmp(target.element, "f64") == 0;
  Bound bound{roundingOf(c, isDouble), isDouble ? 1e-300 : 1e-36};
  if (!c.isExactOnIntegers())
    bound.absolute = isDouble ? 1e-15 : 5e-7;
  // Sums of the image's and the weights' elements round before they are multiplied.
  if (target.isWinograd())
    bound.relative *= 2;
  return bound;
}

/// Everywhere the largest element: the transform spreads the rounding of an
/// element over its tile.
std::vector<Tensor> largest(std::vector<Tensor> tensors) {
  for (Tensor &tensor : tensors) {
    double most = 0;
    for (int64_t i = 0; i < tensor.size(); ++i)
      most = std::max(most, elementOf(tensor, i));
    for (int64_t i = 0; i < tensor.size(); ++i)
      setElement(tensor, i, most);
  }
  return tensors;
}

/// Nothing where the results are as expected, else what is wrong. An error may be
/// as large as the bound's parts of the terms' magnitude and of 1.
std::string compare(const std::vector<Tensor> &actual, const std::vector<Tensor> &expected,
                    const std::vector<Tensor> &magnitude, Bound bound) {
  for (size_t r = 0; r < expected.size(); ++r)
    for (int64_t i = 0; i < expected[r].size(); ++i) {
      double e = elementOf(expected[r], i), a = elementOf(actual[r], i);
      if (std::isnan(e) && std::isnan(a))
        continue;
      double allowed = bound.absolute;
      if (bound.relative != 0)
        allowed += bound.relative * elementOf(magnitude[r], i);
      if (a == e || std::abs(a - e) <= allowed)
        continue;
      return fmt::format("result {} element {}: expected {:.9g}, got {:.9g} (allowed: {:.2g})", r,
                         i, e, a, allowed);
    }
  return "";
}

bool sameBits(const std::vector<Tensor> &a, const std::vector<Tensor> &b) {
  return llvm::all_of(llvm::zip(a, b), [](const auto &pair) {
    auto &[x, y] = pair;
    return x.bytes() == 0 || std::memcmp(x.raw(), y.raw(), x.bytes()) == 0;
  });
}

/// All checks of one case. `strategy` tells what was chosen.
std::string check(const ContractionCase &c, const Target &target, dlrt_pool *pool,
                  std::string *strategy = nullptr) {
  auto kernel =
      CompiledKernel::get(c.text(target.element), machineOf(target), false,
                          target.isWinograd() ? Winograd::Always : Winograd::Never,
                          target.usesTiles() ? SplitProducts::WherePossible : SplitProducts::Never);
  if (!kernel)
    return "not compiled";
  if (strategy)
    *strategy = kernel->strategy();
  std::vector<int> inPlace = c.inPlace();
  KernelText magnitude = c.text(target.element, /*magnitude=*/true);
  Bound bound = boundOf(c, target);
  auto agree = [&](const std::vector<Tensor> &arguments, const std::vector<Tensor> &actual) {
    std::vector<Tensor> terms = kernel->interpret(magnitude, absolutes(arguments));
    return compare(actual, kernel->interpret(arguments),
                   target.isWinograd() ? largest(std::move(terms)) : terms, bound);
  };

  std::vector<Tensor> floats = kernel->randomArguments();
  std::vector<Tensor> alone = kernel->run(floats, inPlace);
  if (std::string wrong = agree(floats, alone); !wrong.empty())
    return "floats: " + wrong;
  for (dlrt_pool *workers : {static_cast<dlrt_pool *>(nullptr), pool})
    if (!sameBits(alone, kernel->run(workers, floats, inPlace)))
      return fmt::format("other bits on {} workers", dlrt_pool_workers(workers));
  // The transform is neither exact on integers nor on special values.
  if (target.isWinograd())
    return "";
  if (c.isExactOnIntegers()) {
    std::vector<Tensor> small = integers(floats, 2);
    std::string wrong = compare(kernel->run(small, inPlace), kernel->interpret(small), {}, {});
    if (!wrong.empty())
      return "integers: " + wrong;
  }
  std::vector<Tensor> special = withSpecials(floats, 3);
  if (std::string wrong = agree(special, kernel->run(special, inPlace)); !wrong.empty())
    return "special values: " + wrong;
  return "";
}

std::string lineOf(const Target &target, const ContractionCase &c) {
  return target.name() + " " + c.line();
}

std::string checkNoted(const ContractionCase &c, const Target &target, dlrt_pool *pool,
                       std::string *strategy = nullptr) {
  std::snprintf(running, sizeof running, "%s", lineOf(target, c).c_str());
  return check(c, target, pool, strategy);
}

/// The smallest case found that fails as well, and how.
std::string shrink(ContractionCase c, const Target &target, dlrt_pool *pool, std::string wrong) {
  int tries = 300;
  for (bool isSmaller = true; isSmaller && tries > 0;) {
    isSmaller = false;
    for (const ContractionCase &candidate : c.smaller()) {
      if (--tries <= 0)
        break;
      std::string says = checkNoted(candidate, target, pool);
      if (says.empty())
        continue;
      c = candidate, wrong = says, isSmaller = true;
      break;
    }
  }
  return fmt::format("{}\n  ContractionSweepTests --case='{}'", wrong, lineOf(target, c));
}

//===----------------------------------------------------------------------===//
// Sweeps
//===----------------------------------------------------------------------===//

/// Checks the cases of a target on all cores.
class Sweep {
public:
  explicit Sweep(const Target &target)
      : target(target), cases(wantedCases > 0          ? wantedCases
                              : std::getenv("DL_FAST") ? target.cases / 6
                                                       : target.cases) {}

  void run() {
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i)
      threads.emplace_back([this] { work(); });
    for (std::thread &thread : threads)
      thread.join();
  }

  std::string failures;
  std::map<std::string, int64_t> reached;
  const Target &target;
  const int64_t cases;

private:
  void work() {
    dlrt_pool *pool = dlrt_pool_create(2);
    for (int64_t index; (index = next++) < cases && isFine;) {
      ContractionCase c = ContractionCase::draw(sweepSeed * 100 + target.series,
                                                static_cast<uint64_t>(index), target.isWinograd());
      std::string strategy, wrong = checkNoted(c, target, pool, &strategy);
      if (!wrong.empty()) {
        isFine = false;
        wrong = shrink(c, target, pool, wrong);
      }
      std::lock_guard lock(mutex);
      count(c, strategy);
      if (!wrong.empty())
        failures += fmt::format("case {}: {}\n", index, wrong);
    }
    dlrt_pool_destroy(pool);
  }

  void count(const ContractionCase &c, const std::string &strategy) {
    for (const char *kind : kindsOf(target))
      reached[kind] += isOfKind(kind, c, strategy);
  }

  std::atomic<int64_t> next = 0;
  std::atomic<bool> isFine = true;
  std::mutex mutex;
};

bool isHere(const std::string &march) {
#if defined(__x86_64__)
  if (march == "avx512")
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
  return march != "avx2" || (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
#else
  return march == "host" || march == "generic";
#endif
}

class ContractionSweep : public testing::TestWithParam<Target> {};

TEST_P(ContractionSweep, AgreesWithReference) {
  if (!isHere(GetParam().march))
    GTEST_SKIP() << "this machine has no " << GetParam().march;
  if (GetParam().usesTiles() && !Machine::get("host").value().hasTiles)
    GTEST_SKIP() << "this CPU has no tiles of bf16 (AMX)";
  Sweep sweep(GetParam());
  sweep.run();
  EXPECT_EQ(sweep.failures, "");
  std::string counts;
  for (const auto &[kind, count] : sweep.reached) {
    counts += fmt::format("{}{}: {}", counts.empty() ? "" : ", ", kind, count);
    // Shorter sweeps may miss rare ones.
    if (sweep.cases >= GetParam().cases && sweep.failures.empty())
      EXPECT_GE(count, 1) << "no case of " << sweep.cases << " reached '" << kind << "'";
  }
  fmt::print("{} cases on {}: {}\n", sweep.cases, GetParam().name(), counts);
}

INSTANTIATE_TEST_SUITE_P(Targets, ContractionSweep, testing::ValuesIn(kTargets),
                         [](const auto &info) {
                           std::string name = info.param.march;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name + "_" + info.param.way();
                         });

TEST(ContractionCase, LinesReadBack) {
  for (uint64_t index = 0; index < 500; ++index) {
    ContractionCase c = ContractionCase::draw(7, index);
    auto read = ContractionCase::parse(c.line());
    ASSERT_TRUE(read) << c.line();
    EXPECT_EQ(read->line(), c.line());
  }
  EXPECT_FALSE(ContractionCase::parse("matmul m=3 x=2"));
  EXPECT_FALSE(ContractionCase::parse("conv2d kh=9"));
}

/// Runs the case of a line again; the exit status.
int runLine(const std::string &line) {
  size_t march = line.find(' '), element = line.find(' ', march + 1);
  auto target = llvm::find_if(
      kTargets, [&](const Target &target) { return line.substr(0, element) == target.name(); });
  auto c = element == std::string::npos ? std::nullopt
                                        : ContractionCase::parse(line.substr(element + 1));
  if (target == std::end(kTargets) || !c) {
    fmt::print(stderr, "error: expected 'MARCH ELEMENT OP NAME=VALUE ...', got '{}'\n", line);
    return 1;
  }
  dlrt_pool *pool = dlrt_pool_create(2);
  KernelText text = c->text(target->element);
  fmt::print("{}", text.body);
  std::string strategy, wrong = checkNoted(*c, *target, pool, &strategy);
  fmt::print("{}\n{}\n", strategy, wrong.empty() ? "as the reference" : wrong);
  dlrt_pool_destroy(pool);
  return wrong.empty() ? 0 : 1;
}

} // namespace

int main(int argc, char **argv) {
  testing::InitGoogleTest(&argc, argv);
  for (int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT})
    std::signal(signal, reportCrash);
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i];
    if (argument.starts_with("--case="))
      return runLine(argument.substr(7));
    if (argument.starts_with("--cases="))
      wantedCases = std::atoll(argv[i] + 8);
    if (argument.starts_with("--seed="))
      sweepSeed = std::strtoull(argv[i] + 7, nullptr, 10);
  }
  return RUN_ALL_TESTS();
}
