//===- ContractionCase.h - Generated contractions ---------------*- C++ -*-===//
//
// A case is one contraction with what is fused around it, as a handful of
// integers: it can be drawn at random, written as one line, read back, made
// smaller, and turned into the text of a kernel.
//
//===----------------------------------------------------------------------===//

#ifndef DL_TEST_UNIT_CODEGEN_CONTRACTIONCASE_H
#define DL_TEST_UNIT_CODEGEN_CONTRACTIONCASE_H

#include "KernelHarness.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dl::test {

enum class CaseOp : int64_t { Matmul, Conv, BackwardWeights, BackwardData };

/// What follows the contraction. Update: the result is an argument minus half of
/// it, in place.
enum class CaseEpilogue : int64_t {
  None,
  Bias,
  BiasRelu,
  Residual,
  Mask,
  Bools,
  Update,
  TwoResults,
  Tanh,
  RowScale,
  ScaleRelu,
  Count
};

struct ContractionCase {
  CaseOp op = CaseOp::Matmul;
  // Matmul. b0, b1: leading extents, 0 where there is none. broadcastA and
  // broadcastB: 1, the operand's leading extents are 1; 2, it has none.
  int64_t m = 1, n = 1, k = 1, ta = 0, tb = 0;
  int64_t b0 = 0, b1 = 0, broadcastA = 0, broadcastB = 0;
  // Convolution, in terms of its forward direction; channels of one group.
  int64_t images = 1, height = 1, width = 1, inputs = 1, outputs = 1, groups = 1;
  int64_t kernelHeight = 1, kernelWidth = 1, strideHeight = 1, strideWidth = 1;
  int64_t dilationHeight = 1, dilationWidth = 1;
  int64_t top = 0, left = 0, bottom = 0, right = 0;
  // What is fused. maskA, maskB: the operand is zero where an argument is not
  // positive. side: 1, the sum of B over all dimensions but the last beside the
  // contraction; 2, an argument minus half of it, in place.
  int64_t epilogue = 0, maskA = 0, maskB = 0, side = 0;

  /// Case `index` of a series; always the same one. `slides`: a convolution (or a
  /// gradient of one) of stride 1 with 3x3 or 5x5 taps.
  static ContractionCase draw(uint64_t seed, uint64_t index, bool slides = false);
  static std::optional<ContractionCase> parse(const std::string &line);
  std::string line() const;

  /// Whether the extents make a contraction (a kernel may be larger than its
  /// padded image).
  bool isValid() const;
  /// Products of one run.
  double products() const;
  /// Length of the sum of one element of the result, at most.
  double reduction() const;
  bool isExactOnIntegers() const { return epilogue != static_cast<int64_t>(CaseEpilogue::Tanh); }

  /// The kernel, on elements of this type. `magnitude`: the same with differences
  /// made sums and what flattens left out: on absolute values, a bound of what
  /// the terms of each result add up to.
  KernelText text(const std::string &element, bool magnitude = false) const;
  /// For each result, the argument it lies over, or -1.
  std::vector<int> inPlace() const;

  /// Smaller cases, the smallest first.
  std::vector<ContractionCase> smaller() const;

  std::vector<int64_t> shapeA() const, shapeB() const, shapeResult() const;

private:
  int64_t resultHeight() const;
  int64_t resultWidth() const;
  std::string anchor(const std::string &a, const std::string &b) const;
};

} // namespace dl::test

#endif // DL_TEST_UNIT_CODEGEN_CONTRACTIONCASE_H
