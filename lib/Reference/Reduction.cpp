//===- Reduction.cpp - Reference of reductions and normalisations ---------===//

#include "Evaluate.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace dl {

/// Calls `visit(result position, operand position)` for each element of the
/// operand. Reduced axes are taken with extent 1, so that both `keepdims` agree.
template <typename Op>
static void forEachReduced(Op op, const Array &in,
                           llvm::function_ref<void(int64_t, int64_t)> visit) {
  SmallVector<bool> isReduced(in.rank(), !op.getAxes());
  for (int64_t axis : op.getAxes().value_or(ArrayRef<int64_t>()))
    isReduced[axis < 0 ? axis + in.rank() : axis] = true;
  int64_t position = 0;
  forEachIndex(in.shape(), [&](ArrayRef<int64_t> index) {
    int64_t result = 0;
    for (int64_t d = 0; d < in.rank(); ++d)
      if (!isReduced[d])
        result = result * in.shape()[d] + index[d];
    visit(result, position++);
  });
}

/// Folds the elements of each result from `start`, in double.
template <typename Op>
static std::vector<double> reduce(Op op, const Array &in, const Array &out, double start,
                                  double (*f)(double, double)) {
  std::vector<double> results(out.size(), start);
  forEachReduced(op, in, [&](int64_t result, int64_t position) {
    results[result] = f(results[result], in.real(position));
  });
  return results;
}

static double add(double x, double y) { return x + y; }

static void store(const std::vector<double> &values, Array &out) {
  for (int64_t i = 0; i < out.size(); ++i)
    out.setReal(i, values[i]);
}

template <> void evaluate(SumOp op, Arrays in, MutableArrays out) {
  store(reduce(op, in[0], out[0], 0, add), out[0]);
}

template <> void evaluate(MeanOp op, Arrays in, MutableArrays out) {
  std::vector<double> sums = reduce(op, in[0], out[0], 0, add);
  std::vector<double> counts =
      reduce(op, in[0], out[0], 0, [](double count, double) { return count + 1; });
  for (int64_t i = 0; i < out[0].size(); ++i)
    out[0].setReal(i, sums[i] / counts[i]);
}

template <> void evaluate(MaxOp op, Arrays in, MutableArrays out) {
  auto larger = [](double x, double y) { return std::isnan(y) || y > x ? y : x; };
  store(reduce(op, in[0], out[0], -std::numeric_limits<double>::infinity(), larger), out[0]);
}

template <> void evaluate(MinOp op, Arrays in, MutableArrays out) {
  auto smaller = [](double x, double y) { return std::isnan(y) || y < x ? y : x; };
  store(reduce(op, in[0], out[0], std::numeric_limits<double>::infinity(), smaller), out[0]);
}

/// Calls `visit` with the positions of the elements of each vector along an axis.
static void forEachVector(const Array &array, int64_t axis,
                          llvm::function_ref<void(ArrayRef<int64_t>)> visit) {
  axis = axis < 0 ? axis + array.rank() : axis;
  Index others(array.shape());
  int64_t extent = others[axis];
  others[axis] = 1;
  forEachIndex(others, [&](ArrayRef<int64_t> start) {
    Index index(start), positions;
    for (index[axis] = 0; index[axis] < extent; ++index[axis])
      positions.push_back(array.at(index));
    visit(positions);
  });
}

template <> void evaluate(ArgmaxOp op, Arrays in, MutableArrays out) {
  int64_t result = 0;
  forEachVector(in[0], op.getAxis(), [&](ArrayRef<int64_t> positions) {
    size_t best = 0;
    for (size_t i = 1; i < positions.size(); ++i)
      if (in[0].real(positions[i]) > in[0].real(positions[best]))
        best = i;
    out[0].setInteger(result++, static_cast<int64_t>(best));
  });
}

/// max(x) and log(sum(exp(x - max(x)))) of a vector.
static std::pair<double, double> logSumExp(const Array &in, ArrayRef<int64_t> positions) {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0;
  for (int64_t p : positions)
    largest = std::max(largest, in.real(p));
  for (int64_t p : positions)
    sum += std::exp(in.real(p) - largest);
  return {largest, std::log(sum)};
}

template <> void evaluate(LogSumExpOp op, Arrays in, MutableArrays out) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  auto larger = [](double x, double y) { return std::isnan(y) || y > x ? y : x; };
  std::vector<double> largest = reduce(op, in[0], out[0], -infinity, larger);
  std::vector<double> sums(out[0].size());
  forEachReduced(op, in[0], [&](int64_t result, int64_t position) {
    sums[result] += std::exp(in[0].real(position) - largest[result]);
  });
  for (int64_t i = 0; i < out[0].size(); ++i)
    out[0].setReal(i, std::isinf(largest[i]) ? largest[i] : largest[i] + std::log(sums[i]));
}

template <> void evaluate(SoftmaxOp op, Arrays in, MutableArrays out) {
  forEachVector(in[0], op.getAxis(), [&](ArrayRef<int64_t> positions) {
    auto [largest, logSum] = logSumExp(in[0], positions);
    for (int64_t p : positions)
      out[0].setReal(p, std::exp(in[0].real(p) - largest - logSum));
  });
}

template <> void evaluate(LogSoftmaxOp op, Arrays in, MutableArrays out) {
  forEachVector(in[0], op.getAxis(), [&](ArrayRef<int64_t> positions) {
    auto [largest, logSum] = logSumExp(in[0], positions);
    for (int64_t p : positions)
      out[0].setReal(p, in[0].real(p) - largest - logSum);
  });
}

} // namespace dl
