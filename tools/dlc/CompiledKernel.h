//===- CompiledKernel.h - One kernel, ready to be timed ---------*- C++ -*-===//

#ifndef DL_TOOLS_DLC_COMPILEDKERNEL_H
#define DL_TOOLS_DLC_COMPILEDKERNEL_H

#include "KernelSpec.h"
#include "Limits.h"
#include "dl/Executable.h"

#include <memory>
#include <optional>

namespace dl::driver {

/// A kernel compiled by dlc, with its operands and results. Weights are
/// parameters, as in a network.
class CompiledKernel {
public:
  /// Compiles, for so many seconds, and runs once.
  static Result<CompiledKernel> make(const KernelSpec &spec, const CompileOptions &options);

  double compileSeconds = 0;

  void run() { binding->run(); }
  /// Makes so much other memory; an error where there is not as much.
  Status makeOther(int64_t megabytes);
  /// Passes it, so that caches which are smaller have nothing of the kernel's.
  void forget();

  /// What the first run computed.
  const std::vector<Tensor> &results() const { return kept.empty() ? outputs : kept; }
  /// What the machine does at most at this moment, in FLOP/s (contractions) or
  /// bytes/s (the rest), measured for a few milliseconds on as many threads.
  double limit();
  /// FLOP/s of multiply-adds that the machine sustains for so many seconds, on as many threads.
  double sustained(double seconds) const;

private:
  explicit CompiledKernel(Executable executable) : executable(std::move(executable)) {}

  Status fill(const KernelSpec &spec);
  Status bind();
  void updateInPlace();

  Executable executable;
  std::vector<Tensor> operands, outputs, kept;
  std::vector<TensorView> inputs;
  std::optional<Binding> binding;
  bool isContraction = true, isUpdate = false;
  double footprint = 0;
  int threads = 1, vectorBits = 128;
  std::unique_ptr<Bandwidth> bandwidth;
  std::unique_ptr<char[]> other;
  size_t otherBytes = 0;
};

} // namespace dl::driver

#endif // DL_TOOLS_DLC_COMPILEDKERNEL_H
