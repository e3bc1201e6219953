//===- WinogradRecognition.cpp - Convolutions among contractions ----------===//

#include "WinogradStrategy.h"

using namespace mlir;

namespace dl {

namespace {

/// Two dimensions of the iteration that add up to an index of a tensor.
struct Slide {
  int operand, dim, position, tap;
};

/// Reads the parts of a convolution from a descriptor.
class Recognizer {
public:
  explicit Recognizer(const ContractionDescriptor &descriptor) : d(descriptor) {}

  FailureOr<WinogradStrategy> recognize();

private:
  LogicalResult findSlides();
  LogicalResult nameSlides(int weights);
  LogicalResult placeSlides();
  LogicalResult placeChannels();
  bool isUsed(int dim, int first, int second) const;

  const ContractionDescriptor &d;
  SmallVector<Slide, 2> slides;
  WinogradStrategy s;
};

} // namespace

/// Exactly two, over one tensor; no other index has more than one dimension.
LogicalResult Recognizer::findSlides() {
  for (int operand : {kA, kB, kC})
    for (int dim = 0; dim < static_cast<int>(d.operands[operand].shape.size()); ++dim) {
      SmallVector<int> users;
      for (auto [index, iteration] : llvm::enumerate(d.dims))
        if (iteration.terms[operand].dim == dim)
          users.push_back(index);
      if (users.size() < 2)
        continue;
      bool areUnit = llvm::all_of(
          users, [&](int user) { return d.dims[user].terms[operand].coefficient == 1; });
      if (users.size() > 2 || !areUnit)
        return failure();
      slides.push_back({operand, dim, users[0], users[1]});
    }
  return success(slides.size() == 2 && slides[0].operand == slides[1].operand);
}

/// Tells taps from positions: taps are few and occur in the weights.
LogicalResult Recognizer::nameSlides(int weights) {
  for (Slide &slide : slides) {
    if (d.dims[slide.position].terms[weights].occurs())
      std::swap(slide.position, slide.tap);
    if (d.dims[slide.position].terms[weights].occurs() ||
        !d.dims[slide.tap].terms[weights].occurs())
      return failure();
  }
  s.taps = d.dims[slides[0].tap].extent;
  return success((s.taps == 3 || s.taps == 5) && d.dims[slides[1].tap].extent == s.taps);
}

LogicalResult Recognizer::placeSlides() {
  OperandIndex weights = s.weights.operand, result = s.result.operand;
  auto rowTap = d.dims[slides[0].tap].terms[weights];
  auto columnTap = d.dims[slides[1].tap].terms[weights];
  auto row = d.dims[slides[0].position].terms[result];
  auto column = d.dims[slides[1].position].terms[result];
  if (!row.occurs() || !column.occurs() || row.coefficient != 1 || column.coefficient != 1)
    return failure();
  s.image.rows = slides[0].dim;
  s.image.columns = slides[1].dim;
  s.result.rows = row.dim;
  s.result.columns = column.dim;
  s.weights.rows = rowTap.dim;
  s.weights.columns = columnTap.dim;
  s.weights.isFlipped = rowTap.coefficient == -1;
  int64_t first = s.weights.isFlipped ? s.taps - 1 : 0;
  auto isAt = [&](OperandIndex operand, int dim, int64_t base) {
    return d.operands[operand].base[dim] == base;
  };
  bool areTaps = rowTap.coefficient == columnTap.coefficient && std::abs(rowTap.coefficient) == 1 &&
                 isAt(weights, rowTap.dim, first) && isAt(weights, columnTap.dim, first);
  return success(areTaps && isAt(result, row.dim, 0) && isAt(result, column.dim, 0));
}

/// Whether a dimension occurs in two tensors, with unit coefficients, and not in
/// the third.
bool Recognizer::isUsed(int dim, int first, int second) const {
  const AddressTerm(&terms)[3] = d.dims[dim].terms;
  return terms[first].occurs() && terms[second].occurs() && !terms[3 - first - second].occurs() &&
         terms[first].coefficient == 1 && terms[second].coefficient == 1;
}

LogicalResult Recognizer::placeChannels() {
  OperandIndex image = s.image.operand, weights = s.weights.operand, result = s.result.operand;
  for (auto [index, dim] : llvm::enumerate(d.dims)) {
    int number = static_cast<int>(index);
    if (llvm::any_of(slides, [&](const Slide &slide) {
          return slide.position == number || slide.tap == number;
        }))
      continue;
    auto isNew = [](int known) { return known < 0; };
    if (isUsed(number, image, result) && isNew(s.image.images)) {
      s.images = dim.extent;
      s.image.images = dim.terms[image].dim;
      s.result.images = dim.terms[result].dim;
    } else if (isUsed(number, image, weights) && isNew(s.image.channels)) {
      s.inputs = dim.extent;
      s.image.channels = dim.terms[image].dim;
      s.weights.channels = dim.terms[weights].dim;
    } else if (isUsed(number, weights, result) && isNew(s.result.channels)) {
      s.outputs = dim.extent;
      s.result.channels = dim.terms[result].dim;
      s.weights.outputs = dim.terms[weights].dim;
    } else {
      return failure();
    }
  }
  auto isLast = [&](const WinogradTensor &tensor) {
    return tensor.channels + 1 == static_cast<int>(d.operands[tensor.operand].shape.size());
  };
  // Sums of weights are vectors along the outputs.
  bool isAlong = weights != kC || s.weights.channels < s.weights.outputs;
  return success(isLast(s.image) && isLast(s.result) && s.weights.channels >= 0 && isAlong);
}

FailureOr<WinogradStrategy> Recognizer::recognize() {
  bool isEmpty = llvm::any_of(d.dims, [](const ContractionDim &dim) { return dim.extent == 0; });
  if (!d.element.isF32() || isEmpty || failed(findSlides()))
    return failure();
  auto image = static_cast<OperandIndex>(slides[0].operand);
  for (OperandIndex weights : {kB, kC}) {
    if (weights == image)
      continue;
    s = {};
    s.image.operand = image;
    s.weights.operand = weights;
    s.result.operand = static_cast<OperandIndex>(3 - weights - s.image.operand);
    if (succeeded(nameSlides(weights)) && succeeded(placeSlides()) && succeeded(placeChannels()))
      return s;
  }
  return failure();
}

FailureOr<WinogradStrategy> recognizeWinograd(const ContractionDescriptor &descriptor) {
  return Recognizer(descriptor).recognize();
}

} // namespace dl
