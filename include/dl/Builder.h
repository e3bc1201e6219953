//===- Builder.h - Models built in C++ --------------------------*- C++ -*-===//
//
//   dl::GraphBuilder g("mlp");
//   dl::Node x = g.input("x", {dl::kOpen, 784});
//   dl::Node h = g.relu(g.linear(x, 128));
//   g.output(g.linear(h, 10), "logits");
//   dl::Result<dl::Model> model = g.build();
//
// Layers may be called in any order on what stands before them. What is wrong
// shows once, in build(): the first wrong layer, by number and name, with the
// message that a model file would get.
//
//===----------------------------------------------------------------------===//

#ifndef DL_BUILDER_H
#define DL_BUILDER_H

#include "dl/Model.h"

#include <initializer_list>
#include <variant>

namespace dl {

/// A value of the graph being built; of the builder that made it.
struct Node {
  int64_t index = -1;
};

/// Where the channels of images lie: [N, C, H, W] or [N, H, W, C].
enum class ImageOrder { NCHW, NHWC };

/// What linear and conv2d take besides their input.
struct LinearOptions {
  /// Names the parameters `<name>.weight` and `<name>.bias`; empty: the op's name
  /// and a number (`linear1`).
  std::string name;
  bool bias = true;
  /// Initial weights, as in model files: `he_normal`, `uniform(-0.1, 0.1)`, …
  std::string init = "he_normal";
};
struct Conv2DOptions {
  std::string name;
  std::vector<int64_t> strides = {1, 1};
  /// Top, left, bottom, right.
  std::vector<int64_t> padding = {0, 0, 0, 0};
  std::vector<int64_t> dilation = {1, 1};
  int64_t groups = 1;
  ImageOrder order = ImageOrder::NCHW;
  bool bias = true;
  std::string init = "he_normal";
};
struct MaxPool2DOptions {
  /// Empty: the window's extents.
  std::vector<int64_t> strides = {};
  std::vector<int64_t> padding = {0, 0, 0, 0};
  std::vector<int64_t> dilation = {1, 1};
  bool ceilMode = false;
  ImageOrder order = ImageOrder::NCHW;
};
struct AvgPool2DOptions {
  /// Empty: the window's extents.
  std::vector<int64_t> strides = {};
  std::vector<int64_t> padding = {0, 0, 0, 0};
  bool ceilMode = false;
  /// Whether padding counts among the elements that a mean divides by.
  bool countIncludePad = true;
  ImageOrder order = ImageOrder::NCHW;
};
struct ConvTranspose2DOptions {
  std::string name;
  std::vector<int64_t> strides = {1, 1};
  /// Top, left, bottom, right.
  std::vector<int64_t> padding = {0, 0, 0, 0};
  std::vector<int64_t> outputPadding = {0, 0};
  std::vector<int64_t> dilation = {1, 1};
  int64_t groups = 1;
  ImageOrder order = ImageOrder::NCHW;
  bool bias = true;
  std::string init = "he_normal";
};
struct NormOptions {
  /// Names the parameters `<name>.scale`, `<name>.bias` and, of batch_norm,
  /// `<name>.mean` and `<name>.variance`.
  std::string name;
  double eps = 1e-5;
  /// Of batch_norm: what a batch adds to the running mean and variance.
  double momentum = 0.1;
};
struct ParameterOptions {
  std::string init = "zeros";
  bool trainable = true;
};

class GraphBuilder {
public:
  /// An attribute of an op, as in model files. A string is a keyword.
  using Attribute = std::variant<bool, int64_t, double, std::string, std::vector<int64_t>, DType>;
  using Attributes = std::vector<std::pair<std::string, Attribute>>;

  explicit GraphBuilder(std::string name = "model");
  ~GraphBuilder();
  GraphBuilder(GraphBuilder &&) noexcept;
  GraphBuilder &operator=(GraphBuilder &&) noexcept;

  /// An input; its first extent may be kOpen. The name is a word (letters,
  /// digits, '_', '.', '$', '-'; no digit first).
  Node input(const std::string &name, const Shape &shape, DType type = DType::F32);
  Node parameter(const std::string &name, const Shape &shape, const ParameterOptions &options = {},
                 DType type = DType::F32);
  /// The same number everywhere, broadcast to what it is used with.
  Node scalar(double value, DType type = DType::F32);
  Node constant(const Tensor &value);
  /// Marks an output; outputs keep their order.
  void output(Node value, const std::string &name = "");

  /// Type and shape of a value; an empty name. Of a value that came from a wrong
  /// layer: a scalar f32.
  TensorSpec spec(Node value) const;

  /// Any op of the dialect with one result, by its name (`conv2d`); what the
  /// functions below are made of.
  Node apply(const std::string &op, const std::vector<Node> &operands,
             const Attributes &attributes = {});

  // Layers with parameters of their own.
  Node linear(Node x, int64_t units, const LinearOptions &options = {});
  Node conv2d(Node x, int64_t channels, std::vector<int64_t> kernel,
              const Conv2DOptions &options = {});

  Node convTranspose2d(Node x, int64_t channels, std::vector<int64_t> kernel,
                       const ConvTranspose2DOptions &options = {});
  /// Over the dimensions from `axis` on.
  Node layerNorm(Node x, int64_t axis = -1, const NormOptions &options = {});
  /// Of the channels, which are dimension `axis`.
  Node batchNorm(Node x, int64_t axis = 1, const NormOptions &options = {});

