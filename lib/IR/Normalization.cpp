//===- Normalization.cpp - Layer and batch normalisation, dropout ---------===//
//
// Shape rules, and decompositions into primitives.
//
//===----------------------------------------------------------------------===//

#include "dl/IR/Normalization.h"
#include "dl/IR/Decompose.h"
#include "dl/IR/Formula.h"
#include "dl/IR/Inference.h"

using namespace mlir;

namespace dl {

//===----------------------------------------------------------------------===//
// Shape rules
//===----------------------------------------------------------------------===//

SmallVector<int64_t> otherAxes(int64_t rank, int64_t axis) {
  auto axes = llvm::to_vector(llvm::seq<int64_t>(rank));
  axes.erase(axes.begin() + (axis < 0 ? axis + rank : axis));
  return axes;
}

/// Each of `values` has the given shape.
static LogicalResult checkShapes(OptionalLoc loc, ArrayRef<int64_t> shape,
                                 ArrayRef<std::pair<StringRef, Value>> values) {
  for (auto [name, value] : values) {
    ArrayRef<int64_t> actual = tensorType(value).getShape();
    bool agree =
        actual.size() == shape.size() && llvm::all_of(llvm::zip(actual, shape), [](auto pair) {
          return extentsAgree(std::get<0>(pair), std::get<1>(pair));
        });
    if (!agree)
      return emitOptionalError(loc, "expected a ", name, " of shape ", formatShape(shape), ", got ",
                               formatShape(actual));
  }
  return success();
}

LogicalResult LayerNormOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor adaptor,
                                            InferredTypes &results) {
  RankedTensorType input = tensorType(adaptor.getInput());
  FailureOr<int64_t> axis = normalizeAxis(loc, adaptor.getAxis(), input.getRank());
  if (failed(axis) || failed(checkSameElementType(loc, adaptor.getOperands())) ||
      failed(checkShapes(loc, input.getShape().drop_front(*axis),
                         {{"scale", adaptor.getScale()}, {"bias", adaptor.getBias()}})))
    return failure();
  results.push_back(input);
  return success();
}

SmallVector<int64_t> LayerNormOp::getReducedAxes() {
  int64_t rank = getInput().getType().getRank(), axis = getAxis();
  return llvm::to_vector(llvm::seq<int64_t>(axis < 0 ? axis + rank : axis, rank));
}

LogicalResult inferBatchNorm(OptionalLoc loc, ValueRange operands, int64_t axis,
                             InferredTypes &results) {
  RankedTensorType input = tensorType(operands[0]);
  FailureOr<int64_t> channel = normalizeAxis(loc, axis, input.getRank());
  if (failed(channel) || failed(checkSameElementType(loc, operands)) ||
      failed(checkShapes(loc, input.getDimSize(*channel),
                         {{"scale", operands[1]},
                          {"bias", operands[2]},
                          {"mean", operands[3]},
                          {"variance", operands[4]}})))
    return failure();
  results.push_back(input);
  return success();
}

LogicalResult BatchNormOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor adaptor,
                                            InferredTypes &results) {
  return inferBatchNorm(loc, adaptor.getOperands(), adaptor.getAxis(), results);
}
SmallVector<int64_t> BatchNormOp::getReducedAxes() {
  return otherAxes(getInput().getType().getRank(), getAxis());
}

LogicalResult BatchNormTrainOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor adaptor,
                                                 InferredTypes &results) {
  if (failed(inferBatchNorm(loc, adaptor.getOperands(), adaptor.getAxis(), results)))
    return failure();
  results.append(2, adaptor.getMean().getType());
  return success();
}
SmallVector<int64_t> BatchNormTrainOp::getReducedAxes() {
  return otherAxes(getInput().getType().getRank(), getAxis());
}

static LogicalResult checkProbability(OptionalLoc loc, const APFloat &p) {
  double value = p.convertToDouble();
  if (value >= 0 && value < 1)
    return success();
  return emitOptionalError(loc, "expected 'p' in [0, 1), got ", value);
}

LogicalResult DropoutOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor adaptor,
                                          InferredTypes &results) {
  if (failed(checkProbability(loc, adaptor.getP())))
    return failure();
  results.push_back(adaptor.getInput().getType());
  return success();
}

LogicalResult DropoutTrainOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor adaptor,
                                               InferredTypes &results) {
  if (failed(checkProbability(loc, adaptor.getP())))
    return failure();
  if (tensorType(adaptor.getSeed()).getRank() != 0 || tensorType(adaptor.getStep()).getRank() != 0)
    return emitOptionalError(loc, "expected scalars as seed and step, got ",
                             adaptor.getSeed().getType(), " and ", adaptor.getStep().getType());
  if (adaptor.getStream() > std::numeric_limits<uint32_t>::max())
    return emitOptionalError(loc, "expected a stream below 2^32, got ", adaptor.getStream());
  RankedTensorType input = tensorType(adaptor.getInput());
  if (input.hasStaticShape() && input.getNumElements() > std::numeric_limits<uint32_t>::max())
    return emitOptionalError(loc, "expected fewer than 2^32 elements, got ",
                             input.getNumElements());
  results.push_back(input);
  return success();
}

