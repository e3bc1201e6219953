//===- Contraction.cpp - Shape rules of products and convolutions ---------===//

#include "dl/IR/DLOps.h"
#include "dl/IR/Window.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace dl {

LogicalResult MatmulOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor adaptor,
                                         InferredTypes &results) {
  RankedTensorType lhs = tensorType(adaptor.getLhs()), rhs = tensorType(adaptor.getRhs());
  if (failed(checkSameElementType(loc, adaptor.getOperands())))
    return failure();
  if (lhs.getRank() < 2 || rhs.getRank() < 2)
    return emitOptionalError(loc, "expected operands of at least 2 dimensions, got ", lhs.getRank(),
                             " and ", rhs.getRank());
  bool ta = adaptor.getTransposeA(), tb = adaptor.getTransposeB();
  int64_t m = lhs.getDimSize(lhs.getRank() - (ta ? 1 : 2));
  int64_t k = lhs.getDimSize(lhs.getRank() - (ta ? 2 : 1));
  int64_t l = rhs.getDimSize(rhs.getRank() - (tb ? 1 : 2));
  int64_t n = rhs.getDimSize(rhs.getRank() - (tb ? 2 : 1));
  if (!extentsAgree(k, l))
    return emitOptionalError(loc, "expected equal inner extents, got ", k, " of lhs ",
                             formatShape(lhs.getShape()), " and ", l, " of rhs ",
                             formatShape(rhs.getShape()));
  auto shape = broadcastShapes(loc, lhs.getShape().drop_back(2), rhs.getShape().drop_back(2));
  if (failed(shape))
    return failure();
  shape->append({m, n});
  results.push_back(lhs.clone(*shape));
  return success();
}

static LogicalResult checkBias(OptionalLoc loc, Value bias, int64_t extent) {
  if (!bias)
    return success();
  RankedTensorType type = tensorType(bias);
  if (type.getRank() != 1 || !extentsAgree(type.getDimSize(0), extent))
    return emitOptionalError(loc, "expected a bias of shape ", extent, ", got ",
                             formatShape(type.getShape()));
  return success();
}

LogicalResult LinearOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor adaptor,
                                         InferredTypes &results) {
  RankedTensorType input = tensorType(adaptor.getInput()), weight = tensorType(adaptor.getWeight());
  if (failed(checkSameElementType(loc, adaptor.getOperands())))
    return failure();
  if (input.getRank() < 1)
    return emitOptionalError(loc, "expected an input of at least 1 dimension, got a scalar");
  if (weight.getRank() != 2)
    return emitOptionalError(loc, "expected a weight of 2 dimensions, got ", weight.getRank());
  bool transposed = adaptor.getTransposeWeight();
  int64_t in = weight.getDimSize(transposed ? 1 : 0), out = weight.getDimSize(transposed ? 0 : 1);
  if (!extentsAgree(input.getShape().back(), in))
    return emitOptionalError(loc, "expected ", in, " features (dimension ", input.getRank() - 1,
                             " of the input), got ", input.getShape().back());
  if (failed(checkBias(loc, adaptor.getBias(), out)))
    return failure();
  SmallVector<int64_t> shape(input.getShape());
  shape.back() = out;
  results.push_back(input.clone(shape));
  return success();
}

//===----------------------------------------------------------------------===//
// Convolutions
//===----------------------------------------------------------------------===//

static LogicalResult checkRank4(OptionalLoc loc, Value value, StringRef what) {
  if (tensorType(value).getRank() == 4)
    return success();
  return emitOptionalError(loc, "expected ", what, " of 4 dimensions, got ",
                           tensorType(value).getRank());
}

namespace {
/// Extents of a convolution, from whichever two of its tensors are at hand.
struct ConvShape {
  int64_t inputChannels, outputChannels, groups;
};
} // namespace