  // Element by element.
  Node neg(Node x) { return apply("neg", {x}); }
  Node abs(Node x) { return apply("abs", {x}); }
  Node sign(Node x) { return apply("sign", {x}); }
  Node exp(Node x) { return apply("exp", {x}); }
  Node log(Node x) { return apply("log", {x}); }
  Node sqrt(Node x) { return apply("sqrt", {x}); }
  Node rsqrt(Node x) { return apply("rsqrt", {x}); }
  Node tanh(Node x) { return apply("tanh", {x}); }
  Node sigmoid(Node x) { return apply("sigmoid", {x}); }
  Node erf(Node x) { return apply("erf", {x}); }
  /// `approximate`: none or tanh.
  Node gelu(Node x, const std::string &approximate = "none") {
    return apply("gelu", {x}, {{"approximate", approximate}});
  }
  Node relu(Node x) { return apply("relu", {x}); }
  /// x, of which a training step drops elements with probability p.
  Node dropout(Node x, double p = 0.5) { return apply("dropout", {x}, {{"p", p}}); }
  Node add(Node a, Node b) { return apply("add", {a, b}); }
  Node sub(Node a, Node b) { return apply("sub", {a, b}); }
  Node mul(Node a, Node b) { return apply("mul", {a, b}); }
  Node div(Node a, Node b) { return apply("div", {a, b}); }
  Node pow(Node a, Node b) { return apply("pow", {a, b}); }
  Node maximum(Node a, Node b) { return apply("maximum", {a, b}); }
  Node minimum(Node a, Node b) { return apply("minimum", {a, b}); }
  /// `predicate`: eq, ne, lt, le, gt or ge.
  Node compare(Node a, Node b, const std::string &predicate) {
    return apply("compare", {a, b}, {{"predicate", predicate}});
  }
  Node select(Node condition, Node a, Node b) { return apply("select", {condition, a, b}); }
  Node cast(Node x, DType type) { return apply("cast", {x}, {{"to", type}}); }

  // Products and windows.
  Node matmul(Node a, Node b, bool transposeA = false, bool transposeB = false) {
    return apply("matmul", {a, b}, {{"transpose_a", transposeA}, {"transpose_b", transposeB}});
  }
  Node maxPool2d(Node x, std::vector<int64_t> kernel, const MaxPool2DOptions &options = {});
  Node avgPool2d(Node x, std::vector<int64_t> kernel, const AvgPool2DOptions &options = {});

  // Reductions; no axes: over all.
  Node sum(Node x, std::vector<int64_t> axes = {}, bool keepdims = false) {
    return reduce("sum", x, std::move(axes), keepdims);
  }
  Node mean(Node x, std::vector<int64_t> axes = {}, bool keepdims = false) {
    return reduce("mean", x, std::move(axes), keepdims);
  }
  Node max(Node x, std::vector<int64_t> axes = {}, bool keepdims = false) {
    return reduce("max", x, std::move(axes), keepdims);
  }
  Node min(Node x, std::vector<int64_t> axes = {}, bool keepdims = false) {
    return reduce("min", x, std::move(axes), keepdims);
  }
  Node logSumExp(Node x, std::vector<int64_t> axes = {}, bool keepdims = false) {
    return reduce("log_sum_exp", x, std::move(axes), keepdims);
  }
  Node argmax(Node x, int64_t axis = -1) { return apply("argmax", {x}, {{"axis", axis}}); }
  Node softmax(Node x, int64_t axis = -1) { return apply("softmax", {x}, {{"axis", axis}}); }
  Node logSoftmax(Node x, int64_t axis = -1) { return apply("log_softmax", {x}, {{"axis", axis}}); }

  // Shapes.
  Node reshape(Node x, Shape shape) { return apply("reshape", {x}, {{"shape", std::move(shape)}}); }
  Node flatten(Node x, int64_t axis = 1) { return apply("flatten", {x}, {{"axis", axis}}); }
  Node transpose(Node x, std::vector<int64_t> permutation) {
    return apply("transpose", {x}, {{"permutation", std::move(permutation)}});
  }
  /// Elements from `starts` to `ends` (exclusive) along some axes, as in Python.
  Node slice(Node x, std::vector<int64_t> axes, std::vector<int64_t> starts,
             std::vector<int64_t> ends) {
    return apply(
        "slice", {x},
        {{"axes", std::move(axes)}, {"starts", std::move(starts)}, {"ends", std::move(ends)}});
  }
  Node concat(const std::vector<Node> &parts, int64_t axis) {
    return apply("concat", parts, {{"axis", axis}});
  }
  Node broadcast(Node x, Shape shape) {
    return apply("broadcast", {x}, {{"shape", std::move(shape)}});
  }
  Node oneHot(Node indices, int64_t depth, DType type = DType::F32) {
    return apply("one_hot", {indices}, {{"depth", depth}, {"to", type}});
  }

  // Losses, for models that compute their own.
  Node crossEntropy(Node logits, Node labels) { return apply("cross_entropy", {logits, labels}); }
  Node mse(Node a, Node b) { return apply("mse", {a, b}); }
  Node bce(Node p, Node target) { return apply("bce", {p, target}); }
  Node bceWithLogits(Node x, Node target) { return apply("bce_with_logits", {x, target}); }
  Node hinge(Node x, Node target) { return apply("hinge", {x, target}); }

  /// The model. The builder may be used further. Error: the first layer that was
  /// wrong, or a model without an output.
  Result<Model> build() const;

private:
  Node reduce(const char *op, Node x, std::vector<int64_t> axes, bool keepdims);
  std::string layerName(const std::string &given, const char *op);

  struct Impl;
  std::unique_ptr<Impl> impl;
};

} // namespace dl

#endif // DL_BUILDER_H
