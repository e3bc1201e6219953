//===- ContractionDescriptor.cpp - Describes ops as contractions ----------===//

#include "dl/CodeGen/ContractionDescriptor.h"

#include "dl/IR/Window.h"

#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;

namespace dl {

SmallVector<int64_t> ContractionOperand::strides() const {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int dim = static_cast<int>(shape.size()) - 2; dim >= 0; --dim)
    strides[dim] = strides[dim + 1] * shape[dim + 1];
  return strides;
}

IndexRange ContractionDescriptor::range(OperandIndex operand, int dim) const {
  IndexRange range{operands[operand].base[dim], operands[operand].base[dim]};
  for (const ContractionDim &iteration : dims) {
    const AddressTerm &term = iteration.terms[operand];
    if (term.dim != dim || iteration.extent == 0)
      continue;
    int64_t last = term.coefficient * (iteration.extent - 1);
    (last < 0 ? range.low : range.high) += last;
  }
  return range;
}

int64_t ContractionDescriptor::stepOf(OperandIndex operand, int dim) const {
  int64_t step = 0;
  for (const ContractionDim &iteration : dims) {
    const AddressTerm &term = iteration.terms[operand];
    if (term.dim != dim)
      continue;
    if (step != 0 || term.coefficient < 1 || iteration.extent == 0)
      return 1;
    step = term.coefficient;
  }
  return leaves(operand, dim) ? 1 : std::max<int64_t>(step, 1);
}

bool ContractionDescriptor::leaves(OperandIndex operand, int dim) const {
  IndexRange indices = range(operand, dim);
  return indices.low < 0 || indices.high >= operands[operand].shape[dim];
}

bool ContractionDescriptor::isPadded(OperandIndex operand) const {
  return llvm::any_of(llvm::seq<int>(0, static_cast<int>(operands[operand].shape.size())),
                      [&](int dim) { return leaves(operand, dim); });
}

bool ContractionDescriptor::hasTaps() const {
  return llvm::any_of(dims, [](const ContractionDim &dim) { return dim.role == DimRole::Tap; });
}

ContractionDescriptor ContractionDescriptor::swapped() const {
  ContractionDescriptor other = *this;
  std::swap(other.operands[kA], other.operands[kB]);
  for (ContractionDim &dim : other.dims) {
    std::swap(dim.terms[kA], dim.terms[kB]);
    if (dim.role == DimRole::M || dim.role == DimRole::N)
      dim.role = dim.role == DimRole::M ? DimRole::N : DimRole::M;
  }
  return other;
}

int64_t ContractionDescriptor::extentOf(DimRole role) const {
  int64_t extent = 1;
  for (const ContractionDim &dim : dims)
    if (dim.role == role)
      extent *= dim.extent;
  return extent;
}

double ContractionDescriptor::flops() const {
  double flops = 2 * shareOfTaps(/*ofMost=*/false);
  for (const ContractionDim &dim : dims)
    flops *= static_cast<double>(dim.extent);
  return flops;
}

/// The columns beside the last dimension of C, where vectors lie.
int64_t ContractionDescriptor::residues() const {
  int64_t residues = 1;
  for (const ContractionDim &dim : dims)
    if (isResidue && dim.role == DimRole::N &&
        dim.terms[kC].dim + 1 < static_cast<int>(operands[kC].shape.size()))
      residues *= dim.extent;
  return residues;
}

