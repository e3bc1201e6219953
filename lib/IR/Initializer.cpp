//===- Initializer.cpp - What a parameter's first value is ----------------===//

#include "dl/IR/Initializer.h"
#include "dl/IR/DLOps.h"
#include "dl/IR/Window.h"

#include "llvm/ADT/StringSwitch.h"

#include <cmath>

using namespace mlir;

namespace dl {

/// The numbers in `word(1, 2)`; nothing where the text has another form.
static std::optional<SmallVector<double>> parseArguments(StringRef text, StringRef word) {
  if (!text.consume_front(word) || !text.consume_front("(") || !text.consume_back(")"))
    return std::nullopt;
  SmallVector<StringRef> parts;
  text.split(parts, ',');
  SmallVector<double> numbers;
  for (StringRef part : parts) {
    double number;
    if (part.trim().getAsDouble(number) || !std::isfinite(number))
      return std::nullopt;
    numbers.push_back(number);
  }
  return numbers;
}

std::optional<Initializer> Initializer::parse(StringRef text, int64_t fanIn, int64_t fanOut) {
  double in = std::max<int64_t>(fanIn, 1), out = std::max<int64_t>(fanOut, 1);
  auto normal = [](double variance) { return Initializer{Kind::Normal, std::sqrt(variance), 0}; };
  auto uniform = [](double variance) {
    double limit = std::sqrt(3 * variance);
    return Initializer{Kind::Uniform, -limit, limit};
  };
  if (auto numbers = parseArguments(text, "constant"); numbers && numbers->size() == 1)
    return Initializer{Kind::Constant, (*numbers)[0], 0};
  if (auto numbers = parseArguments(text, "normal");
      numbers && numbers->size() == 1 && (*numbers)[0] >= 0)
    return Initializer{Kind::Normal, (*numbers)[0], 0};
  if (auto numbers = parseArguments(text, "uniform");
      numbers && numbers->size() == 2 && (*numbers)[0] <= (*numbers)[1])
    return Initializer{Kind::Uniform, (*numbers)[0], (*numbers)[1]};
  return llvm::StringSwitch<std::optional<Initializer>>(text)
      .Case("zeros", Initializer{Kind::Constant, 0, 0})
      .Case("ones", Initializer{Kind::Constant, 1, 0})
      .Case("glorot_normal", normal(2 / (in + out)))
      .Case("glorot_uniform", uniform(2 / (in + out)))
      .Case("he_normal", normal(2 / in))
      .Case("he_uniform", uniform(2 / in))
      .Case("lecun_normal", normal(1 / in))
      .Case("lecun_uniform", uniform(1 / in))
      .Default(std::nullopt);
}

Fans fansOf(ParameterOp parameter) {
  if (std::optional<ArrayRef<int64_t>> fans = parameter.getFans())
    return {(*fans)[0], (*fans)[1]};
  RankedTensorType type = parameter.getDeclaredType();
  ArrayRef<int64_t> shape = type.getShape();
  for (Operation *user : parameter->getUsers()) {
    if (auto linear = dyn_cast<LinearOp>(user); linear && linear.getWeight() == parameter)
      return linear.getTransposeWeight() ? Fans{shape[1], shape[0]} : Fans{shape[0], shape[1]};
    if (auto conv = dyn_cast<Conv2DOp>(user); conv && conv.getWeight() == parameter) {
      WeightLayout at = WeightLayout::get(conv.getLayout());
      int64_t taps = shape[at.height] * shape[at.width];
      return {taps * shape[at.input], taps * shape[at.output] / int64_t(conv.getGroups())};
    }
    if (auto matmul = dyn_cast<MatmulOp>(user); matmul && matmul.getRhs() == parameter) {
      size_t rank = shape.size();
      Fans fans{shape[rank - 2], shape[rank - 1]};
      return matmul.getTransposeB() ? Fans{fans.out, fans.in} : fans;
    }
  }
  if (shape.empty())
    return {1, 1};
  return {shape.front(), shape.back()};
}

} // namespace dl