/// Channels of all groups, of which a weight shows those of one; an error where
/// that is no number.
static FailureOr<int64_t> allChannels(OptionalLoc loc, int64_t ofGroup, int64_t groups) {
  int64_t channels;
  if (llvm::MulOverflow(ofGroup, groups, channels))
    return emitOptionalError(loc, "expected less than 2^63 channels, got ", groups, " groups of ",
                             ofGroup);
  return channels;
}

/// Channels agree with groups: inputs = groups * weight inputs, and groups
/// divides the outputs.
static LogicalResult checkGroups(OptionalLoc loc, ConvShape conv, int64_t weightInputs) {
  auto isKnown = [](int64_t extent) { return !ShapedType::isDynamic(extent); };
  if (isKnown(conv.outputChannels) && conv.outputChannels % conv.groups != 0)
    return emitOptionalError(loc, "expected output channels divisible by ", conv.groups,
                             " groups, got ", conv.outputChannels);
  if (isKnown(conv.inputChannels) && conv.inputChannels % conv.groups != 0)
    return emitOptionalError(loc, "expected input channels divisible by ", conv.groups,
                             " groups, got ", conv.inputChannels);
  if (!isKnown(conv.inputChannels) || !isKnown(weightInputs))
    return success();
  auto expected = allChannels(loc, weightInputs, conv.groups);
  if (failed(expected))
    return failure();
  if (conv.inputChannels != *expected)
    return emitOptionalError(loc, "expected ", *expected,
                             " input channels (weight's input channels times groups), got ",
                             conv.inputChannels);
  return success();
}

/// Output height and width for the given input; an error where the window does
/// not fit.
static FailureOr<std::array<int64_t, 2>> convOutput(OptionalLoc loc, const WindowGeometry &window,
                                                    std::array<int64_t, 2> input) {
  std::array<int64_t, 2> output;
  for (int dim : {0, 1}) {
    output[dim] = window.outputExtent(dim, input[dim]);
    if (!ShapedType::isDynamic(input[dim]) && output[dim] <= 0)
      return emitOptionalError(loc, "expected a padded ", dim == 0 ? "height" : "width",
                               " of at least the window's ",
                               (window.kernel[dim] - 1) * window.dilation[dim] + 1, ", got ",
                               input[dim] + window.padBefore[dim] + window.padAfter[dim]);
  }
  return output;
}

static SmallVector<int64_t> imageShape(StringRef layout, int64_t batch, int64_t channels,
                                       std::array<int64_t, 2> size) {
  ImageLayout at = ImageLayout::get(layout);
  SmallVector<int64_t> shape(4);
  shape[at.batch] = batch;
  shape[at.channel] = channels;
  shape[at.height] = size[0];
  shape[at.width] = size[1];
  return shape;
}

/// Checks that `cotangent` has the shape of the convolution's result.
static LogicalResult checkCotangent(OptionalLoc loc, RankedTensorType cotangent,
                                    ArrayRef<int64_t> expected) {
  for (auto [dim, pair] : llvm::enumerate(llvm::zip(cotangent.getShape(), expected)))
    if (!extentsAgree(std::get<0>(pair), std::get<1>(pair)))
      return emitOptionalError(loc, "expected a cotangent of shape ", formatShape(expected),
                               ", got ", formatShape(cotangent.getShape()));
  return success();
}

static std::array<int64_t, 2> spatial(RankedTensorType image, ImageLayout at) {
  return {image.getDimSize(at.height), image.getDimSize(at.width)};
}

