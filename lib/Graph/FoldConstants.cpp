//===- FoldConstants.cpp - Elementwise ops of small tables ----------------===//
//
// The folders of IR/Folds.cpp compute with constants of one value. Here, tables
// of a few elements: what an elementwise op of them gives is known at compile
// time. Only arithmetic that IEEE 754 rounds correctly is done, so that the bits
// are those that the compiled code would give.
//
//===----------------------------------------------------------------------===//

#include "dl/Graph/Patterns.h"
#include "dl/IR/DLOps.h"
#include "dl/IR/Inference.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace dl {

/// A larger table is better computed than carried in the program.
constexpr int64_t kMostElements = 4096;

/// The element of a constant that NumPy's rule broadcasts to the flat index of a
/// result of the given shape.
static int64_t broadcastIndex(int64_t flat, ArrayRef<int64_t> result, ArrayRef<int64_t> operand) {
  int64_t index = 0, stride = 1;
  for (size_t i = 0; i < result.size(); ++i) {
    size_t dim = result.size() - 1 - i;
    int64_t at = flat % result[dim];
    flat /= result[dim];
    if (i >= operand.size())
      continue;
    int64_t extent = operand[operand.size() - 1 - i];
    index += extent == 1 ? 0 : at * stride;
    stride *= extent;
  }
  return index;
}

/// The op on elements; nothing where its result is not rounded correctly.
static std::optional<APFloat> apply(Operation *op, ArrayRef<APFloat> x) {
  return llvm::TypeSwitch<Operation *, std::optional<APFloat>>(op)
      .Case([&](AddOp) { return x[0] + x[1]; })
      .Case([&](SubOp) { return x[0] - x[1]; })
      .Case([&](MulOp) { return x[0] * x[1]; })
      .Case([&](DivOp) { return x[0] / x[1]; })
      .Case([&](NegOp) { return -x[0]; })
      .Case([&](AbsOp) { return llvm::abs(x[0]); })
      .Default(std::nullopt);
}

namespace {
struct FoldElementwise : ElementwisePattern {
  using ElementwisePattern::ElementwisePattern;

  LogicalResult rewriteElementwise(Operation *op, PatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    if (!isa<FloatType>(type.getElementType()) || type.getNumElements() > kMostElements)
      return rewriter.notifyMatchFailure(op, "its result is no small table of floats");
    SmallVector<DenseFPElementsAttr> operands;
    for (Value operand : op->getOperands()) {
      auto constant = operand.getDefiningOp<ConstantOp>();
      operands.push_back(constant ? dyn_cast<DenseFPElementsAttr>(constant.getValue()) : nullptr);
      if (!operands.back())
        return rewriter.notifyMatchFailure(op, "an operand is no constant");
    }
    SmallVector<APFloat> elements;
    for (int64_t flat = 0; flat < type.getNumElements(); ++flat) {
      SmallVector<APFloat, 2> x;
      for (DenseFPElementsAttr operand : operands)
        x.push_back(operand.getValues<APFloat>()[broadcastIndex(
            flat, type.getShape(), cast<RankedTensorType>(operand.getType()).getShape())]);
      std::optional<APFloat> element = apply(op, x);
      if (!element)
        return rewriter.notifyMatchFailure(op, "is not rounded correctly");
      elements.push_back(*element);
    }
    rewriter.replaceOpWithNewOp<ConstantOp>(op, DenseElementsAttr::get(type, elements));
    return success();
  }
};
} // namespace

void populateFoldConstantsPatterns(RewritePatternSet &patterns) {
  patterns.add<FoldElementwise>(patterns.getContext());
}

} // namespace dl
