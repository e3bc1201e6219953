//===- compile-times.cpp - How long kernels take to compile ---------------===//
//
//   test/Benchmark/kernels/run --list | dl-compile-times [--rounds=N] [--limit=MS]
//
// Compiles each specification of standard input N times (3), uncached, and writes a line for
// each, the slowest first: the median in milliseconds of one core, bytes of the object,
// specification, strategy; then the sum and how many take longer than the
// limit (15). The first compilation of the process is told apart: what is set up once costs it
// more.
//
//===----------------------------------------------------------------------===//

#include "KernelSpec.h"
#include "dl/JIT/Compiler.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fmt/format.h>
#include <iostream>

using namespace dl;

namespace {

struct Row {
  std::string spec, strategy;
  double seconds = 0;
  size_t bytes = 0;
};

} // namespace

/// Of the processor, by all threads: others that run here do not count.
static double cpuSeconds() {
  timespec time = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

static Result<double> compileOnce(const driver::KernelSpec &spec) {
  auto model = Model::parse(spec.modelText(), spec.text);
  if (!model)
    return model.error();
  double start = cpuSeconds();
  auto program = compileProgram(*model, {}, {.cache = false});
  if (!program)
    return program.error();
  return cpuSeconds() - start;
}

/// The last of the remarks, which is the strategy of a contraction.
static std::string strategyOf(const std::string &remarks) {
  for (const char *word : {"residues;", "tile ", "tiles ", "winograd "})
    if (size_t at = remarks.rfind(word); at != std::string::npos) {
      size_t line = remarks.rfind(": ", at);
      line = line == std::string::npos ? at : line + 2;
      return remarks.substr(line, remarks.find('\n', at) - line);
    }
  return "";
}

static Result<Row> measure(const std::string &text, int rounds) {
  auto spec = driver::KernelSpec::parse(text);
  if (!spec)
    return spec.error();
  std::vector<double> times;
  for (int round = 0; round < rounds; ++round) {
    auto seconds = compileOnce(*spec);
    if (!seconds)
      return seconds.error();
    times.push_back(*seconds);
  }
  std::ranges::sort(times);
  auto model = Model::parse(spec->modelText(), spec->text);
  if (!model)
    return model.error();
  CompileReport report;
  report.explain = true;
  auto object = emitStage(*model, {}, {.cache = false}, Stage::Object, &report);
  if (!object)
    return object.error();
  return Row{text, strategyOf(report.remarks), times[times.size() / 2], object->size()};
}

/// Whether an argument is `--name=N`, of which N is the value.
static bool takeNumber(std::string_view argument, std::string_view name, double &value) {
  if (!argument.starts_with(name))
    return false;
  std::string number(argument.substr(name.size()));
  char *end = nullptr;
  value = std::strtod(number.c_str(), &end);
  return end != number.c_str() && *end == 0 && value >= 0;
}

static int fail(const std::string &text, const Error &error) {
  std::cerr << text << ": " << error.message << '\n';
  return 1;
}

int main(int argc, char **argv) {
  double rounds = 3, limit = 15, first = 0;
  for (int i = 1; i < argc; ++i)
    if (!takeNumber(argv[i], "--rounds=", rounds) && !takeNumber(argv[i], "--limit=", limit))
      return fail(argv[i], Error{"expected --rounds=N or --limit=MS"});
  std::vector<Row> rows;
  for (std::string text; std::getline(std::cin, text);) {
    if (rows.empty()) {
      auto spec = driver::KernelSpec::parse(text);
      Result<double> seconds = spec ? compileOnce(*spec) : Result<double>(spec.error());
      if (!seconds)
        return fail(text, seconds.error());
      first = *seconds;
    }
    auto row = measure(text, std::max(1, static_cast<int>(rounds)));
    if (!row)
      return fail(text, row.error());
    rows.push_back(std::move(*row));
  }
  std::ranges::sort(rows, std::greater(), &Row::seconds);
  double sum = 0;
  size_t bytes = 0;
  for (const Row &row : rows) {
    fmt::print("{:8.2f} {:8} {:50} {}\n", row.seconds * 1e3, row.bytes, row.spec, row.strategy);
    sum += row.seconds;
    bytes += row.bytes;
  }
  auto above =
      std::ranges::count_if(rows, [&](const Row &row) { return row.seconds * 1e3 > limit; });
  fmt::print(
      "{} kernels: {:.1f} ms, {} bytes, {} above {} ms; the first of the process {:.2f} ms\n",
      rows.size(), sum * 1e3, bytes, above, limit, first * 1e3);
  return 0;
}