LogicalResult Conv2DOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor adaptor,
                                         InferredTypes &results) {
  if (failed(checkSameElementType(loc, adaptor.getOperands())) ||
      failed(checkRank4(loc, adaptor.getInput(), "an input")) ||
      failed(checkRank4(loc, adaptor.getWeight(), "a weight")))
    return failure();
  RankedTensorType input = tensorType(adaptor.getInput()), weight = tensorType(adaptor.getWeight());
  ImageLayout at = ImageLayout::get(adaptor.getLayout());
  WeightLayout wt = WeightLayout::get(adaptor.getLayout());
  auto window =
      convGeometry(loc, adaptor, {weight.getDimSize(wt.height), weight.getDimSize(wt.width)});
  if (failed(window))
    return failure();
  int64_t outputs = weight.getDimSize(wt.output);
  ConvShape conv{input.getDimSize(at.channel), outputs, static_cast<int64_t>(adaptor.getGroups())};
  auto size = convOutput(loc, *window, spatial(input, at));
  if (failed(checkGroups(loc, conv, weight.getDimSize(wt.input))) || failed(size) ||
      failed(checkBias(loc, adaptor.getBias(), outputs)))
    return failure();
  results.push_back(
      input.clone(imageShape(adaptor.getLayout(), input.getDimSize(at.batch), outputs, *size)));
  return success();
}

LogicalResult Conv2DBackwardDataOp::inferReturnTypes(MLIRContext *, OptionalLoc loc,
                                                     Adaptor adaptor, InferredTypes &results) {
  if (failed(checkSameElementType(loc, adaptor.getOperands())) ||
      failed(checkRank4(loc, adaptor.getCotangent(), "a cotangent")) ||
      failed(checkRank4(loc, adaptor.getWeight(), "a weight")))
    return failure();
  RankedTensorType cotangent = tensorType(adaptor.getCotangent());
  RankedTensorType weight = tensorType(adaptor.getWeight());
  if (adaptor.getInputSize().size() != 2 ||
      llvm::any_of(adaptor.getInputSize(), [](int64_t e) { return e < 0; }))
    return emitOptionalError(loc, "expected an input_size of 2 non-negative extents");
  ImageLayout at = ImageLayout::get(adaptor.getLayout());
  WeightLayout wt = WeightLayout::get(adaptor.getLayout());
  auto window =
      convGeometry(loc, adaptor, {weight.getDimSize(wt.height), weight.getDimSize(wt.width)});
  if (failed(window))
    return failure();
  std::array<int64_t, 2> inputSize = {adaptor.getInputSize()[0], adaptor.getInputSize()[1]};
  auto size = convOutput(loc, *window, inputSize);
  int64_t groups = adaptor.getGroups(), depth = weight.getDimSize(wt.input);
  auto inputs = allChannels(loc, depth, groups);
  int64_t batch = cotangent.getDimSize(at.batch), outputs = weight.getDimSize(wt.output);
  if (failed(size) || failed(inputs) ||
      failed(checkGroups(loc, {*inputs, outputs, groups}, depth)) ||
      failed(
          checkCotangent(loc, cotangent, imageShape(adaptor.getLayout(), batch, outputs, *size))))
    return failure();
  results.push_back(cotangent.clone(imageShape(adaptor.getLayout(), batch, *inputs, inputSize)));
  return success();
}

LogicalResult Conv2DBackwardWeightsOp::inferReturnTypes(MLIRContext *, OptionalLoc loc,
                                                        Adaptor adaptor, InferredTypes &results) {
  if (failed(checkSameElementType(loc, adaptor.getOperands())) ||
      failed(checkRank4(loc, adaptor.getInput(), "an input")) ||
      failed(checkRank4(loc, adaptor.getCotangent(), "a cotangent")))
    return failure();
  RankedTensorType input = tensorType(adaptor.getInput());
  RankedTensorType cotangent = tensorType(adaptor.getCotangent());
  ImageLayout at = ImageLayout::get(adaptor.getLayout());
  WeightLayout wt = WeightLayout::get(adaptor.getLayout());
  auto window = convGeometry(loc, adaptor, adaptor.getKernelSize());
  if (failed(window))
    return failure();
  auto size = convOutput(loc, *window, spatial(input, at));
  int64_t groups = adaptor.getGroups(), inputs = input.getDimSize(at.channel);
  int64_t outputs = cotangent.getDimSize(at.channel), batch = input.getDimSize(at.batch);
  if (failed(size) || failed(checkGroups(loc, {inputs, outputs, groups}, inputs / groups)) ||
      failed(
          checkCotangent(loc, cotangent, imageShape(adaptor.getLayout(), batch, outputs, *size))))
    return failure();
  SmallVector<int64_t> shape(4);
  shape[wt.output] = outputs;
  shape[wt.input] = inputs / groups;
  shape[wt.height] = window->kernel[0];
  shape[wt.width] = window->kernel[1];
  results.push_back(input.clone(shape));
  return success();
}