double ContractionDescriptor::shareOfTaps(bool ofMost) const {
  double share = 1;
  for (size_t dim = 0; isResidue && dim < operands[kB].shape.size(); ++dim) {
    const ContractionDim *taps = nullptr;
    IndexRange residues{0, 0};
    for (const ContractionDim &own : dims)
      if (own.terms[kB].dim == static_cast<int>(dim)) {
        if (own.role == DimRole::K)
          taps = &own;
        else
          residues.high = own.extent - 1;
      }
    IndexRange all = range(kB, static_cast<int>(dim));
    if (!taps || (all.low >= 0 && all.high < operands[kB].shape[dim]))
      continue;
    int64_t met = 0, most = 0;
    for (int64_t residue = 0; residue <= residues.high; ++residue) {
      int64_t own = 0;
      for (int64_t k = 0; k < taps->extent; ++k) {
        int64_t index = operands[kB].base[dim] + residue + taps->terms[kB].coefficient * k;
        own += index >= 0 && index < operands[kB].shape[dim];
      }
      met += own;
      most = std::max(most, own);
    }
    int64_t points = taps->extent * (ofMost ? 1 : residues.extent());
    share *= static_cast<double>(ofMost ? most : met) / static_cast<double>(points);
  }
  return share;
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

namespace {

constexpr AddressTerm kNone;

/// Collects the dimensions of a contraction of three tensors.
class DescriptorBuilder {
public:
  DescriptorBuilder(Value a, Value b, Value c) {
    descriptor.element = cast<RankedTensorType>(c.getType()).getElementType();
    Value values[] = {a, b, c};
    for (auto [index, value] : llvm::enumerate(values)) {
      ArrayRef<int64_t> shape = cast<RankedTensorType>(value.getType()).getShape();
      descriptor.operands[index] = {value, SmallVector<int64_t>(shape),
                                    SmallVector<int64_t>(shape.size(), 0)};
    }
  }

  /// Adds a dimension; its role follows from where it occurs.
  void add(StringRef name, int64_t extent, AddressTerm a, AddressTerm b, AddressTerm c) {
    DimRole role = !c.occurs()   ? DimRole::K
                   : !b.occurs() ? DimRole::M
                   : !a.occurs() ? DimRole::N
                                 : DimRole::Batch;
    addAs(role, name, extent, a, b, c);
  }
  void addTap(StringRef name, int64_t extent, AddressTerm b, AddressTerm c) {
    addAs(DimRole::Tap, name, extent, kNone, b, c);
  }
  void setBase(OperandIndex operand, ArrayRef<int64_t> base) {
    descriptor.operands[operand].base.assign(base.begin(), base.end());
  }
  ContractionDescriptor take() { return std::move(descriptor); }

private:
  /// A dimension of one point occurs nowhere.
  void addAs(DimRole role, StringRef name, int64_t extent, AddressTerm a, AddressTerm b,
             AddressTerm c) {
    if (extent != 1)
      descriptor.dims.push_back({name.str(), extent, role, {a, b, c}});
  }

  ContractionDescriptor descriptor;
};

/// The extents of a convolution, in the terms of its forward direction.
struct ConvExtents {
  WindowGeometry window;
  int64_t images, groups, inputs, outputs; // channels of one group
  std::array<int64_t, 2> image, result;    // height and width

  template <typename Op>
  static FailureOr<ConvExtents> get(Op op, Value image, Value weight, Value result) {
    ArrayRef<int64_t> in = cast<RankedTensorType>(image.getType()).getShape();
    ArrayRef<int64_t> taps = cast<RankedTensorType>(weight.getType()).getShape();
    ArrayRef<int64_t> out = cast<RankedTensorType>(result.getType()).getShape();
    auto window = convGeometry(op.getLoc(), op, taps.take_front(2));
    if (failed(window))
      return failure();
    auto groups = static_cast<int64_t>(op.getGroups());
    return ConvExtents{*window,         in[0],          groups,          in[3] / groups,
                       out[3] / groups, {in[1], in[2]}, {out[1], out[2]}};
  }

  /// Index of the image at window position 0, tap 0.
  SmallVector<int64_t> imageBase() const {
    return {0, -window.padBefore[0], -window.padBefore[1], 0};
  }
};

} // namespace

static ContractionDescriptor describeMatmul(MatmulOp op) {
  DescriptorBuilder builder(op.getLhs(), op.getRhs(), op.getResult());
  ArrayRef<int64_t> lhs = cast<RankedTensorType>(op.getLhs().getType()).getShape();
  ArrayRef<int64_t> rhs = cast<RankedTensorType>(op.getRhs().getType()).getShape();
  ArrayRef<int64_t> result = cast<RankedTensorType>(op.getType()).getShape();
  int a = lhs.size() - 2, b = rhs.size() - 2, c = result.size() - 2;

  // A leading dimension occurs in an operand that has it and does not broadcast.
  for (int dim = 0; dim < c; ++dim) {
    auto leading = [&](ArrayRef<int64_t> shape) {
      int own = dim - c + static_cast<int>(shape.size()) - 2;
      return own >= 0 && shape[own] != 1 ? AddressTerm{own, 1} : kNone;
    };
    builder.add("b" + std::to_string(dim), result[dim], leading(lhs), leading(rhs), {dim, 1});
  }
  bool ta = op.getTransposeA(), tb = op.getTransposeB();
  builder.add("m", result[c], {ta ? a + 1 : a, 1}, kNone, {c, 1});
  builder.add("k", lhs[ta ? a : a + 1], {ta ? a : a + 1, 1}, {tb ? b + 1 : b, 1}, kNone);
  builder.add("n", result[c + 1], kNone, {tb ? b : b + 1, 1}, {c + 1, 1});
  return builder.take();
}

static FailureOr<ContractionDescriptor> describeConv(Conv2DOp op) {
  auto conv = ConvExtents::get(op, op.getInput(), op.getWeight(), op.getResult());
  if (failed(conv))
    return failure();
  auto &[window, images, groups, inputs, outputs, image, result] = *conv;
  DescriptorBuilder builder(op.getInput(), op.getWeight(), op.getResult());
  builder.setBase(kA, conv->imageBase());
  builder.add("img", images, {0, 1}, kNone, {0, 1});
  builder.add("g", groups, {3, inputs}, {3, outputs}, {3, outputs});
  builder.add("oh", result[0], {1, window.strides[0]}, kNone, {1, 1});
  builder.add("ow", result[1], {2, window.strides[1]}, kNone, {2, 1});
  builder.add("kh", window.kernel[0], {1, window.dilation[0]}, {0, 1}, kNone);
  builder.add("kw", window.kernel[1], {2, window.dilation[1]}, {1, 1}, kNone);
  builder.add("ic", inputs, {3, 1}, {2, 1}, kNone);
  builder.add("oc", outputs, kNone, {3, 1}, {3, 1});
  return builder.take();
}

static FailureOr<ContractionDescriptor> describeBackwardWeights(Conv2DBackwardWeightsOp op) {
  auto conv = ConvExtents::get(op, op.getInput(), op.getResult(), op.getCotangent());
  if (failed(conv))
    return failure();
  auto &[window, images, groups, inputs, outputs, image, result] = *conv;
  DescriptorBuilder builder(op.getInput(), op.getCotangent(), op.getResult());
  builder.setBase(kA, conv->imageBase());
  builder.add("g", groups, {3, inputs}, {3, outputs}, {3, outputs});
  builder.add("kh", window.kernel[0], {1, window.dilation[0]}, kNone, {0, 1});
  builder.add("kw", window.kernel[1], {2, window.dilation[1]}, kNone, {1, 1});
  builder.add("ic", inputs, {3, 1}, kNone, {2, 1});
  builder.add("img", images, {0, 1}, {0, 1}, kNone);
  builder.add("oh", result[0], {1, window.strides[0]}, {1, 1}, kNone);
  builder.add("ow", result[1], {2, window.strides[1]}, {2, 1}, kNone);
  builder.add("oc", outputs, kNone, {3, 1}, {3, 1});
  return builder.take();
}

/// C[oh * s + kh * d - p] += A[oh] * B[kh].
static ContractionDescriptor scatterBackwardData(Conv2DBackwardDataOp op, const ConvExtents &conv) {
  const WindowGeometry &window = conv.window;
  DescriptorBuilder builder(op.getCotangent(), op.getWeight(), op.getResult());
  builder.setBase(kC, conv.imageBase());
  builder.add("img", conv.images, {0, 1}, kNone, {0, 1});
  builder.add("g", conv.groups, {3, conv.outputs}, {3, conv.outputs}, {3, conv.inputs});
  builder.addTap("kh", window.kernel[0], {0, 1}, {1, window.dilation[0]});
  builder.addTap("kw", window.kernel[1], {1, 1}, {2, window.dilation[1]});
  builder.add("oh", conv.result[0], {1, 1}, kNone, {1, window.strides[0]});
  builder.add("ow", conv.result[1], {2, 1}, kNone, {2, window.strides[1]});
  builder.add("oc", conv.outputs, {3, 1}, {3, 1}, kNone);
  builder.add("ic", conv.inputs, kNone, {2, 1}, {3, 1});
  return builder.take();
}

/// Along one dimension of the image: the result's indices i * stride + residue, and
/// the taps that they meet.
///
///   C[i * s + r] += A[(i * s + r + p - kh * d) / s] * B[kh]
///
/// where the division leaves no rest, which is every (s / gcd(s, d))-th kh. Taps are
/// counted from the last one down, so that A is walked forwards.
struct Residue {
  int64_t positions, taps = 0;
  int64_t baseA = 0, stepA, baseB = 0, stepB;

  Residue(const ConvExtents &conv, int dim, int64_t residue) {
    const WindowGeometry &window = conv.window;
    int64_t stride = window.strides[dim], dilation = window.dilation[dim];
    int64_t common = std::gcd(stride, dilation);
    positions = std::max<int64_t>(llvm::divideCeil(conv.image[dim] - residue, stride), 0);
    stepA = dilation / common, stepB = stride / common;
    int64_t offset = residue + window.padBefore[dim], first = 0;
    while (first < stepB && (offset - first * dilation) % stride != 0)
      ++first;
    if (first == stepB || first >= window.kernel[dim])
      return;
    taps = (window.kernel[dim] - 1 - first) / stepB + 1;
    baseA = (offset - first * dilation) / stride - (taps - 1) * stepA;
    baseB = first + (taps - 1) * stepB;
  }
};

static ContractionDescriptor describeResidue(Conv2DBackwardDataOp op, const ConvExtents &conv,
                                             std::array<int64_t, 2> residue) {
  const std::array<int64_t, 2> &strides = conv.window.strides;
  Residue h(conv, 0, residue[0]), w(conv, 1, residue[1]);
  DescriptorBuilder builder(op.getCotangent(), op.getWeight(), op.getResult());
  builder.setBase(kC, {0, residue[0], residue[1], 0});
  // Without taps, there is nothing to read.
  bool isEmpty = h.taps == 0 || w.taps == 0;
  // Rows that meet no tap are one residue, whole.
  int64_t strideW = h.taps == 0 ? 1 : strides[1];
  auto inA = [&](AddressTerm term) { return isEmpty ? kNone : term; };
  if (!isEmpty) {
    builder.setBase(kA, {0, h.baseA, w.baseA, 0});
    builder.setBase(kB, {h.baseB, w.baseB, 0, 0});
  }
  builder.add("img", conv.images, inA({0, 1}), kNone, {0, 1});
  builder.add("g", conv.groups, {3, conv.outputs}, {3, conv.outputs}, {3, conv.inputs});
  builder.add("ih", h.positions, inA({1, 1}), kNone, {1, strides[0]});
  builder.add("iw", h.taps == 0 ? conv.image[1] : w.positions, inA({2, 1}), kNone, {2, strideW});
  builder.add("kh", isEmpty ? 0 : h.taps, {1, h.stepA}, {0, -h.stepB}, kNone);
  builder.add("kw", isEmpty ? 0 : w.taps, {2, w.stepA}, {1, -w.stepB}, kNone);
  builder.add("oc", conv.outputs, {3, 1}, {3, 1}, kNone);
  builder.add("ic", conv.inputs, kNone, {2, 1}, {3, 1});
  ContractionDescriptor descriptor = builder.take();
  descriptor.isResidue = strides[0] * strides[1] > 1;
  return descriptor;
}

/// Of the rows of one residue.
static int64_t residuesAcross(const ConvExtents &conv, int64_t residue) {
  int64_t stride = Residue(conv, 0, residue).taps == 0 ? 1 : conv.window.strides[1];
  return std::min(stride, conv.image[1]);
}

/// Along one dimension of the image, all residues r of its stride at once:
///
///   C[i * s + r] += A[i + base + k] * B[r + p - (base + k) * s]
///
/// for the places of A that any of them meets; where s is 1, as above.
struct Residues {
  int64_t positions, count = 1, taps, baseA, stepA = 1, baseB, stepB;

  Residues(const ConvExtents &conv, int dim) : count(conv.window.strides[dim]), stepB(count) {
    int64_t padding = conv.window.padBefore[dim];
    if (count == 1) {
      Residue only(conv, dim, 0);
      positions = only.positions, taps = only.taps, baseA = only.baseA;
      stepA = only.stepA, baseB = only.baseB;
      return;
    }
    positions = conv.image[dim] / count;
    baseA = llvm::divideCeilSigned(padding + 1 - conv.window.kernel[dim], count);
    taps = llvm::divideFloorSigned(padding + count - 1, count) - baseA + 1;
    baseB = padding - baseA * count;
  }

  /// Whether each of them meets a tap, at as many places as the others.
  static bool areAlike(const ConvExtents &conv, int dim) {
    int64_t stride = conv.window.strides[dim];
    return stride == 1 || (conv.window.dilation[dim] == 1 && conv.window.kernel[dim] >= stride &&
                           conv.image[dim] % stride == 0);
  }
};

std::optional<ContractionDescriptor> describeTogether(Conv2DBackwardDataOp op) {
  auto extents = ConvExtents::get(op, op.getResult(), op.getWeight(), op.getCotangent());
  if (failed(extents))
    return std::nullopt;
  const ConvExtents &conv = *extents;
  if (!Residues::areAlike(conv, 0) || !Residues::areAlike(conv, 1))
    return std::nullopt;
  Residues h(conv, 0), w(conv, 1);
  DescriptorBuilder builder(op.getCotangent(), op.getWeight(), op.getResult());
  builder.setBase(kA, {0, h.baseA, w.baseA, 0});
  builder.setBase(kB, {h.baseB, w.baseB, 0, 0});
  builder.add("rh", h.count, kNone, {0, 1}, {1, 1});
  builder.add("rw", w.count, kNone, {1, 1}, {2, 1});
  builder.add("img", conv.images, {0, 1}, kNone, {0, 1});
  builder.add("g", conv.groups, {3, conv.outputs}, {3, conv.outputs}, {3, conv.inputs});
  builder.add("ih", h.positions, {1, 1}, kNone, {1, h.count});
  builder.add("iw", w.positions, {2, 1}, kNone, {2, w.count});
  builder.add("kh", h.taps, {1, h.stepA}, {0, -h.stepB}, kNone);
  builder.add("kw", w.taps, {2, w.stepA}, {1, -w.stepB}, kNone);
  builder.add("oc", conv.outputs, {3, 1}, {3, 1}, kNone);
  builder.add("ic", conv.inputs, kNone, {2, 1}, {3, 1});
  ContractionDescriptor descriptor = builder.take();
  descriptor.isResidue = true;
  return descriptor;
}

FailureOr<SmallVector<ContractionDescriptor, 1>> describeResidues(Conv2DBackwardDataOp op) {
  auto conv = ConvExtents::get(op, op.getResult(), op.getWeight(), op.getCotangent());
  if (failed(conv))
    return failure();
  const std::array<int64_t, 2> &strides = conv->window.strides;
  SmallVector<ContractionDescriptor, 1> residues;
  for (int64_t h = 0; h < std::min(strides[0], conv->image[0]); ++h)
    for (int64_t w = 0; w < residuesAcross(*conv, h); ++w)
      residues.push_back(describeResidue(op, *conv, {h, w}));
  if (residues.size() < 2)
    return residues;
  SmallVector<IndexRange> touched;
  for (int dim = 0; dim < 4; ++dim) {
    IndexRange all = residues.front().range(kA, dim);
    for (const ContractionDescriptor &residue : residues) {
      IndexRange own = residue.range(kA, dim);
      all = {std::min(all.low, own.low), std::max(all.high, own.high)};
    }
    touched.push_back(all);
  }
  for (ContractionDescriptor &residue : residues)
    residue.touchedA = touched;
  return residues;
}

FailureOr<ContractionDescriptor> describeContraction(Operation *anchor, BackwardDataForm form) {
  if (auto matmul = dyn_cast<MatmulOp>(anchor))
    return describeMatmul(matmul);
  if (auto conv = dyn_cast<Conv2DOp>(anchor))
    return describeConv(conv);
  if (auto weights = dyn_cast<Conv2DBackwardWeightsOp>(anchor))
    return describeBackwardWeights(weights);
  auto data = dyn_cast<Conv2DBackwardDataOp>(anchor);
  if (!data)
    return anchor->emitOpError("expected a contraction");
  auto conv = ConvExtents::get(data, data.getResult(), data.getWeight(), data.getCotangent());
  if (failed(conv))
    return failure();
  bool unitStride = conv->window.strides == std::array<int64_t, 2>{1, 1};
  if (form == BackwardDataForm::Gather && unitStride)
    return describeResidue(data, *conv, {0, 0});
  return scatterBackwardData(data, *conv);
}

} // namespace dl
