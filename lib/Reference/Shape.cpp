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

template <> void evaluate(OneHotOp op, Arrays in, MutableArrays out) {
  int64_t depth = static_cast<int64_t>(op.getDepth());
  for (int64_t i = 0; i < in[0].size(); ++i)
    if (int64_t k = in[0].integer(i); k >= 0 && k < depth)
      out[0].setReal(i * depth + k, 1);
}

} // namespace dl
