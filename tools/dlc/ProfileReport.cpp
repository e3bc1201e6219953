//===- ProfileReport.cpp - Where the time of runs went --------------------===//

#include "ProfileReport.h"
#include "Driver.h"
#include "Limits.h"
#include "dl/Support/Machine.h"

#include <algorithm>
#include <fmt/format.h>

namespace dl::driver {

namespace {
/// Formats lines of one profile.
class Table {
public:
  Table(const Profile &profile, int vectorBits) : profile(profile), vectorBits(vectorBits) {
    for (int i = 0; i < 5; ++i)
      multiplyAdds = std::max(multiplyAdds, measureMultiplyAdds(vectorBits, profile.workers));
  }

  std::string format() const;

private:
  std::string line(const Profile::Kernel &kernel) const;
  std::string line(const Profile::Phase &phase, size_t index) const;
  std::string summary() const;
  std::string limit(const Profile::Kernel &kernel) const;

  double perRun(double seconds) const { return seconds / static_cast<double>(profile.runs); }
  std::string share(double seconds) const {
    return fmt::format("{:.1f} %", 100 * seconds / profile.seconds);
  }
  /// The part of the workers' time that they did not spend in tasks.
  std::string idle(double seconds, double busySeconds) const {
    double all = seconds * profile.workers;
    return fmt::format("{:.0f} %", 100 * (1 - busySeconds / all));
  }

  const Profile &profile;
  int vectorBits;
  double multiplyAdds = 0; // FLOP/s
};
} // namespace

static constexpr const char *kRow = "{:>6} {:>9} {:>7} {:>6} {:>8} {:>7} {:>6}  {}\n";

/// The time that multiply-adds alone or memory traffic alone would take, whichever
/// is longer, as a part of what the kernel took.
std::string Table::limit(const Profile::Kernel &kernel) const {
  double bandwidth =
      Bandwidth(vectorBits, kernel.bytes, profile.workers).measure(/*inPlace=*/false);
  double least = std::max(kernel.flops / multiplyAdds, kernel.bytes / bandwidth);
  double all = least * static_cast<double>(kernel.calls * profile.runs);
  return fmt::format("{:.0f} %", 100 * all / kernel.seconds());
}

std::string Table::line(const Profile::Kernel &kernel) const {
  double seconds = perRun(kernel.seconds());
  double rate = 1e-9 * static_cast<double>(kernel.calls) / seconds;
  return fmt::format(kRow, kernel.calls, formatSeconds(seconds), share(kernel.seconds()),
                     idle(kernel.seconds(), kernel.busySeconds()),
                     fmt::format("{:.1f}", kernel.flops * rate),
                     fmt::format("{:.1f}", kernel.bytes * rate), limit(kernel),
                     kernel.name + " -> " + kernel.result);
}

std::string Table::line(const Profile::Phase &phase, size_t index) const {
  return fmt::format(
      kRow, "", formatSeconds(perRun(phase.seconds)), share(phase.seconds),
      idle(phase.seconds, phase.busySeconds), "", "", "",
      fmt::format("  phase {}: {} task{}", index, phase.tasks, phase.tasks == 1 ? "" : "s"));
}

std::string Table::summary() const {
  double inKernels = 0, busy = 0;
  for (const Profile::Kernel &kernel : profile.kernels) {
    inKernels += kernel.seconds();
    busy += kernel.busySeconds();
  }
  double between = std::max(0., profile.seconds - inKernels);
  return fmt::format(kRow, "", formatSeconds(perRun(between)), share(between), "", "", "", "",
                     "between kernels") +
         fmt::format(kRow, "", formatSeconds(perRun(profile.seconds)), "100.0 %",
                     idle(profile.seconds, busy), "", "", "",
                     fmt::format("a run, mean of {}, {} worker{}", profile.runs, profile.workers,
                                 profile.workers == 1 ? "" : "s"));
}

std::string Table::format() const {
  std::vector<const Profile::Kernel *> kernels;
  for (const Profile::Kernel &kernel : profile.kernels)
    kernels.push_back(&kernel);
  std::ranges::sort(kernels, std::greater(), &Profile::Kernel::seconds);
  std::string text = fmt::format(kRow, "calls", "time", "share", "idle", "GFLOP/s", "GB/s", "limit",
                                 "kernel -> result");
  for (const Profile::Kernel *kernel : kernels) {
    text += line(*kernel);
    // Others ran before, when variables were packed.
    auto isOfRuns = [](const Profile::Phase &phase) { return phase.tasks > 0; };
    bool areSeveral = std::ranges::count_if(kernel->phases, isOfRuns) > 1;
    for (size_t i = 0; areSeveral && i < kernel->phases.size(); ++i)
      if (isOfRuns(kernel->phases[i]))
        text += line(kernel->phases[i], i);
  }
  return text + summary();
}

std::string formatProfile(const Profile &profile, const CompileOptions &options) {
  if (profile.runs == 0)
    return "no run to profile\n";
  // Compilation has checked the CPU.
  return Table(profile, Machine::get(options.march).value().vectorBits).format();
}

} // namespace dl::driver
