//===- Shape.cpp - Reference of the ops that move elements ----------------===//

#include "Evaluate.h"

using namespace mlir;

namespace dl {

static void copyInOrder(const Array &in, Array &out) {
  for (int64_t i = 0; i < out.size(); ++i)
    out.copy(i, in, i);
}

template <> void evaluate(ReshapeOp, Arrays in, MutableArrays out) { copyInOrder(in[0], out[0]); }

template <> void evaluate(FlattenOp, Arrays in, MutableArrays out) { copyInOrder(in[0], out[0]); }

template <> void evaluate(TransposeOp op, Arrays in, MutableArrays out) {
  int64_t i = 0;
  forEachIndex(out[0].shape(), [&](ArrayRef<int64_t> index) {
    Index source(index.size());
    for (size_t d = 0; d < index.size(); ++d)
      source[op.getPermutation()[d]] = index[d];
    out[0].copy(i++, in[0], in[0].at(source));
  });
}

template <> void evaluate(BroadcastOp, Arrays in, MutableArrays out) {
  int64_t i = 0;
  forEachIndex(out[0].shape(),
               [&](ArrayRef<int64_t> index) { out[0].copy(i++, in[0], in[0].atBroadcast(index)); });
}

template <> void evaluate(SliceOp op, Arrays in, MutableArrays out) {
  SmallVector<int64_t> first(in[0].rank());
  for (size_t i = 0; i < op.getStarts().size(); ++i) {
    int64_t axis = op.getAxes() ? (*op.getAxes())[i] : static_cast<int64_t>(i);
    axis = axis < 0 ? axis + in[0].rank() : axis;
    int64_t start = op.getStarts()[i], extent = in[0].shape()[axis];
    start = start < 0 ? start + extent : start;
    first[axis] = std::min(std::max<int64_t>(start, 0), extent);
  }
  int64_t i = 0;
  forEachIndex(out[0].shape(), [&](ArrayRef<int64_t> index) {
    Index source(index);
    for (size_t d = 0; d < source.size(); ++d)
      source[d] += first[d];
    out[0].copy(i++, in[0], in[0].at(source));
  });
}

template <> void evaluate(ConcatOp op, Arrays in, MutableArrays out) {
  auto axis = static_cast<int64_t>(op.getAxis());
  axis = axis < 0 ? axis + out[0].rank() : axis;
  int64_t behind = 0;
  for (const Array &part : in) {
    int64_t i = 0;
    forEachIndex(part.shape(), [&](ArrayRef<int64_t> index) {
      Index target(index);
      target[axis] += behind;
      out[0].copy(out[0].at(target), part, i++);
    });
    behind += part.shape()[axis];
  }
}

template <> void evaluate(OneHotOp op, Arrays in, MutableArrays out) {
  int64_t depth = static_cast<int64_t>(op.getDepth());
  for (int64_t i = 0; i < in[0].size(); ++i)
    if (int64_t k = in[0].integer(i); k >= 0 && k < depth)
      out[0].setReal(i * depth + k, 1);
}

} // namespace dl
