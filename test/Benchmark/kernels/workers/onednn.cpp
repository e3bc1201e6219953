//===- onednn.cpp - Kernels of oneDNN -------------------------------------===//
//
// `onednn-worker plain`: operands and results lie as in a specification (images
// NHWC); weights of convolutions in the format that oneDNN likes best.
// `onednn-worker own`: all in the format that it likes best. They are reordered
// before and after the timed runs.
//
//===----------------------------------------------------------------------===//

#include "Worker.h"

#include <dnnl.hpp>

using namespace dl;
using namespace dl::bench;
using Dims = dnnl::memory::dims;
using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;

namespace {

/// What all kernels share: a primitive and its memories.
class Primitive : public Kernel {
public:
  explicit Primitive(const KernelSpec &spec)
      : spec(spec), operands(makeOperands(spec)), plain(makeResults(spec)) {}

  void run() override {
    primitive.execute(stream, arguments);
    stream.wait();
  }

  std::vector<std::pair<const float *, int64_t>> results() override {
    dnnl::memory target(resultDesc, engine, plain[0].data());
    dnnl::reorder(result, target).execute(stream, result, target);
    stream.wait();
    return {{plain[0].data(), plain[0].size()}};
  }

  /// Places operand `index`, which lies as `from`, where the primitive wants it.
  void bind(int argument, size_t index, const Desc &from, const Desc &wanted) {
    dnnl::memory source(from, engine, operands[index].data());
    if (from == wanted) {
      arguments[argument] = source;
      return;
    }
    Buffer &owned = reordered.emplace_back((wanted.get_size() + 3) / 4);
    dnnl::memory target(wanted, engine, owned.data());
    dnnl::reorder(source, target).execute(stream, source, target);
    stream.wait();
    arguments[argument] = target;
  }

  void bindResult(int argument, const Desc &plainDesc, const Desc &wanted) {
    resultDesc = plainDesc;
    Buffer &owned = reordered.emplace_back((wanted.get_size() + 3) / 4);
    result = dnnl::memory(wanted, engine, owned.data());
    arguments[argument] = result;
  }

  KernelSpec spec;
  std::vector<Buffer> operands, plain, reordered;
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  dnnl::primitive primitive;
  dnnl::memory result;
  Desc resultDesc;
  std::unordered_map<int, dnnl::memory> arguments;
};

constexpr auto kFloat = dnnl::memory::data_type::f32;

} // namespace

/// The same dimensions in a format of the library's choice.
static Desc wanted(const Desc &plain, bool own) {
  return own ? Desc(plain.get_dims(), kFloat, Tag::any) : plain;
}

