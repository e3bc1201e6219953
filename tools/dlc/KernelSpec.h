//===- KernelSpec.h - One kernel, in words ----------------------*- C++ -*-===//
//
// What `dlc bench --kernel` and the kernel benchmarks time: one op with extents
// and settings, written `op:EXTENT,…[,SETTING…]`.
//
//   matmul:M,N,K[,nt|tn|tt][,batch=B]
//   linear:M,N,K[,nt][,bias][,relu|sigmoid|tanh]
//   conv2d|conv2d_backward_data|conv2d_backward_weights:N,H,W,C,O,K[,STRIDE]
//       [,pad=P][,dilation=D][,groups=G], and for conv2d [,bias][,relu|…]
//   conv2d_transpose:N,H,W,C,O,K[,STRIDE][,…]    H, W: of its input
//   relu|exp|…:EXTENTS   add|mul|…|add_relu|mul_add:EXTENTS
//   sum|mean|max|min|log_sum_exp:EXTENTS[,axis=A]   softmax|log_softmax:EXTENTS[,axis=A]
//   layer_norm|batch_norm|batch_norm_train:EXTENTS    channels: the last
//   cross_entropy:N,CLASSES   concat:EXTENTS[,axis=A]  (of two)
//   max_pool2d|avg_pool2d[_backward]:N,H,W,C,K[,STRIDE][,pad=P]
//   transpose:EXTENTS[,axes=1x0]   sgd|adam:EXTENTS
//
// Images are NHWC, extents of convolutions those of the forward one. This file
// knows neither MLIR nor the compiler: programs of other libraries read it too.
//
//===----------------------------------------------------------------------===//

#ifndef DL_TOOLS_DLC_KERNELSPEC_H
#define DL_TOOLS_DLC_KERNELSPEC_H

#include "dl/Error.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dl::driver {

enum class KernelFamily : uint8_t {
  Matmul,
  Linear,
  Conv,
  Unary,
  Elementwise, // of several operands
  Reduction,
  Normalization,
  Affine, // normalisations that scale and shift: their last dimension
  CrossEntropy,
  Pool,
  Concat, // of two alike
  Transpose,
  Update
};

/// An operand or result of a kernel.
struct KernelTensor {
  std::vector<int64_t> shape;
  bool isParameter = false; // weights and bias, as in a network
  int64_t classes = 0;      // not 0: i32 indices below it

  int64_t size() const;
};

/// Settings not given have the values below.
struct KernelSpec {
  std::string text, op;
  KernelFamily family = KernelFamily::Matmul;
  std::vector<int64_t> extents;
  int64_t stride = 1, pad = 0, dilation = 1, groups = 1, batch = 1, axis = -1;
  bool transposeA = false, transposeB = false, bias = false;
  std::string activation;    // relu, sigmoid, tanh or none
  std::vector<int64_t> axes; // of transpose

  /// Error: what is wrong with the text, naming the part.
  static Result<KernelSpec> parse(std::string_view text);

  /// A convolution's or pooling's extent of the result along an image's extent.
  int64_t outputExtent(int64_t extent) const;
  int64_t kernelExtent() const { return extents[family == KernelFamily::Pool ? 4 : 5]; }

  std::vector<KernelTensor> operands() const;
  std::vector<KernelTensor> results() const;
  /// A model of this op alone, its operands %0, %1, … (parameters: "p0", …).
  std::string modelText() const;

  /// Multiply-adds count two; 0 for kernels that are bound by memory.
  double flops() const;
  /// What must be read and written at least: every operand and result once.
  double bytes() const;
  /// What it works on: less than bytes() where results lie where operands did.
  double footprint() const;
  /// Whether arithmetic bounds it: contractions.
  bool isContraction() const { return family <= KernelFamily::Conv; }
  bool isGradient() const { return op.find("_backward") != std::string::npos; }
};

/// Fills an operand, the same for every library: f32 from -0.5 to 0.5 (what must not be negative:
/// to 0.5; a count: 3), i32 below the number of classes.
void fillOperand(const KernelSpec &spec, size_t index, void *data);

} // namespace dl::driver

#endif // DL_TOOLS_DLC_KERNELSPEC_H
