//===- Initializer.h - What a parameter's first value is --------*- C++ -*-===//

#ifndef DL_IR_INITIALIZER_H
#define DL_IR_INITIALIZER_H

#include "llvm/ADT/StringRef.h"

#include <optional>

namespace dl {

class ParameterOp;

/// The distribution of a parameter's first values. Those that scale with the
/// layer's fans are resolved here: only these three forms remain.
struct Initializer {
  enum class Kind { Constant, Uniform, Normal };
  Kind kind = Kind::Constant;
  /// Constant: the value (first). Uniform: [first, second). Normal: standard
  /// deviation `first`, mean 0.
  double first = 0, second = 0;

  /// Parses `he_normal`, `uniform(-0.1, 0.1)`, … for a layer with the given
  /// fans. Sources: Glorot and Bengio 2010; He et al., arXiv:1502.01852; LeCun
  /// et al. 1998 (variance 1 / fan-in). Nothing where the text is not one.
  static std::optional<Initializer> parse(llvm::StringRef text, int64_t fanIn, int64_t fanOut);
};

/// How many inputs feed an output of the layer that uses the parameter, and how
/// many outputs an input feeds.
struct Fans {
  int64_t in, out;
};
/// From `fans` where given, else from the layer that uses the parameter (linear,
/// matmul, conv2d), else from the declared shape: dimension 0 and the last.
Fans fansOf(ParameterOp parameter);

} // namespace dl

#endif // DL_IR_INITIALIZER_H