static dnnl::primitive_attr epilogue(const KernelSpec &spec) {
  dnnl::post_ops ops;
  if (!spec.activation.empty())
    ops.append_eltwise(spec.activation == "relu"      ? dnnl::algorithm::eltwise_relu
                       : spec.activation == "sigmoid" ? dnnl::algorithm::eltwise_logistic
                                                      : dnnl::algorithm::eltwise_tanh,
                       0, 0);
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(ops);
  return attributes;
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

static Desc matrix(const KernelSpec &spec, int64_t rows, int64_t columns, bool transposed) {
  Dims dims = {rows, columns}, strides = transposed ? Dims{1, rows} : Dims{columns, 1};
  if (spec.batch > 1) {
    dims.insert(dims.begin(), spec.batch);
    strides.insert(strides.begin(), rows * columns);
  }
  return Desc(dims, kFloat, strides);
}

/// Of a product both operands are data; of a linear layer B are weights.
static std::unique_ptr<Kernel> makeProduct(const KernelSpec &spec, bool own) {
  int64_t m = spec.extents[0], n = spec.extents[1], k = spec.extents[2];
  auto kernel = std::make_unique<Primitive>(spec);
  Desc a = matrix(spec, m, k, spec.transposeA), b = matrix(spec, k, n, spec.transposeB);
  Desc c = matrix(spec, m, n, false), bias = Desc({1, n}, kFloat, Dims{n, 1});
  dnnl::matmul::primitive_desc desc =
      spec.bias ? dnnl::matmul::primitive_desc(kernel->engine, wanted(a, own), wanted(b, own), bias,
                                               wanted(c, own), epilogue(spec))
                : dnnl::matmul::primitive_desc(kernel->engine, wanted(a, own), wanted(b, own),
                                               wanted(c, own), epilogue(spec));
  kernel->bind(DNNL_ARG_SRC, 0, a, desc.src_desc());
  kernel->bind(DNNL_ARG_WEIGHTS, 1, b, desc.weights_desc());
  if (spec.bias)
    kernel->bind(DNNL_ARG_BIAS, 2, bias, bias);
  kernel->bindResult(DNNL_ARG_DST, c, desc.dst_desc());
  kernel->primitive = dnnl::matmul(desc);
  return kernel;
}

//===----------------------------------------------------------------------===//
// Convolutions
//===----------------------------------------------------------------------===//

namespace {

/// Plain descriptions of a convolution's tensors (NHWC, HWIO) and its settings.
struct Conv {
  Conv(const KernelSpec &spec, bool own) : own(own) {
    const std::vector<int64_t> &e = spec.extents;
    int64_t n = e[0], c = e[3], o = e[4], k = e[5], g = spec.groups;
    int64_t h = spec.outputExtent(e[1]), w = spec.outputExtent(e[2]);
    image = Desc({n, c, e[1], e[2]}, kFloat, Tag::nhwc);
    result = Desc({n, o, h, w}, kFloat, Tag::nhwc);
    // [k][k][c / g][o], where the groups divide o.
    weights = g == 1 ? Desc({o, c, k, k}, kFloat, Tag::hwio)
                     : Desc({g, o / g, c / g, k, k}, kFloat,
                            Dims{o / g, 1, o, k * (c / g) * o, (c / g) * o});
    strides = {spec.stride, spec.stride};
    dilation = {spec.dilation - 1, spec.dilation - 1};
    before = {spec.pad, spec.pad};
    // Below and to the right: what the windows reach, which may be less than the padding.
    auto reach = [&](int64_t extent, int64_t count) {
      return (count - 1) * spec.stride + spec.dilation * (k - 1) + 1 - extent - spec.pad;
    };
    after = {reach(e[1], h), reach(e[2], w)};
  }

  dnnl::convolution_forward::primitive_desc forward(const dnnl::engine &engine,
                                                    const Desc &bias = {},
                                                    const dnnl::primitive_attr &epilogue = {}) {
    auto algorithm = dnnl::algorithm::convolution_direct;
    auto kind = dnnl::prop_kind::forward_training;
    if (!bias.get_size())
      return {engine,
              kind,
              algorithm,
              wanted(image, own),
              wanted(weights, true),
              wanted(result, own),
              strides,
              dilation,
              before,
              after,
              epilogue};
    return {engine,
            kind,
            algorithm,
            wanted(image, own),
            wanted(weights, true),
            bias,
            wanted(result, own),
            strides,
            dilation,
            before,
            after,
            epilogue};
  }

  bool own;
  Desc image, weights, result;
  Dims strides, dilation, before, after;
};

} // namespace

static std::unique_ptr<Kernel> makeForward(const KernelSpec &spec, bool own) {
  auto kernel = std::make_unique<Primitive>(spec);
  Conv conv(spec, own);
  Desc bias = spec.bias ? Desc({spec.extents[4]}, kFloat, Tag::a) : Desc();
  auto desc = conv.forward(kernel->engine, bias, epilogue(spec));
  kernel->bind(DNNL_ARG_SRC, 0, conv.image, desc.src_desc());
  kernel->bind(DNNL_ARG_WEIGHTS, 1, conv.weights, desc.weights_desc());
  if (spec.bias)
    kernel->bind(DNNL_ARG_BIAS, 2, bias, bias);
  kernel->bindResult(DNNL_ARG_DST, conv.result, desc.dst_desc());
  kernel->primitive = dnnl::convolution_forward(desc);
  return kernel;
}

static std::unique_ptr<Kernel> makeBackwardData(const KernelSpec &spec, bool own) {
  auto kernel = std::make_unique<Primitive>(spec);
  Conv conv(spec, own);
  dnnl::convolution_backward_data::primitive_desc desc(
      kernel->engine, dnnl::algorithm::convolution_direct, wanted(conv.image, own),
      wanted(conv.weights, true), wanted(conv.result, own), conv.strides, conv.dilation,
      conv.before, conv.after, conv.forward(kernel->engine));
  kernel->bind(DNNL_ARG_DIFF_DST, 0, conv.result, desc.diff_dst_desc());
  kernel->bind(DNNL_ARG_WEIGHTS, 1, conv.weights, desc.weights_desc());
  kernel->bindResult(DNNL_ARG_DIFF_SRC, conv.image, desc.diff_src_desc());
  kernel->primitive = dnnl::convolution_backward_data(desc);
  return kernel;
}

static std::unique_ptr<Kernel> makeBackwardWeights(const KernelSpec &spec, bool own) {
  auto kernel = std::make_unique<Primitive>(spec);
  Conv conv(spec, own);
  dnnl::convolution_backward_weights::primitive_desc desc(
      kernel->engine, dnnl::algorithm::convolution_direct, wanted(conv.image, own),
      wanted(conv.weights, true), wanted(conv.result, own), conv.strides, conv.dilation,
      conv.before, conv.after, conv.forward(kernel->engine));
  kernel->bind(DNNL_ARG_SRC, 0, conv.image, desc.src_desc());
  kernel->bind(DNNL_ARG_DIFF_DST, 1, conv.result, desc.diff_dst_desc());
  kernel->bindResult(DNNL_ARG_DIFF_WEIGHTS, conv.weights, desc.diff_weights_desc());
  kernel->primitive = dnnl::convolution_backward_weights(desc);
  return kernel;
}

static std::unique_ptr<Kernel> make(const KernelSpec &spec, bool own) {
  if (spec.family != KernelFamily::Conv)
    return makeProduct(spec, own);
  return spec.op == "conv2d"                 ? makeForward(spec, own)
         : spec.op == "conv2d_backward_data" ? makeBackwardData(spec, own)
                                             : makeBackwardWeights(spec, own);
}

static Result<std::unique_ptr<Kernel>> makeKernel(const KernelSpec &spec, bool own) {
  if (!spec.isContraction())
    return Error{"no contraction"};
  try {
    return make(spec, own);
  } catch (const dnnl::error &error) {
    return Error{error.what()};
  }
}

int main(int argc, char **argv) {
  bool own = argc > 1 && std::string_view(argv[1]) == "own";
  return serve([=](const KernelSpec &spec) { return makeKernel(spec, own); });
}
