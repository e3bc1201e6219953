//===- Model.h - A model graph ----------------------------------*- C++ -*-===//
//
// A model is a graph of dl ops with named inputs, outputs and parameters. It is
// loaded from a file or built in C++ (Builder.h), then compiled to an
// Executable (forward) or a Trainer (training step).
//
//===----------------------------------------------------------------------===//

#ifndef DL_MODEL_H
#define DL_MODEL_H

#include "dl/Tensor.h"

#include <functional>

namespace dl {

/// A verified model. Cheap to copy: copies share one immutable graph.
class Model {
public:
  /// Reads a `.mlir` model. Errors carry file, line and column.
  static Result<Model> load(const std::string &path);
  /// Parses the text of a model; `name` stands for the file in diagnostics.
  static Result<Model> parse(std::string_view text, const std::string &name = "<model>");

  const std::string &name() const;
  const std::vector<TensorSpec> &inputs() const;
  const std::vector<TensorSpec> &outputs() const;
  /// Trained parameters and other variables, in the order of the file.
  const std::vector<TensorSpec> &parameters() const;
  /// The graph in the syntax of model files.
  std::string toString() const;

  /// What lies behind: for the compiler's own libraries (dl/JIT/ModelImpl.h).
  struct Impl;
  explicit Model(std::shared_ptr<const Impl> impl) : impl(std::move(impl)) {}
  const Impl &getImpl() const { return *impl; }

private:
  std::shared_ptr<const Impl> impl;
};

/// How to compile. The defaults are right for training and inference on the
/// machine that compiles.
struct CompileOptions {
  /// The batch size where the model leaves it open; 0: compile for each batch
  /// size when it is first seen.
  int64_t batch = 0;
  /// Worker threads, the caller included; 0: one for each core available.
  int threads = 0;
  /// 0: no fusion, no graph optimisation; 1: simplification; 2: all; 3: all,
  /// and the code generator takes its time.
  int optLevel = 2;
  /// Off: every op is a kernel of its own (for debugging).
  bool fusion = true;
  /// Convolutions may go through Winograd's transform, where that is faster. It
  /// rounds otherwise, about as much as sums of products do; an infinity or NaN
  /// in an image reaches the results beside those it belongs to.
  bool winograd = true;
  /// A forward pass keeps weights as its kernels want them, laid out when they are set
  /// or loaded, where that pays. Off: each run does it; takes less memory.
  bool keepPacked = true;
  /// Emitted code of a forward pass has a function that lays weights out so, which its
  /// callers call when they have set them (tools/dlc/README.md, Objects).
  bool exportPack = false;
  /// `host`, a CPU name that LLVM knows, or `generic`, `avx2`, `avx512`.
  std::string march = "host";
  /// Products of f32 matrices may be computed from bf16 parts, as accurately as in
  /// f32 but for denormals, which become zeros, where the CPU multiplies those
  /// faster (AMX).
  bool splitF32 = true;
  /// The triple of the machine that emitted code is for: of x86-64, AArch64 or
  /// RISC-V (64 bits). Empty: this machine, the only one that code runs on here.
  std::string target = {};
  /// Seed of the initial parameter values.
  uint64_t seed = 0;
  /// Keep compiled code on disk, for this process and later ones.
  bool cache = true;
  /// The folder; empty: `dlc` in the user's cache ($XDG_CACHE_HOME or ~/.cache).
  /// One that cannot be written, or that others may write, is an error where it is
  /// named here, and else is not used.
  std::string cacheDir = {};
  /// Note where the time of runs goes (see Profile.h).
  bool profile = false;
  /// Measure several ways to compute each contraction, on this machine and as
  /// many threads, and take the fastest; with the cache, later compilations do so
  /// without measuring. May take seconds.
  bool tune = false;
  /// Told about each kernel that tuning made faster, in one line.
  std::function<void(const std::string &)> onTuned = {};
};

} // namespace dl

#endif // DL_MODEL_H
