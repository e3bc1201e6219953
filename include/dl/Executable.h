//===- Executable.h - A compiled forward pass -------------------*- C++ -*-===//

#ifndef DL_EXECUTABLE_H
#define DL_EXECUTABLE_H

#include "dl/Model.h"
#include "dl/Profile.h"

namespace dl {

/// An executable and the tensors of its runs. What they must be is checked when they are
/// bound, so that a run costs its arithmetic: for small models that run often.
class Binding {
public:
  Binding(Binding &&other) noexcept;
  Binding &operator=(Binding &&other) noexcept;
  ~Binding();

  /// Runs the model on what the inputs hold now, with the parameters as they are now.
  /// Allocates nothing. Not for use from several threads at once: each binds its own.
  void run();

  struct Impl;
  explicit Binding(std::unique_ptr<Impl> impl);

private:
  std::unique_ptr<Impl> impl;
};

/// A model compiled to native code, with its parameters. `run`, `runInto` and `bind` may be
/// called from several threads at once.
class Executable {
public:
  /// Runs the model on inputs in the order of Model::inputs(). Returns the
  /// outputs in the order of Model::outputs(). Error: number, type or shape of
  /// the inputs do not fit.
  Result<std::vector<Tensor>> run(std::span<const TensorView> inputs) const;
  Result<std::vector<Tensor>> run(std::initializer_list<TensorView> inputs) const {
    return run(std::span<const TensorView>(inputs.begin(), inputs.size()));
  }
  /// The same into tensors of the caller, of the right type and shape: once the
  /// code for this batch size exists, nothing is allocated.
  Status runInto(std::span<const TensorView> inputs, std::span<Tensor> outputs) const;
  /// For many runs on the same tensors, whose elements must stay where they are for as long
  /// as the binding is used (the tensors themselves may be moved). Error: as `runInto`.
  Result<Binding> bind(std::span<const TensorView> inputs, std::span<Tensor> outputs) const;

  /// Parameter values, in the shape the model declares. Error: no such name, or
  /// another type or shape.
  Result<Tensor> parameter(const std::string &name) const;
  Status setParameter(const std::string &name, TensorView value);
  /// Reads every parameter from a safetensors file. Error: a name is missing or
  /// has another type or shape; then no parameter is changed.
  Status loadWeights(const std::string &path);

  /// Bytes of intermediate memory that one run at the given batch size needs.
  Result<size_t> arenaBytes(int64_t batch) const;
  /// Where the time of the runs at this batch size went; empty without
  /// CompileOptions::profile.
  Result<Profile> profile(int64_t batch) const;

  struct Impl;
  explicit Executable(std::shared_ptr<Impl> impl) : impl(std::move(impl)) {}

private:
  std::shared_ptr<Impl> impl;
};

/// Compiles a forward pass. Parameters start at their initial values.
Result<Executable> compile(const Model &model, const CompileOptions &options = {});

} // namespace dl

#endif // DL_EXECUTABLE_H
