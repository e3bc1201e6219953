//===- Worker.h - A library that waits for kernels to time ------*- C++ -*-===//
//
// Each library runs in a process of its own (two of them in one would fight over
// threads and symbols) and takes orders from ../run, one a line:
//
//   parse SPEC      answers `ok`, or `skip ERROR`
//   open SPEC       makes the kernel; answers `ok`, or `skip REASON` where the
//                   library has none
//   result FILE     runs it once, writes all results to FILE as raw f32
//   compare FILE    runs it once; answers `ok ERROR`: the largest difference from
//                   the results in FILE, as a share of their largest element
//   time SECONDS    answers `ok MEDIAN BEST RUNS`, in seconds
//   cost            answers `ok FLOPS BYTES` of a run (FLOPS is 0 where memory bounds)
//   limit           answers `ok RATE`: FLOP/s or bytes/s that the machine does at
//                   most at this moment (the worker of dlc alone)
//   peak SECONDS    answers `ok RATE`: FLOP/s of multiply-adds that the machine does
//                   in this time, disturbed as it may be (the worker of dlc alone)
//
//===----------------------------------------------------------------------===//

#ifndef DL_BENCHMARK_WORKER_H
#define DL_BENCHMARK_WORKER_H

#include "KernelSpec.h"
#include "Timing.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>

#include <sys/mman.h>

namespace dl::bench {

using driver::KernelFamily;
using driver::KernelSpec;
using driver::KernelTensor;

/// Elements of four bytes each, where tensors of dlc lie as well: large ones on huge pages.
class Buffer {
public:
  explicit Buffer(int64_t count = 0)
      : count(count), storage(allocate(static_cast<size_t>(count) * 4 + 64)) {
    std::memset(storage.get(), 0, count * 4);
  }
  float *data() { return storage.get(); }
  const float *data() const { return storage.get(); }
  int64_t size() const { return count; }

private:
  struct Free {
    void operator()(float *p) const { std::free(p); }
  };
  static float *allocate(size_t bytes) {
    constexpr size_t kHugePage = size_t(2) << 20;
    size_t alignment = bytes >= kHugePage ? kHugePage : 64;
    void *memory = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    if (memory && bytes >= kHugePage)
      madvise(memory, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
    return static_cast<float *>(memory);
  }

  int64_t count;
  std::unique_ptr<float, Free> storage;
};

/// The operands of a kernel, filled as for every library.
inline std::vector<Buffer> makeOperands(const KernelSpec &spec) {
  std::vector<Buffer> buffers;
  for (const KernelTensor &operand : spec.operands()) {
    buffers.emplace_back(operand.size());
    driver::fillOperand(spec, buffers.size() - 1, buffers.back().data());
  }
  return buffers;
}

inline std::vector<Buffer> makeResults(const KernelSpec &spec) {
  std::vector<Buffer> buffers;
  for (const KernelTensor &result : spec.results())
    buffers.emplace_back(result.size());
  return buffers;
}

/// A kernel ready to run, with its memory.
class Kernel {
public:
  virtual ~Kernel() = default;
  virtual void run() = 0;
  /// What the run before this call computed, in the layout of the specification.
  virtual std::vector<std::pair<const float *, int64_t>> results() = 0;
  virtual double limit() { return 0; }
  virtual double sustained(double) { return 0; }
};

/// Makes a kernel; an error is the reason why the library has none.
using Factory = std::function<Result<std::unique_ptr<Kernel>>(const KernelSpec &)>;

inline void writeResults(Kernel &kernel, const std::string &path) {
  kernel.run();
  std::ofstream file(path, std::ios::binary);
  for (auto [data, count] : kernel.results())
    file.write(reinterpret_cast<const char *>(data), count * 4);
}

/// The largest difference, as a share of the largest element; NaN where the sizes differ or only
/// one of the two is finite.
inline double compareResults(Kernel &kernel, const std::string &path) {
  kernel.run();
  std::ifstream file(path, std::ios::binary);
  double largest = 0, difference = 0;
  for (auto [data, count] : kernel.results()) {
    Buffer other(count);
    if (!file.read(reinterpret_cast<char *>(other.data()), count * 4))
      return std::nan("");
    for (int64_t i = 0; i < count; ++i) {
      if (std::isfinite(data[i]) != std::isfinite(other.data()[i]))
        return std::nan("");
      difference = std::max<double>(difference, std::abs(data[i] - other.data()[i]));
      largest = std::max<double>(largest, std::abs(other.data()[i]));
    }
  }
  return difference / std::max(largest, 1e-30);
}

inline std::string firstLine(const std::string &text) { return text.substr(0, text.find('\n')); }

/// Takes orders until standard input ends. Returns the exit status.
inline int serve(const Factory &factory) {
  std::unique_ptr<Kernel> kernel;
  std::string order, argument;
  double flops = 0, bytes = 0;
  while (std::cin >> order && std::getline(std::cin, argument)) {
    argument.erase(0, 1); // the space
    if (order == "parse") {
      auto spec = KernelSpec::parse(argument);
      std::cout << (spec ? "ok" : "skip " + firstLine(spec.error().message)) << std::endl;
    } else if (order == "open") {
      kernel.reset();
      auto spec = KernelSpec::parse(argument);
      auto made = spec ? factory(*spec) : Result<std::unique_ptr<Kernel>>(spec.error());
      if (spec)
        flops = spec->flops(), bytes = spec->bytes();
      if (made)
        kernel = std::move(made).value();
      std::cout << (made ? "ok" : "skip " + firstLine(made.error().message)) << std::endl;
    } else if (order == "result") {
      writeResults(*kernel, argument);
      std::cout << "ok" << std::endl;
    } else if (order == "compare") {
      std::cout << "ok " << compareResults(*kernel, argument) << std::endl;
    } else if (order == "time") {
      driver::Times times = driver::timeRuns([&] { kernel->run(); }, std::stod(argument));
      std::cout << "ok " << times.median << ' ' << times.best << ' ' << times.runs << std::endl;
    } else if (order == "cost") {
      std::cout << "ok " << flops << ' ' << bytes << std::endl;
    } else if (order == "limit") {
      std::cout << "ok " << kernel->limit() << std::endl;
    } else if (order == "peak") {
      std::cout << "ok " << kernel->sustained(std::stod(argument)) << std::endl;
    } else {
      std::cerr << "unknown order '" << order << "'\n";
      return 1;
    }
  }
  return 0;
}

} // namespace dl::bench

#endif // DL_BENCHMARK_WORKER_H
