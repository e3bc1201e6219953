//===- torch.cpp - Memory-bound kernels of PyTorch, by libtorch -----------===//
//
// Called from C++ in inference mode, into results that are there already: what
// is timed has no Python in it and the least of dispatch. Contractions are left
// to the libraries that PyTorch itself calls.
//
//===----------------------------------------------------------------------===//

#include "Worker.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

using namespace dl;
using namespace dl::bench;

namespace {

/// Operands and results of a kernel as tensors, in the shape that PyTorch wants.
struct Tensors {
  std::vector<at::Tensor> in, out;
};

using Run = std::function<void(Tensors &)>;

class TorchKernel : public Kernel {
public:
  TorchKernel(const KernelSpec &spec, Run body)
      : operands(makeOperands(spec)), plain(makeResults(spec)), body(std::move(body)) {
    tensors.in = wrap(operands, spec.operands(), spec);
    tensors.out = wrap(plain, spec.results(), spec);
  }

  void run() override { body(tensors); }

  std::vector<std::pair<const float *, int64_t>> results() override {
    std::vector<std::pair<const float *, int64_t>> list;
    for (const Buffer &buffer : plain)
      list.emplace_back(buffer.data(), buffer.size());
    return list;
  }

private:
  /// Images as [N, C, H, W], channels last.
  static std::vector<at::Tensor> wrap(std::vector<Buffer> &buffers,
                                      const std::vector<KernelTensor> &specs,
                                      const KernelSpec &spec) {
    std::vector<at::Tensor> list;
    for (size_t i = 0; i < specs.size(); ++i) {
      auto type = specs[i].classes > 0 ? at::kInt : at::kFloat;
      at::Tensor tensor = at::from_blob(buffers[i].data(), specs[i].shape, type);
      list.push_back(spec.family == KernelFamily::Pool ? tensor.permute({0, 3, 1, 2}) : tensor);
    }
    return list;
  }

  std::vector<Buffer> operands, plain;
  Tensors tensors;
  Run body;
};

} // namespace

//===----------------------------------------------------------------------===//
// Kernels by family
//===----------------------------------------------------------------------===//

static Run unaryRun(const std::string &op) {
  using Out = at::Tensor &(*)(at::Tensor &, const at::Tensor &);
  static const std::pair<const char *, Out> known[] = {
      {"neg", at::neg_out},   {"abs", at::abs_out},         {"exp", at::exp_out},
      {"tanh", at::tanh_out}, {"sigmoid", at::sigmoid_out}, {"log", at::log_out},
      {"sqrt", at::sqrt_out}, {"rsqrt", at::rsqrt_out},     {"erf", at::erf_out}};
  for (auto [name, out] : known)
    if (op == name)
      return [out](Tensors &t) { out(t.out[0], t.in[0]); };
  if (op == "relu")
    return [](Tensors &t) { at::clamp_min_out(t.out[0], t.in[0], 0); };
  if (op == "gelu")
    return [](Tensors &t) { at::gelu_out(t.out[0], t.in[0]); };
  return nullptr;
}

static Run elementwiseRun(const std::string &op) {
  if (op == "add")
    return [](Tensors &t) { at::add_out(t.out[0], t.in[0], t.in[1]); };
  if (op == "mul")
    return [](Tensors &t) { at::mul_out(t.out[0], t.in[0], t.in[1]); };
  if (op == "maximum")
    return [](Tensors &t) { at::maximum_out(t.out[0], t.in[0], t.in[1]); };
  if (op == "add_relu")
    return [](Tensors &t) { at::add_out(t.out[0], t.in[0], t.in[1]).relu_(); };
  return [](Tensors &t) { at::addcmul_out(t.out[0], t.in[2], t.in[0], t.in[1]); };
}

static Run reductionRun(const KernelSpec &spec) {
  int64_t axis = spec.axis;
  if (spec.op == "sum")
    return [axis](Tensors &t) { at::sum_out(t.out[0], t.in[0], at::IntArrayRef(axis)); };
  if (spec.op == "mean")
    return [axis](Tensors &t) { at::mean_out(t.out[0], t.in[0], at::IntArrayRef(axis)); };
  if (spec.op == "log_sum_exp")
    return [axis](Tensors &t) { at::logsumexp_out(t.out[0], t.in[0], at::IntArrayRef(axis)); };
  if (spec.op == "max")
    return [axis](Tensors &t) { at::amax_out(t.out[0], t.in[0], axis); };
  return [axis](Tensors &t) { at::amin_out(t.out[0], t.in[0], axis); };
}

static Run normalizationRun(const KernelSpec &spec) {
  int64_t axis = spec.axis;
  if (spec.op == "softmax")
    return [axis](Tensors &t) { at::_softmax_out(t.out[0], t.in[0], axis, false); };
  return [axis](Tensors &t) { at::_log_softmax_out(t.out[0], t.in[0], axis, false); };
}

