//===- CompiledKernel.cpp - One kernel, ready to be timed -----------------===//

#include "CompiledKernel.h"
#include "Timing.h"
#include "dl/Support/Cores.h"
#include "dl/Support/Machine.h"

#include <algorithm>
#include <fmt/format.h>
#include <new>

namespace dl::driver {

Status CompiledKernel::fill(const KernelSpec &spec) {
  std::vector<KernelTensor> forms = spec.operands();
  for (size_t i = 0; i < forms.size(); ++i) {
    Tensor tensor(forms[i].classes > 0 ? DType::I32 : DType::F32, forms[i].shape);
    fillOperand(spec, i, tensor.raw());
    if (!forms[i].isParameter)
      operands.push_back(std::move(tensor));
    else if (Status status = executable.setParameter("p" + std::to_string(i), tensor); !status)
      return status;
  }
  for (const KernelTensor &result : spec.results())
    outputs.emplace_back(DType::F32, result.shape);
  inputs.assign(operands.begin(), operands.end());
  return {};
}

Status CompiledKernel::bind() {
  auto made = executable.bind(inputs, outputs);
  if (!made)
    return made.error();
  binding = std::move(made).value();
  return {};
}

/// An update writes the parameter and its state where they lie, as in training: its results are
/// its operands but for the gradient, the second.
void CompiledKernel::updateInPlace() {
  kept = outputs;
  for (size_t i = 0; i < outputs.size(); ++i) {
    TensorView &state = inputs[i == 0 ? 0 : i + 1];
    state = TensorView(outputs[i]);
  }
}

Result<CompiledKernel> CompiledKernel::make(const KernelSpec &spec, const CompileOptions &options) {
  auto model = Model::parse(spec.modelText(), "<" + spec.text + ">");
  if (!model)
    return model.error();
  auto machine = Machine::get(options.march);
  if (!machine)
    return machine.error();
  // A gradient is part of a step, which updates weights.
  CompileOptions own = options;
  own.keepPacked &= !spec.isGradient();
  double start = now();
  auto executable = compile(*model, own);
  if (!executable)
    return executable.error();
  CompiledKernel kernel(std::move(executable).value());
  kernel.compileSeconds = now() - start;
  kernel.isContraction = spec.isContraction();
  kernel.footprint = spec.footprint();
  kernel.vectorBits = machine->vectorBits;
  kernel.threads = options.threads > 0 ? options.threads : availableCores();
  Status status = kernel.fill(spec);
  if (status)
    status = kernel.bind();
  if (!status)
    return status.error();
  kernel.run();
  kernel.isUpdate = spec.family == KernelFamily::Update;
  if (kernel.isUpdate) {
    kernel.updateInPlace();
    if (status = kernel.bind(); !status)
      return status.error();
  }
  return kernel;
}

Status CompiledKernel::makeOther(int64_t megabytes) {
  otherBytes = static_cast<size_t>(megabytes) << 20;
  other.reset(new (std::nothrow) char[otherBytes]());
  if (!other)
    return Error{fmt::format("cannot allocate {} MB", megabytes)};
  return {};
}

void CompiledKernel::forget() {
  constexpr size_t kLine = 64;
  for (size_t at = 0; at < otherBytes; at += kLine)
    ++other[at];
}

double CompiledKernel::limit() {
  if (isContraction)
    return measureMultiplyAdds(vectorBits, threads);
  if (!bandwidth)
    bandwidth = std::make_unique<Bandwidth>(vectorBits, footprint, threads);
  return bandwidth->measure(isUpdate);
}

double CompiledKernel::sustained(double seconds) const {
  return sustainMultiplyAdds(vectorBits, threads, seconds);
}

} // namespace dl::driver