//===----------------------------------------------------------------------===//
// Decompositions
//===----------------------------------------------------------------------===//

int64_t countOf(Expr x, ArrayRef<int64_t> axes) {
  int64_t count = 1;
  for (int64_t axis : axes)
    count *= x.shape()[axis];
  return count;
}

Moments momentsOf(Expr x, ArrayRef<int64_t> axes) {
  double share = 1 / static_cast<double>(countOf(x, axes));
  Expr mean = sum(x, axes, /*keepdims=*/true) * share;
  Expr centred = x - mean;
  return {mean, centred, sum(centred * centred, axes, /*keepdims=*/true) * share};
}

/// The mean along `axes` of up to `most` elements from the middle of x.
static Expr guessedMean(Expr x, ArrayRef<int64_t> axes, int64_t most) {
  SmallVector<int64_t> starts, ends;
  int64_t count = 1;
  for (int64_t axis : llvm::reverse(axes)) {
    int64_t extent = x.shape()[axis], taken = std::min(extent, most / count);
    starts.insert(starts.begin(), (extent - taken) / 2);
    ends.insert(ends.begin(), starts.front() + taken);
    count *= taken;
  }
  ImplicitLocOpBuilder &b = *x.builder;
  Expr few = {&b, SliceOp::create(b, x, b.getDenseI64ArrayAttr(axes),
                                  b.getDenseI64ArrayAttr(starts), b.getDenseI64ArrayAttr(ends))};
  return sum(few, axes, /*keepdims=*/true) * (1 / static_cast<double>(count));
}

// Sums of r = x - g and of r² for a guess g: the variance is mean(r²) - mean(r)². What
// cancels there is (mean - g)², which the spread of few elements bounds: if they all lie
// apart from the rest, the variance has a share of at least `few / count` of that square,
// so that the error stays below 2^-24 count / few times a small number.
Moments momentsOfMany(Expr x, ArrayRef<int64_t> axes) {
  constexpr int64_t few = 64, many = 256, large = 1 << 19;
  int64_t count = countOf(x, axes);
  if (count < many || x.type().getNumElements() <= large)
    return momentsOf(x, axes);
  double share = 1 / static_cast<double>(count);
  Expr guess = guessedMean(x, axes, few), rest = x - guess;
  Expr shift = sum(rest, axes, /*keepdims=*/true) * share;
  Expr square = sum(rest * rest, axes, /*keepdims=*/true) * share;
  Expr mean = guess + shift;
  return {mean, x - mean, maximum(square - shift * shift, 0)};
}

Expr alongAxis(Expr values, Expr x, int64_t axis) {
  SmallVector<int64_t> shape(x.rank(), 1);
  axis = axis < 0 ? axis + x.rank() : axis;
  shape[axis] = x.shape()[axis];
  return reshape(values, shape);
}

// y = (x - mean) / sqrt(variance + eps) * scale + bias
template <> SmallVector<Value> decompose(LayerNormOp op, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Moments moments = momentsOf(f(op.getInput()), op.getReducedAxes());
  Expr factor = rsqrt(moments.variance + op.getEps().convertToDouble());
  return {moments.centred * factor * f(op.getScale()) + f(op.getBias())};
}

template <> SmallVector<Value> decompose(BatchNormOp op, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr x = f(op.getInput());
  // One factor and one term a channel.
  Expr factor = f(op.getScale()) * rsqrt(f(op.getVariance()) + op.getEps().convertToDouble());
  auto channels = [&](Expr values) { return alongAxis(values, x, op.getAxis()); };
  return {(x - channels(f(op.getMean()))) * channels(factor) + channels(f(op.getBias()))};
}

// As batch_norm with the batch's mean and variance, which also move the running
// ones.
template <> SmallVector<Value> decompose(BatchNormTrainOp op, OpBuilder &builder) {
  Formula f(op.getLoc(), builder);
  Expr x = f(op.getInput());
  SmallVector<int64_t> axes = op.getReducedAxes();
  Moments moments = momentsOfMany(x, axes);
  Expr factor = rsqrt(moments.variance + op.getEps().convertToDouble());
  auto channels = [&](Value values) { return alongAxis(f(values), x, op.getAxis()); };
  Expr y = moments.centred * (factor * channels(op.getScale())) + channels(op.getBias());

  double momentum = op.getMomentum().convertToDouble();
  auto count = static_cast<double>(countOf(x, axes));
  auto moved = [&](Value running, Expr batch, double factor) -> Value {
    Expr old = f(running);
    return old * (1 - momentum) + reshape(batch, old.shape()) * (momentum * factor);
  };
  return {y, moved(op.getMean(), moments.mean, 1),
          moved(op.getVariance(), moments.variance, count / std::max(count - 1, 1.0))};
}

// Nothing is dropped but in a training step, which has dropout_train instead.
template <> SmallVector<Value> decompose(DropoutOp op, OpBuilder &) { return {op.getInput()}; }

} // namespace dl