/// Channels are the last dimension, which batch_norm of PyTorch has only in matrices.
static Run affineRun(const KernelSpec &spec) {
  int64_t channels = spec.extents.back(), rows = spec.operands()[0].size() / channels;
  if (spec.op == "layer_norm")
    return [=, mean = at::empty({rows, 1}), deviation = at::empty({rows, 1})](Tensors &t) mutable {
      at::Tensor x = t.in[0].view({rows, channels}), y = t.out[0].view({rows, channels});
      at::native_layer_norm_out(y, mean, deviation, x, {channels}, t.in[1], t.in[2], 1e-5);
    };
  bool training = spec.op == "batch_norm_train";
  auto running = std::make_shared<std::vector<at::Tensor>>();
  return [=, mean = at::empty({training ? channels : 0}),
          deviation = at::empty({training ? channels : 0})](Tensors &t) mutable {
    bool first = running->empty();
    if (first)
      *running = {t.in[3].clone(), t.in[4].clone()};
    at::Tensor x = t.in[0].view({rows, channels}), y = t.out[0].view({rows, channels});
    at::native_batch_norm_out(y, mean, deviation, x, t.in[1], t.in[2], (*running)[0], (*running)[1],
                              training, 0.1, 1e-5);
    for (size_t i = 1; first && i < t.out.size(); ++i)
      t.out[i].copy_((*running)[i - 1]);
  };
}

/// Labels become i64 before the timed runs, as PyTorch wants them.
static Run crossEntropyRun() {
  auto labels = std::make_shared<at::Tensor>();
  return [labels](Tensors &t) {
    if (!labels->defined())
      *labels = t.in[1].to(at::kLong);
    t.out[0].copy_(at::cross_entropy_loss(t.in[0], *labels));
  };
}

/// The gradient goes by the indices of the forward pass, which are there already.
static Run poolRun(const KernelSpec &spec) {
  std::vector<int64_t> kernel(2, spec.kernelExtent()), strides(2, spec.stride), pad(2, spec.pad);
  auto indices = std::make_shared<at::Tensor>();
  if (spec.op == "avg_pool2d")
    return [=](Tensors &t) { at::avg_pool2d_out(t.out[0], t.in[0], kernel, strides, pad); };
  if (spec.op == "avg_pool2d_backward")
    return [=](Tensors &t) { // of its last operand it reads the shape alone
      at::avg_pool2d_backward_out(t.out[0], t.in[0], t.out[0], kernel, strides, pad, false, true,
                                  std::nullopt);
    };
  if (spec.op == "max_pool2d")
    return [=](Tensors &t) {
      if (!indices->defined())
        *indices = at::empty_like(t.out[0], at::kLong);
      at::max_pool2d_with_indices_out(t.out[0], *indices, t.in[0], kernel, strides, pad);
    };
  return [=](Tensors &t) {
    if (!indices->defined())
      *indices = std::get<1>(at::max_pool2d_with_indices(t.in[0], kernel, strides, pad));
    at::max_pool2d_with_indices_backward_out(t.out[0], t.in[1], t.in[0], kernel, strides, pad,
                                             {1, 1}, false, *indices);
  };
}

/// The fused optimisers, which work in place: on copies of the operands, which
/// change from run to run. The results are those of the first.
static Run updateRun(const KernelSpec &spec) {
  auto state = std::make_shared<std::vector<at::Tensor>>();
  bool isAdam = spec.op == "adam";
  auto apply = [isAdam](std::vector<at::Tensor> &s) {
    if (isAdam)
      at::_fused_adam_({s[0]}, {s[1]}, {s[2]}, {s[3]}, {}, {s[4]}, 0.001, 0.9, 0.999, 0, 1e-8,
                       false, false);
    else
      at::_fused_sgd_({s[0]}, {s[1]}, {s[2]}, 0, 0.9, 0.01, 0, false, false, false);
  };
  return [=](Tensors &t) {
    bool first = state->empty();
    for (const at::Tensor &operand : t.in)
      if (first)
        state->push_back(operand.clone());
    apply(*state);
    for (size_t i = 0; first && i < t.out.size(); ++i)
      t.out[i].copy_((*state)[i == 0 ? 0 : i + 1]);
  };
}

static Run makeRun(const KernelSpec &spec) {
  switch (spec.family) {
  case KernelFamily::Unary:
    return unaryRun(spec.op);
  case KernelFamily::Elementwise:
    return elementwiseRun(spec.op);
  case KernelFamily::Reduction:
    return reductionRun(spec);
  case KernelFamily::Normalization:
    return normalizationRun(spec);
  case KernelFamily::Affine:
    return affineRun(spec);
  case KernelFamily::Concat: {
    int64_t axis = spec.axis;
    return [axis](Tensors &t) { at::cat_out(t.out[0], {t.in[0], t.in[1]}, axis); };
  }
  case KernelFamily::CrossEntropy:
    return crossEntropyRun();
  case KernelFamily::Pool:
    return poolRun(spec);
  case KernelFamily::Transpose: {
    std::vector<int64_t> axes = spec.axes;
    return [axes](Tensors &t) { t.out[0].copy_(t.in[0].permute(axes)); };
  }
  case KernelFamily::Update:
    return updateRun(spec);
  default:
    return nullptr;
  }
}

int main(int argc, char **argv) {
  at::set_num_threads(argc > 1 ? std::atoi(argv[1]) : 1);
  c10::InferenceMode mode;
  return serve([](const KernelSpec &spec) -> Result<std::unique_ptr<Kernel>> {
    Run body = makeRun(spec);
    if (!body)
      return Error{"no kernel of this family"};
    return std::unique_ptr<Kernel>(new TorchKernel(spec, std::move(body)));
  });
}