/// Height and width of a transposed convolution of an image.
static FailureOr<std::array<int64_t, 2>>
transposedSize(OptionalLoc loc, ConvTranspose2DOp::Adaptor adaptor, const WindowGeometry &window) {
  std::array<int64_t, 2> input =
      spatial(tensorType(adaptor.getInput()), ImageLayout::get(adaptor.getLayout()));
  ArrayRef<int64_t> extra = adaptor.getOutputPadding();
  if (extra.size() != 2)
    return emitOptionalError(loc, "expected 2 integers as 'output_padding', got ", extra.size());
  std::array<int64_t, 2> size;
  for (int dim : {0, 1}) {
    int64_t stride = window.strides[dim], dilation = window.dilation[dim];
    if (extra[dim] < 0 || extra[dim] >= stride)
      return emitOptionalError(loc, "expected 'output_padding' in [0, ", stride,
                               "), below the stride, got ", extra[dim]);
    if (ShapedType::isDynamic(input[dim]))
      return emitOptionalError(loc, "expected a known height and width");
    // Attributes are small (WindowGeometry), extents of images need not be.
    if (llvm::MulOverflow(input[dim] - 1, stride, size[dim]) ||
        llvm::AddOverflow(size[dim],
                          (window.kernel[dim] - 1) * dilation + 1 + extra[dim] -
                              window.padBefore[dim] - window.padAfter[dim],
                          size[dim]))
      return emitOptionalError(loc, "expected a result of less than 2^63 elements along its ",
                               dim == 0 ? "height" : "width");
    if (input[dim] < 1 || size[dim] < 1)
      return emitOptionalError(loc, "expected a result of at least 1 element along its ",
                               dim == 0 ? "height" : "width", ", got ", size[dim]);
  }
  return size;
}

LogicalResult ConvTranspose2DOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor adaptor,
                                                  InferredTypes &results) {
  if (failed(checkSameElementType(loc, adaptor.getOperands())) ||
      failed(checkRank4(loc, adaptor.getInput(), "an input")) ||
      failed(checkRank4(loc, adaptor.getWeight(), "a weight")))
    return failure();
  RankedTensorType input = tensorType(adaptor.getInput()), weight = tensorType(adaptor.getWeight());
  ImageLayout at = ImageLayout::get(adaptor.getLayout());
  WeightLayout wt = WeightLayout::get(adaptor.getLayout());
  int64_t channels = input.getDimSize(at.channel), groups = adaptor.getGroups();
  if (!extentsAgree(channels, weight.getDimSize(wt.output)))
    return emitOptionalError(loc, "expected ", weight.getDimSize(wt.output),
                             " input channels (as of the weight), got ", channels);
  int64_t depth = weight.getDimSize(wt.input);
  auto outputs = allChannels(loc, depth, groups);
  auto window =
      convGeometry(loc, adaptor, {weight.getDimSize(wt.height), weight.getDimSize(wt.width)});
  if (failed(window) || failed(outputs) ||
      failed(checkGroups(loc, {*outputs, channels, groups}, depth)) ||
      failed(checkBias(loc, adaptor.getBias(), *outputs)))
    return failure();
  auto size = transposedSize(loc, adaptor, *window);
  if (failed(size))
    return failure();
  results.push_back(
      input.clone(imageShape(adaptor.getLayout(), input.getDimSize(at.batch), *outputs, *size)));
  return success();
}

} // namespace dl
